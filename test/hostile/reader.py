# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bytes that are no ONNX file, and tensors whose fields disagree."""

import struct

from case import Group
from wire import *

GROUP = Group("reader")
refused = GROUP.refused


def identity(initializer, element=FLOAT):
    """y = Identity(w)."""
    return model(graph([node("Identity", ["w"], ["y"])], [], [value("y", element)], [initializer]))


GOOD = (
    field(1, 10)
    + opset(21)
    + field(
        7,
        graph(
            [node("Add", ["x", "w"], ["y"]), node("Softmax", ["y"], ["z"], axis=-1)],
            [value("x", FLOAT, ["batch", 2])],
            [value("z", FLOAT, ["batch", 2])],
            [tensor("w", FLOAT, [2], [1.0, 2.0])],
        ),
    )
)
GROUP.compiles("whole", GOOD)
# Behind the versions lies the graph, the last field: every cut is inside it.
for cut in range(GOOD.index(b"\x3a") + 1, len(GOOD), 5):
    refused(f"cut-at-{cut}", GOOD[:cut], "model.onnx, byte", code="file-malformed")

# Not even protobuf ------------------------------------------------------------------
refused("empty", b"", "it holds no graph", code="file-malformed")
refused("zeros", bytes(4096), "model.onnx", code="file-malformed")
refused("ones", b"\xff" * 4096, "model.onnx", code="file-malformed")
refused("text", b"This is not the model you want.\n" * 8, "model.onnx", code="file-malformed")
refused("elf", b"\x7fELF" + bytes(60), "model.onnx", code="file-malformed")
refused("zip", b"PK\x03\x04" + bytes(60), "model.onnx", code="file-malformed")
refused("html", b"<!DOCTYPE html><html>404</html>", code="file-malformed")
refused("git-lfs-pointer", b"version https://git-lfs.github.com/spec/v1\n", code="file-malformed")
refused("no-graph", field(1, 10) + opset(21), "it holds no graph", code="file-malformed")
refused("two-graphs", GOOD + field(7, graph([])), "two graphs", code="file-malformed")

# Keys and varints ----------------------------------------------------------------------
refused("varint-without-end", GOOD + key(1, VARINT) + b"\xff" * 9, code="file-malformed")
refused(
    "varint-of-11-bytes", key(1, VARINT) + b"\x80" * 10 + b"\x00" + GOOD, code="file-malformed"
)
GROUP.compiles("varint-overlong", key(1, VARINT) + varint(10, 10) + GOOD[2:])
refused("field-0", GOOD + b"\x00\x00", code="file-malformed")
refused("field-too-large", GOOD + varint((1 << 29) << 3) + b"\x00", code="file-malformed")
refused("field-reserved", GOOD + key(19500, VARINT) + b"\x00", code="file-malformed")
refused("wire-type-6", GOOD + b"\xa6\x06\x00", code="file-malformed")
refused("wire-type-7", GOOD + b"\xa7\x06\x00", code="file-malformed")
refused("group", GOOD + key(30, GROUP_START) + key(30, GROUP_END), code="file-malformed")
refused("group-without-end", GOOD + key(30, GROUP_START), code="file-malformed")
GROUP.compiles("unknown-field", GOOD + field(1000, b"\x00" * 100))
GROUP.compiles("ir-version-twice", field(1, 3) + GOOD)

# Lengths ------------------------------------------------------------------------------------
for name, length in {
    "one-more": 5,
    "4-gib": 1 << 32,
    "2-63": 1 << 63,
    "2-64": (1 << 64) - 1,
    "31-bits": (1 << 31) - 1,
}.items():
    refused(
        f"length-{name}", GOOD + key(2, BYTES) + varint(length) + b"four", code="file-malformed"
    )
    inner = field(1, b"x" * 3) + key(4, BYTES) + varint(length) + b"Relu"
    if name == "one-more":
        inner = inner[:-1]
    refused(f"length-{name}-in-node", model(graph([inner])), "model.onnx", code="file-malformed")

# Wire types, message by message -------------------------------------------------------------
WRONG = {
    "ir-version-as-text": field(1, b"10") + GOOD[2:],
    "graph-as-integer": field(1, 10) + field(7, 5),
    "opset-as-integer": field(8, 21) + GOOD,
    "function-as-integer": GOOD + field(25, 1),
    "node-as-integer": model(Graph(field(1, 7))),
    "initializer-as-integer": model(graph([], more=field(5, 7))),
    "input-as-float": model(graph([], more=field(11, 1.0))),
    "output-as-integer": model(graph([], more=field(12, 7))),
    "node-input-as-integer": model(graph([field(1, 5) + field(4, "Relu")])),
    "op-type-as-integer": model(graph([field(4, 5)])),
    "attribute-as-integer": model(graph([field(4, "Relu") + field(5, 1)])),
    "attribute-float-as-integer": model(
        graph([field(4, "Relu") + field(5, field(1, "a") + field(2, 1))])
    ),
    "attribute-int-as-float": model(
        graph([field(4, "Relu") + field(5, field(1, "a") + field(3, 1.0))])
    ),
    "attribute-text-as-integer": model(
        graph([field(4, "Relu") + field(5, field(1, "a") + field(4, 1))])
    ),
    "dims-as-float": identity(field(1, 1.0) + field(2, FLOAT) + field(8, "w")),
    "data-type-as-text": identity(field(2, b"1") + field(8, "w")),
    "raw-data-as-integer": identity(field(2, FLOAT) + field(9, 7) + field(8, "w")),
    "float-data-as-integer": identity(field(2, FLOAT) + field(4, 7) + field(8, "w")),
    "double-data-as-float": identity(field(2, DOUBLE) + field(10, 1.0) + field(8, "w")),
    "int64-data-as-float": identity(field(2, INT64) + field(7, 1.0) + field(8, "w")),
    "packed-floats-cut": identity(
        field(1, 1) + field(2, FLOAT) + field(4, b"abc") + field(8, "w")
    ),
    "packed-ints-cut": identity(field(1, 1) + field(2, INT64) + field(7, b"\xff") + field(8, "w")),
    "dim-value-as-text": model(
        graph(
            [],
            [field(1, "x") + field(2, field(1, field(1, 1) + field(2, field(1, field(1, b"5")))))],
        )
    ),
    "dim-name-as-integer": model(
        graph(
            [], [field(1, "x") + field(2, field(1, field(1, 1) + field(2, field(1, field(2, 5)))))]
        )
    ),
    "element-as-text": model(graph([], [field(1, "x") + field(2, field(1, field(1, b"1")))])),
}
for name, content in WRONG.items():
    text = "tensor" if "data" in name or "dims" in name else "model.onnx"
    code = "tensor-size" if name == "packed-floats-cut" else "file-malformed"
    refused(f"wire-{name}", content, text, code=code)

# Dims ------------------------------------------------------------------------------------------
HUGE = (1 << 63) - 1
for name, dims, text in (
    ("negative", [-1], "dimension -1 is negative"),
    ("most-negative", [2, -(1 << 63)], "is negative"),
    ("product-overflows", [HUGE, HUGE], "their product overflows"),
    ("product-wraps-to-0", [1 << 32, 1 << 32], "their product overflows"),
    ("product-wraps-to-1", [0xFFFFFFFFFFFF, 0x1000000000001, 2], "their product overflows"),
    ("2-60", [1 << 60], "their product overflows"),
    ("overflows-beside-0", [0, HUGE, HUGE], "their product overflows"),
    ("rank-65", [1] * 65, "more than 64 dimensions"),
    ("rank-100000", [1] * 100000, "more than 64 dimensions"),
):
    refused(f"dims-{name}", identity(tensor("w", FLOAT, dims, b"")), text, code="tensor-dims")
for name, dims in {"2-40": [1 << 40], "3": [3], "0": [0], "2-55": [1 << 55]}.items():
    refused(
        f"raw-data-for-{name}",
        identity(tensor("w", FLOAT, dims, b"1234")),
        "tensor 'w'",
        "has 4 bytes",
        code="tensor-size",
    )
refused(
    "raw-data-odd",
    identity(tensor("w", DOUBLE, [1], b"1234567")),
    "has 7 bytes",
    code="tensor-size",
)
refused("no-data", identity(tensor("w", FLOAT, [1])), "has 0 bytes", code="tensor-size")
refused(
    "floats-too-few",
    identity(tensor("w", FLOAT, [3], more=field(4, 1.0))),
    "has 4 bytes",
    code="tensor-size",
)
refused(
    "int32s-too-many",
    identity(tensor("w", INT32, [1], more=packed(5, [1, 2]))),
    "has 8 bytes",
    code="tensor-size",
)
refused(
    "int64s-too-many",
    identity(tensor("w", INT64, [], more=packed(7, [1, 2]))),
    "has 16 bytes",
    code="tensor-size",
)
refused(
    "4-bit-odd-count",
    identity(tensor("w", INT4, [3], b"\x01"), INT4),
    "ask for 2",
    code="tensor-size",
)
refused(
    "4-bit-bytes-too-many",
    identity(tensor("w", UINT4, [4], b"\x01\x02\x03"), UINT4),
    "ask for 2",
    code="tensor-size",
)

# Data in the wrong place ---------------------------------------------------------------------------
ONE = field(1, 1) + field(8, "w")
DATA = {
    "raw-and-floats": (ONE + field(2, FLOAT) + field(9, b"1234") + field(4, 1.0), "both raw_data"),
    "raw-and-int64s": (ONE + field(2, INT64) + field(9, bytes(8)) + field(7, 1), "both raw_data"),
    "raw-and-empty-strings": (ONE + field(2, STRING) + field(9, b"1234"), "string tensor"),
    "strings-of-floats": (ONE + field(2, STRING) + field(4, 1.0), "string tensor"),
    "strings-too-few": (ONE + field(2, STRING), "string tensor"),
    "segment": (ONE + field(2, FLOAT) + field(3, field(1, 0)) + field(9, b"1234"), "segment"),
    "floats-in-two-runs": (
        field(1, 2) + field(8, "w") + field(2, FLOAT) + field(4, b"1234") + field(4, b"5678"),
        "several runs",
    ),
    "int8-out-of-range": (ONE + field(2, INT8) + field(5, 1000), "does not fit int8"),
    "uint32-out-of-range": (ONE + field(2, UINT32) + field(11, 1 << 40), "does not fit uint32"),
}
for name, (content, text) in DATA.items():
    refused(f"data-{name}", identity(content), text, code="tensor-data")
for name, element in {"0": 0, "27": 27, "negative": -1, "2-40": 1 << 40}.items():
    refused(
        f"type-{name}",
        identity(ONE + field(2, element) + field(9, b"1234")),
        "tensor",
        code="tensor-type",
    )
refused("type-missing", identity(ONE + field(9, b"1234")), code="tensor-type")
refused("type-of-input-99", single("Relu", {"x": (99, [1])}), code="tensor-type")
refused(
    "type-string",
    identity(ONE + field(2, STRING) + field(6, "abc"), STRING),
    "string",
    code="type",
)
refused(
    "type-complex",
    identity(tensor("w", COMPLEX64, [1], bytes(8)), COMPLEX64),
    "complex64",
    code="type",
)
refused("sparse-initializer", model(graph([], more=field(15, b""))), "sparse", code="tensor-data")
refused(
    "initializer-without-name",
    model(graph([], initializers=[tensor("", FLOAT, [0], b"")])),
    "an initializer has none",
    code="bad-name",
)

# Varints one by one: 8 bytes of memory for each byte of the file.
MANY = 1 << 19
refused(
    "varints-too-many",
    identity(tensor("w", INT64, [MANY], more=field(7, b"\x01" * MANY)), INT64),
    str(MANY),
    code="tensor-varints",
)
refused(
    "varints-2-gib",
    identity(tensor("w", INT64, [3], more=field(7, b"\x01" * (1 << 27)))),
    "bytes of graph structure",
    code="too-many",
)
refused("nodes-too-many", model(Graph(field(1, b"") * 600_000)), code="bad-name")
refused(
    "nodes-600000",
    model(Graph(field(1, field(4, "A")) * 600_000)),
    "more than 500000 nodes",
    code="too-many",
)
refused(
    "initializers-600000",
    model(Graph(field(5, field(2, 1) + field(1, 0) + field(8, "w")) * 600_000)),
    "more than 500000 initializers",
    code="too-many",
)
refused(
    "attributes-20000",
    model(graph([field(4, "A") + b"".join(field(5, field(1, f"a{i}")) for i in range(20_000))])),
    "attributes",
    code="too-many",
)
refused(
    "opsets-20000",
    GOOD + b"".join(opset(1, f"d{i}") for i in range(20_000)),
    "opset imports",
    code="too-many",
)
