// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What importers of attention share: heads, masks, rotation. Private to this
// folder; defined in Attention.cpp.

#ifndef DURE_FRONTENDS_ONNX_OPS_HEADS_H
#define DURE_FRONTENDS_ONNX_OPS_HEADS_H

#include "frontends/onnx/OpImport.h"

namespace dure::onnx {

/// [B, T, heads * D] as [B, heads, T, D]
mlir::Value splitHeads(OpImport &C, mlir::Value X, int64_t Heads);

/// [B, heads, T, D] as [B, T, heads * D]
mlir::Value joinHeads(OpImport &C, mlir::Value X);

/// Two masks in one; an additive one loses what a bool one hides. Either may
/// be null.
mlir::Value joinMasks(OpImport &C, mlir::Value Mask, mlir::Value Seen);

/// X [B, heads, T, D] turned by the rows of the tables [.., R / 2] that
/// `Positions` ([B, T] or [1, T]) name; all of D, or the first R elements.
mlir::Value rotate(OpImport &C, mlir::Value X, mlir::Value Cos, mlir::Value Sin,
                   mlir::Value Positions, bool Interleaved);

/// 1 / sqrt(D) for queries [B, heads, T, D], or the attribute scale. The
/// com.microsoft operators say 0 for none.
std::optional<float> scaleOf(OpImport &C, mlir::Value Q, bool ZeroIsNone);

/// scale (q . k^T) [B, H, T, S]; head h reads group h / (H / G).
mlir::Value scoresOf(OpImport &C, mlir::Value Q, mlir::Value K, float Scale);

/// What dure.attention is told beside q, k and v.
struct AttentionWords {
  mlir::Value Mask, Sinks; ///< May be null.
  float Scale = 1, Softcap = 0;
  bool Causal = false;
  int64_t Window =
      0; ///< Keys that a causal query sees, its own counted; 0: all.
};

/// dure.attention over q, k and v [B, heads, .., ..]; rows that see nothing
/// are 0.
mlir::Value attend(OpImport &C, mlir::Value Q, mlir::Value K, mlir::Value V,
                   const AttentionWords &Words);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_OPS_HEADS_H
