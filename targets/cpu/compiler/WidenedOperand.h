// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// WidenedOperand: a matrix of f32 that is stored in fewer bits, and widened by
// the kernel that multiplies with it.
//
// Contract: included by the CPU target, where ops are grouped and where groups
// are matched with kernels. Reads ops, changes nothing.
#ifndef DURE_TARGETS_CPU_COMPILER_WIDENEDOPERAND_H
#define DURE_TARGETS_CPU_COMPILER_WIDENEDOPERAND_H

#include "dialects/dure/DureOps.h"

namespace dure::cpu {

/// The right operand of a matmul, or experts' matrices, as stored:
///   (stored[k, n] - zeroPoints[k / block, n]) * scales[k / block, n]
///     + offsets[k / block, n],
/// with the batches of experts in front everywhere. Without scales it is the
/// stored value, f16 or bf16, cast.
struct WidenedOperand {
  mlir::Value stored;
  /// Zero points are f32; scales and offsets too, or they are floats of 16 bits
  /// that are cast. Zero points and offsets are null where there are none;
  /// scales are, too, where the stored is cast.
  mlir::Value scales, zeroPoints, offsets;
  /// Rows of K that share a scale.
  int64_t block = 0;
  /// What widens it, operands before users; each is used here only. Empty for
  /// an operand that is stored as it is multiplied with.
  llvm::SmallVector<mlir::Operation *> ops;

  /// `stored` and the parameters that exist.
  llvm::SmallVector<mlir::Value> values() const;
};

/// What is behind the operand: itself where nothing is.
WidenedOperand widenedOperand(mlir::Value operand);

/// The operand that the op, a matmul or an expert_matmul, takes matrices from;
/// null for other ops.
mlir::Value matricesOf(mlir::Operation *op);

/// The product that multiplies with what the op widens: the op itself where it
/// widens nothing.
mlir::Operation *productBehind(mlir::Operation *op);

/// Elements that a matrix product reads in panels: floats of 32 or 16 bits,
/// and, with scales, integers of 8 or 4.
bool isPanelElement(const WidenedOperand &operand);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_WIDENEDOPERAND_H
