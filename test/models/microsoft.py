#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes microsoft.tar.xz: single operators of the domain com.microsoft.

    python microsoft.py        (needs onnx, onnxruntime and ml_dtypes)

Each is a folder `microsoft-NAME` as README.md describes it. All outputs are
onnxruntime's.
"""

import copy
from pathlib import Path

import ml_dtypes
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from archive import files_of, write_archive

CASES = {}
TYPES = {
    "float32": TensorProto.FLOAT,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
}


def case(name, op, inputs, outputs, weights=(), domain="com.microsoft", dims=None,
         sets=(), like=None, **attributes):
    """One node. `inputs` maps names to values ("" leaves one out), those in
    `weights` are stored in the model; `dims` names dimensions of inputs; `sets`
    are further values of the inputs. `like` is a case of the same numbers in a
    form that onnxruntime's CPU kernels take."""
    given = {k: v for k, v in inputs.items() if v is not None and k not in weights}
    node = helper.make_node(
        op, [k if v is not None else "" for k, v in inputs.items()], outputs,
        domain=domain, name=op, **attributes)
    graph = helper.make_graph(
        [node], name,
        [helper.make_tensor_value_info(k, TYPES[v.dtype.name], (dims or {}).get(k, v.shape))
         for k, v in given.items()],
        [helper.make_empty_tensor_value_info(o) for o in outputs if o],
        [numpy_helper.from_array(inputs[k], k) for k in weights])
    model = helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
    values = [given] + [given | s for s in sets]
    results = CASES[like][2] if like else [run(model, v) for v in values]
    # The outputs' types, with the ranks that onnxruntime found.
    for o, r in zip(graph.output, results[0]):
        o.CopyFrom(helper.make_tensor_value_info(
            o.name, TYPES[r.dtype.name], [f"{o.name}_{i}" for i in range(r.ndim)]))
    model.graph.CopyFrom(graph)
    CASES[name] = (model, values, results)


def run(model, values):
    """onnxruntime's outputs, without its own fusions."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, values)


def f32(*dims, scale=1.0):
    values = np.random.default_rng(sum(dims) + len(dims)).standard_normal(dims)
    return (values * scale).astype(np.float32)


def i32(*values):
    return np.array(values, np.int32)


def tables(rows, width):
    angles = np.arange(rows)[:, None] / 10.0 ** (np.arange(width)[None] / 2)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


# Normalizations and activations.
case("skip-rms", "SkipSimplifiedLayerNormalization",
     dict(x=f32(2, 3, 8), skip=f32(2, 3, 8), gamma=f32(8), bias=f32(8) + 1),
     ["y", "", "", "sum"], ["gamma", "bias"], dims=dict(x=["b", "t", 8], skip=["b", "t", 8]),
     sets=[dict(x=f32(1, 5, 8), skip=f32(1, 5, 8))], epsilon=1e-5)
case("skip-layer-norm", "SkipLayerNormalization",
     dict(x=f32(2, 3, 8), skip=f32(3, 8), gamma=f32(8), beta=f32(8), bias=f32(8) + 1),
     ["y", "", "", "sum"], ["gamma", "beta", "bias"], epsilon=1e-5)
case("skip-layer-norm-plain", "SkipLayerNormalization",
     dict(x=f32(2, 3, 8), skip=f32(1, 3, 8), gamma=f32(8)), ["y"], ["gamma"])
case("simplified-layer-norm", "SimplifiedLayerNormalization",
     dict(x=f32(2, 3, 8), scale=f32(8)), ["y", "inverse"], ["scale"], domain="",
     epsilon=1e-6, axis=-1)
ids = np.array([[1, 4, 2], [0, 3, 3]], np.int32)
embeddings = dict(ids=ids, segments=ids % 2, words=f32(5, 8), places=f32(4, 8),
                  kinds=f32(2, 8), gamma=f32(8), beta=f32(8) + 1)
tabled = ["words", "places", "kinds", "gamma", "beta"]
case("embed-layer-norm", "EmbedLayerNormalization",
     embeddings | dict(mask=i32([1, 1, 0], [1, 1, 1])), ["y", "mask_index", "sum"], tabled,
     epsilon=1e-5)
case("embed-layer-norm-places", "EmbedLayerNormalization",
     embeddings | dict(segments=None, kinds=None, mask=None,
                       position=i32([3, 2, 1], [0, 1, 2])),
     ["y", "mask_index"], ["words", "places", "gamma", "beta"])
case("bias-gelu", "BiasGelu", dict(x=f32(3, 8, scale=3), bias=f32(8)), ["y"])
case("fast-gelu", "FastGelu", dict(x=f32(3, 8, scale=3)), ["y"])
case("fast-gelu-bias", "FastGelu", dict(x=f32(3, 8, scale=3), bias=f32(8)), ["y"])
case("quick-gelu", "QuickGelu", dict(x=f32(3, 8, scale=3)), ["y"], alpha=1.5)
case("gelu", "Gelu", dict(x=f32(3, 8, scale=3)), ["y"])

# Rotation.
COS, SIN = tables(16, 4)
case("rotary", "RotaryEmbedding",
     dict(x=f32(2, 3, 16), at=np.array([[0, 5, 2], [7, 1, 9]]), cos=COS, sin=SIN), ["y"],
     ["cos", "sin"])
case("rotary-offset-interleaved", "RotaryEmbedding",
     dict(x=f32(2, 2, 3, 8), at=np.array([4]), cos=COS, sin=SIN), ["y"], ["cos", "sin"],
     interleaved=1)
case("rotary-partial", "RotaryEmbedding",
     dict(x=f32(1, 3, 24), at=np.array([[0, 5, 2]]), cos=COS, sin=SIN), ["y"],
     ["cos", "sin"], num_heads=2, rotary_embedding_dim=8)


# GroupQueryAttention: 4 heads in 2 groups of size 16.
def group_query(name, tokens, past, lengths, total, outputs=("y", "present_k", "present_v"), packed=False,
                extra=None, weights=(), **attributes):
    batch = len(lengths)
    inputs = dict(q=f32(batch, tokens, 128 if packed else 64),
                  k=None if packed else f32(batch, tokens, 32) + 1,
                  v=None if packed else f32(batch, tokens, 32) - 1,
                  pk=f32(batch, 2, past, 16) if past is not None else None,
                  pv=f32(batch, 2, past, 16) + 2 if past is not None else None,
                  lengths=i32(*(n - 1 for n in lengths)), total=np.array(total, np.int32),
                  cos=None, sin=None, at=None, bias=None, sink=None)
    inputs |= extra or {}
    while inputs[list(inputs)[-1]] is None:
        inputs.popitem()
    case(name, "GroupQueryAttention", inputs, list(outputs), ["total", *weights],
         num_heads=4, kv_num_heads=2, **attributes)


COS, SIN = tables(16, 8)
group_query("gqa-prompt", 5, None, [5, 5], 5)
group_query("gqa-decode", 1, 4, [5, 3], 5)
group_query("gqa-chunk", 3, 4, [7], 7)
group_query("gqa-shared-buffer", 1, 12, [5, 9], 9)
group_query("gqa-packed", 5, 0, [5], 5, packed=True, extra=dict(cos=COS, sin=SIN),
            weights=["cos", "sin"], do_rotary=1)
group_query("gqa-rotary-decode", 1, 6, [7, 4], 7, extra=dict(cos=COS, sin=SIN),
            weights=["cos", "sin"], do_rotary=1)
group_query("gqa-rotary-interleaved", 4, None, [4], 4, extra=dict(cos=COS, sin=SIN),
            weights=["cos", "sin"], do_rotary=1, rotary_interleaved=1)
group_query("gqa-window", 6, None, [6, 6], 6, local_window_size=2)
group_query("gqa-window-decode", 1, 6, [7, 5], 7, local_window_size=3, scale=0.5)
group_query("gqa-softcap", 4, None, [4], 4, softcap=2.0)
group_query("gqa-sink", 1, 3, [4], 4, extra=dict(sink=f32(4)))
group_query("gqa-smooth", 3, None, [3], 3, smooth_softmax=1)
group_query("gqa-bias", 3, 2, [5], 5, extra=dict(bias=f32(1, 4, 3, 5)))


# As onnxruntime-genai runs it: one graph for the prompt and for each step after
# it, the total length being an input.
def steps(batch, tokens, past, lengths):
    return dict(q=f32(batch, tokens, 64), k=f32(batch, tokens, 32), v=f32(batch, tokens, 32),
                pk=f32(batch, 2, past, 16), pv=f32(batch, 2, past, 16) + 1,
                lengths=i32(*(n - 1 for n in lengths)),
                total=np.array(past + tokens, np.int32))


case("gqa-any-step", "GroupQueryAttention",
     steps(2, 1, 4, [5, 5]) | dict(cos=COS, sin=SIN), ["y", "present_k", "present_v"],
     ["cos", "sin"], num_heads=4, kv_num_heads=2, do_rotary=1, local_window_size=4,
     dims=dict(q=["b", "s", 64], k=["b", "s", 32], v=["b", "s", 32], pk=["b", 2, "p", 16],
               pv=["b", 2, "p", 16], lengths=["b"], total=[]),
     sets=[steps(1, 6, 0, [6]), steps(3, 1, 7, [8, 8, 8]), steps(1, 3, 2, [5])])


# MultiHeadAttention: 2 heads of size 4.
def multi_head(name, outputs=("y",), heads=2, **inputs):
    order = "query key value bias padding added past_key past_value".split()
    attributes = {k: v for k, v in inputs.items() if k not in order}
    given = {k: inputs.get(k) for k in order}
    while given[list(given)[-1]] is None:
        given.popitem()
    case(name, "MultiHeadAttention", given, list(outputs), num_heads=heads, **attributes)


QKV = dict(query=f32(2, 3, 8), key=f32(2, 5, 8) + 0.5, value=f32(2, 5, 8) - 0.5)
multi_head("mha", **QKV)
multi_head("mha-scale-bias", **QKV, bias=f32(24), scale=0.3)
multi_head("mha-padding", **QKV, padding=i32([1, 1, 1, 0, 0], [1, 1, 1, 1, 1]))
multi_head("mha-lengths", **QKV, padding=i32(2, 5))
multi_head("mha-added", **QKV, added=f32(1, 2, 3, 5))
PACKED = f32(2, 3, 2, 3, 4)
PARTS = [PACKED[:, :, :, i].reshape(2, 3, 8) for i in range(3)]
multi_head("mha-self", query=PARTS[0], key=PARTS[1], value=PARTS[2])
multi_head("mha-packed", query=PACKED, like="mha-self")
multi_head("mha-packed-kv", query=PARTS[0], key=PACKED[:, :, :, 1:].copy(), like="mha-self")
multi_head("mha-past", ("y", "present_key", "present_value"), query=f32(2, 1, 8),
           key=f32(2, 1, 8), value=f32(2, 1, 8), past_key=f32(2, 2, 3, 4),
           past_value=f32(2, 2, 3, 4))
multi_head("mha-causal", query=f32(2, 4, 8), key=f32(2, 4, 8), value=f32(2, 4, 8),
           unidirectional=1)
multi_head("mha-cross-heads", query=f32(2, 3, 8), key=f32(2, 2, 5, 4), value=f32(2, 2, 5, 4))


# Attention: 2 heads of size 4.
def attention(name, outputs=("y",), **inputs):
    order = "x w b mask past added".split()
    attributes = {k: v for k, v in inputs.items() if k not in order}
    given = dict(x=f32(2, 3, 6), w=f32(6, 24), b=f32(24))
    given |= {k: inputs.get(k) for k in order[3:]}
    while given[list(given)[-1]] is None:
        given.popitem()
    case(name, "Attention", given, list(outputs), ["w", "b"], num_heads=2, **attributes)


attention("attention")
attention("attention-causal", unidirectional=1)
attention("attention-mask", mask=i32([1, 1, 0], [1, 1, 1]))
attention("attention-lengths", mask=i32(2, 3))
attention("attention-past", ("y", "present"), past=f32(2, 2, 2, 4, 4), unidirectional=1)
attention("attention-mask-3d", mask=i32([[1, 0, 0], [1, 1, 0], [1, 1, 1]],
                                        [[1, 1, 1], [0, 1, 1], [1, 0, 1]]))


# MatMulNBits: K = 48 in blocks of 16 or 32, N = 6.
def n_bits(name, bits, block, k=48, zero=None, order=None, bias=None, stored=True):
    rng = np.random.default_rng(bits + block)
    n, blocks = 6, -(-k // block)
    inputs = dict(a=f32(3, k), b=rng.integers(0, 256, (n, blocks, block * bits // 8), np.uint8),
                  scales=rng.uniform(0.1, 1, (n, blocks)).astype(np.float32),
                  zero=None, order=order, bias=bias)
    if zero == "packed":
        inputs["zero"] = rng.integers(0, 256, (n, -(-blocks * bits // 8)), np.uint8)
    elif zero == "float":
        inputs["zero"] = rng.uniform(0, 15, (n, blocks)).astype(np.float32)
    while inputs[list(inputs)[-1]] is None:
        inputs.popitem()
    weights = [w for w in inputs if w != "a" and inputs[w] is not None] if stored else []
    case(name, "MatMulNBits", inputs, ["y"], weights, K=k, N=n, bits=bits, block_size=block)


n_bits("4-bits", 4, 16)
n_bits("4-bits-zero", 4, 16, zero="packed")
n_bits("4-bits-tail", 4, 32, k=40, zero="packed")
n_bits("4-bits-float-zero", 4, 16, zero="float")
n_bits("4-bits-bias", 4, 16, bias=f32(6))
n_bits("4-bits-order", 4, 16, order=np.array([0, 1, 2] * 16, np.int32))
n_bits("4-bits-computed", 4, 16, zero="packed", stored=False)
n_bits("8-bits", 8, 16)
n_bits("8-bits-zero", 8, 32, zero="packed")


# GatherBlockQuantized: 5 rows of 48 in blocks of 16.
def gather_blocks(name, bits, zero, indices):
    rng = np.random.default_rng(bits + zero)
    inputs = dict(data=rng.integers(0, 256, (5, 48 * bits // 8), np.uint8), indices=indices,
                  scales=rng.uniform(0.1, 1, (5, 3)).astype(np.float32))
    if zero:
        inputs["zero"] = rng.integers(0, 256, (5, -(-3 * bits // 8)), np.uint8)
    case(name, "GatherBlockQuantized", inputs, ["y"], [w for w in inputs if w != "indices"],
         bits=bits, block_size=16, quantize_axis=1, gather_axis=0)


gather_blocks("gather-4-bits", 4, False, np.array([[1, 4], [0, -1]]))
gather_blocks("gather-4-bits-zero", 4, True, np.array([3, 0, 3]))
gather_blocks("gather-8-bits-zero", 8, True, np.array([[2]]))


# DynamicQuantizeMatMul.
def dynamic(name, shape, columns, zero=None, bias=None, signed=False):
    rng = np.random.default_rng(sum(shape))
    b = rng.integers(-128, 128, (shape[-1], 6)).astype(np.int8 if signed else np.int16)
    inputs = dict(a=f32(*shape, scale=2), b=b if signed else (b + 128).astype(np.uint8),
                  scale=rng.uniform(0.1, 1, columns).astype(np.float32), zero=zero, bias=bias)
    while inputs[list(inputs)[-1]] is None:
        inputs.popitem()
    case(name, "DynamicQuantizeMatMul", inputs, ["y"],
         [w for w in inputs if w != "a" and inputs[w] is not None])


dynamic("dynamic-matmul", (2, 3, 8), [1])
dynamic("dynamic-matmul-columns", (3, 8), [6], zero=np.arange(6, dtype=np.int8), signed=True)
dynamic("dynamic-matmul-bias", (3, 8), [1], zero=np.array([100], np.uint8), bias=f32(6))


# MoE and QMoE: 5 experts of 32 hidden units for tokens of 16 or 32 numbers.
# onnxruntime's CPU kernels know neither a third layer nor gates that are not
# interleaved with what they gate: those take the numbers of the same experts in
# the form that they know.
def fused(fc1, how):
    """Rows of gates and linear units, interleaved, in another order."""
    gate, linear = fc1[:, 0::2], fc1[:, 1::2]
    if how == 1:
        return fc1, None
    return (np.concatenate([gate, linear], 1), None) if how == 2 else (gate, linear)


def experts(name, tokens=(3,), like=None, fusion=None, biases=(), limited=None, sets=(),
            **attributes):
    gated = fusion is not None
    fc1 = f32(5, 64 if gated else 32, 16, scale=0.5)
    first, third = fused(fc1, fusion) if gated else (fc1, None)
    bias = f32(5, fc1.shape[1])
    first_bias, third_bias = fused(bias, fusion) if gated else (bias, None)
    inputs = dict(x=f32(*tokens, 16), router=f32(int(np.prod(tokens)), 5, scale=2),
                  fc1=first, fc1_bias=first_bias if 1 in biases else None,
                  fc2=f32(5, 16, 32, scale=0.3), fc2_bias=f32(5, 16) if 2 in biases else None,
                  fc3=third, fc3_bias=third_bias if 1 in biases else None)
    while inputs[list(inputs)[-1]] is None:
        inputs.popitem()
    if gated:
        attributes |= dict(activation_type="swiglu", swiglu_fusion=fusion)
    if limited:
        attributes["swiglu_limit"] = limited
    rows = ["t"] if len(tokens) == 1 else ["b", "t"]
    case(name, "MoE", inputs, ["y"],
         [w for w in inputs if w not in ("x", "router") and inputs[w] is not None],
         dims=dict(x=rows + [16], router=["t" if len(tokens) == 1 else "rows", 5]), like=like,
         sets=sets, **attributes)


def scores(tokens):
    return dict(x=f32(tokens, 16), router=f32(tokens, 5, scale=2))


experts("moe-relu", k=2, sets=[scores(1), scores(40)])
experts("moe-silu-biases", k=2, biases=(1, 2), activation_type="silu",
        normalize_routing_weights=1)
experts("moe-gelu", (2, 3), k=1, activation_type="gelu")
experts("moe-identity", k=5, activation_type="identity")
experts("moe-swiglu", k=3, fusion=1, normalize_routing_weights=1)
experts("moe-swiglu-gpt-oss", k=2, fusion=1, biases=(1, 2), limited=1.0, activation_alpha=1.702,
        activation_beta=1.0, normalize_routing_weights=1)
for how, form in ((0, "apart"), (2, "halves")):
    experts(f"moe-swiglu-{form}", k=3, fusion=how, normalize_routing_weights=1,
            like="moe-swiglu")
    experts(f"moe-swiglu-{form}-gpt-oss", k=2, fusion=how, biases=(1, 2), limited=1.0,
            activation_alpha=1.702, activation_beta=1.0, normalize_routing_weights=1,
            like="moe-swiglu-gpt-oss")


def quantized_experts(name, bits, block=None, zeros=False, biases=False, stored=True,
                      weights=None, **attributes):
    rng = np.random.default_rng(bits + (block or 0))
    hidden, inner = 32, 32
    fusion = 2 if attributes.get("activation_type") == "swiglu" else 1

    def layer(n, k):
        blocks = k // block if block else None
        packed = rng.integers(0, 256, (5, n, k * bits // 8), np.uint8)
        scale = rng.uniform(0.005, 0.05, (5, n, blocks) if block else (5, n)).astype(np.float32)
        last = (n, -(-blocks * bits // 8)) if block else (-(-n * bits // 8),)
        return packed, scale, rng.integers(0, 256, (5, *last), np.uint8) if zeros else None

    (fc1, scale1, zero1), (fc2, scale2, zero2) = layer(fusion * inner, hidden), layer(hidden, inner)
    inputs = dict(x=f32(4, hidden), router=f32(4, 5, scale=2), fc1=fc1, scale1=scale1,
                  bias1=f32(5, fusion * inner) if biases else None, fc2=fc2, scale2=scale2,
                  bias2=f32(5, hidden) if biases else None, fc3=None, scale3=None, bias3=None,
                  zero1=zero1, zero2=zero2, zero3=None, weights=weights)
    while inputs[list(inputs)[-1]] is None:
        inputs.popitem()
    if block:
        attributes["block_size"] = block
    kept = [w for w in inputs if w not in ("x", "router", "weights") and inputs[w] is not None]
    case(name, "QMoE", inputs, ["y"], kept if stored else [w for w in kept if w[0] != "f"],
         expert_weight_bits=bits, normalize_routing_weights=1, **attributes)


quantized_experts("qmoe-4-bits", 4, k=2)
quantized_experts("qmoe-4-bits-blocks", 4, 16, k=2, activation_type="silu")
quantized_experts("qmoe-4-bits-blocks-zeros", 4, 16, zeros=True, biases=True, k=2,
                  activation_type="silu")
quantized_experts("qmoe-4-bits-rows-zeros", 4, zeros=True, k=2, activation_type="gelu")
quantized_experts("qmoe-4-bits-swiglu", 4, 32, biases=True, k=2, activation_type="swiglu",
                  swiglu_fusion=1, activation_alpha=1.702, activation_beta=1.0, swiglu_limit=0.5)
quantized_experts("qmoe-4-bits-computed", 4, 16, zeros=True, stored=False, k=2)
quantized_experts("qmoe-8-bits", 8, k=3, activation_type="silu")
quantized_experts("qmoe-8-bits-zeros", 8, zeros=True, k=1)
quantized_experts("qmoe-weights", 4, k=2, weights=np.abs(f32(4, 5)) + 0.1)


# One case of each operator in f16 and bf16, as models are run on accelerators.
# The numbers are those of f32 on operands that the narrow type holds.
NARROW = {"f16": (np.float16, TensorProto.FLOAT16, 0.02),
          "bf16": (ml_dtypes.bfloat16, TensorProto.BFLOAT16, 0.1)}


def narrow(name, kind, wide=()):
    """`wide` are the outputs that stay in f32."""
    numpy_type, onnx_type, _ = NARROW[kind]
    model, inputs, _ = copy.deepcopy(CASES[name])
    rounded = copy.deepcopy(model)

    def cut(value):
        return value.astype(numpy_type) if value.dtype == np.float32 else value

    def widened(value):
        return cut(value).astype(np.float32) if value.dtype == np.float32 else value

    for target, change in ((model, cut), (rounded, widened)):
        for weight in target.graph.initializer:
            value = numpy_helper.to_array(weight)
            weight.CopyFrom(numpy_helper.from_array(change(value), weight.name))
    for info in [*model.graph.input, *model.graph.output]:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT and info.name not in wide:
            info.type.tensor_type.elem_type = onnx_type
    names = [o.name for o in model.graph.output]
    results = []
    for each in inputs:
        values = run(rounded, {k: widened(v) for k, v in each.items()})
        results.append([v if n in wide else cut(v) for n, v in zip(names, values)])
    inputs = [{k: cut(v) for k, v in each.items()} for each in inputs]
    CASES[f"{name}-{kind}"] = (model, inputs, results)


for kind in NARROW:
    for name in ("skip-rms skip-layer-norm embed-layer-norm bias-gelu fast-gelu quick-gelu gelu "
                 "rotary gqa-any-step gqa-window mha-scale-bias attention-mask 4-bits-zero "
                 "4-bits-computed 8-bits gather-4-bits-zero moe-swiglu qmoe-4-bits-blocks").split():
        narrow(name, kind)
    narrow("simplified-layer-norm", kind, wide=["inverse"])


def main():
    files = {}
    for name, (model, inputs, outputs) in CASES.items():
        kind = name.rsplit("-", 1)[-1]
        declared = {"tolerance": NARROW[kind][2]} if kind in NARROW else {}
        names = [o.name for o in model.graph.output]
        sets = [
            {"name": f"case-{k}", "inputs": given, "outputs": dict(zip(names, results))} | declared
            for k, (given, results) in enumerate(zip(inputs, outputs))
        ]
        files |= files_of(f"microsoft-{name}", model.SerializeToString(), sets)
    write_archive(Path(__file__).with_name("microsoft.tar.xz"), files)


main()
