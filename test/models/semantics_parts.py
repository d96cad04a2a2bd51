# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What semantics.py makes its cases of: graphs, the same in numpy, and a case."""

import numpy as np
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from archive import files_of

FILES = {}
TOLERANCE = 1e-4


class Graph:
    """A graph of parts: `g("Add", a, b)` is the name of their sum. Arrays among
    the operands become initializers."""

    def __init__(self, opset=20):
        self.opset, self.nodes, self.weights = opset, [], []
        self.inputs, self.outputs, self.domains = [], [], {"": opset}

    def __call__(self, op, *operands, outputs=1, domain="", **attributes):
        names = [self.weight(o) if isinstance(o, np.ndarray) else o for o in operands]
        made = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        node = helper.make_node(op, names, made, name=made[0], domain=domain, **attributes)
        self.nodes.append(node)
        if domain:
            self.domains[domain] = 1
        return made[0] if outputs == 1 else made

    def weight(self, value):
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def input(self, name, kind, *dims):
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        self.inputs.append(helper.make_tensor_value_info(name, kind, dims))
        return name

    def output(self, name, value, kind, *dims):
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        self.nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self.outputs.append(helper.make_tensor_value_info(name, kind, dims))

    def model(self):
        graph = helper.make_graph(self.nodes, "g", self.inputs, self.outputs, self.weights)
        imports = [helper.make_opsetid(d, v) for d, v in self.domains.items()]
        return helper.make_model(graph, ir_version=10, opset_imports=imports)

    # What layers are made of, as torch's exporter writes them.

    def linear(self, x, weight):
        return self("MatMul", x, weight)

    def heads(self, x, count):
        """(batch, tokens, heads * width) -> (batch, heads, tokens, width)"""
        return self("Transpose", self("Reshape", x, ints(0, 0, count, -1)), perm=[0, 2, 1, 3])

    def joined(self, x):
        return self("Reshape", self("Transpose", x, perm=[0, 2, 1, 3]), ints(0, 0, -1))

    def slice(self, x, begin, end, axis, step=1):
        return self("Slice", x, ints(begin), ints(end), ints(axis), ints(step))

    def size(self, x, axis):
        shape = self("Shape", x, start=axis, end=axis + 1)
        return self("Squeeze", shape, ints(0))

    def unit(self, x, epsilon=1e-6):
        mean = self("ReduceMean", self("Pow", x, f(2)), ints(-1), keepdims=1)
        root = self("Sqrt", self("Add", mean, f(epsilon)))
        return self("Mul", x, self("Reciprocal", root))

    def rms(self, x, weight):
        return self("Mul", weight, self.unit(x))

    def mlp(self, x, gate, up, down):
        g = self.linear(x, gate)
        g = self("Mul", g, self("Sigmoid", g))
        return self.linear(self("Mul", g, self.linear(x, up)), down)

    def table(self, positions, frequencies, factor=None):
        """Cosines and sines (batch, 1, tokens, width) of both halves."""
        place = self("Unsqueeze", self("Cast", positions, to=1), ints(2))
        angles = self("Mul", place, frequencies.astype(np.float32)[None, None])
        angles = self("Concat", angles, angles, axis=-1)
        tables = [self("Cos", angles), self("Sin", angles)]
        if factor:
            tables = [self("Mul", t, f(factor)) for t in tables]
        return [self("Unsqueeze", t, ints(1)) for t in tables]

    def rope(self, x, table, width):
        first = self.slice(x, 0, width // 2, 3)
        second = self.slice(x, width // 2, 2**63 - 1, 3)
        turned = self("Concat", self("Neg", second), first, axis=-1)
        return self("Add", self("Mul", x, table[0]), self("Mul", turned, table[1]))

    def causal(self, tokens, past=None, window=None):
        """What each of the last `tokens` positions sees: (1, 1, tokens, total)."""
        zero, one = ints(0)[0], ints(1)[0]
        total = self("Add", tokens, past) if past else tokens
        keys = self("Range", np.array(zero), total, np.array(one))
        queries = self("Range", past or np.array(zero), total, np.array(one))
        queries = self("Unsqueeze", queries, ints(1))
        keys = self("Unsqueeze", keys, ints(0))
        seen = self("LessOrEqual", keys, queries)
        if window:
            first = self("Sub", queries, np.array(window))
            seen = self("And", seen, self("Greater", keys, first))
        return self("Unsqueeze", seen, ints(0, 1))

    def attention(self, q, k, v, seen, scale):
        scores = self("MatMul", q, self("Transpose", k, perm=[0, 1, 3, 2]))
        mask = self("Where", seen, f(0), f(np.finfo(np.float32).min))
        scores = self("Add", self("Mul", scores, f(scale)), mask)
        return self("MatMul", self("Softmax", scores, axis=-1), v)


def ints(*values):
    return np.array(values, np.int64)


def f(value):
    return np.array(value, np.float32)


def f32(*dims, scale=1.0):
    values = np.random.default_rng(sum(dims) + 7 * len(dims)).standard_normal(dims)
    return (values * scale).astype(np.float32)


def matrix(rows, columns, seed=0):
    values = np.random.default_rng(rows * 100 + columns + seed).standard_normal((rows, columns))
    return (values / np.sqrt(rows)).astype(np.float32)


# --- Numbers -----------------------------------------------------------------


def rms(x, weight, epsilon=1e-6):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def silu(x):
    return x / (1 + np.exp(-x))


def mlp(x, gate, up, down):
    return (silu(x @ gate) * (x @ up)) @ down


def split_heads(x, count):
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


def join_heads(x):
    x = x.swapaxes(1, 2)
    return x.reshape(*x.shape[:2], -1)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def attend(q, k, v, scale, past=0, window=None):
    """Query i is at past + i; it sees `window` keys, itself among them."""
    scores = np.einsum("bhqd,bhkd->bhqk", q, k) * scale
    distance = past + np.arange(q.shape[2])[:, None] - np.arange(k.shape[2])[None]
    seen = (distance >= 0) & (distance < (window or np.inf))
    return np.einsum("bhqk,bhkd->bhqd", softmax(np.where(seen, scores, -np.inf)), v)


def rotate(x, positions, frequencies, pairs="half", factor=1.0):
    """Turns pairs of columns as complex numbers. Columns come out by halves,
    but for `pairs` = "interleaved", where they stay where they were."""
    half = len(frequencies)
    if pairs == "half":
        z = x[..., :half] + 1j * x[..., half:]
    else:
        z = x[..., 0::2] + 1j * x[..., 1::2]
    angles = positions[:, None, :, None] * frequencies
    z = z * np.exp(1j * angles) * factor
    if pairs == "interleaved":
        return np.stack([z.real, z.imag], -1).reshape(x.shape)
    return np.concatenate([z.real, z.imag], -1)


def frequencies_of(width, base=1e4):
    return base ** (-np.arange(0, width, 2) / width)


def differs(a, b):
    """By far more than what a test allows."""
    if a.shape != b.shape:
        return True
    a, b = a.astype(np.float64), b.astype(np.float64)
    return bool((abs(a - b) > 20 * (TOLERANCE + TOLERANCE * abs(b))).any())


def onnxruntime_outputs(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def evaluator_outputs(model, inputs):
    return ReferenceEvaluator(model).run(None, inputs)


def case(name, graph, sets, reference, *readings, judge=onnxruntime_outputs):
    """`reference` maps inputs to outputs, all by name; `readings` are keywords
    that make it read the model wrongly. The `judge` must agree with what is
    right; None where no released one knows the operators."""
    model = graph.model()
    order = [i.name for i in model.graph.input]
    kinds = {
        o.name: helper.tensor_dtype_to_np_dtype(o.type.tensor_type.elem_type)
        for o in model.graph.output
    }
    entries, told = [], set()
    for index, inputs in enumerate(sets):
        wide = {
            k: v.astype(np.float64) if v.dtype == np.float32 else v
            for k, v in inputs.items()
        }
        results = reference(**wide)
        for number, reading in enumerate(readings):
            other = reference(**wide, **reading)
            if any(differs(other[k], v) for k, v in results.items()):
                told.add(number)
        results = {k: results[k].astype(kind) for k, kind in kinds.items()}
        inputs = {k: inputs[k] for k in order}
        for (key, want), got in zip(results.items(), judge(model, inputs) if judge else ()):
            np.testing.assert_allclose(got, want, 1e-5, 2e-5, err_msg=f"{name}: {key}")
        entries.append({"name": f"case-{index}", "inputs": inputs, "outputs": results})
    for number, reading in enumerate(readings):
        if number not in told:
            raise SystemExit(f"{name}: reading it with {reading} gives the same")
    folder = f"semantics-{name}"
    FILES.update(files_of(folder, model.SerializeToString(deterministic=True), entries))
