#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes semantics.tar.xz: where models of one shape mean different things.

    python semantics.py        (needs onnx and onnxruntime)

Each case is a folder `semantics-NN-NAME` as README.md describes it: a part of a
transformer in the operators that exporters write. The outputs are numpy's, in
64-bit floats, and onnxruntime must agree with them. The references know the
plausible wrong readings too: of each, a case must have a data set that tells it
from the right one, or it would test nothing.
"""

from pathlib import Path

import numpy as np

from archive import write_archive
from semantics_parts import (
    Graph, ints, f, f32, matrix, rms, mlp, split_heads, join_heads, softmax, attend,
    rotate, frequencies_of, onnxruntime_outputs, evaluator_outputs, case, FILES)

# --- 1: logits are multiplied or divided, scores have a multiplier -----------

WQ, WK, WV, WO = (matrix(16, 16, seed) for seed in range(4))
TOKENS = ("batch", "tokens")
HIDDEN = [dict(x=f32(2, 5, 16)), dict(x=f32(1, 3, 16))]


def self_attention(g, x, seen, scale, table=None):
    """Two heads of eight."""
    q, k, v = (g.heads(g.linear(x, w), 2) for w in (WQ, WK, WV))
    if table:
        q, k = g.rope(q, table, 8), g.rope(k, table, 8)
    return g.linear(g.joined(g.attention(q, k, v, seen, scale)), WO)


def self_attention_of(x, scale, window=None, positions=None):
    q, k, v = (split_heads(x @ w, 2) for w in (WQ, WK, WV))
    if positions is not None:
        q, k = (rotate(z, positions, frequencies_of(8)) for z in (q, k))
    return join_heads(attend(q, k, v, scale, window=window)) @ WO


def logits_scaling(name, op, factor, multiplier):
    g, head = Graph(), matrix(16, 24)
    x = g.input("x", np.float32, *TOKENS, 16)
    h = g("Add", x, self_attention(g, x, g.causal(g.size(x, 1)), multiplier))
    g.output("logits", g(op, g.linear(h, head), f(factor)), np.float32, *TOKENS, 24)

    def reference(x, op=op, multiplier=multiplier, factor=factor):
        logits = (x + self_attention_of(x, multiplier)) @ head
        return {"logits": logits * factor if op == "Mul" else logits / factor}

    other = {"Mul": "Div", "Div": "Mul"}[op]
    case(f"01-logits-scaling-{name}", g, HIDDEN, reference, dict(op=other),
         dict(factor=1), dict(multiplier=8**-0.5))


logits_scaling("hyperclovax", "Mul", 0.125, 1.75)
logits_scaling("granite", "Div", 6.0, 0.015625)

# --- 2: rotation and window by layer -----------------------------------------


def rope_by_layer(name, layers):
    """Of each layer: whether it rotates, and its window."""
    g = Graph()
    h = g.input("x", np.float32, *TOKENS, 16)
    positions = g.input("position_ids", np.int64, *TOKENS)
    table = g.table(positions, frequencies_of(8))
    for rotates, window in layers:
        seen = g.causal(g.size("x", 1), window=window)
        part = self_attention(g, h, seen, 8**-0.5, table if rotates else None)
        h = g("Add", h, part)
    g.output("y", h, np.float32, *TOKENS, 16)

    def reference(x, position_ids, layers=layers):
        for rotates, window in layers:
            places = position_ids if rotates else None
            x = x + self_attention_of(x, 8**-0.5, window, places)
        return {"y": x}

    sets = [
        dict(x=f32(2, 7, 16), position_ids=np.array([range(7), [0, 0, 0, *range(4)]])),
        dict(x=f32(1, 5, 16), position_ids=np.arange(5)[None]),
    ]
    readings = [
        [(True, window) for _, window in layers],
        [(False, window) for _, window in layers],
        [(rotates, 3) for rotates, _ in layers],
        [(rotates, None) for rotates, _ in layers],
        [(window is not None, window) for _, window in layers],
    ]
    readings = [dict(layers=r) for r in readings if r != layers]
    case(f"02-rope-by-layer-{name}", g, sets, reference, *readings)


rope_by_layer("exaone4-32b", [(True, 3), (True, 3), (True, 3), (False, None)])
rope_by_layer("exaone4-1.2b", [(True, None), (True, None)])

# --- 3: norms before, after, on both sides -----------------------------------


def norm_placement(name, before, after):
    g = Graph()
    weights = [1 + f32(16, scale=0.3), 1 + f32(16, scale=0.3)[::-1].copy()]
    gate, up, down = matrix(16, 24), matrix(16, 24, 1), matrix(24, 16)
    h = g.input("x", np.float32, *TOKENS, 16)
    seen = g.causal(g.size(h, 1))
    parts = [
        lambda x: self_attention(g, x, seen, 8**-0.5),
        lambda x: g.mlp(x, gate, up, down),
    ]
    for part in parts:
        y = part(g.rms(h, weights[0]) if before else h)
        h = g("Add", h, g.rms(y, weights[1]) if after else y)
    g.output("y", h, np.float32, *TOKENS, 16)

    def reference(x, before=before, after=after, whole=False):
        for part in (lambda x: self_attention_of(x, 8**-0.5),
                     lambda x: mlp(x, gate, up, down)):
            y = part(rms(x, weights[0]) if before else x)
            x = rms(x + y, weights[1]) if whole else x + (rms(y, weights[1]) if after else y)
        return {"y": x}

    readings = [dict(before=b, after=a) for b in (False, True) for a in (False, True)
                if (b, a) != (before, after)]
    # BERT's: the norm of the sum.
    case(f"03-norm-placement-{name}", g, HIDDEN, reference, *readings, dict(whole=True))


norm_placement("post", False, True)
norm_placement("peri", True, True)

# --- 4: 1 + w, and where a norm in f32 is rounded ----------------------------


def norm_one_plus():
    g, w = Graph(), f32(16, scale=0.3)
    x = g.input("x", np.float32, *TOKENS, 16)
    g.output("y", g("Mul", g.unit(x), g("Add", w, f(1))), np.float32, *TOKENS, 16)
    case("04-norm-one-plus", g, HIDDEN,
         lambda x, one=1: {"y": rms(x, one + w.astype(np.float64))}, dict(one=0))


def half_norm_inputs():
    """Rows of one large number: what is left of the others is a few units of
    the last place of f16, so that rounding them shows. Squares overflow f16."""
    x = np.abs(f32(2, 3, 16)) * 2e-3 + 1e-3
    x[..., 5] = 3e4
    return x.astype(np.float16)


def norm_rounding(name, early, one):
    """`early`: rounded to f16 before the weight is multiplied (Llama), not
    after (Gemma). What follows is in f32, as a router or a head is."""
    g, head = Graph(), np.abs(matrix(16, 8))
    w = (np.abs(f32(16)) * 2e4 + 1e4).astype(np.float16)
    w[5] = 0 - one
    x = g.input("x", np.float16, *TOKENS, 16)
    unit = g.unit(g("Cast", x, to=1))
    if early:
        y = g("Mul", w, g("Cast", unit, to=10))
    else:
        y = g("Cast", g("Mul", unit, g("Add", g("Cast", w, to=1), f(one))), to=10)
    y = g.linear(g("Cast", y, to=1), head * 100)
    g.output("y", y, np.float32, *TOKENS, 8)

    def half(x):
        return x.astype(np.float16).astype(np.float64)

    def reference(x, early=early, rounded=True):
        wide = w.astype(np.float64) + one
        y = rms(x.astype(np.float64), 1)
        if rounded:
            y = half(half(y) * wide) if early else half(y * wide)
        else:
            y = y * wide
        return {"y": y @ (head * 100).astype(np.float64)}

    # A product that is rounded after all is hardly another one. onnxruntime's
    # kernels for the CPU take the two casts for none.
    readings = [dict(early=not early)] + ([dict(rounded=False)] if early else [])
    case(f"04-norm-{name}", g, [dict(x=half_norm_inputs())], reference, *readings,
         judge=evaluator_outputs)


norm_one_plus()
norm_rounding("weight-after-cast", True, 0)
norm_rounding("weight-before-cast", False, 1)

# --- 5: rotations ------------------------------------------------------------


def yarn(width, factor=8.0, context=64, base=1e4, fast=32, slow=1):
    """Low frequencies are divided by `factor`, high ones stay."""
    plain = frequencies_of(width, base)

    def place(turns):
        return width * np.log(context / (turns * 2 * np.pi)) / (2 * np.log(base))

    low, high = max(np.floor(place(fast)), 0), min(np.ceil(place(slow)), width - 1)
    ramp = np.clip((np.arange(width // 2) - low) / max(high - low, 1e-3), 0, 1)
    return plain / factor * ramp + plain * (1 - ramp)


def llama3(width, factor=8.0, low=1.0, high=4.0, context=64, base=1e4):
    plain = frequencies_of(width, base)
    waves = 2 * np.pi / plain
    smooth = np.clip((context / waves - low) / (high - low), 0, 1)
    return (1 - smooth) * plain / factor + smooth * plain


def rope_pairing(name, pairs, frequencies, readings, width=8, factor=1.0):
    """`width` of the columns turn; the rest passes by."""
    g, turning, dims = Graph(), 2 * len(frequencies), ("batch", 2, "tokens", width)
    q, k = g.input("q", np.float32, *dims), g.input("k", np.float32, *dims)
    positions = g.input("position_ids", np.int64, *TOKENS)
    table = g.table(positions, frequencies, factor if factor != 1 else None)

    def turn(x):
        rest = None
        if turning != width:
            rest = g.slice(x, turning, 2**63 - 1, 3)
            x = g.slice(x, 0, turning, 3)
        if pairs == "regrouped":
            # DeepSeek: view(d / 2, 2), transposed, then as Llama does.
            x = g("Reshape", x, ints(0, 0, 0, turning // 2, 2))
            x = g("Transpose", x, perm=[0, 1, 2, 4, 3])
            x = g("Reshape", x, ints(0, 0, 0, turning))
        if pairs in ("half", "regrouped"):
            x = g.rope(x, table, turning)
        else:
            # Even and odd columns by strides; VAETKI leaves them in halves.
            even, odd = (g.slice(x, i, 2**63 - 1, 3, 2) for i in (0, 1))
            cos, sin = (g.slice(t, 0, turning // 2, 3) for t in table)
            first = g("Sub", g("Mul", even, cos), g("Mul", odd, sin))
            second = g("Add", g("Mul", odd, cos), g("Mul", even, sin))
            if pairs == "interleaved":
                stacked = [g("Unsqueeze", z, ints(-1)) for z in (first, second)]
                x = g("Reshape", g("Concat", *stacked, axis=-1), ints(0, 0, 0, turning))
            else:
                x = g("Concat", first, second, axis=-1)
        return g("Concat", x, rest, axis=-1) if rest else x

    q, k = turn(q), turn(k)
    scores = g("MatMul", q, g("Transpose", k, perm=[0, 1, 3, 2]))
    g.output("scores", scores, np.float32, "batch", 2, "tokens", "tokens")
    g.output("present", k, np.float32, *dims)

    def reference(q, k, position_ids, pairs=pairs, frequencies=frequencies,
                  factor=factor, softmax=1.0):
        count = 2 * len(frequencies)
        q, k = (
            np.concatenate([rotate(x[..., :count], position_ids, frequencies, pairs, factor),
                            x[..., count:]], -1)
            for x in (q, k)
        )
        return {"scores": q @ k.swapaxes(2, 3) * softmax, "present": k}

    sets = [
        dict(q=f32(2, 2, 5, width), k=f32(2, 2, 5, width, scale=0.7),
             position_ids=np.array([[3, 4, 5, 6, 90], [0, 0, 0, 1, 2]])),
        dict(q=f32(1, 2, 3, width), k=f32(1, 2, 3, width, scale=0.7),
             position_ids=np.array([[40, 41, 42]])),
    ]
    case(f"05-rope-{name}", g, sets, reference, *readings)


PLAIN = frequencies_of(8)
MSCALE = 0.1 * np.log(8.0) + 1
rope_pairing("half-split", "half", PLAIN, [dict(pairs="regrouped"), dict(pairs="interleaved")])
rope_pairing("regrouped", "regrouped", PLAIN, [dict(pairs="half"), dict(pairs="interleaved")])
rope_pairing("strided", "strided", PLAIN, [dict(pairs="half"), dict(pairs="interleaved")])
rope_pairing("interleaved", "interleaved", PLAIN, [dict(pairs="half"), dict(pairs="strided")])
rope_pairing("partial", "half", PLAIN, [dict(frequencies=frequencies_of(12))], width=12)
rope_pairing("llama3", "half", llama3(8), [dict(frequencies=PLAIN)])
# A factor of the tables leaves the columns that do not turn alone; one of the
# scores does not.
rope_pairing("yarn", "half", yarn(8),
             [dict(frequencies=PLAIN), dict(factor=1.0),
              dict(factor=1.0, softmax=MSCALE**2), dict(factor=MSCALE**2)],
             width=12, factor=MSCALE)

# --- 6: keys and values of different widths ----------------------------------


def unequal_widths():
    """MLA, cached as it is expanded: keys of 8 + 4, values of 6."""
    g, heads, plain, turned, width = Graph(), 2, 8, 4, 6
    wq, wkv, wk = matrix(16, 24), matrix(16, heads * (plain + width)), matrix(16, turned)
    wo = matrix(heads * width, 16)
    x = g.input("x", np.float32, *TOKENS, 16)
    past = [g.input(f"past_key_values.0.{n}", np.float32, "batch", heads, "past", w)
            for n, w in (("key", plain + turned), ("value", width))]
    q = g.heads(g.linear(x, wq), heads)
    k, v = g("Split", g.heads(g.linear(x, wkv), heads), ints(plain, width), axis=3, outputs=2)
    shared = g.heads(g.linear(x, wk), 1)
    shape = g("Concat", g("Shape", x, start=0, end=1), ints(heads),
              g("Shape", x, start=1, end=2), ints(turned), axis=0)
    k = g("Concat", k, g("Expand", shared, shape), axis=-1)
    k, v = (g("Concat", p, z, axis=2) for p, z in zip(past, (k, v)))
    seen = g.causal(g.size(x, 1), past=g.size(past[0], 2))
    y = g.attention(q, k, v, seen, (plain + turned) ** -0.5)
    g.output("y", g.linear(g.joined(y), wo), np.float32, *TOKENS, 16)
    g.output("present.0.key", k, np.float32, "batch", heads, "past + tokens", plain + turned)
    g.output("present.0.value", v, np.float32, "batch", heads, "past + tokens", width)

    def reference(x, scale=(plain + turned) ** -0.5, values_first=False, **pasts):
        kv = split_heads(x @ wkv, heads)
        k, v = kv[..., :plain], kv[..., plain:]
        if values_first:
            v, k = kv[..., :width], kv[..., width:]
        shared = np.repeat((x @ wk)[:, None], heads, 1)
        k = np.concatenate([k, shared], -1)
        k, v = (np.concatenate([p, z], 2) for p, z in zip(pasts.values(), (k, v)))
        y = attend(split_heads(x @ wq, heads), k, v, scale, k.shape[2] - x.shape[1])
        return {"y": join_heads(y) @ wo, "present.0.key": k, "present.0.value": v}

    def values(batch, tokens, past):
        return {"x": f32(batch, tokens, 16),
                "past_key_values.0.key": f32(batch, heads, past, plain + turned, scale=2),
                "past_key_values.0.value": f32(batch, heads, past, width)}

    case("06-unequal-head-widths", g, [values(2, 5, 0), values(2, 1, 5), values(1, 3, 4)],
         reference, dict(scale=width**-0.5), dict(scale=plain**-0.5), dict(values_first=True))


unequal_widths()

# --- 7: routers --------------------------------------------------------------

EXPERTS, TOP = 8, 3
ROUTER = matrix(16, EXPERTS) * 2
FEED = f32(EXPERTS, 16, 12, scale=0.3)


def router_case(name, graph_weights, weights_of, *readings):
    """`graph_weights` maps logits to the chosen and their weights."""
    g = Graph()
    x = g.input("x", np.float32, *TOKENS, 16)
    rows = g("Reshape", x, ints(-1, 16))
    logits = g.linear(rows, ROUTER)
    chosen, weights = graph_weights(g, logits)
    shape = g("Shape", logits)
    zeros = g("Expand", f(0), shape)
    table = g("ScatterElements", zeros, chosen, weights, axis=1)
    each = g("MatMul", g("Unsqueeze", rows, ints(0)), FEED)
    table = g("Unsqueeze", g("Transpose", table, perm=[1, 0]), ints(-1))
    y = g("ReduceSum", g("Mul", each, table), ints(0), keepdims=0)
    shape = g("Concat", g("Shape", x, start=0, end=2), ints(12), axis=0)
    g.output("y", g("Reshape", y, shape), np.float32, *TOKENS, 12)

    def reference(x, **reading):
        y = np.zeros((*x.shape[:2], 12))
        for at in np.ndindex(x.shape[:2]):
            for expert, weight in weights_of(x[at] @ ROUTER, **reading):
                y[at] += weight * (x[at] @ FEED[expert])
        return {"y": y}

    case(f"07-router-{name}", g, [dict(x=f32(2, 9, 16)), dict(x=f32(1, 1, 16))],
         reference, *readings)


def normalized(g, weights, factor=2.5):
    total = g("Add", g("ReduceSum", weights, ints(-1), keepdims=1), f(1e-20))
    return g("Mul", g("Div", weights, total), f(factor))


def softmax_router(g, logits):
    weights, chosen = g("TopK", g("Softmax", logits, axis=-1), ints(TOP), axis=-1, outputs=2)
    return chosen, g("Div", weights, g("ReduceSum", weights, ints(-1), keepdims=1))


def softmax_weights(logits, divided=True):
    p = softmax(logits)
    best = np.argsort(-p)[:TOP]
    return zip(best, p[best] / (p[best].sum() if divided else 1))


BIAS = np.array([0.9, -0.9, 0, -0.4, 0.5, -0.2, -0.8, 0.1], np.float32)
# So far below 0 that scores of chosen groups are negative.
LOW = BIAS - np.array([1.2, 0, 1.2, 0, 1.2, 0, 1.2, 0], np.float32)


def sigmoid_router(g, logits):
    scores = g("Sigmoid", logits)
    _, chosen = g("TopK", g("Add", scores, BIAS), ints(TOP), axis=-1, outputs=2)
    return chosen, normalized(g, g("GatherElements", scores, chosen, axis=1))


def sigmoid_weights(logits, selects=True, weighs=False, divided=True, factor=2.5):
    scores = 1 / (1 + np.exp(-logits))
    best = np.argsort(-(scores + BIAS * selects))[:TOP]
    weights = (scores + BIAS * weighs)[best]
    return zip(best, weights / (weights.sum() if divided else 1) * factor)


def grouped_router(g, logits):
    """The two best of four groups, by the sum of their two best; the experts of
    the others have 0, which may well be more than those of the chosen."""
    scores = g("Sigmoid", logits)
    biased = g("Add", scores, LOW)
    groups = g("Reshape", biased, ints(-1, 4, 2))
    best, _ = g("TopK", groups, ints(2), axis=-1, outputs=2)
    best = g("ReduceSum", best, ints(-1), keepdims=0)
    _, taken = g("TopK", best, ints(2), axis=-1, sorted=0, outputs=2)
    ones = g("Expand", f(1), g("Shape", taken))
    mask = g("ScatterElements", g("Expand", f(0), g("Shape", best)), taken, ones, axis=1)
    mask = g("Expand", g("Unsqueeze", mask, ints(-1)), g("Shape", groups))
    mask = g("Cast", g("Reshape", mask, ints(-1, EXPERTS)), to=9)
    masked = g("Where", g("Not", mask), f(0), biased)
    _, chosen = g("TopK", masked, ints(TOP), axis=-1, sorted=0, outputs=2)
    return chosen, normalized(g, g("GatherElements", scores, chosen, axis=1))


def grouped_weights(logits, masked=0.0, groups=2):
    scores = 1 / (1 + np.exp(-logits))
    biased = scores + LOW
    taken = np.argsort(-biased.reshape(4, 2).sum(-1))[:groups]
    inside = np.isin(np.arange(EXPERTS) // 2, taken)
    best = np.argsort(-np.where(inside, biased, masked), kind="stable")[:TOP]
    return zip(best, scores[best] / scores[best].sum() * 2.5)


router_case("softmax", softmax_router, softmax_weights, dict(divided=False))
router_case("sigmoid-bias", sigmoid_router, sigmoid_weights, dict(selects=False),
            dict(weighs=True), dict(divided=False), dict(factor=1))
router_case("groups", grouped_router, grouped_weights, dict(masked=-np.inf), dict(groups=4))

# --- 8: a state of another shape in every layer ------------------------------


def states_by_layer():
    """A ring of three rows, a whole cache, the memory of a convolution and the
    matrix of linear attention (one token at a time, as its recurrence goes)."""
    g, window = Graph(), 4
    conv, decay = f32(16, 4, scale=0.5), np.array([0.9, 0.5], np.float32)
    wq, wk, wv = matrix(16, 6, 5), matrix(16, 6, 6), matrix(16, 16, 7)
    mk, mv = matrix(16, 8, 8), matrix(16, 8, 9)
    x = g.input("x", np.float32, "batch", 1, 16)
    ring = [g.input(f"past.0.{n}", np.float32, "batch", 2, "ring", 8) for n in ("key", "value")]
    whole = [g.input(f"past.1.{n}", np.float32, "batch", 1, "past", 8) for n in ("key", "value")]
    memory = g.input("past.2.conv", np.float32, "batch", 16, 3)
    state = g.input("past.3.state", np.float32, "batch", 2, 3, 8)

    new = [g("Concat", p, g.heads(g.linear(x, w), 2), axis=2) for p, w in zip(ring, (WK, WV))]
    k, v = (g.slice(z, -window, 2**63 - 1, 2) for z in new)
    every = np.ones((1, 1, 1, 1), bool)
    y = g.attention(g.heads(g.linear(x, WQ), 2), k, v, every, 8**-0.5)
    h = g("Add", x, g.linear(g.joined(y), WO))
    kept = [g.slice(z, -(window - 1), 2**63 - 1, 2) for z in new]

    full = [g("Concat", p, g.heads(g.linear(h, w), 1), axis=2) for p, w in zip(whole, (mk, mv))]
    y = g.attention(g.heads(g.linear(h, WQ), 2), *full, every, 8**-0.5)
    h = g("Add", h, g.linear(g.joined(y), WO))

    line = g("Concat", memory, g("Transpose", h, perm=[0, 2, 1]), axis=2)
    y = g("ReduceSum", g("Mul", line, conv), ints(2), keepdims=0)
    h = g("Add", h, g("Unsqueeze", y, ints(1)))
    line = g.slice(line, -3, 2**63 - 1, 2)

    q, k, v = (g.heads(g.linear(h, w), 2) for w in (wq, wk, wv))
    kept_state = g("Mul", state, decay[:, None, None])
    state = g("Add", kept_state, g("MatMul", g("Transpose", k, perm=[0, 1, 3, 2]), v))
    h = g("Add", h, g.joined(g("MatMul", q, state)))
    g.output("y", h, np.float32, "batch", 1, 16)
    for part, value in zip(("key", "value"), kept):
        g.output(f"present.0.{part}", value, np.float32, "batch", 2, "kept", 8)
    for part, value in zip(("key", "value"), full):
        g.output(f"present.1.{part}", value, np.float32, "batch", 1, "past + 1", 8)
    g.output("present.2.conv", line, np.float32, "batch", 16, 3)
    g.output("present.3.state", state, np.float32, "batch", 2, 3, 8)

    def reference(x, window=window, fresh=False, forgets=True, **past):
        values = list(past.values())
        if fresh:
            values[4:] = [np.zeros_like(z) for z in values[4:]]
        out = {}
        ring = [np.concatenate([p, split_heads(x @ w, 2)], 2)
                for p, w in zip(values[:2], (WK, WV))]
        y = attend(split_heads(x @ WQ, 2), *(z[:, :, -window:] for z in ring), 8**-0.5,
                   past=10**6)
        h = x + join_heads(y) @ WO
        full = [np.concatenate([p, split_heads(h @ w, 1)], 2)
                for p, w in zip(values[2:4], (mk, mv))]
        shared = [np.repeat(z, 2, 1) for z in full]
        h = h + join_heads(attend(split_heads(h @ WQ, 2), *shared, 8**-0.5, past=10**6)) @ WO
        line = np.concatenate([values[4], h.swapaxes(1, 2)], 2)
        h = h + (line * conv).sum(2)[:, None]
        q, k, v = (split_heads(h @ w, 2)[:, :, 0] for w in (wq, wk, wv))
        state = values[5] * (decay[:, None, None] if forgets else 1)
        state = state + k[..., :, None] * v[..., None, :]
        h = h + np.einsum("bhk,bhkv->bhv", q, state).reshape(len(x), 1, 16)
        out = {"y": h}
        out |= {f"present.0.{n}": z[:, :, -3:] for n, z in zip(("key", "value"), ring)}
        out |= {f"present.1.{n}": z for n, z in zip(("key", "value"), full)}
        return out | {"present.2.conv": line[:, :, 1:], "present.3.state": state}

    def values(batch, ring, past):
        return {"x": f32(batch, 1, 16),
                "past.0.key": f32(batch, 2, ring, 8), "past.0.value": f32(batch, 2, ring, 8) + 1,
                "past.1.key": f32(batch, 1, past, 8), "past.1.value": f32(batch, 1, past, 8) - 1,
                "past.2.conv": f32(batch, 16, 3), "past.3.state": f32(batch, 2, 3, 8)}

    case("08-states-by-layer", g, [values(2, 3, 9), values(1, 2, 2), values(1, 0, 0),
                                   values(3, 6, 6)],
         reference, dict(fresh=True), dict(forgets=False), dict(window=10**6), dict(window=3))


states_by_layer()

# --- 9: one table that is looked up and multiplied with ----------------------


def tied_embedding():
    """As many tokens as columns: reading the table the other way round fits.
    Gemma's factor is on what is looked up alone."""
    g, table, w = Graph(), matrix(16, 16) * 2, 1 + f32(16, scale=0.3)
    ids = g.input("input_ids", np.int64, *TOKENS)
    name = g.weight(table)
    h = g("Mul", g("Gather", name, ids), f(4.0))
    h = g("Add", h, self_attention(g, h, g.causal(g.size(ids, 1)), 8**-0.5))
    logits = g("MatMul", g.rms(h, w), g("Transpose", name, perm=[1, 0]))
    g.output("logits", logits, np.float32, *TOKENS, 16)

    def reference(input_ids, turned=True, looked_up=4.0, head=1.0, column=False):
        wide = table.astype(np.float64)
        h = (wide.T if column else wide)[input_ids] * looked_up
        h = rms(h + self_attention_of(h, 8**-0.5), w)
        return {"logits": h @ (wide.T if turned else wide) * head}

    sets = [dict(input_ids=np.array([[1, 0, 15, 7], [3, 3, 9, 2]])),
            dict(input_ids=np.array([[11]]))]
    case("09-tied-embedding", g, sets, reference, dict(turned=False), dict(column=True),
         dict(head=4.0), dict(looked_up=1.0))


tied_embedding()

# --- 10: how many keys a window of three is ----------------------------------

# Of transformers and onnxruntime: three keys, the query's own among them. ONNX
# counts those before it: two.
WINDOW = 3


def window_case(name, build, shape, judge=onnxruntime_outputs):
    g = Graph(28 if name == "onnx" else 20)
    dims = ("batch", "tokens", 16) if len(shape) == 3 else ("batch", 2, "tokens", 8)
    q, k, v = (g.input(n, np.float32, *dims) for n in "qkv")
    g.output("y", build(g, q, k, v), np.float32, *dims)

    def reference(q, k, v, window=WINDOW):
        if q.ndim == 3:
            parts = (split_heads(z, 2) for z in (q, k, v))
            return {"y": join_heads(attend(*parts, 8**-0.5, window=window))}
        return {"y": attend(q, k, v, 8**-0.5, window=window)}

    def values(*dims):
        return dict(q=f32(*dims), k=f32(*dims, scale=0.9), v=f32(*dims, scale=2))

    case(f"10-window-{name}", g, [values(*shape), values(1, *shape[1:])], reference,
         dict(window=WINDOW - 1), dict(window=WINDOW + 1), dict(window=None), judge=judge)


def group_query(g, q, k, v):
    size = g("Cast", g("Shape", q, start=1, end=2), to=6)
    last = g("Sub", size, np.array([1], np.int32))
    lengths = g("Expand", last, g("Shape", q, start=0, end=1))
    total = g("Squeeze", size, ints(0))
    return g("GroupQueryAttention", q, k, v, "", "", lengths, total, outputs=3,
             domain="com.microsoft", num_heads=2, kv_num_heads=2, local_window_size=WINDOW)[0]


window_case("transformers",
            lambda g, q, k, v: g.attention(q, k, v, g.causal(g.size(q, 2), window=WINDOW), 8**-0.5),
            (2, 2, 6, 8))
window_case("onnxruntime", group_query, (2, 6, 16))
# onnx 1.22 and onnxruntime do not know these attributes.
window_case("onnx",
            lambda g, q, k, v: g("Attention", q, k, v, is_causal=1, left_window_size=WINDOW - 1),
            (2, 2, 6, 8), judge=None)

write_archive(Path(__file__).with_name("semantics.tar.xz"), FILES)
