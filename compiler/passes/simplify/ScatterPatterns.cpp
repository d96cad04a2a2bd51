// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scatters whose places are known: assignments to slices, which exporters write
// for x[a:b] = y, are concats; what replaces all of x is x no more.
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/IndexForm.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

namespace {

/// Rows [Begin, Begin + Size) of x, or null when there are none.
Value buildRows(PatternRewriter &Rewriter, Location Loc, Value X,
                const DimExpr &Begin, const DimExpr &Size) {
  if (Size.isConstant(0))
    return {};
  RankedTensorType Type = typeOf(X);
  SmallVector<DimExpr> Starts(Type.getRank(), DimExpr(0)), Sizes = dimsOf(Type);
  Starts[0] = Begin;
  Sizes[0] = Size;
  MLIRContext *Context = Rewriter.getContext();
  return Rewriter.createOrFold<SliceOp>(
      Loc, tensorOf(Sizes, Type.getElementType()), X,
      DimsAttr::get(Context, Starts), DimsAttr::get(Context, Sizes),
      Rewriter.getDenseI64ArrayAttr(SmallVector<int64_t>(Type.getRank(), 1)));
}

/// scatter_nd to rows a, a + 1, ..., b - 1 -> concat(x[:a], updates, x[b:]).
/// DeepSeek's keys are written so, half by half (transformers' expand_kv).
struct ScatterOfRows : OpRewritePattern<ScatterNDOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScatterNDOp Op,
                                PatternRewriter &Rewriter) const override {
    RankedTensorType Indices = typeOf(Op.getIndices());
    if (Op.getReduction() != ScatterReduction::None || Indices.getRank() != 2 ||
        Indices.getDimSize(1) != 1)
      return Rewriter.notifyMatchFailure(Op, "writes no whole rows");
    std::optional<IndexForm> Form = indexFormOf(Op.getIndices());
    DimExpr Count = dimOf(Indices, 0);
    if (!Form || !(Form->Coefficients[0].isConstant(1) || Count.isConstant(1)))
      return Rewriter.notifyMatchFailure(Op, "rows are not in order");
    DimExpr Begin = Form->Offset, End = Begin + Count;
    DimExpr Rest = dimOf(typeOf(Op.getX()), 0) - End;
    // A negative index counts from the end; one outside is a fault.
    if (!Begin.isNonNegative() || !Rest.isNonNegative())
      return Rewriter.notifyMatchFailure(Op, "rows may be outside");
    // The scatter checks at run time what a concat's type must say.
    SmallVector<DimExpr> Rows = dimsOf(typeOf(Op.getX()));
    Rows[0] = Count;
    if (dimsOf(typeOf(Op.getUpdates())) != Rows)
      return Rewriter.notifyMatchFailure(Op, "updates may be of another size");
    SmallVector<Value> Parts;
    Value X = Op.getX();
    if (Value Before = buildRows(Rewriter, Op.getLoc(), X, 0, Begin))
      Parts.push_back(Before);
    Parts.push_back(Op.getUpdates());
    if (Value After = buildRows(Rewriter, Op.getLoc(), X, End, Rest))
      Parts.push_back(After);
    Rewriter.replaceOpWithNewOp<ConcatOp>(Op, Op.getType(), Parts, 0);
    return success();
  }
};

/// True when a tensor has one element along an axis and it is known.
bool isOneAlong(RankedTensorType Type, int64_t Axis) {
  return dimOf(Type, Axis).isConstant(1);
}

/// The only element is the first: routers choose among one group of experts.
struct TopKOfOne : OpRewritePattern<TopKOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TopKOp Op,
                                PatternRewriter &Rewriter) const override {
    int64_t Axis = Op.getAxis();
    if (!isOneAlong(typeOf(Op.getX()), Axis) || !isOneAlong(Op.getType(), Axis))
      return Rewriter.notifyMatchFailure(Op, "there is a choice");
    auto Type = RankedTensorType::get({}, Op.getType().getElementType());
    Value Zero = ConstantOp::create(
        Rewriter, Op.getLoc(),
        DenseElementsAttr::get(Type, Rewriter.getI64IntegerAttr(0)));
    Rewriter.replaceOpWithNewOp<BroadcastOp>(Op, Op.getType(), Zero);
    return success();
  }
};

/// scatter_elements of as many updates as x has elements, along a dimension of
/// one element: nothing of x is left.
struct ScatterOverAll : OpRewritePattern<ScatterElementsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScatterElementsOp Op,
                                PatternRewriter &Rewriter) const override {
    std::optional<IndexForm> Places = indexFormOf(Op.getIndices());
    if (Op.getReduction() != ScatterReduction::None || !Places ||
        !Places->isConstant() || !Places->Offset.isConstant(0) ||
        !isOneAlong(typeOf(Op.getX()), Op.getAxis()) ||
        dimsOf(typeOf(Op.getIndices())) != dimsOf(typeOf(Op.getX())))
      return Rewriter.notifyMatchFailure(Op, "some of x may be left");
    return replaceSameType(Rewriter, Op, Op.getUpdates());
  }
};

} // namespace

void dure::populateScatterPatterns(RewritePatternSet &Patterns) {
  Patterns.add<ScatterOfRows, TopKOfOne, ScatterOverAll>(Patterns.getContext());
}
