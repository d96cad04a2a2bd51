# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Has the vendor's compiler estimate every kernel of a folder, and prints what it
answers; exit status 1 where it takes one not.

usage: evaluate_tcl.py TOOL FOLDER
"""

import pathlib
import subprocess
import sys

tool, folder = sys.argv[1:]
refused = 0
for kernel in sorted(pathlib.Path(folder).glob("*.tc")):
    command = [tool, "--target-npu", "renegade-8pe", "--evaluate-tcl", kernel]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    last = (done.stdout.strip().splitlines() or ["nothing"])[-1]
    taken = done.returncode == 0 and last.isdigit() and int(last) > 0
    refused += not taken
    print(kernel.stem, last if taken else f"REFUSED: {last} {done.stderr[-300:]}")
print(f"{refused} refused")
sys.exit(refused > 0)
