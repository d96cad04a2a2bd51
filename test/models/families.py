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
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

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

    def cache_shape(self):
        """Returns (layers, key/value heads, head dimension)."""
        config = self.model.config
        heads = config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        kv_heads = getattr(config, "num_key_value_heads", None) or heads
        return config.num_hidden_layers, kv_heads, head_dim

    def empty_past(self, batch):
        layers, heads, head_dim = self.cache_shape()
        return [torch.zeros(batch, heads, 0, head_dim) for _ in range(2 * layers)]

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


def qwen3(layers, attention):
    config = transformers.Qwen3Config(
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
    return Decoder(transformers.Qwen3ForCausalLM(config))


def exaone4(layers, attention):
    config = transformers.Exaone4Config(
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
    return Decoder(transformers.Exaone4ForCausalLM(config))


@dataclass(frozen=True)
class Variant:
    """One exported file of a family."""

    opset: int
    attention: str = "sdpa"  # what the exporter meets by default, or "eager"
    layers: int | None = None  # a depth other than the family's own

    def name(self, family):
        name = f"{family}-{self.opset}"
        if self.attention != "sdpa":
            name += f"-{self.attention}"
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

FAMILIES = {
    "bert": Family(bert, 2, OPSETS),
    "gpt2": Family(gpt2, 2, OPSETS),
    # The deep one is for comparing depths: equal layers must compile once.
    "llama": Family(
        llama, 2, OPSETS + (Variant(20, "eager"), Variant(20, layers=32))
    ),
    "qwen3": Family(qwen3, 2, OPSETS),
    "exaone4": Family(exaone4, 4, OPSETS),
}
