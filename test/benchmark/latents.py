#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures steps of a model that caches latents, at several lengths of its context.

    latents.py FOLDER --dure build/release/bin/dure --other OTHER/bin/dure

Makes a checkpoint of random weights in FOLDER (DeepSeek-V3's layers with dense MLPs),
compiles it with each command and times the entry `step` in turn for --rounds; the best
of each counts. Printed are tokens/s, bytes that a token moves as `bench` counts them, and
the share of the memory's read rate, the best that was measured in the same run.
"""

import argparse
import json
import struct
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
    "vocab_size": 16384, "hidden_size": 1024, "intermediate_size": 2816,
    "num_hidden_layers": 6, "first_k_dense_replace": 6, "num_attention_heads": 16,
    "num_key_value_heads": 16, "q_lora_rank": 768, "kv_lora_rank": 512,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 1,
    "topk_group": 1, "moe_intermediate_size": 512, "norm_topk_prob": True,
    "routed_scaling_factor": 2.5, "hidden_act": "silu", "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "max_position_embeddings": 16384,
    "tie_word_embeddings": False, "attention_bias": False, "torch_dtype": "bfloat16",
}  # fmt: skip


def shapes():
    c = CONFIG
    hidden, heads = c["hidden_size"], c["num_attention_heads"]
    plain, turned = c["qk_nope_head_dim"], c["qk_rope_head_dim"]
    latent, value = c["kv_lora_rank"], c["v_head_dim"]
    yield "model.embed_tokens.weight", (c["vocab_size"], hidden)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (c["vocab_size"], hidden)
    for i in range(c["num_hidden_layers"]):
        layer, own = f"model.layers.{i}.", f"model.layers.{i}.self_attn."
        yield layer + "input_layernorm.weight", (hidden,)
        yield layer + "post_attention_layernorm.weight", (hidden,)
        yield own + "q_a_proj.weight", (c["q_lora_rank"], hidden)
        yield own + "q_a_layernorm.weight", (c["q_lora_rank"],)
        yield own + "q_b_proj.weight", (heads * (plain + turned), c["q_lora_rank"])
        yield own + "kv_a_proj_with_mqa.weight", (latent + turned, hidden)
        yield own + "kv_a_layernorm.weight", (latent,)
        yield own + "kv_b_proj.weight", (heads * (plain + value), latent)
        yield own + "o_proj.weight", (hidden, heads * value)
        for name in ("gate_proj", "up_proj"):
            yield f"{layer}mlp.{name}.weight", (c["intermediate_size"], hidden)
        yield layer + "mlp.down_proj.weight", (hidden, c["intermediate_size"])


def write_checkpoint(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    header, at = {}, 0
    for name, shape in shapes():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.default_rng(1)
    with open(folder / "model.safetensors", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes():
            number = random.standard_normal(shape, np.float32)
            number = 1 + 0.1 * number if len(shape) == 1 else number / shape[1] ** 0.5
            out.write((number.view(np.uint32) >> 16).astype(np.uint16).tobytes())


def bench(dure, package, context, probe):
    dims = f"batch=1,sequence=1,past_sequence={context - 1},capacity={context}"
    command = [dure, "bench", package, "--entry", "step", "--dims", dims, "--threads", "2",
               "--json"]  # fmt: skip
    done = subprocess.run(command + ([] if probe else ["--no-roof"]), check=True,
                          stdout=subprocess.PIPE)  # fmt: skip
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dure", type=Path, default=ROOT / "build/release/bin/dure")
    parser.add_argument("--other", type=Path, help="the command of another build")
    parser.add_argument("--contexts", default="256,2048,8192")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if not (args.folder / "model.safetensors").exists():
        write_checkpoint(args.folder)
    commands = [args.dure] + ([args.other] if args.other else [])
    packages = []
    for i, dure in enumerate(commands):
        packages.append(args.folder / f"{i}.dure")
        subprocess.run([dure, "compile", args.folder, "-o", packages[i]], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    best, rate = {}, 0
    contexts = [int(each) for each in args.contexts.split(",")]
    for _ in range(args.rounds):
        for context in contexts:
            for i, dure in enumerate(commands):
                done = bench(dure, packages[i], context, i == 0)
                rate = max(rate, (done["roof"] or {}).get("read_gbytes_per_s", 0))
                key = context, i
                if key not in best or done["min_s"] < best[key]["min_s"]:
                    best[key] = done
    print(f"memory reads at {rate:.1f} GB/s")
    for (context, i), done in sorted(best.items()):
        moved, seconds = done["bytes"], done["min_s"]
        print(f"{context:6} {commands[i]}: {1 / seconds:.2f} tokens/s, {moved / 1e6:.0f} MB a "
              f"token, {moved / seconds / 1e9 / rate:.0%} of the read rate, "
              f"{done['peak_transient_bytes'] / 1e6:.1f} MB between dispatches")  # fmt: skip


if __name__ == "__main__":
    main()
