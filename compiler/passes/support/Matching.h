// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small questions that patterns on dure ask about values.
//
// Included by the passes. Nothing here changes IR except where a function says
// that it builds.
#ifndef DURE_COMPILER_PASSES_SUPPORT_MATCHING_H
#define DURE_COMPILER_PASSES_SUPPORT_MATCHING_H

#include "dialects/dure/DureOps.h"

#include "mlir/IR/PatternMatch.h"

namespace dure {

inline mlir::RankedTensorType typeOf(mlir::Value V) {
  return llvm::cast<mlir::RankedTensorType>(V.getType());
}

/// The dense value of a dure.constant, or null.
mlir::DenseElementsAttr constantOf(mlir::Value V);

/// The number that every element of a float or integer constant has.
/// Broadcasts, reshapes and casts between float types and of truth values are
/// looked through.
std::optional<double> splatNumber(mlir::Value V);

/// True when V is an i1 constant, possibly broadcast, of `Expected` only.
bool isSplatBool(mlir::Value V, bool Expected);

/// Equal up to the rounding of one constant in `Element`: exporters write
/// sqrt(2) in the model's own precision.
bool isCloseTo(double Actual, double Expected, mlir::Type Element);

/// The finite number of an element type that masks use for "never": additions
/// to it are lost, but for the lowest f16, which keeps a few bits of them.
bool isLowest(double Number, mlir::Type Element);

/// One operand of a commutative op satisfies `First`: returns both, that one
/// first. Tries both orders.
template <typename OpTy>
std::optional<std::pair<mlir::Value, mlir::Value>>
matchEither(mlir::Value V, llvm::function_ref<bool(mlir::Value)> First) {
  auto Op = V ? V.getDefiningOp<OpTy>() : OpTy();
  if (!Op)
    return std::nullopt;
  if (First(Op.getLhs()))
    return std::pair(Op.getLhs(), Op.getRhs());
  if (First(Op.getRhs()))
    return std::pair(Op.getRhs(), Op.getLhs());
  return std::nullopt;
}

/// A product written out: Number * Factors[0] * Factors[1] * ...
struct Product {
  double Number = 1;
  llvm::SmallVector<mlir::Value, 4> Factors;

  /// Takes one factor out; false when it is not there.
  bool take(mlir::Value Factor);
};

/// Flattens nested dure.mul, dure.div by a number, dure.neg, and dure.pow by a
/// small whole number. Only multiplications whose result has one use are
/// entered below the first, so that a pattern on the product owns what it
/// removes; `Owned` says so for the others too.
Product flattenProduct(mlir::Value V, bool EnterShared = false);

/// V = x * number or x / number, nested; returns x and multiplies `Number`.
mlir::Value stripScale(mlir::Value V, double &Number);

/// The permutation that V with its last two dimensions swapped is of its base:
/// of what a transpose reads, to which V moves, or of V itself. Empty when it
/// is the base as it stands.
llvm::SmallVector<int64_t> transposeOfLastTwo(mlir::Value &V);

/// Builds a transpose of the last two dimensions; of a transpose, the joined
/// one, which may be nothing at all.
mlir::Value buildTransposeOfLastTwo(mlir::OpBuilder &Builder,
                                    mlir::Location Loc, mlir::Value V);

/// Replaces `Op` when the types agree (encodings included): a pattern must not
/// change what the rest of the graph knows about a shape.
mlir::LogicalResult replaceSameType(mlir::PatternRewriter &Rewriter,
                                    mlir::Operation *Op, mlir::Value With);

/// Applies patterns greedily to everything inside `Root`. Patterns that do not
/// come to rest are our mistake, not the user's: what they leave is valid, and
/// a remark says so to whoever runs the pass alone. Always succeeds.
mlir::LogicalResult applyPatterns(mlir::Operation *Root,
                                  mlir::RewritePatternSet &&Patterns);

/// For each dimension of a reshape's result the operand's dimension that it is,
/// or -1 for a new one of size 1; empty when the reshape does more than put in
/// and drop such dimensions.
std::optional<llvm::SmallVector<int64_t>> matchUnitReshape(ReshapeOp Op);

/// Leaves those pairs of `dure.equal_dims` to be checked that `IsKept` says.
void keepEqualDims(mlir::func::FuncOp Function,
                   llvm::function_ref<bool(DimsAttr)> IsKept);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SUPPORT_MATCHING_H
