"""Writes sampler-goldens.json: the stages of sampling, by numpy in float64.

Each table is compared with the warpers of transformers (float32, hence 1e-5) before it is written.
Critical values of the chi-square test are scipy's, at a probability of 1e-6. Run in this folder.
"""

import json
import math

import numpy as np
import torch
from scipy.stats import chi2
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

RNG = np.random.default_rng(11)


def stage(order, weights):
    p = weights / weights.sum()
    entropy = -sum(x * math.log(x) for x in p if x > 0)
    return {"ids": [int(i) for i in order], "probabilities": p.tolist(),
            "effective": math.exp(entropy)}


def stages(logits, temperature, k, p):
    logits = np.asarray(logits, np.float64)
    order = [i for i in sorted(range(len(logits)), key=lambda i: (-logits[i], i))
             if logits[i] > -math.inf]
    soft = lambda x: np.exp(x - x.max())
    out = [stage(order, soft(logits[order]))]
    if temperature == 0:
        out += [stage(order[:1], np.ones(1))] * 3
        return out
    weights = soft(logits[order] / temperature)
    out.append(stage(order, weights))
    if k:
        order, weights = order[:k], weights[:k]
    out.append(stage(order, weights))
    if p and p < 1:
        before = np.concatenate([[0], np.cumsum(weights / weights.sum())[:-1]])
        keep = before < p
        order, weights = [i for i, kept in zip(order, keep) if kept], weights[keep]
    out.append(stage(order, weights))
    return out


def warped(logits, temperature, k, p):
    scores = torch.tensor([logits], dtype=torch.float32)
    scores = TemperatureLogitsWarper(float(temperature))(None, scores)
    if k:
        scores = TopKLogitsWarper(k)(None, scores)
    if p and p < 1:
        scores = TopPLogitsWarper(float(p))(None, scores)
    return torch.softmax(scores, -1)[0].numpy()


rows = [np.float32(RNG.normal(0, scale, 30)).tolist() for scale in (1, 2.5, 6)]
settings = [(1, None, None), (0.7, None, None), (1.5, 10, None), (1, None, 0.9), (0.8, 8, 0.75),
            (2, 40, 1), (0.05, None, 0.999), (1, 1, None), (1, None, 0.01)]
cases = []
for logits in rows:
    for temperature, k, p in settings:
        result = stages(logits, temperature, k, p)
        last = np.zeros(len(logits))
        last[result[-1]["ids"]] = result[-1]["probabilities"]
        assert np.abs(last - warped(logits, temperature, k, p)).max() < 1e-5, (temperature, k, p)
        cases.append({"logits": logits, "temperature": temperature, "k": k, "p": p,
                      "stages": result})
# What the warpers do otherwise (they keep all ties at the k-th score) or not at all.
ties = [1.0, 3.0, 3.0, -2.0, 3.0, 1.0]
for temperature, k, p in [(1, 2, None), (1, 4, 0.5), (0, None, None)]:
    cases.append({"logits": ties, "temperature": temperature, "k": k, "p": p,
                  "stages": stages(ties, temperature, k, p)})
masked = [0.5, None, 1.5, None]
cases.append({"logits": masked, "temperature": 0.5, "k": None, "p": None,
              "stages": stages([-math.inf if x is None else x for x in masked], 0.5, None, None)})
with open("sampler-goldens.json", "w") as file:
    critical = [0.0] + [float(chi2.isf(1e-6, df)) for df in range(1, 40)]
    json.dump({"cases": cases, "critical": critical}, file, separators=(",", ":"), sort_keys=True)
    file.write("\n")
