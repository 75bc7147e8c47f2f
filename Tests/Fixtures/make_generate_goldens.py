"""Writes generate-goldens.json: what the columns of the sampling laboratory show, by numpy.

The ten likeliest of 1,024 candidates have the shares below, the others share the rest evenly.
Run in this folder.
"""

import json

import numpy as np

SHARES = [0.280, 0.173, 0.136, 0.089, 0.052, 0.040, 0.020, 0.017, 0.012, 0.008]
OTHERS = 1014
MODEL = np.concatenate([SHARES, np.full(OTHERS, 0.173 / OTHERS)])


def column(p):
    p = p / p.sum()
    present = p[p > 0]
    return {"top": p[:10].tolist(), "kept": int(len(present)),
            "effective": float(np.exp(-(present * np.log(present)).sum())),
            "ends": np.cumsum(p)[:10].tolist()}


cases = []
for temperature, k, p in [(0.8, 8, 0.9), (1, None, None), (1.5, 100, 0.5), (0.3, None, 0.99)]:
    columns = [column(MODEL)]
    kept = MODEL ** (1 / temperature)
    columns.append(column(kept))
    if k:
        kept = np.where(np.arange(len(kept)) < k, kept, 0)
    columns.append(column(kept))
    if p:
        before = np.concatenate([[0], np.cumsum(kept / kept.sum())[:-1]])
        kept = np.where(before < p, kept, 0)
    columns.append(column(kept))
    cases.append({"temperature": temperature, "k": k, "p": p, "columns": columns})
with open("generate-goldens.json", "w") as file:
    json.dump(cases, file, separators=(",", ":"), sort_keys=True)
    file.write("\n")
