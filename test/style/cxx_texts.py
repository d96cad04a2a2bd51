# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the texts that C++ sources put together for people.

A text is a string with a HOLE for each value that the program fills in. A
conditional expression makes one text for each of its branches.
"""

import itertools
import re

HOLE = "\0"

# Which argument of a call holds its text: an index, or one of these.
FIRST = "the first that has text"
EVERY = "each that has text"
REST = "all behind the first, joined"

TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)\'|[A-Za-z_]\w*|\d[\w.\']*|::|->|'
    r'<<|>>|\S')
COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.S)
# Bodies of macros stay.
PREPROCESSOR = re.compile(r"^\s*#(?!define).*$", re.M)
# What may stand between string literals, such as PRIu64.
MACRO = re.compile(r"[A-Z]\w*")
CONVERSION = re.compile(r"%[#.*\d]*(?:[lhjzt]*[diuxXcsp]|\0)")
ESCAPES = {"n": "\n", "t": "\t", "0": "\0", '"': '"', "\\": "\\", "'": "'"}


class Calls:
    """The functions that a part of the tree makes texts with.

    arguments: which argument of a call holds the text, by the function's name.
    formats: texts are printf formats.
    streams: `<<` behind a call adds to its text.
    before, after: what a function adds to its text, by its name.
    """

    def __init__(self, arguments, formats=False, streams=False, before=None,
                 after=None):
        self.arguments = arguments
        self.formats = formats
        self.streams = streams
        self.before = before or {}
        self.after = after or {}

    def chosen(self, name, arguments, behind):
        """The expressions of a call that make texts."""
        which = self.arguments[name]
        if which == EVERY:
            found = arguments
        elif which == FIRST:
            found = [a for a in arguments if has_text(a)][:1]
        elif which == REST:
            found = [joined(arguments[1:])]
        else:
            found = arguments[which:which + 1]
        if self.streams and behind:
            found = [(found[0] if found else ['""']) + behind]
        return filter(has_text, found)

    def finished(self, name, text):
        """A text with what the function makes of it."""
        return (self.before.get(name, "") +
                (without_formats(text) if self.formats else text) +
                self.after.get(name, ""))


def without_formats(text):
    """A printf format with a hole for each conversion."""
    return CONVERSION.sub(HOLE, text)


def said(path, calls):
    """The texts that the calls in a file make."""
    found = set()
    all_tokens = tokens(path)
    for i, name in enumerate(all_tokens[:-1]):
        if name not in calls.arguments or all_tokens[i + 1] not in "({":
            continue
        end = closing(all_tokens, i + 1)
        arguments = split(all_tokens[i + 2:end], ",")
        behind = streamed(all_tokens, end + 1)
        for expression in calls.chosen(name, arguments, behind):
            for text in texts(expression):
                found.add(calls.finished(name, text))
    return found


def tokens(path):
    """The tokens of a file, without comments and preprocessor lines."""
    source = path.read_text().replace("\\\n", " ")
    source = COMMENT.sub(lambda m: m[0] if m[0][0] == '"' else " ", source)
    return TOKEN.findall(PREPROCESSOR.sub("", source))


def literal(token):
    """What a string literal says."""
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), token[1:-1])


def has_text(expression):
    return any(token[0] == '"' for token in expression)


def outside_brackets(expression, wanted):
    """Indices of the tokens in `wanted` that stand in no brackets."""
    depth = 0
    for i, token in enumerate(expression):
        depth += (token in "([{") - (token in ")]}")
        if depth == 0 and token in wanted:
            yield i


def closing(all_tokens, start):
    """Index of the bracket that closes the one at `start`."""
    for i in outside_brackets(all_tokens[start:], (")", "]", "}")):
        return start + i
    return len(all_tokens)


def split(expression, separator):
    """`expression` cut at the separators that stand in no brackets."""
    cuts = list(outside_brackets(expression, (separator,)))
    return [expression[a + 1:b]
            for a, b in zip([-1] + cuts, cuts + [len(expression)])]


def branches(expression):
    """The two values of a conditional expression; none of another."""
    marks = list(outside_brackets(expression, ("?", ":")))
    depth = 0
    for i in marks:
        depth += 1 if expression[i] == "?" else -1
        if depth == 0:
            return [expression[marks[0] + 1:i], expression[i + 1:]]
    return []


def joined(parts):
    """A sum of expressions."""
    return [token for i, part in enumerate(parts)
            for token in (["+"] if i else []) + part]


def texts(expression):
    """The texts that an expression can make."""
    if not has_text(expression):
        return [HOLE]
    if expression[0] == "{" and closing(expression, 0) == len(expression) - 1:
        return [text for part in split(expression[1:-1], ",") for text in texts(part)]
    if both := branches(expression):
        return texts(both[0]) + texts(both[1])
    terms = split(expression, "+")
    if len(terms) > 1:
        return ["".join(each) for each in itertools.product(*map(texts, terms))]
    if all(token[0] == '"' or MACRO.fullmatch(token) for token in expression):
        return ["".join(literal(token) if token[0] == '"' else HOLE
                        for token in expression)]
    if "(" in expression and closing(expression, expression.index("(")) == len(expression) - 1:
        start = expression.index("(")
        if "".join(expression[:start]) in ("", "std::string", "std::move"):
            return texts(expression[start + 1:-1])
    return [HOLE]


def streamed(all_tokens, at):
    """What `<<` adds from the index `at` on, as an expression of sums."""
    added = []
    while all_tokens[at:at + 1] == ["<<"]:
        rest = all_tokens[at + 1:]
        end = next(i for i, token in enumerate(rest)
                   if token in (")", ";", "<<", ":", ",", "]")
                   and balanced(rest[:i]))
        added += ["+"] + rest[:end]
        at += 1 + end
    return added


def balanced(expression):
    return (sum(token in "([{" for token in expression) ==
            sum(token in ")]}" for token in expression))
