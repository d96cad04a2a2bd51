// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic on positions of a sequence, as ops on i64.
//
// Included by the passes of phase specialize that compute from the length of a
// state what sizes in types said before.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_POSITIONBUILDER_H
#define DURE_COMPILER_PASSES_SPECIALIZE_POSITIONBUILDER_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// Builds at an insertion point. An op of a null value is null, and so is one
/// that cannot be built, after which `Failed` is true.
class PositionBuilder {
public:
  explicit PositionBuilder(mlir::Operation *At) : B(At), Loc(At->getLoc()) {}

  /// Builds before `Op`, at its location.
  void moveTo(mlir::Operation *Op);

  mlir::Value make(llvm::StringRef Name, mlir::ValueRange Operands,
                   llvm::ArrayRef<mlir::NamedAttribute> Attributes = {});
  template <typename OpTy>
  mlir::Value make(mlir::ValueRange Operands,
                   llvm::ArrayRef<mlir::NamedAttribute> Attributes = {}) {
    return make(OpTy::getOperationName(), Operands, Attributes);
  }
  mlir::Value compare(mlir::Value L, mlir::Value R, ComparePredicate Predicate);
  mlir::Value number(int64_t Value);
  /// A size as a number, of rank 0.
  mlir::Value size(const DimExpr &Expr);
  mlir::Value iota(llvm::ArrayRef<DimExpr> Dims, int64_t Axis);
  mlir::Value gather(mlir::Value X, mlir::Value Indices, int64_t Axis);
  /// A mask of attention, null for none, without the keys that are not
  /// `Visible`.
  mlir::Value masked(mlir::Value Mask, mlir::Value Visible);

  mlir::OpBuilder B;
  mlir::Location Loc;
  bool Failed = false;
};

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_POSITIONBUILDER_H
