// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of quantized matrices: which operands the contraction engine takes
// in 8 bits, and what corrects and scales their sums.
//
// Included by the product's kernel, the packing of weights and the target.
#ifndef DURE_TARGETS_RNGD_COMPILER_INTEGERPRODUCT_H
#define DURE_TARGETS_RNGD_COMPILER_INTEGERPRODUCT_H

#include "dialects/dure/DureOps.h"

#include <optional>

namespace dure::rngd {

/// A matrix (x - zero), x of 8 bits.
struct NarrowOperand {
  /// Bytes, or fp8; of a weight that is not packed yet, what its recipe makes
  /// of them.
  mlir::Value x;
  bool isUnsigned = false;
  /// One number.
  int64_t zero = 0;
  /// Or one that only a run tells, of so many bits and that sign.
  mlir::Value zeroAt;

  /// Of x once it has a sign: of bytes without one less 128.
  int64_t signedZero() const { return zero - (isUnsigned ? 128 : 0); }
};

/// sum over k of (left - zero) (right - zero), exact in i32, which wraps; with
/// `isScaled` as f32 times `factor` and a scale of each column.
struct NarrowProduct {
  NarrowOperand left, right;
  bool isFloat = false; // fp8, with sums in f32
  bool isScaled = false;
  float factor = 1;
  mlir::Value scale; // of each column, or null

  /// Whether what is subtracted from the right operand, or from the left one by
  /// a number that a run tells, is taken from sums.
  bool isCorrected() const { return right.signedZero() != 0 || left.zeroAt; }
  /// The values that the kernel reads.
  llvm::SmallVector<mlir::Value> reads() const;
};

/// Of a product in i32 the operands, which are casts of bytes, less a zero
/// point or not; of one in f32 those of dequantizes of one scale, or of one a
/// column of a weight, where sums in i32 cannot overflow. None where the chip
/// has no contraction for them. `op` in f32 is one whose weights are packed.
std::optional<NarrowProduct> narrowProductOf(MatMulOp op);

/// Whether products alone read `op`, a step from bytes to an operand, and
/// compute it.
bool isReadByNarrowProducts(mlir::Operation *op);

/// What `value`, in i32, is of bytes: a cast of them, less one zero point or
/// not.
std::optional<NarrowOperand> bytesBehind(mlir::Value value);

/// Of a weight in i32 the element type and the zero point of its bytes, if its
/// recipe is a cast of bytes less one number at most, filled up with zeros or
/// not.
struct ByteWeight {
  WeightOp weight;
  mlir::RankedTensorType stored;
  int64_t zero = 0;
  StepAttr pad; // or null
};
std::optional<ByteWeight> byteWeightOf(mlir::Value value);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_INTEGERPRODUCT_H
