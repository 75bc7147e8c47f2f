#!/usr/bin/env python3
"""Specola beside PyTorch on the same work: ratios of medians, taken in turns on a quiet machine.

usage: peers.py [WORKLOAD ...] [--modes float32,bf16] [--rounds 3] [--threads 2]
                [--specola PATH | --torch-only] [--json FILE]

Each measurement is a process of its own, so that memory and threads are apart: ours, then each
of PyTorch's modes, then ours again, for as many rounds as asked. PyTorch runs eager and compiled
(torch.compile needs g++), in float32 and under bf16 autocast. A measurement during which something
else used the processor is taken again; a machine that does not come to rest is refused.

  train-nano   4 layers, 4 heads, width 128, context 64, batch 12, vocabulary 65 (nanoGPT on a CPU)
  train-baby   6 layers, 6 heads, width 384, context 256, batch 16, vocabulary 65 (nanoGPT's baby)
  train-sort   3 layers, 3 heads, width 48, length 11, batch 64, vocabulary 3 (minGPT's demo)
  decode-baby  240 tokens one at a time with a cache, the baby model with a vocabulary of 512
  decode-124m  64 tokens likewise, 12 layers, 12 heads, width 768, vocabulary 50257
  entropy      next-byte entropies of 256 KiB: 4 layers, 4 heads, width 256, window 512
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

# Workload: vocabulary, context, width, layers, heads, and how much of it is timed.
WORKLOADS = {
    "train-nano": ((65, 64, 128, 4, 4), {"batch": 12, "steps": 40}),
    "train-baby": ((65, 256, 384, 6, 6), {"batch": 16, "steps": 2}),
    "train-sort": ((3, 11, 48, 3, 3), {"batch": 64, "steps": 100}),
    "decode-baby": ((512, 256, 384, 6, 6), {"tokens": 240}),
    "decode-124m": ((50257, 1024, 768, 12, 12), {"tokens": 64}),
    "entropy": ((260, 512, 256, 4, 4), {"bytes": 256 * 1024}),
}
QUIET = 0.1  # processors that something else may use
PATIENCE = 60  # seconds to wait for a quiet machine


# --- PyTorch's side, one workload and mode a process -------------------------------------------


def torch_model(shape):
    import torch
    from torch import nn
    from torch.nn import functional as F

    vocabulary, context, width, layers, heads = shape

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x, cache, start):
            batch, length, _ = x.shape
            joined = self.attention(self.norm_1(x)).view(batch, length, 3, heads, width // heads)
            query, key, value = joined.permute(2, 0, 3, 1, 4)
            if cache is not None:
                end = start + length
                cache[0][:, :, start:end], cache[1][:, :, start:end] = key, value
                key, value = cache[0][:, :, :end], cache[1][:, :, :end]
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=length > 1)
            x = x + self.project(mixed.transpose(1, 2).reshape(batch, length, width))
            return x + self.contract(F.gelu(self.expand(self.norm_2(x)), approximate="tanh"))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            self.positions = nn.Embedding(context, width)
            self.layers = nn.ModuleList(Layer() for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            for parameter in self.parameters():
                if parameter.dim() == 2:
                    nn.init.normal_(parameter, std=0.02)

        def forward(self, ids, targets=None, caches=None, start=0):
            x = self.tokens(ids) + self.positions.weight[start : start + ids.shape[1]]
            for index, layer in enumerate(self.layers):
                x = layer(x, caches and caches[index], start)
            logits = self.norm(x) @ self.tokens.weight.T
            if targets is None:
                return logits
            return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    torch.manual_seed(0)
    return Model()


def timed(run, times=5):
    run()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        loss = run()
        took.append(time.perf_counter() - start)
    return statistics.median(took), loss


def torch_measure(workload, mode, threads):
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    if workload == "idle":
        return {}
    shape, size = WORKLOADS[workload]
    precision, how = mode.split()
    model = torch_model(shape)
    half = precision == "bf16"
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=half)
    if workload.startswith("train"):
        batch, steps, context = size["batch"], size["steps"], shape[1]
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
        data = torch.randint(shape[0], (64, batch, context + 1))
        forward = torch.compile(model) if how == "compile" else model

        def step(index):
            window = data[index % len(data)]
            with autocast:
                loss = forward(window[:, :-1].contiguous(), window[:, 1:].contiguous())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return loss

        for index in range(3):
            step(index)
        seconds, loss = timed(lambda: [step(index) for index in range(steps)][-1].item())
        rate = {"tokens_per_s": steps * batch * context / seconds}
        return {"seconds": seconds / steps, **rate, "loss": loss}

    model.eval()
    with torch.inference_mode():
        if workload == "entropy":
            forward = torch.compile(model) if how == "compile" else model
            windows = torch.randint(256, (size["bytes"] // shape[1], shape[1])).split(8)

            def entropies():
                for window in windows:
                    with autocast:
                        logits = forward(window)
                    logs = F.log_softmax(logits.float(), -1)
                    (logs.exp() * logs).sum(-1).neg()

            seconds, _ = timed(entropies, 3)
            return {"seconds": seconds, "bytes_per_s": size["bytes"] / seconds}

        dtype = torch.bfloat16 if half else torch.float32
        model = model.to(dtype)
        _, context, width, layers, heads = shape
        room = (2, 1, heads, context, width // heads)
        caches = [torch.zeros(room, dtype=dtype) for _ in range(layers)]

        def decode():
            ids = torch.zeros(1, 1, dtype=torch.long)
            for position in range(size["tokens"]):
                logits = model(ids, None, caches, position)[0, -1].float() / 0.8
                best, candidates = logits.topk(40)
                ids = candidates[torch.multinomial(best.softmax(-1), 1)].view(1, 1)

        seconds, _ = timed(decode, 3)
        return {"seconds": seconds, "tokens_per_s": size["tokens"] / seconds}


# --- Taking turns ------------------------------------------------------------------------------


def busy_seconds():
    """Processor seconds spent since the start of the machine, by anything."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet():
    """Three quiet seconds running. The load average lags by a minute and counts our own rounds."""
    calm, deadline = 0, time.monotonic() + PATIENCE
    while calm < 3:
        before = busy_seconds()
        time.sleep(1)
        calm = calm + 1 if busy_seconds() - before < QUIET else 0
        if not calm and time.monotonic() > deadline:
            load = os.getloadavg()[0]
            sys.exit(f"peers.py: the machine is busy (load {load:.2f}); try when it is at rest")


def measure(command, environment, attempts=5):
    """What a quiet run of the command prints, and its peak memory in MB."""
    for _ in range(attempts):
        wait_for_quiet()
        before, start = busy_seconds(), time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"peers.py: failed ({process.returncode}): {' '.join(command)}")
        elsewhere = busy_seconds() - before - usage.ru_utime - usage.ru_stime
        if elsewhere < QUIET * (time.monotonic() - start) + 0.2:
            rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
            return rows, usage.ru_maxrss / 1024
        print("  something else was running: taken again", file=sys.stderr)
    sys.exit("peers.py: something else keeps running; try when the machine is at rest")


def peer_modes(workload, precisions):
    # A decoding step is a call of one row; compiling it for each cache length never pays here.
    how = ["eager"] if workload.startswith("decode") else ["eager", "compile"]
    return [f"{precision} {kind}" for precision in precisions for kind in how]


def rate(row):
    return row.get("tokens_per_s") or row.get("bytes_per_s")


def summary(rows):
    """The median rate and loss of one side's mode over the rounds."""
    losses = [row["loss"] for row in rows if row.get("loss") is not None]
    loss = statistics.median(losses) if losses else None
    return statistics.median(map(rate, rows)), loss


def best(table, precision=None):
    found = [(*value, mode) for mode, value in table.items() if precision in (None, mode.split()[0])]
    return max(found, key=lambda entry: entry[0]) if found else None


def ratio(ours, theirs):
    return f"{ours[0] / theirs[0]:.2f}" if ours and theirs else "–"


def cell(entry, with_mode=True):
    if not entry:
        return "–"
    loss = "" if entry[1] is None else f", loss {entry[1]:.3f}"
    return f"{entry[0]:,.0f}" + (f" ({entry[2]}{loss})" if with_mode else "")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    parser.add_argument("--modes", default="float32,bf16", help="precisions, comma-separated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--specola", default=shutil.which("specola") or ".build/release/specola")
    parser.add_argument("--torch-only", action="store_true", help="PyTorch's figures alone")
    parser.add_argument("--json", help="append every measurement to this file, one object a line")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        (workload,) = options.workloads
        found = torch_measure(workload, options.child, options.threads)
        print(json.dumps({"workload": workload, "mode": options.child, **found}))
        return

    unknown = sorted(set(options.workloads) - set(WORKLOADS))
    if unknown:
        parser.error(f"unknown workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    precisions = options.modes.split(",")
    if not set(precisions) <= {"float32", "bf16", "int8"} or options.rounds < 1:
        parser.error("--modes takes float32, bf16 and int8; --rounds at least 1")
    if not options.torch_only and not os.access(options.specola, os.X_OK):
        parser.error(f"no specola at {options.specola}; build it, or give --specola PATH")
    # Compiling in the same process keeps its processor time ours, not something else's.
    environment = {**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    threads = ["--threads", str(options.threads)]

    def peer(workload, mode):
        script = [sys.executable, os.path.abspath(__file__), workload, "--child", mode]
        return measure(script + threads, environment)

    def ours(workload, precision):
        bench = [options.specola, "bench", workload, "--json", "--precision", precision]
        return measure(bench + threads, environment)

    def record(side, memory, rows):
        for row in rows:
            print(f"  {side} {row['workload']} {row['mode']}: {rate(row):,.0f}", file=sys.stderr)
            if options.json:
                with open(options.json, "a") as file:
                    line = {"side": side, **row, "peak_mb": round(memory, 1)}
                    print(json.dumps(line), file=file)

    lines, memory = [], {}
    for workload in options.workloads or WORKLOADS:
        tables = {"specola": {}, "torch": {}}
        theirs = [m for m in peer_modes(workload, precisions) if not m.startswith("int8")]
        for _ in range(options.rounds):
            turns = [] if options.torch_only else [("specola", ours, p) for p in precisions]
            for side, run, mode in turns + [("torch", peer, mode) for mode in theirs]:
                rows, peak = run(workload, mode)
                record(side, peak, rows)
                for row in rows:
                    tables[side].setdefault(row["mode"], []).append(row)
                if workload == "train-baby" and mode in ("float32", "float32 eager"):
                    memory.setdefault(side, []).append(peak)
        medians = {
            side: {mode: summary(rows) for mode, rows in table.items()}
            for side, table in tables.items()
        }
        us, them = medians["specola"], medians["torch"]
        lines.append(
            f"| `{workload}` | {cell(best(us, 'float32'))} | {cell(best(them, 'float32'))} "
            f"| {ratio(best(us, 'float32'), best(them, 'float32'))} "
            f"| {cell(best(us))} | {cell(best(them))} | {ratio(best(us), best(them))} |"
        )
    print(f"\nMedians of {options.rounds} rounds, {options.threads} threads; tokens or bytes a second.\n")
    print("| workload | Specola float32 | PyTorch float32 | ratio | Specola best | PyTorch best | ratio |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    if memory:
        # Linux counts the parent's peak at exec, so neither idle figure is under this script's own.
        print("\nPeak memory of `train-baby` in float32, less the idle process:\n")
        if "specola" in memory:
            idle = measure([options.specola, "--version"], environment)[1]
            print(f"- Specola: {statistics.median(memory['specola']) - idle:.0f} MB (idle {idle:.0f} MB)")
        idle = peer("idle", "float32")[1]
        print(f"- PyTorch eager: {statistics.median(memory['torch']) - idle:.0f} MB (idle {idle:.0f} MB)")


if __name__ == "__main__":
    main()
