#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs packages of filled-constants.test and compares every element.

usage: filled.py PACKAGE ...
"""

import pathlib
import struct
import subprocess
import sys

COUNT = 70000
# struct's letter, the element, how many there are.
EXPECTED = {
    "f32": ("f", 0.1, COUNT),
    "i64": ("q", -7, COUNT),
    "f64": ("d", 0.1, COUNT),
    "f16": ("e", -10.0, COUNT),
    "i1": ("B", 1, COUNT),
    "i8": ("b", -3, COUNT),
    "small": ("f", 7.0, 16),
    "sum": ("f", 2.1, COUNT),
}


def npy(path, values):
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(values)},), }}"
    head += " " * (-(11 + len(head)) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode()
                     + struct.pack(f"<{len(values)}f", *values))


def main():
    for package in map(pathlib.Path, sys.argv[1:]):
        if package.stat().st_size > 500_000:
            sys.exit(f"{package} has {package.stat().st_size} bytes")
        given, out = package.with_suffix(".npy"), package.with_suffix(".out")
        npy(given, [2.0] * COUNT)
        subprocess.run(["dure", "run", str(package), "--input", f"x={given}",
                        "--output-dir", str(out)], check=True)
        for name, (letter, element, count) in EXPECTED.items():
            content = (out / f"{name}.npy").read_bytes()
            wanted = struct.pack(f"<{letter}", element) * count
            if not content.endswith(wanted) or len(content) - len(wanted) > 256:
                sys.exit(f"{package}: {name} is not {count} times {element}")


if __name__ == "__main__":
    main()
