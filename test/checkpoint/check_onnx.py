#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exported checkpoints through onnx's checker and onnxruntime.

    python check_onnx.py DURE CHECKPOINTS OUTPUT

exports every checkpoint below CHECKPOINTS, folder or GGUF file, with DURE, at each opset, into OUTPUT; onnx's
checker must find nothing, and onnxruntime must give what transformers gave, within
1e-4. Without onnx and onnxruntime it says so and exits with 77, which ctest takes for
skipped. The environment variable DURE_TORCH_PYTHON names the Python that has them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

SKIPPED = 77
OPSETS = (20, 23)
TOLERANCE = 1e-4


def choose_python():
    """Goes on in the Python that DURE_TORCH_PYTHON names, if it names one."""
    wanted = os.environ.pop("DURE_TORCH_PYTHON", None)
    if wanted:
        try:
            os.execv(wanted, [wanted] + sys.argv)
        except OSError as error:
            sys.exit(f"DURE_TORCH_PYTHON: {wanted}: {error.strerror}")


choose_python()
try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import numpy_helper
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)


def read_tensors(folder, kind):
    tensors = {}
    for path in folder.glob(f"{kind}_*.pb"):
        proto = onnx.TensorProto.FromString(path.read_bytes())
        tensors[proto.name] = numpy_helper.to_array(proto)
    return tensors


def valid_error(result, expected, valid):
    """The largest error of what may be compared, in units of 1 + |expected|."""
    error = np.abs(result - expected) / (1.0 + np.abs(expected))
    if not valid:
        return error.max()
    axis = valid["axis"] - 1
    return max(
        np.moveaxis(error[row], axis, 0)[begin:end].max()
        for row, (begin, end) in enumerate(valid["ranges"])
    )


def check(data, model):
    """The largest error over all cases, and the number of nodes."""
    onnx.checker.check_model(str(model), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    worst = 0.0
    for case in json.loads((data / "cases.json").read_text())["cases"]:
        inputs = read_tensors(data / case["set"], "input")
        for name, expected in read_tensors(data / case["set"], "output").items():
            (result,) = session.run([name], inputs)
            if result.shape != expected.shape:
                sys.exit(f"{model}: {case['name']}: {name} has shape {result.shape}")
            error = valid_error(result, expected, case.get("valid", {}).get(name))
            if not error <= TOLERANCE:
                sys.exit(f"{model}: {case['name']}: {name} differs by {error:.1e}")
            worst = max(worst, float(error))
    return worst, len(onnx.load(model, load_external_data=False).graph.node)


def main():
    dure, checkpoints, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    found = [path.parent for path in checkpoints.glob("*/config.json")]
    found += checkpoints.glob("*/model.gguf")
    for checkpoint in sorted(found):
        data = checkpoint if checkpoint.is_dir() else checkpoint.parent
        for opset in OPSETS:
            model = output / f"{data.name}-{opset}" / "model.onnx"
            model.parent.mkdir(parents=True, exist_ok=True)
            command = [dure, "export", checkpoint, "--opset", str(opset), "-o", model]
            subprocess.run(command, check=True, capture_output=True)
            error, nodes = check(data, model)
            print(f"{data.name}, opset {opset}: {nodes} nodes, error {error:.1e}")
    sys.exit(not found)


if __name__ == "__main__":
    main()
