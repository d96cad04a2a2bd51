// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Turns a transpose of a matrix operand into matmul's flag: kernels read
// either order, a transpose of activations is a pass over memory.
#include "compiler/passes/Passes.h"
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_FOLDTRANSPOSES
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// The operand of a transpose that swaps the last two dimensions only.
Value transposedMatrix(Value V) {
  auto Op = V.getDefiningOp<TransposeOp>();
  if (!Op)
    return {};
  ArrayRef<int64_t> Permutation = Op.getPermutation();
  int64_t Rank = Permutation.size();
  for (int64_t I = 0; I < Rank - 2; ++I)
    if (Permutation[I] != I)
      return {};
  return Rank >= 2 && Permutation[Rank - 1] == Rank - 2 ? Op.getX() : Value();
}

struct TransposeIntoMatMul : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp Op,
                                PatternRewriter &Rewriter) const override {
    Value Lhs = transposedMatrix(Op.getLhs());
    Value Rhs = transposedMatrix(Op.getRhs());
    if (!Lhs && !Rhs)
      return Rewriter.notifyMatchFailure(Op, "no operand is transposed");
    Rewriter.modifyOpInPlace(Op, [&] {
      if (Lhs) {
        Op.getLhsMutable().assign(Lhs);
        Op.setTransposeLhs(!Op.getTransposeLhs());
      }
      if (Rhs) {
        Op.getRhsMutable().assign(Rhs);
        Op.setTransposeRhs(!Op.getTransposeRhs());
      }
    });
    return success();
  }
};

struct FoldTransposes : dure::impl::FoldTransposesBase<FoldTransposes> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<TransposeIntoMatMul>(&getContext());
    populateTransposeOfConcatPatterns(Patterns);
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
