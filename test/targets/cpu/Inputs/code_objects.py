# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the code objects of a package as FOLDER/<variant>.so.

usage: dure inspect PACKAGE --json | code_objects.py PACKAGE FOLDER

Code follows the header (docs/package-format.md).
"""

import json
import sys
from pathlib import Path

HEADER = 4096

package, folder = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
folder.mkdir()
for variant in json.load(sys.stdin)["variants"]:
    (code,) = variant["code_objects"]
    start = HEADER + code["offset"]
    name = variant["compatibility"].partition(":")[0]
    (folder / f"{name}.so").write_bytes(package[start : start + code["bytes"]])
