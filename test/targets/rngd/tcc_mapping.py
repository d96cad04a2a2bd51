# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the mapping of a contraction from what the vendor's compiler prints of it, as
the figures that TccTiming.h's TccContraction has. Used by compare_tcc.py.

A description has a line an operand, its layout over [..|..|cluster|slices|time|packet],
then a line a role: what each digit of an axis is for. A digit, I_16=4, is an axis, its
stride and its size; (B) marks one along which the operand repeats.
"""

import math
import re
from typing import NamedTuple


class Digit(NamedTuple):
    name: str
    stride: int
    size: int
    shared: bool

    def end(self):
        return self.stride * self.size

    def lies_in(self, others):
        """Whether one of `others` is a part of the axis that this digit begins in."""
        return any(
            other.name == self.name
            and other.stride <= self.stride < other.stride * other.size
            for other in others
        )


def digits(text):
    found = re.findall(r"(\w+?)(?:_(\d+))?=(\d+)(\(B\))?", text)
    return [Digit(name, int(at or 1), int(size), bool(b)) for name, at, size, b in found]


def size_of(found):
    return math.prod(digit.size for digit in found)


class Layout:
    """'[]|[]|[cluster]|[slices]|[None=n]|[packet](..) @ [S=384, I=768]'."""

    def __init__(self, text):
        layout, _, logical = text.partition(" @ ")
        fields = layout.split("|")
        self.axes = {digit.name for digit in digits(logical)}
        self.padded = set(re.findall(r"(\w+)=\d+\(\+\d+\)", logical))
        self.slices = digits(fields[2]) + digits(fields[3])
        self.inner = digits(fields[5])
        self.times, self.packet = size_of(digits(fields[4])), size_of(self.inner)

    def ring(self, places):
        """Slices that share what each of them needs: those of the first digit that does
        not lie where the product is computed, and of all below. A digit may be computed
        in as two, or two as one."""
        mine, there = list(self.slices), list(places)
        while mine:
            if mine[0].shared and mine[0].name in self.axes:
                break
            if not there or mine[0].name != there[0].name or mine[0].end() != there[0].end():
                break
            common = math.gcd(mine[0].size, there[0].size)
            if common != min(mine[0].size, there[0].size):
                break
            for each in (mine, there):
                first = each.pop(0)
                if first.size > common:
                    each.insert(0, first._replace(size=first.size // common))
        return size_of(mine)

    def flits(self, element):
        if self.packet * element < 32:
            return -(-self.times * self.packet * element // 32)
        return self.times * -(-self.packet * element // 32)

    def flits_of_rows(self, element, rows):
        """The same where flits go to rows of the unit, which lie apart."""
        held = self.times * self.packet
        if held % rows:
            return self.flits(element)
        return rows * -(-held // rows * element // 32)


class Description:
    def __init__(self, text):
        self.body = text[text.index("EinsumByDpe[") :]
        self.head = self.body.split("(")[0]
        self.roles = dict(re.findall(r"^    (\w+)=(\[.*\])$", self.body, re.M))
        operands = [Layout(line.strip().rstrip(",")) for line in self.body.split("\n")[1:3]]
        self.trf, self.stream = operands if "swap" in self.head else operands[::-1]
        result = re.search(r"\[[^@]*\|[^@]*@", self.body[self.body.index(") ->") :])
        self.result = Layout(result.group(0).rstrip("@"))
        logical = self.body[self.body.index(") ->") :].split("@ ", 1)[1]
        self.result_axes = {digit.name for digit in digits(logical[: logical.index("]")])}
        self.wide = "output_element_type: Float32" in text

    def role(self, name):
        return digits(self.roles.get(name, ""))

    def places(self):
        return [d for name in ("Cluster", "Pe", "Slice", "Gat") for d in self.role(name)]

    def kind(self):
        names = [name for name in ("Segment", "Split") if name in self.roles]
        if "AllReduce" in self.body or "ReduceScatter" in self.body:
            names.insert(0, "cluster sum")
        return ", ".join(name.lower() for name in names) or "plain"

    def rows_in(self, slices):
        """Rows of the unit that are no digit of `slices`."""
        return size_of([row for row in self.role("MacRows") if not row.lies_in(slices)])

    def stream_piece(self):
        """Elements of a streamed packet that lie together; 0: all of it."""
        if not self.stream.inner:
            return 1
        axis = self.stream.inner[0].name
        packet = self.role("DpeRegTile") + self.role("Lat")
        together = size_of([digit for digit in packet if digit.name == axis])
        whole = together >= self.stream.packet or together >= size_of(packet)
        return 0 if whole or self.stream.ring(self.places()) > 1 else together

    def uneven(self, element):
        """Whether a row of the stationary operand is no multiple of a flit."""
        return self.trf.packet * element % 32 != 0

    def masked(self):
        """Whether an axis that the product sums over is padded."""
        return bool((self.trf.padded | self.stream.padded) - self.result_axes)

    def summed(self):
        """Results of a slice that are summed across clusters, and how: as
        TccContraction::Sum numbers it."""
        if "cluster sum" not in self.kind():
            return 0, 0
        times = self.result.times if self.result.times <= 8 else -(-self.result.times // 8) * 8
        how = 2 if "ReduceScatter" in self.body else 1 if self.wide else 0
        return times * self.result.packet, how


def mapping_of(text, element):
    """(kind, figures of a TccContraction in their order) of a description; `element` is
    the size of the operands' elements in bytes."""
    found = Description(text)
    size = lambda name: size_of(found.role(name))
    places, by_row = found.places(), "Row" in found.head
    names = ("Segment", "OuterAcc", "Acc", "FeedReuse", "Split", "MacRows")
    figures = [size(name) for name in names + ("DpeRegTile", "Lat", "Gat")] + [element]
    figures += [found.stream.ring(places), found.stream.flits(element)]
    ring, rows = found.trf.ring(places), found.rows_in(found.trf.slices)
    packed = not (by_row and size("Segment") > 1)
    flits = found.trf.flits_of_rows(element, rows) if packed else found.trf.flits(element)
    figures += [ring, flits, found.trf.times * found.trf.packet * element]
    figures += [found.stream_piece() * element]
    leaving = max(found.rows_in(found.result.slices), size("DpeRegTile"))
    figures += [min(leaving, 8) if size("MacRows") == 8 else 0]
    gathered = ring > 1 and any(row.lies_in(found.trf.slices) for row in found.role("MacRows"))
    figures += [int(gathered), int(by_row), *found.summed()]
    figures += [int(found.uneven(element)), int(found.masked())]
    return found.kind(), figures
