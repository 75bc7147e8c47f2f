"""Writes tokenizer-{bpe,template,goldens}.json and tokenizer-corpus.txt.

Reference: Hugging Face tokenizers, through transformers (pip install transformers). Run here.
"""

import json
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast
from tricky_texts import TEXTS

WORDS = (
    "once upon a time there was a little fox who lived in the wood and the fox said that it's a "
    "good day don't you think we're going to the river they've seen I'll wait C'era una volta una "
    "piccola volpe che viveva nel bosco perché la città è lontana così più giù già virtù 2024 100 "
    "3.14 x² naïve café Ω 漢字 テスト 😀 हिन्दी"
).split()


def corpus():
    """A few KB of words, line ends and runs of spaces, always the same."""
    rng = random.Random(7)
    text = ""
    for _ in range(1500):
        text += rng.choice(WORDS[: rng.randint(5, len(WORDS))])
        text += rng.choice([" "] * 12 + [", ", ". ", "\n", "\n\n", "  ", "! ", "\t", "\r\n"])
    return text


def trained(text, size, minimum):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=size, min_frequency=minimum, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def ids(tokenizer, **options):
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **options)
    return [fast.encode(text) for text in TEXTS]


def learnt(tokenizer):
    """The tokens by id and the merges, as the byte alphabet writes them."""
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return {"tokens": tokens, "merges": [list(pair) for pair in model["merges"]]}


with open("tokenizer-corpus.txt", "w", newline="") as file:
    file.write(corpus())

plain = trained(corpus(), 420, 2)
plain.save("tokenizer-bpe.json", pretty=False)

# The same vocabulary with what real files add: a template, added words, a prefix space.
fancy = Tokenizer.from_str(plain.to_str())
fancy.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
fancy.add_special_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
fancy.add_tokens([AddedToken("fox", normalized=False), AddedToken("foxes", normalized=False)])
fancy.post_processor = processors.Sequence([
    processors.ByteLevel(trim_offsets=False),
    processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 420), ("</s>", 421)])])
fancy.save("tokenizer-template.json", pretty=False)

# ignore_merges: a word that is a token is taken whole though its merges are gone.
data = json.loads(plain.to_str())
data["model"]["ignore_merges"] = True
data["model"]["merges"] = data["model"]["merges"][:40]
ignoring = Tokenizer.from_str(json.dumps(data))

characters = sorted(set(corpus()))
goldens = {
    "texts": TEXTS,
    "plain": ids(plain),
    "split": ids(plain, split_special_tokens=True),
    "template": ids(fancy),
    "ignoring": ids(ignoring),
    "characters": characters,
    "character_ids": [characters.index(c) for c in corpus()[:200]],
    "trained": [
        {"size": size, "minimum": minimum} | learnt(trained(corpus(), size, minimum))
        for size, minimum in [(257, 2), (300, 1), (420, 2), (5000, 3)]],
}
with open("tokenizer-goldens.json", "w") as file:
    json.dump(goldens, file, separators=(",", ":"), sort_keys=True)
    file.write("\n")
