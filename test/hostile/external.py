# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights outside of the model: where they lie, and what the files there are."""

import os


from case import IN, OUT, Group, npy
from wire import *

GROUP = Group("external")
FOUR = raw(FLOAT, [1.0, 2.0, 3.0, 4.0])
X = {"x": npy("<f4", [4], raw(FLOAT, [10.0, 20.0, 30.0, 40.0]))}
SUM = {"y": ("<f4", [4], [11.0, 22.0, 33.0, 44.0])}
MAX = (1 << 64) - 1


def adds(weight):
    return model(
        graph(
            [node("Add", ["x", "w"], ["y"])],
            [value("x", FLOAT, [4])],
            [value("y", FLOAT, [4])],
            [weight],
        )
    )


def four(**entries):
    return adds(external("w", FLOAT, [4], **entries))


def refused(name, made, *texts, code="external-file", files=(), **rest):
    case = GROUP.refused(name, made, *texts, code=code, **rest)
    case.files.update(dict(files))


def gives(name, made, files=(), prepare=None, options=()):
    case = GROUP.gives(name, made, X, SUM, prepare=prepare, options=options)
    case.files.update(dict(files))


DATA = {"w.bin": FOUR}
gives("plain", four(location="w.bin"), DATA)
gives("in-folder", four(location="a/b/w.bin"), {"a/b/w.bin": FOUR})
gives("with-dots", four(location="./a/.//w.bin"), {"a/w.bin": FOUR})
gives(
    "with-offset", four(location="w.bin", offset=4, length=16), {"w.bin": b"pad!" + FOUR + b"more"}
)
gives("odd-offset", four(location="w.bin", offset=3), {"w.bin": b"odd" + FOUR})
gives("named-as-option", four(location="-w.bin"), {"-w.bin": FOUR})
gives("named-with-spaces", four(location=" w \t.bin "), {" w \t.bin ": FOUR})
gives("named-in-korean", four(location="가중치.bin"), {"가중치.bin": FOUR})

# Out of the folder ----------------------------------------------------------------------
for name, location in {
    "parent": "../w.bin",
    "parent-behind-folder": "a/../../w.bin",
    "parent-of-here": "./../w.bin",
    "parent-twice": "../../w.bin",
    "parent-at-end": "a/..",
    "parent-inside": "a/../w.bin",
    "parent-slashes": "..//w.bin",
    "only-parent": "..",
    "absolute": "/etc/passwd",
    "absolute-slashes": "//etc/passwd",
    "proc-self": "/proc/self/mem",
    "device-zero": "/dev/zero",
}.items():
    text = "absolute" if location[0] == "/" else "leaves the model's folder"
    refused(name, four(location=location), "tensor 'w'", text, files={"w.bin": FOUR, "a/x": b""})
for name, location in {
    "backslashes": "..\\w.bin",
    "drive": "C:\\w.bin",
    "uri": "file:w.bin",
    "percent": "%2e%2e/w.bin",
    "tilde": "~/w.bin",
    "variable": "$HOME/w.bin",
    "wildcard": "*.bin",
}.items():
    refused(name, four(location=location), "tensor 'w'", "No such file", files=DATA)
refused("missing", four(location="gone.bin"), "'gone.bin'", "No such file")
refused("missing-folder", four(location="gone/w.bin"), "No such file")
refused("below-file", four(location="w.bin/x"), "Not a directory", files=DATA)
refused("name-of-5000-bytes", four(location="n" * 5000), "File name too long")
refused("name-is-folder", four(location="a"), "not a regular file", files={"a/x": b""})
refused("name-is-dot", four(location="."), "tensor 'w'", "not a regular file")
refused("empty", four(location=""), "the location is missing", code="external-data")
refused("without-location", four(offset=0), "the location is missing", code="external-data")
refused("nul", four(location=b"w.bin\0.txt"), "NUL", code="bad-name", files=DATA)
refused("invalid-utf-8", four(location=b"\xff.bin"), "not valid UTF-8", code="bad-name")
refused("escape", four(location="\x1b[2J.bin"), "No such file")
refused(
    "itself-beyond",
    four(location="model.onnx", offset=1 << 20),
    "beyond the end",
    code="external-data",
)

# Links and what is no file -----------------------------------------------------------------


def link(target, name="w.bin"):
    def prepare(folder, _):
        (folder / "kept.bin").write_bytes(FOUR)
        (folder / "kept").mkdir(exist_ok=True)
        (folder / "kept" / "w.bin").write_bytes(FOUR)
        os.symlink(target, folder / name)

    return prepare


refused("symlink-inside", four(location="w.bin"), "link", prepare=link("kept.bin"))
refused("symlink-to-passwd", four(location="w.bin"), "link", prepare=link("/etc/passwd"))
refused("symlink-to-parent", four(location="w.bin"), "link", prepare=link("../in/kept.bin"))
refused("symlink-of-folder", four(location="a/w.bin"), "link", prepare=link("kept", "a"))
refused("symlink-of-folder-to-root", four(location="a/etc/passwd"), "link", prepare=link("/", "a"))
refused("symlink-to-itself", four(location="w.bin"), "link", prepare=link("w.bin"))
refused("symlink-to-nothing", four(location="w.bin"), "link", prepare=link("gone.bin"))
refused("symlink-to-proc", four(location="w.bin"), "link", prepare=link("/proc/self/exe"))
gives(
    "symlink-allowed", four(location="w.bin"), prepare=link("kept.bin"), options=["--allow-links"]
)
refused(
    "symlink-loop-allowed",
    four(location="w.bin"),
    "Too many levels",
    prepare=link("w.bin"),
    options=["--allow-links"],
)
refused(
    "symlink-outside-root",
    four(location="w.bin"),
    "outside the links root",
    prepare=link("/etc/passwd"),
    options=[f"--allow-links={IN}"],
)
refused(
    "parent-with-links-allowed",
    four(location="../in/w.bin"),
    "leaves",
    files=DATA,
    options=["--allow-links"],
)


def hard_link(folder, _):
    (folder / "kept.bin").write_bytes(FOUR)
    os.link(folder / "kept.bin", folder / "w.bin")


refused("hard-link", four(location="w.bin"), "link", prepare=hard_link)
refused(
    "fifo",
    four(location="w.bin"),
    "not a regular file",
    prepare=lambda folder, _: os.mkfifo(folder / "w.bin"),
)


def socket(folder, _):
    import socket

    # A path of a socket is short: bind relative to the folder.
    here = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/w.bin")
    os.close(here)


refused("socket", four(location="w.bin"), "tensor 'w'", "cannot open", prepare=socket)


def unreadable(folder, _):
    (folder / "w.bin").write_bytes(FOUR)
    (folder / "w.bin").chmod(0)


# Where the test runs as root every file can be read.
if os.geteuid() != 0:
    refused("unreadable", four(location="w.bin"), "Permission denied", prepare=unreadable)

# Offsets and lengths ------------------------------------------------------------------------------
for name, entries, text, code in (
    ("offset-beyond", {"offset": 100}, "beyond the end", "external-data"),
    ("offset-at-end", {"offset": 16}, "beyond the end", "external-data"),
    ("offset-1", {"offset": 1}, "beyond the end", "external-data"),
    ("offset-negative", {"offset": -1}, "offset '-1'", "external-data"),
    ("offset-2-64", {"offset": 1 << 64}, "is not a number of bytes", "external-data"),
    ("offset-wraps", {"offset": MAX - 7}, "beyond the end", "external-data"),
    ("offset-2-63", {"offset": 1 << 63}, "beyond the end", "external-data"),
    ("offset-text", {"offset": "four"}, "offset 'four'", "external-data"),
    ("offset-hex", {"offset": "0x10"}, "offset '0x10'", "external-data"),
    ("offset-plus", {"offset": "+0"}, "offset '+0'", "external-data"),
    ("offset-space", {"offset": " 0"}, "offset ' 0'", "external-data"),
    ("offset-empty", {"offset": ""}, "offset ''", "external-data"),
    ("offset-float", {"offset": "1e0"}, "offset '1e0'", "external-data"),
    ("length-short", {"length": 12}, "has 12 bytes", "tensor-size"),
    ("length-long", {"length": 20}, "has 20 bytes", "tensor-size"),
    ("length-negative", {"length": -16}, "length '-16'", "external-data"),
    ("length-huge", {"length": MAX}, "tensor 'w'", "tensor-size"),
    ("length-0", {"length": 0}, "has 0 bytes", "tensor-size"),
    ("key-unknown", {"__class__": "x"}, "'__class__' is not known", "external-data"),
    ("key-empty", {"": "x"}, "'' is not known", "external-data"),
    ("key-basepath", {"basepath": "/"}, "'basepath' is not known", "external-data"),
):
    refused(name, four(location="w.bin", **entries), text, "tensor 'w'", code=code, files=DATA)
refused(
    "file-empty", four(location="w.bin"), "(0 bytes)", code="external-data", files={"w.bin": b""}
)
refused(
    "file-short",
    four(location="w.bin"),
    "(15 bytes)",
    code="external-data",
    files={"w.bin": FOUR[:15]},
)
refused(
    "2-40-of-4-bytes",
    adds(external("w", FLOAT, [1 << 40], location="w.bin")),
    "beyond the end",
    code="external-data",
    files=DATA,
)
refused(
    "dims-overflow",
    adds(external("w", FLOAT, [1 << 40, 1 << 40], location="w.bin")),
    "overflows",
    code="tensor-dims",
    files=DATA,
)
refused(
    "strings",
    adds(external("w", STRING, [4], location="w.bin")),
    "strings cannot lie outside",
    code="external-data",
    files=DATA,
)
refused(
    "raw-data-as-well",
    adds(tensor("w", FLOAT, [4], FOUR, more=field(13, field(1, "location") + field(2, "w.bin")))),
    "not EXTERNAL",
    code="external-data",
    files=DATA,
)
refused(
    "keys-without-flag",
    adds(tensor("w", FLOAT, [4], more=field(13, field(1, "location") + field(2, "w.bin")))),
    "not EXTERNAL",
    code="external-data",
    files=DATA,
)
refused(
    "flag-without-keys",
    adds(tensor("w", FLOAT, [4], more=field(14, 1))),
    "the location is missing",
    code="external-data",
)
refused(
    "entry-as-text",
    adds(tensor("w", FLOAT, [4], more=field(13, b"w.bin") + field(14, 1))),
    code="file-malformed",
)
twice = (
    field(13, field(1, "location") + field(2, "gone.bin"))
    + field(13, field(1, "location") + field(2, "w.bin"))
    + field(14, 1)
)
refused(
    "location-twice",
    adds(tensor("w", FLOAT, [4], more=twice)),
    "'location' is given twice",
    code="external-data",
    files=DATA,
)
many = [external(f"w{i}", FLOAT, [1], location=f"{i}.bin") for i in range(10_001)]
refused(
    "10001-files",
    model(graph([node("Add", ["x", "w0"], ["y"])], [value("x", FLOAT, [1])], [value("y")], many)),
    "0.bin",
)

# Tensors that overlap are one file read twice.
overlap = model(
    graph(
        [node("Add", ["v", "w"], ["y"])],
        [],
        [value("y", FLOAT, [2])],
        [
            external("v", FLOAT, [2], location="w.bin", offset=4),
            external("w", FLOAT, [2], location="w.bin", offset=8),
        ],
    )
)
GROUP.gives("overlapping", overlap, {}, {"y": ("<f4", [2], [5.0, 7.0])}).files.update(DATA)

# In constants and in branches.
constant = model(
    graph(
        [
            node("Constant", [], ["w"], value=external("", FLOAT, [4], location="../w.bin")),
            node("Add", ["x", "w"], ["y"]),
        ],
        [value("x", FLOAT, [4])],
        [value("y", FLOAT)],
    )
)
refused("in-constant", constant, "leaves the model's folder", files=DATA)
branch = graph(
    [node("Add", ["x", "b"], ["r"])],
    [],
    [value("r", FLOAT, [4])],
    [external("b", FLOAT, [4], location="/etc/passwd")],
)
refused(
    "in-branch",
    model(
        graph(
            [node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)],
            [value("x", FLOAT, [4]), value("c", BOOL, [])],
            [value("y", FLOAT)],
        )
    ),
    "absolute",
)
inside = function(
    "f0",
    ["a"],
    ["r"],
    [
        node("Constant", [], ["w"], value=external("", FLOAT, [4], location="../w.bin")),
        node("Add", ["a", "w"], ["r"]),
    ],
)
refused(
    "in-function",
    model(
        graph(
            [node("f0", ["x"], ["y"], domain="f")], [value("x", FLOAT, [4])], [value("y", FLOAT)]
        ),
        [inside],
    ),
    "leaves",
    files=DATA,
)

# The model itself -----------------------------------------------------------------------------------
OUTPUT = ["-o", f"{OUT}/x.dure"]


def command(name, path, *texts, prepare=None):
    GROUP.add(
        f"model-{name}", {}, ["dure", "compile", path, *OUTPUT], texts=texts, prepare=prepare
    )


command("is-folder", IN, "error: ", "The folder is no checkpoint")
command("is-missing", f"{IN}/gone.onnx", "gone.onnx", "No such file")
command(
    "is-fifo",
    f"{IN}/m.onnx",
    "not a regular file",
    prepare=lambda folder, _: os.mkfifo(folder / "m.onnx"),
)
command("is-device-zero", "/dev/zero", "not a regular file")
command("is-device-null", "/dev/null", "not a regular file")
command("is-proc", "/proc/self/status", "/proc/self/status")
command(
    "is-itself-linked",
    f"{IN}/m.onnx",
    "Too many levels",
    prepare=lambda folder, _: os.symlink("m.onnx", folder / "m.onnx"),
)


def sparse(folder, _):
    with open(folder / "m.onnx", "wb") as file:
        file.truncate(1 << 40)


command("is-of-1-tib", f"{IN}/m.onnx", "m.onnx", prepare=sparse)


def large_weight(folder, _):
    with open(folder / "w.bin", "wb") as file:
        file.truncate(1 << 40)


refused(
    "file-of-1-tib",
    four(location="w.bin"),
    "w.bin",
    prepare=large_weight,
    code=None,
    needs_limit=True,
)
