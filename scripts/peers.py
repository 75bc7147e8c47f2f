#!/usr/bin/env python3
"""One workload on one peer in one mode: an object a line. scripts/compare runs it.

usage: peers.py WORKLOAD PEER MODE [--threads 2] [--folder DIR]
       peers.py --list WORKLOAD          the peers and modes that are installed, one a line

  pytorch      float32 and bf16 (autocast; weights in bf16 for decoding), eager and compiled (needs
               a C++ compiler); PyPI: torch
  ctranslate2  float32, int8: decoding; PyPI: ctranslate2 transformers
  llama.cpp    F32, BF16, Q8_0: decoding; PyPI: llama-cpp-python gguf

Weights are random: only the speed is measured. Converted models stay in --folder for the next call.
"""
import argparse
import importlib.util
import json
import os
import statistics
import sys
import time

# Vocabulary, context, width, layers, heads, and how much of it is timed.
WORKLOADS = {
    "train-nano": ((65, 64, 128, 4, 4), {"batch": 12, "steps": 40}),
    "train-baby": ((65, 256, 384, 6, 6), {"batch": 16, "steps": 2}),
    "train-sort": ((3, 11, 48, 3, 3), {"batch": 64, "steps": 100}),
    "decode-baby": ((512, 256, 384, 6, 6), {"tokens": 240}),
    "decode-124m": ((50257, 1024, 768, 12, 12), {"tokens": 64}),
    "entropy": ((260, 512, 256, 4, 4), {"tokens": 256 * 1024}),
}


def modes(workload):
    """(peer, mode, the packages that it needs)"""
    decodes = workload.startswith("decode")
    # A decoding step is a call of one row; compiling it for each cache length never pays.
    for precision in "float32", "bf16":
        for how in ["eager"] if decodes else ["eager", "compile"]:
            yield "pytorch", f"{precision} {how}", ["torch"]
    if decodes:
        for precision in "float32", "int8":
            yield "ctranslate2", precision, ["ctranslate2", "transformers", "torch"]
        for kind in "F32", "BF16", "Q8_0":
            yield "llama.cpp", kind, ["llama_cpp", "gguf"]


def median(run, times=5):
    """Seconds of the median of so many runs behind one that does not count, and the last result."""
    run()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        result = run()
        took.append(time.perf_counter() - start)
    return statistics.median(took), result


# --- PyTorch ------------------------------------------------------------------------------------


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


def pytorch(workload, mode, options):
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(options.threads)
    shape, size = WORKLOADS[workload]
    precision, how = mode.split()
    model, half = torch_model(shape), precision == "bf16"
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

        seconds, loss = median(lambda: [step(index) for index in range(steps)][-1].item())
        return {"seconds": seconds / steps, "tokens_per_s": steps * batch * context / seconds, "loss": loss}

    model.eval()
    with torch.inference_mode():
        if workload == "entropy":
            forward = torch.compile(model) if how == "compile" else model
            windows = torch.randint(256, (size["tokens"] // shape[1], shape[1])).split(8)

            def entropies():
                for window in windows:
                    with autocast:
                        logits = forward(window)
                    logs = F.log_softmax(logits.float(), -1)
                    (logs.exp() * logs).sum(-1).neg()

            seconds, _ = median(entropies, 3)
            return {"seconds": seconds, "bytes_per_s": size["tokens"] / seconds}

        dtype = torch.bfloat16 if half else torch.float32
        model = model.to(dtype)
        _, context, width, layers, heads = shape
        room = (2, 1, heads, context, width // heads)
        caches = [torch.zeros(room, dtype=dtype) for _ in range(layers)]

        def decode():
            ids = torch.zeros(1, 1, dtype=torch.long)
            for position in range(size["tokens"]):
                logits = model(ids, None, caches, position)[0, -1].float() / 0.8
                top, candidates = logits.topk(40)
                ids = candidates[torch.multinomial(top.softmax(-1), 1)].view(1, 1)

        seconds, _ = median(decode)
        return {"seconds": seconds, "tokens_per_s": size["tokens"] / seconds}


# --- The decoders -------------------------------------------------------------------------------


def made(folder, name, make):
    """A path in the folder, made by `make(path)` where it is not there."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        make(path)
    return path


def ctranslate2(workload, mode, options):
    import ctranslate2

    (vocabulary, context, width, layers, heads), size = WORKLOADS[workload]
    tokens = size["tokens"]

    def hugging_face(path):
        from tokenizers import Tokenizer, models
        from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

        shape = {"vocab_size": vocabulary, "n_positions": context, "n_embd": width}
        shape |= {"n_layer": layers, "n_head": heads, "bos_token_id": 0, "eos_token_id": 1}
        GPT2LMHeadModel(GPT2Config(**shape)).save_pretrained(path)
        words = {f"t{i}": i for i in range(vocabulary)}
        tokenizer = Tokenizer(models.WordLevel(words, unk_token="t2"))
        special = {"bos_token": "t0", "eos_token": "t1", "unk_token": "t2"}
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(path)

    def convert(path):
        from ctranslate2.converters import TransformersConverter

        source = made(options.folder, f"{workload}-hf", hugging_face)
        TransformersConverter(source).convert(path, quantization=mode)

    path = made(options.folder, f"{workload}-ct2-{mode}", convert)
    generator = ctranslate2.Generator(path, compute_type=mode, intra_threads=options.threads)
    sampling = {"sampling_topk": 40, "sampling_temperature": 0.8, "include_prompt_in_result": False}
    length = {"min_length": tokens, "max_length": tokens}
    seconds, _ = median(lambda: generator.generate_batch([["t0"]], **length, **sampling))
    return {"seconds": seconds, "tokens_per_s": tokens / seconds}


def llama_cpp(workload, mode, options):
    import gguf
    import llama_cpp
    import numpy

    (vocabulary, context, width, layers, heads), size = WORKLOADS[workload]
    tokens = size["tokens"]

    def write(path):
        kind, random = gguf.GGMLQuantizationType[mode], numpy.random.default_rng(0)
        writer = gguf.GGUFWriter(path, "gpt2")
        writer.add_context_length(context)
        writer.add_embedding_length(width)
        writer.add_block_count(layers)
        writer.add_feed_forward_length(4 * width)
        writer.add_head_count(heads)
        writer.add_layer_norm_eps(1e-5)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list([f"t{i}" for i in range(vocabulary)])
        writer.add_token_types([1] * vocabulary)
        writer.add_token_merges(["t 0"])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)

        def matrix(name, rows, columns, packed=True):
            values = (0.02 * random.standard_normal((rows, columns))).astype(numpy.float32)
            if packed and mode != "F32":
                writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
            else:
                writer.add_tensor(name, values)

        def vector(name, count, value):
            writer.add_tensor(name, numpy.full(count, value, numpy.float32))

        def norm(name):
            vector(name + ".weight", width, 1)
            vector(name + ".bias", width, 0)

        matrix("token_embd.weight", vocabulary, width)
        matrix("position_embd.weight", context, width, packed=False)
        for i in range(layers):
            block = f"blk.{i}."
            norm(block + "attn_norm")
            norm(block + "ffn_norm")
            for part, outputs, inputs in (
                ("attn_qkv", 3 * width, width),
                ("attn_output", width, width),
                ("ffn_up", 4 * width, width),
                ("ffn_down", width, 4 * width),
            ):
                matrix(f"{block}{part}.weight", outputs, inputs)
                vector(f"{block}{part}.bias", outputs, 0)
        norm("output_norm")
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    path = made(options.folder, f"{workload}-{mode}.gguf", write)
    model = llama_cpp.Llama(path, n_ctx=context, n_threads=options.threads, verbose=False)

    def decode():
        model.reset()
        drawn = model.generate([0], top_k=40, top_p=1.0, min_p=0.0, temp=0.8)
        for _, _ in zip(range(tokens), drawn):
            pass

    seconds, _ = median(decode)
    return {"seconds": seconds, "tokens_per_s": tokens / seconds}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("peer", nargs="?")
    parser.add_argument("mode", nargs="?")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default=".")
    options = parser.parse_args()
    known = [
        (peer, mode)
        for peer, mode, packages in modes(options.workload)
        if all(importlib.util.find_spec(package) for package in packages)
    ]
    if options.list:
        for entry in known:
            print("\t".join(entry))
        return
    if (options.peer, options.mode) not in known:
        sys.exit(f"peers.py: {options.peer} {options.mode} is not one of --list {options.workload}")
    run = {"pytorch": pytorch, "ctranslate2": ctranslate2, "llama.cpp": llama_cpp}[options.peer]
    found = run(options.workload, options.mode, options)
    print(json.dumps({"workload": options.workload, "mode": options.mode, **found}))


if __name__ == "__main__":
    main()
