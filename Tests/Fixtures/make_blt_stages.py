#!/usr/bin/env python3
"""Writes blt-stages.json: what transformers computes inside the BLT of blt-tiny/, stage by stage.

usage: make_blt_stages.py        (needs torch and transformers; run it in any folder)

Of the text of blt-tiny/expected.json: patch lengths, the lengths of the vectors behind encoder, pooling
and latent transformer, and the weights of cross-attention, those that a mask hides left out: in the
encoder of every patch [slot][head][byte], in the decoder of every byte [layer][head][slot].
"""
import json
import pathlib

import torch
from transformers import BltForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
ids = json.loads((HERE / "blt-tiny/expected.json").read_text())["ids"]
model = BltForCausalLM.from_pretrained(HERE / "blt-tiny", attn_implementation="eager").eval()
seen = {}


def keep(name, pick=lambda output: output):
    def hook(module, inputs, output):
        seen[name] = pick(output)[0].double()
    return hook


parts, config = model.model, model.config
parts.local_encoder.register_forward_hook(keep("encoder", lambda output: output[0]))
parts.local_encoder.cross_attn_layers[0].register_forward_hook(keep("pooling", lambda o: o[1]))
parts.global_transformer.register_forward_hook(
    keep("latent", lambda o: o if torch.is_tensor(o) else o[0]))
for layer, cross in enumerate(parts.local_decoder.cross_attn_layers):
    cross.register_forward_hook(keep(f"decoder.{layer}", lambda o: o[1]))

with torch.no_grad():
    batch = torch.tensor([ids])
    logits = model(batch).logits[0].double()
    lengths = model.model.patcher(
        batch, patch_size=4, threshold=config.patching_threshold)[1][0].int().tolist()
lengths = [length for length in lengths if length > 0]
k, start, pooling = config.cross_attn_k, 0, []
for patch, length in enumerate(lengths):
    rows = seen["pooling"][:, patch * k:(patch + 1) * k, :]  # [head, slot, byte]
    hidden = rows.clone()
    hidden[:, :, start:start + length] = 0
    assert hidden.abs().max() < 1e-12
    pooling.append(rows[:, :, start:start + length].transpose(0, 1).tolist())
    start += length
decoder = []
for byte in range(len(ids)):
    layers = []
    for layer in range(len(parts.local_decoder.cross_attn_layers)):
        row = seen[f"decoder.{layer}"][:, byte]  # [head, slot of all patches]
        at = (row.sum(0) > 1e-12).nonzero()[0].item() // k
        layers.append(row[:, at * k:(at + 1) * k].tolist())
        source = at
    decoder.append({"source": source, "weights": layers})


def rounded(x):
    return [rounded(y) for y in x] if isinstance(x, list) else round(x, 7)


log = torch.log_softmax(logits, -1)
json.dump(
    {
        "lengths": lengths,
        "encoder": rounded(seen["encoder"].norm(dim=-1).tolist()),
        "latent": rounded(seen["latent"].norm(dim=-1).tolist()),
        "pooling": rounded(pooling),
        "decoder": [{**row, "weights": rounded(row["weights"])} for row in decoder],
        "nats": -log[:-1].gather(1, batch[0, 1:, None]).sum().item(),
        "entropy": rounded((-(log.exp() * log).sum(-1)).tolist()),
    },
    (HERE / "blt-stages.json").open("w"), separators=(",", ":"))
