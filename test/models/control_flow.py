#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes control-flow.tar.xz: small graphs of If, Loop and Scan.

    python control_flow.py        (needs onnx and onnxruntime)

Each is a folder `control-flow-NAME` as README.md describes it. The outputs are
onnxruntime's, but for what a loop of no iterations stacks: there onnxruntime
gives (0, 0), and the shape that the body would have given is stored.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from onnx import numpy_helper, parser

from archive import files_of, write_archive

CASES = {}


def case(name, graph, *inputs, weights=None):
    model = parser.parse_model('<ir_version: 9, opset_import: ["": 18]>\n' + graph)
    for key, value in (weights or {}).items():
        model.graph.initializer.append(numpy_helper.from_array(value, key))
    CASES[name] = (model, inputs)


def f32(*dims):
    values = np.random.default_rng(sum(dims) + 1).standard_normal(dims)
    return values.astype(np.float32)


def scalar(value):
    return np.array(value, np.float32)


W = f32(4, 4)

case(
    "if-weights",
    """g (float[n,4] x, bool c) => (float[n,4] y) {
y = If (c) <then_branch = t () => (float[n,4] a) { a = MatMul(x, w) }, else_branch = e () => (float[n,4] b) { s = MatMul(x, w) b = Add(s, x) }>
}""",
    dict(x=f32(3, 4), c=np.array(True)),
    dict(x=f32(2, 4), c=np.array(False)),
    dict(x=f32(0, 4), c=np.array(False)),
    weights={"w": W},
)
case(
    "if-shapes",
    """g (float[n,4] x, bool[1] c) => (float[m,4] z, float[m,4] y) {
y = If (c) <then_branch = t () => (float[n,4] a) { a = Identity(x) }, else_branch = e () => (float[k,4] b) { b = Concat<axis=0>(x, x) }>
z = MatMul(y, w)
}""",
    dict(x=f32(3, 4), c=np.array([True])),
    dict(x=f32(2, 4), c=np.array([False])),
    weights={"w": W},
)
# What a branch demands of sizes is demanded where it runs.
case(
    "if-demand",
    """g (float[n] x, float[m] z, bool c) => (float[k] y) {
four = Constant<value_floats=[1.0, 2.0, 3.0, 4.0]>()
y = If (c) <then_branch = t () => (float[n] a) { h = Add(x, four) a = Mul(h, z) }, else_branch = e () => (float[m] b) { b = If(c) <then_branch = tt () => (float[m] p) { three = Constant<value_floats=[1.0, 2.0, 3.0]>() p = Add(z, three) }, else_branch = te () => (float[m] q) { q = Neg(z) }> }>
}""",
    dict(x=f32(4), z=f32(4), c=np.array(True)),
    dict(x=f32(3), z=f32(5), c=np.array(False)),
)
# How exporters squeeze a dim whose size they do not know.
case(
    "if-squeeze",
    """g (float[n,2,k] x) => (float[n,2] y) {
last = Constant<value_ints=[-1]>()
one = Constant<value_ints=[1]>()
s = Shape(x)
d = Gather<axis=0>(s, last)
c = Equal(d, one)
z = If (c) <then_branch = t () => (float[n,2] a) { a = Squeeze(x, last) }, else_branch = e () => (float[n,2,k] b) { b = Identity(x) }>
y = Relu(z)
}""",
    dict(x=f32(3, 2, 1)),
)
case(
    "if-nested",
    """g (float[n] x) => (float[n] y) {
s = ReduceSum<keepdims=0>(x)
zero = Constant<value=float {0.0}>()
one = Constant<value=float {1.0}>()
c = Greater(s, zero)
y = If (c) <then_branch = t () => (float[n] a) { d = Greater(s, one) a = If(d) <then_branch = tt () => (float[n] p) { p = Mul(x, x) }, else_branch= te () => (float[n] q) { q = Neg(x) }> }, else_branch = e () => (float[n] b) { b = Identity(x) }>
}""",
    dict(x=np.array([3.0, 1], np.float32)),
    dict(x=np.array([0.25, 0.25], np.float32)),
    dict(x=np.array([-3.0, 1], np.float32)),
)
case(
    "loop-swap",
    """g (int64 t, float[n] a0, float[n] b0) => (float[n] a, float[n] b, float[k,n] s) {
yes = Constant<value=bool {1}>()
a, b, s = Loop (t, yes, a0, b0) <body = l (int64 i, bool c, float[n] p, float[n] q) => (bool d, float[n] u, float[n] v, float[n] w) { d = Identity(c) one = Constant<value=float {1.0}>() u = Add(q, one) v = Identity(p) w = Mul(p, q) }>
}""",
    dict(t=np.array(5), a0=f32(3), b0=f32(3) * 2),
    dict(t=np.array(0), a0=f32(3), b0=f32(3) * 2),
    dict(t=np.array(-3), a0=f32(3), b0=f32(3) * 2),
    dict(t=np.array(1), a0=f32(0), b0=f32(0)),
)
case(
    "loop-grow",
    """g (int64 t, float[n,2] x) => (float[m,2] y, float[r] sums) {
yes = Constant<value=bool {1}>()
y, sums = Loop (t, yes, x) <body = l (int64 i, bool c, float[p,2] a) => (bool d, float[q,2] b, float s) { d = Identity(c) fi = Cast<to=1>(i) ax = Constant<value_ints=[0]>() h = Add(x, fi) b = Concat<axis=0>(a, h) s = ReduceSum<keepdims=0>(b) }>
}""",
    dict(t=np.array(4), x=f32(2, 2)),
    dict(t=np.array(0), x=f32(2, 2)),
)
case(
    "loop-while",
    """g (float x) => (float y, float[k] all, int64[k] idx) {
max = Constant<value=int64 {9223372036854775807}>()
big = Constant<value=float {100.0}>()
two = Constant<value=float {2.0}>()
go = Less(x, big)
y, all, idx = Loop (max, go, x) <body = l (int64 i, bool c, float a) => (bool d, float b, float s, int64 j) { b = Mul(a, two) d = Less(b, big) s = Identity(b) j = Identity(i) }>
}""",
    dict(x=scalar(1.5)),
    dict(x=scalar(200)),
    dict(x=scalar(99)),
)
case(
    "loop-nested",
    """g (int64 t, float[4] x) => (float[4] y, float[a,b,4] s) {
yes = Constant<value=bool {1}>()
y, s = Loop (t, yes, x) <body = l (int64 i, bool c, float[4] a) => (bool d, float[4] b, float[k,4] in) { d = Identity(c)  three = Constant<value=int64 {3}>() b, in = Loop(three, c, a) <body = m (int64 j, bool e, float[4] u) => (bool o, float[4] v, float[4] g2) { o = Identity(e) fj = Cast<to=1>(j) fi = Cast<to=1>(i) r = Add(fi, fj) v0 = MatMul(u, w) v = Add(v0, r) g2 = Identity(v)}> }>
}""",
    dict(t=np.array(2), x=f32(4)),
    weights={"w": W * 0.5},
)
case(
    "loop-outer",
    """g (int64 t, float[n] x, float[n] z) => (float[n] y, float[n] z2) {
yes = Constant<value=bool {1}>()
h = Mul(x, x)
y = Loop (t, yes, x) <body = l (int64 i, bool c, float[n] a) => (bool d, float[n] b) { d = Identity(c) b = Identity(h) }>
k = Add(h, z)
k2 = Mul(k, k)
k3 = Mul(k2, k)
z2 = Add(k3, y)
}""",
    dict(t=np.array(2), x=f32(4), z=f32(4) + 1),
    dict(t=np.array(0), x=f32(4), z=f32(4) + 1),
)
case(
    "loop-slice",
    """g (float[n,4] x) => (float[n,4] y) {
yes = Constant<value=bool {1}>()
sh = Shape<start=0,end=1>(x)
ax0 = Constant<value_ints=[0]>()
t = Squeeze(sh, ax0)
acc = Constant<value=float[1,4] {0.0,0.0,0.0,0.0}>()
fin, rows = Loop (t, yes, acc) <body = l (int64 i, bool c, float[1,4] a) => (bool d, float[1,4] b, float[4] r) { d = Identity(c) ax = Constant<value_ints=[0]>() one = Constant<value_ints=[1]>() i1 = Unsqueeze(i, ax) i2 = Add(i1, one) row = Slice(x, i1, i2, ax) b = Add(a, row) r = Squeeze(b, ax) }>
y = Identity(rows)
}""",
    dict(x=f32(5, 4)),
    dict(x=f32(0, 4)),
)
case(
    "scan-dirs",
    """g (float[b,t,3] x, float[b,3] h0) => (float[b,3] h, float[b,3,t] ys, float[t,b,3] zs) {
h, ys, zs = Scan (h0, x) <num_scan_inputs=1, scan_input_axes=[1], scan_input_directions=[1], scan_output_axes=[-1,0], scan_output_directions=[1,0], body = l (float[b,3] s, float[b,3] xi) => (float[b,3] s2, float[b,3] o1, float[b,3] o2) { m = MatMul(s, w3) s2 = Add(m, xi) o1 = Tanh(s2) o2 = Neg(s2) }>
}""",
    dict(x=f32(2, 5, 3), h0=f32(2, 3)),
    dict(x=f32(1, 1, 3), h0=f32(1, 3)),
    weights={"w3": f32(3, 3) * 0.3},
)
case(
    "if-in-loop",
    """g (int64 t, float[n] x) => (float[n] y) {
yes = Constant<value=bool {1}>()
two = Constant<value=int64 {2}>()
zero = Constant<value=int64 {0}>()
y = Loop (t, yes, x) <body = l (int64 i, bool c, float[n] a) => (bool d, float[n] b) { d = Identity(c) r = Mod(i, two) even = Equal(r, zero) b = If(even) <then_branch= tb () => (float[n] u) { u = Add(a, x) }, else_branch = eb () => (float[n] v) { v = Mul(a, x) }> }>
}""",
    dict(t=np.array(5), x=f32(3)),
)


def data_sets(model, inputs):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for given in inputs:
        given = {k: np.asarray(v) for k, v in given.items()}
        outputs = session.run(None, given)
        shapes = [o.shape for o in session.get_outputs()]
        for i, (value, shape) in enumerate(zip(outputs, shapes)):
            if value.size == 0 and value.shape[0] == 0:
                sizes = {d: n for k, v in given.items() for d, n in named(session, k, v)}
                outputs[i] = value.reshape([0, *(sizes.get(d, d) for d in shape[1:])])
        names = [o.name for o in session.get_outputs()]
        yield list(given.items()), list(zip(names, outputs))


def named(session, name, value):
    dims = next(i.shape for i in session.get_inputs() if i.name == name)
    return [(d, n) for d, n in zip(dims, value.shape) if isinstance(d, str)]


def main():
    files = {}
    for name, (model, inputs) in CASES.items():
        order = [i.name for i in model.graph.input]
        sets = []
        for k, (given, outputs) in enumerate(data_sets(model, inputs)):
            given.sort(key=lambda item: order.index(item[0]))
            sets.append(
                {"name": f"case-{k}", "inputs": dict(given), "outputs": dict(outputs)}
            )
        files |= files_of(f"control-flow-{name}", model.SerializeToString(), sets)
    write_archive(Path(__file__).with_name("control-flow.tar.xz"), files)


main()
