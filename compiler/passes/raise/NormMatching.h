// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts that layer and root-mean-square normalization share.
//
// Included by RaiseRMSNorm.cpp and RaiseLayerNorm.cpp.
#ifndef DURE_COMPILER_PASSES_RAISE_NORMMATCHING_H
#define DURE_COMPILER_PASSES_RAISE_NORMMATCHING_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// X / sqrt(mean(X^2) + Epsilon), the mean over dimensions Axis..rank-1.
struct NormQuotient {
  mlir::Value X;
  int64_t Axis = 0;
  double Epsilon = 0;
};

/// Matches the quotient in any way of writing the square, the root and the
/// division.
std::optional<NormQuotient> matchNormQuotient(mlir::Value V);

/// X when V is its mean over dimensions `Axis`..rank-1, kept as size 1.
mlir::Value matchTrailingMean(mlir::Value V, int64_t &Axis);

/// True when the op's f32 says epsilon as exactly as `Element` does. Narrow
/// types are computed in f32 by the op, which leaves out roundings (and a
/// square that overflows f16) that the written form has; it is the more exact
/// of the two.
bool isExactAsNorm(const NormQuotient &Norm, mlir::Type Element);

/// A trained factor or summand of a norm: of static shape, no larger than the
/// normalized dimensions, so that it broadcasts to X without changing it.
bool isNormParameter(mlir::Value V, mlir::RankedTensorType X, int64_t Axis);

} // namespace dure

#endif // DURE_COMPILER_PASSES_RAISE_NORMMATCHING_H
