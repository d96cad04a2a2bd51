#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command again and again, a file of it cut off at each time it is mapped.

usage: cut_off.py PRELOADED FOLDER FILE COMMAND ...

The command runs in a fresh copy of FOLDER, where FILE is. At its n-th mapping, for
each n that there is, FILE loses its bytes (PRELOADED does that), and the command
must end with status 1, one message, and nothing left behind. Prints how often the
message named the file; exit status 1 when something was wrong or it never did.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def listing(folder):
    """Its files. A folder for outputs is made before a run, whatever comes of it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if not path.is_dir())


def run(preloaded, folder, name, command, at):
    """What is wrong, whether FILE was named, and whether it was cut off at all."""
    with tempfile.TemporaryDirectory() as scratch:
        work, temporary = pathlib.Path(scratch, "work"), pathlib.Path(scratch, "tmp")
        shutil.copytree(folder, work)
        temporary.mkdir()
        before = listing(work)
        ended = subprocess.run(
            command, cwd=work, capture_output=True, text=True, check=False,
            env={**os.environ, "LD_PRELOAD": preloaded, "TMPDIR": str(temporary),
                 "XDG_CACHE_HOME": str(pathlib.Path(scratch, "cache")),
                 "DURE_TEST_CUT_OFF": str(work / name), "DURE_TEST_CUT_OFF_AT": str(at)})
        if (work / name).stat().st_size:
            return ("" if ended.returncode == 0 else
                    f"status {ended.returncode} without a cut: {ended.stderr}"), False, False
        lines = ended.stderr.splitlines()
        wrong = []
        if ended.returncode != 1:
            wrong.append(f"status {ended.returncode}")
        if len(lines) != 1 or not lines[0].startswith(("error: ", "오류: ")):
            wrong.append(f"stderr: {ended.stderr}")
        if listing(work) != before or listing(temporary):
            wrong.append(f"left: {set(listing(work)) - set(before)} {listing(temporary)}")
        named = f"{work / name} " in ended.stderr and any(
            words in ended.stderr for words in ("was cut off while it was read", "잘렸거나"))
        return "; ".join(wrong), named, True


def main():
    preloaded, folder, name, *command = sys.argv[1:]
    named = 0
    for at in range(1, 100):
        wrong, is_named, was_cut = run(preloaded, folder, name, command, at)
        if wrong:
            print(f"{name}: at mapping {at}: {wrong}")
            return 1
        if not was_cut:
            break
        named += is_named
    print(f"{name}: named {named} times of {at - 1}")
    return 0 if named else 1


if __name__ == "__main__":
    sys.exit(main())
