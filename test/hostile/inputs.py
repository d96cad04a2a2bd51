# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inputs of a run: .npy, .npz and .pb files that lie about what they hold."""

import struct
import zipfile
import zlib

from case import IN, OUT, Group, npy
from wire import *

GROUP = Group("inputs")
MODEL = model(
    graph(
        [node("Add", ["a", "b"], ["y"])],
        [value("a", FLOAT, ["n", 2]), value("b", FLOAT, ["n", 2])],
        [value("y", FLOAT)],
    )
)
DATA = raw(FLOAT, [1.0, 2.0, 3.0, 4.0])
GOOD = npy("<f4", [2, 2], DATA)
RUN = ["dure", "run", f"{IN}/model.onnx", "--output-dir", f"{OUT}/o"]
Y = {"y": ("<f4", [2, 2], [2.0, 4.0, 6.0, 8.0])}


def given(name, content, *texts, file="a.npy", outputs=None, status=1):
    """The file as input `a`, beside a good `b`."""
    GROUP.add(
        name,
        {"model.onnx": MODEL, file: content, "b.npy": GOOD},
        [*RUN, "--input", f"a={IN}/{file}", "--input", f"b={IN}/b.npy"],
        texts=texts,
        outputs=outputs or {},
        status=0 if outputs else status,
    )


def broken(name, content, *texts, file="a.npy"):
    given(name, content, file, *texts, file=file)


def header(text, data=DATA, version=1, size=None):
    text = text.encode("latin-1") if isinstance(text, str) else text
    length = (len(text) if size is None else size).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


# .npy -------------------------------------------------------------------------------
given("npy", GOOD, outputs=Y)
given("npy-version-2", npy("<f4", [2, 2], DATA, version=2), outputs=Y)
given("npy-version-3", npy("<f4", [2, 2], DATA, version=3), outputs=Y)
columns = raw(FLOAT, [1.0, 3.0, 2.0, 4.0])
given("npy-fortran", npy("<f4", [2, 2], columns, fortran=True), outputs=Y)
given("npy-native", npy("=f4", [2, 2], DATA), outputs=Y)
given("npy-big-endian", npy(">f4", [2, 2], struct.pack(">4f", 1, 2, 3, 4)), outputs=Y)
given("npy-of-0-rows", npy("<f4", [0, 2], b""), "makes n = 2, but a makes it 0")
for end in (0, 1, 5, 6, 7, 8, 9, 10, 11, 64, len(GOOD) - 16, len(GOOD) - 15, len(GOOD) - 1):
    broken(f"npy-cut-at-{end}", GOOD[:end], "error: ")
broken("npy-one-byte-more", GOOD + b"\0", "error: ")
for version in (0, 4, 255):
    broken(f"npy-version-{version}", npy("<f4", [2, 2], DATA, version=version), f"{version}.0")
DICT = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
HEADERS = {
    "empty": "",
    "no-dict": "hello",
    "open-dict": "{'descr': '<f4'",
    "list": "['<f4', False, (2, 2)]",
    "without-shape": "{'descr': '<f4', 'fortran_order': False, }",
    "without-descr": "{'fortran_order': False, 'shape': (2, 2), }",
    "without-order": "{'descr': '<f4', 'shape': (2, 2), }",
    "shape-twice": DICT[:-1] + "'shape': (4,), }",
    "other-key": DICT[:-1] + "'evil': 1, }",
    "code": "__import__('os').system('touch /tmp/x')",
    "code-in-shape": "{'descr': '<f4', 'fortran_order': False, 'shape': (exit(1), 2), }",
    "text-behind": DICT + "; import os",
    "order-as-number": DICT.replace("False", "0"),
    "shape-negative": DICT.replace("(2, 2)", "(-2, -2)"),
    "shape-float": DICT.replace("(2, 2)", "(2.0, 2)"),
    "shape-as-number": DICT.replace("(2, 2)", "4"),
    "shape-of-rank-65": DICT.replace("(2, 2)", str((1,) * 65)),
    "shape-2-63": DICT.replace("(2, 2)", "(9223372036854775808, 1)"),
    "shape-of-80-digits": DICT.replace("(2, 2)", f"({'9' * 80},)"),
    "shape-nested": DICT.replace("(2, 2)", "(" * 10000 + ")" * 10000),
    "shape-hex": DICT.replace("(2, 2)", "(0x2, 2)"),
    "records": DICT.replace("'<f4'", "[('a', '<f4')]"),
    "escaped": DICT.replace("'<f4'", "'\\x3cf4'"),
    "quotes": DICT.replace("'<f4'", "'<f4"),
    "nul": DICT.replace("<f4", "<f4\0"),
    "latin-1": DICT.replace("<f4", "<f\xe9"),
}
for name, text in HEADERS.items():
    broken(f"npy-header-{name}", header(text), "header")
broken("npy-header-of-60000-spaces", header(" " * 60000), "header")
broken("npy-header-of-2-gib", header(DICT, version=2, size=(1 << 31) - 1), "header")
broken("npy-header-length-lies", header(DICT, size=60000), "error: ")
for descr in (
    "|O",
    "|S4",
    "<U4",
    "<M8[ns]",
    "|V4",
    "<f16",
    "<f3",
    "f",
    "",
    "<f4,<f4",
    "<x9",
    "<c8",
):
    (
        broken(
            f"npy-type-{descr.strip('<|').replace('[', '-') or 'empty'}",
            npy(descr, [2, 2], DATA),
            "a.npy" if descr != "<c8" else "a: element type",
        )
        if descr != "<c8"
        else given("npy-type-c8", npy(descr, [1, 2], DATA), "a: element type")
    )
given("npy-other-type", npy("<i8", [1, 2], DATA), "a: element type int64, but float32 is expected")
given("npy-other-rank", npy("<f4", [4], DATA), "a: shape [4], but [n, 2] is expected")
given("npy-other-size", npy("<f4", [1, 4], DATA), "a: shape [1, 4], but [n, 2] is expected")
given("npy-other-n", npy("<f4", [1, 2], DATA[:8]), "makes n = ")
for name, dims in {
    "2-40": [1 << 40],
    "product": [1 << 32, 1 << 32],
    "beside-0": [0, (1 << 63) - 1],
    "2-62": [1 << 61, 2],
    "wraps": [1 << 62, 4],
}.items():
    given(f"npy-of-{name}", npy("<f4", dims, DATA), "a" + ("" if name == "beside-0" else ".npy"))

# .npz ----------------------------------------------------------------------------------------


def entry(name, content, method=zipfile.ZIP_DEFLATED):
    """Name, method, stored bytes, CRC, size: a zip's entry."""
    stored = content
    if method == zipfile.ZIP_DEFLATED:
        deflate = zlib.compressobj(wbits=-15)
        stored = deflate.compress(content) + deflate.flush()
    return name.encode(), method, stored, zlib.crc32(content), len(content)


def zipped(entries):
    """An archive, written here: Python's own does not write what is wrong."""
    out, directory = b"", b""
    for name, method, stored, crc, size in entries:
        fields = struct.pack(
            "<HHHHHIIIHH", 20, 0, method, 0, 0x21, crc, len(stored), size, len(name), 0
        )
        place = struct.pack("<HHHII", 0, 0, 0, 0, len(out))
        directory += b"PK\1\2" + struct.pack("<H", 20) + fields + place + name
        out += b"PK\3\4" + fields + name + stored
    count, start = len(entries), len(out)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0)
    return out + directory + b"PK\5\6" + end


def archive(entries, method=zipfile.ZIP_DEFLATED):
    """An archive of (name, content) pairs; names may come twice."""
    return zipped([entry(name, content, method) for name, content in entries])


def packed_in(name, content, *texts, outputs=None):
    return GROUP.add(
        f"npz-{name}",
        {"model.onnx": MODEL, "all.npz": content},
        [*RUN, "--inputs", f"{IN}/all.npz"],
        texts=texts,
        status=0 if outputs else 1,
        outputs=outputs or {},
    )


BOTH = archive([("a.npy", GOOD), ("b.npy", GOOD)])
STORED = archive([("a.npy", GOOD), ("b.npy", GOOD)], zipfile.ZIP_STORED)
packed_in("deflated", BOTH, outputs=Y)
packed_in("stored", STORED, outputs=Y)
packed_in("empty", b"", "all.npz")
packed_in("no-zip", b"PK" + bytes(100), "all.npz")
packed_in("npy-named-npz", GOOD, "all.npz")
packed_in("no-entries", archive([]), "a: missing")
packed_in("one-missing", archive([("a.npy", GOOD)]), "b: missing")
packed_in(
    "entry-twice", archive([("a.npy", GOOD), ("a.npy", GOOD), ("b.npy", GOOD)]), "all.npz", "a"
)
packed_in(
    "entry-twice-by-suffix",
    archive([("a.npy", GOOD), ("a", GOOD), ("b.npy", GOOD)]),
    "all.npz",
    "a",
)
packed_in(
    "entry-unknown",
    archive([("a.npy", GOOD), ("b.npy", GOOD), ("c.npy", GOOD)]),
    "c: the model has no such input",
)
packed_in("entry-is-no-array", archive([("a.npy", b"text"), ("b.npy", GOOD)]), "all.npz", "a")
packed_in("entry-in-parent", archive([("../a.npy", GOOD), ("b.npy", GOOD)]), "no such input")
packed_in("entry-absolute", archive([("/etc/a.npy", GOOD), ("b.npy", GOOD)]), "no such input")
for i in range(12):
    packed_in(f"cut-{i}-of-12", BOTH[: len(BOTH) * i // 12], "all.npz")


def patched(content, find, offset, data):
    at = content.index(find) + offset
    return content[:at] + data + content[at + len(data) :]


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
huge, none = b"\xff\xff\xff\xfe", bytes(4)
PATCHES = {
    "crc": (BOTH, CENTRAL, 16, b"\0\0\0\0"),
    "method-99": (BOTH, CENTRAL, 10, b"\x63\0"),
    "encrypted": (BOTH, CENTRAL, 8, b"\x01\0"),
    "size-huge": (BOTH, CENTRAL, 24, huge),
    "size-0": (BOTH, CENTRAL, 24, none),
    "stored-sizes-differ": (STORED, CENTRAL, 20, b"\x01\0\0\0"),
    "name-length": (BOTH, CENTRAL, 28, b"\xff\xff"),
    "extra-length": (BOTH, CENTRAL, 30, b"\xff\xff"),
    "offset-huge": (BOTH, CENTRAL, 42, huge),
    "offset-into-data": (BOTH, CENTRAL, 42, b"\x09\0\0\0"),
    "directory-offset": (BOTH, END, 16, huge),
    "directory-size": (BOTH, END, 12, huge),
    "count-huge": (BOTH, END, 10, b"\xfe\xff"),
    "local-name-length": (BOTH, LOCAL, 26, b"\xff\xff"),
    "data": (BOTH, LOCAL, 40, b"\xff" * 8),
}
for name, (content, find, offset, data) in PATCHES.items():
    packed_in(f"bad-{name}", patched(content, find, offset, data), "all.npz")
# The directory rules; what stands beside it changes nothing, as the CRC shows.
for name, find, offset, data in (
    ("stored-size-huge", CENTRAL, 20, huge),
    ("local-magic", LOCAL, 0, b"PK\x09\x09"),
):
    case = packed_in(f"odd-{name}", patched(BOTH, find, offset, data), "all.npz")
    case.either, case.outputs = True, Y


def bomb():
    """Three megabytes that inflate to three gigabytes."""
    rows = 3 << 27
    deflate = zlib.compressobj(9, wbits=-15)
    head = npy("<f4", [rows, 2], b"")
    begin = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    piece = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    stored = begin + piece * (rows >> 17) + deflate.flush()
    size = len(head) + rows * 8
    a = b"a.npy", zipfile.ZIP_DEFLATED, stored, 0, size
    return zipped([a, entry("b.npy", GOOD)])


packed_in("bomb", bomb, "memory")
lie = npy("<f4", [1 << 40, 2], DATA)
packed_in("header-asks-for-8-tib", archive([("a.npy", lie), ("b.npy", GOOD)]), "all.npz")
many = lambda: archive([(f"x{i}.npy", b"") for i in range(60_000)], zipfile.ZIP_STORED)
packed_in("60000-entries", many, "error: ")
nested = archive([("a.npy", BOTH), ("b.npy", GOOD)])
packed_in("zip-in-zip", nested, "all.npz", "a")

# .pb ----------------------------------------------------------------------------------------------
TWO = tensor("a", FLOAT, [2, 2], DATA)
given("pb", TWO, file="a.pb", outputs=Y)
PB = {
    "empty": (b"", "a"),
    "text": (b"what is this", "a.pb"),
    "model": (MODEL, "a.pb"),
    "dims-negative": (tensor("a", FLOAT, [-2, 2], DATA), "a.pb"),
    "dims-overflow": (tensor("a", FLOAT, [1 << 62, 4], DATA), "a.pb"),
    "dims-2-40": (tensor("a", FLOAT, [1 << 40, 2], DATA), "a.pb"),
    "raw-short": (tensor("a", FLOAT, [2, 2], DATA[:15]), "a.pb"),
    "raw-long": (tensor("a", FLOAT, [2, 2], DATA + b"\0"), "a.pb"),
    "raw-and-floats": (TWO + field(4, 1.0), "a.pb"),
    "type-0": (tensor("a", 0, [2, 2], DATA), "a.pb"),
    "type-99": (tensor("a", 99, [2, 2], DATA), "a.pb"),
    "strings": (tensor("a", STRING, [1, 2], more=field(6, "x") + field(6, "y")), "a"),
    "external": (external("a", FLOAT, [2, 2], location="b.npy"), "a.pb"),
    "external-outside": (external("a", FLOAT, [2, 2], location="/etc/passwd"), "a.pb"),
    "segment": (TWO + field(3, field(1, 0)), "a.pb"),
    "wire-type": (field(1, 1.0) + TWO, "a.pb"),
    "varint-without-end": (TWO + b"\x08" + b"\xff" * 11, "a.pb"),
    "length-beyond": (TWO + key(9, BYTES) + varint(1 << 40), "a.pb"),
    "rank-100": (tensor("a", FLOAT, [1] * 100, DATA[:4]), "a"),
    "complex": (tensor("a", COMPLEX64, [1, 2], DATA), "a"),
}
for name, (content, text) in PB.items():
    given(f"pb-{name}", content, text, file="a.pb")

# What is no file, or of another kind --------------------------------------------------------------------
given("suffix-unknown", GOOD, "a.txt", file="a.txt")
GROUP.add(
    "input-is-folder",
    {"model.onnx": MODEL, "a.npy/x": b"", "b.npy": GOOD},
    [*RUN, "--input", f"a={IN}/a.npy", "--input", f"b={IN}/b.npy"],
    texts=("a.npy",),
)
for path in ("/dev/zero", "/dev/null", "/proc/self/mem"):
    GROUP.add(
        f"input-is{path.replace('/', '-')}",
        {"model.onnx": MODEL},
        [*RUN, "--inputs", path],
        texts=(path,),
    )
GROUP.add(
    "input-is-fifo",
    {"model.onnx": MODEL, "b.npy": GOOD},
    [*RUN, "--input", f"a={IN}/a.npy", "--input", f"b={IN}/b.npy"],
    texts=("a.npy", "not a regular file"),
    prepare=lambda folder, _: __import__("os").mkfifo(folder / "a.npy"),
)
GROUP.add(
    "input-value-asks-for-8-tib",
    {"model.onnx": MODEL, "a.npy": lie},
    [*RUN, "--input-value", f"a={IN}/a.npy"],
    texts=("a.npy",),
)
GROUP.add(
    "dims-of-the-bench",
    {"model.onnx": MODEL},
    ["dure", "bench", f"{IN}/model.onnx", "--dims", f"n={1 << 60}", "--no-roof"],
    texts=("a: shape",),
    status=2,
)
