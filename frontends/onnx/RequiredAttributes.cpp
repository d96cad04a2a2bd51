// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attributes that the standard gives no default.

#include "frontends/onnx/OpImport.h"

#include <limits>

namespace dure::onnx {
namespace {

struct Required {
  llvm::StringRef Op, Attribute;
  /// The first opset in which the node does without it: it became an input.
  int64_t Until = std::numeric_limits<int64_t>::max();
};

} // namespace

// Why a table: an importer that forgets one would compute with a value that
// nobody asked for.
static constexpr Required AllRequired[] = {
    {"AveragePool", "kernel_shape"},
    {"BitCast", "to"},
    {"BitShift", "direction"},
    {"Cast", "to"},
    {"Concat", "axis"},
    {"DepthToSpace", "blocksize"},
    {"Einsum", "equation"},
    {"GroupNormalization", "num_groups"},
    {"If", "then_branch"},
    {"If", "else_branch"},
    {"LinearAttention", "q_num_heads"},
    {"LinearAttention", "kv_num_heads"},
    {"Loop", "body"},
    {"LpPool", "kernel_shape"},
    {"LRN", "size"},
    {"MaxPool", "kernel_shape"},
    {"MaxUnpool", "kernel_shape"},
    {"Pad", "pads", 11},
    {"RandomNormal", "shape"},
    {"RandomUniform", "shape"},
    {"Scan", "body"},
    {"Scan", "num_scan_inputs"},
    {"Slice", "starts", 10},
    {"Slice", "ends", 10},
    {"SpaceToDepth", "blocksize"},
    {"TopK", "k", 10},
    {"Unsqueeze", "axes", 13},
    {"Upsample", "scales", 9},
};

llvm::StringRef missingAttribute(const Node &N, int64_t Opset) {
  if (!N.Domain.empty())
    return {};
  for (const Required &Each : AllRequired) {
    if (Each.Op != llvm::StringRef(N.OpType) || Opset >= Each.Until)
      continue;
    auto IsIt = [&](const Attribute &A) {
      return Each.Attribute == llvm::StringRef(A.Name);
    };
    if (llvm::none_of(N.Attributes, IsIt))
      return Each.Attribute;
  }
  return {};
}

} // namespace dure::onnx
