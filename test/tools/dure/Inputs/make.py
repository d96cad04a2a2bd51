# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small ONNX models and .npy files with Python's standard library.

usage: make.py FOLDER

add.onnx          "the sum" = a + b, float32[batch, 3]; "twice" = a + a
unsupported.onnx  ops that no target takes: NoSuchOp, test.domain::Other
a.npy, b.npy      float32 [2, 3]; wrong_*.npy do not fit add.onnx
data/             test_data_set_0 of add.onnx; bad_data/, with a wrong output
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


def value_info(name, element_type, dims):
    shape = b"".join(
        field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims
    )
    tensor = field(1, element_type) + field(2, shape)
    return field(1, name) + field(2, field(1, tensor))


def node(op, inputs, outputs, name, domain=""):
    body = b"".join(field(1, i) for i in inputs)
    body += b"".join(field(2, o) for o in outputs)
    body += field(3, name) + field(4, op)
    return body + (field(7, domain) if domain else b"")


def model(nodes, inputs, outputs):
    graph = b"".join(field(1, n) for n in nodes) + field(2, "graph")
    graph += b"".join(field(11, i) for i in inputs)
    graph += b"".join(field(12, o) for o in outputs)
    opsets = field(8, field(1, "") + field(2, 20))
    opsets += field(8, field(1, "test.domain") + field(2, 1))
    return field(1, 9) + field(7, graph) + opsets


def npy(descr, shape, data):
    shape = "(" + "".join(f"{d}, " for d in shape) + ")"
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(11 + len(head)) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode() + data


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def tensor(name, dims, values):
    dims = b"".join(field(1, d) for d in dims)
    return dims + field(2, FLOAT) + field(8, name) + field(9, floats(values))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["batch", 3]
    (folder / "add.onnx").write_bytes(
        model(
            [
                node("Add", ["a", "b"], ["the sum"], "add_ab"),
                node("Add", ["a", "a"], ["twice"], "add_aa"),
            ],
            [value_info("a", FLOAT, rows), value_info("b", FLOAT, rows)],
            [value_info("the sum", FLOAT, rows), value_info("twice", FLOAT, rows)],
        )
    )
    (folder / "unsupported.onnx").write_bytes(
        model(
            [
                node("NoSuchOp", ["a"], ["x"], "first"),
                node("Other", ["x"], ["y"], "second", "test.domain"),
            ],
            [value_info("a", FLOAT, rows)],
            [value_info("y", FLOAT, rows)],
        )
    )
    a, b = [1, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]
    (folder / "a.npy").write_bytes(npy("<f4", [2, 3], floats(a)))
    (folder / "b.npy").write_bytes(npy("<f4", [2, 3], floats(b)))
    (folder / "wrong_type.npy").write_bytes(npy("<i8", [2, 3], bytes(48)))
    (folder / "wrong_shape.npy").write_bytes(npy("<f4", [2, 4], bytes(32)))
    (folder / "wrong_batch.npy").write_bytes(npy("<f4", [5, 3], bytes(60)))
    for name, error in (("data", 0), ("bad_data", 1)):
        data = folder / name / "test_data_set_0"
        data.mkdir(parents=True, exist_ok=True)
        (data / "input_0.pb").write_bytes(tensor("a", [2, 3], a))
        (data / "input_1.pb").write_bytes(tensor("b", [2, 3], b))
        total = [x + y for x, y in zip(a, b)]
        total[4] += error
        (data / "output_0.pb").write_bytes(tensor("the sum", [2, 3], total))
        twice = [2 * x for x in a]
        (data / "output_1.pb").write_bytes(tensor("twice", [2, 3], twice))


main()
