#!/usr/bin/env python3
"""Compares `specola tokenize DIR - --json` with transformers' AutoTokenizer, id by id.

usage: scripts/parity/check_tokenizers.py SPECOLA [DIR…]

Every DIR (a checkpoint of specola's, say) is compared, and without one some directories that
transformers itself writes: a trained BPE with and without a template, with merges as pairs, and
GPT-2's older vocab.json + merges.txt. Texts: Tests/Fixtures/tricky_texts.py and random ones.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # this file's name is a package's
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "Tests", "Fixtures"))
from tricky_texts import TEXTS

ALPHABETS = [
    "abcdefghij ", "ab'strevmld ", " \t\n\r\u00a0x", "àèéìòù perché", "0123456789.,- ١٢½",
    "漢字テスト한국", "😀👩‍🇮🇹e\u0301", "<|endoftext|><s></s>", "!?#_-+=()[]{} ",
]


def random_texts(count):
    rng = random.Random(3)
    for _ in range(count):
        yield "".join(
            rng.choice(alphabet) for alphabet in rng.choices(ALPHABETS, k=rng.randint(1, 6))
            for _ in range(rng.randint(1, 12)))


def write_references(folder):
    """Directories as transformers writes them."""
    with open(os.path.join(ROOT, "Tests/Fixtures/tokenizer-corpus.txt"), newline="") as file:
        corpus = file.read()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train_from_iterator([corpus], trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>", "<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    marks = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    directory = os.path.join(folder, "bpe")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks).save_pretrained(directory)
    yield directory
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    directory = os.path.join(folder, "template")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    ).save_pretrained(directory)
    yield directory
    directory = os.path.join(folder, "legacy")
    os.makedirs(directory)
    tokenizer.model.save(directory)
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump({"model_type": "gpt2"}, file)
    yield directory


def compare(specola, directory):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    texts = TEXTS + list(random_texts(30))
    skipped = 0
    for text in texts:
        try:
            expected = tokenizer.encode(text)
        except Exception:  # a character that the vocabulary lacks: specola must refuse it too
            expected = None
        run = subprocess.run(
            [specola, "tokenize", directory, "-", "--json"], input=text.encode(),
            capture_output=True)
        if expected is None:
            skipped += 1
            if run.returncode == 0:
                sys.exit(f"{directory}: {text!r} is refused by transformers, accepted here")
            continue
        if run.returncode != 0:
            sys.exit(f"{directory}: {text!r}: {run.stderr.decode().strip()}")
        ids = json.loads(run.stdout)["ids"]
        if ids != expected:
            sys.exit(f"{directory}: {text!r}\n  transformers {expected}\n  specola      {ids}")
    print(f"{directory}: {len(texts) - skipped} texts with equal ids, {skipped} refused by both")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        for directory in sys.argv[2:] or write_references(folder):
            compare(sys.argv[1], directory)


main()
