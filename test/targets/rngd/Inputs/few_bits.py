# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a product of 4 x 64 with an int8 weight of 64 x 96, a scale a column:
few_bits.py FILE."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "hostile"))
import wire  # noqa: E402

INT8 = 3
graph = wire.graph(
    [
        wire.node("DequantizeLinear", ["q", "s"], ["w"], axis=1),
        wire.node("MatMul", ["a", "w"], ["c"]),
    ],
    [wire.value("a", dims=[4, 64])],
    [wire.value("c", dims=[4, 96])],
    [
        wire.tensor("q", INT8, [64, 96], bytes(64 * 96)),
        wire.tensor("s", wire.FLOAT, [96], bytes(4 * 96)),
    ],
)
Path(sys.argv[1]).write_bytes(wire.model(graph, opsets=[wire.opset(21)]))
