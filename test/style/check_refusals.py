#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that every reason to refuse a model is asserted by a test.

    check_refusals.py TREE

Reads the codes from docs/refusals.md, which is generated from Refusals.def, and looks
where tests say which code they want: in EXPECT_EQ and ASSERT_EQ of the front end's
unit tests, in what lit's cases expect of a message, and in the texts of hostile cases.
Exit status 1 when a code is wanted nowhere.
"""

import re
import sys
from pathlib import Path

ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
CALL = re.compile(r"\b(?:EXPECT|ASSERT)_EQ\(")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# "LARGE-KO: ... [file-size]"; commands and comments say nothing that is checked.
EXPECTED = re.compile(r"^(?:// ?|# ?)?(?!RUN|DEFINE)[A-Z][A-Z0-9_-]*: .*$", re.MULTILINE)
BRACKETED = re.compile(r"\[([a-z0-9-]+)\]")


def codes(tree):
    return ROW.findall((tree / "docs/refusals.md").read_text(encoding="utf-8"))


def arguments(text, begin):
    """The text of a call's arguments, from behind its bracket to the one that closes."""
    depth, at = 1, begin
    while at < len(text) and depth:
        literal = LITERAL.match(text, at)
        if literal:
            at = literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[begin:at]


def of_unit_tests(tree, known):
    """Codes in literals that are lists of codes and nothing else."""
    for path in sorted((tree / "test/unit/onnx").glob("*.cpp")):
        text = path.read_text(encoding="utf-8")
        for call in CALL.finditer(text):
            for literal in LITERAL.findall(arguments(text, call.end())):
                words = literal.split(" ")
                if all(word in known for word in words):
                    yield from words


def of_lit(tree):
    for path in sorted((tree / "test").rglob("*.test")) + sorted(
            (tree / "test").rglob("*.mlir")):
        for line in EXPECTED.findall(path.read_text(encoding="utf-8")):
            yield from BRACKETED.findall(line)


def of_hostile(tree):
    """The texts of the cases themselves."""
    sys.path.insert(0, str(tree / "test/hostile"))
    from run import GROUPS  # pylint: disable=import-outside-toplevel,import-error

    for group in GROUPS:
        for case in group.GROUP.cases:
            if case.status != 0 and not case.either:
                for text in case.texts:
                    yield from BRACKETED.findall(text)


def unwanted(tree):
    """The codes that no test wants, in the order of the page."""
    known = codes(tree)
    wanted = {*of_unit_tests(tree, known), *of_lit(tree), *of_hostile(tree)}
    return [code for code in known if code not in wanted]


def main():
    tree = Path(sys.argv[1])
    if not codes(tree):
        sys.exit("docs/refusals.md: no codes were found")
    missing = unwanted(tree)
    for code in missing:
        print(f"docs/refusals.md: no test wants the code '{code}'")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
