# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a product of 64 x 256 with a weight of 256 x 512: product.py FILE."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "hostile"))
import wire  # noqa: E402

weight = wire.tensor("w", wire.FLOAT, [256, 512], bytes(4 * 256 * 512))
graph = wire.graph(
    [wire.node("MatMul", ["a", "w"], ["c"])],
    [wire.value("a", dims=[64, 256])],
    [wire.value("c", dims=[64, 512])],
    [weight],
)
Path(sys.argv[1]).write_bytes(wire.model(graph))
