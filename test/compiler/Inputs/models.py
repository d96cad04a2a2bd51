# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small ONNX models with Python's standard library.

usage: models.py FOLDER

matmul.onnx   y = a b, float32 [M, 8] times [8, N]
chain.onnx    h1 = x w, h2 = h1 w, ... 20 times, float32 [rows, 16] times
              [16, 16]
gelu.onnx     gelu of x [rows, 4] written out, as exporters do
gather.onnx   rows of a table [1000, 16] chosen by ids [n]
fixed.onnx    y = a + a, float32 [2, 3]
equal.onnx    y = a + b of [n, 2*m] and [n, 3*k]: the two must agree
"""

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


def scalar(name, value):
    return field(2, FLOAT) + field(8, name) + field(9, struct.pack("<f", value))


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
        [scalar("root2", 2**0.5), scalar("one", 1), scalar("half", 0.5)],
    )
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
