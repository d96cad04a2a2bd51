// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that are sums over the elements of a list: histograms and their
// running sums.
//
// Included by passes that must know what a model counts, in whichever of the
// many ways an exporter writes it. Nothing here changes IR.
#ifndef DURE_COMPILER_PASSES_SUPPORT_LISTSUMS_H
#define DURE_COMPILER_PASSES_SUPPORT_LISTSUMS_H

#include "dialects/dure/DureOps.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace dure {

/// Evaluates values of a static shape for lists of one element.
///
/// Why one element is enough: accepted are only values f(list) that are linear
/// in sums, over the list, of a function of one element, so that f of a list is
/// the sum of f over its elements. Such a function may round, as the model's
/// own ops do; what is summed are -1, 0 and 1, which types count exactly to
/// 2^24 at least.
class ListSums {
public:
  /// `IsList` says which values of rank 1, of `Length` integers, are the list
  /// in some order. Must outlive this object.
  ListSums(llvm::function_ref<bool(mlir::Value)> IsList, DimExpr Length)
      : IsList(IsList), Length(std::move(Length)) {}

  /// The elements of `V` for the list [Element], row by row; empty when V is no
  /// such sum, has more than 4096 elements, or takes too long.
  using Numbers = std::optional<llvm::SmallVector<double>>;
  Numbers evaluate(mlir::Value V, int64_t Element);

private:
  using Index = llvm::ArrayRef<int64_t>;

  Numbers sums(mlir::Value V, unsigned Depth);
  Numbers compute(mlir::Operation *Op, unsigned Depth);
  Numbers sumOfElements(ReduceOp Op);
  Numbers sumOfPlaced(ScatterElementsOp Op);
  std::optional<double> at(mlir::Value V, Index At, unsigned Depth);
  std::optional<double> operandAt(mlir::Operation *Op, unsigned I, Index At,
                                  unsigned Depth);
  std::optional<double> elementwiseAt(mlir::Operation *Op, Index At,
                                      unsigned Depth);
  std::optional<double> reshapedAt(ReshapeOp Op, Index At, unsigned Depth);
  std::optional<double> pieceAt(ConcatOp Op, Index At, unsigned Depth);

  llvm::function_ref<bool(mlir::Value)> IsList;
  DimExpr Length;
  int64_t Element = 0;
  llvm::DenseMap<mlir::Value, Numbers> Known;
  /// The list as the sum at hand reads it: in one order only, or two of its
  /// elements would meet.
  mlir::Value Order;
  /// What is left of the work that a caller waits for.
  int64_t Budget = int64_t(1) << 24;
};

} // namespace dure

#endif // DURE_COMPILER_PASSES_SUPPORT_LISTSUMS_H
