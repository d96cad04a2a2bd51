# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiny random checkpoints as transformers saves them, with its outputs.

    python generate.py [--family NAME]... [--output DIR]

writes FAMILY.tar.xz, or folders below DIR. The families are those of
test/models/families.py and of FAMILIES below. README.md describes the archives.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "models"))

import families  # noqa: E402
import generate as exports  # noqa: E402
from archive import files_of, write_archive  # noqa: E402

# Positions count from one behind it.
PADDING = 1


class UntypedEncoder(torch.nn.Module):
    """An encoder with one type of tokens: ids and mask in."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        result = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return result.last_hidden_state, result.pooler_output


def untyped_cases(model):
    """A batch, another shape, and padding on either side."""
    generator = np.random.Generator(np.random.PCG64(exports.SEED))
    names = ["input_ids", "attention_mask"]
    outputs = ["last_hidden_state", "pooler_output"]
    cases = []
    for name, batch, sequence, ranges in (
        ("batch", 2, 7, None),
        ("other-shape", 1, 13, None),
        ("right-padding", 3, 6, [[0, 6], [0, 4], [0, 2]]),
        ("left-padding", 2, 6, [[0, 6], [3, 6]]),
    ):
        ids = exports.random_ids(generator, batch, sequence) // 2 * 2 + 2
        ids = ids.clamp(max=families.VOCAB - 1)
        mask = torch.ones_like(ids)
        for row, (begin, end) in enumerate(ranges or []):
            for part in (slice(0, begin), slice(end, sequence)):
                ids[row, part] = PADDING
                mask[row, part] = 0
        case, _ = exports.run(model, names, outputs, name, (ids, mask))
        if ranges:
            case.valid = {outputs[0]: {"axis": 1, "ranges": ranges}}
        if name == "left-padding":
            # The pooler reads the first token, which is padding.
            del case.outputs["pooler_output"]
        cases.append(case)
    return cases


def xlm_roberta(layers, attention):
    config = transformers.XLMRobertaConfig(
        vocab_size=families.VOCAB,
        hidden_size=families.HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=40,
        type_vocab_size=1,
        pad_token_id=PADDING,
        attn_implementation=attention,
    )
    return UntypedEncoder(transformers.XLMRobertaModel(config))


def exaone3(layers, attention):
    return families.llama(layers, attention, tie_word_embeddings=True)


# EXAONE 3 has no class in transformers: it is Llama with other names.
EXAONE3_NAMES = {
    "model.embed_tokens": "transformer.wte",
    "model.layers.": "transformer.h.",
    "model.norm": "transformer.ln_f",
    "self_attn.o_proj": "attn.attention.out_proj",
    "self_attn": "attn.attention",
    "mlp.gate_proj": "mlp.c_fc_0",
    "mlp.up_proj": "mlp.c_fc_1",
    "mlp.down_proj": "mlp.c_proj",
    "input_layernorm": "ln_1",
    "post_attention_layernorm": "ln_2",
}
EXAONE3_KEYS = {
    "num_hidden_layers": "num_layers",
    "hidden_act": "activation_function",
    "rms_norm_eps": "layer_norm_epsilon",
}


def rename_as_exaone3(folder):
    tensors = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        for old, new in EXAONE3_NAMES.items():
            name = name.replace(old, new)
        tensors[name] = tensor
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config = {EXAONE3_KEYS.get(key, key): value for key, value in config.items()}
    for key in ("attention_bias", "mlp_bias"):
        del config[key]
    # Its configurations are older than transformers 5.
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope
    config |= {"architectures": ["ExaoneForCausalLM"], "model_type": "exaone"}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True))


# Name -> (function of families.py, its layers, the type of the saved weights,
# what save_pretrained is told). No two of a size or a type are alike.
FAMILIES = {
    "llama": (families.llama, 2, torch.float32, {}),
    "qwen2": (families.qwen2, 2, torch.bfloat16, {"max_shard_size": "40KB"}),
    "exaone3": (exaone3, 2, torch.bfloat16, {}),
    "qwen3": (families.qwen3, 2, torch.bfloat16, {}),
    "exaone4": (families.exaone4, 4, torch.bfloat16, {}),
    "exaone4-global": (families.exaone4_global, 2, torch.float32, {}),
    "hyperclovax": (families.hyperclovax, 2, torch.bfloat16, {}),
    "granite": (families.granite, 2, torch.bfloat16, {}),
    "gemma3": (families.gemma3, 2, torch.bfloat16, {}),
    "exaone-moe": (families.exaone_moe, 2, torch.bfloat16, {}),
    "solar-open": (families.solar_open, 2, torch.bfloat16, {}),
    "glm4-moe": (families.glm4_moe, 2, torch.bfloat16, {}),
    "axk1": (families.axk1, 2, torch.bfloat16, {}),
    "deepseek-v2": (families.deepseek_v2, 2, torch.bfloat16, {}),
    "deepseek-v2-lite": (families.deepseek_v2_lite, 2, torch.bfloat16, {}),
    "deepseek-v3": (families.deepseek_v3, 2, torch.bfloat16, {}),
    "qwen3-moe": (families.qwen3_moe, 2, torch.bfloat16, {}),
    "bert": (families.bert, 2, torch.float32, {}),
    "xlm-roberta": (xlm_roberta, 2, torch.bfloat16, {}),
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
    if isinstance(model, UntypedEncoder):
        return untyped_cases(model)
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
        # The weights lie on the grid of bf16, so that neither type rounds them.
        model.model.to(dtype).save_pretrained(folder, **saving)
        if name == "exaone3":
            rename_as_exaone3(Path(folder))
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
