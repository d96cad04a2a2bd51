// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parts of rows and tables of angles, as rotary embeddings use them.
//
// Included by RaiseRope.cpp.
#ifndef DURE_COMPILER_PASSES_RAISE_ROPEMATCHING_H
#define DURE_COMPILER_PASSES_RAISE_ROPEMATCHING_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// Every Step-th element of Base's last dimension from Start on, Size of them.
/// Slices of slices have been joined, so that two parts of one row have one
/// base; comparing bases, not operands, finds them.
struct RowPart {
  mlir::Value Base;
  int64_t Start = 0, Size = 0, Step = 1;

  bool operator==(const RowPart &) const = default;
  /// The part of this one that a slice would be.
  RowPart part(int64_t From, int64_t Count, int64_t By = 1) const {
    return {Base, Start + From * Step, Count, Step * By};
  }
  /// All of a row.
  bool isWhole() const;
};

/// What V is a part of: of itself when it is no slice. Empty when its last
/// dimension is not static.
std::optional<RowPart> rowPartOf(mlir::Value V);

/// Builds the slice that the part is; its base when it is whole.
mlir::Value buildRowPart(mlir::OpBuilder &Builder, mlir::Location Loc,
                         const RowPart &Part);

/// The type of the part.
mlir::RankedTensorType typeOf(const RowPart &Part);

/// True when `Table` was doubled along the last dimension, as in
/// cos(concat(f, f)): both halves are equal.
bool isDoubled(mlir::Value Table);

/// The type of a half of a doubled table.
mlir::RankedTensorType halfOf(mlir::RankedTensorType Table);

/// Builds the half of a doubled table on the undoubled angles.
mlir::Value buildFirstHalf(mlir::OpBuilder &Builder, mlir::Value Table);

} // namespace dure

#endif // DURE_COMPILER_PASSES_RAISE_ROPEMATCHING_H
