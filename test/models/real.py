#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes real.tar.xz: inputs of trained networks, and onnxruntime's outputs.

    python real.py FOLDER        (needs onnxruntime)

FOLDER holds `real-NAME/model.onnx`, as tools/test fetches them from wheels (see
tools/lib/setup.sh); the archive holds the data sets that belong beside them.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

from archive import files_of, write_archive


def random(*dims, low=-1.0, high=1.0):
    values = np.random.default_rng(sum(dims)).uniform(low, high, dims)
    return values.astype(np.float32)


def speech(rows, samples):
    """A buzz with a rising pitch: something that a detector of voices doubts."""
    time = np.arange(samples) / 16000
    tone = np.sin(2 * np.pi * (140 + 900 * time) * time)
    harmonics = sum(tone ** (2 * k + 1) for k in range(4)) / 4
    return (harmonics * np.linspace(0.1, 0.8, rows)[:, None]).astype(np.float32)


def text_of_bytes(rows):
    """The beginning and the end of files, 256 where there is none."""
    source = Path(__file__).read_bytes()
    out = np.full((rows, 2048), 256, np.int32)
    for i in range(rows):
        part = source[: 1024 >> i]
        out[i, : len(part)] = list(part)
        out[i, 2048 - len(part) :] = list(part)
    return out


def vad(rows, samples, rate=None, kind=np.float32):
    inputs = {"input": speech(rows, samples).astype(kind), "state": random(2, rows, 128).astype(kind)}
    return inputs | ({"sr": np.array(rate)} if rate else {})


# Inputs by name; every model is run on each.
SETS = {
    # Text recognition: convolutions, attention over a line, opset 12.
    "ppocr-rec": [{"x": random(2, 3, 48, 40)}],
    # Text detection: ConvTranspose, Resize; the direction of a line.
    "ppocr-det": [{"x": random(1, 3, 64, 96)}],
    "ppocr-cls": [{"x": random(2, 3, 48, 192)}],
    # Voice activity: If on the sample rate, with graphs inside graphs, LSTM.
    "silero-vad": [vad(2, 512, 16000), vad(1, 256, 8000)],
    "silero-vad-op18": [vad(1, 512, 16000), vad(3, 256, 8000)],
    "silero-vad-sequence": [
        {"input": speech(5, 576), "h": random(1, 1, 128), "c": random(1, 1, 128)}
    ],
    # The kind of a file by its bytes.
    "magika": [{"bytes": text_of_bytes(1)}, {"bytes": text_of_bytes(3)}],
}


def main():
    root, files = Path(sys.argv[1]), {}
    for name, given in SETS.items():
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(root / f"real-{name}" / "model.onnx", options)
        outputs = [o.name for o in session.get_outputs()]
        order = [i.name for i in session.get_inputs()]
        sets = []
        for k, values in enumerate(given):
            inputs = {i: values[i] for i in order}
            results = dict(zip(outputs, session.run(None, inputs)))
            sets.append({"name": f"case-{k}", "inputs": inputs, "outputs": results})
        files |= files_of(f"real-{name}", None, sets)
    write_archive(Path(__file__).with_name("real.tar.xz"), files)


main()
