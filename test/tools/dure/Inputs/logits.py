# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Inputs for the tiny Llama's `main`, and an .npz of what came out. No numpy.

    logits.py inputs FOLDER          writes FOLDER/NAME.npy for every input
    logits.py pair FOLDER LOGITS.npy OUT.npz
    logits.py damage FOLDER LOGITS.npy OUT.npz     with other logits at one position
"""

import struct
import sys
import zipfile
from pathlib import Path

TOKENS = [1, 5, 9, 33, 7, 100]


def npy(kind, dims, data):
    shape = "(" + ", ".join(map(str, dims)) + ",)"
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data


def integers(values):
    return npy("<i8", [1, len(values)], struct.pack(f"<{len(values)}q", *values))


def main(what, folder, logits=None, out=None):
    folder = Path(folder)
    if what == "inputs":
        (folder / "input_ids.npy").write_bytes(integers(TOKENS))
        (folder / "attention_mask.npy").write_bytes(integers([1] * len(TOKENS)))
        (folder / "position_ids.npy").write_bytes(integers(range(len(TOKENS))))
        for layer in range(2):
            for kind in ("key", "value"):
                name = f"past_key_values.{layer}.{kind}.npy"
                (folder / name).write_bytes(npy("<f4", [1, 2, 0, 16], b""))
        return
    data = bytearray(Path(logits).read_bytes())
    if what == "damage":
        # The last position's, which stand at the end.
        values = struct.unpack("<128f", data[-512:])
        data[-512:] = struct.pack("<128f", *values[::-1])
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("input_ids.npy", (folder / "input_ids.npy").read_bytes())
        archive.writestr("logits.npy", bytes(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
