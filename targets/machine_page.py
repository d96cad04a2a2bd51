#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a machine description as a page for people.

    machine_page.py rngd.json rngd-machine.md [--check]

With --check nothing is written: exit status 1 when the page is not what would be.
"""

import json
import sys
from pathlib import Path

HEAD = (
    "<!-- Generated from {file} by `ninja -C build/release dure-docs`: do not edit. -->\n"
    "<!-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception -->\n"
)
ABOUT = """
Every figure is public; what is not is shown as unknown, and nothing is computed from
it. Grades: vendor's documents, log of a benchmark, third-party measurement, secondary
report, derived here from others.
"""


def number(value):
    if isinstance(value, str):
        return value
    return f"{int(value):,}" if value == int(value) and value < 1e12 else f"{value:g}"


def shown(figure):
    value = figure["value"]
    if value is None:
        return "unknown"
    return ", ".join(map(number, value)) if isinstance(value, list) else number(value)


def row(name, figure):
    origin = f"{figure['source']}: {figure['place']}" if "source" in figure else ""
    note = figure.get("note", "")
    cells = [f"`{name}`", shown(figure), figure["unit"], figure.get("grade", ""), origin, note]
    return "| " + " | ".join(cells) + " |"


def page(machine, file):
    lines = [HEAD.format(file=file), f"# {machine['vendor']} {machine['description']}", ABOUT]
    lines += ["| source | what | version | license |", "|---|---|---|---|"]
    for name, source in machine["sources"].items():
        license_name = source.get("license", "")
        lines.append(f"| {name} | {source['title']} | {source['version']} | {license_name} |")
    for section, figures in machine["figures"].items():
        lines += ["", f"## {section}", ""]
        lines += ["| figure | value | unit | grade | source | note |", "|---|---|---|---|---|---|"]
        lines += [row(name, figure) for name, figure in figures.items()]
    return "\n".join(lines) + "\n"


def main():
    arguments = [text for text in sys.argv[1:] if text != "--check"]
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, target = map(Path, arguments)
    name = "/".join(source.resolve().parts[-4:])
    text = page(json.loads(source.read_text("utf-8")), name)
    if "--check" not in sys.argv:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        return 0
    if target.exists() and target.read_text("utf-8") == text:
        return 0
    print(
        f"{target} is not what {name} says: run `ninja -C build/release dure-docs` "
        "and commit it",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
