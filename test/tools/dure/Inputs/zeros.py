# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes an .npz whose array 'a' is float32 [N, 4] of zeros.

usage: zeros.py FILE N
"""

import struct
import sys
import zipfile

rows = int(sys.argv[2])
head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 4), }}"
head += " " * (-(11 + len(head)) % 64) + "\n"
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("a.npy", "w", force_zip64=True) as entry:
        entry.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode())
        for first in range(0, rows, 1 << 16):
            entry.write(bytes(16 * min(1 << 16, rows - first)))
