#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes llama-1b.tar.xz: graphs of a 1B Llama with external weights, f32 and bf16.

    llama_1b.py

Exporting a real 1B model needs its 5 GB in memory. Instead a narrow one of the same
depth and the same heads is exported, and the three sizes that differ (hidden,
feed-forward, vocabulary) are replaced in the weights' shapes. That is sound because
no constant of the graph holds one of the three, which is checked. Needs what
generate.py needs.
"""

import tempfile
from pathlib import Path

import onnx
import torch
from onnx import TensorProto

# First: it fixes the hash seed by starting the process anew.
import generate
import families

LAYERS = 16
# Sizes of the narrow model, found nowhere else in the graph -> the real ones.
SIZES = {160: 2048, 96: 8192, 224: 128256}
ROPE_HALF = 32  # The rotary table and smaller constants keep their values.
ALIGNMENT = 4096
WIDTHS = {TensorProto.FLOAT: 4, TensorProto.BFLOAT16: 2}


def narrow_model(kind):
    hidden, feed_forward, vocabulary = SIZES
    model = families.llama(
        LAYERS,
        "sdpa",
        hidden_size=hidden,
        intermediate_size=feed_forward,
        vocab_size=vocabulary,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        tie_word_embeddings=True,
    ).eval()
    generate.set_weights(model)  # Equal initializers would become one.
    return generate.export(model.to(kind), 20)


def widen(proto):
    """Replaces weights by external ones of the real shape; returns their size."""
    offset = 0
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if tensor.data_type not in WIDTHS:
            clash = set(values.ravel().tolist()) & set(SIZES)
            if clash:
                raise SystemExit(f"{tensor.name} holds {clash}: choose other sizes")
            continue
        if values.size <= ROPE_HALF:
            continue
        shape = [SIZES.get(size, size) for size in values.shape]
        name, kind = tensor.name, tensor.data_type
        length = WIDTHS[kind]
        for size in shape:
            length *= size
        tensor.Clear()
        tensor.name, tensor.data_type = name, kind
        tensor.dims.extend(shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (
            ("location", "model.onnx.data"),
            ("offset", offset),
            ("length", length),
        ):
            tensor.external_data.add(key=key, value=str(value))
        offset += -(-length // ALIGNMENT) * ALIGNMENT
    graph = proto.graph
    for value in [*graph.value_info, *graph.input, *graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_value in SIZES:
                dim.dim_value = SIZES[dim.dim_value]
    return offset


def folder_of(name, kind):
    proto = narrow_model(kind)
    size = widen(proto)
    data = proto.SerializeToString(deterministic=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(data)
        with open(Path(folder) / "model.onnx.data", "wb") as weights:
            weights.truncate(size)
        onnx.checker.check_model(str(path))
        onnx.shape_inference.infer_shapes_path(
            str(path), str(Path(folder) / "inferred.onnx"), strict_mode=True
        )
    print(f"{len(proto.graph.node)} nodes, {len(data)} bytes, weights {size} bytes")
    return {
        f"{name}/model.onnx": data,
        f"{name}/data_size.txt": f"{size}\n".encode(),
    }


def main():
    files = folder_of("llama-1b", torch.float32)
    files |= folder_of("llama-1b-bf16", torch.bfloat16)
    generate.write_archive(generate.HERE / "llama-1b.tar.xz", files)


if __name__ == "__main__":
    main()
