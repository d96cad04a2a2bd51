# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Well-formed messages that make no graph: names, order, versions, attributes."""

from case import Group, npy
from wire import *

GROUP = Group("graph")
refused = GROUP.refused

X = [value("x", FLOAT, [2])]
Y = [value("y", FLOAT, [2])]
RELU = node("Relu", ["x"], ["y"])


def of(nodes, inputs=X, outputs=Y, initializers=(), **rest):
    return model(graph(nodes, inputs, outputs, initializers), **rest)


# Names ----------------------------------------------------------------------------
two = tensor("w", FLOAT, [2], [1.0, 2.0])
refused("two-inputs-of-one-name", of([RELU], X + X), "'x'", code="duplicate-name")
refused("two-nodes-of-one-output", of([RELU, RELU]), "'y'", code="duplicate-name")
refused(
    "one-node-twice-the-output",
    of([node("Split", ["x"], ["y", "y"])]),
    "'y'",
    code="duplicate-name",
)
refused(
    "output-named-as-input",
    of([node("Relu", ["x"], ["x"])], outputs=X),
    "'x'",
    code="duplicate-name",
)
refused(
    "output-named-as-initializer",
    of([RELU, node("Relu", ["x"], ["w"])], initializers=[two]),
    "'w'",
    code="duplicate-name",
)
refused(
    "two-initializers-of-one-name",
    of([RELU], initializers=[two, two]),
    "'w'",
    code="duplicate-name",
)
refused("two-graph-outputs-of-one-name", of([RELU], outputs=Y + Y), "'y'", code="duplicate-name")
refused(
    "attribute-twice",
    of([node("Softmax", ["x"], ["y"], axis=0, more=field(5, attribute("axis", 0)))]),
    "'axis'",
    code="duplicate-name",
)
refused(
    "opset-twice", of([RELU], opsets=[opset(20), opset(21)]), "opset_import", code="duplicate-name"
)
refused(
    "opset-twice-by-alias",
    of([RELU], opsets=[opset(20), opset(21, "ai.onnx")]),
    "opset_import",
    code="duplicate-name",
)
GROUP.compiles("opset-twice-the-same", of([RELU], opsets=[opset(21), opset(21, "ai.onnx")]))
refused(
    "input-without-definition",
    of([node("Add", ["x", "gone"], ["y"])]),
    "'gone'",
    "n-y",
    code="undefined-name",
)
refused(
    "output-nobody-makes",
    of([RELU], outputs=Y + [value("gone", FLOAT, [2])]),
    "'gone'",
    code="undefined-name",
)
refused("no-nodes", of([]), "'y'", code="undefined-name")
refused("no-outputs", of([RELU], outputs=[]), "no outputs", code="file-malformed")
refused(
    "output-without-name",
    of([RELU], outputs=Y + [value("", FLOAT, [2])]),
    "output",
    code="bad-name",
)
refused("input-without-name", of([RELU], X + [value("", FLOAT, [2])]), "input", code="bad-name")
refused("op-without-type", of([node("", ["x"], ["y"])]), "no operator type", code="bad-name")
refused(
    "attribute-without-name",
    of([node("Relu", ["x"], ["y"], more=field(5, field(3, 1)))]),
    "attribute",
    code="bad-name",
)
GROUP.gives(
    "input-is-output",
    of([], outputs=X),
    {"x": npy("<f4", [2], raw(FLOAT, [1.0, 2.0]))},
    {"x": ("<f4", [2], [1.0, 2.0])},
)

for name, text, why in (
    ("nul", b"a\0b", "NUL"),
    ("nul-at-end", b"y\0", "NUL"),
    ("latin-1", b"\xe9", "not valid UTF-8"),
    ("cut-utf-8", b"\xea\xb0", "not valid UTF-8"),
    ("overlong-utf-8", b"\xc0\xaf", "not valid UTF-8"),
    ("overlong-nul", b"\xc0\x80", "not valid UTF-8"),
    ("surrogate", b"\xed\xa0\x80", "not valid UTF-8"),
    ("beyond-unicode", b"\xf4\x90\x80\x80", "not valid UTF-8"),
    ("fe-ff", b"\xfe\xff", "not valid UTF-8"),
    ("20000-bytes", b"n" * 20_000, "20000 bytes"),
    ("16-mib", b"n" * (1 << 24), "16777216 bytes"),
):
    refused(f"name-{name}", of([node("Relu", ["x"], [text])]), why, code="bad-name")
    if len(text) < 100:
        refused(f"input-name-{name}", of([RELU], [value(text, FLOAT, [2])]), why, code="bad-name")
        refused(f"op-type-{name}", of([node(text, ["x"], ["y"])]), why, code="bad-name")
        refused(f"domain-{name}", of([node("A", ["x"], ["y"], domain=text)]), why, code="bad-name")
        refused(f"dim-name-{name}", of([RELU], [value("x", FLOAT, [text])]), why, code="bad-name")

# Names that are legal, and that a terminal or a file system would mind. What is
# written is named by what can be written.
for name, text in {
    "escape": "\x1b[2J\x1b]0;gone\x07",
    "newlines": "a\n\nerror: no\r",
    "bidi": "\u202egnp.exe",
    "percent": "%s%n{0}{1}",
    "slashes": "../../../../tmp/y",
    "quote": "'\"`$(id)",
    "16382-bytes": "n" * 16382,
}.items():
    refused(
        f"odd-name-{name}",
        of([node("NoSuchOp", ["x"], [text])], outputs=[value(text, FLOAT, [2])]),
        "NoSuchOp",
        code="op-unknown",
    )
    GROUP.compiles(
        f"odd-name-accepted-{name}",
        of([node("Relu", ["x"], [text])], outputs=[value(text, FLOAT, [2])]),
    )
GROUP.add(
    "output-name-leaves-folder",
    {
        "model.onnx": of(
            [node("Relu", ["x"], ["../../y"])], outputs=[value("../../y", FLOAT, [1])]
        ),
        "x.npy": npy("<f4", [1], raw(FLOAT, [1.0])),
    },
    ["dure", "run", "{in}/model.onnx", "--input", "x={in}/x.npy", "--output-dir", "{out}/o"],
    status=1,
    texts=("x: shape [1], but [2] is expected",),
)

# Order --------------------------------------------------------------------------------
refused("cycle-of-one", of([node("Add", ["x", "y"], ["y"])]), "'n-y'", code="cycle")
refused(
    "cycle-of-two", of([node("Add", ["x", "b"], ["y"]), node("Relu", ["y"], ["b"])]), code="cycle"
)
ring = [node("Relu", [f"v{(i + 1) % 5000}"], [f"v{i}"]) for i in range(5000)]
refused("cycle-of-5000", of(ring, outputs=[value("v0", FLOAT, [2])]), code="cycle")
inner = graph([node("Relu", ["y"], ["z"])], [], [value("z", FLOAT, [2])])
refused(
    "cycle-through-subgraph",
    of(
        [node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)],
        X + [value("c", BOOL, [])],
    ),
    code="cycle",
)
GROUP.gives(
    "out-of-order",
    of([node("Neg", ["a"], ["y"]), node("Abs", ["x"], ["a"])]),
    {"x": npy("<f4", [2], raw(FLOAT, [-1.0, 2.0]))},
    {"y": ("<f4", [2], [-1.0, -2.0])},
)
chain = [node("Relu", [f"v{i + 1}"], [f"v{i}"]) for i in range(3000)]
GROUP.compiles(
    "out-of-order-3000", of(chain, [value("v3000", FLOAT, [2])], [value("v0", FLOAT, [2])])
)

# Subgraphs ---------------------------------------------------------------------------------
C = [value("c", BOOL, [])]


def branch(nodes, outputs, inputs=(), initializers=()):
    return graph(nodes, inputs, [value(o, FLOAT, [2]) for o in outputs], initializers)


def conditional(then, other=None, outputs=("y",)):
    plain = branch([node("Relu", ["x"], ["r"])], ["r"])
    return of(
        [node("If", ["c"], list(outputs), then_branch=then, else_branch=other or plain)],
        X + C,
        [value(o, FLOAT, [2]) for o in outputs],
    )


refused(
    "branch-output-missing", conditional(branch([], ["gone"])), "'gone'", code="undefined-name"
)
refused(
    "branch-twice-the-name",
    conditional(branch([node("Relu", ["x"], ["a"]), node("Neg", ["x"], ["a"])], ["a"])),
    "'a'",
    code="duplicate-name",
)
refused(
    "branch-shadows-what-it-reads",
    conditional(branch([node("Neg", ["x"], ["x2"]), node("Neg", ["x2"], ["x"])], ["x"])),
    code="cycle",
)
# The standard asks for names of their own; a reader that minds scopes has no doubt.
shadow = conditional(branch([node("Constant", [], ["x"], value_floats=[5.0, 6.0])], ["x"]))
GROUP.gives(
    "branch-shadows-outer",
    shadow,
    {"x": npy("<f4", [2], raw(FLOAT, [1.0, 2.0])), "c": npy("|b1", [], b"\1")},
    {"y": ("<f4", [2], [5.0, 6.0])},
)
refused(
    "branch-cycle",
    conditional(branch([node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"])], ["a"])),
    code="cycle",
)
refused(
    "branch-with-input",
    conditional(branch([], ["i"], [value("i", FLOAT, [2])])),
    "If",
    code="input-count",
)
refused("branch-without-output", conditional(branch([], [])), "n-y", "If", code="input-count")
refused("branches-differ", conditional(branch([], ["x", "x"])), "If", code="input-count")
refused(
    "branch-reads-its-if", conditional(branch([node("Neg", ["y"], ["a"])], ["a"])), code="cycle"
)
refused(
    "branch-reads-other-branch",
    conditional(branch([node("Neg", ["r"], ["a"])], ["a"])),
    "'r'",
    code="undefined-name",
)
refused(
    "branch-value-read-outside",
    of(
        [
            node(
                "If",
                ["c"],
                ["y"],
                then_branch=branch([node("Neg", ["x"], ["a"])], ["a"]),
                else_branch=branch([], ["x"]),
            ),
            node("Neg", ["a"], ["z"]),
        ],
        X + C,
        [value("z", FLOAT, [2])],
    ),
    "'a'",
    code="undefined-name",
)
refused(
    "if-without-branches", of([node("If", ["c"], ["y"])], X + C), "then_branch", code="attribute"
)
refused(
    "if-one-branch",
    of([node("If", ["c"], ["y"], then_branch=branch([], ["x"]))], X + C),
    "else_branch",
    code="attribute",
)
refused(
    "if-branch-as-int",
    of([node("If", ["c"], ["y"], then_branch=1, else_branch=2)], X + C),
    "then_branch",
    code="attribute",
)
refused(
    "if-float-condition",
    of([node("If", ["x"], ["y"], then_branch=branch([], ["x"]), else_branch=branch([], ["x"]))]),
    "n-y",
    code="type",
)

# Versions --------------------------------------------------------------------------------------
for ir in (0, 1, 2, 15, 1 << 40, -1, -(1 << 63)):
    refused(f"ir-{ir}", of([RELU], ir=ir), str(ir), code="ir-version")
refused("ir-missing", of([RELU], ir=None), "IR version 0", code="ir-version")
for version in (-1, 1, 6, 29, 1000, 1 << 40, (1 << 63) - 1):
    refused(
        f"opset-{version}", of([RELU], opsets=[opset(version)]), str(version), code="opset-version"
    )
refused("opset-0", of([RELU], opsets=[opset(0)]), "domain ''", code="opset-missing")
refused("opset-missing", of([RELU], opsets=[]), "domain ''", code="opset-missing")
refused("opset-of-others-only", of([RELU], opsets=[opset(1, "ai.onnx.ml")]), code="opset-missing")
contrib = node("FastGelu", ["x"], ["y"], domain="com.microsoft")
refused("opset-of-domain-missing", of([contrib]), "com.microsoft")
refused(
    "domain-unknown",
    of([node("Relu", ["x"], ["y"], domain="evil")], opsets=[opset(21), opset(1, "evil")]),
    "'evil'",
    "n-y",
    code="domain-unknown",
)
refused(
    "op-unknown", of([node("Frobnicate", ["x"], ["y"])]), "Frobnicate", "n-y", code="op-unknown"
)
refused("op-in-wrong-case", of([node("relu", ["x"], ["y"])]), "relu", code="op-unknown")
refused(
    "op-newer-than-opset",
    of([node("Gelu", ["x"], ["y"])], opsets=[opset(19)]),
    "opset 20",
    code="op-version",
)
refused(
    "op-removed",
    of(
        [node("Scatter", ["x", "i", "x"], ["y"])], X + [value("i", INT64, [2])], opsets=[opset(11)]
    ),
    "Scatter",
    code="op-removed",
)
refused("no-inputs", of([node("Relu", [], ["y"])]), "has 0 inputs", "n-y", code="input-count")
refused(
    "too-many-inputs",
    of([node("Relu", ["x", "x"], ["y"])]),
    "has 2 inputs",
    "n-y",
    code="input-count",
)
refused(
    "needed-input-empty", of([node("Add", ["x", ""], ["y"])]), "input 1", "n-y", code="input-count"
)
refused("too-many-outputs", of([node("Relu", ["x"], ["y", "z"])]), "n-y", code="op-form")
refused("no-output-of-node", of([node("Relu", ["x"], []), RELU]), "Relu", code="input-count")
refused(
    "100000-inputs", of([node("Concat", ["x"] * 100_000, ["y"], axis=5)]), "n-y", code="shape-rank"
)

# Attributes ----------------------------------------------------------------------------------------
SOFTMAX = {
    "text": b"axis" * 2,
    "float": 1.5,
    "list": [1, 2],
    "tensor": ints("t", 1),
    "graph": branch([], ["x"]),
}
for name, content in SOFTMAX.items():
    refused(
        f"axis-as-{name}",
        of([node("Softmax", ["x"], ["y"], axis=content)]),
        "'axis'",
        "Softmax",
        code="attribute",
    )
for axis in (1, -2, (1 << 63) - 1, -(1 << 63), 1 << 32):
    refused(
        f"softmax-axis-{axis}",
        of([node("Softmax", ["x"], ["y"], axis=axis)]),
        str(axis),
        "n-y",
        code="shape-rank",
    )
refused(
    "attribute-unknown", of([node("Relu", ["x"], ["y"], colour=1)]), "'colour'", code="attribute"
)
refused(
    "attribute-type-99",
    of([node("Relu", ["x"], ["y"], more=field(5, field(1, "a") + field(20, 99)))]),
    "unknown type 99",
    code="attribute",
)
refused(
    "attribute-type-negative",
    of([node("Relu", ["x"], ["y"], more=field(5, field(1, "a") + field(20, -1)))]),
    "unknown type -1",
    code="attribute",
)
refused(
    "attribute-value-of-other-type",
    of(
        [
            node(
                "Softmax",
                ["x"],
                ["y"],
                more=field(5, field(1, "axis") + field(2, 1.0) + field(20, 2)),
            )
        ]
    ),
    "not of its type",
    code="attribute",
)
refused(
    "attribute-two-values",
    of(
        [
            node(
                "Softmax",
                ["x"],
                ["y"],
                more=field(5, field(1, "axis") + field(2, 1.0) + field(3, 1)),
            )
        ]
    ),
    "not of its type",
    code="attribute",
)
refused(
    "attribute-two-graphs",
    of(
        [
            node(
                "If",
                ["c"],
                ["y"],
                more=field(
                    5, field(1, "then_branch") + field(11, branch([], ["x"])) * 2 + field(20, 5)
                ),
            )
        ],
        X + C,
    ),
    "not of its type",
    code="attribute",
)
refused(
    "attribute-reference-outside-function",
    of([node("Softmax", ["x"], ["y"], axis=Reference("a"))]),
    "'axis'",
    code="attribute",
)
refused("cast-without-to", of([node("Cast", ["x"], ["y"])]), "'to'", code="attribute")
for to in (0, 99, -1, 1 << 40):
    refused(f"cast-to-{to}", of([node("Cast", ["x"], ["y"], to=to)]), "n-y", code="type")
refused(
    "cast-to-string",
    of([node("Cast", ["x"], ["y"], to=STRING)], outputs=[value("y", STRING)]),
    "n-y",
    code="type",
)
refused("concat-without-axis", of([node("Concat", ["x", "x"], ["y"])]), "'axis'", code="attribute")
refused(
    "concat-without-inputs", of([node("Concat", [], ["y"], axis=0)]), "n-y", code="input-count"
)
refused("constant-empty", of([node("Constant", [], ["y"])]), "n-y", code="op-form")
refused(
    "constant-two-values",
    of([node("Constant", [], ["y"], value_int=1, value_float=2.0)]),
    "n-y",
    code="attribute",
)
refused(
    "constant-text",
    of([node("Constant", [], ["y"], value_string="text")], outputs=[value("y", STRING)]),
    "n-y",
    code="op-form",
)

# The signature --------------------------------------------------------------------------------------
refused("input-without-type", of([RELU], [field(1, "x")]), "'x'", code="graph-io")
refused(
    "input-of-sequence",
    of([RELU], [field(1, "x") + field(2, field(4, field(1, field(1, field(1, 1)))))]),
    "not a tensor",
    code="graph-io",
)
refused(
    "input-of-map",
    of([RELU], [field(1, "x") + field(2, field(5, b""))]),
    "not a tensor",
    code="graph-io",
)
refused("input-of-strings", of([RELU], [value("x", STRING, [2])]), "string", code="graph-io")
refused("input-of-complex", of([RELU], [value("x", COMPLEX64, [2])]), "complex64", code="graph-io")
refused("input-without-element", of([RELU], [value("x", 0, [2])]), "'x'", code="graph-io")
refused("input-without-shape", of([RELU], [value("x", FLOAT)]), "'x'", code="shape-unknown")
refused(
    "input-too-large",
    of([RELU], [value("x", FLOAT, [1 << 31, 1 << 31])]),
    "too large",
    code="graph-io",
)
refused(
    "input-too-large-beside-0",
    of([RELU], [value("x", FLOAT, [0, 1 << 62])]),
    "too large",
    code="graph-io",
)
refused(
    "input-of-rank-65",
    of([RELU], [value("x", FLOAT, [1] * 65)]),
    "more than 64 dimensions",
    code="tensor-dims",
)
refused(
    "output-of-other-type", of([RELU], outputs=[value("y", INT64, [2])]), "'y'", code="graph-io"
)
# Exporters often write other sizes than a model has; types and sizes come from nodes.
for name, dims in {"shape": [3], "rank": [2, 1]}.items():
    GROUP.gives(
        f"output-of-other-{name}",
        of([RELU], outputs=[value("y", FLOAT, dims)]),
        {"x": npy("<f4", [2], raw(FLOAT, [-1.0, 2.0]))},
        {"y": ("<f4", [2], [0.0, 2.0])},
    )
refused(
    "output-is-sequence",
    of([RELU], outputs=[field(1, "y") + field(2, field(4, b""))]),
    "'y'",
    code="graph-io",
)
GROUP.compiles(
    "input-with-unnamed-dims",
    of([RELU], [value("x", FLOAT, [None, None])], [value("y", FLOAT, [None, None])]),
)
GROUP.compiles(
    "input-with-dims-minus-1", of([RELU], [value("x", FLOAT, [-1])], [value("y", FLOAT, [-1])])
)
GROUP.compiles(
    "input-with-odd-dims",
    of([RELU], [value("x", FLOAT, ["a + b", "1.5", "(("])], [value("y", FLOAT, [None] * 3)]),
)
GROUP.compiles("input-nobody-reads", of([RELU], X + [value("u", FLOAT, ["n"])]))
GROUP.gives(
    "initializer-shadows-input",
    of([node("Add", ["x", "w"], ["y"])], X + [value("w", FLOAT, [2])], initializers=[two]),
    {"x": npy("<f4", [2], raw(FLOAT, [1.0, 2.0]))},
    {"y": ("<f4", [2], [2.0, 4.0])},
)
refused(
    "initializer-not-as-input",
    of([node("Add", ["x", "w"], ["y"])], X + [value("w", INT64, [3])], initializers=[two]),
    "'w'",
    code="graph-io",
)
refused(
    "initializer-of-other-shape",
    of([node("Add", ["x", "w"], ["y"])], X + [value("w", FLOAT, [3])], initializers=[two]),
    "its initializer has another shape",
    code="graph-io",
)
