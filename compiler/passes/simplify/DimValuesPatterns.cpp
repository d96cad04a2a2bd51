// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic on dimensions that reached the graph as tensors becomes
// arithmetic on expressions.
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

namespace {

/// The expressions of an i64 tensor made of dimensions and constants.
std::optional<SmallVector<DimExpr>> exprsOf(Value V) {
  if (!typeOf(V).getElementType().isInteger(64) || typeOf(V).getRank() > 1)
    return std::nullopt;
  if (auto Dims = V.getDefiningOp<DimValuesOp>())
    return Dims.getExprs().exprs();
  DenseElementsAttr Value = constantOf(V);
  if (!Value || Value.getNumElements() > 64)
    return std::nullopt;
  SmallVector<DimExpr> Out;
  for (const APInt &Number : Value.getValues<APInt>())
    Out.push_back(DimExpr(Number.getSExtValue()));
  return Out;
}

bool anyDimValues(Operation *Op) {
  return llvm::any_of(Op->getOperands(), [](Value V) {
    return V.getDefiningOp<DimValuesOp>() != nullptr;
  });
}

/// Replaces `Op` by its expressions, when all are valid and as many as its type
/// has elements.
LogicalResult replaceByExprs(PatternRewriter &Rewriter, Operation *Op,
                             ArrayRef<DimExpr> Exprs) {
  auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
  if (Type.getRank() > 1 || !Type.hasStaticShape() ||
      Type.getNumElements() != static_cast<int64_t>(Exprs.size()))
    return Rewriter.notifyMatchFailure(Op, "not a list of expressions");
  for (const DimExpr &Expr : Exprs)
    if (!Expr.valid())
      return Rewriter.notifyMatchFailure(Op, "an expression overflows");
  Rewriter.replaceOpWithNewOp<DimValuesOp>(
      Op, Type, DimsAttr::get(Rewriter.getContext(), Exprs));
  return success();
}

template <typename OpTy> struct DimArithmetic : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  static std::optional<DimExpr> combine(const DimExpr &L, const DimExpr &R) {
    if constexpr (std::is_same_v<OpTy, AddOp>)
      return L + R;
    else if constexpr (std::is_same_v<OpTy, SubOp>)
      return L - R;
    else if constexpr (std::is_same_v<OpTy, MulOp>)
      return L * R;
    else if constexpr (std::is_same_v<OpTy, MinOp>)
      return DimExpr::min(L, R);
    else if constexpr (std::is_same_v<OpTy, MaxOp>)
      return DimExpr::max(L, R);
    // Integer division truncates; that is the floor where nothing is negative.
    else if (L.isNonNegative() && R.isPositive())
      return DimExpr::floorDiv(L, R);
    return std::nullopt;
  }

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    if (!anyDimValues(Op))
      return Rewriter.notifyMatchFailure(Op, "no dimensions");
    auto L = exprsOf(Op.getLhs()), R = exprsOf(Op.getRhs());
    if (!L || !R ||
        (L->size() != R->size() && L->size() != 1 && R->size() != 1))
      return Rewriter.notifyMatchFailure(Op, "operands are not expressions");
    SmallVector<DimExpr> Out;
    for (size_t I = 0, E = std::max(L->size(), R->size()); I < E; ++I) {
      std::optional<DimExpr> Expr =
          combine((*L)[L->size() == 1 ? 0 : I], (*R)[R->size() == 1 ? 0 : I]);
      if (!Expr)
        return Rewriter.notifyMatchFailure(Op, "signs are not known");
      Out.push_back(*Expr);
    }
    return replaceByExprs(Rewriter, Op, Out);
  }
};

struct ReshapeOfDims : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Dims = Op.getX().getDefiningOp<DimValuesOp>();
    if (!Dims)
      return Rewriter.notifyMatchFailure(Op, "no dimensions");
    return replaceByExprs(Rewriter, Op, Dims.getExprs().exprs());
  }
};

struct ConcatOfDims : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    if (!anyDimValues(Op))
      return Rewriter.notifyMatchFailure(Op, "no dimensions");
    SmallVector<DimExpr> Out;
    for (Value X : Op.getXs()) {
      auto Exprs = exprsOf(X);
      if (!Exprs)
        return Rewriter.notifyMatchFailure(Op, "operands are not expressions");
      llvm::append_range(Out, *Exprs);
    }
    return replaceByExprs(Rewriter, Op, Out);
  }
};

struct SliceOfDims : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Dims = Op.getX().getDefiningOp<DimValuesOp>();
    if (!Dims || Op.getType().getRank() != 1)
      return Rewriter.notifyMatchFailure(Op, "no list of dimensions");
    auto Start = Op.getStarts().expr(0).constant();
    auto Size = Op.getSizes().expr(0).constant();
    if (!Start || !Size || *Size < 0)
      return Rewriter.notifyMatchFailure(Op, "the slice is not static");
    SmallVector<DimExpr> Out;
    for (int64_t I = 0; I < *Size; ++I) {
      int64_t At = *Start + I * Op.getSteps()[0];
      if (At < 0 || At >= static_cast<int64_t>(Dims.getExprs().size()))
        return Rewriter.notifyMatchFailure(Op, "reads outside");
      Out.push_back(Dims.getExprs().expr(At));
    }
    return replaceByExprs(Rewriter, Op, Out);
  }
};

} // namespace

void dure::populateDimValuesPatterns(RewritePatternSet &Patterns) {
  Patterns.add<DimArithmetic<AddOp>, DimArithmetic<SubOp>, DimArithmetic<MulOp>,
               DimArithmetic<DivOp>, DimArithmetic<MinOp>, DimArithmetic<MaxOp>,
               ReshapeOfDims, ConcatOfDims, SliceOfDims>(Patterns.getContext());
}
