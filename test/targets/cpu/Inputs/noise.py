# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a float32 .npy of numbers in [-1, 1), the same ones each time.

usage: noise.py FILE DIM...
"""

import math
import random
import struct
import sys

dims = [int(text) for text in sys.argv[2:]]
shape = "(" + "".join(f"{dim}, " for dim in dims) + ")"
head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
head += " " * (-(11 + len(head)) % 64) + "\n"
draw = random.Random(1)
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode())
    for _ in range(math.prod(dims)):
        file.write(struct.pack("<f", draw.uniform(-1, 1)))
