#!/usr/bin/env python3
"""Writes golden.txt: values of RandomStream from an independent implementation.

Philox-2x64-10 is checked against the known-answer vectors of Random123 before anything is
written; the normal quantile is that of Python's statistics module (its own AS 241).
"""
from pathlib import Path
from statistics import NormalDist

MASK = (1 << 64) - 1


def philox(counter, key):
    low, high = counter
    for _ in range(10):
        product = low * 0xD2B74407B1CE6E93
        low, high = (product >> 64) ^ key ^ high, product & MASK
        key = (key + 0x9E3779B97F4A7C15) & MASK
    return low, high


assert philox((0, 0), 0) == (0xCA00A0459843D731, 0x66C24222C9A845B5)
assert philox((MASK, MASK), MASK) == (0x65B021D60CD8310F, 0x4D02F3222F86DF20)
assert philox((0x243F6A8885A308D3, 0x13198A2E03707344), 0xA4093822299F31D0) == (
    0x0A5E742C2997341C, 0xB0F883D38000DE5D)


class Stream:
    def __init__(self, seed, name):
        self.seed, self.counter, self.stream = seed, 0, 0xCBF29CE484222325
        for byte in name.encode():
            self.stream = (self.stream ^ byte) * 0x100000001B3 & MASK

    def next(self):
        word = philox((self.counter, self.stream), self.seed)[0]
        self.counter += 1
        return word

    def below(self, n):
        while True:
            product = self.next() * n
            if product & MASK >= (1 << 64) % n:
                return product >> 64

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


lines = []
for seed, name in [(0, ""), (1337, "data"), (MASK, "h.3.attn.c_attn.weight"), (7, "però")]:
    s = Stream(seed, name)
    lines.append(["words", seed, name or "-"] + [s.next() for _ in range(5)])
    lines.append(["uniform", seed, name or "-"] + [(s.next() >> 11) * 2.0**-53 for _ in range(5)])
    lines.append(["below", seed, name or "-"]
                 + [s.below(n) for n in (1, 2, 10, 1000003, 3 << 61, (1 << 63) - 1) for _ in range(4)])
    items = list(range(12))
    s.shuffle(items)
    lines.append(["shuffle", seed, name or "-"] + items)
    lines.append(["normal", seed, name or "-"]
                 + [NormalDist().inv_cdf(((s.next() >> 12) + 0.5) * 2.0**-52) for _ in range(8)])
for p in (1e-300, 1e-20, 1e-11, 1.1e-7, 0.003, 0.074999, 0.075, 0.3, 0.5, 0.8, 0.95, 1 - 2.0**-53):
    lines.append(["quantile", repr(p), NormalDist().inv_cdf(p)])
text = "\n".join(" ".join(str(x) for x in line) for line in lines) + "\n"
Path(__file__).with_name("golden.txt").write_text(text)
