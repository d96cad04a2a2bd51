# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command, sends it a signal once it handles it, prints its exit status.

usage: interrupt.py SIGNAL [--after FILE] COMMAND...

With --after, not before the command has written something to the file.

Why not after a fixed time: on a busy machine the command may not have started yet,
on a fast one it may be done. Linux shows in /proc which signals a process catches.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

number = getattr(signal, sys.argv[1])
command = sys.argv[2:]
awaited = None
if command[0] == "--after":
    awaited = Path(command[1])
    command = command[2:]
# A shell may have started this in the background, where it is ignored.
signal.signal(number, signal.SIG_DFL)
process = subprocess.Popen(command)


def catches_signal():
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def has_content(path):
    return path.exists() and path.stat().st_size > 0


def is_ready():
    return catches_signal() and (awaited is None or has_content(awaited))


while process.poll() is None and not is_ready():
    time.sleep(0.001)
process.send_signal(number)
print("status", process.wait(), flush=True)
