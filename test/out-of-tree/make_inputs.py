# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the inputs a.npy and b.npy, f32 [2, 4], without any package.

usage: make_inputs.py FOLDER
"""

import struct
import sys

for name, values in (("a", range(8)), ("b", range(10, 90, 10))):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }"
    header += b" " * (117 - len(header)) + b"\n"
    with open(f"{sys.argv[1]}/{name}.npy", "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header)
        out.write(struct.pack("<8f", *values))
