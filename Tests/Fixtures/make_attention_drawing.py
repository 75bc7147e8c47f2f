"""Queries, keys and values whose attention shows the numbers below: the drawing of the attention view.

Two layers of four heads, 16 wide, over 13 words. Head 0.2 has the map `percent`, and in its cell (12, 5) the five
largest terms, the row sum, the value's length and the share of the output that stand below; the other heads of layer 0
have the peaks in row 12. All else is random. Scores are made first, then vectors that have them as products.

Run: python3 make_attention_drawing.py      (needs numpy; writes attention-drawing.json)
"""
import json
import math
import pathlib

import numpy as np

rng = np.random.default_rng(5)
words = "\\n Anna found a red key in the wood . Tom wanted the".split()
percent = [
    [100], [94, 6], [29, 25, 46], [13, 43, 25, 18], [9, 34, 24, 14, 19], [3, 1, 44, 42, 8, 2],
    [11, 15, 21, 18, 18, 7, 9], [2, 0, 2, 2, 1, 83, 8, 2], [9, 17, 14, 10, 19, 4, 4, 8, 15],
    [13, 1, 5, 7, 7, 0, 43, 2, 20, 1], [11, 0, 1, 2, 2, 2, 59, 1, 17, 2, 3],
    [5, 19, 7, 6, 8, 15, 2, 9, 6, 10, 9, 3], [1, 0, 1, 1, 0, 79.47, 5, 1, 0, 4, 1, 0, 4],
]
n, width, heads, layers = len(words), 16, 4, 2
terms = {5: (-3.2546, 1.0137), 10: (-2.950, -0.8498), 11: (3.603, -0.644), 4: (1.230, -1.4054), 14: (3.8054, 0.4524)}
score, length, share = -1.305, 1.298, 0.995
others = {0: (77, 4), 1: (78, 11), 3: (21, 5)}  # head: largest weight of row 12 in percent, its column


def spread(row, fixed=()):
    """Shares that round to `row` and sum to 1."""
    free = np.array([k not in fixed for k in range(len(row))])
    # Off the whole numbers, where a rounding error could change the shade of a cell.
    x = np.array([p or 0.25 for p in row]) + free * rng.uniform(-0.2, 0.2, len(row))
    for _ in range(1000):
        step = (100 - x.sum()) / free.sum()
        low = np.array([max(p - 0.49, 0.05) for p in row])
        x[free] = np.clip(x + step, low, np.array(row) + 0.49)[free]
    assert abs(x.sum() - 100) < 1e-9, row
    return x / 100


def with_scores(s, k):
    """Queries [n, width] with q k^T = s."""
    return s @ np.linalg.pinv(k.T)


def drawn_head():
    s = rng.normal(0, 3, (n, n))
    for i, row in enumerate(percent):
        s[i, : i + 1] = 4 * np.log(spread(row, fixed=[5] if i == 12 else []))
    s[12, :13] += score - s[12, 5]
    q, k = np.zeros(width), rng.normal(0, 0.5, (n, width))
    rest = [d for d in range(width) if d not in terms]
    for d, (a, b) in terms.items():
        q[d], k[5, d] = a, b
    left = score - sum(a * b for a, b in terms.values())
    for d in rest:
        q[d] = rng.uniform(0.4, 1.2) * rng.choice([-1, 1])
        k[5, d] = left / len(rest) / q[d]
    for j in range(n):
        if j != 5:
            k[j] += q * (s[12, j] - q @ k[j]) / (q @ q)
    queries = with_scores(s, k)
    queries[12] = q
    w = weights(queries, k)
    v = rng.normal(0, 0.6, (n, width))
    v[5] *= length / np.linalg.norm(v[5])
    # What the other columns give together is a small part of what this one gives, in its direction.
    wanted = w[12, 5] * v[5] * (1 / share - 1)
    given = sum(w[12, j] * v[j] for j in range(n) if j not in (5, 6))
    v[6] = (wanted - given) / w[12, 6]
    return queries, k, v


def weights(q, k):
    s = q @ k.T / math.sqrt(width) + np.triu(np.full((n, n), -np.inf), 1)
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def random_head(peak=None):
    s, k = rng.normal(0, 4, (n, n)), rng.normal(0, 0.7, (n, width))
    if peak:
        top, column = peak
        row = np.full(n, (100 - top) / (n - 1))
        row[column] = top
        s[12] = 4 * np.log(row / 100)
    return with_scores(s, k), k, rng.normal(0, 0.6, (n, width))


def layer(index):
    parts = [
        drawn_head() if (index, head) == (0, 2) else random_head(others.get(head) if index == 0 else None)
        for head in range(heads)
    ]
    q, k, v = (np.concatenate(x, 1) for x in zip(*parts))
    joined, came = rng.normal(0, 1, (n, heads * width)), rng.normal(0, 1, (n, heads * width))
    mean, deviation = came.mean(1, keepdims=True), came.std(1, keepdims=True)
    vectors = {
        "input": came, "norm": (came - mean) / deviation, "packed": np.concatenate([q, k, v], 1),
        "heads": np.concatenate([weights(a, b) @ c for a, b, c in parts], 1), "joined": joined,
        "residual": came + joined,
    }
    return {name: [float(f"{x:.6g}") for x in value.ravel()] for name, value in vectors.items()}


# The next token with all heads, and without head 0.2.
vocabulary = words[:12] + ["ring", "ball", "box", "lamp", "door", "cat"]
trained = {"key": 13.01, "ring": 3.23, "ball": 2.19, "box": 2.188, "lamp": 4.1, "door": 3.1}
changed = {"key": 7.88, "ring": 9.62, "ball": 7.75, "box": 7.25, "lamp": 5.9, "door": 5.5}
json.dump({
    "words": words, "vocabulary": vocabulary, "layers": [layer(0), layer(1)],
    "trained": [trained.get(w, -1.0) for w in vocabulary], "changed": [changed.get(w, 1.0) for w in vocabulary],
}, open(pathlib.Path(__file__).parent / "attention-drawing.json", "w"))
