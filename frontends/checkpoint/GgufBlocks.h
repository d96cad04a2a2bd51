// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The element types of GGUF files: sizes of their blocks, and what is in them.
//
// Included by the reader of GGUF files, by what repacks their tensors, and by
// tests. Depends on the element types of ONNX alone. Every block type is read
// as one thing: integers in groups, a float scale a group and, in some types, a
// float offset. An element is scale * integer + offset, in f32, each operation
// rounded once, which is what ggml's own reference computes. So the same
// decoder makes floats, and the parts of DequantizeLinear (and Add), bit for
// bit.
//
// The layouts: ggml-common.h and ggml-quants.c of github.com/ggml-org/ggml.
#ifndef DURE_FRONTENDS_CHECKPOINT_GGUFBLOCKS_H
#define DURE_FRONTENDS_CHECKPOINT_GGUFBLOCKS_H

#include "frontends/onnx/Model.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dure::checkpoint {

using onnx::DataType;

/// The numbers are the file's. Those that are missing were removed.
enum class GgmlType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q8_1 = 9,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  Q8_K = 15,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
  NVFP4 = 40,
  Q1_0 = 41,
};

struct GgmlTypeInfo {
  std::string_view Name;
  uint32_t BlockElements;
  uint32_t BlockBytes;
};

/// Nothing for a number that is no type.
std::optional<GgmlTypeInfo> infoOf(GgmlType Type);

/// What a type without blocks is in ONNX; Undefined for the others.
DataType plainType(GgmlType Type);

/// A number in f16, by its bits; exactly.
float floatOfHalf(uint16_t Half);

/// How the elements of a block type are kept.
struct BlockForm {
  DataType Integers; ///< The narrowest type that holds them: (U)Int4, (U)Int8.
  uint32_t Group;    ///< Elements that share a scale; divides the block.
  bool HasOffsets;
  /// A block begins with its one scale, and its offset where it has one, in
  /// f16.
  bool HasHalves = false;
};

/// Nothing for types without blocks, and for those that are not read (IQ1 to
/// IQ3, TQ, NVFP4, Q1_0, Q8_K).
std::optional<BlockForm> blockForm(GgmlType Type);

/// Where decodeBlocks writes; empty spans are left out.
struct BlockParts {
  std::span<int16_t> Integers; ///< One an element.
  std::span<float> Scales;     ///< One a group.
  std::span<float> Offsets;    ///< One a group; only where the form has them.
};

/// Takes whole blocks of a type that has a form apart. The spans that are given
/// have exactly as many elements as `Blocks` holds.
void decodeBlocks(GgmlType Type, std::span<const std::byte> Blocks,
                  const BlockParts &Parts);

/// The elements of whole blocks, or of F32, F16 or BF16, in f32.
void dequantize(GgmlType Type, std::span<const std::byte> Blocks,
                std::span<float> Out);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_GGUFBLOCKS_H
