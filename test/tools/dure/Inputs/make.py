# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small ONNX models and .npy files with Python's standard library.

usage: make.py FOLDER

add.onnx          "the sum" = a + b, float32[batch, 3]; "twice" = a + a
unsupported.onnx  ops that no target takes: NoSuchOp, test.domain::Other
weights.onnx      y = x + w, w in the file; external.onnx, w in external.bin
cache.onnx        y = Concat(past, x) + mask[batch, past + sequence]
total.onnx        the same with mask[batch, total]
names.onnx        outputs "y 1", "y_1" and one with ESC and a newline in its name
hostile.onnx      the same with CSI (U+009B), DEL, quotes and a forged line
exp.onnx          y = Exp(x), float32[64, 128]; chain.onnx, five more ops behind it
bf16.onnx         y = Cast(x) to bfloat16, which .npy lacks
huge.onnx         y = x + x, float32[2^40]
korean.onnx       y = x + x, float32[배치]
faults.onnx       y = x[rows], float32[n, 3] (node pick); q = a / b (node halve)
fault_free.npz    its inputs; far.npz and zero.npz with a bad row, a zero in b
a.npy, b.npy      float32 [2, 3]; both in ab.npz; wrong_*.npy do not fit add.onnx
data/             test_data_set_0 of add.onnx; bad_data/, with a wrong output
"""

import pathlib
import struct
import sys
import zipfile

FLOAT, INT64, BFLOAT16 = 1, 7, 16


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


def node(op, inputs, outputs, name, domain="", **attributes):
    body = b"".join(field(1, i) for i in inputs)
    body += b"".join(field(2, o) for o in outputs)
    body += field(3, name) + field(4, op)
    for key, value in attributes.items():
        # An INT attribute.
        body += field(5, field(1, key) + field(3, value) + field(20, 2))
    return body + (field(7, domain) if domain else b"")


def model(nodes, inputs, outputs, initializers=()):
    graph = b"".join(field(1, n) for n in nodes) + field(2, "graph")
    graph += b"".join(field(5, i) for i in initializers)
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


def external(name, dims, location):
    dims = b"".join(field(1, d) for d in dims)
    entry = field(13, field(1, "location") + field(2, location))
    return dims + field(2, FLOAT) + field(8, name) + entry + field(14, 1)


def npz(path, arrays):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in arrays.items():
            archive.writestr(name + ".npy", data)


def add_models(folder):
    def write(name, *parts):
        (folder / name).write_bytes(model(*parts))

    rows = ["batch", 3]
    x = value_info("x", FLOAT, rows)
    y = value_info("y", FLOAT, rows)
    add = [node("Add", ["x", "w"], ["y"], "add_w")]
    values = [1, 2, 3]
    write("weights.onnx", add, [x], [y], [tensor("w", [3], values)])
    write("external.onnx", add, [x], [y], [external("w", [3], "external.bin")])
    (folder / "external.bin").write_bytes(floats(values))
    for name, last in (("cache", "past + sequence"), ("total", "total")):
        write(
            name + ".onnx",
            [
                node("Concat", ["past", "x"], ["all"], "join", axis=1),
                node("Add", ["all", "mask"], ["y"], "add_mask"),
            ],
            [
                value_info("x", FLOAT, ["batch", "sequence"]),
                value_info("past", FLOAT, ["batch", "past"]),
                value_info("mask", FLOAT, ["batch", last]),
            ],
            [value_info("y", FLOAT, ["batch", "all"])],
        )
    names = ["y 1", "y_1", "y\x1b[31m\n"]
    write(
        "names.onnx",
        [node("Add", ["x", "x"], [y], f"n{i}") for i, y in enumerate(names)],
        [x],
        [value_info(y, FLOAT, rows) for y in names],
    )
    hostile = "y\u009b31m\x7f\"\nproducer: forged"
    write(
        "hostile.onnx",
        [node("Add", ["x", "x"], [hostile], "n\x1b]0;title\a\n")],
        [x],
        [value_info(hostile, FLOAT, rows)],
    )
    write(
        "bf16.onnx",
        [node("Cast", ["x"], ["y"], "cast", to=BFLOAT16)],
        [x],
        [value_info("y", BFLOAT16, rows)],
    )
    chain = ("Exp", "Tanh", "Sqrt", "Log", "Sin", "Atan")
    for name, count in (("exp", 1), ("chain", len(chain))):
        values = ["x", *(f"h{i}" for i in range(1, count)), "y"]
        nodes = [node(chain[i], [values[i]], [values[i + 1]], chain[i]) for i in range(count)]
        ends = [[value_info(each, FLOAT, [64, 128])] for each in "xy"]
        (folder / f"{name}.onnx").write_bytes(model(nodes, *ends))
    for name, dim in (("huge", 1 << 40), ("korean", "배치")):
        write(
            name + ".onnx",
            [node("Add", ["x", "x"], ["y"], "double")],
            [value_info("x", FLOAT, [dim])],
            [value_info("y", FLOAT, [dim])],
        )


def add_faults(folder):
    (folder / "faults.onnx").write_bytes(
        model(
            [
                node("Gather", ["x", "rows"], ["y"], "pick"),
                node("Div", ["a", "b"], ["q"], "halve"),
            ],
            [value_info("x", FLOAT, ["v", 3])]
            + [value_info(name, INT64, ["n"]) for name in ("rows", "a", "b")],
            [value_info("y", FLOAT, ["n", 3]), value_info("q", INT64, ["n"])],
        )
    )
    for name, rows, b in (
        ("fault_free", [1, -2], [2, 2]),
        ("far", [1, 2], [2, 2]),
        ("zero", [1, -2], [2, 0]),
    ):
        integers = {"rows": rows, "a": [7, 8], "b": b}
        arrays = {k: npy("<i8", [2], struct.pack("<2q", *v)) for k, v in integers.items()}
        arrays["x"] = npy("<f4", [2, 3], floats([1, 2, 3, 4, 5, 6]))
        npz(folder / f"{name}.npz", arrays)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    add_models(folder)
    add_faults(folder)
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
    npz(
        folder / "ab.npz",
        {"a": npy("<f4", [2, 3], floats(a)), "b": npy("<f4", [2, 3], floats(b))},
    )
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
