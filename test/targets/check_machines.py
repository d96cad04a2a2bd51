#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Holds every machine description to the schema.

    check_machines.py TREE

Exit status 1 when a file breaks it or when the schema admits what it must not; 77
(skipped) without Python's jsonschema, which Debian has as python3-jsonschema.
"""

import copy
import json
import sys
from pathlib import Path

SKIPPED = 77


def changed(machine, change):
    """A copy of a description with one change."""
    wrong = copy.deepcopy(machine)
    change(wrong)
    return wrong


def main():
    try:
        from jsonschema import Draft202012Validator
    except ImportError:
        print("python3-jsonschema is not installed")
        return SKIPPED
    targets = Path(sys.argv[1]) / "targets"
    schema = json.loads((targets / "machine.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    files = sorted(targets.glob("*/machine/*.json"))
    problems = [] if files else ["there is no description"]
    for file in files:
        machine = json.loads(file.read_text("utf-8"))
        problems += [f"{file}: {e.json_path}: {e.message}" for e in validator.iter_errors(machine)]
        for section, name in ((s, n) for s, all in machine["figures"].items() for n in all):
            figure = machine["figures"][section][name]
            if "source" in figure and figure["source"] not in machine["sources"]:
                problems.append(f"{file}: {section}.{name}: no such source")
    # A schema that admits everything would show nothing.
    good = {
        "name": "m",
        "vendor": "v",
        "description": "d",
        "sources": {"s": {"title": "t", "version": "1"}},
        "figures": {
            "a": {"b": {"value": 1, "unit": "u", "grade": "log", "source": "s", "place": "p"}}
        },
    }
    figure = lambda m: m["figures"]["a"]["b"]
    changes = {
        "nothing": (lambda m: None, True),
        "an unknown figure": (
            lambda m: m["figures"]["a"].update(b={"value": None, "unit": "u"}),
            True,
        ),
        "no source": (lambda m: figure(m).pop("source"), False),
        "no place": (lambda m: figure(m).pop("place"), False),
        "another grade": (lambda m: figure(m).update(grade="guess"), False),
        "no value": (lambda m: figure(m).pop("value"), False),
        "a source of nothing": (lambda m: figure(m).update(value=None), False),
        "a list of two kinds": (lambda m: figure(m).update(value=[1, "x"]), False),
        "another field": (lambda m: m.update(more=1), False),
        "no sources": (lambda m: m.update(sources={}), False),
    }
    for what, (change, admitted) in changes.items():
        if validator.is_valid(changed(good, change)) != admitted:
            problems.append(f"the schema {'refuses' if admitted else 'admits'} {what}")
    print("\n".join(problems) or f"{len(files)} descriptions hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
