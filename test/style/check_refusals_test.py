#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests check_refusals.py on a small tree of its own."""

import tempfile
import unittest
from pathlib import Path

import check_refusals

PAGE = """
| code | reason |
|---|---|
| `one` | R. |
| `two-words` | R. |
| `three` | R. |
"""


class CheckRefusals(unittest.TestCase):
    def unwanted(self, unit="", lit="", hostile=""):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            for folder in ("docs", "test/unit/onnx", "test/lit"):
                (tree / folder).mkdir(parents=True)
            (tree / "docs/refusals.md").write_text(PAGE)
            (tree / "test/unit/onnx/T.cpp").write_text(unit)
            (tree / "test/lit/a.test").write_text(lit)
            check_refusals.of_hostile = lambda tree: check_refusals.BRACKETED.findall(hostile)
            return check_refusals.unwanted(tree)

    def test_nothing_is_wanted(self):
        self.assertEqual(self.unwanted(), ["one", "two-words", "three"])

    def test_every_kind_of_test_counts(self):
        self.assertEqual(
            self.unwanted('EXPECT_EQ(codesOf(f("("), 1),\n "one");', "A: [two-words] Do.\n",
                          "[three]"),
            [])

    def test_lists_of_codes_count(self):
        self.assertEqual(self.unwanted('ASSERT_EQ(c, "one two-words");'), ["three"])

    def test_what_is_not_compared_does_not_count(self):
        self.assertEqual(
            self.unwanted('codesOf(x, "one"); EXPECT_EQ(f(x), "two-words are left");',
                          "RUN: grep [three]\n# [two-words]\n"),
            ["one", "two-words", "three"])


if __name__ == "__main__":
    unittest.main()
