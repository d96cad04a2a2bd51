#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes sampler_reference.txt: what transformers makes of logits.

    python sampler_reference.py > sampler_reference.txt

Each case goes through transformers' logits processors, as generate() strings them
together; frequency and presence penalties, which transformers lacks, are those
of the OpenAI API, in numpy. Behind the license a case is five lines: the options, the prompt, the
answer so far, the logits, and the tokens that are left with their probabilities.

Needs torch and transformers.
"""

import numpy as np
import torch
from transformers import LogitsProcessorList
from transformers.generation.logits_process import (
    MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
    TopKLogitsWarper, TopPLogitsWarper)

VOCABULARY = 48

OPTIONS = [
    {},
    {"temperature": 0.7},
    {"temperature": 1.8},
    {"temperature": 1, "top_k": 1},
    {"temperature": 1, "top_k": 7},
    {"temperature": 0.5, "top_k": 100},
    {"temperature": 1, "top_p": 0.9},
    {"temperature": 1.3, "top_p": 0.25},
    {"temperature": 1, "top_p": 0.0001},
    {"temperature": 1, "min_p": 0.1},
    {"temperature": 2, "min_p": 0.5},
    {"temperature": 1, "min_p": 1.0},
    {"temperature": 0.9, "top_k": 20, "top_p": 0.8},
    {"temperature": 1.1, "top_k": 20, "top_p": 0.95, "min_p": 0.05},
    {"temperature": 1, "repetition_penalty": 1.3},
    {"temperature": 1, "repetition_penalty": 0.8},
    {"temperature": 1, "presence_penalty": 1.5},
    {"temperature": 1, "frequency_penalty": 0.4},
    {"temperature": 1, "frequency_penalty": -0.6, "presence_penalty": -0.25},
    {"temperature": 0.8, "top_k": 12, "top_p": 0.9, "min_p": 0.02,
     "repetition_penalty": 1.2, "presence_penalty": 0.3,
     "frequency_penalty": 0.2},
]


def processed(options, prompt, answer, logits):
    get = options.get
    scores = torch.tensor(logits)[None]
    if (penalty := get("repetition_penalty", 1)) != 1:
        ids = torch.tensor([prompt + answer])
        scores = RepetitionPenaltyLogitsProcessor(penalty)(ids, scores)
    counts = np.bincount(answer, minlength=VOCABULARY)
    scores = scores - torch.tensor(
        get("frequency_penalty", 0) * counts
        + get("presence_penalty", 0) * (counts > 0), dtype=torch.float32)
    warpers = LogitsProcessorList()
    warpers.append(TemperatureLogitsWarper(float(get("temperature", 1))))
    if "top_k" in options:
        warpers.append(TopKLogitsWarper(get("top_k")))
    if "top_p" in options:
        warpers.append(TopPLogitsWarper(get("top_p")))
    if "min_p" in options:
        warpers.append(MinPLogitsWarper(get("min_p")))
    return warpers(None, scores)[0]


def main():
    print("# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception")
    random = np.random.default_rng(7)
    for repeat in range(2):
        for options in OPTIONS:
            logits = random.normal(0, 3, VOCABULARY).astype(np.float32)
            prompt = random.integers(0, VOCABULARY, 9).tolist()
            answer = random.integers(0, VOCABULARY, 6).tolist()
            answer += answer[:3]
            if repeat:
                # A token that is impossible, and equals at the border of top-k.
                logits[5] = -np.inf
                order = np.argsort(-logits)
                logits[order[7]] = logits[order[6]]
            scores = processed(options, prompt, answer, logits)
            left = torch.softmax(scores.double(), -1).numpy()
            if "temperature" not in options:
                options = {"temperature": 1} | options
            print(" ".join(f"{k}={v}" for k, v in options.items()))
            print(*prompt)
            print(*answer)
            print(*(f"{x:.9g}" for x in logits))
            print(*(f"{i}:{p:.9g}" for i, p in enumerate(left) if p > 0))


if __name__ == "__main__":
    main()
