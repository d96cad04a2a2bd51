#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes opset28.tar.xz: operators that came after onnx 1.22's node tests.

    python opset28.py        (needs onnx 1.23)

Each case is a folder `opset28-NAME` as README.md describes it: one node with
dynamic shapes. The outputs are those of onnx's reference evaluator, which no
released runtime was compared with.
"""

from pathlib import Path

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from archive import files_of, write_archive

FILES = {}


def case(name, op, inputs, outputs=("y",), fixed=None, **attributes):
    """One node. `inputs` maps names to values; None leaves one out. `fixed` names
    the places of static dims by input."""
    given = {k: v for k, v in inputs.items() if v is not None}
    names = [k if v is not None else "" for k, v in inputs.items()]
    node = helper.make_node(op, names, outputs, name=op, **attributes)
    made = [o for o in outputs if o]
    graph = helper.make_graph(
        [node],
        name,
        [info(k, v, (fixed or {}).get(k, ())) for k, v in given.items()],
        [helper.make_empty_tensor_value_info(o) for o in made],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 28)])
    results = ReferenceEvaluator(model).run(made, given)
    for o, value in zip(graph.output, results):
        o.CopyFrom(info(o.name, value))
    model.graph.CopyFrom(graph)
    sets = [{"name": "case-0", "inputs": given, "outputs": dict(zip(made, results))}]
    FILES.update(files_of(f"opset28-{name}", model.SerializeToString(), sets))


def info(name, value, fixed=()):
    """All dims are symbols but for those whose places are `fixed`."""
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    dims = [n if i in fixed else f"{name}_{i}" for i, n in enumerate(value.shape)]
    return helper.make_tensor_value_info(name, kind, dims)


def f32(*dims):
    values = np.random.default_rng(sum(dims) + len(dims)).standard_normal(dims)
    return values.astype(np.float32)


# --- Attention: windows to both sides, with whatever else hides keys ---------


def attention(name, queries=4, keys=6, past=0, outputs=("y",), heads=(4, 2), **given):
    q, k, v = (f32(2, h, t, 8) for h, t in ((heads[0], queries), (heads[1], keys), (heads[1], keys)))
    inputs = {"q": q, "k": k, "v": v, "mask": given.pop("mask", None), "pk": None, "pv": None}
    if past:
        inputs |= {"pk": f32(2, heads[1], past, 8), "pv": f32(2, heads[1], past, 8) * 2}
    inputs["lengths"] = given.pop("lengths", None)
    # Heads and their width are static in every model, and so is what broadcasts.
    fixed = {k: (1, 3) for k in ("q", "k", "v", "pk", "pv")}
    if inputs["mask"] is not None:
        fixed["mask"] = [i for i, n in enumerate(inputs["mask"].shape) if n == 1]
    case(f"attention-{name}", "Attention", inputs, outputs, fixed, **given)


for left, right in ((2, 1), (2, 0), (-1, 1), (0, 0), (1, -1), (2**62, 2**62)):
    name = f"{left}-{right}".replace("-1", "all").replace(str(2**62), "far")
    attention(f"window-{name}", left_window_size=left, right_window_size=right)
attention("window-causal", is_causal=1, left_window_size=1)
attention("window-causal-square", keys=4, is_causal=1, left_window_size=1)
attention("window-causal-right", keys=4, is_causal=1, left_window_size=2, right_window_size=3)
attention("window-past", queries=3, keys=3, past=5, is_causal=1, left_window_size=3,
          outputs=("y", "present_k", "present_v"))
attention("window-past-both", queries=3, keys=3, past=5, left_window_size=3,
          right_window_size=1, outputs=("y", "present_k", "present_v"))
attention("window-softcap", left_window_size=2, right_window_size=2, softcap=1.5, scale=0.7)
attention("window-lengths", lengths=np.array([3, 6]), left_window_size=1, right_window_size=0)
attention("window-lengths-causal", lengths=np.array([2, 5]), is_causal=1, left_window_size=2)
attention("window-bool-mask", mask=f32(4, 6) > -0.5, left_window_size=3, right_window_size=1)
attention("window-float-mask", mask=f32(1, 1, 4, 6), left_window_size=3, right_window_size=1)
# A window that lies behind all keys for the last queries: their rows are 0.
attention("window-empty", queries=7, keys=3, left_window_size=1, right_window_size=0)
for mode in range(4):
    # Mode 0 is before softcap by the standard's text, but not by its evaluator.
    attention(f"window-scores-{mode}", outputs=("y", "", "", "scores"), keys=4, is_causal=1,
              left_window_size=1, softcap=2.0 if mode else 0.0, qk_matmul_output_mode=mode)
    attention(f"window-scores-mask-{mode}", outputs=("y", "", "", "scores"),
              mask=f32(4, 6) > -0.5, left_window_size=1, right_window_size=1,
              qk_matmul_output_mode=mode)

# --- SwiGLU ------------------------------------------------------------------

case("swiglu", "SwiGLU", {"a": f32(2, 3, 8), "b": f32(2, 3, 8) * 2})
case("swiglu-alpha", "SwiGLU", {"a": f32(5, 4), "b": f32(5, 4) * 2}, alpha=1.702)
case("swiglu-scalar", "SwiGLU", {"a": f32(), "b": f32() * 2})
case("swiglu-empty", "SwiGLU", {"a": f32(0, 4), "b": f32(0, 4)})
case("swiglu-f16", "SwiGLU", {"a": f32(3, 4).astype(np.float16), "b": f32(3, 4).astype(np.float16)})
case("swiglu-f64", "SwiGLU", {"a": f32(3, 4).astype(float), "b": f32(3, 4).astype(float)})

# --- What older operators learned --------------------------------------------

case("space-to-depth-crd", "SpaceToDepth", {"x": f32(1, 2, 4, 6)}, blocksize=2, mode="CRD")
case("space-to-depth-dcr", "SpaceToDepth", {"x": f32(1, 2, 4, 6)}, blocksize=2, mode="DCR")
for kind in (np.int8, np.int32, np.int64):
    width = np.iinfo(kind).bits
    numbers = np.array([-128, -77, -1, 0, 1, 127, 85, -2], kind)
    shifts = np.array([1, 3, width, 2, width - 1, 5, -1, -3], kind)
    for direction in ("LEFT", "RIGHT"):
        case(f"shift-{direction.lower()}-int{width}", "BitShift", {"x": numbers, "by": shifts},
             direction=direction)
case("mod-float", "Mod", {"a": np.array([5.5, -5.5, 5.5, -5.5, 3, np.inf, np.nan, 1, 2], np.float32),
                          "b": np.array([2, 2, -2, -2, 0, 1, 1, np.inf, -np.inf], np.float32)})
case("celu-f64", "Celu", {"x": f32(3, 4).astype(float)}, alpha=1.5)

write_archive(Path(__file__).with_name("opset28.tar.xz"), FILES)
