# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tiny checkpoints of generate.py as quantized GGUF files, with the outputs of
transformers on the same, dequantized weights.

    python gguf_files.py [--family NAME]... [--output DIR]

writes FAMILY-gguf.tar.xz, or folders below DIR. Files are written as llama.cpp's
converters do: names, order of rows, norms of 1 + w, factors of rope. Where
transformers reads the architecture from GGUF itself, it must agree. Needs what
generate.py does, gguf and accelerate.
"""

import argparse
import importlib.util
import math
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Kind

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "models"))

import generate as exports  # noqa: E402
from archive import files_of, write_archive  # noqa: E402

spec = importlib.util.spec_from_file_location("checkpoints", HERE / "generate.py")
checkpoints = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checkpoints)

# Which quantization each tensor gets, by the end of its name in GGUF.
KINDS = {
    "token_embd": Kind.Q8_0,
    "output": Kind.Q4_1,
    "attn_q": Kind.Q4_0,
    "attn_k": Kind.Q4_1,
    "attn_v": Kind.Q5_0,
    "attn_output": Kind.Q5_1,
    "attn_q_a": Kind.Q8_0,
    "attn_q_b": Kind.BF16,
    "attn_kv_a_mqa": Kind.Q5_0,
    "attn_k_b": Kind.F16,
    "attn_v_b": Kind.BF16,
    "ffn_gate": Kind.BF16,
    "ffn_up": Kind.F16,
    "ffn_down": Kind.Q8_0,
    "ffn_gate_exps": Kind.Q4_0,
    "ffn_up_exps": Kind.Q8_0,
    "ffn_gate_up_exps": Kind.Q4_0,
    "ffn_down_exps": Kind.F16,
    "ffn_gate_shexp": Kind.Q4_1,
    "ffn_up_shexp": Kind.Q5_0,
    "ffn_down_shexp": Kind.BF16,
}

DECODER_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
EXPERT_NAMES = DECODER_NAMES | {
    "mlp.gate": "ffn_gate_inp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
    "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
}
LATENT_NAMES = EXPERT_NAMES | {
    "self_attn.q_a_proj": "attn_q_a",
    "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm",
}
# Norms behind the attention have another place there.
SANDWICH_NAMES = DECODER_NAMES | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
GLM_NAMES = EXPERT_NAMES | {"post_attention_layernorm": "post_attention_norm"}
BERT_NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}

# Name -> architecture in GGUF, names of tensors, whether rows of queries and keys
# hold pairs side by side, what norms have added.
FAMILIES = {
    "llama": ("llama", DECODER_NAMES, True, 0),
    "qwen2": ("qwen2", DECODER_NAMES, False, 0),
    "qwen3": ("qwen3", DECODER_NAMES, False, 0),
    "granite": ("granite", DECODER_NAMES, True, 0),
    "exaone4": ("exaone4", SANDWICH_NAMES, False, 0),
    "exaone4-global": ("exaone4", SANDWICH_NAMES, False, 0),
    "gemma3": ("gemma3", SANDWICH_NAMES, False, 1),
    "exaone-moe": ("exaone-moe", EXPERT_NAMES, False, 0),
    "qwen3-moe": ("qwen3moe", EXPERT_NAMES, False, 0),
    "solar-open": ("glm4moe", GLM_NAMES, False, 0),
    "glm4-moe": ("glm4moe", GLM_NAMES, False, 0),
    "deepseek-v2": ("deepseek2", LATENT_NAMES, False, 0),
    "deepseek-v2-lite": ("deepseek2", LATENT_NAMES, False, 0),
    "deepseek-v3": ("deepseek2", LATENT_NAMES, False, 0),
    "bert": ("bert", BERT_NAMES, False, 0),
}
LATENT = {"deepseek-v2", "deepseek-v2-lite", "deepseek-v3"}
ROUTED = LATENT | {"solar-open", "glm4-moe"}
READ_BY_TRANSFORMERS = {"llama", "qwen2", "qwen3", "qwen3-moe"}
# Enough to see every weight, windows and padding.
CASES = {"prefill", "decode-1", "left-padding", "window-4", "window-5"}
CASES |= {"batch", "other-shape", "right-padding"}


def gguf_name(name, names):
    """The name in GGUF: "blk.0.attn_q.weight"; none for what it leaves out."""
    stem, end = name.rsplit(".", 1)
    parts = stem.split(".")
    index = next((i for i, part in enumerate(parts) if part.isdigit()), None)
    if index is None:
        return f"{names[stem]}.{end}" if stem in names else None
    return f"blk.{parts[index]}.{names['.'.join(parts[index + 1:])]}.{end}"


def tensors_of(name, tensor, names, config):
    """What a tensor of the model is in GGUF: pairs of a name and a part of it."""
    family = config.model_type
    layer = name.split(".")[2] if name.startswith("model.layers.") else None
    if name.endswith("kv_b_proj.weight"):
        keys = config.qk_nope_head_dim
        heads = tensor.unflatten(0, (config.num_attention_heads, -1))
        yield f"blk.{layer}.attn_k_b.weight", heads[:, :keys].transpose(1, 2)
        yield f"blk.{layer}.attn_v_b.weight", heads[:, keys:]
        return
    if name.endswith("experts.gate_up_proj") and family == "deepseek_v2":
        # As converters write it that are asked to.
        yield f"blk.{layer}.ffn_gate_up_exps.weight", tensor
    elif name.endswith("experts.gate_up_proj"):
        half = tensor.shape[1] // 2
        yield f"blk.{layer}.ffn_gate_exps.weight", tensor[:, :half]
        yield f"blk.{layer}.ffn_up_exps.weight", tensor[:, half:]
    elif name.endswith("experts.down_proj"):
        yield f"blk.{layer}.ffn_down_exps.weight", tensor
    elif name.endswith("e_score_correction_bias"):
        yield f"blk.{layer}.exp_probs_b.bias", tensor
    elif gguf_name(name, names):
        yield gguf_name(name, names), tensor


def heads_of(config, name):
    if ".attn_q." in name:
        return config.num_attention_heads
    if ".attn_k." in name:
        return config.num_key_value_heads
    return 0


def paired(values, heads):
    """Rows j and j + half of a head become neighbours."""
    shape = values.shape
    split = values.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
    return split.swapaxes(1, 2).reshape(shape)


def unpaired(values, heads):
    shape = values.shape
    split = values.reshape(heads, shape[0] // heads // 2, 2, *shape[1:])
    return split.swapaxes(1, 2).reshape(shape)


def kind_of(name, values):
    kind = KINDS.get(name.rsplit(".", 2)[-2], Kind.F32)
    # Rows of whole blocks.
    if values.ndim and values.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
        kind = Kind.F16
    return kind if name.endswith(".weight") and values.ndim > 1 else Kind.F32


def rope_of(config):
    rope = config.rope_parameters
    return rope.get("full_attention", rope)


def add_rope(writer, config, head_dim):
    rope = rope_of(config)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(head_dim)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])
        for key in ("beta_fast", "beta_slow"):
            if key in rope:
                getattr(writer, f"add_rope_scaling_yarn_{key}")(rope[key])
    if rope["rope_type"] != "llama3":
        return
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    old, factors = rope["original_max_position_embeddings"], []
    for i in range(0, head_dim, 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (i / head_dim)
        smooth = min(max((old / wave - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    writer.add_tensor("rope_freqs.weight", np.array(factors, np.float32))


def add_decoder(writer, config, family):
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_head_count(heads)
    if family in LATENT:
        head_dim = add_latents(writer, config)
    else:
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    turning = rope_of(config).get("partial_rotary_factor", 1)
    add_rope(writer, config, int(head_dim * turning))
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
        pattern = [kind == "sliding_attention" for kind in config.layer_types]
        writer.add_array(f"{writer.arch}.attention.sliding_window_pattern", pattern)
    if family in ROUTED | {"exaone-moe", "qwen3-moe"}:
        add_experts(writer, config, family)
    if family == "granite":
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)


def add_latents(writer, config):
    """As files are since latents are cached; the rope's width comes back."""
    rank, turning = config.kv_lora_rank, config.qk_rope_head_dim
    if config.q_lora_rank:
        writer.add_q_lora_rank(config.q_lora_rank)
    writer.add_kv_lora_rank(rank)
    writer.add_head_count_kv(1)
    writer.add_key_length(rank + turning)
    writer.add_value_length(rank)
    writer.add_key_length_mla(config.qk_nope_head_dim + turning)
    writer.add_value_length_mla(config.v_head_dim)
    return turning


def add_experts(writer, config, family):
    routed = family in ROUTED
    writer.add_expert_count(config.n_routed_experts if routed else config.num_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    if family == "qwen3-moe":
        return
    shared = config.n_shared_experts if routed else config.num_shared_experts
    writer.add_expert_shared_count(shared)
    if family != "deepseek-v2-lite":
        # Files older than these keys lack them.
        scoring = gguf.ExpertGatingFuncType
        softmax = family == "deepseek-v2"
        writer.add_expert_gating_func(scoring.SOFTMAX if softmax else scoring.SIGMOID)
        writer.add_expert_group_count(config.n_group)
        writer.add_expert_group_used_count(config.topk_group)
        writer.add_expert_shared_feed_forward_length(
            config.moe_intermediate_size * shared
        )
    if config.norm_topk_prob:
        writer.add_expert_weights_norm(True)
    writer.add_expert_weights_scale(config.routed_scaling_factor)
    dense = 0 if family == "solar-open" else config.first_k_dense_replace
    writer.add_leading_dense_block_count(dense)


def add_bert(writer, config):
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.CLS)


def add_tensor(writer, name, tensor, heads, family):
    """Stores a tensor, and gives it the values that were stored."""
    _, _, has_pairs, added = FAMILIES[family]
    added = np.float32(added if name.endswith("norm.weight") else 0)
    values = tensor.detach().float().numpy() + added
    if has_pairs and heads:
        values = paired(values, heads)
    kind = kind_of(name, values)
    stored = gguf.quantize(np.ascontiguousarray(values), kind)
    writer.add_tensor(name, stored, raw_dtype=kind)
    values = gguf.dequantize(stored, kind) - added
    if has_pairs and heads:
        values = unpaired(values, heads)
    tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def convert(model, family, path):
    """Writes the file, and gives the model the weights that are in it."""
    architecture, names, _, _ = FAMILIES[family]
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    if family != "solar-open":
        writer.add_feed_forward_length(config.intermediate_size)
    if architecture == "bert":
        add_bert(writer, config)
    else:
        add_decoder(writer, config, family)
    for ours, whole in model.state_dict().items():
        if ours == "lm_head.weight" and config.tie_word_embeddings:
            continue
        for name, tensor in tensors_of(ours, whole, names, config):
            add_tensor(writer, name, tensor, heads_of(config, name), family)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_with_transformers(model, path):
    """transformers' own reader of GGUF finds the same model."""
    # It does not know the factors of rope.
    other = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, config=model.config
    )
    ids = torch.arange(1, 12)[None]
    with torch.no_grad():
        error = (model(ids).logits - other(ids).logits).abs().max().item()
    if error > 1e-4:
        sys.exit(f"{path.name}: transformers reads another model: {error}")


def make_folder(family):
    build, layers, _, _ = checkpoints.FAMILIES[family]
    torch.manual_seed(0)
    model = build(layers, "eager").eval()
    exports.set_weights(model)
    if family == "gemma3":
        # A file cannot say otherwise.
        model.model.config.query_pre_attn_scalar = model.model.config.head_dim
        for layer in model.model.model.layers:
            layer.self_attn.scaling = model.model.config.head_dim**-0.5
    if family == "deepseek-v3":
        # Nor that the tables have another factor than the scores.
        rope = model.model.config.rope_parameters
        rope["mscale"] = rope["mscale_all_dim"]
        model.model.model.rotary_emb.attention_scaling = 1.0
    name = f"{family}-gguf"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        convert(model.model, family, path)
        if family in READ_BY_TRANSFORMERS:
            check_with_transformers(model.model, path)
        cases = [c for c in checkpoints.make_cases(model) if c.name in CASES]
        sets = []
        for case in cases:
            # A file has no pooler.
            case.outputs.pop("pooler_output", None)
            each = {"name": case.name, "inputs": case.inputs, "outputs": case.outputs}
            sets.append(each | ({"valid": case.valid} if case.valid else {}))
        files = files_of(name, None, sets)
        files[f"{name}/model.gguf"] = path.read_bytes()
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
    for family in args.family or FAMILIES:
        files = make_folder(family)
        if args.output:
            exports.write_folder(args.output, files)
        else:
            write_archive(HERE / f"{family}-gguf.tar.xz", files)


if __name__ == "__main__":
    main()
