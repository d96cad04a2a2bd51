# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators with many attributes: windows, norms, attention, quantization, loops."""

from case import Group
from values import MAX, MIN, TARGETS, f32, floats, i64, longs
from wire import *

GROUP = Group("operators")


def bad(name, op, inputs, *texts, code, initializers=(), output=None, version=21, **attributes):
    made = single(op, inputs, output, initializers, version, **attributes)
    GROUP.refused(name, made, "n-y", op, *texts, code=code)


def run(name, made, inputs, *texts, outputs=None):
    for target in TARGETS:
        options = ["--target", target]
        if outputs:
            GROUP.gives(f"{name}-{target}", made, inputs, outputs, options=options)
        else:
            GROUP.run_fails(f"{name}-{target}", made, inputs, *texts, options=options)


# Convolution ---------------------------------------------------------------------------
IMAGE = {"x": f32(1, 2, 4, 4), "w": f32(2, 2, 3, 3)}
CONV = {
    "stride-0": ({"strides": [0, 1]}, "attribute"),
    "stride-negative": ({"strides": [-1, 1]}, "attribute"),
    "stride-short": ({"strides": [1]}, "attribute"),
    "dilation-0": ({"dilations": [0, 1]}, "attribute"),
    "dilation-negative": ({"dilations": [1, -5]}, "attribute"),
    "dilation-huge": ({"dilations": [MAX, 1]}, "attribute"),
    "group-0": ({"group": 0}, "attribute"),
    "group-negative": ({"group": -1}, "attribute"),
    "group-3": ({"group": 3}, "shape-rank"),
    "group-2": ({"group": 2}, "shape-rank"),
    "group-least": ({"group": MIN}, "attribute"),
    "kernel-other": ({"kernel_shape": [2, 2]}, "attribute"),
    "kernel-short": ({"kernel_shape": [3]}, "attribute"),
    "pads-short": ({"pads": [1, 1]}, "attribute"),
    "pads-negative": ({"pads": [-1, 0, 0, 0]}, "attribute"),
    "pads-huge": ({"pads": [MAX, 0, MAX, 0]}, "attribute"),
    "auto-pad": ({"auto_pad": "SOMEHOW"}, "attribute"),
}
for name, (attributes, code) in CONV.items():
    bad(f"conv-{name}", "Conv", IMAGE, code=code, **attributes)
bad(
    "conv-kernel-beyond-image",
    "Conv",
    {"x": f32(1, 1, 2, 2), "w": f32(1, 1, 5, 5)},
    code="shape-rank",
)
bad("conv-channels", "Conv", {"x": f32(1, 3, 4, 4), "w": f32(2, 2, 3, 3)}, code="shape-rank")
bad("conv-rank-2", "Conv", {"x": f32(4, 4), "w": f32(3, 3)}, code="shape-rank")
bad("conv-ranks-differ", "Conv", {"x": f32(1, 2, 4, 4), "w": f32(2, 2, 3)}, code="shape-rank")
bad("conv-bias", "Conv", IMAGE | {"b": f32(3)}, code="shape-rank")
bad("conv-kernel-of-0", "Conv", {"x": f32(1, 1, 4, 4), "w": f32(1, 1, 0, 3)}, code="shape-rank")
bad("conv-types", "Conv", {"x": f32(1, 1, 4), "w": (FLOAT16, [1, 1, 3])}, code="operands")

# Pooling ------------------------------------------------------------------------------------
POOL = {
    "kernel-0": ({"kernel_shape": [0, 2]}, "shape-rank"),
    "kernel-negative": ({"kernel_shape": [-2, 2]}, "shape-rank"),
    "kernel-short": ({"kernel_shape": [2]}, "shape-rank"),
    "kernel-huge": ({"kernel_shape": [MAX, 2]}, "shape-rank"),
    "stride-0": ({"kernel_shape": [2, 2], "strides": [0, 0]}, "attribute"),
    "stride-least": ({"kernel_shape": [2, 2], "strides": [MIN, 1]}, "attribute"),
    "pads-short": ({"kernel_shape": [2, 2], "pads": [1]}, "attribute"),
    "pads-negative": ({"kernel_shape": [2, 2], "pads": [0, 0, 0, -1]}, "attribute"),
    "auto-pad": ({"kernel_shape": [2, 2], "auto_pad": "dream"}, "attribute"),
}
for op in ("MaxPool", "AveragePool"):
    bad(f"{op}-without-kernel", op, {"x": f32(1, 1, 4, 4)}, "kernel_shape", code="attribute")
    bad(f"{op}-rank", op, {"x": f32(4)}, code="shape-rank", kernel_shape=[2])
    for name, (attributes, code) in POOL.items():
        bad(f"{op}-{name}", op, {"x": f32(1, 1, 4, 4)}, code=code, **attributes)
bad("lp-pool-p", "LpPool", {"x": f32(1, 1, 4)}, "'p'", code="attribute", kernel_shape=[2], p=0)

# Normalization ----------------------------------------------------------------------------------
bad(
    "batch-norm-sizes",
    "BatchNormalization",
    {"x": f32(1, 2, 4), "s": f32(3), "b": f32(3), "m": f32(3), "v": f32(3)},
    code="operands",
)
bad(
    "layer-norm-axis",
    "LayerNormalization",
    {"x": f32(2, 4), "s": f32(4)},
    "axis 2",
    code="shape-rank",
    axis=2,
)
bad("layer-norm-scale", "LayerNormalization", {"x": f32(2, 4), "s": f32(5)}, code="operands")
bad(
    "group-norm-groups-0",
    "GroupNormalization",
    {"x": f32(1, 4, 2), "s": f32(4), "b": f32(4)},
    code="shape-rank",
    num_groups=0,
)
bad(
    "group-norm-groups-3",
    "GroupNormalization",
    {"x": f32(1, 4, 2), "s": f32(4), "b": f32(4)},
    code="shape-rank",
    num_groups=3,
)
bad(
    "group-norm-without-groups",
    "GroupNormalization",
    {"x": f32(1, 4, 2), "s": f32(4), "b": f32(4)},
    "num_groups",
    code="attribute",
)
bad("lrn-without-size", "LRN", {"x": f32(1, 4, 2, 2)}, "size", code="attribute")
bad("lrn-size-0", "LRN", {"x": f32(1, 4, 2, 2)}, "size", code="shape-rank", size=0)
bad("lrn-size-huge", "LRN", {"x": f32(1, 4, 2, 2)}, code="shape-rank", size=MAX)
bad("depth-to-space-block", "DepthToSpace", {"x": f32(1, 4, 2, 2)}, code="shape-rank", blocksize=3)
bad(
    "depth-to-space-block-0",
    "DepthToSpace",
    {"x": f32(1, 4, 2, 2)},
    code="shape-rank",
    blocksize=0,
)
bad(
    "depth-to-space-block-least",
    "DepthToSpace",
    {"x": f32(1, 4, 2, 2)},
    code="shape-rank",
    blocksize=MIN,
)
bad(
    "depth-to-space-block-huge",
    "DepthToSpace",
    {"x": f32(1, 4, 2, 2)},
    code="shape-rank",
    blocksize=MAX,
)
bad("space-to-depth-block", "SpaceToDepth", {"x": f32(1, 4, 3, 2)}, code="shape-rank", blocksize=2)

# Attention ----------------------------------------------------------------------------------------
QKV = {"q": f32(1, 2, 3, 4), "k": f32(1, 2, 3, 4), "v": f32(1, 2, 3, 4)}
bad(
    "attention-heads",
    "Attention",
    QKV | {"k": f32(1, 3, 3, 4), "v": f32(1, 3, 3, 4)},
    code="operands",
    version=23,
)
bad("attention-head-size", "Attention", QKV | {"k": f32(1, 2, 3, 5)}, code="operands", version=23)
bad("attention-lengths", "Attention", QKV | {"v": f32(1, 2, 4, 4)}, code="operands", version=23)
bad("attention-rank", "Attention", QKV | {"q": f32(2, 3, 4)}, code="shape-rank", version=23)
bad(
    "attention-heads-0",
    "Attention",
    {"q": f32(1, 3, 8), "k": f32(1, 3, 8), "v": f32(1, 3, 8)},
    code="attribute",
    version=23,
    q_num_heads=0,
    kv_num_heads=0,
)
bad(
    "attention-heads-3",
    "Attention",
    {"q": f32(1, 3, 8), "k": f32(1, 3, 8), "v": f32(1, 3, 8)},
    code="shape-rank",
    version=23,
    q_num_heads=3,
    kv_num_heads=3,
)
bad("attention-mask", "Attention", QKV | {"m": f32(5, 7)}, code="operands", version=23)
bad(
    "attention-past-alone",
    "Attention",
    QKV | {"": None, "p": f32(1, 2, 3, 4)},
    code="input-count",
    version=23,
)
bad(
    "rotary-table",
    "RotaryEmbedding",
    {"x": f32(1, 2, 3, 4), "c": f32(3, 9), "s": f32(3, 9)},
    code="shape-rank",
    version=23,
)

# Quantization ---------------------------------------------------------------------------------------
Q8 = {"x": (INT8, [4, 6]), "s": f32(4), "z": (INT8, [4])}
bad("dequantize-axis", "DequantizeLinear", Q8, "axis 2", code="shape-rank", axis=2)
bad("dequantize-scale-sizes", "DequantizeLinear", Q8, code="operands", axis=1)
bad(
    "dequantize-zero-point-sizes",
    "DequantizeLinear",
    Q8 | {"z": (INT8, [3])},
    code="operands",
    axis=0,
)
bad(
    "dequantize-zero-point-type",
    "DequantizeLinear",
    Q8 | {"z": (UINT8, [4])},
    code="operands",
    axis=0,
)
bad("dequantize-scale-type", "DequantizeLinear", Q8 | {"s": i64(4)}, code="operands", axis=0)
bad(
    "dequantize-block-negative",
    "DequantizeLinear",
    {"x": (INT8, [4, 6]), "s": f32(4, 2)},
    "block_size",
    code="attribute",
    axis=1,
    block_size=-3,
)
bad(
    "dequantize-block-of-6",
    "DequantizeLinear",
    {"x": (INT8, [4, 6]), "s": f32(4, 2)},
    code="operands",
    axis=1,
    block_size=6,
)
bad(
    "dequantize-block-huge",
    "DequantizeLinear",
    {"x": (INT8, [4, 6]), "s": f32(4, 2)},
    code="operands",
    axis=1,
    block_size=MAX,
)
bad(
    "dequantize-block-0-of-rank-2",
    "DequantizeLinear",
    {"x": (INT8, [4, 6]), "s": f32(4, 2)},
    code="operands",
    axis=1,
    block_size=0,
)
bad(
    "quantize-axis",
    "QuantizeLinear",
    {"x": f32(4, 6), "s": f32(4), "z": (INT8, [4])},
    code="shape-rank",
    output=(INT8, None),
    axis=5,
)
bad(
    "quantize-to-text",
    "QuantizeLinear",
    {"x": f32(4), "s": f32()},
    code="type",
    output=(UINT8, None),
    output_dtype=STRING,
)
bad(
    "quantize-types-differ",
    "QuantizeLinear",
    {"x": f32(4), "s": f32(), "z": (INT8, [])},
    code="attribute",
    output=(UINT8, None),
    output_dtype=UINT8,
)
odd = {"x": None, "s": None}
made = single(
    "DequantizeLinear",
    odd,
    (FLOAT, None),
    [tensor("x", UINT4, [3], b"\x21\x43"), scalar("s", FLOAT, 1.0)],
)
GROUP.gives("4-bit-odd-count", made, {}, {"y": ("<f4", [3], [1.0, 2.0, 3.0])})
made = single(
    "DequantizeLinear",
    odd,
    (FLOAT, None),
    [tensor("x", INT4, [3], b"\xf8\xf7"), scalar("s", FLOAT, 1.0)],
)
GROUP.gives("4-bit-signs", made, {}, {"y": ("<f4", [3], [-8.0, -1.0, 7.0])})
made = single("QuantizeLinear", {"x": f32(4), "s": f32()}, (UINT8, None))
run(
    "quantize-extremes",
    made,
    {"x": floats(1e38, -1e38, float("inf"), float("-inf")), "s": floats(1.0, dims=[])},
    outputs={"y": ("|u1", [4], [255, 0, 255, 0])},
)

# Casts ----------------------------------------------------------------------------------------------------
made = single("Cast", {"x": i64(2)}, (INT8, None), to=INT8)
run("cast-wraps", made, {"x": longs(256, MIN)}, outputs={"y": ("|i1", [2], [0, 0])})

# Loops and scans ------------------------------------------------------------------------------------------------


def body(outputs, inputs=("i", "go", "s"), nodes=None, types=None):
    types = types or {"i": i64(), "go": (BOOL, []), "s": f32(2), "t": f32(2), "go2": (BOOL, [])}
    nodes = nodes or [node("Identity", ["go"], ["go2"]), node("Relu", ["s"], ["t"])]
    declare = lambda names: [value(n, *types.get(n, f32(2))) for n in names]
    return graph(nodes, declare(inputs), declare(outputs))


def loop(made, inputs=("n", "c", "x"), outputs=("y",), n=3):
    nodes = (
        [node("Loop", inputs, outputs, body=made)]
        if made is not None
        else [node("Loop", inputs, outputs)]
    )
    return model(
        graph(
            nodes,
            [value("x", FLOAT, [2])],
            [value("y", FLOAT)],
            [scalar("n", INT64, n), scalar("c", BOOL, 1)],
        )
    )


LOOPS = {
    "without-body": (loop(None), "attribute"),
    "body-as-text": (loop("body"), "attribute"),
    "few-body-inputs": (
        loop(
            body(
                ["go2", "t"],
                ["i", "go"],
                [node("Identity", ["go"], ["go2"]), node("Relu", ["x"], ["t"])],
            )
        ),
        "input-count",
    ),
    "many-body-inputs": (loop(body(["go2", "t"], ["i", "go", "s", "u"])), "input-count"),
    "few-body-outputs": (loop(body(["go2"])), "input-count"),
    "condition-of-floats": (loop(body(["t", "t"])), "type"),
    "many-outputs": (loop(body(["go2", "t"]), outputs=["y", "z"]), "input-count"),
    "trips-of-floats": (loop(body(["go2", "t"]), ["x", "c", "x"]), "shape-rank"),
}
for name, (made, code) in LOOPS.items():
    GROUP.refused(f"loop-{name}", made, "n-y", "Loop", code=code)
grows = body(
    ["go2", "t"],
    nodes=[node("Identity", ["go"], ["go2"]), node("Concat", ["s", "s"], ["t"], axis=0)],
)
run("loop-that-doubles", loop(grows, n=60), {"x": floats(1.0, 2.0)}, "memory")
for name, attributes, code in (
    (
        "without-scan-inputs",
        {"body": body(["t"], ["s"], [node("Relu", ["s"], ["t"])])},
        "attribute",
    ),
    (
        "many-scan-inputs",
        {"body": body(["t"], ["s"], [node("Relu", ["s"], ["t"])]), "num_scan_inputs": 5},
        "attribute",
    ),
    (
        "scan-inputs-negative",
        {"body": body(["t"], ["s"], [node("Relu", ["s"], ["t"])]), "num_scan_inputs": -1},
        "attribute",
    ),
    (
        "scan-inputs-least",
        {"body": body(["t"], ["s"], [node("Relu", ["s"], ["t"])]), "num_scan_inputs": MIN},
        "attribute",
    ),
):
    bad(f"scan-{name}", "Scan", {"x": f32(3, 2)}, code=code, **attributes)
