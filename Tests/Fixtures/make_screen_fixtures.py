#!/usr/bin/env python3
"""Widths of scalars as the C library has them, and numbers as Python prints them.

Writes screen_widths.txt (first scalar, last scalar, columns, in hex; what Unicode 14 leaves
unassigned and what steers a terminal is left out) and screen_numbers.txt. Run under LC_ALL=C.UTF-8.
"""
import ctypes, decimal, locale, pathlib, random, unicodedata

here = pathlib.Path(__file__).parent
locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
wcwidth = ctypes.CDLL(None).wcwidth
wcwidth.argtypes = [ctypes.c_wchar]


def width(value):
    if unicodedata.category(chr(value)) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"):
        return None
    return wcwidth(chr(value))


runs = []
for value in range(0x110000):
    w = width(value)
    if w is None:
        continue
    if runs and runs[-1][2] == w:
        runs[-1][1] = value  # what lies between is unassigned
    else:
        runs.append([value, value, w])
(here / "screen_widths.txt").write_text("".join(f"{a:x} {b:x} {w}\n" for a, b, w in runs))

random.seed(7)
numbers = [0.0, -0.0, 0.5, 1.5, 2.5, 0.125, 0.375, 1.005, 0.285, 0.615, 2.675, 9.995, 0.9995, 1e15]
numbers += [3.5e4, 9.4e-4, 1e38, -1e38, 5e-324, 1.7976931348623157e308, 99999.5, 0.045, 1e22, 1e-7]
numbers += [random.uniform(-1, 1) * 10 ** random.randint(-6, 12) for _ in range(60)]
lines = []
for x in numbers:
    for d in (0, 1, 3):
        fixed = f"{x:.{d}f}" if abs(x) * 10**d < 9e15 else f"{x:.{d}e}"
        if float(fixed) == 0:
            fixed = fixed.lstrip("-")
        # A half in the shortest digits goes up with us; Python looks at the digits beyond.
        digits = decimal.Decimal(repr(x)).normalize().as_tuple().digits
        tie = len(digits) == d + 2 and digits[-1] == 5 or abs(x) < 1e-307
        lines.append(f"{x!r} {d} {fixed} {'-' if tie else format(x, f'.{d}e')}\n")
(here / "screen_numbers.txt").write_text("".join(lines))
