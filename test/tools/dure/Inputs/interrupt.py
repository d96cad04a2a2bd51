# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command, sends it SIGINT once it handles the signal, prints its status.

usage: interrupt.py COMMAND...

Why not after a fixed time: on a busy machine the command may not have started yet,
on a fast one it may be done. Linux shows in /proc which signals a process catches.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

process = subprocess.Popen(sys.argv[1:])


def catches_interrupt():
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)
    return False


while process.poll() is None and not catches_interrupt():
    time.sleep(0.001)
process.send_signal(signal.SIGINT)
print("status", process.wait(), flush=True)
