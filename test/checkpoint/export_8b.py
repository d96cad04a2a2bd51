# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports a checkpoint with the shapes of Llama 3.1 8B in bf16, as sparse files.

    python export_8b.py DURE FOLDER

Fails when that takes more than 5 seconds or 300 MiB, or writes more than a graph:
weights are neither read nor copied. Needs nothing but Python.
"""

import json
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

LAYERS, HIDDEN, KEYS, INNER, VOCABULARY = 32, 4096, 1024, 14336, 128256
SECONDS, MEBIBYTES, GRAPH_BYTES = 5, 300, 1 << 20

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_attention_heads": 32,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "torch_dtype": "bfloat16",
    "vocab_size": VOCABULARY,
}


def shapes():
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        name = f"model.layers.{layer}."
        yield name + "input_layernorm.weight", (HIDDEN,)
        yield name + "post_attention_layernorm.weight", (HIDDEN,)
        for part, rows in (("q", HIDDEN), ("k", KEYS), ("v", KEYS), ("o", HIDDEN)):
            yield f"{name}self_attn.{part}_proj.weight", (rows, HIDDEN)
        yield name + "mlp.gate_proj.weight", (INNER, HIDDEN)
        yield name + "mlp.up_proj.weight", (INNER, HIDDEN)
        yield name + "mlp.down_proj.weight", (HIDDEN, INNER)


def write_checkpoint(folder):
    """Four files whose data are holes, and the index of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    entries, weight_map = list(shapes()), {}
    for part in range(4):
        header, at = {}, 0
        file = f"model-{part + 1:05}-of-00004.safetensors"
        for name, shape in entries[part::4]:
            size = 2
            for each in shape:
                size *= each
            offsets = [at, at + size]
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": offsets}
            weight_map[name] = file
            at += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / file, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            out.truncate(8 + len(text) + at)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def main():
    dure, folder = sys.argv[1], Path(sys.argv[2])
    write_checkpoint(folder)
    start = time.monotonic()
    subprocess.run([dure, "export", folder], check=True)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    size = (folder / "model.onnx").stat().st_size
    print(f"{seconds:.2f} s, {peak:.0f} MiB, a graph of {size} bytes")
    bounds = ((seconds, SECONDS), (peak, MEBIBYTES), (size, GRAPH_BYTES))
    sys.exit(any(got > most for got, most in bounds))


if __name__ == "__main__":
    main()
