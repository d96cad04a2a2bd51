# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model families that generate.py exports: a small configuration each.

To add a family, write a function that returns a transformers model (its weights
do not matter, generate.py overwrites them) and enter it in FAMILIES. Sizes are as
small as the family's structure allows, with unequal dimensions wherever the real
models have them, so that a swapped dimension cannot go unnoticed.
"""

from dataclasses import dataclass
from typing import Callable

import torch
import transformers
from torch.nn.functional import linear
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

VOCAB = 128
HIDDEN = 64


class GraphCacheLayer(DynamicLayer):
    """A cache layer whose tensors are graph inputs.

    The stock layer asks `numel() == 0`, which would specialise the graph on an
    empty past. It is used for windowed layers too: whole keys and values are
    kept, and the window lives in the mask alone, so that every layer sees the
    same past length.
    """

    def __init__(self, keys, values):
        super().__init__()
        self.keys, self.values = keys, values
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True

    def get_seq_length(self):
        return self.keys.shape[-2]


class Decoder(torch.nn.Module):
    """A causal model with the key/value cache as plain inputs and outputs."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def cache_shapes(self):
        """Returns (heads, width) of each past: key and value of every layer."""
        config = self.model.config
        heads = config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        kv_heads = getattr(config, "num_key_value_heads", None) or heads
        return [(kv_heads, head_dim)] * (2 * config.num_hidden_layers)

    def past(self, batch, length):
        """Zeros of `length` positions."""
        return [
            torch.zeros(batch, heads, length, width, dtype=self.model.dtype)
            for heads, width in self.cache_shapes()
        ]

    def forward(self, input_ids, attention_mask, position_ids, past):
        # One symbol for one number: without it the mask's length would be
        # unrelated to the cache's.
        total = past[0].shape[2] + input_ids.shape[1]
        torch._check(attention_mask.shape[1] == total)
        cache = DynamicCache()
        cache.layers = [
            GraphCacheLayer(keys, values)
            for keys, values in zip(past[0::2], past[1::2])
        ]
        result = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        present = []
        for layer in cache.layers:
            present += [layer.keys, layer.values]
        return result.logits, present


class LatentDecoder(Decoder):
    """A causal model with latent attention (MLA), whose cache is what keys and
    values are computed from: one latent and one rotated key for all heads."""

    def cache_shapes(self):
        config = self.model.config
        widths = [(1, config.kv_lora_rank), (1, config.qk_rope_head_dim)]
        return widths * config.num_hidden_layers


class NeighbourDecoder(LatentDecoder):
    """One whose cached keys hold numbers that turn together side by side, here as
    the others have them: the first of all pairs, then the second."""

    def forward(self, input_ids, attention_mask, position_ids, past):
        joined = list(past)
        for i in range(1, len(past), 2):
            joined[i] = past[i].unflatten(-1, (2, -1)).transpose(-1, -2).flatten(-2)
        logits, present = super().forward(
            input_ids, attention_mask, position_ids, joined
        )
        for i in range(1, len(present), 2):
            present[i] = present[i].unflatten(-1, (-1, 2)).transpose(-1, -2).flatten(-2)
        return logits, present


class Encoder(torch.nn.Module):
    """A bidirectional model: ids, mask and token types in, hidden states out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        result = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
        )
        return result.last_hidden_state, result.pooler_output


class FeatureEncoder(torch.nn.Module):
    """A model of one float input, whose shape but for the batch is fixed."""

    def __init__(self, model, input_name, input_shape, outputs):
        super().__init__()
        self.model, self.input_name, self.input_shape = model, input_name, input_shape
        self.outputs = outputs

    def forward(self, features):
        result = self.model(features)
        return tuple(getattr(result, name) for name in self.outputs)


def dense_experts(self, hidden_states, top_k_index, top_k_weights):
    """Every expert on every token, times a weight that is mostly 0: the form
    that optimum's exporter writes. `self` is the layer's experts."""
    weights = torch.zeros(
        hidden_states.shape[0], self.num_experts, dtype=top_k_weights.dtype
    ).scatter(1, top_k_index, top_k_weights)
    result = torch.zeros_like(hidden_states)
    for expert in range(self.num_experts):
        gate_up = linear(hidden_states, self.gate_up_proj[expert])
        output = linear(self._apply_gate(gate_up), self.down_proj[expert])
        result = result + output * weights[:, expert, None]
    return result


ALL_EXPERTS_FUNCTIONS.register("dense", dense_experts)
# Variant.experts -> the name of its function.
EXPERTS_FORMS = {"dense": "dense", "grouped": "grouped_mm"}


def with_experts(model, wrapper=Decoder):
    """The stock loop over the experts that have tokens cannot be exported."""
    model.set_experts_implementation("batched_mm")
    return wrapper(model)


def bert(layers, attention):
    config = transformers.BertConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=160,
        max_position_embeddings=64,
        attn_implementation=attention,
    )
    return Encoder(transformers.BertModel(config))


def gpt2(layers, attention):
    config = transformers.GPT2Config(
        vocab_size=VOCAB,
        n_positions=64,
        n_embd=HIDDEN,
        n_layer=layers,
        n_head=4,
        n_inner=160,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation=attention,
    )
    return Decoder(transformers.GPT2LMHeadModel(config))


def llama(layers, attention, **overrides):
    settings = dict(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=160,
        max_position_embeddings=131072,
        rms_norm_eps=1e-5,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 32.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    config = transformers.LlamaConfig(**{**settings, **overrides})
    return Decoder(transformers.LlamaForCausalLM(config))


def qwen3(layers, attention, **overrides):
    settings = dict(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,  # as in the real models, not hidden size / heads
        intermediate_size=160,
        max_position_embeddings=40960,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        tie_word_embeddings=True,
        attn_implementation=attention,
    )
    config = transformers.Qwen3Config(**{**settings, **overrides})
    return Decoder(transformers.Qwen3ForCausalLM(config))


def exaone4(layers, attention, **overrides):
    settings = dict(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=131072,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 1000000.0,
            "factor": 16.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        # The 32B form: three windowed layers with RoPE, one global without. The
        # window is shorter than every prompt of the test data.
        sliding_window=4,
        sliding_window_pattern=4,
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    config = transformers.Exaone4Config(**{**settings, **overrides})
    return Decoder(transformers.Exaone4ForCausalLM(config))


def qwen2(layers, attention):
    config = transformers.Qwen2Config(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=32768,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        tie_word_embeddings=True,
        attn_implementation=attention,
    )
    return Decoder(transformers.Qwen2ForCausalLM(config))


def gemma3(layers, attention):
    config = transformers.Gemma3TextConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=24,
        query_pre_attn_scalar=32,  # not the head dimension, as in the 27B form
        intermediate_size=96,
        max_position_embeddings=32768,
        # One windowed layer and one global, each with its own RoPE. The window is
        # shorter than every prompt of the test data.
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=4,
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": {
                "rope_type": "linear",
                "rope_theta": 1000000.0,
                "factor": 8.0,
            },
        },
        tie_word_embeddings=True,
        attn_implementation=attention,
    )
    return Decoder(transformers.Gemma3ForCausalLM(config))


def granite(layers, attention):
    config = transformers.GraniteConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        embedding_multiplier=12.0,
        residual_multiplier=0.22,
        attention_multiplier=0.15,  # instead of 1 / sqrt(head dimension)
        logits_scaling=6.0,
        attn_implementation=attention,
    )
    return Decoder(transformers.GraniteForCausalLM(config))


def gpt_neox(layers, attention):
    config = transformers.GPTNeoXConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=2048,
        use_parallel_residual=True,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.5,
        },
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    return Decoder(transformers.GPTNeoXForCausalLM(config))


def exaone4_global(layers, attention):
    # The 1.2B form: no window, so that all layers are global and with RoPE.
    return exaone4(
        layers,
        attention,
        max_position_embeddings=65536,
        sliding_window=None,
        layer_types=["full_attention"] * layers,
        tie_word_embeddings=True,
    )


def hyperclovax(layers, attention):
    config = transformers.HyperCLOVAXConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=96,
        max_position_embeddings=131072,
        rope_parameters={"rope_type": "default", "rope_theta": 50000000.0},
        tie_word_embeddings=False,
        use_post_norm=True,
        # None of them 1 or the usual value, and none a power of two.
        embedding_multiplier=3.0,
        residual_multiplier=0.6,
        attention_multiplier=0.3,
        logits_scaling=0.7,  # a factor here, a divisor in Granite
        attn_implementation=attention,
    )
    return Decoder(transformers.HyperCLOVAXForCausalLM(config))


def qwen3_moe(layers, attention):
    config = transformers.Qwen3MoeConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        intermediate_size=96,
        moe_intermediate_size=24,
        num_experts=6,
        num_experts_per_tok=2,
        norm_topk_prob=True,
        max_position_embeddings=40960,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    return with_experts(transformers.Qwen3MoeForCausalLM(config))


def solar_open(layers, attention):
    config = transformers.SolarOpenConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        moe_intermediate_size=24,
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_shared_experts=1,
        routed_scaling_factor=1.5,
        norm_topk_prob=True,
        max_position_embeddings=131072,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    return with_experts(transformers.SolarOpenForCausalLM(config))


def glm4_moe(layers, attention):
    config = transformers.Glm4MoeConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        intermediate_size=96,
        moe_intermediate_size=24,
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_shared_experts=1,
        n_group=1,
        topk_group=1,
        routed_scaling_factor=1.5,
        norm_topk_prob=True,
        use_qk_norm=True,
        attention_bias=True,
        first_k_dense_replace=1,
        max_position_embeddings=131072,
        # A quarter of a head turns, not the half that is usual.
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 1000000.0,
            "partial_rotary_factor": 0.25,
        },
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    return with_experts(transformers.Glm4MoeForCausalLM(config))


# What DeepSeek V3 and A.X K1 have in common: latent attention, a dense layer
# before the layers with experts, two groups of experts of which one is chosen.
LATENT = dict(
    vocab_size=VOCAB,
    hidden_size=HIDDEN,
    num_attention_heads=4,
    num_key_value_heads=4,
    q_lora_rank=40,
    kv_lora_rank=24,
    qk_nope_head_dim=16,
    qk_rope_head_dim=8,
    v_head_dim=12,
    intermediate_size=96,
    moe_intermediate_size=24,
    n_routed_experts=6,
    num_experts_per_tok=2,
    n_shared_experts=1,
    n_group=2,
    topk_group=1,
    routed_scaling_factor=2.5,
    norm_topk_prob=True,
    max_position_embeddings=163840,
    rope_parameters={
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "factor": 40.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "mscale": 1.0,
        "mscale_all_dim": 0.8,
        "original_max_position_embeddings": 4096,
    },
    tie_word_embeddings=False,
)


# The same factor for the tables and for the scores.
V2_ROPE = LATENT["rope_parameters"] | {"mscale": 0.707, "mscale_all_dim": 0.707}


def deepseek_v3(layers, attention):
    config = transformers.DeepseekV3Config(
        **LATENT,
        num_hidden_layers=layers,
        first_k_dense_replace=1,
        attn_implementation=attention,
    )
    return with_experts(transformers.DeepseekV3ForCausalLM(config), LatentDecoder)


def deepseek_v2(layers, attention):
    config = transformers.DeepseekV2Config(
        **LATENT | {"norm_topk_prob": False, "rope_parameters": V2_ROPE},
        num_hidden_layers=layers,
        first_k_dense_replace=1,
        topk_method="group_limited_greedy",
        attn_implementation=attention,
    )
    return with_experts(transformers.DeepseekV2ForCausalLM(config), NeighbourDecoder)


def deepseek_v2_lite(layers, attention):
    """Queries without a latent, experts without groups, two that all go to."""
    config = transformers.DeepseekV2Config(
        **LATENT
        | {
            "norm_topk_prob": False,
            "rope_parameters": V2_ROPE,
            "q_lora_rank": None,
            "n_shared_experts": 2,
            "routed_scaling_factor": 1.0,
            "n_group": 1,
        },
        num_hidden_layers=layers,
        first_k_dense_replace=1,
        topk_method="greedy",
        attn_implementation=attention,
    )
    return with_experts(transformers.DeepseekV2ForCausalLM(config), NeighbourDecoder)


def axk1(layers, attention):
    config = transformers.AXK1Config(
        **LATENT,
        num_hidden_layers=layers,
        mlp_layer_types=["dense"] + ["sparse"] * (layers - 1),
        attn_implementation=attention,
    )
    return with_experts(transformers.AXK1ForCausalLM(config), LatentDecoder)


def exaone_moe(layers, attention):
    config = transformers.ExaoneMoeConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        intermediate_size=96,
        moe_intermediate_size=24,
        num_experts=6,
        num_experts_per_tok=2,
        num_shared_experts=1,
        norm_topk_prob=True,
        routed_scaling_factor=2.5,
        n_group=1,
        topk_group=1,
        # A dense windowed layer, then a global one without RoPE that has experts.
        layer_types=["sliding_attention", "full_attention"],
        mlp_layer_types=["dense", "sparse"],
        sliding_window=4,
        max_position_embeddings=262144,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    return with_experts(transformers.ExaoneMoeForCausalLM(config))


def vit(layers, attention):
    config = transformers.ViTConfig(
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=96,
        image_size=32,
        patch_size=8,
        attn_implementation=attention,
    )
    return FeatureEncoder(
        transformers.ViTModel(config),
        "pixel_values",
        (3, 32, 32),
        ("last_hidden_state", "pooler_output"),
    )


def whisper_encoder(layers, attention):
    config = transformers.WhisperConfig(
        vocab_size=VOCAB,
        d_model=HIDDEN,
        encoder_layers=layers,
        encoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_layers=1,
        decoder_attention_heads=4,
        decoder_ffn_dim=32,
        num_mel_bins=16,
        max_source_positions=20,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        attn_implementation=attention,
    )
    return FeatureEncoder(
        transformers.WhisperModel(config).encoder,
        "input_features",
        (16, 40),
        ("last_hidden_state",),
    )


@dataclass(frozen=True)
class Variant:
    """One exported file of a family."""

    opset: int
    attention: str = "sdpa"  # what the exporter meets by default, or "eager"
    layers: int | None = None  # a depth other than the family's own
    experts: str | None = None  # one of EXPERTS_FORMS, else batched products
    half: bool = False  # weights, caches and logits in f16

    def name(self, family):
        name = f"{family}-{self.opset}"
        if self.attention != "sdpa":
            name += f"-{self.attention}"
        if self.experts:
            name += f"-{self.experts}"
        if self.half:
            name += "-f16"
        if self.layers:
            name += f"-{self.layers}layers"
        return name


@dataclass(frozen=True)
class Family:
    build: Callable  # (layers, attention) -> Encoder or Decoder
    layers: int
    variants: tuple


# 18 has no Gelu, 20 has, 23 has RMSNormalization, RotaryEmbedding and Attention.
OPSETS = (Variant(18), Variant(20), Variant(23))
BOTH_ATTENTIONS = OPSETS + (Variant(20, "eager"),)
EXPERTS = BOTH_ATTENTIONS + (Variant(20, experts="dense"),)
GROUPED = (Variant(20, experts="grouped"), Variant(23, experts="grouped"))

FAMILIES = {
    "bert": Family(bert, 2, OPSETS),
    "gpt2": Family(gpt2, 2, OPSETS),
    # The deep one is for comparing depths: equal layers must compile once.
    "llama": Family(
        llama, 2, OPSETS + (Variant(20, "eager"), Variant(20, layers=32))
    ),
    "qwen3": Family(qwen3, 2, OPSETS),
    "exaone4": Family(exaone4, 4, OPSETS),
    "qwen2": Family(
        qwen2, 2, BOTH_ATTENTIONS + (Variant(23, "eager"), Variant(20, half=True))
    ),
    "gemma3": Family(gemma3, 2, BOTH_ATTENTIONS),
    "granite": Family(granite, 2, BOTH_ATTENTIONS),
    "gpt-neox": Family(gpt_neox, 2, BOTH_ATTENTIONS),
    "exaone4-global": Family(exaone4_global, 2, BOTH_ATTENTIONS),
    "hyperclovax": Family(hyperclovax, 2, BOTH_ATTENTIONS),
    "qwen3-moe": Family(qwen3_moe, 2, EXPERTS + GROUPED),
    "solar-open": Family(solar_open, 2, BOTH_ATTENTIONS),
    "deepseek-v3": Family(deepseek_v3, 2, EXPERTS),
    "axk1": Family(axk1, 2, BOTH_ATTENTIONS),
    "exaone-moe": Family(exaone_moe, 2, EXPERTS + GROUPED),
    "vit": Family(vit, 2, BOTH_ATTENTIONS),
    "whisper-encoder": Family(whisper_encoder, 2, BOTH_ATTENTIONS),
}
