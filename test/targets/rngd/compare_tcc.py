#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares RNGD's timing profile `tcc` with the vendor's compiler.

    compare_tcc.py --cycles dure-rngd-cycles --machine rngd.json [--tcc furiosa-tcc]
                   [--count N] [--contractions N] [--seed S]

Makes kernels of its own (shapes, types and sizes by chance; the seed is printed), asks
`furiosa-tcc --evaluate-tcl` for each one's schedule, and wants every instruction to
begin and end at the cycle that our rules give. Of contractions, whose mapping is the
compiler's choice and is read from its answer, it wants a part within 5 %: nine in ten
where sizes are powers of two, and fewer where they are less round (POPULATIONS); the
bounds leave room for chance. The table has for each set of sizes the differences of all,
then of each kind of mapping, of types and of PEs.

The order of our instructions follows from the kernel alone: before each statement what
it reads and is not yet there is loaded, at the end the result is stored. A kernel that
the compiler answers with 0 or not in time is an error, not a result.

Without --tcc, or the variable DURE_FURIOSA_TCC, exit status 77: skipped. The compiler is
the vendor's and is not part of Dure: install it with `pip install furiosa-tcc==2026.4.0`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tcc_mapping import mapping_of

SKIPPED = 77
SECONDS = 60
BYTES = {"bf16": 2, "f32": 4, "f8_e4": 1, "f8_e5": 1, "i8": 1}
# Types of operands and result, as often as each is taken.
PRODUCTS = [("bf16", "bf16")] * 4 + [("bf16", "f32")] * 2
PRODUCTS += [("f8_e4", "bf16"), ("f8_e4", "f8_e4"), ("f8_e5", "bf16")]
PRODUCTS += [("i8", "i32"), ("i8", "i8")]
CHAIN = ("exp", "tanh", "sqrt")


class Population(NamedTuple):
    name: str
    # Of axes, batches, heads that share an operand, and steps after the product.
    sizes: list
    batches: tuple
    heads: tuple
    chain: tuple
    # The part that must be within 5 %.
    wanted: float


POPULATIONS = [
    Population("powers of two", [2**i for i in range(4, 12)], (1,), (1,), (0,), 0.9),
    Population(
        "and thrice those",
        [k * 2**i for k in (1, 3) for i in range(4, 11)],
        (1, 1, 2, 4),
        (1,),
        (0,),
        0.85,
    ),
    Population("multiples of 16", [16 * i for i in range(1, 97)], (1,), (1,), (0,), 0.75),
    Population(
        "of 8, heads, chains", [8 * i for i in range(1, 129)], (1, 1, 2, 3), (1, 1, 4), (0, 2), 0.65
    ),
    Population("any size", list(range(1, 700)), (1, 1, 2, 3), (1,), (0,), 0.75),
]
UNARY = ("exp", "tanh", "sqrt", "erf", "sin")


class Kernel(NamedTuple):
    kind: str
    pes: int
    text: str
    # Lines of dure-rngd-cycles.
    program: list


def kernel(chance, kind):
    pes = chance.choice((1, 2, 4, 8))
    element = chance.choice(("bf16", "f32"))
    rows, columns = chance.randint(1, 3000), chance.randint(1, 1500)
    whole, row = rows * columns * BYTES[element], rows * BYTES[element]
    matrix, vector = f"[M, N]/{element}", f"[M]/{element}"
    program = [f"pes {pes}", f"load a {whole}"]
    operands, result = [f"a: {matrix}"], matrix

    def statement(name, form, type_, reads, step):
        lines = [f"    {name}: {type_} = tk.{form}("]
        lines += [f"        %{i} = read({value})" for i, value in enumerate(reads)]
        lines += [f"        %{len(reads)} = ve.exec({step})", f"        write.to({type_})", "    )"]
        return lines

    unary = f"{chance.choice(UNARY)} %0"
    if kind == "unary":
        body = statement("r", "Elementwise", matrix, ["a"], unary)
        program += [f"vector r {whole} a", f"store r {whole}"]
    elif kind == "binary":
        operands.append(f"b: {matrix}")
        body = statement("r", "Interleaving", matrix, ["a", "b"], "%0 + %1")
        program += [f"load b {whole}", f"vector r {2 * whole} a b", f"store r {whole}"]
    elif kind == "reduction":
        result = vector
        body = statement("r", "ReduceByVe", vector, ["a"], "max_f t[N] %0")
        program += [f"vector r {whole} a", f"store r {row}"]
    elif kind == "overlap":
        # b is loaded while h is computed.
        operands.append(f"b: {matrix}")
        body = statement("h", "Elementwise", matrix, ["a"], unary)
        body += statement("r", "Interleaving", matrix, ["h", "b"], "%0 + %1")
        program += [f"vector h {whole} a", f"load b {whole}"]
        program += [f"vector r {2 * whole} h b", f"store r {whole}"]
    else:
        result = vector
        operands.append(f"b: {vector}")
        body = statement("h", "ReduceByVe", vector, ["a"], "max_f t[N] %0")
        body += statement("r", "Interleaving", vector, ["h", "b"], "%0 + %1")
        program += [f"vector h {whole} a", f"load b {row}"]
        program += [f"vector r {2 * row} h b", f"store r {row}"]
    text = [f"def k<M={rows}, N={columns}>("]
    text += ["    " + ",\n    ".join(operands), f") -> {result}:"]
    # The compiler takes an axis without this for one of no size.
    text += [f"    assert M == {rows}", f"    assert N == {columns}", *body, "    return r"]
    return Kernel(kind, pes, "\n".join(text) + "\n", program)


def ours(arguments, kernels):
    """A list of (name, begin, end) for each kernel."""
    lines = "\n".join(line for each in kernels for line in each.program) + "\n"
    command = [arguments.cycles, arguments.machine]
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    answers = done.stdout.strip("\n").split("\n\n")
    split = lambda line: (line.split()[0], *map(int, line.split()[1:]))
    return [[split(line) for line in answer.split("\n")] for answer in answers]


def answer(tcc, each, folder):
    """The schedule that the vendor's compiler writes, its `end` added; raises
    RuntimeError where it has none."""
    source, plot = folder / "k.tc", folder / "plot.json"
    source.write_text(each.text)
    plot.unlink(missing_ok=True)
    target = "renegade" if each.pes == 1 else f"renegade-{each.pes}pe"
    command = [tcc, "--target-npu", target, "--evaluate-tcl", source, "--tcl-plot", plot]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"no answer in {SECONDS} s") from None
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode or not last.isdigit() or int(last) == 0 or not plot.exists():
        raise RuntimeError(f"status {done.returncode}: {last or done.stderr[-200:]}")
    return json.loads(plot.read_text()) | {"end": int(last)}


def theirs(tcc, each, folder):
    """The same as `ours`, of the vendor's compiler."""
    schedule = answer(tcc, each, folder)
    names = {int(tensor["index"]): tensor["name"] for tensor in schedule["tensors"]}
    out = []
    for step in schedule["instructions"]:
        life = step["lifetime"]
        if "Noop" in step["contexts"]:
            continue
        made = [names[t] for t in step["output_tensors"] if t in names]
        read = [names[t] for t in step["input_tensors"] if t in names]
        # A store makes nothing that has a place on the chip.
        out.append(((made or read)[0], life["begin"], life["end"]))
    if max(end for _, _, end in out) != schedule["end"]:
        raise RuntimeError(f"its schedule does not end at {schedule['end']}")
    return out


def contraction(chance, population):
    """A product [B, H, S, I] x [B, O, I] of sizes and types by chance, with its types."""
    operand, result = chance.choice(PRODUCTS)
    axes = {name: chance.choice(population.sizes) for name in "SIO"}
    axes |= {"B": chance.choice(population.batches), "H": chance.choice(population.heads)}
    axes = {name: size for name, size in axes.items() if size > 1 or name in "SIO"}
    # The vector engine takes no integers here.
    steps = chance.choice(population.chain) if operand != "i8" else 0
    shape = lambda names: "[" + ", ".join(name for name in names if name in axes) + "]"
    bound, out = ", ".join(f"{name}={size}" for name, size in axes.items()), shape("BHSO")
    lines = [f"def k<{bound}>(", f"    a: {shape('BHSI')}/{operand},"]
    lines += [f"    w: {shape('BOI')}/{operand}", f") -> {out}/{result}:"]
    lines += [f"    assert {name} == {size}" for name, size in axes.items()]
    lines += [f"    r: {out}/{result} = tk.EinsumByDpe(", "        %0 = read(a)"]
    lines += ["        %1 = read(w)", f"        %2 = dpe.exec(%0,%1 -> {out})"]
    lines += [f"        %{i + 3} = ve.exec({CHAIN[i]} %{i + 2})" for i in range(steps)]
    lines += [f"        write.to({out}/{result})", "    )", "    return r"]
    each = Kernel("contraction", chance.choice((1, 2, 4, 8)), "\n".join(lines) + "\n", [])
    return each, operand, result


def compare_contraction(arguments, each, operand, folder):
    """How far our cycles are from theirs, as a part of theirs, and the kind of mapping;
    raises RuntimeError where there is no answer."""
    steps = answer(arguments.tcc, each, folder)["instructions"]
    step = next((s for s in steps if "EinsumByDpe" in s["description"]), None)
    if step is None:
        raise RuntimeError("no contraction in its schedule")
    got = step["lifetime"]["end"] - step["lifetime"]["begin"]
    kind, figures = mapping_of(step["description"], BYTES[operand])
    line = "contraction r : " + " ".join(map(str, figures))
    ((_, _, expected),) = ours(arguments, [Kernel("", each.pes, "", [f"pes {each.pes}", line])])[0]
    return abs(expected - got) / got, kind


def error_line(name, differences, silent=""):
    """A line of the table: how many are near, and how far the middle and the last ten are."""
    differences = sorted(differences)
    at = lambda part: 100 * differences[min(len(differences) - 1, int(part * len(differences)))]
    near = sum(each <= 0.05 for each in differences)
    shown = "".join(f"{at(part):>8.2f} %" for part in (0.5, 0.9, 1)) if differences else " " * 30
    return f"{name:<26}{len(differences):>8}{near:>12}{shown}{silent:>11}".rstrip()


def compare_contractions(arguments, chance, folder):
    """Prints how near they are; whether enough of those that are held to it are."""
    print(f"{'contractions':<26}{'number':>8}{'within 5 %':>12}", end="")
    print(f"{'median':>10}{'90 %':>10}{'worst':>10}{'no answer':>11}")
    enough = True
    for population in POPULATIONS:
        differences, silent, classes = [], 0, {}
        while len(differences) < arguments.contractions and silent <= arguments.contractions:
            each, operand, result = contraction(chance, population)
            try:
                difference, kind = compare_contraction(arguments, each, operand, folder)
            except RuntimeError:
                silent += 1
                continue
            differences.append(difference)
            pes = f"{each.pes} PE" + "s" * (each.pes > 1)
            for name in (kind, f"{operand} to {result}", pes):
                classes.setdefault(name, []).append(difference)
        print(error_line(population.name, differences, silent))
        for name, those in sorted(classes.items()):
            print(error_line("  " + name, those))
        near = sum(each <= 0.05 for each in differences)
        wanted, number = population.wanted * len(differences), len(differences)
        if near < wanted or number < arguments.contractions:
            part = f"{100 * population.wanted:.0f} %"
            print(f"{population.name}: {part} of {arguments.contractions} were to be near")
            enough = False
    return enough


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--tcc", default=os.environ.get("DURE_FURIOSA_TCC"))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--contractions", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    arguments = parser.parse_args()
    if not arguments.tcc:
        print("furiosa-tcc is not here: tools/test --vendor-tools installs it")
        return SKIPPED
    chance = random.Random(arguments.seed)
    kinds = ("unary", "binary", "reduction", "overlap", "overlapped reduction")
    kernels = [kernel(chance, kinds[i % len(kinds)]) for i in range(arguments.count)]
    print(f"{len(kernels)} kernels, seed {arguments.seed}, profile tcc (a fit to 2026.4.0)")
    counts = {kind: [0, 0, 0, 0] for kind in kinds}  # kernels, equal, no answer, largest
    with tempfile.TemporaryDirectory() as name:
        for each, expected in zip(kernels, ours(arguments, kernels)):
            count = counts[each.kind]
            count[0] += 1
            try:
                got = theirs(arguments.tcc, each, Path(name))
            except RuntimeError as problem:
                count[2] += 1
                print(f"{each.kind}, {each.pes} PEs: {problem}\n{each.text}")
                continue
            if got == expected:
                count[1] += 1
                continue
            count[3] = max(count[3], abs(got[-1][2] - expected[-1][2]))
            print(f"{each.kind}, {each.pes} PEs: {got}, expected {expected}\n{each.text}")
    print(f"{'kernels':<24}{'number':>8}{'equal':>8}{'no answer':>11}{'largest difference':>20}")
    for kind, (number, equal, none, largest) in counts.items():
        print(f"{kind:<24}{number:>8}{equal:>8}{none:>11}{largest:>13} cycles")
    with tempfile.TemporaryDirectory() as name:
        near = compare_contractions(arguments, chance, Path(name))
    exact = all(number == equal for number, equal, _, _ in counts.values())
    return 0 if exact and near else 1


if __name__ == "__main__":
    sys.exit(main())
