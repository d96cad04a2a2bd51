#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests that the runner sees every way in which a program misbehaves."""

import argparse
import os
import pathlib
import tempfile
import unittest

import case as cases
import run

GOOD = "echo 'error: file.onnx: no [code]' >&2; exit 1"
# What the fake program does, and the complaint that it must draw.
WRONG = {
    "echo 'error: file.onnx: no [code]' >&2; exit 0": "status 0, expected 1",
    "echo 'error: file.onnx: no [code]' >&2; exit 2": "status 2, expected 1",
    "echo 'error: file.onnx: no [other]' >&2; exit 1": "lacks '[code]'",
    "echo 'file.onnx: [code]' >&2; exit 1": "does not begin",
    "exit 1": "does not begin",
    "kill -SEGV $$": "SIGSEGV",
    "kill -ABRT $$": "SIGABRT",
    "echo 'error: [code]' >&2; echo 'Stack dump:' >&2; exit 1": "Stack dump",
    "echo 'error: [code]'; echo 'LLVM ERROR: no' >&2; exit 1": "LLVM ERROR",
    "printf 'error: [code] \\033[2J' >&2; exit 1": "control character",
    "printf 'error: [code] \\377' >&2; exit 1": "not valid UTF-8",
    "yes 'error: [code]' | head -c 70000 >&2; exit 1": "characters",
    f"touch $2/stray; {GOOD}": "it left",
    f"touch $TMPDIR/stray; {GOOD}": "temporary files",
    f"touch $1/stray; {GOOD}": "changed the folder",
    f"while :; do :; done; {GOOD}": "SIGXCPU",
}


class RunnerTest(unittest.TestCase):
    def complaints(self, script, **rest):
        """What the runner says of a program that is this shell script."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            program = folder / "dure"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            one = cases.Case(
                "group.case", {"file.onnx": b""}, ["dure", cases.IN, cases.OUT], **rest
            )
            options = argparse.Namespace(bin=folder, keep=None, unlimited=False)
            return run.run_case(one, folder / "work", options)[0]

    def test_good(self):
        self.assertEqual(self.complaints(GOOD, texts=("[code]",)), [])

    def test_wrong(self):
        run.SECONDS, seconds = 1, run.SECONDS
        for script, complaint in WRONG.items():
            with self.subTest(script):
                self.assertIn(complaint, "; ".join(self.complaints(script, texts=("[code]",))))
        run.SECONDS = seconds

    def test_hang(self):
        run.WALL_SECONDS, seconds = 1, run.WALL_SECONDS
        self.assertIn("it was stopped after 1 s", self.complaints("exec sleep 30"))
        run.WALL_SECONDS = seconds

    def test_outputs(self):
        with tempfile.TemporaryDirectory() as name:
            made = pathlib.Path(name) / "y.npy"
            made.write_bytes(cases.npy("<f4", [1], b"\0\0\x80\x3f"))
            script = f"mkdir $2/o; cp {made} $2/o/y.npy"
            for number, is_right in ((1.0, True), (2.0, False)):
                wrong = self.complaints(script, status=0, outputs={"y": ("<f4", [1], [number])})
                self.assertEqual(wrong == [], is_right, wrong)
            missing = self.complaints("exit 0", status=0, outputs={"y": ("<f4", [1], [1.0])})
            self.assertIn("No such file", "".join(missing))

    def test_names_are_unique(self):
        names = [case.name for group in run.GROUPS for case in group.GROUP.cases]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 500)

    def test_every_case_says_why(self):
        for group in run.GROUPS:
            for case in group.GROUP.cases:
                self.assertTrue(case.texts or case.status == 0, case.name)


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).parent)
    unittest.main()
