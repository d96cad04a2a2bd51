#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes operators.tar.xz: single standard operators with dynamic shapes.

    python operators.py        (needs onnx and onnxruntime)

ONNX's own node tests have static shapes almost throughout. Each case is a folder
`operator-NAME` as README.md describes it. The outputs are onnxruntime's, or
numpy's where a case brings its own.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from onnx import helper, numpy_helper

from archive import files_of, write_archive

CASES = {}


def case(name, op, inputs, outputs=("y",), weights=(), opset=20, expected=None, **attributes):
    """One node. `inputs` maps names to values (None leaves one out), those in
    `weights` are stored in the model; all dims of the others are symbols."""
    given = {k: v for k, v in inputs.items() if v is not None and k not in weights}
    node = helper.make_node(
        op, [k if v is not None else "" for k, v in inputs.items()], outputs, name=op,
        **attributes)
    graph = helper.make_graph(
        [node], name, [info(k, v) for k, v in given.items()],
        [helper.make_empty_tensor_value_info(o) for o in outputs],
        [numpy_helper.from_array(inputs[k], k) for k in weights])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset)])
    if expected is None:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"])
        expected = session.run(None, given)
    for o, value in zip(graph.output, expected):
        o.CopyFrom(info(o.name, value))
    model.graph.CopyFrom(graph)
    CASES[name] = (model, given, expected)


def info(name, value):
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, [f"{name}_{i}" for i in range(value.ndim)])


def f32(*dims, scale=1.0):
    values = np.random.default_rng(sum(dims) + len(dims)).standard_normal(dims)
    return (values * scale).astype(np.float32)


# Einsum: transposes, diagonals, sums, outer and batched products, empty dims.
for i, (equation, *shapes) in enumerate([
    ("ij->ji", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ij->", (2, 3)),
    ("bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)), ("i,j->ij", (3,), (4,)),
    ("ijk,kj->i", (2, 3, 4), (4, 3)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("i,i->", (4,), (4,)), ("...,...", (2, 3), (2, 3)), ("ijij->ij", (2, 3, 2, 3)),
    ("a,ab,abc->abc", (2,), (2, 3), (2, 3, 4)), ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (2, 0), (0, 4)), ("bn,anm,bm->ba", (2, 5), (3, 5, 4), (2, 4)),
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
]):
    case(f"einsum-{i}", "Einsum", {f"x{k}": f32(*s) for k, s in enumerate(shapes)},
         equation=equation)

# Sizes that depend on the data.
for shape in [(3, 4), (0, 3), (5,), (2, 2, 2)]:
    signs = (f32(*shape) > 0).astype(np.float32)
    case("non-zero-" + "x".join(map(str, shape)), "NonZero", dict(x=signs))
case("non-zero-none", "NonZero", dict(x=np.zeros((2, 3), np.int32)))
case("non-zero-nan", "NonZero", dict(x=np.array([-0.0, np.nan, 1], np.float32)))
case("compress-short", "Compress", dict(x=f32(4, 3), c=np.array([True, False, True])), axis=0)
case("compress-none", "Compress", dict(x=f32(4, 3), c=np.array([False] * 4)), axis=0)
for kept in (0, 1):
    case(f"unique-{kept}", "Unique", dict(x=np.array([3, 1, 3, 2, 1, 2**40])),
         ["y", "first", "inverse", "counts"], sorted=kept)

# Functions at their ends: f32 of numpy's f64.
ENDS = np.array([-0.0, 0, 1e-30, 1e-6, -1e-3, 0.5, -0.999999, 1, -1, 2, -3, 20, -90, np.inf,
                 -np.inf, np.nan], np.float32)
for op, f in dict(Tan=np.tan, Asin=np.arcsin, Acos=np.arccos, Atan=np.arctan, Sinh=np.sinh,
                  Cosh=np.cosh, Asinh=np.arcsinh, Acosh=np.arccosh, Atanh=np.arctanh).items():
    with np.errstate(all="ignore"):
        case(op.lower(), op, dict(x=ENDS), expected=[f(ENDS.astype(np.float64)).astype(np.float32)])

# Resize by scales, whole and not, and by sizes. (align_corners with a size that
# is rounded down is left out: the standard's tests and onnxruntime differ.)
for mode in ("nearest", "linear", "cubic"):
    for place in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
        words = dict(mode=mode, coordinate_transformation_mode=place, opset=19)
        for scales in ((1, 1, 0.6, 0.5), (1, 1, 3, 1)):
            given = dict(x=f32(1, 2, 5, 6), roi=None, scales=np.array(scales, np.float32))
            case(f"resize-{mode}-{place}-{scales[2]}", "Resize", given, weights=["scales"], **words)
        case(f"resize-{mode}-{place}-sizes", "Resize",
             dict(x=f32(1, 2, 5, 6), roi=None, scales=None, sizes=np.array([1, 2, 7, 4])),
             weights=["sizes"], **words)

# GridSample; cubic at a border, where onnxruntime and the standard's reference
# differ, is left out.
for mode in ("linear", "cubic", "nearest"):
    for padding in ("zeros", "border", "reflection"):
        for corners in (0, 1):
            if (mode, padding) != ("cubic", "border"):
                case(f"grid-{mode}-{padding}-{corners}", "GridSample",
                     dict(x=f32(2, 2, 4, 5), grid=f32(2, 3, 2, 2, scale=1.5)), mode=mode,
                     padding_mode=padding, align_corners=corners)
case("reverse-sequence", "ReverseSequence", dict(x=f32(4, 3, 2), lengths=np.array([4, 1, 0])))


# Recurrent layers: directions, biases, states, lengths, and what one kind has.
GATES = dict(RNN=1, GRU=3, LSTM=4)


def recurrent(name, op, directions=1, time=4, batch=2, size=3, hidden=5, more=(), **attributes):
    """`more` names operands beside X, W and R; `attributes` are the node's."""
    n = GATES[op]
    known = dict(
        B=f32(directions, 2 * n * hidden, scale=0.3), lengths=np.array([3, 1], np.int32)[:batch],
        h=f32(directions, batch, hidden, scale=0.5), c=f32(directions, batch, hidden) * 0.5,
        P=f32(directions, 3 * hidden, scale=0.2))
    inputs = dict(x=f32(time, batch, size), W=f32(directions, n * hidden, size, scale=0.4),
                  R=f32(directions, n * hidden, hidden, scale=0.4))
    inputs |= {k: known[k] if k in more else None
               for k in ("B", "lengths", "h", "c", "P")[: 5 if op == "LSTM" else 3]}
    case(f"{op.lower()}-{name}", op, inputs, ["y", "y_h", "y_c"][: 3 if op == "LSTM" else 2],
         weights=[k for k in ("W", "R", "B", "P") if inputs.get(k) is not None],
         hidden_size=hidden, **attributes)


for op in GATES:
    recurrent("plain", op)
    recurrent("all", op, more=("B", "lengths", "h", "c", "P"))
    recurrent("reverse", op, more=("B", "lengths", "h"), direction="reverse")
    recurrent("both", op, directions=2, more=("B", "h", "c", "P", "lengths"),
              direction="bidirectional")
    recurrent("clip", op, more=("B",), clip=0.4)
    recurrent("one", op, time=1, batch=1)
recurrent("late", "GRU", more=("B", "h"), linear_before_reset=1)
recurrent("functions", "LSTM", more=("B",), activations=["Sigmoid", "Softsign", "Relu"])
recurrent("functions", "RNN", activations=["Softplus"])


def main():
    files = {}
    for name, (model, inputs, outputs) in CASES.items():
        names = [o.name for o in model.graph.output]
        sets = [{"name": "case-0", "inputs": inputs, "outputs": dict(zip(names, outputs))}]
        files |= files_of(f"operator-{name}", model.SerializeToString(), sets)
    write_archive(Path(__file__).with_name("operators.tar.xz"), files)


main()
