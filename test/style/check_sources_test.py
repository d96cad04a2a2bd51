#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests check_sources.py on small trees of its own."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import check_sources

LINE = check_sources.LICENSE_LINE
SCRIPT = Path(check_sources.__file__)


class CheckSources(unittest.TestCase):
    def check(self, files):
        """Exit status and output for a checkout of these files."""
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            for path, text in files.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(text)
            subprocess.run(["git", "-C", name, "init", "-q"], check=True)
            subprocess.run(["git", "-C", name, "add", "."], check=True)
            (tree / "untracked.cpp").write_text("int   untracked;\n")
            done = subprocess.run(
                [sys.executable, SCRIPT, name], stdout=subprocess.PIPE, text=True
            )
            return done.returncode, done.stdout

    def test_license_line_is_wanted(self):
        files = {
            "good.py": f"#!/usr/bin/env python3\n# {LINE}\n",
            "bad.py": "print(1)\n",
            "late.md": "\n" * 5 + LINE,
            "data.json": "{}",
        }
        status, output = self.check(files)
        self.assertEqual(status, 1)
        self.assertIn("bad.py: add the line", output)
        self.assertIn("late.md: add the line", output)
        self.assertIn("2 wrong", output)

    @unittest.skipUnless(check_sources.clang_format(), "no clang-format")
    def test_sources_are_formatted(self):
        files = {
            "good.cpp": f"// {LINE}\nint good;\n",
            "bad/bad.h": f"// {LINE}\nint   bad;\n",
        }
        status, output = self.check(files)
        self.assertEqual(status, 1)
        self.assertIn("bad/bad.h: run 'clang-format", output)
        self.assertIn("1 wrong", output)
        del files["bad/bad.h"]
        status, output = self.check(files)
        self.assertEqual((status, "1 formatted" in output), (0, True), output)

    def test_what_is_no_checkout_is_skipped(self):
        with tempfile.TemporaryDirectory() as name:
            done = subprocess.run(
                [sys.executable, SCRIPT, name], stdout=subprocess.PIPE, text=True
            )
        self.assertEqual(done.returncode, check_sources.SKIPPED)


if __name__ == "__main__":
    unittest.main()
