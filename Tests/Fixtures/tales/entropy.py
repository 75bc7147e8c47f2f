#!/usr/bin/env python3
"""The exact entropy and mean length of tales-en and tales-it, by an independent program.

It reads the grammar's text from the Swift sources and walks the derivations with the joint
distribution of what was drawn so far (of each set of variables that must differ), rather than
by expectations of each node as the library does. With --families it prints a line a family.

usage: entropy.py [--families] > entropy.txt
"""
import itertools
import math
import re
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3] / "Sources/Text/Generators"


class Tales:
    def __init__(self, text):
        self.tables, self.rules, self.agree = {}, {}, {}
        for block in re.split(r"^ *(?=(?:table|rule|agree) )", text, flags=re.M)[1:]:
            head, _, body = block.strip().partition("\n")
            kind, name, *more = head.split()
            body = " ".join(line.strip() for line in body.split("\n"))
            if kind == "agree":
                self.agree[name] = dict(pair.split("=") for pair in more + body.split())
            elif kind == "rule":
                self.rules[name] = body
            else:
                columns = more[0].split("/")
                rows = []
                for row in body.split(","):
                    cells = [c.strip() for c in row.split("/")]
                    rows.append({c: x.replace("~", cells[0])
                                 for c, x in zip(columns, cells) if x})
                self.tables[name] = (columns[0], rows)

    def tree(self, rule):
        body = self.rules[rule]
        while "<" in body:
            body = re.sub(r"<(\w+)>", lambda m: self.rules[m[1]], body)
        self.tokens = re.findall(r"\{[^}]*\}|\[|\||\]|[^{}\[\]|]+", body)
        self.at = 0
        return self.sequence()

    def sequence(self):
        items = []
        while self.at < len(self.tokens) and self.tokens[self.at] not in "|]":
            token = self.tokens[self.at]
            self.at += 1
            if token == "[":
                options = []
                while True:
                    option = self.sequence()
                    weight = 1
                    if option and isinstance(option[0], str):
                        number, text = re.match(r" *(\d*) *(.*)", option[0], flags=re.S).groups()
                        weight = int(number or 1)
                        option[0] = text
                    if option and isinstance(option[-1], str):
                        option[-1] = option[-1].rstrip(" ")
                    options.append((weight, option))
                    end = self.tokens[self.at]
                    self.at += 1
                    if end == "]":
                        break
                total = sum(weight for weight, _ in options)
                items.append([(weight / total, option) for weight, option in options])
            elif token[0] == "{":
                items.append(tuple(re.match(
                    r"\{(\w+)(?:=(\w+))?(?:\.(\w+))?(?:@(\w+))?((?:!\w+)*)\}", token).groups()))
            else:
                items.append(token)
        return items

    def form(self, table, row, form, gender=None):
        base = row[self.tables[table][0]]
        if gender:
            return row.get(gender, base)
        form = form or self.tables[table][0]
        plain = form[0].lower() + form[1:]
        text = row.get(plain) or self.agree.get(row.get("g"), {}).get(plain, base)
        text = text.replace("_", " ").replace("~", base)
        return text if plain == form else text[0].upper() + text[1:]

    def figures(self, tree, scope=None):
        """(nats, bytes) of a sequence; scope maps a name to (table, {row: p}, group).

        A group is a dictionary from tuples of rows to probabilities: the joint distribution of
        a chain of variables of one table that must differ.
        """
        scope = {} if scope is None else scope
        nats = length = 0.0
        for item in tree:
            if isinstance(item, str):
                length += len(item.replace("_", " ").encode())
            elif isinstance(item, list):
                after = {}
                for p, option in item:
                    inner = dict(scope)
                    n, b = self.figures(option, inner)
                    nats += p * (n - math.log(p))
                    length += p * b
                    after.update(inner)
                scope.update(after)
            else:
                name, table, form, agreeing, excluding = item
                if table:
                    nats += self.draw(scope, name, table, [x for x in excluding.split("!") if x])
                table, marginal = scope[name][0], scope[name][1]
                rows = self.tables[table][1]
                if agreeing:
                    other, theirs = scope[agreeing][0], scope[agreeing][1]
                    pairs = itertools.product(marginal.items(), theirs.items())
                    length += sum(
                        p * q * len(self.form(table, rows[r], form,
                                              self.tables[other][1][s]["g"]).encode())
                        for (r, p), (s, q) in pairs)
                else:
                    length += sum(p * len(self.form(table, rows[r], form).encode())
                                  for r, p in marginal.items())
        return nats, length

    def draw(self, scope, name, table, others):
        weights = [1 / (41 + r) for r in range(len(self.tables[table][1]))]
        joint = {(): 1.0}
        names = []
        if others:
            names, joint = max((scope[o][2] for o in others), key=lambda g: len(g[0]))
            assert set(others) <= set(names), (name, others, names)
        keep = [names.index(o) for o in others]
        nats, after, marginal = 0.0, {}, {}
        for rows, p in joint.items():
            taken = {rows[i] for i in keep}
            total = sum(w for r, w in enumerate(weights) if r not in taken)
            for r, w in enumerate(weights):
                if r not in taken:
                    q = w / total
                    nats -= p * q * math.log(q)
                    after[rows + (r,)] = after.get(rows + (r,), 0) + p * q
                    marginal[r] = marginal.get(r, 0) + p * q
        scope[name] = (table, marginal, (names + [name], after))
        return nats


for language, file in (("tales-en", "TalesEnglish.swift"), ("tales-it", "TalesItalian.swift")):
    tales = Tales(re.search(r'#"""\n(.*?)"""#', (SOURCES / file).read_text(), re.S)[1])
    nats, length = tales.figures(tales.tree("story"))
    length += 1
    print(language, repr(nats), repr(length), repr(nats / math.log(2) / length))
    if "--families" in sys.argv:
        for family in re.findall(r"<(\w+)>", tales.rules["story"]):
            tales.rules["one"] = "[3 {t=time} {a=name} | 2 {a=name}] <" + family + ">"
            n, b = tales.figures(tales.tree("one"))
            print("  ", family, round(n, 2), round(b, 1), round(n / math.log(2) / (b + 1), 3))
