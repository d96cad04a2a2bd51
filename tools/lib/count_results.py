# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds up JUnit files and prints "N passed, N failed, N skipped".

usage: count_results.py FOLDER

Ends with status 1 when a test failed, when FOLDER holds no results, or when a
runner left a file that cannot be read: a crash must not look like success.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml


def main():
    passed = failed = skipped = 0
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.xml"))
    for path in files:
        try:
            cases = list(xml.parse(path).getroot().iter("testcase"))
        except xml.ParseError as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed += 1
            continue
        for case in cases:
            bad = case.find("failure") is not None or case.find("error") is not None
            if bad or case.get("status") == "fail":
                failed += 1
            elif case.find("skipped") is not None or case.get("status") in (
                "notrun",
                "disabled",
            ):
                skipped += 1
            else:
                passed += 1
    if not files:
        failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


main()
