#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes element-types.tar.xz: standard operators in every type that they are defined for.

    python element_types.py        (needs onnx and ml_dtypes)

ONNX's node tests are in float32 almost throughout. Each case is a folder
`element-types-OP` as README.md describes it, with one node for each type that the
operator's schema allows its first operand. The outputs are those of onnx's
reference evaluator, which computes f16 and bf16 in f32, rounded once.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
from onnx import defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from archive import files_of, write_archive

OPSET = 24
FILES = {}
TYPES = {
    "float": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "double": np.float64,
    **{f"{u}int{n}": np.dtype(f"{u}int{n}").type for u in ("", "u") for n in (8, 16, 32, 64)},
    "bool": np.bool_,
}
NARROW = ("float16", "bfloat16")
INTEGERS = tuple(k for k in TYPES if "int" in k)


def data(kind, *dims, low=None, high=7, seed=0):
    """Small numbers, exact in every type; halves are for floats alone. Without a
    bound, integers of 64 bits are beyond what a double holds."""
    generator = np.random.default_rng(seed + 31 * sum(dims) + len(dims))
    if kind == "bool":
        return generator.integers(0, 2, dims).astype(bool)
    least = -6 if low is None else low
    values = generator.integers(max(least, 0) if kind.startswith("uint") else least, high, dims)
    if low is None and kind.endswith("int64"):
        values = values * (2**54 + 1)
    if "int" not in kind:
        values = values + generator.integers(0, 2, dims) / 2
    return values.astype(TYPES[kind])


def operand_of(formals, index):
    """The last one stands for all that follow it."""
    return formals[min(index, len(formals) - 1)]


def kinds_of(op, position):
    """The types that the schema allows the operand, without those of strings,
    sequences and storage."""
    schema = defs.get_schema(op, OPSET)
    operand = operand_of(schema.inputs, position)
    allowed = {t for c in schema.type_constraints if c.type_param_str == operand.type_str
               for t in c.allowed_type_strs} or {operand.type_str}
    return [k for k in TYPES if f"tensor({k})" in allowed]


def tensor(name, value):
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, value.shape)


def evaluate(op, operands, outputs, attributes):
    """The outputs for operands of one type."""
    names = [f"i{n}" if v is not None else "" for n, v in enumerate(operands)]
    given = {n: v for n, v in zip(names, operands) if n}
    made = [f"o{n}" for n in range(outputs)]
    node = helper.make_node(op, names, made, **attributes)
    graph = helper.make_graph(
        [node], op, [tensor(n, v) for n, v in given.items()],
        [helper.make_empty_tensor_value_info(n) for n in made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    return [np.asarray(v) for v in ReferenceEvaluator(model).run(None, given)]


def case(op, make, outputs=1, position=0, without=(), name=None, **attributes):
    """`make` maps a type to the operands. What are arrays of int64 whatever the
    type, axes and sizes say, are stored in the model."""
    nodes, inputs, weights, results = [], {}, [], {}
    schema = defs.get_schema(op, OPSET)
    for kind in kinds_of(op, position):
        if kind in without:
            continue
        operands = make(kind)
        wide = [v.astype(np.float32) if v is not None and kind in NARROW and v.dtype == TYPES[kind]
                else v for v in operands]
        with np.errstate(all="ignore"):
            values = evaluate(op, wide, outputs, attributes)
        names = [f"{kind}_{i}" if v is not None else "" for i, v in enumerate(operands)]
        for index, value in enumerate(operands):
            if value is None:
                continue
            if index != position and value.dtype == np.int64 and kind != "int64":
                weights.append(numpy_helper.from_array(value, names[index]))
            else:
                inputs[names[index]] = value
        made = [f"{kind}_{op}_{index}" for index in range(outputs)]
        nodes.append(helper.make_node(op, names, made, name=f"{op}_{kind}", **attributes))
        # Outputs of a type that operands have: f32 stands for a narrow one, and
        # numpy's sums of int32 are int64.
        own = {operand_of(schema.inputs, i).type_str for i, v in enumerate(operands)
               if v is not None and v.dtype == TYPES[kind]}
        for index, value in enumerate(values):
            same = operand_of(schema.outputs, index).type_str in own
            results[made[index]] = value.astype(TYPES[kind]) if same else value
    # Indices and sizes of int64 are constants there too, if they were elsewhere.
    constants = {w.name.split("_")[1] for w in weights}
    for index in constants:
        if f"int64_{index}" in inputs:
            value = inputs.pop(f"int64_{index}")
            weights.append(numpy_helper.from_array(value, f"int64_{index}"))
    graph = helper.make_graph(
        nodes, op, [tensor(n, v) for n, v in inputs.items()],
        [tensor(n, v) for n, v in results.items()], weights)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", OPSET)])
    sets = [{"name": "case-0", "inputs": inputs, "outputs": results}]
    FILES.update(files_of(f"element-types-{name or op}", model.SerializeToString(deterministic=True), sets))


def i64(*values):
    return np.array(values, np.int64)


# --- Element by element ------------------------------------------------------

for op in ("Abs Neg Exp Sin Cos Tan Tanh Sigmoid Erf Floor Ceil Round Sign Relu LeakyRelu Elu "
           "Softplus Softsign HardSigmoid HardSwish Gelu Swish Mish Not BitwiseNot Identity "
           "IsNaN IsInf Sinh Cosh Atan Asinh Selu Celu").split():
    case(op, lambda kind: [data(kind, 3, 5)])
for op in ("Log", "Sqrt", "Reciprocal"):
    case(op, lambda kind: [data(kind, 3, 5, low=1)])
for op in ("Add Sub Mul Equal Greater Less GreaterOrEqual LessOrEqual Min Max Sum Mean And Or Xor "
           "BitwiseAnd BitwiseOr BitwiseXor").split():
    case(op, lambda kind: [data(kind, 3, 5), data(kind, 5, seed=1)])
case("Div", lambda kind: [data(kind, 3, 5, low=0), data(kind, 5, low=1, seed=1)])
case("Mod", lambda kind: [data(kind, 3, 5), data(kind, 5, low=1, seed=1)],
     without=("float", "float16", "bfloat16", "double"))
case("Pow", lambda kind: [data(kind, 3, 5, low=1, high=4), data(kind, 5, low=0, high=3, seed=1)])
case("PRelu", lambda kind: [data(kind, 3, 5), data(kind, 5, seed=1)])
case("Clip", lambda kind: [data(kind, 3, 5), data(kind, low=1, high=2), data(kind, low=4, high=5)])
case("Where", lambda kind: [data("bool", 3, 5), data(kind, 3, 5), data(kind, 5, seed=1)],
     position=1)

# --- Reductions --------------------------------------------------------------

for op in ("ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare "
           "ReduceLogSum ReduceLogSumExp").split():
    # A product of small factors, logarithms of what is not 0, and what the
    # evaluator computes in floats.
    low, high = (1, 4) if op in ("ReduceProd", "ReduceLogSum") else (-6, 7)
    low = None if op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1") else low
    # The standard does not say what the logarithm of an integer is.
    without = INTEGERS if "Log" in op else ()
    case(op, lambda kind: [data(kind, 3, 4, low=low, high=high), i64(1)], without=without)
for op in ("ArgMax", "ArgMin"):
    case(op, lambda kind: [data(kind, 3, 5)], axis=1)
for op in ("Softmax", "LogSoftmax", "Hardmax"):
    case(op, lambda kind: [data(kind, 3, 5)])
case("CumSum", lambda kind: [data(kind, 3, 5), np.array(1)])
case("TopK", lambda kind: [np.stack([np.random.default_rng(i).permutation(6) for i in range(3)])
                           .astype(TYPES[kind]), i64(2)], outputs=2)

# --- Movement ----------------------------------------------------------------

for target in TYPES:
    case("Cast", lambda kind: [data(kind, 3, 5, low=0)], name=f"Cast-{target}",
         to=helper.np_dtype_to_tensor_dtype(np.dtype(TYPES[target])))
case("Concat", lambda kind: [data(kind, 3, 5), data(kind, 2, 5)], axis=0)
case("Expand", lambda kind: [data(kind, 3, 1), i64(2, 3, 5)])
case("Flatten", lambda kind: [data(kind, 2, 3, 2)])
case("Gather", lambda kind: [data(kind, 3, 5), i64(2, 0, -1)], axis=1)
case("GatherElements", lambda kind: [data(kind, 3, 5), np.array([[0, 1], [2, 4], [-1, 3]])], axis=1)
case("GatherND", lambda kind: [data(kind, 3, 5), np.array([[0, 1], [2, -1]])])
case("ScatterElements", lambda kind: [data(kind, 3, 5), np.array([[0, 1], [2, 4], [-1, 3]]),
                                      data(kind, 3, 2)], axis=1)
case("ScatterND", lambda kind: [data(kind, 3, 5), np.array([[0], [2]]), data(kind, 2, 5)])
case("Pad", lambda kind: [data(kind, 3, 5), i64(1, 0, 0, 2)])
case("Reshape", lambda kind: [data(kind, 3, 4), i64(2, -1)])
case("Shape", lambda kind: [data(kind, 3, 4)])
case("Size", lambda kind: [data(kind, 3, 4)])
case("Slice", lambda kind: [data(kind, 3, 6), i64(5), i64(0), i64(1), i64(-2)])
case("Split", lambda kind: [data(kind, 3, 6), i64(2, 4)], outputs=2, axis=1)
case("Squeeze", lambda kind: [data(kind, 3, 1, 2), i64(1)])
case("Tile", lambda kind: [data(kind, 3, 2), i64(1, 3)])
case("Transpose", lambda kind: [data(kind, 2, 3, 4)], perm=[2, 0, 1])
case("Trilu", lambda kind: [data(kind, 4, 4)])
case("Unsqueeze", lambda kind: [data(kind, 3, 2), i64(0)])
case("NonZero", lambda kind: [data(kind, 3, 5)])
case("Range", lambda kind: [np.array(v, TYPES[kind]) for v in (1, 12, 3)])
case("OneHot", lambda kind: [i64(1, 3, -1), np.array(4), data(kind, 2)], position=2,
     without=("bool",))  # The evaluator subtracts.

# --- What models are made of -------------------------------------------------

case("MatMul", lambda kind: [data(kind, 3, 6, high=3, low=-2), data(kind, 6, 5, high=3, low=-2)])
case("Gemm", lambda kind: [data(kind, 3, 6, high=3, low=-2), data(kind, 5, 6, high=3, low=-2),
                           data(kind, 5, low=-6)], transB=1)
case("LayerNormalization", lambda kind: [data(kind, 3, 8), data(kind, 8), data(kind, 8, seed=1)])
case("RMSNormalization", lambda kind: [data(kind, 3, 8), data(kind, 8)])
case("Attention", lambda kind: [data(kind, 2, 2, 3, 8, low=-1, high=2, seed=n) for n in range(3)])
case("RotaryEmbedding", lambda kind: [data(kind, 1, 2, 3, 8), data(kind, 1, 3, 4, low=-1, high=1),
                                      data(kind, 1, 3, 4, low=-1, high=1, seed=1)])
case("Conv", lambda kind: [data(kind, 1, 2, 5, 5), data(kind, 3, 2, 3, 3, low=-1, high=2)])

write_archive(Path(__file__).with_name("element-types.tar.xz"), FILES)
