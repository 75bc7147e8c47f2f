#!/usr/bin/env python3
"""Checks that specola and transformers read each other's BLTs and entropy models alike.

usage: check_blt.py SPECOLA_BINARY [DIR ...]   (needs torch, transformers)

Each DIR, a checkpoint of either program, is read by both: logits within 1e-4, entropies within 5e-5
(transformers takes the rotary angles in float32, we in double), the same patches. Then it is written by `specola export`, read by transformers, and must be the same
to the bit. Random models that transformers saves, of several shapes, go the same ways.
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import check_checkpoints as common
import torch
from transformers import BltConfig, BltForCausalLM
from transformers.models.blt.configuration_blt import BltPatcherConfig
from transformers.models.blt.modeling_blt import BltPatcher

TEXT = "Anna found a key; «perché no?» said the crow, 42 times. She said no, she said no.\n"


def stack(width, layers, heads, inner, **more):
    return dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                intermediate_size=inner, max_position_embeddings=1024, **more)


def base():
    ends = dict(cross_attn_k=2, hidden_size_global=24)
    return dict(
        patcher_config=stack(12, 2, 2, 20, sliding_window=512),
        encoder_config=stack(16, 1, 2, 28, cross_attn_all_layers=False, **ends),
        decoder_config=stack(16, 2, 2, 28, cross_attn_all_layers=True, **ends),
        global_config=stack(24, 2, 4, 36), patching_threshold=5.0, cross_attn_k=2,
        encoder_hash_byte_group_size=[3, 4, 6], encoder_hash_byte_group_vocab=101,
        max_position_embeddings=1024, use_cache=False,
    )


CASES = {  # what differs from the base, the last key of a path being set; the bytes that are read
    "small": ({}, 90),
    "two bytes": ({}, 2),
    "longer than the window": ({}, 700),
    "small windows": ({"local_attention_window_len": 9, "patcher_config.sliding_window": 7}, 90),
    "no windows": ({"local_attention_window_len": None, "patcher_config.sliding_window": None}, 600),
    "a patch a byte": ({"patching_mode": "byte"}, 60),
    "longest patch": ({"max_patch_length": 3}, 90),
    "grouped keys": ({"decoder_config.num_key_value_heads": 1, "global_config.num_key_value_heads": 2,
                      "patcher_config.num_key_value_heads": 1}, 90),
    "two hash functions": ({"encoder_hash_byte_group_nb_functions": 2}, 90),
    "no patcher": ({"patch_in_forward": False}, 40),
}


def ids_of(count):
    data = (TEXT * (count // len(TEXT) + 1)).encode()[: count - 1]
    return [1] + [4 + byte for byte in data]


def load(folder):
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    family = BltPatcher if kind == "blt_patcher" else BltForCausalLM
    return family.from_pretrained(folder, dtype=torch.float32).eval()


def logits_of(model, ids):
    with torch.no_grad():
        batch = torch.tensor([ids])
        return model(batch)[2][0] if isinstance(model, BltPatcher) else model(batch).logits[0]


def patcher_of(model):
    if isinstance(model, BltPatcher):
        return model
    return model.model.patcher if model.config.patch_in_forward else None


def compare(binary, name, folder, ids):
    model = load(folder)
    expected = logits_of(model, ids)
    ours = common.run(binary, "logits", str(folder), "--ids", common.comma(ids), "--compat", "hf")
    worst = (torch.tensor(ours["logits"]) - expected).abs().max().item()
    detail = f"{len(ids)} positions, largest difference {worst:.2e}, logits up to {expected.abs().max():.2f}"
    common.report(f"{name}: logits", None if worst <= common.TOLERANCE else detail, detail)
    compare_entropies(binary, name, folder, ids, patcher_of(model))
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch, "again")
        command = [binary, "export", str(folder), "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        again = logits_of(load(out), ids)
    same = torch.equal(again, expected)
    common.report(f"{name}: exported, and back", None if same else "other logits", "the same bits")


def compare_entropies(binary, name, folder, ids, patcher):
    if patcher is None or min(ids[1:]) < 4:
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(id - 4 for id in ids[1:]))
        file.flush()
        ours = common.run(binary, "entropy", str(folder), file.name)
    with torch.no_grad():
        entropies, lengths, _ = patcher(
            torch.tensor([ids]), patch_size=4, threshold=ours["threshold"])
    worst = (torch.tensor(ours["entropies"]) - entropies[0]).abs().max().item()
    wanted = [int(n) for n in lengths[0] if n > 0]
    same = ours["patch_lengths"] == wanted
    detail = f"largest difference {worst:.2e}, {len(wanted)} patches"
    good = worst <= 5e-5 and same and ours["ids"] == ids
    common.report(f"{name}: entropies", None if good else f"{detail}, patches alike: {same}", detail)


def random_model(changes, seed):
    config = base()
    for path, value in changes.items():
        *places, key = path.split(".")
        target = config
        for place in places:
            target = target[place]
        target[key] = value
    torch.manual_seed(seed)
    blt = BltForCausalLM(BltConfig(**copy.deepcopy(config)))
    patcher = BltPatcher(BltPatcherConfig(**config["patcher_config"]))
    for model in (blt, patcher):
        for name, parameter in model.named_parameters():  # lively gains, and entropies that differ
            parameter.data += 0.1 * torch.randn(parameter.shape)
            if name.endswith("patcher.lm_head.weight") or model is patcher and name == "lm_head.weight":
                parameter.data *= 3
    if changes.get("patch_in_forward", True):  # patches of three bytes or so, no entropy near the edge
        with torch.no_grad():
            entropies = blt.eval().model.patcher(torch.tensor([ids_of(700)]))[0][0].sort().values
        edge = int(len(entropies) * 0.65)
        edge += int((entropies[edge + 1 : edge + 9] - entropies[edge : edge + 8]).argmax())
        blt.config.patching_threshold = float(entropies[edge : edge + 2].double().mean())
    return blt.eval(), patcher.eval()


def main():
    binary, *folders = sys.argv[1:] or sys.exit(__doc__.split("\n\n")[1])
    for folder in folders:
        count = json.loads(pathlib.Path(folder, "config.json").read_text())["max_position_embeddings"]
        for length in (2, min(count, 100), min(count, 600)):
            compare(binary, f"{folder}, {length}", pathlib.Path(folder), ids_of(length))
    for seed, (name, (changes, length)) in enumerate(CASES.items()):
        for kind, model in zip(("BLT", "entropy model"), random_model(changes, seed)):
            if kind == "BLT" or name in ("small", "longer than the window", "small windows"):
                with tempfile.TemporaryDirectory() as scratch:
                    model.save_pretrained(scratch)
                    compare(binary, f"random {kind}, {name}", pathlib.Path(scratch), ids_of(length))
    print(f"{common.failures} of the checks fail" if common.failures else "all alike")
    sys.exit(1 if common.failures else 0)


if __name__ == "__main__":
    main()
