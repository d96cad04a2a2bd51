# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folders of inputs and expected outputs for `dure check`."""

import os

from case import IN, Group, npy
from inputs import archive
from wire import *

GROUP = Group("data-sets")
MODEL = model(
    graph(
        [node("Add", ["a", "b"], ["y"])],
        [value("a", FLOAT, ["n"]), value("b", FLOAT, ["n"])],
        [value("y", FLOAT, ["n"])],
    )
)
ONE = tensor("a", FLOAT, [2], [1.0, 2.0])
TWO = tensor("b", FLOAT, [2], [3.0, 4.0])
SUM = tensor("y", FLOAT, [2], [4.0, 6.0])
SET = "d/test_data_set_0/"
GOOD = {SET + "input_0.pb": ONE, SET + "input_1.pb": TWO, SET + "output_0.pb": SUM}


def checked(name, changes, *texts, options=(), status=1, prepare=None):
    """`dure check` of the good set with some files changed; None: not there."""
    files = {"model.onnx": MODEL} | GOOD | changes
    GROUP.add(
        name,
        {path: content for path, content in files.items() if content is not None},
        ["dure", "check", f"{IN}/model.onnx", "--data", f"{IN}/d", *options],
        texts=texts,
        status=status,
        prepare=prepare,
    )


checked("good", {}, "all 1 outputs match", status=0)
for name, content in {
    "empty": b"",
    "text": b"what is this",
    "cut": SUM[:-1],
    "dims-overflow": tensor("y", FLOAT, [1 << 62, 4], b""),
    "dims-negative": tensor("y", FLOAT, [-2], b""),
    "dims-2-40": tensor("y", FLOAT, [1 << 40], b"1234"),
    "external": external("y", FLOAT, [2], location="/etc/passwd"),
}.items():
    checked(f"output-{name}", {SET + "output_0.pb": content}, "output_0.pb")
    checked(f"input-{name}", {SET + "input_1.pb": content}, "input")
checked("input-missing", {SET + "input_1.pb": None}, "b: missing")
checked(
    "inputs-missing",
    {SET + "input_0.pb": None, SET + "input_1.pb": None},
    "a: missing",
    "b: missing",
)
checked("output-missing", {SET + "output_0.pb": None}, "nothing to compare with")
checked("set-missing", {path: None for path in GOOD} | {"d/x": b""}, "test_data_set_")
checked("input-of-number-2", {SET + "input_2.pb": ONE}, "input_2.pb", "only 2 inputs")
checked("input-of-number-2-63", {SET + f"input_{(1 << 63) - 1}.pb": ONE}, "only 2 inputs")
checked("output-of-number-1", {SET + "output_1.pb": SUM}, "output_1.pb", "only 1 outputs")
checked("number-twice", {SET + "input_00.pb": ONE}, "the same number")
checked("number-negative", {SET + "input_-1.pb": ONE}, "all 1 outputs match", status=0)
checked(
    "number-beyond-64-bits", {SET + f"input_{1 << 70}.pb": ONE}, "all 1 outputs match", status=0
)
checked(
    "other-files", {SET + "input_x.pb": b"", SET + "readme": b""}, "all 1 outputs match", status=0
)
checked("sets-with-one-number", {"d/test_data_set_00/input_0.pb": ONE}, "the same number")
checked(
    "input-is-folder",
    {SET + "input_1.pb": None, SET + "input_1.pb/x": b""},
    "input_1.pb",
    "not a regular file",
)
checked(
    "input-of-other-n",
    {SET + "input_1.pb": tensor("b", FLOAT, [3], [1.0, 2.0, 3.0])},
    "makes n = ",
)
checked(
    "input-of-other-type",
    {SET + "input_1.pb": tensor("b", INT64, [2], [1, 2])},
    "element type int64",
)
checked(
    "input-of-strings",
    {SET + "input_1.pb": tensor("b", STRING, [2], more=field(6, "x") * 2)},
    "string",
)


def pipe(folder, _):
    os.mkfifo(folder / SET / "input_1.pb")


checked(
    "input-is-fifo", {SET + "input_1.pb": None}, "input_1.pb", "not a regular file", prepare=pipe
)
for name, content, text in (
    ("against-good", archive([("y.npy", npy("<f4", [2], raw(FLOAT, [4.0, 6.0])))]), None),
    ("against-text", b"what", "e.npz"),
    ("against-nothing", archive([]), "nothing to compare with"),
    (
        "against-unknown-output",
        archive([("z.npy", npy("<f4", [2], raw(FLOAT, [4.0, 6.0])))]),
        "no output 'z'",
    ),
    ("against-no-array", archive([("y.npy", b"text")]), "e.npz"),
):
    checked(
        name,
        {"e.npz": content},
        text or "all 1 outputs match",
        options=["--against", f"{IN}/e.npz"],
        status=1 if text else 0,
    )
for option, given in (("--atol", "nan"), ("--atol", "-1"), ("--rtol", "1e999"), ("--atol", "0x")):
    checked(f"{option[2:]}-{given or 'empty'}", {}, option, options=[option, given], status=2)
checked("folder-missing", {}, "no such folder", options=[])
GROUP.cases[-1].command[-1] = f"{IN}/gone"
checked("folder-is-file", {}, "model.onnx", options=[])
GROUP.cases[-1].command[-1] = f"{IN}/model.onnx"
