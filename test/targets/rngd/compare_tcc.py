#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares RNGD's timing profile `tcc` with the vendor's compiler.

    compare_tcc.py --cycles dure-rngd-cycles --machine rngd.json [--tcc furiosa-tcc]
                   [--count N] [--seed S]

Makes kernels of its own (shapes, types and sizes by chance; the seed is printed), asks
`furiosa-tcc --evaluate-tcl` for each one's schedule, and wants every instruction to
begin and end at the cycle that our rules give. Of contractions, whose mapping is the
compiler's choice and is read from its answer, it only prints how many are within 5 %:
the formula is not good enough yet to be held to a bound.

The order of our instructions follows from the kernel alone: before each statement what
it reads and is not yet there is loaded, at the end the result is stored. A kernel that
the compiler answers with 0 or not in time is an error, not a result.

Without --tcc, or the variable DURE_FURIOSA_TCC, exit status 77: skipped. The compiler is
the vendor's and is not part of Dure: install it with `pip install furiosa-tcc==2026.4.0`.
"""

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

SKIPPED = 77
SECONDS = 60
BYTES = {"bf16": 2, "f32": 4}
UNARY = ("exp", "tanh", "sqrt", "erf", "sin")


class Kernel(NamedTuple):
    kind: str
    pes: int
    text: str
    # Lines of dure-rngd-cycles.
    program: list


def kernel(chance, kind):
    pes = chance.choice((1, 2, 4, 8))
    element = chance.choice(tuple(BYTES))
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


def digits(text):
    """[(axis and stride, size, is broadcast)] of '[S_24=16, I_192=4(B)]'."""
    found = re.findall(r"(\w+)=(\d+)(\(B\))?", text)
    return [(name, int(size), bool(shared)) for name, size, shared in found]


def size_of(found):
    return math.prod(size for _, size, _ in found)


class Operand:
    """'[]|[]|[cluster]|[slices]|[None=n]|[packet](..) @ [S=384, I=768]'."""

    def __init__(self, text):
        layout, logical = text.split(" @ ")
        fields = layout.split("|")
        self.axes = {name for name, _, _ in digits(logical)}
        self.slices = digits(fields[2]) + digits(fields[3])
        self.times, self.packet = size_of(digits(fields[4])), size_of(digits(fields[5]))

    def ring(self, places):
        """Slices that share what each of them needs: those of the first digit that does
        not lie where the product is computed, and of all below."""
        for i, mine in enumerate(self.slices):
            there = places[i] if i < len(places) else None
            if there is None or mine[:2] != there[:2]:
                return size_of(self.slices[i:])
            if mine[2] and mine[0].split("_")[0] in self.axes:
                return size_of(self.slices[i:])
        return 1

    def flits(self, element):
        if self.packet * element < 32:
            return -(-self.times * self.packet * element // 32)
        return self.times * -(-self.packet * element // 32)


def mapping_of(description, element):
    """(class, figures of a TccContraction) of the compiler's description."""
    body = description[description.index("EinsumByDpe[") :]
    operands = [Operand(line.strip().rstrip(",")) for line in body.split("\n")[1:3]]
    roles = dict(re.findall(r"^    (\w+)=(\[.*\])$", body, re.M))
    role = lambda name: size_of(digits(roles.get(name, "")))
    places = [d for name in ("Cluster", "Pe", "Slice", "Gat") for d in digits(roles.get(name, ""))]
    is_first = "swap" in body.split("(")[0]
    trf, stream = operands if is_first else operands[::-1]
    kind = "plain"
    if "AllReduce" in body or "Row" in body.split("(")[0]:
        kind = "not modelled"
    elif "Segment" in roles:
        kind = "segments"
    elif "Split" in roles:
        kind = "split"
    names = ("Segment", "OuterAcc", "Acc", "FeedReuse", "Split", "MacRows")
    figures = [role(name) for name in names + ("DpeRegTile", "Lat", "Gat")] + [element]
    figures += [stream.ring(places), stream.flits(element)]
    figures += [trf.ring(places), trf.flits(element), trf.times * trf.packet * element]
    return kind, figures


def compare_contractions(arguments, chance, folder):
    """Prints how near they are."""
    near = {kind: [0, 0, 0.0] for kind in ("plain", "split", "segments", "not modelled")}
    silent = 0
    while sum(count[0] for kind, count in near.items() if kind != "not modelled") < arguments.count:
        pes, scale = chance.choice((1, 2, 4, 8)), lambda: 16 * chance.randint(1, 96)
        s, i, o = scale(), scale(), scale()
        text = f"""def k<I={i}, O={o}, S={s}>(
    a: [S, I]/bf16,
    w: [O, I]/bf16
) -> [S, O]/bf16:
    assert I == {i}
    assert O == {o}
    assert S == {s}
    r: [S, O]/bf16 = tk.EinsumByDpe(
        %0 = read(a)
        %1 = read(w)
        %2 = dpe.exec(%0,%1 -> [S, O])
        write.to([S, O]/bf16)
    )
    return r
"""
        each = Kernel("contraction", pes, text, [])
        try:
            steps = answer(arguments.tcc, each, folder)["instructions"]
        except RuntimeError:
            silent += 1
            if silent > arguments.count:
                print("contractions: the compiler hardly answers")
                return
            continue
        step = next(s for s in steps if "EinsumByDpe" in s["description"])
        got = step["lifetime"]["end"] - step["lifetime"]["begin"]
        kind, figures = mapping_of(step["description"], BYTES["bf16"])
        line = "contraction r : " + " ".join(map(str, figures))
        ((_, _, expected),) = ours(arguments, [Kernel("", pes, "", [f"pes {pes}", line])])[0]
        off = abs(expected - got) / got
        near[kind][0] += 1
        near[kind][1] += off <= 0.05
        near[kind][2] = max(near[kind][2], off)
    print(f"{'contractions':<24}{'number':>8}{'within 5 %':>12}{'largest difference':>20}")
    for kind, (number, good, largest) in near.items():
        print(f"{kind:<24}{number:>8}{good:>12}{100 * largest:>18.0f} %")
    print(f"{'no answer':<24}{silent:>8}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--tcc", default=os.environ.get("DURE_FURIOSA_TCC"))
    parser.add_argument("--count", type=int, default=100)
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
        compare_contractions(arguments, chance, Path(name))
    return 0 if all(number == equal for number, equal, _, _ in counts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
