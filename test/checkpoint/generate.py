# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiny random checkpoints as transformers saves them, with its outputs.

    python generate.py [--family NAME]... [--output DIR]

writes FAMILY.tar.xz, or folders below DIR. The families are those of
test/models/families.py and of FAMILIES below. README.md describes the archives.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "models"))

import families  # noqa: E402
import generate as exports  # noqa: E402
from archive import files_of, write_archive  # noqa: E402

# Name -> (function of families.py, its layers, the type of the saved weights,
# what save_pretrained is told). No two of a size or a type are alike.
FAMILIES = {
    "llama": (families.llama, 2, torch.float32, {}),
    "qwen2": (families.qwen2, 2, torch.bfloat16, {"max_shard_size": "40KB"}),
    "qwen3": (families.qwen3, 2, torch.bfloat16, {}),
    "exaone4": (families.exaone4, 4, torch.bfloat16, {}),
    "exaone4-global": (families.exaone4_global, 2, torch.float32, {}),
    "hyperclovax": (families.hyperclovax, 2, torch.bfloat16, {}),
    "granite": (families.granite, 2, torch.bfloat16, {}),
    "gemma3": (families.gemma3, 2, torch.bfloat16, {}),
}


def extra_cases(model, names, outputs, window):
    """A fourth step, and prompts as long as the window is, one less, one more,
    each with a step behind it."""
    generator = np.random.Generator(np.random.PCG64(exports.SEED + 1))
    cases = []

    def step(name, ids, past_length, past):
        mask = torch.ones(ids.shape[0], past_length + ids.shape[1], dtype=torch.int64)
        positions = exports.positions_of(mask, ids.shape[1])
        case, (logits, present) = exports.run(
            model, names, outputs, name, (ids, mask, positions, past)
        )
        cases.append(case)
        return logits[:, -1:].argmax(-1), present

    for length in (window - 1, window, window + 1):
        ids = exports.random_ids(generator, 1, length)
        ids, past = step(f"window-{length}", ids, 0, model.past(1, 0))
        step(f"window-{length}-decode", ids, length, past)
    return cases


def with_fourth_step(model, names, outputs, cases):
    """Behind decode-3, a step more."""
    last = next(case for case in cases if case.name == "decode-3")
    present = [torch.from_numpy(last.outputs[name]) for name in outputs[1:]]
    ids = torch.from_numpy(last.outputs["logits"])[:, -1:].argmax(-1)
    mask = torch.from_numpy(last.inputs["attention_mask"])
    mask = torch.nn.functional.pad(mask, (0, 1), value=1)
    positions = exports.positions_of(mask, 1)
    case, _ = exports.run(
        model, names, outputs, "decode-4", (ids, mask, positions, present)
    )
    return cases + [case]


def make_cases(model):
    _, _, names, outputs = exports.example_arguments(model)
    cases = exports.make_cases(model)
    if isinstance(model, families.Decoder):
        cases = with_fourth_step(model, names, outputs, cases)
        window = getattr(model.model.config, "sliding_window", None)
        if window:
            cases += extra_cases(model, names, outputs, window)
    return cases


def make_folder(name):
    build, layers, dtype, saving = FAMILIES[name]
    torch.manual_seed(0)
    model = build(layers, "eager").eval()
    exports.set_weights(model)
    sets = [
        {"name": c.name, "inputs": c.inputs, "outputs": c.outputs}
        | ({"valid": c.valid} if c.valid else {})
        for c in make_cases(model)
    ]
    files = files_of(name, None, sets)
    with tempfile.TemporaryDirectory() as folder:
        # The weights lie on the grid of bf16: in f16 they would be rounded, so
        # that type is for models whose weights fit it.
        model.model.to(dtype).save_pretrained(folder, **saving)
        for path in sorted(Path(folder).iterdir()):
            if path.name != "generation_config.json":
                files[f"{name}/{path.name}"] = path.read_bytes()
    return files


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--output", type=Path, help="write folders here, no archive")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    for name in args.family or FAMILIES:
        files = make_folder(name)
        if args.output:
            exports.write_folder(args.output, files)
        else:
            write_archive(HERE / f"{name}.tar.xz", files)


if __name__ == "__main__":
    main()
