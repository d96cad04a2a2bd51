# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command, sends it a signal after some seconds, prints its exit status.

usage: interrupt.py SECONDS SIGNAL COMMAND...
"""

import signal
import subprocess
import sys
import time

process = subprocess.Popen(sys.argv[3:])
time.sleep(float(sys.argv[1]))
process.send_signal(getattr(signal, sys.argv[2]))
print("status", process.wait(), flush=True)
