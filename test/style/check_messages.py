#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that what is said to users in English has its Korean, and no more.

    check_messages.py TREE

The texts of the runtime, the drivers, the front end and the targets are written
in English where they arise; catalogues (.def) give the Korean of each, found by the
English. This reads the sources for the texts that they put together, and
reports a text that no catalogue knows, and an entry whose English nothing says
any more. Exit status 1 when something is wrong.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from cxx_texts import (EVERY, FIRST, HOLE, REST, Calls, closing, literal, said,
                       split, tokens, without_formats)

RUNTIME_CALLS = Calls(
    {"Status": 1, "invalidArgument": 0, "dataLoss": 0, "damaged": 0, "unknown": 0,
     "systemError": 1, "noIndex": 0, "at": 0, "checkName": 1, "checkText": 1,
     "readOnly": 0},
    after={"systemError": ": " + HOLE, "at": ": " + HOLE})
DRIVER_CALLS = Calls(
    {"error": FIRST, "refuse": FIRST, "range": FIRST, "relocations": FIRST},
    formats=True)
TEXT_CALLS = Calls(
    {"Status": 1, "invalidArgument": 0, "dataLoss": 0, "refuse": EVERY, "fail": 0,
     "at": 0},
    after={"at": ": " + HOLE})
TEMPLATE_CALLS = Calls({"fail": 0, "failAt": 1, "failLimit": 0, "undefined": 0,
                        "Status": 1, "invalidArgument": 0, "unexpected": 0})
TEMPLATES = ("runtime/text/jinja", "runtime/text/ChatTemplate.cpp")
IMPORTER_CALLS = Calls({"refuse": 1, "fail": 1, "refusalOf": 2})
DIALECT_CALLS = Calls({"refuse": REST})
COMPILER_CALLS = Calls(
    {"emitError": FIRST, "emitOpError": 0, "createStringError": 0, "fail": 1,
     "Unsupported": EVERY},
    streams=True, before={"emitOpError": "'" + HOLE + "' op "})

# What only an author of a driver or a host can cause stays in English.
AUTHORS = re.compile(
    r".*(?:NULL|null|struct_size|a timeline|unfinished|array|no timeline|"
    r"extension)|submit: \0+ \0+,")
# Attributes and fields of the model.
NAMES = re.compile(r"[A-Za-z_]+(?: \0)?$")
NOTHING = re.compile(r"(?!)")


@dataclass
class Speaker:
    """Sources that make texts with the same functions."""

    calls: Calls
    sources: list
    # Parts of the sources that others speak in.
    but: tuple = ()

    def files(self, tree):
        others = set(files(tree, self.but))
        return (path for path in files(tree, self.sources) if path not in others)


@dataclass
class Group:
    """A catalogue, and who says its texts."""

    catalogue: str
    speakers: list
    # Sources that say texts of the catalogue by other means than calls.
    also: tuple = ()
    # Another catalogue that texts may stand in.
    beside: str = ""
    # Texts that need no Korean.
    in_english: re.Pattern = NOTHING

    def files(self, tree):
        """All files that say texts of the catalogue."""
        for speaker in self.speakers:
            yield from speaker.files(tree)
        yield from files(tree, self.also)


GROUPS = [
    Group("runtime/base/Messages.def",
          [Speaker(RUNTIME_CALLS,
                   ["runtime/api", "runtime/base", "runtime/host", "runtime/io",
                    "runtime/llm", "runtime/package", "runtime/trace",
                    "runtime/weights"])],
          also=("compiler/package",)),
    Group("runtime/text/Messages.def",
          [Speaker(TEXT_CALLS, ["runtime/text"], but=TEMPLATES)],
          in_english=NAMES),
    Group("runtime/text/jinja/Messages.def", [Speaker(TEMPLATE_CALLS, TEMPLATES)]),
    Group("runtime/drivers/Messages.def",
          [Speaker(DRIVER_CALLS,
                   ["runtime/drivers/support/Queue.cpp",
                    "runtime/drivers/support/Record.cpp", "targets/cpu/driver",
                    "targets/rngd/driver/RngdDriver.cpp",
                    "targets/rngd/driver/Simulator.cpp"])],
          also=("runtime/drivers/support", "dialects/dure/Faults.h"),
          in_english=AUTHORS),
    Group("frontends/onnx/Clauses.def",
          [Speaker(IMPORTER_CALLS, ["frontends/onnx"]),
           Speaker(DIALECT_CALLS, ["dialects/dure/Inference.cpp"])],
          also=("dialects/dure/SizeRules.cpp",),
          beside="runtime/base/Messages.def", in_english=NAMES),
    Group("compiler/Diagnostics.def",
          [Speaker(COMPILER_CALLS, ["compiler/package", "compiler/dispatch"])],
          also=("compiler/Phases.cpp", "compiler/Explain.cpp",
                "compiler/passes/specialize"),
          beside="runtime/base/Messages.def"),
    Group("targets/rngd/compiler/Messages.def",
          [Speaker(COMPILER_CALLS, ["targets/rngd/compiler/RngdTarget.cpp"])],
          also=("targets/rngd/compiler",)),
    Group("targets/cpu/compiler/Messages.def",
          [Speaker(COMPILER_CALLS, ["targets/cpu/compiler"])]),
    Group("targets/reference/compiler/Messages.def",
          [Speaker(COMPILER_CALLS, ["targets/reference/compiler"])]),
]

# Words of the C library for errno values: capitalized, without a period.
SYSTEM = re.compile(r"[A-Z][a-z]+(?:[ /-][A-Za-z]+)*$")
# The stable code of a refusal.
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")
# A particle that fits either consonants or vowels, behind a value.
PARTICLE = re.compile(r"\{\d\}'?(?:은|는|이|가|을|를|와|과|으로|로)(?![가-힣(])")
MACROS = {"DURE_TEXT", "DURE_CLAUSE"}
VALUE = re.compile(r"\{\d\*?\}")


class Catalogue:
    """The English of a catalogue's entries."""

    def __init__(self, pairs):
        self.texts = {normal(english) for english, _ in pairs}
        self.patterns = []
        for english, _ in pairs:
            pieces = re.split(r"(\{\d\*?\})", english)
            # Values are texts of the catalogue themselves where a star says so.
            stars = [p[-2] == "*" for p in pieces[1::2]]
            pattern = "(.*?)".join(re.escape(p) for p in pieces[::2])
            self.patterns.append((re.compile(pattern, re.S), stars))

    def has(self, text):
        """Whether an entry reads like a text, and others like its values."""
        return any(self.knows_values(text, match.groups(), stars)
                   for pattern, stars in self.patterns
                   if (match := pattern.fullmatch(text)))

    def knows_values(self, text, values, stars):
        return all(not star or value.strip(HOLE) in ("", "\n") or
                   (value != text and self.has(value))
                   for value, star in zip(values, stars))


def normal(text):
    """A text with one hole where several meet."""
    return re.sub(HOLE + "+", HOLE, VALUE.sub(HOLE, text))


def shown(text):
    return repr(text.replace(HOLE, "{}"))


def entries(path):
    """(English, Korean) of a catalogue, with its own kinds of holes."""
    found = []
    all_tokens = tokens(path)
    for i, token in enumerate(all_tokens):
        if token in MACROS and all_tokens[i + 1] == "(":
            end = closing(all_tokens, i + 1)
            pair = split(all_tokens[i + 2:end], ",")
            found.append(["".join(map(literal, each)) for each in pair])
    return found


def files(tree, places):
    for place in places:
        path = tree / place
        yield from ([path] if path.is_file() else
                    sorted(p for p in path.rglob("*") if p.suffix in (".cpp", ".h")))


def wrong_entries(catalogue, pairs):
    for english, korean in pairs:
        is_words = normal(english) != normal(korean)
        if is_words and not (english and re.search("[가-힣]", korean)):
            yield f"{catalogue}: {english!r} has no Korean"
        english_values, korean_values = (
            set(re.findall(r"\{(\d)", each)) for each in (english, korean))
        if not korean_values <= english_values:
            yield f"{catalogue}: the Korean of {english!r} has other values"
        if PARTICLE.search(korean):
            yield f"{catalogue}: a particle after a value fits one sound only: {korean!r}"
    patterns = Catalogue(pairs).patterns
    for i, (english, _) in enumerate(pairs):
        text = VALUE.sub("x", english)
        for (earlier, _), (pattern, _) in zip(pairs[:i], patterns):
            if pattern.fullmatch(text):
                yield f"{catalogue}: {english!r} must stand before {earlier!r}, which fits it"


def wants_korean(group, text):
    return (re.search("[A-Za-z]", text) and not CODE.fullmatch(text) and
            not group.in_english.match(text))


def unknown_texts(tree, group, spoken, known):
    for path, text in spoken:
        if wants_korean(group, text) and not known.has(text):
            yield (f"{path.relative_to(tree)}: {shown(text)} is in no language but "
                   f"English; add it to {group.catalogue}")


def unsaid_entries(tree, group, spoken, own):
    """Entries whose English is in no call and nowhere else in the sources."""
    words = without_formats("".join(
        literal(token) if token[0] == '"' else HOLE
        for path in group.files(tree) for token in tokens(path)))
    for text in sorted(own.texts - {text for _, text in spoken}):
        longest = max(text.split(HOLE), key=len).strip("'")
        # The operating system's words are not in the sources.
        if longest not in words and not SYSTEM.match(text):
            yield f"{group.catalogue}: nothing says {shown(text)} any more"


def wrong_group(tree, group):
    own = entries(tree / group.catalogue)
    beside = entries(tree / group.beside) if group.beside else []
    spoken = [(path, normal(text)) for speaker in group.speakers
              for path in speaker.files(tree)
              for text in sorted(said(path, speaker.calls))]
    yield from wrong_entries(group.catalogue, own)
    yield from unknown_texts(tree, group, spoken, Catalogue(own + beside))
    yield from unsaid_entries(tree, group, spoken, Catalogue(own))


def main():
    tree = Path(sys.argv[1])
    wrong = [each for group in GROUPS for each in wrong_group(tree, group)]
    print("\n".join(wrong) or "every text has its Korean")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
