"""Attention of the small GPT-2 in gpt2-tiny/, step by step, from transformers.

Run: python3 make_attention_goldens.py      (needs torch, transformers; writes attention-goldens.json)
"""
import json
import pathlib

import torch
from transformers import GPT2LMHeadModel

here = pathlib.Path(__file__).parent
model = GPT2LMHeadModel.from_pretrained(here / "gpt2-tiny", attn_implementation="eager").eval()
ids = [3, 14, 15, 9, 2, 6]
layer, head, heads = 1, 2, model.config.n_head
width = model.config.n_embd // heads

seen = {}
block = model.transformer.h[layer]
block.register_forward_pre_hook(lambda m, a: seen.update(input=a[0][0]))
block.ln_1.register_forward_hook(lambda m, a, out: seen.update(norm=out[0]))
block.attn.c_attn.register_forward_hook(lambda m, a, out: seen.update(packed=out[0]))
block.attn.c_proj.register_forward_hook(lambda m, a, out: seen.update(together=a[0][0], joined=out[0]))


def rows(x):
    return [[round(v, 6) for v in row] for row in x.tolist()]


with torch.no_grad():
    out = model(torch.tensor([ids]), output_attentions=True)
q, k, v = (t[:, head * width : (head + 1) * width] for t in seen["packed"].split(heads * width, -1))
scores = q @ k.T
weights = out.attentions[layer][0, head]
golden = {
    "ids": ids, "layer": layer, "head": head,
    "stages": {
        "input": rows(seen["input"]), "norm": rows(seen["norm"]), "queries": rows(q), "keys": rows(k), "values": rows(v),
        "qkv": rows(torch.cat([q, k, v], -1)), "scores": rows(scores), "scaled": rows(scores / width**0.5), "weights": rows(weights), "output": rows(weights @ v),
        "joined": rows(seen["joined"]), "residual": rows(seen["input"] + seen["joined"]),
    },
    "together": rows(seen["together"]),
    # Of every row: the largest weight of each head and its column; each column's part in the output.
    "peaks": [[list(map(float, torch.max(w, -1)))[::-1] for w in row] for row in out.attentions[layer][0].transpose(0, 1)],
    "share": rows(weights * ((weights @ v) @ v.T) / ((weights @ v) ** 2).sum(-1, keepdim=True)),
    "next": [[i, round(p, 6)] for p, i in zip(*map(torch.Tensor.tolist, torch.topk(out.logits[0, -1].softmax(-1), 5)))],
    "logits": [round(x, 6) for x in out.logits[0, -1].tolist()],
}

# The same with the head silenced, and with the mask lifted.
def silence(module, args):
    x = args[0].clone()
    x[..., head * width : (head + 1) * width] = 0
    return (x,)


hook = block.attn.c_proj.register_forward_pre_hook(silence)
with torch.no_grad():
    golden["zeroed"] = [round(x, 6) for x in model(torch.tensor([ids])).logits[0, -1].tolist()]
hook.remove()
with torch.no_grad():
    everything = torch.zeros(1, 1, len(ids), len(ids))
    golden["unmasked"] = [round(x, 6) for x in model(torch.tensor([ids]), attention_mask=everything).logits[0, -1].tolist()]

# The same where each position reads itself and the two before it, and with the head's scores times 3.
far = torch.full((len(ids), len(ids)), float("-inf"))
with torch.no_grad():
    window = torch.triu(torch.ones(len(ids), len(ids)), -2).tril().log()
    golden["windowed"] = [round(x, 6) for x in model(torch.tensor([ids]), attention_mask=window[None, None]).logits[0, -1].tolist()]


def sharpen(module, args):
    x = args[0].clone()
    x[0, :, head * width : (head + 1) * width] = (3 * scores / width**0.5 + torch.triu(far, 1)).softmax(-1) @ v
    return (x,)


hook = block.attn.c_proj.register_forward_pre_hook(sharpen)
with torch.no_grad():
    golden["sharpened"] = [round(x, 6) for x in model(torch.tensor([ids])).logits[0, -1].tolist()]
hook.remove()
json.dump(golden, open(here / "attention-goldens.json", "w"))
