#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Schedules of products for RNGD beside those of the vendor's compiler, both by the
rules of the timing profile `tcc`.

    compare_schedules.py --dure build/release/bin/dure [--tcc furiosa-tcc] [--only NAME]

For each product: cycles from the first load to the last store, and those in which the
tensor unit works (the vendor's MainContext), of code that is planned by that profile
(--cpu rngd-tcc); with --tcc, or the variable DURE_FURIOSA_TCC, the same of what
furiosa-tcc chooses for operands and results in bf16 on the whole chip, its best case.
Ours are weights in bf16, rows and results in f32. Ends with 1 where a bound is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple, Optional

from efficiency import Model


class Shape(NamedTuple):
    name: str
    m: int
    k: int
    n: int
    # Of the vendor's makespan, at most; of its MainContext, at least so many times ours;
    # of the cycles in which weights alone are loaded, at most.
    makespan: Optional[float] = None
    unit: Optional[float] = None
    weights: Optional[float] = None


SHAPES = [
    Shape("gemm", 4096, 4096, 4096, makespan=1.05),
    Shape("minilm-qkvo", 128, 384, 384, makespan=1, unit=1.5),
    Shape("minilm-up", 128, 384, 1536, makespan=1, unit=1.5),
    # Half fewer there cannot be: docs/targets/rngd.md.
    Shape("minilm-down", 128, 1536, 384, makespan=1, unit=1.2),
    Shape("minilm-qkvo-8", 1024, 384, 384, makespan=1, unit=1.5),
    Shape("minilm-up-8", 1024, 384, 1536, makespan=1, unit=1.5),
    Shape("minilm-down-8", 1024, 1536, 384, makespan=1, unit=1.1),
    Shape("head", 1, 4096, 128256, weights=1.03),
    Shape("head-2k", 1, 2048, 128256, weights=1.03),
    Shape("up", 1, 4096, 14336, weights=1.03),
    Shape("down", 1, 14336, 4096, weights=1.03),
]


def weight_cycles(shape, machine):
    """A load of all weights: tcc's rule for a transfer, by 8 PEs."""
    rule = lambda name: machine["tcc"][name]["value"]
    rate = rule("dma_bytes_per_cycle") * 8
    return rule("dma_startup_cycles") + shape.k * shape.n * 2 // rate


def ours(dure, shape, folder):
    model = Model()
    x, w = model.input("x", shape.m, shape.k), model.weight("w", shape.k, shape.n)
    model.op("MatMul", [x, w], "y")
    model.output("y", shape.m, shape.n)
    path, package = model.write(folder), folder / "model.dure"
    subprocess.run(
        [dure, "compile", path, "-o", package, "--target", "rngd", "--cpu", "rngd-tcc",
         "--no-fallback", "--weights", "reference"],
        check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    done = subprocess.run(
        [dure, "bench", package, "--model-folder", folder, "--target", "rngd", "--repeat", "1",
         "--no-roof", "--timing-only", "--driver-option", "rngd.profile=tcc", "--json"],
        check=True, stdout=subprocess.PIPE)  # fmt: skip
    counters = {c["name"]: c["value"] for c in json.loads(done.stdout)["simulated"]["counters"]}
    return counters["makespan"], counters["contraction"] + counters["vector"]


def theirs(tcc, shape, folder):
    axes = {"A": shape.n, "B": shape.k, "C": shape.m}
    # An axis of one is left out: the vendor's compiler would take it for none.
    of = lambda names: "[" + ", ".join(a for a in names if axes[a] > 1) + "]/bf16"
    bound = {a: size for a, size in axes.items() if size > 1}
    text = f"def product<{', '.join(f'{a}={size}' for a, size in bound.items())}>(\n"
    text += f"    x0: {of('AB')},\n    x1: {of('CB')}\n) -> {of('CA')}:\n"
    text += "".join(f"    assert {a} == {size}\n" for a, size in bound.items())
    text += f"    v0: {of('CA')} = tk.EinsumByDpe(\n"
    text += "        %0 = read(x1)\n        %1 = read(x0)\n"
    text += f"        %2 = dpe.exec(%0,%1 -> {of('CA').removesuffix('/bf16')})\n"
    text += f"        write.to({of('CA')})\n    )\n    return v0\n"
    source, plot = folder / "product.tc", folder / "plot.json"
    source.write_text(text)
    command = [tcc, "--target-npu", "renegade-8pe", "--evaluate-tcl", source, "--tcl-plot", plot]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode or not last.isdigit() or int(last) == 0:
        raise RuntimeError(f"furiosa-tcc on {shape.name}: {last or done.stderr[-200:]}")
    steps = json.loads(plot.read_text())["instructions"]
    main = [s["lifetime"] for s in steps if "MainContext" in s["contexts"]]
    return int(last), sum(life["end"] - life["begin"] for life in main)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dure", required=True)
    parser.add_argument("--tcc", default=os.environ.get("DURE_FURIOSA_TCC"))
    parser.add_argument("--only", choices=[shape.name for shape in SHAPES])
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[3]
    machine = json.loads((root / "targets/rngd/machine/rngd.json").read_text())["figures"]
    missed = 0

    def hold(what, value, most):
        nonlocal missed
        missed += value > most
        return f"{what} {value:.3f}" + ("" if value <= most else f" (goal {most})")

    for shape in SHAPES:
        if options.only not in (None, shape.name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            makespan, unit = ours(options.dure, shape, Path(folder))
            line = f"{shape.name} {shape.m}x{shape.k}x{shape.n}: makespan {makespan}, unit {unit}"
            notes = []
            if shape.m == 1:
                of = makespan / weight_cycles(shape, machine)
                notes.append(hold("of its weights' load", of, shape.weights or float("inf")))
            if options.tcc:
                their_makespan, their_unit = theirs(options.tcc, shape, Path(folder))
                line += f"; furiosa-tcc: makespan {their_makespan}, unit {their_unit}"
                most = shape.makespan or float("inf")
                notes.append(hold("makespan", makespan / their_makespan, most))
                most = 1 / shape.unit if shape.unit else float("inf")
                notes.append(hold("unit", unit / their_unit, most))
            print("; ".join([line] + notes))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
