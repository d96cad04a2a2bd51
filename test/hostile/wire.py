# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX messages as bytes, well-formed or not.

Not the onnx package: it refuses to write most of what must be refused when it is
read. Everything here is bytes; field numbers are those of onnx.proto3.
"""

import struct

# TensorProto.DataType.
FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL = range(1, 10)
FLOAT16, DOUBLE, UINT32, UINT64, COMPLEX64, COMPLEX128, BFLOAT16 = range(10, 17)
UINT4, INT4 = 21, 22

VARINT, FIXED64, BYTES, GROUP_START, GROUP_END, FIXED32 = range(6)


class Tensor(bytes):
    """A TensorProto."""


class Graph(bytes):
    """A GraphProto."""


class Reference(str):
    """The name of a function's attribute that an attribute stands for."""


def varint(value, size=0):
    """A varint, padded with continuation bytes to `size`; negative as 64 bits."""
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F or len(out) + 1 < size:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def key(number, wire):
    return varint(number << 3 | wire)


def field(number, value):
    """An int as varint, a float as fixed32; text, bytes and messages by length."""
    if isinstance(value, float):
        return key(number, FIXED32) + struct.pack("<f", value)
    if isinstance(value, int):
        return key(number, VARINT) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return key(number, BYTES) + varint(len(value)) + value


def packed(number, values):
    """A repeated integer field in one run."""
    return field(number, b"".join(varint(v) for v in values))


# TensorProto ------------------------------------------------------------------

FORMATS = {
    FLOAT: "f",
    UINT8: "B",
    INT8: "b",
    UINT16: "H",
    INT16: "h",
    INT32: "i",
    INT64: "q",
    BOOL: "B",
    FLOAT16: "e",
    DOUBLE: "d",
    UINT32: "I",
    UINT64: "Q",
}


def raw(element, values):
    return struct.pack(f"<{len(values)}{FORMATS[element]}", *values)


def tensor(name, element, dims, data=None, more=b""):
    """A tensor; `data` are values or bytes for raw_data, `more` other fields."""
    out = b"".join(field(1, d) for d in dims) + field(2, element)
    if data is not None:
        out += field(9, data if isinstance(data, bytes) else raw(element, data))
    return Tensor(out + (field(8, name) if name else b"") + more)


def ints(name, *values):
    """A list of int64."""
    return tensor(name, INT64, [len(values)], list(values))


def scalar(name, element, value):
    return tensor(name, element, [], [value])


def external(name, element, dims, **entries):
    """A tensor whose data lies outside; the entries are external_data."""
    keys = b"".join(
        field(13, field(1, k) + field(2, v if isinstance(v, bytes) else str(v)))
        for k, v in entries.items()
    )
    return tensor(name, element, dims, more=keys + field(14, 1))


# AttributeProto, NodeProto -------------------------------------------------------


def attribute(name, value):
    """An attribute of the type that the value has; `None` is one without."""
    head = field(1, name)
    if value is None:
        return head
    if isinstance(value, Reference):
        return head + field(21, str(value)) + field(20, 2)
    if isinstance(value, Tensor):
        return head + field(5, value) + field(20, 4)
    if isinstance(value, Graph):
        return head + field(6, value) + field(20, 5)
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, float):
        return head + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return head + field(3, value) + field(20, 2)
    if isinstance(value, (str, bytes)):
        return head + field(4, value) + field(20, 3)
    if value and isinstance(value[0], float):
        return head + b"".join(field(7, v) for v in value) + field(20, 6)
    if value and isinstance(value[0], (str, bytes)):
        return head + b"".join(field(9, v) for v in value) + field(20, 8)
    return head + b"".join(field(8, v) for v in value) + field(20, 7)


def node(op, inputs, outputs, domain="", more=b"", **attributes):
    """A node named after its first output; an attribute `then_branch` and so on."""
    out = b"".join(field(1, i) for i in inputs)
    out += b"".join(field(2, o) for o in outputs)
    name = outputs[0] if outputs else op
    out += field(3, (b"n-" if isinstance(name, bytes) else "n-") + name) + field(4, op)
    out += b"".join(field(5, attribute(k, v)) for k, v in attributes.items())
    return out + (field(7, domain) if domain else b"") + more


# ValueInfoProto ---------------------------------------------------------------------


def shape(dims):
    """Sizes, names, or None for a dimension that is neither."""
    entries = (
        b"" if d is None else field(1, d) if isinstance(d, int) else field(2, d) for d in dims
    )
    return b"".join(field(1, entry) for entry in entries)


def value(name, element=FLOAT, dims=None):
    """A value of tensor type, without a shape when there are no dims."""
    body = field(1, element)
    if dims is not None:
        body += field(2, shape(dims))
    return field(1, name) + field(2, field(1, body))


# GraphProto, FunctionProto, ModelProto --------------------------------------------------


def graph(nodes, inputs=(), outputs=(), initializers=(), name="g", more=b""):
    out = b"".join(field(1, n) for n in nodes) + field(2, name)
    out += b"".join(field(5, i) for i in initializers)
    out += b"".join(field(11, i) for i in inputs)
    out += b"".join(field(12, o) for o in outputs)
    return Graph(out + more)


def opset(version, domain=""):
    return field(8, field(1, domain) + field(2, version))


def function(name, inputs, outputs, nodes, domain="f", attributes=(), imports=None):
    out = field(1, name) + b"".join(field(4, i) for i in inputs)
    out += b"".join(field(5, o) for o in outputs)
    out += b"".join(field(6, a) for a in attributes)
    out += b"".join(field(7, n) for n in nodes)
    for version, of in imports or ((21, ""), (1, "f")):
        out += field(9, field(1, of) + field(2, version))
    return out + field(10, domain)


def model(main, functions=(), opsets=None, ir=10, more=b""):
    """A model of opset 21 unless `opsets` holds others, and domain "f"."""
    out = field(1, ir) if ir is not None else b""
    out += field(7, main)
    out += b"".join(opsets if opsets is not None else [opset(21), opset(1, "f")])
    return out + b"".join(field(25, f) for f in functions) + more


def single(op, inputs, output=None, initializers=(), opset_version=21, **attributes):
    """A model of one node `op` with the output `y`.

    `inputs` maps a name to (element, dims) for an input of the model, or None for
    an initializer; "" is an input left out. `output` is (element, dims).
    """
    element, dims = output or (FLOAT, None)
    declared = [value(n, *t) for n, t in inputs.items() if t is not None]
    return model(
        graph(
            [node(op, list(inputs), ["y"], **attributes)],
            declared,
            [value("y", element, dims)],
            initializers,
        ),
        opsets=[opset(opset_version), opset(1, "com.microsoft")],
    )
