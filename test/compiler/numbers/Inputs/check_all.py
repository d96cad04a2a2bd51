# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks the cases of make.py whose names begin as said: with the weights left in
the model, and those named linear_ with the weights in the package, too.

usage: check_all.py FOLDER PREFIX...
"""

import pathlib
import struct
import subprocess
import sys


def run(*command):
    """What the command says when it fails; nothing when it does not."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode() if done.returncode else ""


def last_floats(data, count):
    return struct.unpack(f"<{count}f", data[-4 * count :])


def check_embedded(case):
    data, package = case / "data" / "test_data_set_0", case / "model.dure"
    said = run("dure", "compile", case / "model.onnx", "-o", package)
    said = said or run(
        "dure", "run", package, "--input", f"x={data / 'input_0.pb'}", "--output-dir", case
    )
    if said:
        return said
    # Behind the header there are only numbers; a tensor ends with its own.
    result = (case / "y.npy").read_bytes()
    count = (len(result) - 10 - struct.unpack("<H", result[8:10])[0]) // 4
    expected = (data / "output_0.pb").read_bytes()
    pairs = zip(last_floats(result, count), last_floats(expected, count))
    wrong = [(y, want) for y, want in pairs if abs(y - want) > 1e-5 * (1 + abs(want))]
    return f"embedded: {wrong}" if wrong else ""


root = pathlib.Path(sys.argv[1])
cases = [p for p in sorted(root.iterdir()) if p.name.startswith(tuple(sys.argv[2:]))]
failed = 0
for case in cases:
    command = ["dure", "check", case / "model.onnx", "--data", case / "data"]
    said = run(*command, "--atol", "1e-5", "--rtol", "1e-5")
    if not said and case.name.startswith("linear_"):
        said = check_embedded(case)
    if said:
        failed += 1
        print(f"{case.name}:\n{said}")
print(f"{failed} of {len(cases)} models differ" if failed else f"{len(cases)} models match")
sys.exit(failed != 0)
