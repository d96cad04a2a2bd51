#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Simulated efficiency of the code that is generated for RNGD.

    efficiency.py --dure build/release/bin/dure [--only NAME] [--json F.json]

A product of 4096^3, also of bytes, and one decoder layer as of an 8B Llama (hidden 4096, 32 heads
and 8 for keys, feed-forward 14336), in a decode step over 2048 positions and in the
prefill of 2048 tokens; and 8 experts of a mixture (hidden 2048, 768 in each) for one
token, and of 128 for each of 128 tokens. Cycles are counted, no values are computed: weights are a
sparse file of zeros. Profile `book`. Ends with 1 where a goal is missed: a simulated
figure is the same on every machine. Needs the standard library only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "hostile"))
import wire  # noqa: E402

# The chip (docs/targets/rngd-machine.md): products of bf16 and of bytes in a cycle of
# 1 ns, and bytes of HBM.
MACS = 512 * 8 * 32
BYTE_MACS = 512 * 8 * 64
HBM = 1500
HIDDEN, HEADS, GROUPS, HEAD, FEED = 4096, 32, 8, 128, 14336
CONTEXT = 2048


class Model:
    """An ONNX model whose weights lie in one sparse file."""

    options = []

    def __init__(self):
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []
        self.size = 0

    def weight(self, name, *dims, element=wire.FLOAT):
        length = 4 if element == wire.FLOAT else 1
        for dim in dims:
            length *= dim
        self.weights.append(
            wire.external(name, element, dims, location="w.bin", offset=self.size, length=length)
        )
        self.size += -(-length // 4096) * 4096
        return name

    def ints(self, name, *values):
        self.weights.append(wire.ints(name, *values))
        return name

    def input(self, name, *dims, element=wire.FLOAT):
        self.inputs.append(wire.value(name, element, dims))
        return name

    def output(self, name, *dims):
        self.outputs.append(wire.value(name, wire.FLOAT, dims))

    def op(self, kind, inputs, out, **attributes):
        self.nodes.append(wire.node(kind, inputs, [out], **attributes))
        return out

    def write(self, folder):
        main = wire.graph(self.nodes, self.inputs, self.outputs, self.weights)
        path = folder / "model.onnx"
        path.write_bytes(wire.model(main, opsets=[wire.opset(23)]))
        with open(folder / "w.bin", "wb") as file:
            file.truncate(self.size)
        return path


class Experts:
    """A mixture of experts without its router, which ONNX does not have apart: IR."""

    options = ["--start-from", "specialize"]

    def __init__(self, tokens, chosen, experts, hidden, inner):
        self.tokens, self.chosen = tokens, chosen
        self.shapes = {
            "g": (experts, hidden, inner),
            "u": (experts, hidden, inner),
            "d": (experts, inner, hidden),
        }

    def write(self, folder):
        def tensor(*dims, element="f32"):
            return f"tensor<{'x'.join(map(str, dims))}x{element}>"

        size, weights, reads = 0, "", ""
        for name, dims in self.shapes.items():
            length = 2 * dims[0] * dims[1] * dims[2]
            to = tensor(*dims)
            weights += (
                f"dure.weight @{name} from <file = 0, offset = {size}, size = {length}, "
                f"type = {tensor(*dims, element='bf16')}> [#dure.step<cast -> {to}>] : {to}\n"
            )
            reads += f"%{name} = dure.get_weight @{name} : {to}\n"
            size += length
        x = tensor(self.tokens, self.shapes["g"][1])
        e = tensor(self.tokens, self.chosen, element="i64")
        p = tensor(self.tokens, self.chosen)
        types = ", ".join([x, e, p] + [tensor(*dims) for dims in self.shapes.values()])
        path = folder / "model.mlir"
        path.write_text(
            f"""module attributes {{dure.files = ["{folder / "w.bin"}"], dure.phase = "raise"}} {{
{weights}func.func @main(%x: {x} {{dure.name = "x"}}, %e: {e} {{dure.name = "e"}},
    %p: {p} {{dure.name = "p"}}) -> ({x} {{dure.name = "y"}}) {{
{reads}%y = dure.moe %x to %e by %p gate %g up %u down %d
    {{activation = #dure<glu_activation silu>}} : ({types}) -> {x}
return %y : {x}
}}
}}
"""
        )
        with open(folder / "w.bin", "wb") as file:
            file.truncate(size)
        return path


def product(size):
    model = Model()
    model.input("a", size, size)
    model.op("MatMul", ["a", model.weight("b", size, size)], "c")
    model.output("c", size, size)
    return model


def quantized_product(size):
    """Bytes, scaled as a whole, times bytes, scaled by columns."""
    model = Model()
    model.input("a", size, size, element=wire.INT8)
    model.weights.append(wire.scalar("s", wire.FLOAT, 0.01))
    left = model.op("DequantizeLinear", ["a", "s"], "left")
    weight = model.weight("b", size, size, element=wire.INT8)
    right = model.op("DequantizeLinear", [weight, model.weight("t", size)], "right", axis=1)
    model.op("MatMul", [left, right], "c")
    model.output("c", size, size)
    return model


def layer(tokens, past):
    """One decoder layer; returns the model and its multiplications."""
    m = Model()

    def linear(x, name, rows, columns):
        return m.op("MatMul", [x, m.weight("w_" + name, rows, columns)], name)

    def heads(x, count):
        dims = m.ints(x + "_dims", 1, tokens, count, HEAD)
        split = m.op("Reshape", [x, dims], x + "_split")
        return m.op("Transpose", [split], x + "_heads", perm=[0, 2, 1, 3])

    x = m.input("x", 1, tokens, HIDDEN)
    normed = m.op("RMSNormalization", [x, m.weight("n1", HIDDEN)], "normed", axis=-1)
    q = heads(linear(normed, "q", HIDDEN, HEADS * HEAD), HEADS)
    k = heads(linear(normed, "k", HIDDEN, GROUPS * HEAD), GROUPS)
    v = heads(linear(normed, "v", HIDDEN, GROUPS * HEAD), GROUPS)
    cos = m.input("cos", 1, tokens, HEAD // 2)
    sin = m.input("sin", 1, tokens, HEAD // 2)
    q = m.op("RotaryEmbedding", [q, cos, sin], "q_turned")
    k = m.op("RotaryEmbedding", [k, cos, sin], "k_turned")
    if past:
        old = m.input("past_k", 1, GROUPS, past, HEAD)
        k = m.op("Concat", [old, k], "present_k", axis=2)
        old = m.input("past_v", 1, GROUPS, past, HEAD)
        v = m.op("Concat", [old, v], "present_v", axis=2)
    for name, value in (("present_k", k), ("present_v", v)):
        if past:
            m.output(name, 1, GROUPS, past + tokens, HEAD)
    attended = m.op("Attention", [q, k, v], "attended", is_causal=int(past == 0))
    merged = m.op("Transpose", [attended], "merged", perm=[0, 2, 1, 3])
    dims = m.ints("flat_dims", 1, tokens, HEADS * HEAD)
    flat = m.op("Reshape", [merged, dims], "flat")
    x = m.op("Add", [x, linear(flat, "o", HEADS * HEAD, HIDDEN)], "x1")
    normed = m.op("RMSNormalization", [x, m.weight("n2", HIDDEN)], "normed2", axis=-1)
    gate = linear(normed, "gate", HIDDEN, FEED)
    gate = m.op("Mul", [gate, m.op("Sigmoid", [gate], "sigmoid")], "silu")
    inner = m.op("Mul", [gate, linear(normed, "up", HIDDEN, FEED)], "inner")
    m.op("Add", [x, linear(inner, "down", FEED, HIDDEN)], "y")
    m.output("y", 1, tokens, HIDDEN)
    return m


WEIGHTS = HIDDEN * (2 * HEADS + 2 * GROUPS) * HEAD + 3 * HIDDEN * FEED


def simulate(dure, model):
    """The counters of one run."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = model.write(folder)
        package = folder / "model.dure"
        subprocess.run(
            [dure, "compile", path, "-o", package, "--target", "rngd", "--no-fallback",
             "--weights", "reference", *model.options],
            check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        done = subprocess.run(
            [dure, "bench", package, "--model-folder", folder, "--target", "rngd", "--repeat",
             "1", "--no-roof", "--timing-only", "--json"],
            check=True, stdout=subprocess.PIPE)  # fmt: skip
    simulated = json.loads(done.stdout)["simulated"]
    return {c["name"]: c["value"] for c in simulated["counters"]}


def gemm():
    size = 4096
    return product(size), size**3 / MACS, "of the MAC peak", 0.85


def quantized():
    size = 4096
    return quantized_product(size), size**3 / BYTE_MACS, "of the MAC peak of bytes", 0.80


def decode():
    """Weights in bf16 and the cache in f32, as it is given, read once."""
    cache = 2 * CONTEXT * GROUPS * HEAD * 4
    return layer(1, CONTEXT - 1), (WEIGHTS * 2 + cache) / HBM, "of 1.5 TB/s", 0.70


def prefill():
    """Of attention the half that is not hidden counts."""
    attention = CONTEXT * CONTEXT * HEADS * HEAD
    return (
        layer(CONTEXT, 0),
        (CONTEXT * WEIGHTS + attention) / MACS,
        "of the MAC peak",
        0.50,
    )


def experts():
    """Matrices of the 8 that the token goes to, in bf16."""
    return Experts(1, 8, 16, 2048, 768), 8 * 3 * 2048 * 768 * 2 / HBM, "of 1.5 TB/s", 0.75


def grouped():
    """Matrices of all 128, read once."""
    return Experts(128, 8, 128, 2048, 768), 128 * 3 * 2048 * 768 * 2 / HBM, "of 1.5 TB/s", 0.55


CASES = {
    "gemm": gemm,
    "quantized": quantized,
    "decode": decode,
    "prefill": prefill,
    "experts": experts,
    "grouped": grouped,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dure", required=True)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    missed, results = False, {}
    for name in [args.only] if args.only else CASES:
        model, ideal, of_what, goal = CASES[name]()
        counters = simulate(args.dure, model)
        share = ideal / counters["makespan"]
        results[name] = {"makespan_ns": counters["makespan"], "share": share, "goal": goal}
        print(
            f"{name}: simulated {counters['makespan'] / 1000:.1f} us, {share:.1%} {of_what} "
            f"(goal {goal:.0%})",
            flush=True,
        )
        missed |= share < goal
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
