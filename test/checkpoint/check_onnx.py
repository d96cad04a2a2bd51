#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exported checkpoints through onnx's checker and onnxruntime.

    python check_onnx.py DURE CHECKPOINTS OUTPUT [FIGURES]

exports every checkpoint below CHECKPOINTS, folder or GGUF file, with DURE, in each style
at each opset, into OUTPUT; onnx's checker must find nothing, and onnxruntime must give
what transformers gave, within 1e-4 and within the bounds of the file FIGURES. Where the
environment variable DURE_FIGURES names a file, what was measured is added to that
instead (models_page.py makes bounds of it). Without onnx and onnxruntime it says so and
exits with 77, which ctest takes for skipped. The environment variable DURE_TORCH_PYTHON
names the Python that has them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from models_page import read_figures

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from other_python import choose_python  # noqa: E402

SKIPPED = 77
OPSETS = {"onnx": (20, 23), "genai": (20, 21, 23)}
# What the style genai cannot say, by the beginning of its names: why it is refused.
REFUSED = {
    "axk1": "genai-latent",
    "bert": "genai-encoder",
    "deepseek-v": "genai-latent",
    "xlm-roberta": "genai-encoder",
}
TOLERANCE = 1e-4

choose_python("DURE_TORCH_PYTHON")
try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import defs, numpy_helper
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)


def register_norm():
    """onnxruntime's operator that its models have in ONNX's own domain."""
    name = "SimplifiedLayerNormalization"
    kind = defs.OpSchema.AttrType
    schema = defs.OpSchema(
        name,
        "",
        1,
        inputs=[defs.OpSchema.FormalParameter(n, "T") for n in ("X", "scale")],
        outputs=[defs.OpSchema.FormalParameter("Y", "T")],
        type_constraints=[("T", ["tensor(float)"], "")],
        attributes=[
            defs.OpSchema.Attribute("axis", kind.INT, "", required=False),
            defs.OpSchema.Attribute("epsilon", kind.FLOAT, "", required=False),
            defs.OpSchema.Attribute("stash_type", kind.INT, "", required=False),
        ],
    )
    defs.register_schema(schema)


def rolled(values, pads, axis):
    return np.stack([np.roll(v, -pad, axis - 1) for v, pad in zip(values, pads)])


def padded_behind(inputs, outputs, valid):
    """The same rows with padding behind them, as lengths in place of masks ask for."""
    mask = inputs["attention_mask"]
    pads = mask.argmax(axis=1)
    if not pads.any():
        return inputs, outputs, valid
    is_prompt = inputs["input_ids"].shape == mask.shape
    for values in (inputs, outputs):
        for name, value in values.items():
            is_cache = name.startswith(("past", "present"))
            if is_cache or name == "attention_mask" or is_prompt:
                values[name] = rolled(value, pads, 2 if is_cache else 1)
    valid = {n: dict(valid.get(n, {})) for n in outputs}
    for name, part in valid.items():
        if name.startswith("present") or is_prompt:
            part["axis"] = 2 if name.startswith("present") else 1
            part["ranges"] = [[0, mask.shape[1] - int(pad)] for pad in pads]
    return inputs, outputs, valid


def run(session, names, inputs, style):
    """The outputs. GroupQueryAttention takes several tokens behind a past of one row."""
    tokens, keys = inputs["input_ids"].shape[1], inputs["attention_mask"].shape[1]
    if style != "genai" or tokens == 1 or tokens == keys:
        return session.run(names, inputs)
    rows = [
        session.run(names, {n: v[row : row + 1] for n, v in inputs.items()})
        for row in range(len(inputs["input_ids"]))
    ]
    return [np.concatenate(parts) for parts in zip(*rows)]


def read_tensors(folder, kind):
    tensors = {}
    for path in folder.glob(f"{kind}_*.pb"):
        proto = onnx.TensorProto.FromString(path.read_bytes())
        tensors[proto.name] = numpy_helper.to_array(proto)
    return tensors


def compared(result, expected, valid):
    """What may be compared of two tensors, as vectors."""
    if not valid:
        return result.ravel(), expected.ravel()
    axis = valid["axis"] - 1
    return (
        np.concatenate(
            [
                np.moveaxis(values[row], axis, 0)[begin:end].ravel()
                for row, (begin, end) in enumerate(valid["ranges"])
            ]
        )
        for values in (result, expected)
    )


def cosine(left, right):
    left, right = left.astype(np.float64), right.astype(np.float64)
    lengths = np.sqrt((left @ left) * (right @ right))
    return left @ right / lengths if lengths else float((left == right).all())


def check(data, model, style):
    """Over all cases the largest error and the least cosine; the number of nodes."""
    onnx.checker.check_model(str(model), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    worst, least = 0.0, 1.0
    for case in json.loads((data / "cases.json").read_text())["cases"]:
        inputs = read_tensors(data / case["set"], "input")
        outputs = read_tensors(data / case["set"], "output")
        valid = case.get("valid", {})
        if style == "genai":
            inputs, outputs, valid = padded_behind(inputs, outputs, valid)
            taken = [each.name for each in session.get_inputs()]
            inputs = {name: inputs[name] for name in taken}
        results = run(session, list(outputs), inputs, style)
        for (name, expected), result in zip(outputs.items(), results):
            if result.shape != expected.shape:
                sys.exit(f"{model}: {case['name']}: {name} has shape {result.shape}")
            got, wanted = compared(result, expected, valid.get(name))
            error = np.abs(got - wanted)
            if not (error <= TOLERANCE * (1.0 + np.abs(wanted))).all():
                sys.exit(f"{model}: {case['name']}: {name} differs by {error.max():.1e}")
            if error.size:
                worst = max(worst, float(error.max()))
                least = min(least, float(cosine(got, wanted)))
    nodes = len(onnx.load(model, load_external_data=False).graph.node)
    return worst, least, nodes


def expect_within(figures, key, error, loss):
    """As the bounds say; or the figures are added to a file."""
    if file := os.environ.get("DURE_FIGURES"):
        with open(file, "a") as measured:
            measured.write(f"{key} {error:.6g} {loss:.6g}\n")
    elif figures is not None:
        bounds = figures.get(key)
        if not bounds or error > bounds[0] or loss > bounds[1]:
            sys.exit(f"{key}: {error:.1e} and {loss:.1e} exceed the bounds {bounds}")


def export(dure, checkpoint, data, style, opset, output):
    """The graph; None when it is refused as it has to be."""
    model = output / f"{data.name}-{style}-{opset}" / "model.onnx"
    model.parent.mkdir(parents=True, exist_ok=True)
    command = [dure, "export", checkpoint, "--style", style, "--opset", str(opset)]
    done = subprocess.run(command + ["-o", model], capture_output=True, text=True)
    why = next((w for n, w in REFUSED.items() if data.name.startswith(n)), None)
    if style == "genai" and why:
        if done.returncode == 0 or f"[{why}]" not in done.stderr:
            sys.exit(f"{data.name}: not refused with [{why}]: {done.stderr}")
        return None
    if done.returncode:
        sys.exit(done.stderr)
    return model


def main():
    dure, checkpoints, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    figures = read_figures(Path(sys.argv[4])) if len(sys.argv) > 4 else None
    register_norm()
    found = [path.parent for path in checkpoints.glob("*/config.json")]
    found += checkpoints.glob("*/model.gguf")
    for checkpoint in sorted(found):
        data = checkpoint if checkpoint.is_dir() else checkpoint.parent
        for style, opsets in OPSETS.items():
            for opset in opsets:
                model = export(dure, checkpoint, data, style, opset, output)
                if not model:
                    continue
                error, least, nodes = check(data, model, style)
                key = f"{data.name} {style}-{opset} onnxruntime"
                expect_within(figures, key, error, 1 - least)
                print(f"{key}: {nodes} nodes, error {error:.1e}")
    sys.exit(not found)


if __name__ == "__main__":
    main()
