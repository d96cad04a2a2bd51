#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes cases.tar.xz: templates, what they are given, and what jinja2 makes of them.

    write_cases.py

Needs transformers and jinja2. One JSON object a line: of templates.jsonl a template
with its values, of chats.jsonl one with a whole conversation; both with the text, or
the name of the error.
"""

import json
import sys
import warnings
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "models"))

import expressions
import families
import oracle
import random_templates
import statements
from archive import write_archive

RANDOM_TEMPLATES = 2500
SEED = 20250309


def template_cases():
    for template in dict.fromkeys(expressions.templates()):
        yield oracle.render(template, {})
    for template in statements.templates():
        yield oracle.render(template, statements.VALUES)
    for template in random_templates.templates(SEED, RANDOM_TEMPLATES):
        case = oracle.render(template, random_templates.VALUES)
        if case:
            # The same for all of them.
            case["values"] = "random"
        yield case


def chat_cases():
    for template in families.TEMPLATES.values():
        for request in families.requests():
            yield oracle.render_chat(template, **request)


def lines(cases):
    found = [json.dumps(each, ensure_ascii=False) for each in cases if each]
    return ("\n".join(found) + "\n").encode()


def main():
    warnings.simplefilter("ignore")
    write_archive(Path(__file__).with_name("cases.tar.xz"), {
        "cases/templates.jsonl": lines(template_cases()),
        "cases/chats.jsonl": lines(chat_cases()),
        "cases/random.json": json.dumps(random_templates.VALUES).encode(),
    })


if __name__ == "__main__":
    main()
