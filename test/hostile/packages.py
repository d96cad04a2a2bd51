# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled packages with damaged bytes: refused, or nothing has changed."""

import functools
import pathlib
import subprocess
import tempfile

from case import IN, OUT, Group, npy
from wire import *

GROUP = Group("packages")
OUTPUTS = {"y": ("<f4", [1, 4], [6.0, 12.0, 18.0, 24.0])}
INPUT = npy("<f4", [1, 2], raw(FLOAT, [1.0, 2.0]))
MODEL = model(
    graph(
        [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["y"])],
        [value("x", FLOAT, ["n", 2])],
        [value("y", FLOAT, ["n", 4])],
        [
            tensor("w", FLOAT, [2, 4], [float(i) for i in (1, 2, 3, 4, 2, 4, 6, 8)]),
            tensor("b", FLOAT, [4], [1.0, 2.0, 3.0, 4.0]),
        ],
    )
)


@functools.lru_cache(None)
def package(bin_folder):
    """The bytes of the package that the build makes of the model."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "m.onnx").write_bytes(MODEL)
        subprocess.run(
            [bin_folder / "dure", "compile", "m.onnx", "-o", "m.dure", "--cpu", "portable"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return (folder / "m.dure").read_bytes()


def damaged(name, change, *texts, either=False, options=(), command="run"):
    """The command on the package after `change` of its bytes, a bytearray."""

    def prepare(folder, bin_folder):
        content = bytearray(package(bin_folder))
        changed = change(content)
        (folder / "x.dure").write_bytes(content if changed is None else changed)

    words = ["dure", command, f"{IN}/x.dure", *options]
    files = {}
    if command == "run":
        words += ["--input", f"x={IN}/x.npy", "--output-dir", f"{OUT}/o"]
        files["x.npy"] = INPUT
    return GROUP.add(
        name,
        files,
        words,
        texts=("x.dure", *texts),
        prepare=prepare,
        either=either,
        outputs=OUTPUTS if command == "run" else {},
    )


whole = damaged("whole", lambda content: None)
whole.status, whole.texts = 0, ()


def flip(place, bit):
    """Flips one bit at a place between 0 and 1."""

    def change(content):
        content[int(place * len(content)) % len(content)] ^= 1 << bit

    return change


# Every part is hit; padding between parts may be anything.
FLIPS = 96
for i in range(FLIPS):
    damaged(f"bit-{i}", flip((i + 0.37) / FLIPS, i * 5 % 8), either=True)
for i in range(0, 64, 4):

    def in_header(content, i=i):
        content[i] ^= 0xFF

    damaged(f"header-{i}", in_header, either=True)
    damaged(f"header-{i}-inspected", in_header, either=True, command="inspect")
for i in range(16):

    def cut(content, i=i):
        return content[: len(content) * i // 16]

    damaged(f"cut-{i}-of-16", cut)


def change_tail(content):
    content[-1] ^= 1


damaged("last-byte-missing", lambda content: content[:-1])
damaged("last-bit", change_tail, either=True)
damaged("one-byte-more", lambda content: content + b"\0", either=True)
damaged("twice-as-long", lambda content: content + content, either=True)
damaged("zeros", lambda content: bytes(len(content)), "[file-malformed]")
damaged("ones", lambda content: b"\xff" * len(content), "[file-malformed]")


def swap(first, second, size=1024):
    def change(content):
        count = len(content)
        a, b = (int(part * count) // 64 * 64 for part in (first, second))
        one, other = content[a : a + size], content[b : b + size]
        content[a : a + size], content[b : b + size] = other, one

    return change


for i, (a, b) in enumerate(((0.0, 0.5), (0.1, 0.6), (0.3, 0.4), (0.2, 0.8), (0.5, 0.9))):
    damaged(f"swapped-{i}", swap(a, b), either=True)


def zero_block(place, size=256):
    def change(content):
        start = int(place * len(content))
        content[start : start + size] = bytes(len(content[start : start + size]))

    return change


for i in range(8):
    damaged(f"zeroed-{i}", zero_block((i + 0.5) / 8), either=True)
    damaged(
        f"zeroed-{i}-verified-in-full",
        zero_block((i + 0.5) / 8),
        either=True,
        options=["--verify", "full"],
    )


def length_of(value, at):
    def change(content):
        content[at : at + 8] = value.to_bytes(8, "little")

    return change


for at in range(0, 64, 8):
    damaged(f"offset-at-{at}-is-2-63", length_of((1 << 63) - 1, at))
    damaged(f"offset-at-{at}-is-2-64", length_of((1 << 64) - 1, at))

# The compiler does not take a package for a model, nor the runner anything for one.
damaged(
    "compiled-again",
    lambda content: None,
    "a compiled package",
    command="compile",
    options=["-o", f"{OUT}/y.dure"],
)
GROUP.add(
    "text", {"x.dure": b"text"}, ["dure", "inspect", f"{IN}/x.dure"], texts=("not a Dure package",)
)
GROUP.add(
    "nothing", {"x.dure": b""}, ["dure", "inspect", f"{IN}/x.dure"], texts=("not a Dure package",)
)
GROUP.add(
    "folder", {"x.dure/y": b""}, ["dure", "inspect", f"{IN}/x.dure"], texts=("not a regular file",)
)
