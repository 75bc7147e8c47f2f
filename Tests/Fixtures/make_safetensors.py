"""Writes the safetensors fixtures with the reference implementation.

Run in a Python with torch and safetensors: `python make_safetensors.py`, from any folder.
"""
import json
import math
import os
import struct

import torch
from safetensors.torch import load_file, save, save_file

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)

# All 16-bit floats that differ in kind, with the floats that PyTorch widens them to.
edges = [0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0xC000, 0x7BFF, 0x7C00, 0xFC00, 0x3555]
half = torch.tensor(edges, dtype=torch.int32).to(torch.uint16).view(torch.float16)
brain = torch.tensor(edges + [0x7F80, 0x0080, 0x7F7F], dtype=torch.int32).to(torch.uint16)
brain = brain.view(torch.bfloat16)
tensors = {
    "half": half,
    "brain": brain.reshape(2, 7),
    "single": torch.tensor([[1.5, -0.0, 1e-45], [math.inf, -math.inf, 3.4028234663852886e38]]),
    "long": torch.tensor([-1, 2**62], dtype=torch.int64),
    "bytes": torch.tensor([[1, 2, 255]], dtype=torch.uint8),
    "empty": torch.zeros(0, 4),
    "scalar": torch.tensor(2.5),
    "nested.name/é \"quoted\"": torch.tensor([7.0]),
    "double": torch.tensor([0.1], dtype=torch.float64),
}
save_file(tensors, "mixed.safetensors", {"format": "pt"})
bits = {k: [struct.unpack("<I", struct.pack("<f", x))[0] for x in v.float().flatten().tolist()]
        for k, v in tensors.items() if v.dtype in (torch.float16, torch.bfloat16, torch.float32)}
with open("mixed.json", "w") as f:
    json.dump({"bits": bits, "shapes": {k: list(v.shape) for k, v in tensors.items()}}, f, indent=1)

# What our writer must produce byte for byte: bfloat16 rounded by PyTorch from these floats.
floats = [1.0, 1.00390625, 1.01171875, -3.140625001, 3.4028234663852886e38, 1e-40, 0.1, -0.0]
written = {
    "z.weight": torch.tensor(floats),
    "a.weight": torch.tensor(floats).reshape(2, 4),
    "b.brain": torch.tensor(floats).bfloat16().reshape(4, 2),
    "step": torch.tensor([300], dtype=torch.int64),
    "flags": torch.tensor([1, 0, 1], dtype=torch.uint8),
    "tab\tand \u0007": torch.zeros(0),
}
with open("written.safetensors", "wb") as f:
    f.write(save(written, {"format": "pt"}))

# What our export of gpt2-tiny as bf16 must be, byte for byte.
tiny = {k: v.bfloat16() for k, v in load_file("gpt2-tiny/model.safetensors").items()}
with open("gpt2-tiny/bf16.safetensors", "wb") as f:
    f.write(save(tiny, {"format": "pt"}))
