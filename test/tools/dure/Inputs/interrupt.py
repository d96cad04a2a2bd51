# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command, sends it SIGINT after some seconds, prints its exit status.

usage: interrupt.py SECONDS COMMAND...
"""

import signal
import subprocess
import sys
import time

process = subprocess.Popen(sys.argv[2:])
time.sleep(float(sys.argv[1]))
process.send_signal(signal.SIGINT)
print("status", process.wait(), flush=True)
