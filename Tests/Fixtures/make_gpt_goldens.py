#!/usr/bin/env python3
"""Writes gpt2-tiny/ and openai-gpt-tiny/: small random models and what PyTorch makes of them.

usage: make_gpt_goldens.py        (needs torch and transformers; run it in any folder)

Each folder is a Hugging Face checkpoint with expected.json beside it. Losses are means over every
next-token prediction of the batch, in nats. Gradients are those of that mean, before clipping.
"""
import json
import pathlib

import torch
from transformers import GPT2Config, GPT2LMHeadModel, OpenAIGPTConfig, OpenAIGPTLMHeadModel

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS = 37, 24, 24, 2, 3
LENGTH, PROMPT = 16, 4  # of the batch's two sequences; of the greedy prompt, which fills the context
SIZES = dict(
    vocab_size=VOCABULARY,
    n_positions=CONTEXT,
    n_embd=WIDTH,
    n_layer=LAYERS,
    n_head=HEADS,
    resid_pdrop=0.0,
    embd_pdrop=0.0,
    attn_pdrop=0.0,
    bos_token_id=None,
    eos_token_id=None,
    attn_implementation="eager",
)
STEPS, CLIP = 10, 1.0
ADAMW = dict(lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
WEIGHT_DECAY = 0.1


def perturbed(model):
    """No bias at 0 and no gain at 1, and weights large enough that attention is not uniform."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape) * 0.2
        is_gain = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = (1 + noise if is_gain else noise).contiguous()
    model.tie_weights()
    return model.float().eval()


def mean_loss(model, batch):
    logits = model(batch).logits
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, VOCABULARY), batch[:, 1:].reshape(-1)
    )


def gradients(model):
    """For each parameter: the norm of its gradient, its first four values and its last."""
    found = {}
    for name, parameter in model.named_parameters():
        values = parameter.grad.flatten().double()
        found[name] = [values.norm().item(), *values[:4].tolist(), values[-1].item()]
    return found


def greedy(model, prompt, count):
    """The greedy tokens, and the smallest lead that one of them had."""
    ids, lead = list(prompt), float("inf")
    with torch.no_grad():
        for _ in range(count):
            best = model(torch.tensor([ids])).logits[0, -1].topk(2)
            lead = min(lead, (best.values[0] - best.values[1]).item())
            ids.append(best.indices[0].item())
    return ids[len(prompt) :], lead


def liveliest(model):
    """Of fifty prompts, the one whose continuation repeats itself least, near ties left out."""
    found = []
    for prompt in torch.randint(VOCABULARY, (50, PROMPT)).tolist():
        ids, lead = greedy(model, prompt, CONTEXT - PROMPT)
        if lead > 1e-2:
            found.append((len(set(ids)), prompt, ids))
    _, prompt, ids = max(found)
    return {"prompt": prompt, "ids": ids}


def training(model, batch):
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, **ADAMW)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = mean_loss(model, batch)
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimizer.step()
    return {
        "learning_rate": ADAMW["lr"],
        "betas": ADAMW["betas"],
        "epsilon": ADAMW["eps"],
        "weight_decay": WEIGHT_DECAY,
        "clip": CLIP,  # gradients are scaled by min(1, clip / (norm + 1e-6))
        "losses": losses,
        "gradient_norms": norms,
        "last_loss": mean_loss(model, batch).item(),
    }


def write(folder, model):
    folder.mkdir(exist_ok=True)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "generation_config.json").unlink(missing_ok=True)
    torch.manual_seed(1)
    batch = torch.randint(VOCABULARY, (2, LENGTH))
    loss = mean_loss(model, batch)
    loss.backward()
    expected = {
        "ids": batch.tolist(),
        "logits": model(batch).logits.tolist(),
        "loss": loss.item(),
        "gradients": gradients(model),
    }
    if model.config.model_type == "gpt2":
        expected["greedy"] = liveliest(model)
        expected["training"] = training(model, batch)
    text = json.dumps(expected, indent=None, separators=(",", ":"))
    (folder / "expected.json").write_text(text.replace('],"', '],\n"') + "\n")


write(HERE / "gpt2-tiny", perturbed(GPT2LMHeadModel(GPT2Config(**SIZES))))
write(HERE / "openai-gpt-tiny", perturbed(OpenAIGPTLMHeadModel(OpenAIGPTConfig(**SIZES))))
