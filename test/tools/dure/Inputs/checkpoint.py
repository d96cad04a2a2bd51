# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the smallest checkpoint of a Llama: checkpoint.py FOLDER [--odd] [--wide N]

--odd gives its configuration two keys that nobody knows; --wide gives it heads of 8
elements and N positions.
"""

import json
import struct
import sys
from pathlib import Path

SHAPES = {
    "lm_head.weight": [5, 4],
    "model.embed_tokens.weight": [5, 4],
    "model.layers.0.input_layernorm.weight": [4],
    "model.layers.0.mlp.down_proj.weight": [4, 3],
    "model.layers.0.mlp.gate_proj.weight": [3, 4],
    "model.layers.0.mlp.up_proj.weight": [3, 4],
    "model.layers.0.post_attention_layernorm.weight": [4],
    "model.layers.0.self_attn.k_proj.weight": [2, 4],
    "model.layers.0.self_attn.o_proj.weight": [4, 4],
    "model.layers.0.self_attn.q_proj.weight": [4, 4],
    "model.layers.0.self_attn.v_proj.weight": [2, 4],
    "model.norm.weight": [4],
}
# Which of their dims is of heads.
HEADS = {"q_proj": 0, "k_proj": 0, "v_proj": 0, "o_proj": 1}
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4,
    "intermediate_size": 3,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "vocab_size": 5,
}

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
config = dict(CONFIG)
if "--odd" in sys.argv:
    config |= {"new_gate": True, "new_scale": 0.5}
if "--wide" in sys.argv:
    positions = int(sys.argv[sys.argv.index("--wide") + 1])
    config |= {"head_dim": 8, "max_position_embeddings": positions}
    for name, shape in SHAPES.items():
        part = name.split(".")[-2]
        if part in HEADS:
            shape[HEADS[part]] *= 4
(folder / "config.json").write_text(json.dumps(config))
header, at = {}, 0
for name, shape in SHAPES.items():
    size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
    header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
    at += size
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
data = struct.pack("<Q", len(text)) + text + bytes(at)
(folder / "model.safetensors").write_bytes(data)
