# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small files that ask for terabytes, or for ages."""

from case import Group, npy
from wire import *

GROUP = Group("folding")
refused = GROUP.refused
HUGE = 1 << 40
MAX = (1 << 63) - 1
ONE = {"x": npy("<f4", [1], raw(FLOAT, [1.0]))}


def of(nodes, initializers=(), inputs=(), outputs=("y",), element=FLOAT):
    return model(graph(nodes, inputs, [value(o, element) for o in outputs], initializers))


# A tensor that could exist, and that no machine holds: it is told when it is needed.
BIG = {
    "constant-of-shape": ([node("ConstantOfShape", ["s"], ["y"])], [ints("s", HUGE)]),
    "constant-of-shape-twice": (
        [node("ConstantOfShape", ["s"], ["a"]), node("Add", ["a", "a"], ["y"])],
        [ints("s", 1 << 20, 1 << 20)],
    ),
    "expand": (
        [node("Expand", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", HUGE)],
    ),
    "tile": (
        [node("Tile", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [2], [1.0, 2.0]), ints("s", HUGE)],
    ),
    "pad": (
        [node("Pad", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", HUGE, 0)],
    ),
    "pad-edge": (
        [node("Pad", ["w", "s"], ["y"], mode="edge")],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", HUGE, 0)],
    ),
    "range": (
        [node("Range", ["a", "b", "c"], ["y"])],
        [scalar("a", FLOAT, 0.0), scalar("b", FLOAT, 1e12), scalar("c", FLOAT, 1.0)],
    ),
    "eye-like": (
        [node("ConstantOfShape", ["s"], ["a"]), node("EyeLike", ["a"], ["y"])],
        [ints("s", 1 << 20, 1 << 20)],
    ),
    "outer-product": (
        [
            node("ConstantOfShape", ["s"], ["a"]),
            node("ConstantOfShape", ["t"], ["b"]),
            node("MatMul", ["a", "b"], ["y"]),
        ],
        [ints("s", 1 << 20, 1), ints("t", 1, 1 << 20)],
    ),
    "one-hot": (
        [
            node("ConstantOfShape", ["s"], ["a"], value=ints("", 0)),
            node("OneHot", ["a", "d", "v"], ["y"]),
        ],
        [ints("s", 1 << 20), scalar("d", INT64, 1 << 20), tensor("v", FLOAT, [2], [0.0, 1.0])],
    ),
    "broadcast": (
        [
            node("ConstantOfShape", ["s"], ["a"]),
            node("ConstantOfShape", ["t"], ["b"]),
            node("Mul", ["a", "b"], ["y"]),
        ],
        [ints("s", 1 << 20, 1), ints("t", 1 << 20)],
    ),
}
for name, (nodes, initializers) in BIG.items():
    for target in ("cpu", "reference"):
        GROUP.run_fails(
            f"{name}-{target}", of(nodes, initializers), {}, "memory", options=["--target", target]
        )

# A tensor that cannot exist.
IMPOSSIBLE = {
    "constant-of-shape-2-62": ([node("ConstantOfShape", ["s"], ["y"])], [ints("s", 1 << 62)]),
    "constant-of-shape-product": (
        [node("ConstantOfShape", ["s"], ["y"])],
        [ints("s", 1 << 31, 1 << 31)],
    ),
    "constant-of-shape-negative": ([node("ConstantOfShape", ["s"], ["y"])], [ints("s", -1)]),
    "expand-2-62": (
        [node("Expand", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", 1 << 62)],
    ),
    "expand-negative": (
        [node("Expand", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", -2)],
    ),
    "tile-overflow": (
        [node("Tile", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [2], [1.0, 2.0]), ints("s", MAX)],
    ),
    "tile-negative": (
        [node("Tile", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [2], [1.0, 2.0]), ints("s", -1)],
    ),
    "pad-overflow": (
        [node("Pad", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", MAX, MAX)],
    ),
    "pad-negative-too-far": (
        [node("Pad", ["w", "s"], ["y"])],
        [tensor("w", FLOAT, [1], [1.0]), ints("s", -2, 0)],
    ),
}
for name, (nodes, initializers) in IMPOSSIBLE.items():
    refused(name, of(nodes, initializers), "n-y", code="shape-rank")

# Growth by a chain: each node doubles or squares what it is given.
W = tensor("w", FLOAT, [2], [1.0, 2.0])


def chained(count, make, initializers=(W,), last="y", **rest):
    nodes = []
    for i in range(count):
        nodes += make("w" if i == 0 else f"v{i - 1}", last if i == count - 1 else f"v{i}", i)
    return of(nodes, initializers, **rest)


double = lambda a, b, i: [node("Concat", [a, a], [b], axis=0)]
GROUP.run_fails("concat-doubled-40", chained(40, double), {}, "memory")
refused("concat-doubled-70", chained(70, double), code="shape-rank")
square = lambda a, b, i: [
    node("Unsqueeze", [a, "p"], [f"p{i}"]),
    node("Unsqueeze", [a, "q"], [f"q{i}"]),
    node("Mul", [f"p{i}", f"q{i}"], [f"m{i}"]),
    node("Reshape", [f"m{i}", "f"], [b]),
]
parts = (W, ints("p", 0), ints("q", 1), ints("f", -1))
refused("squared-8", chained(8, square, parts), code="shape-rank")
GROUP.run_fails("squared-5", chained(5, square, parts), {}, "memory")
tenfold = lambda a, b, i: [node("Expand", [a, f"s{i}"], [b])]
shapes = [ints(f"s{i}", *[10] * (i + 1), 2) for i in range(17)]
refused("expand-17", chained(17, tenfold, (W, *shapes)), code="shape-rank")

# Integers that shape arithmetic knows: they double in number of bits, or in length of text.
GROUP.gives(
    "integers-double",
    chained(70, lambda a, b, i: [node("Add", [a, a], [b])], [ints("w", 1)], element=INT64),
    {},
    {"y": ("<i8", [1], [0])},
)
GROUP.gives(
    "integers-square",
    chained(8, lambda a, b, i: [node("Mul", [a, a], [b])], [ints("w", 3)], element=INT64),
    {},
    {
        "y": (
            "<i8",
            [1],
            [
                (
                    pow(3, 256, 1 << 64) - (1 << 64)
                    if pow(3, 256, 1 << 64) >> 63
                    else pow(3, 256, 1 << 64)
                )
            ],
        )
    },
)
X = [value("x", FLOAT, ["n", "m"])]
SHAPE = [node("Shape", ["x"], ["w"])]


def grown(count, make, *more):
    nodes = list(SHAPE)
    for i in range(count):
        nodes += make("w" if i == 0 else f"v{i - 1}", f"v{i}")
    return of(nodes + list(more), [ints("seven", 7, 7), ints("one", 1, 1)], X)


squared_dims = lambda a, b: [
    node("Mul", [a, a], [f"s{b}"]),
    node("Add", [f"s{b}", a], [f"t{b}"]),
    node("Mul", [f"t{b}", "seven"], [b]),
]
GROUP.add(
    "polynomial-40",
    {"model.onnx": grown(40, squared_dims, node("ConstantOfShape", ["v39"], ["y"]))},
    ["dure", "compile", "{in}/model.onnx", "-o", "{out}/x.dure"],
    either=True,
    texts=("error: ",),
)
mixed = lambda a, b: [
    node("Div", [a, "seven"], [f"d{b}"]),
    node("Mod", [a, "seven"], [f"m{b}"]),
    node("Mul", [f"d{b}", f"m{b}"], [f"x{b}"]),
    node("Max", [f"x{b}", a], [b]),
]
GROUP.add(
    "divisions-60",
    {"model.onnx": grown(60, mixed, node("ConstantOfShape", ["v59"], ["y"]))},
    ["dure", "compile", "{in}/model.onnx", "-o", "{out}/x.dure"],
    either=True,
    texts=("error: ",),
)

many = ints("w", *range(64))
GROUP.compiles(
    "integers-list-1000-times",
    chained(1000, lambda a, b, i: [node("Add", [a, "w"], [b])], [many], element=INT64),
)


# Loops that fold, or do not.
def loop(trips, keep=True):
    body = graph(
        [node("Identity", ["go"], ["go2"]), node("Add", ["s", "s"], ["t"])],
        [value("i", INT64, []), value("go", BOOL, []), value("s", FLOAT, [1])],
        [value("go2", BOOL, []), value("t", FLOAT, [1])],
    )
    nodes = [node("Loop", ["n", "c", "x"], ["y"], body=body)]
    return of(
        nodes, [scalar("n", INT64, trips), scalar("c", BOOL, int(keep))], [value("x", FLOAT, [1])]
    )


GROUP.gives("loop-false-2-63", loop(MAX, False), ONE, {"y": ("<f4", [1], [1.0])})
GROUP.gives("loop-negative", loop(-1), ONE, {"y": ("<f4", [1], [1.0])})
GROUP.gives("loop-most-negative", loop(-MAX - 1), ONE, {"y": ("<f4", [1], [1.0])})
GROUP.compiles("loop-2-63", loop(MAX))
scanned = graph(
    [node("Identity", ["go"], ["go2"]), node("Relu", ["x"], ["t"])],
    [value("i", INT64, []), value("go", BOOL, [])],
    [value("go2", BOOL, []), value("t", FLOAT, [1])],
)
for name, trips in {"2-40": HUGE, "2-63": MAX}.items():
    GROUP.run_fails(
        f"loop-scans-{name}",
        of(
            [node("Loop", ["n", "c"], ["y"], body=scanned)],
            [scalar("n", INT64, trips), scalar("c", BOOL, 1)],
            [value("x", FLOAT, [1])],
        ),
        ONE,
        "memory" if trips == HUGE else "output 'y'",
    )


# Sizes that a run brings: the model asks for nothing, its inputs do.
def sized(op_nodes, *sizes):
    return (
        model(graph(op_nodes, [value("s", INT64, [len(sizes)])], [value("y", FLOAT)], [W])),
        {"s": npy("<i8", [len(sizes)], raw(INT64, sizes))},
    )


FILL = [node("ConstantOfShape", ["s"], ["y"])]
for target in ("cpu", "reference"):
    for name, sizes, text in (
        ("2-40", [HUGE], "memory"),
        ("negative", [-1], "n-y"),
        ("2-63", [MAX], "n-y"),
        ("product", [1 << 32, 1 << 32], "n-y"),
        ("product-wraps", [1 << 33, 1 << 31], "n-y"),
    ):
        made, inputs = sized(FILL, *sizes)
        GROUP.run_fails(
            f"at-run-time-{name}-{target}", made, inputs, text, options=["--target", target]
        )
    made, inputs = sized([node("Expand", ["w", "s"], ["y"])], 3)
    GROUP.run_fails(
        f"at-run-time-expand-{target}",
        made,
        inputs,
        "output 'y': the model needs",
        options=["--target", target],
    )
    made, inputs = sized([node("Reshape", ["w", "s"], ["y"])], 3)
    GROUP.run_fails(
        f"at-run-time-reshape-{target}",
        made,
        inputs,
        "output 'y': the model needs",
        options=["--target", target],
    )
    made, inputs = sized([node("Tile", ["w", "s"], ["y"])], HUGE)
    GROUP.run_fails(
        f"at-run-time-tile-{target}", made, inputs, "memory", options=["--target", target]
    )
