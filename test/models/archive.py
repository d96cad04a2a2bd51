# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Archives of model folders, as README.md describes them."""

import io
import json
import lzma
import tarfile

from onnx import numpy_helper


def files_of(name, model, sets):
    """Returns path -> bytes of one folder. `sets` are dicts of a name, the inputs
    and the outputs (tensor name -> array, in the graph's order), and of whatever
    else cases.json says of a set. `model` is None where the file is elsewhere."""
    files = {f"{name}/model.onnx": model} if model else {}
    table = []
    for index, each in enumerate(sets):
        folder = f"test_data_set_{index}"
        each = dict(each)
        for kind in ("input", "output"):
            for number, (tensor, value) in enumerate(each.pop(f"{kind}s").items()):
                data = numpy_helper.from_array(value, tensor).SerializeToString()
                files[f"{name}/{folder}/{kind}_{number}.pb"] = data
        table.append({"set": folder} | each)
    lines = ",\n".join("  " + json.dumps(entry) for entry in table)
    files[f"{name}/cases.json"] = f'{{"cases": [\n{lines}\n]}}\n'.encode()
    return files


def write_archive(path, files):
    """Same files, same bytes: no times, owners or modes of the machine.

    Models come before data sets, and equal data of several variants lies close,
    so that the compressor sees the repetition.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        order = sorted(files, key=lambda p: (p.split("/", 1)[1], p))
        for name in order:
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(files[name]))
    data = lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    path.write_bytes(data)
    print(f"{path.name}: {len(buffer.getvalue())} bytes as {len(data)}")
