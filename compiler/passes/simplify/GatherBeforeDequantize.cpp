// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// gather(cast(w) * scale) -> cast(gather(w)) * gather(scale): a table of a
// hundred thousand rows is widened for the few rows that are read.
#include "compiler/passes/support/Matching.h"

namespace dure {
void populateGatherBeforeDequantize(mlir::RewritePatternSet &Patterns);
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

Value buildGather(PatternRewriter &Rewriter, GatherOp Like, Value Table) {
  // Its operands were accepted by `Like` in another element type.
  return *createOp<GatherOp>(Rewriter, Like.getLoc(),
                             {Table, Like.getIndices()}, Like->getAttrs());
}

struct GatherOfCast : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Cast = Op.getX().getDefiningOp<CastOp>();
    if (!Cast || !Cast.getX().getDefiningOp<GetWeightOp>())
      return Rewriter.notifyMatchFailure(Op, "gathers no cast weight");
    Value Rows = buildGather(Rewriter, Op, Cast.getX());
    Rewriter.replaceOpWithNewOp<CastOp>(
        Op, Op.getType(), Rows, Cast.getToAttr(), Cast.getSaturateAttr());
    return success();
  }
};

/// The rows that meet the gathered rows of the table: the scale's own rows, or
/// the scale without its gathered dimension where that has size 1.
Value buildScaleRows(PatternRewriter &Rewriter, GatherOp Op, Value Scale) {
  RankedTensorType Type = typeOf(Scale), Table = typeOf(Op.getX());
  if (Type.getRank() != Table.getRank() || !Type.hasStaticShape())
    return {};
  int64_t Axis = Op.getAxis();
  if (Type.getDimSize(Axis) == Table.getDimSize(Axis))
    return buildGather(Rewriter, Op, Scale);
  if (Type.getDimSize(Axis) != 1 || Axis != 0)
    return {};
  return ReshapeOp::create(Rewriter, Op.getLoc(),
                           RankedTensorType::get(Type.getShape().drop_front(),
                                                 Type.getElementType()),
                           Scale);
}

bool isWeightOrCast(Value V) {
  if (auto Cast = V.getDefiningOp<CastOp>())
    V = Cast.getX();
  return V.getDefiningOp<GetWeightOp>() != nullptr;
}

struct GatherOfScaled : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Mul = Op.getX().getDefiningOp<MulOp>();
    if (!Mul || !isWeightOrCast(Mul.getLhs()) || !isWeightOrCast(Mul.getRhs()))
      return Rewriter.notifyMatchFailure(Op, "gathers no scaled weight");
    Value Table = Mul.getLhs(), Scale = Mul.getRhs();
    if (Table.getType() != Op.getX().getType())
      std::swap(Table, Scale);
    if (Table.getType() != Op.getX().getType())
      return Rewriter.notifyMatchFailure(Op, "an outer product, not a table");
    Value Factors = buildScaleRows(Rewriter, Op, Scale);
    if (!Factors)
      return Rewriter.notifyMatchFailure(Op, "scale along another dimension");
    Value Rows = buildGather(Rewriter, Op, Table);
    Rewriter.replaceOpWithNewOp<MulOp>(Op, Op.getType(), Rows, Factors);
    return success();
  }
};

} // namespace

void dure::populateGatherBeforeDequantize(RewritePatternSet &Patterns) {
  Patterns.add<GatherOfCast, GatherOfScaled>(Patterns.getContext());
}
