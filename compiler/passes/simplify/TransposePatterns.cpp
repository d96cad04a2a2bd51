// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Transposes that are reshapes, or that reshapes hide.
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

namespace {

/// A transpose that only shifts dimensions of size 1 keeps the order of the
/// elements: a reshape, which costs nothing.
struct TransposeOfOnes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp Op,
                                PatternRewriter &Rewriter) const override {
    RankedTensorType From = typeOf(Op.getX());
    int64_t Last = -1;
    for (int64_t Dim : Op.getPermutation()) {
      if (dimOf(From, Dim).isConstant(1))
        continue;
      if (Dim < Last)
        return Rewriter.notifyMatchFailure(Op, "moves elements");
      Last = Dim;
    }
    Rewriter.replaceOpWithNewOp<ReshapeOp>(Op, Op.getType(), Op.getX());
    return success();
  }
};

/// [..., T, D] -> [N, T, D] -> [N, D, T] -> [..., D, T]: the way exporters
/// transpose keys, one transpose of the last two dimensions.
struct TransposeBetweenReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Transpose = Op.getX().getDefiningOp<TransposeOp>();
    if (!Transpose || Transpose.getPermutation() != ArrayRef<int64_t>{0, 2, 1})
      return Rewriter.notifyMatchFailure(Op, "no transpose of rank 3 before");
    auto Merge = Transpose.getX().getDefiningOp<ReshapeOp>();
    if (!Merge)
      return Rewriter.notifyMatchFailure(Op, "no reshape before the transpose");
    Value X = Merge.getX();
    int64_t Rank = typeOf(X).getRank();
    if (Rank < 2)
      return Rewriter.notifyMatchFailure(Op, "merges no leading dimensions");
    SmallVector<DimExpr> Dims = dimsOf(typeOf(X));
    SmallVector<DimExpr> Merged = dimsOf(Merge.getType());
    if (Merged[1] != Dims[Rank - 2] || Merged[2] != Dims[Rank - 1])
      return Rewriter.notifyMatchFailure(Op, "the last dimensions change");
    std::swap(Dims[Rank - 2], Dims[Rank - 1]);
    if (tensorOf(Dims, Op.getType().getElementType()) != Op.getType())
      return Rewriter.notifyMatchFailure(Op, "the split is not the merge's");
    Rewriter.replaceOp(Op,
                       buildTransposeOfLastTwo(Rewriter, Op.getLoc(), X));
    return success();
  }
};

} // namespace

void dure::populateTransposePatterns(RewritePatternSet &Patterns) {
  Patterns.add<TransposeOfOnes, TransposeBetweenReshapes>(
      Patterns.getContext());
}
