# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds up JUnit files and prints "N passed, N failed, N skipped".

usage: count_results.py FOLDER [NAME...]

Ends with status 1 when a test failed or when one of the files NAME.xml is
missing or cannot be read: a runner that crashed must not look like success.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml

# ctest also says "skipped" of tests whose program was not built.
NOT_BUILT = ("Unable to find executable", "Required Files Missing")


def outcome(case):
    skipped = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if skipped is not None:
        return "failed" if skipped.get("message") in NOT_BUILT else "skipped"
    if case.get("status") == "disabled":
        return "skipped"
    return "failed" if case.get("status") == "fail" else "passed"


def main():
    folder = pathlib.Path(sys.argv[1])
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    paths = set(folder.glob("*.xml"))
    paths.update(folder / f"{name}.xml" for name in sys.argv[2:])
    for path in sorted(paths):
        try:
            for case in xml.parse(path).getroot().iter("testcase"):
                counts[outcome(case)] += 1
        except (OSError, xml.ParseError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            counts["failed"] += 1
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
