# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the suites that hold many cases, so that each case is counted.

usage: run_suites.py BUILD_FOLDER RESULTS_FOLDER LABELS

A suite is a ctest test whose label matches the regular expression LABELS and
whose program takes --junit FILE. What ctest knows of it (command, environment,
the exit status that means "skipped") is asked of ctest, not repeated here.
"""

import json
import pathlib
import subprocess
import sys
from xml.sax.saxutils import quoteattr


def single_case(path, name, element):
    """A results file for a suite that wrote none itself."""
    path.write_text(
        f"<testsuite name={quoteattr(name)}><testcase name={quoteattr(name)}>"
        f"{element}</testcase></testsuite>\n",
        "utf-8",
    )


def main():
    build, results, labels = sys.argv[1:]
    listing = subprocess.run(
        ["ctest", "--test-dir", build, "--show-only=json-v1", "-L", labels],
        check=True,
        stdout=subprocess.PIPE,
    )
    for test in json.loads(listing.stdout)["tests"]:
        name = test["name"]
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        path = pathlib.Path(results).resolve() / f"{name}.xml"
        print(f"-- {name}", flush=True)
        if "command" not in test:
            single_case(path, name, "<failure message='not built'/>")
            continue
        try:
            status = subprocess.run(
                test["command"] + ["--junit", str(path)],
                cwd=properties.get("WORKING_DIRECTORY", build),
                timeout=float(properties.get("TIMEOUT", 3600)),
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            status = error
        if status == properties.get("SKIP_RETURN_CODE"):
            single_case(path, name, "<skipped message='its data is not there'/>")
        elif not path.exists():
            failure = f"ended with {status} and left no results"
            single_case(path, name, f"<failure message={quoteattr(failure)}/>")
        elif status != 0 and "<failure" not in path.read_text("utf-8"):
            # What is wrong with the suite itself: a list that names no test.
            single_case(
                path.with_suffix(".suite.xml"),
                name,
                f"<failure message={quoteattr(f'ended with {status}')}/>",
            )


main()
