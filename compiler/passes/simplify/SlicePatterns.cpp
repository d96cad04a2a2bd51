// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Slices of slices and of concats, concats of neighbouring slices.
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

namespace {

bool hasUnitSteps(SliceOp Op) {
  return llvm::all_of(Op.getSteps(), [](int64_t Step) { return Step == 1; });
}

SliceOp buildSlice(PatternRewriter &Rewriter, Location Loc, Type Result,
                   Value X, ArrayRef<DimExpr> Starts, ArrayRef<DimExpr> Sizes,
                   ArrayRef<int64_t> Steps) {
  MLIRContext *Context = Rewriter.getContext();
  return SliceOp::create(Rewriter, Loc, Result, X,
                         DimsAttr::get(Context, Starts),
                         DimsAttr::get(Context, Sizes), Steps);
}

struct SliceOfSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Inner = Op.getX().getDefiningOp<SliceOp>();
    if (!Inner)
      return Rewriter.notifyMatchFailure(Op, "no slice before");
    SmallVector<DimExpr> Starts;
    SmallVector<int64_t> Steps;
    for (size_t D = 0; D < Op.getStarts().size(); ++D) {
      Starts.push_back(Inner.getStarts().expr(D) +
                       Op.getStarts().expr(D) * DimExpr(Inner.getSteps()[D]));
      Steps.push_back(Inner.getSteps()[D] * Op.getSteps()[D]);
    }
    Rewriter.replaceOp(Op, buildSlice(Rewriter, Op.getLoc(), Op.getType(),
                                      Inner.getX(), Starts,
                                      Op.getSizes().exprs(), Steps));
    return success();
  }
};

/// A slice that lies inside one operand of a concat reads that operand.
struct SliceOfConcat : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Concat = Op.getX().getDefiningOp<ConcatOp>();
    if (!Concat)
      return Rewriter.notifyMatchFailure(Op, "no concat before");
    int64_t Axis = Concat.getAxis();
    int64_t Step = Op.getSteps()[Axis];
    if (Step < 1)
      return Rewriter.notifyMatchFailure(Op, "reads backwards");
    SmallVector<DimExpr> Starts = Op.getStarts().exprs();
    DimExpr Size = Op.getSizes().expr(Axis), Begin(0);
    DimExpr Last = Starts[Axis] + (Size - DimExpr(1)) * DimExpr(Step);
    for (Value Part : Concat.getXs()) {
      DimExpr End = Begin + dimOf(typeOf(Part), Axis);
      // Provably from Begin on, and provably before End.
      if ((Starts[Axis] - Begin).isNonNegative() &&
          (End - DimExpr(1) - Last).isNonNegative()) {
        Starts[Axis] = Starts[Axis] - Begin;
        Rewriter.replaceOp(Op, buildSlice(Rewriter, Op.getLoc(), Op.getType(),
                                          Part, Starts, Op.getSizes().exprs(),
                                          Op.getSteps()));
        return success();
      }
      Begin = End;
    }
    return Rewriter.notifyMatchFailure(Op, "reads several operands");
  }
};

/// Two neighbouring slices of one tensor, differing along `Axis` only.
bool rejoins(SliceOp L, SliceOp R, unsigned Axis) {
  if (L.getX() != R.getX() || !hasUnitSteps(L) || !hasUnitSteps(R))
    return false;
  for (unsigned D = 0; D < L.getStarts().size(); ++D) {
    DimExpr LStart = L.getStarts().expr(D), RStart = R.getStarts().expr(D);
    DimExpr LSize = L.getSizes().expr(D), RSize = R.getSizes().expr(D);
    if (D == Axis ? RStart != LStart + LSize
                  : LStart != RStart || LSize != RSize)
      return false;
  }
  return true;
}

struct ConcatOfSlices : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    SmallVector<Value> Parts;
    for (Value X : Op.getXs()) {
      auto Slice = X.getDefiningOp<SliceOp>();
      auto Before =
          Parts.empty() ? SliceOp() : Parts.back().getDefiningOp<SliceOp>();
      if (!Slice || !Before || !rejoins(Before, Slice, Op.getAxis())) {
        Parts.push_back(X);
        continue;
      }
      SmallVector<DimExpr> Sizes = Before.getSizes().exprs();
      Sizes[Op.getAxis()] =
          Sizes[Op.getAxis()] + Slice.getSizes().expr(Op.getAxis());
      Parts.back() = buildSlice(
          Rewriter, Op.getLoc(), tensorOf(Sizes, Op.getType().getElementType()),
          Slice.getX(), Before.getStarts().exprs(), Sizes, Slice.getSteps());
    }
    if (Parts.size() == Op.getXs().size())
      return Rewriter.notifyMatchFailure(Op, "no slices to rejoin");
    Rewriter.replaceOpWithNewOp<ConcatOp>(Op, Op.getType(), Parts,
                                          Op.getAxis());
    return success();
  }
};

} // namespace

void dure::populateSlicePatterns(RewritePatternSet &Patterns) {
  Patterns.add<SliceOfSlice, SliceOfConcat, ConcatOfSlices>(
      Patterns.getContext());
}
