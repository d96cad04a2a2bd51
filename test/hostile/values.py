# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What operators are given: axes, counts, divisors, indices, equations."""

from case import Group, npy
from wire import *

GROUP = Group("values")
MAX = (1 << 63) - 1
MIN = -(1 << 63)
TARGETS = ("cpu", "reference")


def f32(*dims):
    return (FLOAT, list(dims))


def i64(*dims):
    return (INT64, list(dims))


def bad(name, op, inputs, *texts, code, initializers=(), output=None, version=21, **attributes):
    """One node that is refused; the message names it."""
    made = single(op, inputs, output, initializers, version, **attributes)
    GROUP.refused(name, made, "n-y", op, *texts, code=code)


def run(name, made, inputs, *texts, outputs=None):
    """On each target: ends with the texts, or gives the outputs."""
    for target in TARGETS:
        options = ["--target", target]
        if outputs:
            GROUP.gives(f"{name}-{target}", made, inputs, outputs, options=options)
        else:
            GROUP.run_fails(f"{name}-{target}", made, inputs, *texts, options=options)


def floats(*values, dims=None):
    return npy("<f4", dims if dims is not None else [len(values)], raw(FLOAT, values))


def longs(*values, dims=None):
    return npy("<i8", dims if dims is not None else [len(values)], raw(INT64, values))


# Gather and scatter ---------------------------------------------------------------------
X4 = {"x": f32(4)}
FOUR = {"x": floats(1.0, 2.0, 3.0, 4.0)}
for index in (4, -5, MAX, MIN):
    made = single("Gather", X4 | {"i": None}, f32(1), [ints("i", index)])
    run(f"gather-constant-{index}", made, FOUR, "n-y", "outside the dimension")
    made = single("Gather", X4 | {"i": i64(1)}, f32(1))
    run(f"gather-{index}", made, FOUR | {"i": longs(index)}, "n-y", "outside the dimension")
made = single("Gather", {"x": f32(0), "i": i64(1)}, f32(1))
run("gather-of-nothing", made, {"x": floats(), "i": longs(0)}, "n-y", "outside the dimension")
made = single("Gather", {"x": f32(0), "i": i64(0)}, f32(0))
run(
    "gather-nothing-of-nothing",
    made,
    {"x": floats(), "i": longs()},
    outputs={"y": ("<f4", [0], [])},
)
made = single("GatherElements", X4 | {"i": i64(2)}, f32(2))
run("gather-elements", made, FOUR | {"i": longs(0, 4)}, "n-y", "outside the dimension")
made = single("GatherND", X4 | {"i": i64(1, 1)}, f32(1))
run("gather-nd", made, FOUR | {"i": longs(-5, dims=[1, 1])}, "n-y", "outside the dimension")
made = single("ScatterElements", X4 | {"i": i64(1), "u": f32(1)}, f32(4))
run(
    "scatter-elements",
    made,
    FOUR | {"i": longs(4), "u": floats(9.0)},
    "n-y",
    "outside the dimension",
)
made = single("ScatterND", X4 | {"i": i64(1, 1), "u": f32(1)}, f32(4))
run(
    "scatter-nd",
    made,
    FOUR | {"i": longs(MAX, dims=[1, 1]), "u": floats(9.0)},
    "n-y",
    "outside the dimension",
)
bad("gather-axis", "Gather", X4 | {"i": i64(1)}, "axis 1", code="shape-rank", axis=1)
bad("gather-axis-least", "Gather", X4 | {"i": i64(1)}, code="shape-rank", axis=MIN)
bad("gather-of-scalar", "Gather", {"x": f32(), "i": i64(1)}, code="shape-rank")
bad(
    "gather-float-indices",
    "Gather",
    X4 | {"i": f32(1)},
    "indices must be integers",
    code="operands",
)
bad("gather-nd-too-deep", "GatherND", X4 | {"i": i64(1, 2)}, code="operands")
bad("gather-nd-batch-dims", "GatherND", X4 | {"i": i64(1, 1)}, code="operands", batch_dims=7)
bad("gather-nd-batch-negative", "GatherND", X4 | {"i": i64(1, 1)}, code="operands", batch_dims=-1)
bad("gather-elements-rank", "GatherElements", X4 | {"i": i64(1, 1)}, code="operands")
bad("scatter-updates", "ScatterND", X4 | {"i": i64(1, 1), "u": f32(7)}, code="operands")
bad(
    "scatter-reduction",
    "ScatterND",
    X4 | {"i": i64(1, 1), "u": f32(1)},
    "reduction",
    code="attribute",
    reduction="xor",
)

# Division ------------------------------------------------------------------------------------
for op in ("Div", "Mod"):
    made = single(op, {"x": i64(2), "z": None}, i64(2), [ints("z", 1, 0)])
    run(f"{op}-constant-zero", made, {"x": longs(7, 7)}, "n-y", "divided by zero")
    made = single(op, {"x": i64(2), "z": i64(2)}, i64(2))
    run(f"{op}-zero", made, {"x": longs(7, 7), "z": longs(1, 0)}, "n-y", "divided by zero")
    made = single(op, {"x": None, "z": None}, i64(1), [ints("x", 7), ints("z", 0)])
    run(f"{op}-of-constants", made, {}, "n-y", "divided by zero")
made = single("Div", {"x": i64(1), "z": i64(1)}, i64(1))
run(
    "Div-least-by-minus-1",
    made,
    {"x": longs(MIN), "z": longs(-1)},
    outputs={"y": ("<i8", [1], [MIN])},
)
made = single("Div", {"x": None, "z": None}, i64(1), [ints("x", MIN), ints("z", -1)])
run("Div-least-of-constants", made, {}, outputs={"y": ("<i8", [1], [MIN])})
made = single("Mod", {"x": i64(1), "z": i64(1)}, i64(1))
run(
    "Mod-least-by-minus-1",
    made,
    {"x": longs(MIN), "z": longs(-1)},
    outputs={"y": ("<i8", [1], [0])},
)
made = single("Neg", {"x": i64(1)}, i64(1))
run("Neg-least", made, {"x": longs(MIN)}, outputs={"y": ("<i8", [1], [MIN])})
made = single("Abs", {"x": i64(1)}, i64(1))
run("Abs-least", made, {"x": longs(MIN)}, outputs={"y": ("<i8", [1], [MIN])})
made = single("Div", {"x": f32(2), "z": f32(2)}, f32(2))
run(
    "Div-float-zero",
    made,
    {"x": floats(1.0, -1.0), "z": floats(0.0, 0.0)},
    outputs={"y": ("<f4", [2], [float("inf"), float("-inf")])},
)
bad("Mod-float-without-fmod", "Mod", {"x": f32(2), "z": f32(2)}, code="attribute")

# Reshape, Squeeze, Unsqueeze, Flatten ------------------------------------------------------------
RESHAPES = {
    "product": ([3], "shape-rank"),
    "product-0": ([0, 5], "shape-rank"),
    "two-minus-1": ([-1, -1], "shape-rank"),
    "minus-2": ([-2], "shape-rank"),
    "least": ([MIN], "shape-rank"),
    "minus-1-of-3": ([3, -1], "shape-rank"),
    "overflow": ([1 << 32, 1 << 32], "shape-rank"),
    "wraps-to-4": ([(1 << 62) + 1, 4], "shape-rank"),
    "0-beyond-rank": ([4, 0], "shape-rank"),
}
for name, (to, code) in RESHAPES.items():
    bad(f"reshape-{name}", "Reshape", X4 | {"s": None}, code=code, initializers=[ints("s", *to)])
bad(
    "reshape-allowzero-and-minus-1",
    "Reshape",
    {"x": f32(0), "s": None},
    code="shape-rank",
    initializers=[ints("s", 0, -1)],
    allowzero=1,
)
bad(
    "reshape-shape-of-rank-2",
    "Reshape",
    X4 | {"s": None},
    code="shape-rank",
    initializers=[tensor("s", INT64, [1, 1], [4])],
)
bad(
    "reshape-float-shape",
    "Reshape",
    X4 | {"s": None},
    code="shape-rank",
    initializers=[tensor("s", FLOAT, [1], [4.0])],
)
bad(
    "reshape-to-rank-100",
    "Reshape",
    {"x": f32(1), "s": None},
    code="shape-rank",
    initializers=[ints("s", *[1] * 100)],
)
made = single("Reshape", {"x": f32(4), "s": i64(2)}, (FLOAT, None))
for sizes in ((3, 3), (-1, 3), (-1, -1), (0, 5), (MAX, MAX), (MIN, 1)):
    run(f"reshape-at-run-time-{sizes[0]}-{sizes[1]}", made, FOUR | {"s": longs(*sizes)}, "y'")
bad("squeeze-axis", "Squeeze", X4 | {"a": None}, code="shape-rank", initializers=[ints("a", 1)])
bad("squeeze-of-4", "Squeeze", X4 | {"a": None}, code="shape-rank", initializers=[ints("a", 0)])
bad(
    "unsqueeze-twice",
    "Unsqueeze",
    X4 | {"a": None},
    code="shape-rank",
    initializers=[ints("a", 0, 0)],
)
bad(
    "unsqueeze-twice-by-sign",
    "Unsqueeze",
    X4 | {"a": None},
    code="shape-rank",
    initializers=[ints("a", 0, -3)],
)
bad(
    "unsqueeze-far",
    "Unsqueeze",
    X4 | {"a": None},
    code="shape-rank",
    initializers=[ints("a", MAX)],
)
bad(
    "unsqueeze-least",
    "Unsqueeze",
    X4 | {"a": None},
    code="shape-rank",
    initializers=[ints("a", MIN)],
)
bad(
    "unsqueeze-1000-axes",
    "Unsqueeze",
    X4 | {"a": None},
    code="constant-needed",
    initializers=[ints("a", *range(1000))],
)
bad("flatten-axis", "Flatten", X4, "axis 2", code="shape-rank", axis=2)
bad("flatten-least", "Flatten", X4, code="shape-rank", axis=MIN)

# Transpose, Concat, Split, Slice, Tile, Expand, Pad -------------------------------------------------
X23 = {"x": f32(2, 3)}
SIX = {"x": floats(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, dims=[2, 3])}
for name, perm in {
    "short": [0],
    "long": [0, 1, 2],
    "twice": [0, 0],
    "far": [0, 2],
    "negative": [0, -1],
    "huge": [0, MAX],
    "least": [MIN, 0],
}.items():
    bad(
        f"transpose-{name}",
        "Transpose",
        X23,
        code="attribute" if name in ("negative", "least") else "operands",
        perm=perm,
    )
bad("concat-axis", "Concat", X23, code="shape-rank", axis=2)
bad("concat-axis-least", "Concat", X23, code="shape-rank", axis=MIN)
bad("concat-other-size", "Concat", X23 | {"z": f32(3, 2)}, code="operands", axis=0)
bad("concat-other-rank", "Concat", X23 | {"z": f32(3)}, code="operands", axis=0)
bad("concat-other-type", "Concat", X23 | {"z": i64(2, 3)}, code="operands", axis=0)
bad("concat-overflow", "Concat", {"x": f32(1 << 55), "z": f32(1 << 55)}, code="shape-rank", axis=0)


def split(sizes, outputs=("y", "z"), **attributes):
    more = [ints("s", *sizes)] if sizes is not None else []
    names = ["x", "s"] if sizes is not None else ["x"]
    return model(
        graph(
            [node("Split", names, outputs, **attributes)],
            [value("x", FLOAT, [4])],
            [value(o, FLOAT) for o in outputs],
            more,
        )
    )


for name, sizes in {
    "sum": [1, 2],
    "negative": [5, -1],
    "few": [4],
    "many": [1, 1, 2],
    "overflow": [MAX, 5],
    "least": [MIN, 4],
}.items():
    GROUP.refused(f"split-{name}", split(sizes), "n-y", code="shape-rank")
GROUP.refused("split-num-outputs", split(None, num_outputs=3), "n-y", code="attribute")
GROUP.refused("split-num-outputs-0", split(None, num_outputs=0), "n-y", code="attribute")
GROUP.refused("split-axis", split([2, 2], axis=1), "axis 1", code="shape-rank")
GROUP.gives(
    "split-of-0",
    split([4, 0]),
    FOUR,
    {"y": ("<f4", [4], [1.0, 2.0, 3.0, 4.0]), "z": ("<f4", [0], [])},
)


def sliced(starts, ends, axes=None, steps=None):
    more = [ints("b", *starts), ints("e", *ends)]
    more += [ints("a", *axes)] if axes is not None else []
    more += [ints("s", *steps)] if steps is not None else []
    names = {"x": f32(4), "b": None, "e": None}
    names |= {"a": None} if axes is not None else {}
    names |= {"s": None} if steps is not None else {}
    return names, more


for name, operands in {
    "step-0": ([0], [4], [0], [0]),
    "lengths": ([0, 0], [4], [0], [1]),
    "axis": ([0], [4], [1], [1]),
    "axis-least": ([0], [4], [MIN], [1]),
    "axis-twice": ([0, 0], [4, 4], [0, 0], [1, 1]),
    "axis-twice-by-sign": ([0, 0], [4, 4], [0, -1], [1, 1]),
    "steps-many": ([0], [4], [0], [1, 1]),
}.items():
    names, more = sliced(*operands)
    bad(f"slice-{name}", "Slice", names, code="shape-rank", initializers=more)
for name, operands, expected in (
    ("all", ([0], [MAX]), [1.0, 2.0, 3.0, 4.0]),
    ("from-least", ([MIN], [MAX]), [1.0, 2.0, 3.0, 4.0]),
    ("backwards", ([MAX], [MIN], [0], [-1]), [4.0, 3.0, 2.0, 1.0]),
    ("largest-step", ([0], [MAX], [0], [MAX]), [1.0]),
    ("least-step", ([MAX], [MIN], [0], [MIN]), [4.0]),
    ("empty", ([3], [1]), []),
    ("beyond", ([7], [9]), []),
    ("backwards-empty", ([0], [3], [0], [-1]), []),
):
    names, more = sliced(*operands)
    run(
        f"slice-{name}",
        single("Slice", names, (FLOAT, None), more),
        FOUR,
        outputs={"y": ("<f4", [len(expected)], expected)},
    )
bounds = single("Slice", {"x": f32(4), "b": i64(1), "e": i64(1)}, (FLOAT, None))
for name, begin, end, expected in (
    ("all", MIN, MAX, [1.0, 2.0, 3.0, 4.0]),
    ("last", -1, MAX, [4.0]),
    ("none", MAX, MIN, []),
):
    run(
        f"slice-at-run-time-{name}",
        bounds,
        FOUR | {"b": longs(begin), "e": longs(end)},
        outputs={"y": ("<f4", [len(expected)], expected)},
    )
bad("tile-short", "Tile", X23 | {"r": None}, code="shape-rank", initializers=[ints("r", 2)])
bad("tile-long", "Tile", X23 | {"r": None}, code="shape-rank", initializers=[ints("r", 1, 1, 1)])
bad("expand-other", "Expand", X23 | {"s": None}, code="shape-rank", initializers=[ints("s", 2, 4)])
bad("pad-short", "Pad", X23 | {"p": None}, code="shape-rank", initializers=[ints("p", 1, 1)])
bad(
    "pad-mode",
    "Pad",
    X23 | {"p": None},
    "mode",
    code="attribute",
    initializers=[ints("p", 0, 0, 0, 0)],
    mode="dream",
)
bad(
    "pad-axes-twice",
    "Pad",
    X23 | {"p": None, "": None, "a": None},
    code="shape-rank",
    initializers=[ints("p", 0, 0, 0, 0), ints("a", 0, 0)],
)
# A reflection of a reflection is defined, as numpy has it.
made = single("Pad", X4 | {"p": None}, (FLOAT, None), [ints("p", 4, 0)], mode="reflect")
reflected = [3.0, 4.0, 3.0, 2.0, 1.0, 2.0, 3.0, 4.0]
run("pad-reflect-twice", made, FOUR, outputs={"y": ("<f4", [8], reflected)})

# Elementwise and matrices ------------------------------------------------------------------------------
bad("add-shapes", "Add", {"x": f32(2), "z": f32(3)}, "broadcast", code="operands")
bad("add-types", "Add", {"x": f32(2), "z": i64(2)}, code="operands")
bad("and-of-floats", "And", {"x": f32(2), "z": f32(2)}, code="operands", output=(BOOL, None))
bad("sqrt-of-integers", "Sqrt", {"x": i64(2)}, code="operands", output=(INT64, None))
bad("where-condition", "Where", {"c": f32(2), "x": f32(2), "z": f32(2)}, code="operands")
bad("matmul-inner", "MatMul", {"x": f32(2, 3), "z": f32(2, 3)}, code="operands")
bad("matmul-scalar", "MatMul", {"x": f32(), "z": f32(2, 3)}, code="shape-rank")
bad("matmul-batch", "MatMul", {"x": f32(2, 2, 2), "z": f32(3, 2, 2)}, code="operands")
bad("matmul-types", "MatMul", {"x": f32(2, 2), "z": i64(2, 2)}, code="operands")
bad("gemm-rank", "Gemm", {"x": f32(2, 3, 4), "z": f32(3, 4)}, code="shape-rank")
bad("gemm-c", "Gemm", {"x": f32(2, 3), "z": f32(3, 4), "c": f32(9)}, code="shape-rank")
bad(
    "shift-without-direction",
    "BitShift",
    {"x": (UINT8, [1]), "z": (UINT8, [1])},
    "direction",
    code="attribute",
    output=(UINT8, None),
)
bad(
    "shift-up",
    "BitShift",
    {"x": (UINT8, [1]), "z": (UINT8, [1])},
    "direction",
    code="attribute",
    output=(UINT8, None),
    direction="UP",
)
made = single("BitShift", {"x": (UINT8, [2]), "z": (UINT8, [2])}, (UINT8, [2]), direction="LEFT")
run(
    "shift-by-200",
    made,
    {"x": npy("|u1", [2], b"\1\xff"), "z": npy("|u1", [2], b"\xc8\x08")},
    outputs={"y": ("|u1", [2], [0, 0])},
)
# Reductions, sorting, cumulation ---------------------------------------------------------------------------
for axis in (2, -3, MAX, MIN):
    bad(
        f"reduce-axis-{axis}",
        "ReduceSum",
        X23 | {"a": None},
        f"axis {axis}",
        code="shape-rank",
        initializers=[ints("a", axis)],
    )
bad(
    "reduce-axis-twice",
    "ReduceSum",
    X23 | {"a": None},
    "given twice",
    code="shape-rank",
    initializers=[ints("a", 1, -1)],
)
bad(
    "reduce-axes-of-rank-2",
    "ReduceSum",
    X23 | {"a": None},
    code="constant-needed",
    initializers=[tensor("a", INT64, [1, 1], [0])],
)
bad("argmax-axis", "ArgMax", X23, "axis 2", code="shape-rank", output=(INT64, None), axis=2)
bad(
    "cumsum-axis",
    "CumSum",
    X23 | {"a": None},
    code="shape-rank",
    initializers=[scalar("a", INT64, 2)],
)
bad("cumsum-axes", "CumSum", X23 | {"a": None}, code="shape-rank", initializers=[ints("a", 0, 1)])


def top(k=None):
    declared = [value("x", FLOAT, [4])] + ([] if k is not None else [value("k", INT64, [1])])
    return model(
        graph(
            [node("TopK", ["x", "k"], ["y", "i"])],
            declared,
            [value("y", FLOAT), value("i", INT64)],
            [ints("k", k)] if k is not None else [],
        )
    )


for k in (-1, 5, MAX, MIN):
    GROUP.refused(f"topk-{k}", top(k), "n-y", "TopK", code="operands")
    for target in TARGETS:
        GROUP.run_fails(
            f"topk-at-run-time-{k}-{target}",
            top(),
            FOUR | {"k": longs(k)},
            "y'",
            options=["--target", target],
        )
run("topk-0", top(0), FOUR, outputs={"y": ("<f4", [0], []), "i": ("<i8", [0], [])})
made = single("ReduceMax", {"x": f32(0)}, (FLOAT, None), keepdims=0)
run("reduce-max-of-nothing", made, {"x": floats()}, outputs={"y": ("<f4", [], [float("-inf")])})
made = single("ReduceSum", {"x": f32(0)}, (FLOAT, None), keepdims=0)
run("reduce-sum-of-nothing", made, {"x": floats()}, outputs={"y": ("<f4", [], [0.0])})
made = single("ArgMax", {"x": f32(0)}, (INT64, None), keepdims=0)
run("argmax-of-nothing", made, {"x": floats()}, "y'")
bad(
    "range-step-0",
    "Range",
    {"a": None, "b": None, "c": None},
    "step is 0",
    code="shape-rank",
    output=(INT64, None),
    initializers=[scalar("a", INT64, 0), scalar("b", INT64, 5), scalar("c", INT64, 0)],
)
made = single("Range", {"a": i64(), "b": i64(), "c": i64()}, (INT64, None))
for name, step, limit in (("step-0", 0, 5), ("far", 1, MAX), ("overflow", 1, MIN)):
    inputs = {
        "a": longs(0 if limit > 0 else MAX, dims=[]),
        "b": longs(limit, dims=[]),
        "c": longs(step, dims=[]),
    }
    run(f"range-at-run-time-{name}", made, inputs, "y'")
bad(
    "one-hot-depth",
    "OneHot",
    {"x": i64(2), "d": None, "v": None},
    code="shape-rank",
    initializers=[scalar("d", INT64, -1), tensor("v", FLOAT, [2], [0.0, 1.0])],
)
bad(
    "one-hot-values",
    "OneHot",
    {"x": i64(2), "d": None, "v": None},
    code="shape-rank",
    initializers=[scalar("d", INT64, 3), tensor("v", FLOAT, [3], [0.0, 1.0, 2.0])],
)
