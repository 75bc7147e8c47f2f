#!/usr/bin/env python3
"""Writes muon-goldens.json: what torch.optim.Muon (PyTorch 2.9 or later) does, in double.

usage: make_muon_goldens.py        (needs torch, numpy and transformers; run it in any folder)

PyTorch rounds to bfloat16 on the way to the matrix products; here it is made to keep doubles.

`matrices`: random ones, their orthogonalised form, and its smallest and largest singular value.
`training`: gpt2-tiny for some steps, Muon on the matrices of the blocks (q, k and v of the fused
c_attn each by itself), AdamW on the embeddings, norms and biases. Of every parameter at the end:
the norm, the first four values and the last.
"""
import json
import pathlib

import numpy
import torch
from torch.optim import _muon
from transformers import GPT2LMHeadModel

HERE = pathlib.Path(__file__).resolve().parent
SHAPES = [(1, 7), (7, 1), (5, 5), (4, 15), (15, 4), (12, 12)]
COEFFICIENTS, EPSILON = (3.4445, -4.7750, 2.0315), 1e-7
RATE, DECAY, MOMENTUM, BETAS, CLIP, STEPS, LENGTH = 1e-2, 0.1, 0.9, (0.9, 0.95), 1.0, 6, 16
# Keys' biases have no gradient but rounding, which must not be made into steps.
ADAMW_EPSILON = 1e-4

torch.bfloat16 = torch.float64


def rounded(values):
    return [float(f"{x:.9g}") for x in values]


def matrices():
    for rows, columns in SHAPES:
        matrix = torch.randn(rows, columns).double()
        result = _muon._zeropower_via_newtonschulz(matrix.clone(), COEFFICIENTS, 5, EPSILON)
        assert result.dtype == torch.float64
        sizes = numpy.linalg.svd(result.numpy(), compute_uv=False)
        yield {
            "shape": [rows, columns],
            "matrix": matrix.flatten().tolist(),
            "result": rounded(result.flatten().tolist()),
            "singular_values": rounded([sizes.min(), sizes.max()]),
        }


def mean_loss(model, batch):
    logits = model(batch).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten())


def pieces(name, array):
    """The matrices of a parameter that Muon steps: views of the array; none of other parameters."""
    if ".h." not in name or array.dim() < 2:
        return []
    return array.chunk(3, dim=1) if "c_attn" in name else [array]


def training():
    model = GPT2LMHeadModel.from_pretrained(HERE / "gpt2-tiny", attn_implementation="eager")
    model = model.double().train()
    parameters = dict(model.named_parameters())
    own = {name: [p.clone() for p in pieces(name, q.data)] for name, q in parameters.items()}
    muon = torch.optim.Muon(
        [piece for some in own.values() for piece in some],
        lr=RATE, momentum=MOMENTUM, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw",
    )
    others = [parameters[name] for name in own if not own[name]]
    groups = [
        {"params": [p for p in others if p.dim() > 1], "weight_decay": DECAY},
        {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=ADAMW_EPSILON)
    batch = torch.randint(model.config.vocab_size, (2, LENGTH))
    losses, norms = [], []
    for _ in range(STEPS):
        model.zero_grad()
        loss = mean_loss(model, batch)
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        for name, some in own.items():
            for piece, gradient in zip(some, pieces(name, parameters[name].grad)):
                piece.grad = gradient.clone()
        muon.step()
        adamw.step()
        for name, some in own.items():
            for whole, piece in zip(pieces(name, parameters[name].data), some):
                whole.copy_(piece)
    weights = {}
    for name, parameter in parameters.items():
        values = parameter.data.flatten()
        ends = values[:4].tolist() + values[-1:].tolist()
        weights[name] = rounded([values.norm().item(), *ends])
    return {
        "ids": batch.tolist(), "learning_rate": RATE, "weight_decay": DECAY, "momentum": MOMENTUM,
        "betas": BETAS, "epsilon": ADAMW_EPSILON, "clip": CLIP, "losses": rounded([*losses, mean_loss(model, batch).item()]),
        "gradient_norms": rounded(norms), "weights": weights,
    }


torch.manual_seed(0)
goldens = {"matrices": list(matrices()), "training": training()}
text = json.dumps(goldens, separators=(",", ":")).replace('],"', '],\n"').replace('},{', '},\n{')
(HERE / "muon-goldens.json").write_text(text + "\n")
