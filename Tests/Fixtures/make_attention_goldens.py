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
block.attn.c_proj.register_forward_hook(lambda m, a, out: seen.update(joined=a[0][0], projected=out[0]))


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
        "scores": rows(scores), "scaled": rows(scores / width**0.5), "weights": rows(weights), "output": rows(weights @ v),
        "joined": rows(seen["joined"]), "residual": rows(seen["input"] + seen["projected"]),
    },
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
json.dump(golden, open(here / "attention-goldens.json", "w"))
