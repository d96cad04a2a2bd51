// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts in grouped form: rows are sorted by expert, and each
// expert multiplies its own.
//
// Included by the pass that raises mixtures of experts, to which the form is
// one of several.
#ifndef DURE_COMPILER_PASSES_RAISE_GROUPEDEXPERTS_H
#define DURE_COMPILER_PASSES_RAISE_GROUPEDEXPERTS_H

#include "compiler/passes/raise/ExpertMatching.h"
#include "compiler/passes/simplify/WeightRecipes.h"

#include "llvm/ADT/MapVector.h"

namespace dure {

/// Finds layers in grouped form in a module, and removes what they leave
/// behind.
class GroupedExperts {
public:
  explicit GroupedExperts(WeightRecipes &Weights) : Weights(Weights) {}

  /// The layer whose slots `Sum` adds up; empty when it is none. Builds the
  /// layer's weights with `B` once everything else is known to fit.
  std::optional<ExpertLayer> match(ReduceOp Sum, mlir::OpBuilder &B);

  /// Of a function in which `match` found layers, once what they left dead is
  /// erased: drops the checks that their rows, expert by expert, are as many as
  /// all rows, which `match` has proven, and the symbols that nothing mentions
  /// any more.
  void eraseSymbols(mlir::func::FuncOp Function);

  /// A symbol is element `At` of `From`.
  struct Source {
    mlir::Value From;
    unsigned At;
  };
  /// Empty for a name that is given twice.
  using Sources = llvm::StringMap<std::optional<Source>>;

private:
  const Sources &sourcesIn(mlir::func::FuncOp Function);

  WeightRecipes &Weights;
  llvm::DenseMap<mlir::Operation *, Sources> Known;
  /// By function: (rows of all experts, rows), equal.
  llvm::DenseMap<mlir::Operation *,
                 llvm::SmallVector<std::pair<DimExpr, DimExpr>>>
      Proven;
};

} // namespace dure

#endif // DURE_COMPILER_PASSES_RAISE_GROUPEDEXPERTS_H
