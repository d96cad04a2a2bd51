#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes quantized.tar.xz: decoders with quantized weights, as tools write them.

    python quantized.py        (needs what generate.py needs, and onnxruntime-genai)

`llama-genai-int4` and `qwen3-genai-int4` are what onnxruntime-genai's model
builder makes of a checkpoint (GroupQueryAttention, MatMulNBits of 4 bits);
`llama-qdq-int8` is torch's graph after onnxruntime's quantize_static: weights of
8 bits by channel, activations of 8 bits. Outputs are onnxruntime's, unoptimized.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import transformers
from onnxruntime import quantization
from tokenizers import Tokenizer, models

from archive import files_of, write_archive
from families import VOCAB, llama, qwen3
from generate import export, set_weights, strip_metadata

# A rounding that falls the other way moves an activation by a whole step.
QDQ_TOLERANCE = 0.02


def genai(model, folder):
    """The graph that the model builder writes."""
    tokens = {f"t{i}": i for i in range(VOCAB)}
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token="t0"))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="t1", eos_token="t2", unk_token="t0"
    ).save_pretrained(folder / "hf")
    model.model.save_pretrained(folder / "hf")
    # Accuracy level 1: activations stay floats of 32 bits.
    subprocess.run(
        [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", folder / "hf",
         "-o", folder / "out", "-p", "int4", "-e", "cpu", "-c", folder / "cache",
         "--extra_options", "block_size=32", "accuracy_level=1"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    return onnx.load(folder / "out" / "model.onnx")


class Calibration(quantization.CalibrationDataReader):
    def __init__(self, sets):
        self.sets = iter(sets)

    def get_next(self):
        return next(self.sets, None)


def qdq(model, folder):
    graph = export(model, 20)
    strip_metadata(graph)
    onnx.save(graph, folder / "float.onnx")
    session = onnxruntime.InferenceSession(folder / "float.onnx")
    known = [each["inputs"] for each in steps(session, model.cache_shapes()[0])]
    quantization.quantize_static(
        folder / "float.onnx", folder / "int8.onnx", Calibration(known), per_channel=True,
        quant_format=quantization.QuantFormat.QDQ, activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8, op_types_to_quantize=["MatMul", "Gather"])  # fmt: skip
    return onnx.load(folder / "int8.onnx")


def inputs_of(session, shape, ids, past):
    """What the graph wants of ids, a past (by name) and their positions."""
    have = next(iter(past.values())).shape[2] if past else 0
    batch, tokens = ids.shape
    known = {
        "input_ids": ids,
        "attention_mask": np.ones((batch, have + tokens), np.int64),
        "position_ids": np.tile(np.arange(have, have + tokens), (batch, 1)),
    } | past
    none = np.zeros((batch, shape[0], 0, shape[1]), np.float32)
    return {i.name: known.get(i.name, none) for i in session.get_inputs()}


def steps(session, shape):
    """Prefill, three greedy steps, another shape, a chunk on a cache. `shape` is
    heads and width of the cache."""
    generator, names = np.random.default_rng(5), [o.name for o in session.get_outputs()]
    sets = []

    def add(name, ids, past):
        inputs = inputs_of(session, shape, ids, past)
        outputs = dict(zip(names, session.run(None, inputs)))
        sets.append({"name": name, "inputs": inputs, "outputs": outputs})
        return outputs["logits"], {
            name.replace("present", "past_key_values"): value
            for name, value in outputs.items() if name != "logits"
        }  # fmt: skip

    logits, past = add("prefill", generator.integers(0, VOCAB, (2, 7)), {})
    for k in range(3):
        ids = logits[:, -1].argmax(-1)[:, None]
        logits, past = add(f"decode-{k + 1}", ids, past)
    # A chunk has one row: GroupQueryAttention's kernel takes no more.
    _, past = add("prefill-other-shape", generator.integers(0, VOCAB, (1, 13)), {})
    add("chunk", generator.integers(0, VOCAB, (1, 3)), past)
    return sets


def main():
    plain = {"rope_type": "default", "rope_theta": 10000.0}
    small = dict(rope_parameters=plain, max_position_embeddings=64)
    variants = {
        "llama-genai-int4": (genai, llama(2, "eager", **small), None),
        "qwen3-genai-int4": (genai, qwen3(2, "eager", head_dim=32, **small), None),
        "llama-qdq-int8": (qdq, llama(2, "sdpa"), QDQ_TOLERANCE),
    }
    files = {}
    for name, (make, model, tolerance) in variants.items():
        set_weights(model)
        with tempfile.TemporaryDirectory() as folder:
            proto = make(model, Path(folder))
        data = proto.SerializeToString(deterministic=True)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(data, options)
        sets = steps(session, model.cache_shapes()[0])
        if tolerance:
            sets = [each | {"tolerance": tolerance} for each in sets]
        files |= files_of(name, data, sets)
    write_archive(Path(__file__).with_name("quantized.tar.xz"), files)


if __name__ == "__main__":
    main()
