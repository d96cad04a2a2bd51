# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""recognised.py FOLDER: what phase raise makes of each model in a folder, a line
a model: how often each of the ops below stands in `main`, and in the entries on
state where that differs."""

import re
import subprocess
import sys
from pathlib import Path

NAMES = (
    "attention",
    "norm",
    "rope",
    "gated_mlp",
    "moe",
    "gelu",
    "softmax",
    "scatter_nd",
)


def counts(text):
    ops = re.findall(r"= dure\.(\w+)", text)
    ops = ["norm" if op in ("rms_norm", "layer_norm") else op for op in ops]
    found = [f"{name} {ops.count(name)}" for name in NAMES if name in ops]
    found += [f"{text.count(flag)} {flag.split()[0]}" for flag in ("causal = true", "window = ")]
    return ", ".join(found)


for model in sorted(Path(sys.argv[1]).glob("*/model.onnx")):
    output = model.parent / "raised.mlir"
    subprocess.run(
        ["dure", "compile", model, "-o", output, "--stop-after", "raise"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    main, *others = re.split(r"func\.func @(step|prefill)", output.read_text())
    entries = dict(zip(others[::2], others[1::2]))
    caches = entries.get("step", "").count("dure.cache_update")
    print(f"{model.parent.name}: {counts(main)}, {caches} caches")
    for name, text in entries.items():
        if counts(text) != counts(main) or text.count("dure.cache_update") != caches:
            print(f"{model.parent.name}: {name} differs: {counts(text)}")
