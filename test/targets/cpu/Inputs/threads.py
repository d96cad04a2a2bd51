# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a package with 1, 2 and 3 threads and compares the outputs byte for byte.

usage: threads.py PACKAGE OUT INPUT...

INPUT is a file for each input of `main`, in the order of its signature, or one
folder that holds them as input_0.pb, input_1.pb, ...
"""

import json
import pathlib
import subprocess
import sys

package, out = sys.argv[1], pathlib.Path(sys.argv[2])
said = subprocess.run(
    ["dure", "inspect", package, "--json"], check=True, stdout=subprocess.PIPE
)
entries = json.loads(said.stdout)["entries"]
main = next(entry for entry in entries if entry["name"] == "main")
files = [pathlib.Path(text) for text in sys.argv[3:]]
if files[0].is_dir():
    files = [files[0] / f"input_{i}.pb" for i in range(len(main["inputs"]))]
inputs = []
for value, file in zip(main["inputs"], files, strict=True):
    inputs += ["--input", f"{value['name']}={file}"]

results = {}
for threads in ("1", "2", "3"):
    folder = out / threads
    command = ["dure", "run", package, *inputs, "--threads", threads]
    subprocess.run(
        [*command, "--output-dir", folder], check=True, stdout=subprocess.DEVNULL
    )
    results[threads] = {p.name: p.read_bytes() for p in folder.glob("*.npy")}
for name in results["1"]:
    for threads in ("2", "3"):
        if results[threads][name] != results["1"][name]:
            sys.exit(f"{name} differs between 1 and {threads} threads")
print(len(results["1"]), "outputs are the same with 1, 2 and 3 threads")
