#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that the tree's own files name their license and are formatted.

    check_sources.py TREE

Looks at what git tracks. Every text file names its license in its first lines,
and C and C++ stands as clang-format leaves it. Exit status 1 when a file is
wrong, each named with its remedy; 77 (skipped) when nothing could be checked.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LICENSE_LINE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
# Files whose format has no comment, and binary data.
NO_COMMENTS = {".json", ".npy", ".npz", ".onnx", ".pb", ".dure", ".durefb",
               ".gguf", ".seed", ".xz"}
# The license itself, and sentences that a test feeds to a model.
NO_LICENSE_LINE = {"LICENSE", "test/models/minilm/sentences.txt"}
FORMATTED = {".c", ".cpp", ".h"}
# Debian 12's: another major version lays some lines out differently.
CLANG_FORMAT = "14"
SKIPPED = 77


def tracked_files(tree):
    """Paths below `tree` that git tracks, or None if it is no git checkout."""
    command = ["git", "-C", str(tree), "ls-files", "-z"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        return None
    if done.returncode:
        return None
    paths = [tree / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def lacks_license(path, name):
    if path.suffix in NO_COMMENTS or name in NO_LICENSE_LINE:
        return False
    with open(path, "rb") as file:
        # A script's first line, or an encoding's, may stand before it.
        head = [file.readline() for _ in range(3)]
    return not any(LICENSE_LINE.encode() in line for line in head)


def clang_format():
    """The command of the version that the tree is formatted with, or None."""
    for name in (f"clang-format-{CLANG_FORMAT}", "clang-format"):
        try:
            done = subprocess.run([name, "--version"], stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            continue
        if re.search(rf"version {CLANG_FORMAT}\.", done.stdout):
            return name
    return None


def is_unformatted(command, path):
    done = subprocess.run([command, str(path)], stdout=subprocess.PIPE, check=True)
    return done.stdout != path.read_bytes()


def main():
    tree = Path(sys.argv[1]).resolve()
    files = tracked_files(tree)
    if files is None:
        print(f"skipped: {tree} is no git checkout, or git is missing")
        return SKIPPED
    names = {path: path.relative_to(tree).as_posix() for path in files}
    wrong = [
        f"{names[path]}: add the line '{LICENSE_LINE}'"
        for path in files
        if lacks_license(path, names[path])
    ]
    sources = [path for path in files if path.suffix in FORMATTED]
    command = clang_format()
    if command:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda path: is_unformatted(command, path), sources)
        for path, unformatted in zip(sources, results):
            if unformatted:
                wrong.append(f"{names[path]}: run '{command} -i' on it")
    print("\n".join(wrong))
    formatted = f"{len(sources)} formatted" if command else "formatting not checked"
    print(f"{len(files)} files, {formatted}, {len(wrong)} wrong")
    if wrong:
        return 1
    return 0 if command else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
