# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a case is: files, a command on them, and what it must answer."""

import re
from dataclasses import dataclass, field
from typing import Callable

# Stands for the case's folder of files, and for a folder that is empty before.
IN, OUT = "{in}", "{out}"


@dataclass
class Case:
    """One command on hostile files."""

    name: str  # "group.what-is-wrong"
    # name -> bytes, below IN; or a function that makes them, where they are large.
    files: dict
    command: list  # of a program of the build, and its arguments
    status: int = 1
    # Each must stand in stderr (in stdout when the case is accepted).
    texts: tuple = ()
    # name -> (dtype as numpy writes it, shape, values) of an accepted run.
    outputs: dict = field(default_factory=dict)
    # Called with the folder of files and the build's bin folder, before the run.
    prepare: Callable = None
    # Called with the folder of files once the command runs, for races.
    during: Callable = None
    # The standard allows either: a refusal, or the right result.
    either: bool = False
    # Refused only because memory is limited: a build without limits may well do it.
    needs_limit: bool = False

    def __post_init__(self):
        self.needs_limit |= "memory" in self.texts


class Group:
    """The cases of one file, in its order."""

    def __init__(self, name):
        self.name = name
        self.cases = []

    def add(self, name, files, command, **rest):
        case = Case(f"{self.name}.{name}", files, command, **rest)
        if any(case.name == known.name for known in self.cases):
            raise ValueError(f"two cases are named {case.name}")
        self.cases.append(case)
        return case

    def refused(self, name, model, *texts, code=None, options=(), **rest):
        """`dure compile` refuses the model: with the code, and each of the texts."""
        texts = ((f"[{code}]",) if code else ()) + texts
        if not texts:
            raise ValueError(f"{name}: it must be refused for a reason")
        command = ["dure", "compile", f"{IN}/model.onnx", "-o", f"{OUT}/x.dure"]
        return self.add(name, {"model.onnx": model}, command + list(options), texts=texts, **rest)

    def compiles(self, name, model, options=(), **rest):
        """`dure compile` accepts the model."""
        command = ["dure", "compile", f"{IN}/model.onnx", "-o", f"{OUT}/x.dure"]
        return self.add(name, {"model.onnx": model}, command + list(options), status=0, **rest)

    def run_fails(self, name, model, inputs, *texts, **rest):
        """`dure run` ends with a message; `inputs` is name -> npy bytes."""
        return self._run(name, model, inputs, texts=texts, **rest)

    def gives(self, name, model, inputs, outputs, **rest):
        """`dure run` gives the outputs: the standard defines the case."""
        return self._run(name, model, inputs, status=0, outputs=outputs, **rest)

    def _run(self, name, model, inputs, options=(), files=(), **rest):
        command = ["dure", "run", f"{IN}/model.onnx", "--output-dir", f"{OUT}/o"]
        stored = {"model.onnx": model, **dict(files)}
        for index, (input_name, content) in enumerate(inputs.items()):
            stored[f"{index}.npy"] = content
            command += ["--input", f"{input_name}={IN}/{index}.npy"]
        return self.add(name, stored, command + list(options), **rest)


# npy --------------------------------------------------------------------------------


def npy(descr, dims, data, fortran=False, version=1):
    """A .npy file; `dims` may be any text that stands for the shape."""
    if not isinstance(dims, str):
        dims = "(" + "".join(f"{d}," for d in dims) + ")"
    header = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {dims}, }}"
    header = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


def parse_npy(content):
    """(descr, shape, data) of a file that dure wrote."""
    if content[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError("not a .npy file of version 1.0")
    end = 10 + int.from_bytes(content[8:10], "little")
    header = content[10:end].decode()
    descr = re.search(r"'descr': '([^']*)'", header)[1]
    dims = re.search(r"'shape': \(([^)]*)\)", header)[1]
    shape = tuple(int(d) for d in dims.split(",") if d.strip())
    return descr, shape, content[end:]
