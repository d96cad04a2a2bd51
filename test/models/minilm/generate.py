#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the token ids and the reference outputs of the MiniLM test.

The ids come from the model's own tokenizer, the outputs from onnxruntime with
every graph optimisation off, so that nothing here depends on Dure. Run by hand
when `sentences.txt` changes; README.md says where the two inputs come from.
Needs numpy, onnxruntime and tokenizers.

    generate.py --model model.onnx --tokenizer tokenizer.json
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent


def tokenize(tokenizer_file, sentences):
    """Returns the model's inputs by name, padded to the longest sentence."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    # The shipped file pads everything to 128 tokens; the test wants the shape
    # that the sentences need, which is also what a service would send.
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    rows = tokenizer.encode_batch(sentences)
    return {
        "input_ids": np.array([r.ids for r in rows], np.int64),
        "attention_mask": np.array([r.attention_mask for r in rows], np.int64),
        "token_type_ids": np.array([r.type_ids for r in rows], np.int64),
    }


def embed(hidden, mask):
    """Mean over the valid tokens, then unit length: the model card's rule."""
    weight = mask[..., None].astype(np.float32)
    mean = (hidden * weight).sum(axis=1) / weight.sum(axis=1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    args = parser.parse_args()

    sentences = (HERE / "sentences.txt").read_text().splitlines()
    inputs = tokenize(args.tokenizer, sentences)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    session = onnxruntime.InferenceSession(
        str(args.model), options, providers=["CPUExecutionProvider"]
    )
    (hidden,) = session.run(["last_hidden_state"], inputs)
    embeddings = embed(hidden, inputs["attention_mask"])

    for name, value in inputs.items():
        np.save(HERE / f"{name}.npy", value)
    np.savez(HERE / "reference.npz", last_hidden_state=hidden)
    similarity = embeddings @ embeddings.T
    np.save(HERE / "similarity.npy", similarity)
    print(hidden.shape)
    print(np.array2string(similarity, precision=3, suppress_small=True))


if __name__ == "__main__":
    main()
