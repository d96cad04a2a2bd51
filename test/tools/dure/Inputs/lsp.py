# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what an editor sends to a language server: hello, and good-bye."""

import json
import sys

for request in (
    {"id": 0, "method": "initialize", "params": {"capabilities": {}}},
    {"id": 1, "method": "shutdown"},
    {"method": "exit"},
):
    body = json.dumps({"jsonrpc": "2.0", **request})
    sys.stdout.write(f"Content-Length: {len(body)}\r\n\r\n{body}")
