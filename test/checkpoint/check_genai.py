#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A checkpoint exported in the style genai, decoded by onnxruntime-genai itself.

    python check_genai.py DURE CHECKPOINT REFERENCE.npz OUTPUT

exports CHECKPOINT with DURE into OUTPUT; onnxruntime-genai must decode the prompts of
REFERENCE, which smollm2_greedy.py wrote, to its tokens, but where the first two logits
lie within 1e-3. Without the checkpoint or the package it says so and exits with 77,
which ctest takes for skipped. The environment variable DURE_GENAI_PYTHON names the
Python that has onnxruntime-genai.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from other_python import choose_python  # noqa: E402

SKIPPED = 77
MARGIN = 1e-3

choose_python("DURE_GENAI_PYTHON")
try:
    import numpy as np
    import onnxruntime_genai as genai
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)


def decode(model, prompt, count):
    params = genai.GeneratorParams(model)
    params.set_search_options(max_length=len(prompt) + count)
    generator = genai.Generator(model, params)
    generator.append_tokens(prompt.astype(np.int32))
    tokens = []
    while len(tokens) < count and not generator.is_done():
        generator.generate_next_token()
        tokens.append(int(generator.get_next_tokens()[0]))
    return tokens


def main():
    dure, checkpoint, reference, output = sys.argv[1:]
    if not Path(checkpoint).exists():
        print(f"skipped: {checkpoint} is not there: tools/test fetches it")
        sys.exit(SKIPPED)
    command = [dure, "export", checkpoint, "--style", "genai", "-o", output]
    subprocess.run(command, check=True, capture_output=True)
    model = genai.Model(output)
    stored = np.load(reference)
    compared = 0
    prompts = sum(name.endswith(".ids") for name in stored.files)
    for i in range(prompts):
        wanted, margins = stored[f"{i}.tokens"], stored[f"{i}.margins"]
        got = decode(model, stored[f"{i}.ids"], len(wanted))
        for at, token in enumerate(got):
            if token != wanted[at]:
                if margins[at] > MARGIN:
                    sys.exit(f"prompt {i}: token {at} is {token}, not {wanted[at]}")
                break  # What follows continues another text.
            compared += 1
    print(f"{compared} tokens of {prompts} prompts are transformers'")
    sys.exit(not compared)


if __name__ == "__main__":
    main()
