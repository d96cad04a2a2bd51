# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks embeddings in both formats.

    check_vectors.py OUT.npy OUT.json

Three vectors of length 1, the same in both; the first and the last, which are of
the same text, are equal, and the second is not.
"""

import json
import math
import struct
import sys
from pathlib import Path

data = Path(sys.argv[1]).read_bytes()
values = struct.unpack("<192f", data[-192 * 4:])
rows = [values[i * 64:(i + 1) * 64] for i in range(3)]
assert b"(3, 64)" in data[:128]
for row in rows:
    assert abs(math.sqrt(sum(x * x for x in row)) - 1) < 1e-5
assert rows[0] == rows[2] != rows[1]
again = json.loads(Path(sys.argv[2]).read_text())["embeddings"]
assert all(abs(a - b) < 1e-6 for x, y in zip(rows, again) for a, b in zip(x, y))
