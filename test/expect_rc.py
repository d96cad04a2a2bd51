# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command and succeeds when its exit status is the expected one.

usage: expect_rc.py STATUS COMMAND...
"""

import subprocess
import sys

got = subprocess.call(sys.argv[2:])
if got != int(sys.argv[1]):
    print(f"exit status {got}, expected {sys.argv[1]}: {sys.argv[2:]}", flush=True)
    sys.exit(1)
