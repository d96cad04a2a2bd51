# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small ONNX models with Python's standard library.

usage: models.py FOLDER

matmul.onnx   y = a b, float32 [M, 8] times [8, N]
chain.onnx    h1 = x w, h2 = h1 w, ... 20 times, float32 [rows, 16] times
              [16, 16]
gelu.onnx     gelu of x [rows, 4] written out, as exporters do
gelu_data/    its inputs and outputs for one row, as ONNX's tests store them
sum.onnx      e = erf(x), s = e + x, y = s * x, float32 [2]; sum_data/
gather.onnx   rows of a table [1000, 16] chosen by ids [n]
mixed.onnx    h = x w, e = erf(h), s = e + h, y = s w, float32 [2, 2];
              mixed_data/, with the input as x.npy too; mixed-rows.onnx is the
              same for x [rows, 2]
fixed.onnx    y = a + a, float32 [2, 3]
found.onnx    e = erf(x), y = where e is not 0, float32 [rows, 2]: int64 [2, n];
              found_data/
equal.onnx    y = a + b of [n, 2*m] and [n, 3*k]: the two must agree
"""

import math
import pathlib
import struct
import sys

FLOAT, INT64 = 1, 7


def varint(value):
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


def info(name, element, *dims):
    shape = b"".join(
        field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims
    )
    return field(1, name) + field(2, field(1, field(1, element) + field(2, shape)))


def node(op, inputs, output):
    body = b"".join(field(1, name) for name in inputs)
    return body + field(2, output) + field(3, "make_" + output) + field(4, op)


def tensor(name, dims, values, element=FLOAT):
    body = b"".join(field(1, d) for d in dims) + field(2, element) + field(8, name)
    form = "f" if element == FLOAT else "q"
    return body + field(9, struct.pack(f"<{len(values)}{form}", *values))


def npy(dims, values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(dims)}}}"
    header = header.ljust(117) + "\n"
    body = struct.pack("<H", len(header)) + header.encode()
    return b"\x93NUMPY\x01\x00" + body + struct.pack(f"<{len(values)}f", *values)


def model(nodes, inputs, outputs, initializers=()):
    graph = b"".join(field(1, n) for n in nodes) + field(2, "graph")
    graph += b"".join(field(5, t) for t in initializers)
    graph += b"".join(field(11, i) for i in inputs)
    graph += b"".join(field(12, o) for o in outputs)
    return field(1, 9) + field(7, graph) + field(8, field(1, "") + field(2, 20))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)

    def write(name, *parts):
        (folder / name).write_bytes(model(*parts))

    write(
        "matmul.onnx",
        [node("MatMul", ["a", "b"], "y")],
        [info("a", FLOAT, "M", 8), info("b", FLOAT, 8, "N")],
        [info("y", FLOAT, "M", "N")],
    )
    names = ["x"] + [f"h{i}" for i in range(1, 20)] + ["y"]
    write(
        "chain.onnx",
        [node("MatMul", [a, "w"], b) for a, b in zip(names, names[1:])],
        [info("x", FLOAT, "rows", 16), info("w", FLOAT, 16, 16)],
        [info("y", FLOAT, "rows", 16)],
    )
    write(
        "found.onnx",
        [node("Erf", ["x"], "e"), node("NonZero", ["e"], "y")],
        [info("x", FLOAT, "rows", 2)],
        [info("y", INT64, 2, "found")],
    )
    data = folder / "found_data" / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    (data / "input_0.pb").write_bytes(tensor("x", [3, 2], [0, 1, 2, 0, 0, 3]))
    (data / "output_0.pb").write_bytes(tensor("y", [2, 3], [0, 1, 2, 1, 0, 1], INT64))
    write(
        "gelu.onnx",
        [
            node("Div", ["x", "root2"], "scaled"),
            node("Erf", ["scaled"], "erf"),
            node("Add", ["erf", "one"], "shifted"),
            node("Mul", ["x", "shifted"], "product"),
            node("Mul", ["product", "half"], "y"),
        ],
        [info("x", FLOAT, "rows", 4)],
        [info("y", FLOAT, "rows", 4)],
        [
            tensor("root2", [], [2**0.5]),
            tensor("one", [], [1]),
            tensor("half", [], [0.5]),
        ],
    )
    data = folder / "gelu_data" / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    x = [-1, 0, 0.5, 2]
    y = [v * 0.5 * (1 + math.erf(v / 2**0.5)) for v in x]
    (data / "input_0.pb").write_bytes(tensor("x", [1, 4], x))
    (data / "output_0.pb").write_bytes(tensor("y", [1, 4], y))
    mixed = [
        node("MatMul", ["x", "w"], "h"),
        node("Erf", ["h"], "e"),
        node("Add", ["e", "h"], "s"),
        node("MatMul", ["s", "w"], "y"),
    ]
    for name, rows in [("mixed.onnx", 2), ("mixed-rows.onnx", "rows")]:
        write(
            name,
            mixed,
            [info("x", FLOAT, rows, 2)],
            [info("y", FLOAT, rows, 2)],
            [tensor("w", [2, 2], [1, 2, 0, 1])],
        )
    data = folder / "mixed_data" / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    x = [0.5, -1, 0.25, 2]
    h = [x[0], 2 * x[0] + x[1], x[2], 2 * x[2] + x[3]]
    s = [v + math.erf(v) for v in h]
    y = [s[0], 2 * s[0] + s[1], s[2], 2 * s[2] + s[3]]
    (data / "input_0.pb").write_bytes(tensor("x", [2, 2], x))
    (data / "x.npy").write_bytes(npy([2, 2], x))
    (data / "output_0.pb").write_bytes(tensor("y", [2, 2], y))
    write(
        "sum.onnx",
        [
            node("Erf", ["x"], "e"),
            node("Add", ["e", "x"], "s"),
            node("Mul", ["s", "x"], "y"),
        ],
        [info("x", FLOAT, 2)],
        [info("y", FLOAT, 2)],
    )
    data = folder / "sum_data" / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    (data / "input_0.pb").write_bytes(tensor("x", [2], [0.5, 2]))
    y = [(math.erf(v) + v) * v for v in (0.5, 2)]
    (data / "output_0.pb").write_bytes(tensor("y", [2], y))
    write(
        "gather.onnx",
        [node("Gather", ["table", "ids"], "y")],
        [info("table", FLOAT, 1000, 16), info("ids", INT64, "n")],
        [info("y", FLOAT, "n", 16)],
    )
    write(
        "fixed.onnx",
        [node("Add", ["a", "a"], "y")],
        [info("a", FLOAT, 2, 3)],
        [info("y", FLOAT, 2, 3)],
    )
    write(
        "equal.onnx",
        [node("Add", ["a", "b"], "y")],
        [
            info("a", FLOAT, "n", "2*m"),
            info("b", FLOAT, "n", "3*k"),
            info("c", FLOAT, "m"),
            info("d", FLOAT, "k"),
        ],
        [info("y", FLOAT, "n", "2*m")],
    )


main()
