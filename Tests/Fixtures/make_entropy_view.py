"""What the Entropy view must show of scores that a formula makes: entropies, surprises and ranks by
numpy in float64, boundaries from the rules as the paper (Pagnoni and others, 2024) states them.

    python3 Tests/Fixtures/make_entropy_view.py > Tests/Fixtures/entropy-view.json
"""

import json

import numpy as np

TEXT = "\nAnna found a red key in the wood. Perché no? Già tardi: 12 «ok».\n".encode()
IDS = [1] + [byte + 4 for byte in TEXT]


def scores(row):
    ids = np.arange(260)
    spread = np.float32((row * 7919 + ids * 104729 + row * ids) % 1009) / np.float32(1009)
    square = spread * spread
    return square * square * square * np.float32(20 + row * row * 37 % 53 * 3)


def ends(rule, entropies, threshold, add=0.0, size=4, longest=None):
    result, length = [], 0
    for i, token in enumerate(IDS):
        rise = entropies[i] - entropies[i - 1] if i else 0
        byte = token - 4
        other = lambda b: not (chr(b).isalnum() and b < 128) and not 0x80 <= b <= 0xBF
        end = {
            "global": i == 0 or entropies[i] > threshold,
            "monotonic": i < 2 or rise > threshold,
            "added": i < 2 or (i > 2 and entropies[i] > threshold and rise > add),
            "space": token < 4 or (other(byte) and IDS[i - 1] >= 4 and not other(IDS[i - 1] - 4)),
            "static": length + 1 >= size,
            "byte": True,
        }[rule]
        length += 1
        end = bool(end or (longest and length >= longest))
        result.append(end)
        length = 0 if end else length
    return result


rows = [scores(row).astype(np.float64) for row in range(len(IDS))]
logs = [row - row.max() - np.log(np.exp(row - row.max()).sum()) for row in rows]
entropies = [float(-(np.exp(log) * log).sum()) for log in logs]
surprises = [float(-log[token]) for log, token in zip(logs, IDS[1:])]
ranks = [int((row > row[token]).sum() + (row[:token] == row[token]).sum()) + 1
         for row, token in zip(rows, IDS[1:])]

cases = []
for rule, threshold, options in [
    ("global", 0.6, {}), ("global", 1.5, {}), ("global", 0.1, {"longest": 6}), ("monotonic", 0.5, {}),
    ("added", 0.6, {"add": 0.4}), ("space", 0.6, {}), ("static", 0.6, {"size": 6}), ("byte", 0.6, {}),
]:
    found = ends(rule, entropies, threshold, **options)
    starts = [1] + [i + 1 for i in range(1, len(found)) if found[i] and i + 1 < len(found)]
    lengths = [b - a for a, b in zip(starts, starts[1:] + [len(found)])]
    assert sum(lengths) == len(TEXT)
    cases.append({"rule": rule, "threshold": threshold, **options, "ends": found[1:],
                  "lengths": lengths, "mean": len(TEXT) / len(lengths)})

# The threshold that leaves so many patches of all 1 + n tokens, the start token's among them.
wanted = round(len(IDS) / 4.5) - 1
threshold = sorted(entropies[1:])[-1 - wanted]
print(json.dumps({
    "text": TEXT.decode(), "entropies": entropies[1:], "surprises": surprises[1:], "ranks": ranks[1:],
    "bits_per_byte": float(np.mean(surprises) / np.log(2)), "cases": cases,
    "mean": {"target": 4.5, "threshold": threshold, "above": wanted},
}))
