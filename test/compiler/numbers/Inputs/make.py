# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small ONNX models with data sets, with Python's standard library.

usage: make.py FOLDER

Each case is a folder with model.onnx and data/test_data_set_0. What is expected
is computed here in double precision from the model's meaning.
"""

import itertools
import math
import pathlib
import random
import struct
import sys

FLOAT, UINT8, INT8, INT64, FLOAT16, INT4 = 1, 2, 3, 7, 10, 22
FORMATS = {FLOAT: "f", UINT8: "B", INT8: "b", INT64: "q", FLOAT16: "e"}


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """An int as varint; text, bytes and messages with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def packed(element_type, values):
    if element_type == INT4:
        values = [v & 15 for v in values] + [0]
        return bytes(values[i] | values[i + 1] << 4 for i in range(0, len(values) - 1, 2))
    return struct.pack(f"<{len(values)}{FORMATS[element_type]}", *values)


class Tensor:
    def __init__(self, element_type, dims, values):
        self.type, self.dims, self.values = element_type, list(dims), list(values)
        assert math.prod(dims) == len(self.values)

    def proto(self, name):
        out = b"".join(field(1, d) for d in self.dims) + field(2, self.type)
        return out + field(8, name) + field(9, packed(self.type, self.values))


def value_info(name, element_type, dims):
    shape = b"".join(
        field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims
    )
    tensor = field(1, element_type) + field(2, shape)
    return field(1, name) + field(2, field(1, tensor))


def node(op, inputs, output, **attributes):
    body = b"".join(field(1, i) for i in inputs) + field(2, output) + field(4, op)
    for name, value in attributes.items():
        if isinstance(value, int):
            parts = field(3, value) + field(20, 2)
        else:
            parts = b"".join(field(8, v) for v in value) + field(20, 7)
        body += field(5, field(1, name) + parts)
    return body


def write(folder, nodes, inputs, outputs, initializers):
    """`inputs` and `outputs`: name -> (tensor, dims of the model)."""
    graph = b"".join(field(1, n) for n in nodes) + field(2, "graph")
    graph += b"".join(field(5, t.proto(n)) for n, t in initializers.items())
    for number, values in ((11, inputs), (12, outputs)):
        for name, (tensor, dims) in values.items():
            graph += field(number, value_info(name, tensor.type, dims))
    data = folder / "data" / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(
        field(1, 10) + field(7, graph) + field(8, field(1, "") + field(2, 21))
    )
    for kind, values in (("input", inputs), ("output", outputs)):
        for i, (name, (tensor, _)) in enumerate(values.items()):
            (data / f"{kind}_{i}.pb").write_bytes(tensor.proto(name))


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f16(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


numbers = random.Random(7)


def floats(*dims, low=-1.0, high=1.0):
    count = math.prod(dims)
    return Tensor(FLOAT, dims, [f32(numbers.uniform(low, high)) for _ in range(count)])


def integers(element_type, low, high, *dims):
    count = math.prod(dims)
    return Tensor(element_type, dims, [numbers.randint(low, high) for _ in range(count)])


def dequantized(w, scale, zero=None, axis=0, block=1):
    """Rows of the matrix (w - zero) * scale, parameters scalar, per axis or
    blocked along it."""

    def at(parameter, i, j):
        if parameter is None:
            return 0
        along = (i, j)[axis] // block
        if not parameter.dims:
            return parameter.values[0]
        if len(parameter.dims) == 1:
            return parameter.values[along]
        return parameter.values[
            along * w.dims[1] + j if axis == 0 else i * parameter.dims[1] + along
        ]

    n = w.dims[1]
    return [
        [(w.values[i * n + j] - at(zero, i, j)) * at(scale, i, j) for j in range(n)]
        for i in range(w.dims[0])
    ]


def linear(root, name, nodes, weights, matrix):
    """y = x matrix, `nodes` make the matrix "d" of the weights."""
    x = floats(3, len(matrix))
    y = [
        sum(x.values[i * len(matrix) + k] * row[j] for k, row in enumerate(matrix))
        for i in range(3)
        for j in range(len(matrix[0]))
    ]
    write(
        root / name,
        nodes + [node("MatMul", ["x", "d"], "y")],
        {"x": (x, ["n", len(matrix)])},
        {"y": (Tensor(FLOAT, [3, len(matrix[0])], y), ["n", len(matrix[0])])},
        weights,
    )


def gathered(root, name, nodes, weights, matrix, axis=0):
    """y = the rows or columns of the matrix "d" at ids [2, 3]."""
    ids = [0, 5, -1, 2, 2, 1]
    if axis == 0:
        dims = [2, 3, len(matrix[0])]
        y = [v for i in ids for v in matrix[i]]
    else:
        dims = [len(matrix), 2, 3]
        y = [row[i] for row in matrix for i in ids]
    shape = [d if i != axis else "n" for i, d in enumerate(dims)]
    write(
        root / name,
        nodes + [node("Gather", ["d", "ids"], "y", axis=axis)],
        {"ids": (Tensor(INT64, [2, 3], ids), ["n", 3])},
        {"y": (Tensor(FLOAT, dims, y), shape)},
        weights,
    )


def weight_cases(root):
    """int8 weights under every way of writing their scale, for a matmul and for
    a gather."""
    w = integers(INT8, -127, 127, 16, 8)
    u = integers(UINT8, 0, 255, 64, 8)
    cast = [node("Cast", ["w"], "f", to=FLOAT)]
    scaled = cast + [node("Mul", ["f", "s"], "d")]
    moved = cast + [node("Sub", ["f", "z"], "m"), node("Mul", ["s", "m"], "d")]
    scalar = floats(low=0.01, high=0.1)
    row = floats(8, low=0.01, high=0.1)
    column = floats(16, low=0.01, high=0.1)
    column_2d = Tensor(FLOAT, [16, 1], column.values)
    zero = Tensor(FLOAT, [], [3.0])
    splat = Tensor(FLOAT, [1, 8], [0.5] * 8)
    point = Tensor(INT8, [], [-5])
    points = integers(INT8, -9, 9, 16)
    blocks = floats(16, 8, low=0.01, high=0.1)
    block_points = Tensor(UINT8, [16, 8], [128] * 128)
    few = floats(4, 8, low=0.01, high=0.1)

    def plain(axis, block=0):
        attributes = {"axis": axis, "block_size": block} if block else {"axis": axis}
        return [node("DequantizeLinear", ["w", "s"], "d", **attributes)]

    def pointed(axis, block=0):
        attributes = {"axis": axis, "block_size": block} if block else {"axis": axis}
        return [node("DequantizeLinear", ["w", "s", "z"], "d", **attributes)]

    both = [
        ("scalar", scaled, {"w": w, "s": scalar}, dequantized(w, scalar)),
        ("splat", scaled, {"w": w, "s": splat}, dequantized(w, Tensor(FLOAT, [], [0.5]))),
        ("row", scaled, {"w": w, "s": row}, dequantized(w, row, axis=1)),
        ("column", scaled, {"w": w, "s": column_2d}, dequantized(w, column)),
        ("moved", moved, {"w": w, "s": row, "z": zero}, dequantized(w, row, zero, 1)),
        ("tensor", plain(1), {"w": w, "s": scalar}, dequantized(w, scalar)),
        (
            "point",
            pointed(1),
            {"w": w, "s": scalar, "z": point},
            dequantized(w, scalar, point),
        ),
        ("axis1", plain(1), {"w": w, "s": row}, dequantized(w, row, axis=1)),
        (
            "axis0",
            pointed(0),
            {"w": w, "s": column, "z": points},
            dequantized(w, column, points),
        ),
        (
            "blocks",
            pointed(0, 4),
            {"w": u, "s": blocks, "z": block_points},
            dequantized(u, blocks, block_points, 0, 4),
        ),
        ("few_blocks", plain(0, 4), {"w": w, "s": few}, dequantized(w, few, None, 0, 4)),
    ]
    nibbles = integers(INT4, -8, 7, 16, 32)
    blocks_4 = floats(16, 8, low=0.01, high=0.1)
    both.append(
        (
            "nibbles",
            plain(1, 4),
            {"w": nibbles, "s": blocks_4},
            dequantized(nibbles, blocks_4, None, 1, 4),
        )
    )
    for name, nodes, weights, matrix in both:
        linear(root, "linear_" + name, nodes, weights, matrix)
        gathered(root, "gather_" + name, nodes, weights, matrix)
        if len(matrix[0]) > 5:
            gathered(root, "columns_" + name, nodes, weights, matrix, axis=1)


def tied_cases(root):
    """A table [70, 20] whose rows are gathered at ids and multiplied by x, as a
    decoder with tied embeddings does; in f32, f16, and int8 with a scale."""
    table = floats(70, 20)
    half = Tensor(FLOAT16, [70, 20], [f16(v) for v in table.values])
    whole = integers(INT8, -127, 127, 70, 20)
    scale = Tensor(FLOAT, [], [0.015625])
    scaled = [node("DequantizeLinear", ["w", "s"], "d")]
    ids = [0, 69, -1, 31, 32, -70]
    for name, nodes, weights, element_type, values in (
        ("f32", [], {"d": table}, FLOAT, table.values),
        ("f16", [], {"d": half}, FLOAT16, half.values),
        ("i8", scaled, {"w": whole, "s": scale}, FLOAT, [v / 64 for v in whole.values]),
    ):
        rows = [values[i : i + 20] for i in range(0, 1400, 20)]
        x = Tensor(element_type, [3, 20], [f16(v) for v in floats(3, 20).values])
        y = [
            sum(a * b for a, b in zip(x.values[20 * i : 20 * i + 20], row))
            for i in range(3)
            for row in rows
        ]
        found = Tensor(element_type, [2, 3, 20], [v for i in ids for v in rows[i]])
        write(
            root / ("tied_" + name),
            nodes
            + [
                node("Gather", ["d", "ids"], "e", axis=0),
                node("Transpose", ["d"], "t", perm=[1, 0]),
                node("MatMul", ["x", "t"], "y"),
            ],
            {
                "x": (x, ["n", 20]),
                "ids": (Tensor(INT64, [2, 3], ids), ["batch", "sequence"]),
            },
            {
                "y": (Tensor(element_type, [3, 70], y), ["n", 70]),
                "e": (found, ["batch", "sequence", 20]),
            },
            weights,
        )


def rope_case(root):
    """A rotary embedding of an f16 model: tables in f32, rounded to f16."""
    heads, steps, half = 2, 3, 4
    frequencies = Tensor(FLOAT, [half], [f32(10000 ** (-i / half)) for i in range(half)])
    positions = [0, 7, 1000]
    x = Tensor(
        FLOAT16,
        [1, heads, steps, 2 * half],
        [f16(numbers.uniform(-1, 1)) for _ in range(heads * steps * 2 * half)],
    )
    y = []
    for _, t, i in itertools.product(range(heads), range(steps), range(2 * half)):
        row = x.values[len(y) - i : len(y) - i + 2 * half]
        angle = f32(positions[t] * frequencies.values[i % half])
        other = -row[i + half] if i < half else row[i - half]
        y.append(f16(row[i] * f16(math.cos(angle)) + other * f16(math.sin(angle))))

    def ints(*values):
        return Tensor(INT64, [len(values)], values)

    write(
        root / "rope_f16",
        [
            node("Unsqueeze", ["positions", "two"], "p"),
            node("Cast", ["p"], "pf", to=FLOAT),
            node("Mul", ["pf", "frequencies"], "angles"),
            node("Concat", ["angles", "angles"], "doubled", axis=-1),
            node("Cos", ["doubled"], "c32"),
            node("Sin", ["doubled"], "s32"),
            node("Cast", ["c32"], "c16", to=FLOAT16),
            node("Cast", ["s32"], "s16", to=FLOAT16),
            node("Unsqueeze", ["c16", "one"], "c"),
            node("Unsqueeze", ["s16", "one"], "s"),
            node("Slice", ["x", "zero", "half", "last"], "low"),
            node("Slice", ["x", "half", "end", "last"], "high"),
            node("Neg", ["high"], "minus"),
            node("Concat", ["minus", "low"], "turned", axis=-1),
            node("Mul", ["x", "c"], "straight"),
            node("Mul", ["turned", "s"], "crossed"),
            node("Add", ["straight", "crossed"], "y"),
        ],
        {
            "x": (x, ["b", heads, "t", 2 * half]),
            "positions": (Tensor(INT64, [1, steps], positions), ["b", "t"]),
        },
        {"y": (Tensor(FLOAT16, x.dims, y), ["b", heads, "t", 2 * half])},
        {
            "frequencies": frequencies,
            "one": ints(1),
            "two": ints(2),
            "zero": ints(0),
            "half": ints(half),
            "end": ints(2**63 - 1),
            "last": ints(3),
        },
    )


def attention_case(root):
    """Attention whose keys and values are weights of one batch, repeated for all
    batches of the queries."""
    batch, heads, queries, keys, width = 3, 2, 2, 5, 4
    q = floats(batch, heads, queries, width)
    k, v = floats(1, heads, keys, width), floats(1, heads, keys, width)
    y = []
    for b, h, t in itertools.product(range(batch), range(heads), range(queries)):
        row = q.values[((b * heads + h) * queries + t) * width :][:width]

        def at(tensor, s, i, h=h):
            return tensor.values[(h * keys + s) * width + i]

        scores = [sum(row[i] * at(k, s, i) for i in range(width)) for s in range(keys)]
        weights = [math.exp(s) for s in scores]
        y += [
            sum(weights[s] * at(v, s, i) for s in range(keys)) / sum(weights)
            for i in range(width)
        ]
    dims = ["batch", heads, queries, width]
    write(
        root / "one_batch_of_keys",
        [
            node("Transpose", ["k"], "kt", perm=[0, 1, 3, 2]),
            node("MatMul", ["q", "kt"], "scores"),
            node("Softmax", ["scores"], "weights", axis=-1),
            node("MatMul", ["weights", "v"], "y"),
        ],
        {"q": (q, dims)},
        {"y": (Tensor(FLOAT, q.dims, y), dims)},
        {"k": k, "v": v},
    )


def main():
    root = pathlib.Path(sys.argv[1])
    weight_cases(root)
    tied_cases(root)
    rope_case(root)
    attention_case(root)


main()
