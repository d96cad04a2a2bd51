# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graphs in graphs, types in types, and functions that call functions."""

from case import Group, npy
from wire import *

GROUP = Group("nesting")
refused = GROUP.refused

X = [value("x", FLOAT, [2])]
Y = [value("y", FLOAT, [2])]
C = [value("c", BOOL, [])]
DEEP = 10_000
ONE_TWO = {"x": npy("<f4", [2], raw(FLOAT, [1.0, 2.0]))}
TRUE = {"c": npy("|b1", [], b"\1")}


# Graphs in graphs --------------------------------------------------------------------


def nested_ifs(depth):
    """y = If(c, If(c, ... Neg(x)))."""
    leaf = graph([node("Neg", ["x"], [f"v{depth}"])], [], [value(f"v{depth}", FLOAT, [2])])
    for level in reversed(range(depth)):
        other = graph([node("Abs", ["x"], [f"a{level}"])], [], [value(f"a{level}", FLOAT, [2])])
        one = node("If", ["c"], [f"v{level}"], then_branch=leaf, else_branch=other)
        leaf = graph([one], [], [value(f"v{level}", FLOAT, [2])])
    final = node("Identity", ["v0"], ["y"])
    return model(graph([*_nodes_of(leaf), final], X + C, Y))


def _nodes_of(made):
    """The bytes of the first node of a graph that has one."""
    assert made[0] == key(1, BYTES)[0]
    size, shift, at = 0, 0, 1
    while True:
        byte = made[at]
        size |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return [made[at : at + size]]


def nested_loops(depth, op):
    body = graph([node("Neg", ["x"], ["n"])], [], [value("n", FLOAT, [2])])
    for level in range(depth):
        one = node(op, ["m", "c"], [f"v{level}"], body=body)
        body = graph([one], [], [value(f"v{level}", FLOAT, [2])])
    return model(graph(_nodes_of(body), X + C, [value(f"v{depth - 1}", FLOAT, [2])]))


refused("if-10000", lambda: nested_ifs(DEEP), "node 'n-v0' (If)", code="file-too-deep")
refused("if-100", nested_ifs(100), code="file-too-deep")
GROUP.gives("if-20", nested_ifs(20), ONE_TWO | TRUE, {"y": ("<f4", [2], [-1.0, -2.0])})
for op in ("Loop", "Scan"):
    refused(f"{op}-10000", lambda op=op: nested_loops(DEEP, op), code="file-too-deep")


def nested_types(depth, tag):
    inner = field(1, field(1, 1))
    for _ in range(depth):
        inner = field(tag, field(2 if tag == 5 else 1, inner))
    return model(graph([node("Relu", ["x"], ["y"])], [field(1, "x") + field(2, inner)], Y))


for name, tag in {"sequence": 4, "map": 5, "optional": 9}.items():
    refused(
        f"{name}-10000", lambda tag=tag: nested_types(DEEP, tag), "not a tensor", code="graph-io"
    )


def nested_unknown(depth):
    inner = b""
    for _ in range(depth):
        inner = field(900, inner)
    return model(graph([node("Relu", ["x"], ["y"])], X, Y), more=inner)


GROUP.compiles("unknown-fields-10000", lambda: nested_unknown(DEEP))
refused(
    "groups-10000",
    model(graph([node("Relu", ["x"], ["y"])], X, Y), more=key(900, GROUP_START) * DEEP),
    code="file-malformed",
)

# Functions --------------------------------------------------------------------------------


def calling(functions, call=None, inputs=X, outputs=Y, **rest):
    call = call or node("f0", ["x"], ["y"], domain="f")
    return model(graph([call], inputs, outputs), functions, **rest)


def call(name, inputs=("a",), outputs=("r",), **attributes):
    return node(name, list(inputs), list(outputs), domain="f", **attributes)


def chain(depth, last=None):
    functions = [function(f"f{i}", ["a"], ["r"], [call(f"f{i + 1}")]) for i in range(depth)]
    return functions + [function(f"f{depth}", ["a"], ["r"], [last or node("Neg", ["a"], ["r"])])]


GROUP.gives("chain-50", calling(chain(50)), ONE_TWO, {"y": ("<f4", [2], [-1.0, -2.0])})
refused("chain-100", calling(chain(100)), "64 levels", code="function-depth")
refused("chain-10000", lambda: calling(chain(DEEP)), code="function-depth")
refused(
    "calls-itself",
    calling([function("f0", ["a"], ["r"], [call("f0")])]),
    "'f0'",
    code="function-cycle",
)
refused(
    "cycle-of-2",
    calling(
        [function("f0", ["a"], ["r"], [call("f1")]), function("f1", ["a"], ["r"], [call("f0")])]
    ),
    code="function-cycle",
)
refused("cycle-of-50", calling(chain(50, call("f0"))), code="function-cycle")
refused("cycle-of-10000", lambda: calling(chain(DEEP, call("f0"))), code="function-depth")
branch = graph([call("f0", ["a"], ["i"])], [], [value("i", FLOAT, [2])])
through = node("If", ["c"], ["r"], then_branch=branch, else_branch=branch)
refused(
    "cycle-through-if",
    calling(
        [
            function(
                "f0",
                ["a"],
                ["r"],
                [node("Constant", [], ["c"], value=tensor("", BOOL, [], [1])), through],
            )
        ]
    ),
    code="function-cycle",
)
body = graph(
    [call("f0", ["s"], ["t"]), node("Identity", ["go"], ["go2"])],
    [value("i", INT64, []), value("go", BOOL, []), value("s", FLOAT, [2])],
    [value("go2", BOOL, []), value("t", FLOAT, [2])],
)
refused(
    "cycle-through-loop",
    calling(
        [
            function(
                "f0",
                ["a"],
                ["r"],
                [
                    node("Constant", [], ["n"], value_int=3),
                    node("Loop", ["n", "", "a"], ["r"], body=body),
                ],
            )
        ]
    ),
    code="function-cycle",
)
GROUP.gives(
    "cycle-nobody-calls",
    model(graph([node("Neg", ["x"], ["y"])], X, Y), [function("f0", ["a"], ["r"], [call("f0")])]),
    ONE_TWO,
    {"y": ("<f4", [2], [-1.0, -2.0])},
)

# Bombs: a kilobyte that is a billion nodes once it is inlined.


def doubling(depth, times=2):
    def twice(i):
        names = ["a"] + [f"t{k}" for k in range(times - 1)] + ["r"]
        return [call(f"f{i + 1}", [a], [b]) for a, b in zip(names, names[1:])]

    functions = [function(f"f{i}", ["a"], ["r"], twice(i)) for i in range(depth)]
    return functions + [function(f"f{depth}", ["a"], ["r"], [node("Neg", ["a"], ["r"])])]


refused("doubling-60", calling(doubling(60)), "more than 500000 nodes", code="function-limit")
refused("billion-by-1000", calling(doubling(3, 1000)), code="function-limit")
refused("tenfold-9", calling(doubling(9, 10)), code="function-limit")
refused(
    "doubling-empty",
    calling(
        [
            function(
                f"f{i}", ["a"], ["a"], [call(f"f{i + 1}", ["a"], [f"u{k}"]) for k in range(2)]
            )
            for i in range(50)
        ]
        + [function("f50", ["a"], ["a"], [])]
    ),
    code="function-limit",
)
big = tensor("", INT64, [4096], more=packed(7, range(4096)))
constant = node("Constant", [], ["k"], value=big)
refused(
    "constants-repeated",
    calling(
        [
            function(
                "f0",
                ["a"],
                ["r"],
                [
                    call("f1", [a], [b])
                    for a, b in zip(
                        ["a"] + [f"t{i}" for i in range(2999)],
                        [f"t{i}" for i in range(2999)] + ["r"],
                    )
                ],
            ),
            function(
                "f1",
                ["a"],
                ["r"],
                [
                    constant,
                    node("ReduceSum", ["k"], ["s"]),
                    node("Cast", ["s"], ["q"], to=FLOAT),
                    node("Add", ["a", "q"], ["r"]),
                ],
            ),
        ]
    ),
    code="function-bytes",
)

# Signatures of functions.
NEG = [node("Neg", ["a"], ["r"])]
refused(
    "too-many-inputs",
    calling([function("f0", ["a"], ["r"], NEG)], call("f0", ["x", "x"], ["y"])),
    "more inputs or outputs",
    code="input-count",
)
refused(
    "too-many-outputs",
    calling([function("f0", ["a"], ["r"], NEG)], call("f0", ["x"], ["y", "z"])),
    "more inputs or outputs",
    code="input-count",
)
refused(
    "returns-left-out-input",
    calling([function("f0", ["a", "b"], ["b"], NEG)], call("f0", ["x"], ["y"])),
    "leaves out the input 'b'",
    code="input-count",
)
refused(
    "reads-left-out-input",
    calling(
        [function("f0", ["a", "b"], ["r"], [node("Add", ["a", "b"], ["r"])])],
        call("f0", ["x"], ["y"]),
    ),
    "Add",
    code="input-count",
)
refused(
    "reads-main-graph",
    calling([function("f0", ["a"], ["r"], [node("Neg", ["x"], ["r"])])]),
    "'x'",
    "f0",
    code="undefined-name",
)
refused(
    "result-missing",
    calling([function("f0", ["a"], ["r", "s"], NEG)]),
    "'s'",
    "f0",
    code="undefined-name",
)
refused(
    "input-twice", calling([function("f0", ["a", "a"], ["r"], NEG)]), "'a'", code="duplicate-name"
)
refused(
    "value-twice", calling([function("f0", ["a"], ["r"], NEG + NEG)]), "'r'", code="duplicate-name"
)
refused(
    "function-twice",
    calling(
        [
            function("f0", ["a"], ["r"], NEG),
            function("f0", ["a"], ["r"], [node("Abs", ["a"], ["r"])]),
        ]
    ),
    "'f0'",
    code="duplicate-name",
)
refused("without-name", calling([function("", ["a"], ["r"], NEG)]), "function", code="bad-name")
refused(
    "without-opset",
    calling([function("f0", ["a"], ["r"], NEG, imports=[(1, "f")])]),
    "Neg",
    code="opset-missing",
)
refused(
    "opset-future",
    calling([function("f0", ["a"], ["r"], NEG, imports=[(99, "")])]),
    code="opset-version",
)
refused(
    "opset-unlike-model",
    calling([function("f0", ["a"], ["r"], NEG, imports=[(6, "")])]),
    code="opset-version",
)
refused(
    "opset-twice",
    calling([function("f0", ["a"], ["r"], NEG, imports=[(20, ""), (21, "")])]),
    "opset_import",
    code="duplicate-name",
)
refused(
    "result-has-wrong-type",
    calling([function("f0", ["a"], ["r"], [node("Cast", ["a"], ["r"], to=INT64)])]),
    "'y'",
    code="graph-io",
)

# Attributes of functions.
axis = [node("Softmax", ["a"], ["r"], axis=Reference("dim"))]
refused(
    "attribute-of-wrong-type",
    calling(
        [function("f0", ["a"], ["r"], axis, attributes=["dim"])], call("f0", ["x"], ["y"], dim=1.5)
    ),
    "'axis'",
    code="attribute",
)
refused(
    "attribute-out-of-range",
    calling(
        [function("f0", ["a"], ["r"], axis, attributes=["dim"])], call("f0", ["x"], ["y"], dim=7)
    ),
    "axis 7",
    code="shape-rank",
)
to = [node("Cast", ["a"], ["r"], to=Reference("type"))]
refused(
    "attribute-needed-and-missing",
    calling([function("f0", ["a"], ["r"], to, attributes=["type"])]),
    "'to'",
    code="attribute",
)
# What a function does not read changes nothing.
GROUP.gives(
    "attribute-not-declared",
    calling([function("f0", ["a"], ["r"], NEG)], call("f0", ["x"], ["y"], colour=1)),
    ONE_TWO,
    {"y": ("<f4", [2], [-1.0, -2.0])},
)
inner = graph(
    [node("Gather", ["a", "k"], ["g"], axis=Reference("dim"))], [], [value("g", FLOAT, [2, 1])]
)
in_branch = [
    node("Constant", [], ["k"], value_ints=[1]),
    node("Constant", [], ["c"], value=tensor("", BOOL, [], [1])),
    node("If", ["c"], ["r"], then_branch=inner, else_branch=inner),
]
GROUP.gives(
    "attribute-in-branch",
    calling(
        [function("f0", ["a"], ["r"], in_branch, attributes=["dim"])],
        call("f0", ["x"], ["y"], dim=1),
        [value("x", FLOAT, [2, 2])],
        [value("y", FLOAT, [2, 1])],
    ),
    {"x": npy("<f4", [2, 2], raw(FLOAT, [1.0, 2.0, 3.0, 4.0]))},
    {"y": ("<f4", [2, 1], [2.0, 4.0])},
)
inner = graph([node("Clip", ["a", "low", "high"], ["g"])], [], [value("g", FLOAT, [2])])
GROUP.gives(
    "left-out-input-in-branch",
    calling(
        [
            function(
                "f0",
                ["a", "c", "low", "high"],
                ["r"],
                [node("If", ["c"], ["r"], then_branch=inner, else_branch=inner)],
            )
        ],
        call("f0", ["x", "c", "", "h"], ["y"]),
        X + C + [value("h", FLOAT, [])],
    ),
    ONE_TWO | TRUE | {"h": npy("<f4", [], raw(FLOAT, [1.5]))},
    {"y": ("<f4", [2], [1.0, 1.5])},
)
inner = graph([], [], [value("low", FLOAT, [2])])
refused(
    "branch-returns-left-out-input",
    calling(
        [
            function(
                "f0",
                ["a", "c", "low"],
                ["r"],
                [node("If", ["c"], ["r"], then_branch=inner, else_branch=inner)],
            )
        ],
        call("f0", ["x", "c"], ["y"]),
        X + C,
    ),
    "leaves out the input 'low'",
    code="input-count",
)
# A model's own function of an operator's name is the function.
GROUP.gives(
    "function-named-relu",
    model(
        graph([node("Relu", ["x"], ["y"])], X, Y), [function("Relu", ["a"], ["r"], NEG, domain="")]
    ),
    ONE_TWO,
    {"y": ("<f4", [2], [-1.0, -2.0])},
)
refused(
    "function-named-as-it-calls",
    model(
        graph([node("Relu", ["x"], ["y"])], X, Y),
        [function("Relu", ["a"], ["r"], [node("Relu", ["a"], ["r"])], domain="")],
    ),
    code="function-cycle",
)
