// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Integer tensors whose elements are known from their position.
//
// Included by passes that reason about index grids: masks compare such grids,
// gathers read through them.
#ifndef DURE_COMPILER_PASSES_SUPPORT_INDEXFORM_H
#define DURE_COMPILER_PASSES_SUPPORT_INDEXFORM_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// value[i0, i1, ..] = Offset + sum of Coefficients[d] * i_d. A dimension of
/// size 1 has coefficient 0, its only index being 0.
struct IndexForm {
  llvm::SmallVector<DimExpr, 4> Coefficients;
  DimExpr Offset;

  bool isConstant() const;
  /// The one dimension with a coefficient other than 0.
  std::optional<unsigned> singleDim() const;
};

/// The form of an integer tensor made of iota, dim_values, constants, shape
/// ops and sums; empty when it is made of anything else.
std::optional<IndexForm> indexFormOf(mlir::Value V);

/// `Form`, of a tensor of `From` dimensions, after numpy broadcasting to
/// `Rank` dimensions.
IndexForm broadcastForm(const IndexForm &Form, size_t Rank);

/// What a comparison of index forms says about every element.
struct IndexCompare {
  /// lhs - rhs, in the coordinates of the result.
  IndexForm Difference;
  ComparePredicate Predicate;
};

/// Empty when an operand has no index form.
std::optional<IndexCompare> indexCompareOf(CompareOp Op);

/// The outcome when it is the same for every element of every shape.
std::optional<bool> foldIndexCompare(CompareOp Op);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SUPPORT_INDEXFORM_H
