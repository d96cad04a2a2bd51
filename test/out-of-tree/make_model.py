# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a model of one binary f32 node without any package: protobuf by hand.

usage: make_model.py OP FILE
"""

import sys


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A varint, or a length-delimited field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor_info(name):
    dims = field(1, field(2, "n")) + field(1, field(1, 4))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


op, path = sys.argv[1:]
node = field(1, "a") + field(1, "b") + field(2, "c") + field(3, "the_node") + field(4, op)
graph = (
    field(1, node)
    + field(2, "g")
    + field(11, tensor_info("a"))
    + field(11, tensor_info("b"))
    + field(12, tensor_info("c"))
)
model = field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 18))
with open(path, "wb") as out:
    out.write(model)
