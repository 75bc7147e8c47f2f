#!/usr/bin/env python3
"""Writes blt-tiny/, blt-patcher-tiny/ and blt-goldens.json: what transformers makes of small BLTs.

usage: make_blt_goldens.py        (needs torch and transformers; run it in any folder)

The folders are checkpoints that transformers wrote. The goldens are of models whose weights are a
hash of name and place, so that no weights need to be kept for them: BLTTests.swift computes the
same. For every case: its configuration, patch lengths, entropies, and of the logits the columns
0, 37, 74 ... of every position, with the sum of their squares over all columns.
"""
import json
import pathlib

import numpy as np
import torch
from transformers import BltConfig, BltForCausalLM
from transformers.models.blt.configuration_blt import BltPatcherConfig
from transformers.models.blt.modeling_blt import BltPatcher

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = range(0, 260, 37)
TEXT = "She said: «Città», 42 times. she said: città!"
IDS = [1] + [4 + byte for byte in TEXT.encode()]
M64 = (1 << 64) - 1


def weights(name, shape):
    """Evenly spread: gains in 0.9 ... 1.1, rows of matrices of variance 1."""
    state = 0xCBF29CE484222325  # FNV-1a of the name
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 & M64
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, 1 + int(np.prod(shape)), dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)  # SplitMix64's finalizer
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) / 2**24
    if len(shape) == 1:
        return (1 + 0.2 * (u - 0.5)).astype(np.float32)
    gain = 4 if name.endswith("patcher.lm_head.weight") else 1
    return (gain * (2 * u - 1) * np.sqrt(3 / shape[1])).astype(np.float32).reshape(shape)


def fill(model):
    for name, parameter in model.named_parameters():
        parameter.data = torch.from_numpy(weights(name, tuple(parameter.shape)))
    return model.float().eval()


def configuration(change):
    def stack(width, layers, heads, inner, **more):
        return dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                    intermediate_size=inner, max_position_embeddings=96, **more)

    width, k = change.get("global", 24), change.get("k", 2)
    more = dict(cross_attn_k=k, hidden_size_global=width)
    config = dict(
        patcher_config=stack(12, 2, 2, 20, sliding_window=512),
        encoder_config=stack(12, 1, 3, 28, cross_attn_all_layers=False, **more),
        decoder_config=stack(12, 2, 3, 28, cross_attn_all_layers=True, **more),
        global_config=stack(width, 2, 4, 36),
        patching_threshold=2.5, cross_attn_k=k, encoder_hash_byte_group_size=[3, 4],
        encoder_hash_byte_group_vocab=53, max_position_embeddings=96, use_cache=False,
    )
    for key, value in change.items():
        *path, last = key.split(".")
        if last not in ("global", "k", "lengths"):
            place = config
            for step in path:
                place = place[step]
            place[last] = value
    return config


CASES = {
    "base": {},
    "a patch a byte": {"patching_mode": "byte"},
    "given patches": {"lengths": [1, 3, 4, 7, 12, len(IDS) - 27]},
    "windows": {"local_attention_window_len": 5, "patcher_config.sliding_window": 7},
    "no windows": {"local_attention_window_len": None, "patcher_config.sliding_window": None},
    "projection": {"k": 4, "global": 32},
    "encoder of two layers, both crossing": {
        "encoder_config.num_hidden_layers": 2, "encoder_config.cross_attn_all_layers": True},
    "decoder crossing once": {"decoder_config.cross_attn_all_layers": False},
    "grouped keys": {"decoder_config.num_key_value_heads": 1, "global_config.num_key_value_heads": 2,
                     "encoder_config.num_key_value_heads": 1},
    "longest patch": {"max_patch_length": 3},
    "two hash functions": {
        "encoder_hash_byte_group_nb_functions": 2, "encoder_hash_byte_group_size": [2, 3, 5, 8]},
}


def case(name, change):
    config = configuration(change)
    model = fill(BltForCausalLM(BltConfig(**config)))
    batch = torch.tensor([IDS])
    given = change.get("lengths")
    lengths = torch.tensor([given]) if given else None
    with torch.no_grad():
        out = model(batch, patch_lengths=lengths).logits[0].double()
        entropies, _, _ = model.model.patcher(batch)
        isByte = config.get("patching_mode", "entropy") != "entropy"
        patches = [1] * len(IDS) if isByte else given or model.model.patcher(
            batch, patch_size=4, threshold=config["patching_threshold"],
            max_patch_length=config.get("max_patch_length"))[1][0].int().tolist()
    loss = torch.nn.functional.cross_entropy(out[:-1], batch[0, 1:])
    found = {
        "name": name,
        "config": {"model_type": "blt", "vocab_size": 260, **config},
        "lengths": patches,
        "entropies": entropies[0].tolist(),
        "logits": [row[list(COLUMNS)].tolist() for row in out],
        "squares": (out**2).sum(1).tolist(),
        "loss": loss.item(),
    }
    if name == "base":
        found["gradients"], found["training"] = gradients(model, batch), training(model, batch)
    return found


def mean_loss(model, batch):
    logits = model(batch).logits[0]
    return torch.nn.functional.cross_entropy(logits[:-1], batch[0, 1:])


def gradients(model, batch):
    mean_loss(model, batch).backward()
    found = {name: p.grad.double().norm().item()
             for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def training(model, batch):
    """Weight decay on all that is trained; the patcher is not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    steps = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = mean_loss(model, batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        steps.append([loss.item(), norm.item()])
        optimizer.step()
    return steps


def save(folder, model):
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "generation_config.json").unlink(missing_ok=True)
    expected = {"ids": IDS}
    with torch.no_grad():
        if isinstance(model, BltPatcher):
            expected["entropies"] = model(torch.tensor([IDS]))[0][0].tolist()
        else:
            out = model(torch.tensor([IDS])).logits[0]
            expected["logits"] = [row[list(COLUMNS)].tolist() for row in out]
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


goldens = {"ids": IDS, "cases": [case(*pair) for pair in CASES.items()]}
text = json.dumps(goldens, separators=(",", ":")).replace('],"', '],\n"').replace('],[', '],\n[')
(HERE / "blt-goldens.json").write_text(text + "\n")
small = configuration({"encoder_hash_byte_group_vocab": 31})
save(HERE / "blt-tiny", fill(BltForCausalLM(BltConfig(**small))))
save(HERE / "blt-patcher-tiny", fill(BltPatcher(BltPatcherConfig(**small["patcher_config"]))))
