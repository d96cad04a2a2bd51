# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Templates from a grammar, by a seed."""

import random

NAMES = ["a", "b", "c", "items", "msg", "ns", "x", "y", "text", "flag"]
VALUES = {"a": 1, "b": "Hello World", "items": [3, 1, 2], "flag": True,
          "msg": {"role": "user", "content": " hi\nthere ", "n": 2.5, "none": None},
          "text": "one two\n\nthree", "users": [{"n": "B", "v": 1}, {"n": "a", "v": 2}, {"v": 3}]}
FILTERS = ["upper", "lower", "title", "trim", "length", "string", "list", "first", "last", "join",
           "join('-')", "default('d')", "default('d', true)", "tojson", "int", "float", "abs",
           "sort", "reverse|list", "unique|list", "sum", "replace('o', '0')", "capitalize",
           "map('string')|list", "select|list", "reject('none')|list", "items|list", "dictsort",
           "round(1)", "max", "min", "indent", "e", "batch(2)|list", "map(attribute='v')|list",
           "selectattr('v')|list", "tojson(indent=2)"]
TESTS = ["defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number",
         "odd", "even", "true", "false", "in [1, 2]", "eq 1", "divisibleby 2", "boolean",
         "callable", "lower", "not none", "not defined", "not string", "sameas none"]
METHODS = ["upper()", "strip()", "split()", "split('\\n')", "items()", "keys()|list", "get('role')",
           "get('z', 'q')", "startswith('H')", "replace('l', 'L')", "lstrip('h ')", "values()|list",
           "rstrip()", "title()", "endswith('e')", "count('o')", "find('o')", "join(['p', 'q'])"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
          "and", "or", "and", "or", "+", "~", "=="]
SPACES = ["", " ", "\n", "  ", "\n\n", " \n ", "text", "\ttab\n", "a b\n  "]


class Grammar:
    """One random template. Depth keeps it short; names are often not defined."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.depth = 0
        self.loops = 0

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, of):
        return self.random.random() < of

    def atom(self):
        return self.pick([
            lambda: self.pick(NAMES), lambda: self.pick(NAMES), lambda: self.pick(list(VALUES)),
            lambda: str(self.random.randint(-3, 9)), lambda: self.pick(["1.5", "0.25", "2.0"]),
            lambda: self.pick(["'x'", "''", "'a b'", "\"it's\"", "'한국어'", "'\\n'"]),
            lambda: self.pick(["true", "false", "none"]),
            lambda: "[" + ", ".join(self.expression() for _ in range(self.random.randint(0, 3))) + "]",
            lambda: "{'k': " + self.expression() + "}",
            lambda: "(" + self.expression() + ", " + self.expression() + ")",
            lambda: "range(" + str(self.random.randint(0, 4)) + ")",
            lambda: self.pick(["loop.index", "loop.first", "loop.last", "loop.index0", "loop.length",
                               "loop.previtem", "loop.nextitem", "loop.revindex", "loop.depth"]),
            lambda: "msg" + self.pick([".role", "['content']", ".n", ".none", ".zz", ".role.x"]),
            lambda: "ns." + self.pick(NAMES), lambda: self.pick(["users", "users[0].n", "users[-1]['v']"]),
        ])()

    def expression(self):
        """Of a type that fits, most of the time."""
        if self.chance(0.06):
            return self.wild()
        return self.pick([self.text, self.text, self.number, self.row, self.truth])()

    def nested(self, simple, others):
        """One of `others`, or something simple where it is deep."""
        self.depth += 1
        try:
            return self.pick(simple if self.depth > 4 or self.chance(0.4) else others)()
        finally:
            self.depth -= 1

    def text(self):
        t, n, e = self.text, self.number, self.expression
        return self.nested(
            [lambda: self.pick(["'x'", "''", "'a b'", "\"it's\"", "'한국어'", "'\\n'", "text", "b",
                                "msg.role", "msg['content']"])],
            [lambda: t() + " + " + t(), lambda: e() + " ~ " + e(), lambda: f"({t()})[{self.slice()}]",
             lambda: f"({e()})|string", lambda: f"({e()})|tojson",
             lambda: f"({t()})|" + self.pick(["upper", "lower", "title", "trim", "capitalize", "indent", "e",
                                              "replace('o', '0')", "reverse", "default('d')"]),
             lambda: f"({t()})." + self.pick(["upper()", "strip()", "replace('l', 'L')", "lstrip('h ')",
                                              "rstrip()", "title()", "split('\\n')[0]", "join(['p', 'q'])"]),
             lambda: f"({self.row()})|join(" + self.pick(["", "'-'", "', '"]) + ")",
             lambda: f"({t()} if {self.truth()} else {t()})", lambda: f"({t()} if {self.truth()})|string",
             lambda: f"({t()}) * " + self.pick("0123"),
             lambda: f"msg.get('{self.pick(['role', 'z'])}', {t()})"])

    def number(self):
        n = self.number
        return self.nested(
            [lambda: str(self.random.randint(-3, 9)), lambda: self.pick(["1.5", "0.25", "2.0", "a", "msg.n"]),
             lambda: self.pick(["loop.index", "loop.index0", "loop.length", "loop.revindex", "loop.depth"])
                     if self.loops else "7"],
            [lambda: n() + " " + self.pick("+-*") + " " + n(), lambda: f"({n()}) // 3", lambda: f"({n()}) % 4",
             lambda: f"({n()}) / 8", lambda: f"-({n()})", lambda: f"({self.row()})|length",
             lambda: f"({n()})|" + self.pick(["abs", "int", "float", "round(1)", "round"]),
             lambda: f"({self.text()})|int", lambda: f"({self.text()}).count('o')", lambda: "items|sum",
             lambda: f"[{n()}, {n()}]|" + self.pick(["max", "min", "sum", "first", "last"])])

    def row(self):
        return self.nested(
            [lambda: self.pick(["items", "users", "range(3)", "[1, 'b']", "(1, 2)", "[]", "text.split()",
                                "msg.keys()|list", "nothing"])],
            [lambda: "[" + ", ".join(self.expression() for _ in range(self.random.randint(0, 3))) + "]",
             lambda: f"({self.row()})[{self.slice()}]" if self.chance(0.2) else f"items[{self.slice()}]",
             lambda: f"({self.row()})|" + self.pick(["list", "reverse|list", "map('string')|list", "select|list",
                                                     "reject('none')|list", "batch(2)|list", "unique|list"]),
             lambda: "users|" + self.pick(["map(attribute='n')|list", "selectattr('n')|list", "sort(attribute='v')",
                                           "rejectattr('n', 'undefined')|list", "groupby('v')",
                                           "selectattr('n', 'in', ['B', 'q'])|list"]),
             lambda: f"({self.text()}).split(" + self.pick(["", "'o'", "' ', 1"]) + ")"])

    def truth(self):
        b, n, e = self.truth, self.number, self.expression
        return self.nested(
            [lambda: self.pick(["true", "false", "flag", "a", "loop.first" if self.loops else "flag",
                                "loop.last" if self.loops else "nothing", "msg.none", "msg.zz"])],
            [lambda: f"not {b()}", lambda: f"{b()} and {b()}", lambda: f"{b()} or {b()}",
             lambda: n() + self.pick([" < ", " >= ", " == ", " != "]) + n(), lambda: f"{n()} < {n()} <= {n()}",
             lambda: f"{e()} == {e()}", lambda: f"{self.text()} in {self.text()}",
             lambda: f"{e()} not in {self.row()}", lambda: f"({e()}) is " + self.pick(TESTS[:7] + TESTS[-6:]),
             lambda: f"({n()}) is " + self.pick(["odd", "even", "eq 1", "divisibleby 2", "in [1, 2]"]),
             lambda: f"({self.text()}).startswith('H')", lambda: f"ns.{self.pick(NAMES)} is defined"])

    def slice(self):
        return self.pick(["1:", ":-1", "::2", "::-1", ":2", "-2:", "1:3", ":"])

    def wild(self):
        self.depth += 1
        try:
            if self.depth > 5 or self.chance(0.35):
                return self.atom()
            e = self.wild
            return self.pick([
                lambda: e() + " " + self.pick(BINARY) + " " + e(),
                lambda: "(" + e() + " " + self.pick(BINARY) + " " + e() + ")",
                lambda: e() + "|" + self.pick(FILTERS), lambda: e() + "|" + self.pick(FILTERS),
                lambda: "(" + e() + ")|" + self.pick(FILTERS),
                lambda: e() + " is " + self.pick(TESTS),
                lambda: self.pick(NAMES) + "." + self.pick(METHODS),
                lambda: "(" + e() + ")." + self.pick(METHODS),
                lambda: "not " + e(), lambda: "-" + e(),
                lambda: e() + " if " + e() + " else " + e(), lambda: e() + " if " + e(),
                lambda: e() + "[" + e() + "]",
                lambda: self.pick(NAMES) + "[" + self.pick(["1:", ":-1", "::2", "::-1", ":2", "-2:"]) + "]",
                lambda: self.pick(["m", "n", "caller", "f"]) + "(" + self.pick(["", e(), "x=" + e()]) + ")",
                lambda: e() + " " + self.pick(["<", "=="]) + " " + e() + " " + self.pick(["<", "!="]) + " " + e(),
            ])()
        finally:
            self.depth -= 1

    def tag(self, inside):
        return ("{%" + self.pick(["", "", "-", "-", "+"]) + " " + inside + " " +
                self.pick(["", "", "-", "-", "+"]) + "%}")

    def body(self, level):
        return "".join(self.statement(level + 1) for _ in range(self.random.randint(1, 3)))

    def statement(self, level):
        if level > 4 or self.chance(0.3):
            return self.pick([
                lambda: self.pick(SPACES),
                lambda: "{{" + self.pick(["", "-"]) + " " + self.expression() + " " +
                        self.pick(["", "-"]) + "}}",
                lambda: "{#" + self.pick(["", "-"]) + " c " + self.pick(["", "-"]) + "#}",
            ])()
        return self.pick([self.output, self.condition, self.condition, self.loop, self.loop, self.assign,
                          self.assign, self.assign_block, self.macro, self.call, self.filter_block,
                          self.with_block, self.control, self.raw, self.namespace, self.generation])(level)

    def output(self, level):
        return self.pick(SPACES) + "{{ " + self.expression() + " }}" + self.pick(SPACES)

    def condition(self, level):
        text = self.tag("if " + self.truth()) + self.body(level)
        if self.chance(0.3):
            text += self.tag("elif " + self.truth()) + self.body(level)
        if self.chance(0.5):
            text += self.tag("else") + self.body(level)
        return text + self.tag("endif")

    def loop(self, level):
        target = self.pick(["x", "y", "c", "x, y", "x"])
        source = self.pick(["items", "range(3)", "users", "msg.items()", "[1, 2]", "text.split()",
                            "[[1, 2], [3, 4]]", self.row()])
        if target == "x, y" and self.chance(0.9):
            source = self.pick(["msg.items()", "[[1, 2], [3, 4]]", "msg|dictsort|list"])
        test = " if " + self.truth() if self.chance(0.2) else ""
        self.loops += 1
        text = self.tag(f"for {target} in {source}{test}") + self.body(level)
        self.loops -= 1
        if self.chance(0.2):
            text += self.tag("else") + self.body(level)
        return text + self.tag("endfor")

    def assign(self, level):
        if self.chance(0.1):
            return self.tag(f"set x, y = {self.expression()}, {self.expression()}")
        if self.chance(0.4):
            return self.tag(f"set ns.{self.pick(NAMES)} = {self.expression()}")
        # A name keeps its type, mostly.
        name, value = self.pick([("a", self.number), ("b", self.text), ("text", self.text), ("flag", self.truth),
                                 ("items", lambda: "[" + self.number() + ", " + self.number() + "]"),
                                 ("x", self.expression), ("y", self.expression), ("c", self.wild)])
        return self.tag(f"set {name} = {value()}")

    def assign_block(self, level):
        loops, self.loops = self.loops, 0
        text = self.tag("set " + self.pick(["x", "y", "b", "text"]) + self.pick(["", "", " | upper"]))
        text += self.body(level) + self.tag("endset")
        self.loops = loops
        return text

    def macro(self, level):
        loops, self.loops = self.loops, 0
        text = self.tag("macro " + self.pick(["m", "n"]) +
                        self.pick(["()", "(x)", "(x, y=1)", "(x, c=none)", "(x='d', y=x)"]))
        text += self.body(level) + self.tag("endmacro")
        self.loops = loops
        return text

    def call(self, level):
        loops, self.loops = self.loops, 0
        text = self.tag("call" + self.pick(["", "(x)"]) + " " + self.pick(["m", "n"]) +
                        self.pick(["()", "(1)", "(y=2)"]))
        text += self.body(level) + self.tag("endcall")
        self.loops = loops
        return text

    def generation(self, level):
        loops, self.loops = self.loops, 0
        text = self.tag("generation") + self.body(level) + self.tag("endgeneration")
        self.loops = loops
        return text

    def filter_block(self, level):
        return self.tag("filter " + self.pick(["upper", "trim", "replace('e', 'E')|title", "indent(2)"])) + \
            self.body(level) + self.tag("endfilter")

    def with_block(self, level):
        return self.tag("with " + self.pick(["y = ", "x = ", "x = 2, c = "]) + self.expression()) + \
            self.body(level) + self.tag("endwith")

    def control(self, level):
        if not self.loops:
            return self.output(level)
        return self.tag("if " + self.truth()) + self.tag(self.pick(["break", "continue"])) + \
            self.tag("endif")

    def raw(self, level):
        return self.pick(SPACES) + self.tag("raw").replace("+%}", "%}") + "{{ x }} {% y %}\n " + \
            self.tag("endraw") + self.pick(SPACES)

    def namespace(self, level):
        return self.tag("set ns = namespace(" + self.pick(["", "a=1", "x=[], flag=false"]) + ")")

    def template(self):
        start = self.tag("set ns = namespace(a=0, x='')") + self.tag("macro m(x)") + "[{{ x }}{{ caller(1) if caller }}]" + \
            self.tag("endmacro") + self.tag("macro n(x, y=2)") + "<{{ x }}{{ caller() if caller }}>" + \
            self.tag("endmacro") if self.chance(0.9) else ""
        return start + "".join(self.statement(0) for _ in range(self.random.randint(1, 5)))


def templates(seed, count):
    for i in range(count):
        yield Grammar(seed * 1_000_003 + i).template()
