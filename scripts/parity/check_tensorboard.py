#!/usr/bin/env python3
"""Reads a run folder with TensorBoard's own readers and compares it with log.jsonl.

usage: check_tensorboard.py RUN_DIR        (needs tensorboard)

Lists every tag of the scalars, histograms and texts, as the old reader (EventAccumulator) and the
one behind TensorBoard's pages (plugin_event_accumulator) see them; fails if a kind is missing, if
the two disagree, or if a number differs from the log's.
"""
import json
import math
import pathlib
import sys

sys.path.pop(0)  # this folder, where this file would hide the package of the same name

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator

TAGS = {
    "loss/train": "loss",
    "loss/validation": "validation_loss",
    "bits_per_byte/validation": "bits_per_byte",
    "optimizer/learning_rate": "learning_rate",
    "optimizer/gradient_norm": "gradient_norm",
}


def load(kind, folder):
    reader = kind.EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0, "histograms": 0})
    reader.Reload()
    return reader


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    old, new = (load(kind, str(folder)) for kind in (event_accumulator, plugin_event_accumulator))
    problems = []

    texts = [tag for tag in old.Tags()["tensors"] if new.SummaryMetadata(tag).plugin_data.plugin_name == "text"]
    found = {"scalars": old.Tags()["scalars"], "histograms": old.Tags()["histograms"], "text": texts}
    for plugin, tags in found.items():
        print(f"{plugin}: {len(tags)} tags")
        for tag in sorted(tags):
            events = {"scalars": old.Scalars, "histograms": old.Histograms, "text": old.Tensors}[plugin](tag)
            last = events[-1]
            if plugin == "scalars":
                shown = f"{last.value:.6g}"
            elif plugin == "text":
                shown = repr(last.tensor_proto.string_val[0].decode()[:60])
            else:
                histogram = last.histogram_value
                shown = f"{histogram.num:.0f} values in [{histogram.min:.4g}, {histogram.max:.4g}]"
            print(f"  {tag}: {len(events)} events, last at step {last.step}: {shown}")
        seen = set(new.PluginTagToContent(plugin)) if tags else set()
        if not tags or seen != set(tags):
            problems.append(f"{plugin}: the readers list {sorted(tags)} and {sorted(seen)}")

    log = folder / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    compared = 0
    for tag, key in TAGS.items():
        logged = {row["step"]: row[key] for row in rows if row.get(key) is not None}
        told = {event.step: event.value for event in old.Scalars(tag)} if tag in found["scalars"] else {}
        for step, value in logged.items():
            compared += 1
            if not math.isclose(told.get(step, math.nan), value, rel_tol=1e-6, abs_tol=1e-30):
                problems.append(f"{tag} at step {step}: log {value}, events {told.get(step)}")
    print(f"{compared} numbers compared with {log.name}")
    for problem in problems[:20]:
        print(f"DIFFERS {problem}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
