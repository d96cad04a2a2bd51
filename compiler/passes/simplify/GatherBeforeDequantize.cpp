// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// gather(arithmetic on w) -> arithmetic on gather(w).
#include "compiler/passes/simplify/WeightExpressions.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

namespace {

Value buildGather(PatternRewriter &Rewriter, GatherOp Like, Value Table,
                  int64_t Axis) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Table));
  SmallVector<DimExpr> Indices = dimsOf(typeOf(Like.getIndices()));
  Dims.erase(Dims.begin() + Axis);
  Dims.insert(Dims.begin() + Axis, Indices.begin(), Indices.end());
  return GatherOp::create(Rewriter, Like.getLoc(),
                          tensorOf(Dims, typeOf(Table).getElementType()), Table,
                          Like.getIndices(), Rewriter.getI64IntegerAttr(Axis));
}

/// Rows are read byte by byte: integers of four bits are widened before, by
/// their recipe.
Value buildWholeBytes(PatternRewriter &Rewriter, Location Loc, Value V) {
  auto Element = dyn_cast<IntegerType>(typeOf(V).getElementType());
  if (!Element || Element.getWidth() >= 8 || Element.getWidth() == 1)
    return V;
  auto Wide = IntegerType::get(V.getContext(), 8, Element.getSignedness());
  return CastOp::create(Rewriter, Loc, tensorOf(dimsOf(typeOf(V)), Wide), V,
                        TypeAttr::get(Wide), Rewriter.getBoolAttr(true));
}

struct GatherOfCast : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Cast = Op.getX().getDefiningOp<CastOp>();
    if (!Cast || !isWeightExpression(Cast.getX()))
      return Rewriter.notifyMatchFailure(Op, "gathers no cast weight");
    // A cast that narrows, or is there for whole bytes, belongs to the recipe.
    if (typeOf(Cast.getX()).getElementTypeBitWidth() >=
            typeOf(Cast).getElementTypeBitWidth() ||
        buildsWholeBytes(Cast))
      return Rewriter.notifyMatchFailure(Op, "rows would be no smaller");
    Value Table = buildWholeBytes(Rewriter, Op.getLoc(), Cast.getX());
    Value Rows = buildGather(Rewriter, Op, Table, Op.getAxis());
    Rewriter.replaceOpWithNewOp<CastOp>(
        Op, Op.getType(), Rows, Cast.getToAttr(), Cast.getSaturateAttr());
    return success();
  }

private:
  static bool buildsWholeBytes(CastOp Cast) {
    return typeOf(Cast.getX()).getElementTypeBitWidth() < 8 &&
           typeOf(Cast).getElementTypeBitWidth() == 8;
  }
};

/// The elements of `Other` that meet the gathered rows, `Other` being broadcast
/// to the table.
Value buildOtherRows(PatternRewriter &Rewriter, GatherOp Op, Value Other) {
  RankedTensorType Type = typeOf(Other), Table = typeOf(Op.getX());
  int64_t Axis =
      static_cast<int64_t>(Op.getAxis()) - (Table.getRank() - Type.getRank());
  if (Axis < 0)
    return Other;
  if (Type.getDimSize(Axis) != 1)
    return buildGather(Rewriter, Op, Other, Axis);
  // One element for every row: the indices' dimensions come in its place, where
  // anything stands before them.
  ArrayRef<int64_t> Shape = Type.getShape();
  SmallVector<int64_t> Rows;
  if (llvm::any_of(Shape.take_front(Axis), [](int64_t D) { return D != 1; })) {
    llvm::append_range(Rows, Shape.take_front(Axis));
    Rows.append(typeOf(Op.getIndices()).getRank(), 1);
  }
  llvm::append_range(Rows, Shape.drop_front(Axis + 1));
  return Rewriter.createOrFold<ReshapeOp>(
      Op.getLoc(), RankedTensorType::get(Rows, Type.getElementType()), Other);
}

template <typename OpTy>
struct GatherOfArithmetic : OpRewritePattern<GatherOp> {
  using OpRewritePattern<GatherOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Arith = Op.getX().template getDefiningOp<OpTy>();
    if (!Arith)
      return Rewriter.notifyMatchFailure(Op, "gathers no such arithmetic");
    for (bool Swapped : {false, true}) {
      Value Table = Arith->getOperand(Swapped);
      Value Other = Arith->getOperand(!Swapped);
      if (Table.getType() != Op.getX().getType() ||
          !isWeightExpression(Table) || !isStepOperand(Other))
        continue;
      Value Rows = buildGather(Rewriter, Op, Table, Op.getAxis());
      Value OtherRows = buildOtherRows(Rewriter, Op, Other);
      if (Swapped)
        std::swap(Rows, OtherRows);
      Rewriter.replaceOpWithNewOp<OpTy>(Op, Op.getType(), Rows, OtherRows);
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "an outer product, not a table");
  }
};

/// Blocked dequantization along another dimension than the gathered one.
struct GatherOfBlocks : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Blocked = Op.getX().getDefiningOp<DequantizeOp>();
    if (!Blocked || Blocked.getBlock() <= 0 ||
        !isWeightExpression(Blocked.getX()) ||
        Blocked.getAxis() == Op.getAxis())
      return Rewriter.notifyMatchFailure(Op, "gathers no blocks of a weight");
    int64_t Axis = Op.getAxis();
    RankedTensorType Table = typeOf(Blocked.getX());
    for (Value V : {Blocked.getScale(), Blocked.getZeroPoint()})
      if (V && (typeOf(V).getRank() != Table.getRank() ||
                typeOf(V).getDimSize(Axis) != Table.getDimSize(Axis)))
        return Rewriter.notifyMatchFailure(Op, "a scale for many rows");
    auto Gather = [&](Value V) {
      V = buildWholeBytes(Rewriter, Op.getLoc(), V);
      return buildGather(Rewriter, Op, V, Axis);
    };
    Value Rows = Gather(Blocked.getX()), Scale = Gather(Blocked.getScale());
    Value Zero = Blocked.getZeroPoint();
    if (Zero)
      Zero = Gather(Zero);
    int64_t Along = Blocked.getAxis();
    if (Along > Axis)
      Along += typeOf(Op.getIndices()).getRank() - 1;
    Rewriter.replaceOpWithNewOp<DequantizeOp>(
        Op, Op.getType(), Rows, Scale, Zero, Rewriter.getI64IntegerAttr(Along),
        Blocked.getBlockAttr());
    return success();
  }
};

/// One row at a known place (an expert's matrix in a stack of them) is a slice,
/// which a recipe holds.
struct GatherOfOneRow : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp Op,
                                PatternRewriter &Rewriter) const override {
    DenseElementsAttr Index = constantOf(Op.getIndices());
    if (!Index || Index.getNumElements() != 1 || !isWeightExpression(Op.getX()))
      return Rewriter.notifyMatchFailure(Op, "no one row of a weight");
    RankedTensorType Table = typeOf(Op.getX());
    int64_t Axis = Op.getAxis(), Size = Table.getDimSize(Axis);
    int64_t At = (*Index.getValues<APInt>().begin()).getSExtValue();
    if (At < 0)
      At += Size;
    if (At < 0 || At >= Size)
      return Rewriter.notifyMatchFailure(Op, "an error that run time reports");
    MLIRContext *Context = Rewriter.getContext();
    SmallVector<DimExpr> Starts(Table.getRank(), DimExpr(0));
    SmallVector<DimExpr> Sizes = dimsOf(Table);
    Starts[Axis] = At;
    Sizes[Axis] = 1;
    Value Row = SliceOp::create(Rewriter, Op.getLoc(),
                                tensorOf(Sizes, Table.getElementType()),
                                Op.getX(), DimsAttr::get(Context, Starts),
                                DimsAttr::get(Context, Sizes),
                                Rewriter.getDenseI64ArrayAttr(
                                    SmallVector<int64_t>(Table.getRank(), 1)));
    Rewriter.replaceOpWithNewOp<ReshapeOp>(Op, Op.getType(), Row);
    return success();
  }
};

} // namespace

void dure::populateGatherBeforeDequantize(RewritePatternSet &Patterns) {
  Patterns
      .add<GatherOfCast, GatherOfArithmetic<MulOp>, GatherOfArithmetic<AddOp>,
           GatherOfArithmetic<SubOp>, GatherOfBlocks>(Patterns.getContext());
  // Not rows of a table, but a weight: before the others.
  Patterns.add<GatherOfOneRow>(Patterns.getContext(), /*benefit=*/2);
}
