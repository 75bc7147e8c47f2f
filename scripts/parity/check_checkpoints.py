#!/usr/bin/env python3
"""Checks that specola and transformers read each other's checkpoints alike.

usage: check_checkpoints.py SPECOLA_BINARY [CHECKPOINT_DIR ...] [--prompt TEXT]   (needs torch, transformers)

Each CHECKPOINT_DIR, written by `specola train` or `export`, is loaded with AutoModelForCausalLM and
AutoTokenizer: same ids, and logits within 1e-4; so is its export as bf16, whose number format
transformers must find in it. Then the other way: GPT-2 models with random weights, saved by
transformers in several sizes, spellings and number formats, give the same logits (1e-4) and the
same greedy tokens here.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

logging.disable_progress_bar()
TOLERANCE = 1e-4
SIZES = {  # vocabulary, context, width, layers, heads, inner width
    "one head": (61, 32, 24, 1, 1, None),
    "odd": (101, 17, 36, 2, 3, 50),
    "wide": (257, 64, 192, 3, 6, None),
}
failures = 0


def report(name, problem, detail=""):
    global failures
    failures += problem is not None
    print(f"{'FAILS' if problem else 'ok   '} {name}: {problem or detail}", flush=True)


def run(binary, *arguments):
    done = subprocess.run([binary, *arguments, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"specola {' '.join(arguments)} gave {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def comma(ids):
    return ",".join(map(str, ids))


def compare_logits(name, model, ours, ids):
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0]
    found = torch.tensor(ours["logits"])
    if ours["ids"] != ids:
        report(name, f"ids {ours['ids']} for {ids}")
    elif found.shape != expected.shape:
        report(name, f"logits of shape {list(found.shape)}, not {list(expected.shape)}")
    else:
        worst = (found - expected).abs().max().item()
        size = f"of logits up to {expected.abs().max():.2f}"
        detail = f"{len(ids)} positions, largest difference {worst:.2e} {size}"
        report(name, None if worst <= TOLERANCE else detail, detail)


def compare_checkpoint(binary, folder, prompt):
    if not (folder / "config.json").exists():
        raise ValueError("no config.json there; give a checkpoint's folder")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    if (folder / "tokenizer.json").exists():
        ids = AutoTokenizer.from_pretrained(folder)(prompt)["input_ids"]
        ids = ids[: model.config.n_positions]
        found = run(binary, "tokenize", str(folder), prompt)["ids"][: len(ids)]
        report(f"{folder} ids", None if found == ids else f"ids {found}, transformers {ids}", ids[:12])
        ours = run(binary, "logits", str(folder), "--prompt", prompt)
    else:
        ids = [i * 7 % model.config.vocab_size for i in range(min(9, model.config.n_positions))]
        ours = run(binary, "logits", str(folder), "--ids", comma(ids))
    compare_logits(f"{folder} logits", model, ours, ids)


def compare_export(binary, folder, prompt):
    with tempfile.TemporaryDirectory() as scratch:
        half = pathlib.Path(scratch, "bf16")
        command = [binary, "export", str(folder), "--out", str(half), "--precision", "bf16"]
        subprocess.run(command, check=True, capture_output=True)
        found = AutoModelForCausalLM.from_pretrained(half, dtype="auto").dtype
        report(f"{folder} as bf16", None if found is torch.bfloat16 else f"is {found}", found)
        compare_checkpoint(binary, half, prompt)


def random_model(sizes):
    vocabulary, context, width, layers, heads, inner = sizes
    torch.manual_seed(vocabulary)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        n_inner=inner,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = GPT2LMHeadModel(config)
    for name, parameter in model.named_parameters():  # no bias at 0, no gain at 1, lively positions
        parameter.data += (1 if "wpe" in name else 0.1) * torch.randn(parameter.shape)
    return model.eval()


def respell(folder, change):
    """Rewrites the tensors of a saved model, as an older release would have spelt them."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def without_prefix(tensors):
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}


def with_buffers(tensors):
    tensors = dict(tensors)
    context = tensors["transformer.wpe.weight"].shape[0]
    for name in [name for name in tensors if name.endswith("attn.c_attn.weight")]:
        block = name.removesuffix("c_attn.weight")
        tensors[block + "bias"] = torch.ones(1, 1, context, context).tril()
        tensors[block + "masked_bias"] = torch.tensor(-1e4)
    return tensors


def with_head(tensors):
    return {**tensors, "lm_head.weight": tensors["transformer.wte.weight"].clone()}


def kinds(model, folder):
    """Saves the model in each way of spelling it; the second value tells one from the next."""
    model.save_pretrained(folder)
    yield "float32"
    respell(folder, without_prefix)
    yield "float32 without the prefix"
    model.save_pretrained(folder)
    respell(folder, with_buffers)
    yield "float32 with mask buffers"
    respell(folder, without_prefix)
    yield "float32 with mask buffers and without the prefix"
    model.save_pretrained(folder)
    respell(folder, with_head)
    yield "float32 with the head written out"
    for path in folder.iterdir():
        path.unlink()
    size = sum(p.numel() for p in model.parameters()) * 4
    model.save_pretrained(folder, max_shard_size=size // 2)
    assert (folder / "model.safetensors.index.json").exists()
    yield f"float32 in {len(list(folder.glob('*.safetensors')))} shards"
    for path in folder.iterdir():
        path.unlink()
    for dtype in (torch.float16, torch.bfloat16):
        model.to(dtype).save_pretrained(folder)
        yield str(dtype).removeprefix("torch.")


def compare_random(binary, name, sizes, folder):
    for kind in kinds(random_model(sizes), folder):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        vocabulary, context = sizes[:2]
        title = f"random GPT-2, {name}, {kind}"
        ids = [(i * i + 3) % vocabulary for i in range(context)]
        compare_logits(f"{title}: logits", model, run(binary, "logits", str(folder), "--ids", comma(ids)), ids)

        prompt, count = ids[:4], min(20, context - 4)
        asked = ("--temperature", "0", "--max-tokens", str(count), "--ids", comma(prompt))
        found = run(binary, "generate", str(folder), *asked)["ids"]
        expected = model.generate(
            torch.tensor([prompt]), max_new_tokens=count, do_sample=False, pad_token_id=0
        )[0, len(prompt) :].tolist()
        report(f"{title}: greedy", None if found == expected else f"{found}, not {expected}", found[:8])


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("   (")[0])
    parser.add_argument("binary")
    parser.add_argument("checkpoints", nargs="*", type=pathlib.Path)
    parser.add_argument("--prompt", default="the old king and the little boy")
    options = parser.parse_args()
    checks = []
    for folder in options.checkpoints:
        for compare in (compare_checkpoint, compare_export):
            checks.append(
                (str(folder), lambda c=compare, f=folder: c(options.binary, f, options.prompt))
            )
    with tempfile.TemporaryDirectory() as scratch:
        for name, sizes in SIZES.items():
            folder = pathlib.Path(scratch, name.replace(" ", "-"))
            folder.mkdir()
            checks.append(
                (name, lambda n=name, s=sizes, f=folder: compare_random(options.binary, n, s, f))
            )
        for name, check in checks:
            try:
                check()
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                report(name, str(error).splitlines()[0])
    print(f"{failures} of the checks fail" if failures else "all alike")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
