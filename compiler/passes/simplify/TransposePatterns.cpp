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
/// transpose keys. The split of N may come first, the transpose is then one of
/// the last two dimensions; the merge and the split often undo each other.
struct TransposeBetweenReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Transpose = Op.getX().getDefiningOp<TransposeOp>();
    if (!Transpose || Transpose.getPermutation() != ArrayRef<int64_t>{0, 2, 1})
      return Rewriter.notifyMatchFailure(Op, "no transpose of rank 3 before");
    if (!Transpose.getX().getDefiningOp<ReshapeOp>())
      return Rewriter.notifyMatchFailure(Op, "no reshape before the transpose");
    SmallVector<DimExpr> Dims = dimsOf(Op.getType());
    SmallVector<DimExpr> Merged = dimsOf(Transpose.getType());
    size_t Rank = Dims.size();
    if (Rank < 3 || Dims[Rank - 2] != Merged[1] || Dims[Rank - 1] != Merged[2])
      return Rewriter.notifyMatchFailure(Op, "splits transposed dimensions");
    std::swap(Dims[Rank - 2], Dims[Rank - 1]);
    // Folds with the merge, to nothing where it is the merge undone.
    Value Split = Rewriter.createOrFold<ReshapeOp>(
        Op.getLoc(), tensorOf(Dims, Op.getType().getElementType()),
        Transpose.getX());
    Rewriter.replaceOp(Op,
                       buildTransposeOfLastTwo(Rewriter, Op.getLoc(), Split));
    return success();
  }
};

/// transpose(concat(transposes)) -> concat(transposes), each of which meets one
/// that it may undo.
struct TransposeOfConcat : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Concat = Op.getX().getDefiningOp<ConcatOp>();
    if (!Concat || !Concat->hasOneUse())
      return Rewriter.notifyMatchFailure(Op, "no concat of its own before");
    if (!llvm::all_of(Concat.getXs(), [](Value X) {
          return X.getDefiningOp<TransposeOp>() != nullptr;
        }))
      return Rewriter.notifyMatchFailure(Op, "the parts are no transposes");
    ArrayRef<int64_t> Permutation = Op.getPermutation();
    SmallVector<Value> Parts;
    for (Value X : Concat.getXs()) {
      SmallVector<DimExpr> Dims;
      for (int64_t From : Permutation)
        Dims.push_back(dimOf(typeOf(X), From));
      Parts.push_back(Rewriter.createOrFold<TransposeOp>(
          Op.getLoc(), tensorOf(Dims, Op.getType().getElementType()), X,
          Permutation));
    }
    const int64_t *Axis = llvm::find(Permutation, Concat.getAxis());
    Rewriter.replaceOpWithNewOp<ConcatOp>(Op, Op.getType(), Parts,
                                          Axis - Permutation.begin());
    return success();
  }
};

} // namespace

void dure::populateTransposeOfConcatPatterns(RewritePatternSet &Patterns) {
  Patterns.add<TransposeOfConcat>(Patterns.getContext());
}

void dure::populateTransposePatterns(RewritePatternSet &Patterns) {
  Patterns.add<TransposeOfOnes, TransposeBetweenReshapes>(
      Patterns.getContext());
  populateTransposeOfConcatPatterns(Patterns);
}
