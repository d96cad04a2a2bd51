#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports the test models and computes their references with torch.

    generate.py                          every family, into <family>.tar.xz here
    generate.py --family llama           one family
    generate.py --family llama --opset 20 --layers 32 --output DIR
                                         one model of another depth; --output
                                         writes folders, not archives

Run by hand when a family, a case or the exporter changes; README.md describes what
is written. Needs torch, transformers, onnx, onnxscript and onnxruntime (CPU). No
number comes from Dure: torch computes the references, onnxruntime without graph
optimisation must agree with them before anything is written.
"""

import argparse
import contextlib
import hashlib
import os
import sys
import warnings
from pathlib import Path

# The exporter's node order depends on hash order.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable] + sys.argv)

import numpy as np
import onnx
import onnxruntime
import torch

from archive import files_of, write_archive
from families import (
    EXPERTS_FORMS,
    FAMILIES,
    VOCAB,
    Decoder,
    FeatureEncoder,
    Variant,
)

HERE = Path(__file__).resolve().parent
SEED = 20
TOLERANCE = 1e-4
# Of models in f16, whose references are computed in f32: eleven bits in every
# step, scores and softmax among them.
HALF_TOLERANCE = 2e-2


def set_weights(model, seed=SEED, repeat_after=None):
    """Fills every parameter from (seed, name, shape), on the bf16 grid.

    Neither torch's version nor the order of the parameters plays a part. With
    `repeat_after` = n, layer i >= n takes the values of layer i mod n, rolled so
    that no two layers are equal: deep models then still compress well.
    """
    # A router's selection bias is a buffer, as it is not trained by gradients.
    biases = [
        (name, buffer)
        for name, buffer in model.named_buffers()
        if name.endswith("e_score_correction_bias")
    ]
    for name, parameter in [*model.named_parameters(), *biases]:
        shape = tuple(parameter.shape)
        parts = name.split(".")
        index = next((i for i, part in enumerate(parts) if part.isdigit()), None)
        roll = 0
        if repeat_after and index is not None:
            roll, rest = divmod(int(parts[index]), repeat_after)
            parts[index] = str(rest)
        key = f"{seed}:{'.'.join(parts)}:{shape}".encode()
        digest = hashlib.sha256(key).digest()
        generator = np.random.Generator(
            np.random.PCG64(int.from_bytes(digest[:16], "little"))
        )
        values = generator.standard_normal(shape)
        if len(shape) >= 2:
            if "conv" in name or "projection" in name:
                # [output channels, input channels, kernel...]
                values *= 1.0 / np.sqrt(np.prod(shape[1:]))
            elif any(part in name for part in ("emb", "wte", "wpe")):
                values *= 0.25
            else:  # Stacked experts are matrices in their last two dimensions.
                values *= 1.0 / np.sqrt(min(shape[-2:]))
        elif name.endswith("bias"):
            values *= 0.1
        else:  # The scale of a normalization.
            values = 1.0 + 0.1 * values
        values = np.roll(values, roll, axis=0)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values).to(torch.bfloat16))


# --- Export ------------------------------------------------------------------


def example_arguments(model):
    """Returns (arguments, dynamic shapes, input names, output names).

    Example sizes differ pairwise: the exporter takes equal sizes for one size,
    and a size of 1 for a constant.
    """
    batch, sequence, past = 3, 5, 7
    if isinstance(model, FeatureEncoder):
        features = torch.zeros(batch, *model.input_shape)
        return (features,), ({0: "batch"},), [model.input_name], list(model.outputs)
    ids = torch.zeros(batch, sequence, dtype=torch.int64)
    tokens = {0: "batch", 1: "sequence"}
    if not isinstance(model, Decoder):
        names = ["input_ids", "attention_mask", "token_type_ids"]
        outputs = ["last_hidden_state", "pooler_output"]
        # Three tensors: the same one twice would become one input.
        arguments = (ids, torch.ones_like(ids), torch.zeros_like(ids))
        return arguments, (tokens,) * 3, names, outputs

    cache = model.past(batch, past)
    mask = torch.ones(batch, past + sequence, dtype=torch.int64)
    positions = torch.arange(past, past + sequence).expand(batch, -1).contiguous()
    shapes = (
        tokens,
        {0: "batch", 1: "total_sequence"},
        tokens,
        [{0: "batch", 2: "past_sequence"}] * len(cache),
    )
    layers = len(cache) // 2
    suffixes = [f"{i}.{part}" for i in range(layers) for part in ("key", "value")]
    names = ["input_ids", "attention_mask", "position_ids"]
    names += [f"past_key_values.{suffix}" for suffix in suffixes]
    outputs = ["logits"] + [f"present.{suffix}" for suffix in suffixes]
    return (ids, mask, positions, cache), shapes, names, outputs


def strip_metadata(proto):
    """Drops stack traces and class names: half of the file, and machine paths."""
    graph = proto.graph
    for item in [proto, graph, *graph.node, *graph.initializer]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    for item in [*graph.value_info, *graph.input, *graph.output]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def export(model, opset, by_transformers=False):
    """The model's ONNX form, by torch's exporter alone or as transformers' own
    one (`transformers.exporters`) sets it up: grouped products of experts have
    no translation elsewhere."""
    arguments, shapes, names, outputs = example_arguments(model)
    patches, table = contextlib.nullcontext(), None
    if by_transformers:
        from transformers.exporters import exporter_onnx, utils

        patches = utils.apply_patches("onnx")
        table = exporter_onnx._ONNX_TRANSLATION_TABLE
    with warnings.catch_warnings(), patches:
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            arguments,
            dynamo=True,
            opset_version=opset,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=shapes,
            custom_translation_table=table,
            verbose=False,
        )
    if by_transformers:
        exporter_onnx.apply_onnx_ir_fixes(program)
    proto = program.model_proto
    strip_metadata(proto)
    imported = {entry.domain: entry.version for entry in proto.opset_import}
    if imported[""] != opset:
        raise SystemExit(f"asked for opset {opset}, the file says {imported['']}")
    onnx.checker.check_model(proto, full_check=True)
    return proto


# --- Cases -------------------------------------------------------------------


class Case:
    """One data set: inputs and outputs by name, and what may be compared.

    `valid` maps an output to (axis, one [begin, end) for each batch row): what
    lies outside belongs to padding and is not compared. Outputs without an entry
    are compared whole.
    """

    def __init__(self, name, inputs, outputs, valid=None, tolerance=TOLERANCE):
        self.name, self.inputs, self.outputs = name, inputs, outputs
        self.valid, self.tolerance = valid or {}, tolerance


def flatten(arguments):
    result = []
    for item in arguments:
        result += flatten(item) if isinstance(item, (list, tuple)) else [item]
    return result


def run(model, names, outputs, name, arguments):
    with torch.no_grad():
        results = model(*arguments)
    inputs = [tensor.contiguous().numpy() for tensor in flatten(arguments)]
    values = [tensor.contiguous().numpy() for tensor in flatten(results)]
    case = Case(name, dict(zip(names, inputs)), dict(zip(outputs, values)))
    return case, results


def random_ids(generator, batch, sequence):
    ids = generator.integers(1, VOCAB, (batch, sequence), dtype=np.int64)
    return torch.from_numpy(ids)


def positions_of(mask, sequence):
    """Positions count valid tokens only, as generation libraries send them."""
    return (mask.cumsum(1) - 1).clamp(min=0)[:, -sequence:]


def decoder_cases(model, names, outputs):
    generator = np.random.Generator(np.random.PCG64(SEED))
    cases = []

    def step(name, ids, mask, past):
        arguments = (ids, mask, positions_of(mask, ids.shape[1]), past)
        case, (logits, present) = run(model, names, outputs, name, arguments)
        cases.append(case)
        return logits[:, -1:].argmax(-1), present

    def extend(mask, count):
        return torch.nn.functional.pad(mask, (0, count), value=1)

    # A prompt, then three greedy steps.
    ids = random_ids(generator, 2, 7)
    mask, past = torch.ones_like(ids), model.past(2, 0)
    ids, past = step("prefill", ids, mask, past)
    for index in (1, 2, 3):
        mask = extend(mask, 1)
        ids, past = step(f"decode-{index}", ids, mask, past)

    # Another shape: batch 1, longer than any window.
    ids = random_ids(generator, 1, 13)
    step("prefill-other-shape", ids, torch.ones_like(ids), model.past(1, 0))

    # Prompts of 6, 4 and 2 tokens, padded on the left, and one step after them.
    ids = random_ids(generator, 3, 6)
    mask = torch.ones_like(ids)
    first = (0, 2, 4)
    for row, begin in enumerate(first):
        ids[row, :begin] = 0
        mask[row, :begin] = 0
    ids, past = step("left-padding", ids, mask, model.past(3, 0))
    ranges = [[begin, 6] for begin in first]
    cases[-1].valid = {
        name: {"axis": 1 if name == "logits" else 2, "ranges": ranges}
        for name in outputs
    }
    step("left-padding-decode", ids, extend(mask, 1), past)

    # Three tokens at once on a cache of eight.
    ids = random_ids(generator, 2, 11)
    mask = torch.ones_like(ids)
    prompt, chunk = ids[:, :8], ids[:, 8:]
    _, past = step("", prompt, mask[:, :8], model.past(2, 0))
    cases.pop()
    step("chunk", chunk, mask, past)
    return cases


def encoder_cases(model, names, outputs):
    generator = np.random.Generator(np.random.PCG64(SEED))

    def case(name, batch, sequence, lengths=None):
        ids = random_ids(generator, batch, sequence)
        types = torch.zeros_like(ids)
        types[:, sequence // 2 :] = 1
        mask = torch.ones_like(ids)
        for row, length in enumerate(lengths or ()):
            ids[row, length:] = 0
            mask[row, length:] = 0
        result, _ = run(model, names, outputs, name, (ids, mask, types))
        if lengths:
            ranges = [[0, length] for length in lengths]
            result.valid = {outputs[0]: {"axis": 1, "ranges": ranges}}
        return result

    return [
        case("batch", 2, 7),
        case("other-shape", 1, 13),
        case("right-padding", 3, 6, lengths=(6, 4, 2)),
    ]


def feature_cases(model, names, outputs):
    generator = np.random.Generator(np.random.PCG64(SEED))
    cases = []
    for name, batch in (("batch", 2), ("other-batch", 3)):
        features = generator.standard_normal((batch, *model.input_shape))
        features = torch.from_numpy(features).to(torch.bfloat16).float()
        cases.append(run(model, names, outputs, name, (features,))[0])
    return cases


def make_cases(model):
    _, _, names, outputs = example_arguments(model)
    if isinstance(model, Decoder):
        return decoder_cases(model, names, outputs)
    if isinstance(model, FeatureEncoder):
        return feature_cases(model, names, outputs)
    return encoder_cases(model, names, outputs)


def to_half(cases):
    """The cases of the f32 model as those of the f16 one: floats are rounded."""

    def rounded(values):
        return {
            name: value.astype(np.float16) if value.dtype == np.float32 else value
            for name, value in values.items()
        }

    return [
        Case(c.name, rounded(c.inputs), rounded(c.outputs), c.valid, HALF_TOLERANCE)
        for c in cases
    ]


def worst_error(case, results):
    """The largest error over what is valid, in units of the tolerance's bound."""
    worst = 0.0
    for (name, expected), result in zip(case.outputs.items(), results):
        result, expected = result.astype(np.float32), expected.astype(np.float32)
        error = np.abs(result - expected) / (1.0 + np.abs(expected))
        if name in case.valid:
            axis = case.valid[name]["axis"]
            for row, (begin, end) in enumerate(case.valid[name]["ranges"]):
                rows = np.moveaxis(error[row], axis - 1, 0)[begin:end]
                worst = max(worst, float(rows.max()))
        else:
            worst = max(worst, float(error.max()))
    return worst


def verify(proto, cases):
    """Fails unless onnxruntime agrees with torch on every case."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    worst = 0.0
    for case in cases:
        results = session.run(list(case.outputs), case.inputs)
        error = worst_error(case, results)
        if not error <= case.tolerance:
            raise SystemExit(f"{case.name}: onnxruntime differs by {error:.1e}")
        worst = max(worst, error)
    return worst


# --- Files -------------------------------------------------------------------


def folder_of(name, proto, cases):
    """Returns path -> bytes of one model's folder."""
    sets = []
    for case in cases:
        entry = {"name": case.name, "inputs": case.inputs, "outputs": case.outputs}
        if case.valid:
            entry["valid"] = case.valid
        if case.tolerance != TOLERANCE:
            entry["tolerance"] = case.tolerance
        sets.append(entry)
    return files_of(name, proto.SerializeToString(deterministic=True), sets)


def write_folder(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def make_model(family_name, variant, known):
    """The files of one model. `known` holds the family's cases once they are
    computed: the variants are one model written in several ways, so that torch's
    f32 outputs for the first are the references of all."""
    family = FAMILIES[family_name]
    name = variant.name(family_name)
    torch.manual_seed(0)
    model = family.build(variant.layers or family.layers, variant.attention).eval()
    set_weights(model, repeat_after=family.layers if variant.layers else None)
    if variant.layers:
        cases = make_cases(model)[:2]  # A prompt and a step: the caches are many.
    else:
        if not known:
            known += make_cases(model)
        cases = to_half(known) if variant.half else known
    if variant.experts:
        model.model.set_experts_implementation(EXPERTS_FORMS[variant.experts])
    if variant.half:
        model = model.half()
    proto = export(model, variant.opset, variant.experts == "grouped")
    error = verify(proto, cases)
    files = folder_of(name, proto, cases)
    print(
        f"{name}: {len(proto.graph.node)} nodes, "
        f"{len(files[f'{name}/model.onnx'])} bytes, error {error:.1e}",
        flush=True,
    )
    return files


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--opset", type=int, help="only this opset, sdpa form")
    parser.add_argument("--layers", type=int, help="depth, with --opset")
    parser.add_argument("--output", type=Path, help="write folders here, no archive")
    args = parser.parse_args()
    if args.opset and not args.output:
        parser.error("--opset makes no archive: add --output DIR")
    if args.layers and not args.opset:
        parser.error("--layers needs --opset")

    torch.set_num_threads(1)
    for family_name in args.family or FAMILIES:
        variants = FAMILIES[family_name].variants
        if args.opset:
            variants = [Variant(args.opset, layers=args.layers)]
        files, known = {}, []
        for variant in variants:
            files.update(make_model(family_name, variant, known))
        if args.output:
            write_folder(args.output, files)
        else:
            write_archive(HERE / f"{family_name}.tar.xz", files)


if __name__ == "__main__":
    main()
