#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes blocks.npz: random blocks of every GGUF type, and what PyPI's gguf makes
of them in f32.

    python blocks.py [blocks.npz]

Needs numpy and gguf. Every bit pattern of a block is a block; only scales are
chosen such that results are finite.
"""

import sys

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES

# Bytes of a block that hold f16 numbers.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2],
    "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [],
}
COUNT = {32: 24, 256: 6}


def halves(random, count):
    """Of all sizes and signs, denormal ones and zeros among them."""
    bits = random.integers(0, 0x7000, count) | random.integers(0, 2, count) << 15
    bits[0], bits[1], bits[2] = 0, 0x8000, 1
    return bits.astype("<u2").view(np.uint8).reshape(count, 2)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "blocks.npz"
    random = np.random.default_rng(6)
    arrays = {}
    for name, places in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        elements, size = GGML_QUANT_SIZES[kind]
        count = COUNT[elements]
        blocks = random.integers(0, 256, (count, size)).astype(np.uint8)
        for place in places:
            blocks[:, place : place + 2] = halves(random, count)
        if name == "MXFP4":
            blocks[:, 0] = random.integers(0, 200, count)
        with np.errstate(all="ignore"):
            values = gguf.dequantize(blocks, kind)
        assert np.isfinite(values).all(), name
        arrays[f"{name}.blocks"] = blocks.reshape(-1)
        arrays[f"{name}.values"] = values.reshape(-1)
    for name in ["F16", "BF16"]:
        numbers = random.integers(0, 65536, 256).astype("<u2")
        numbers[:4] = [0, 0x8000, 1, 0x8001]
        kind = gguf.GGMLQuantizationType[name]
        with np.errstate(all="ignore"):
            values = gguf.dequantize(numbers.view(np.uint8), kind)
        arrays[f"{name}.blocks"] = numbers.view(np.uint8)
        arrays[f"{name}.values"] = values.reshape(-1)
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
