// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x * cos + rotate(x) * sin, half-split form -> rope.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

#include "mlir/IR/IRMapping.h"

namespace dure {
#define GEN_PASS_DEF_RAISEROPE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

/// True when V = X[.., Start : Start + Size] along the last dimension.
static bool isLastSlice(Value V, Value X, int64_t Start, int64_t Size) {
  auto Slice = V.getDefiningOp<SliceOp>();
  if (!Slice || Slice.getX() != X)
    return false;
  int64_t Last = Slice.getType().getRank() - 1;
  for (int64_t I = 0; I <= Last; ++I) {
    bool Wanted = I == Last
                      ? Slice.getStarts().expr(I).isConstant(Start) &&
                            Slice.getSizes().expr(I).isConstant(Size)
                      : Slice.getStarts().expr(I).isConstant(0) &&
                            Slice.getSizes().expr(I) == dimOf(typeOf(X), I);
    if (!Wanted || Slice.getSteps()[I] != 1)
      return false;
  }
  return true;
}

/// The x of concat(-x[.., half:], x[.., :half]).
static Value matchRotation(Value V) {
  auto Concat = V.getDefiningOp<ConcatOp>();
  if (!Concat || Concat.getXs().size() != 2 ||
      static_cast<int64_t>(Concat.getAxis()) != Concat.getType().getRank() - 1)
    return {};
  auto Neg = Concat.getXs()[0].getDefiningOp<NegOp>();
  auto Low = Concat.getXs()[1].getDefiningOp<SliceOp>();
  if (!Neg || !Low)
    return {};
  Value X = Low.getX();
  RankedTensorType Type = typeOf(X);
  int64_t Width = Type.getRank() ? Type.getShape().back() : 0;
  if (ShapedType::isDynamic(Width) || Width <= 0 || Width % 2 != 0)
    return {};
  if (!isLastSlice(Low, X, 0, Width / 2) ||
      !isLastSlice(Neg.getX(), X, Width / 2, Width / 2))
    return {};
  return X;
}

/// The first half of a table whose halves are equal, as a value built before
/// `Table` was doubled: f(concat(a, a)) gives f(a). Null when it is not known
/// to be such a table.
static Value firstHalf(OpBuilder &Builder, Value Table) {
  auto Halved = [](RankedTensorType Type) {
    SmallVector<DimExpr> Dims = dimsOf(Type);
    Dims.back() = DimExpr::floorDiv(Dims.back(), DimExpr(2));
    return tensorOf(Dims, Type.getElementType());
  };
  Operation *Op = Table.getDefiningOp();
  if (!Op)
    return {};
  if (auto Concat = dyn_cast<ConcatOp>(Op)) {
    bool Doubled = Concat.getXs().size() == 2 &&
                   Concat.getXs()[0] == Concat.getXs()[1] &&
                   static_cast<int64_t>(Concat.getAxis()) ==
                       Concat.getType().getRank() - 1;
    return Doubled ? Concat.getXs()[0] : Value();
  }
  if (auto Reshape = dyn_cast<ReshapeOp>(Op)) {
    // Only dimensions of size 1 may come and go before the last.
    if (dimOf(typeOf(Reshape.getX()), typeOf(Reshape.getX()).getRank() - 1) !=
        dimOf(Reshape.getType(), Reshape.getType().getRank() - 1))
      return {};
    Value Half = firstHalf(Builder, Reshape.getX());
    return Half ? Builder.createOrFold<ReshapeOp>(
                      Op->getLoc(), Halved(Reshape.getType()), Half)
                : Value();
  }
  if (auto Mul = dyn_cast<MulOp>(Op)) {
    // The attention factor of YaRN.
    for (auto [X, By] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                         std::pair(Mul.getRhs(), Mul.getLhs())})
      if (splatNumber(By) && typeOf(By).getNumElements() == 1)
        if (Value Half = firstHalf(Builder, X))
          return MulOp::create(Builder, Op->getLoc(), Halved(Mul.getType()),
                               Half, By);
    return {};
  }
  if (isa<CosOp, SinOp, CastOp>(Op)) {
    Value Half = firstHalf(Builder, Op->getOperand(0));
    if (!Half)
      return {};
    IRMapping Map;
    Map.map(Op->getOperand(0), Half);
    Operation *Copy = Builder.clone(*Op, Map);
    Copy->getResult(0).setType(Halved(typeOf(Op->getResult(0))));
    return Copy->getResult(0);
  }
  return {};
}

namespace {

struct AddOfRotation : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [Straight, Crossed] : {std::pair(Op.getLhs(), Op.getRhs()),
                                     std::pair(Op.getRhs(), Op.getLhs())}) {
      auto IsRotation = [](Value V) { return matchRotation(V) != Value(); };
      auto Sin = matchEither<MulOp>(Crossed, IsRotation);
      if (!Sin)
        continue;
      Value X = matchRotation(Sin->first);
      auto Cos = matchEither<MulOp>(Straight, [&](Value V) { return V == X; });
      if (Cos && X.getType() == Op.getType() &&
          succeeded(replace(Op, X, Cos->second, Sin->second, Rewriter)))
        return success();
    }
    return Rewriter.notifyMatchFailure(Op, "no rotation of halves");
  }

private:
  static LogicalResult replace(AddOp Op, Value X, Value Cos, Value Sin,
                               PatternRewriter &Rewriter) {
    if (typeOf(Cos).getRank() != typeOf(X).getRank() ||
        typeOf(Sin).getRank() != typeOf(X).getRank())
      return failure();
    Value CosHalf = firstHalf(Rewriter, Cos);
    Value SinHalf = CosHalf ? firstHalf(Rewriter, Sin) : Value();
    if (!SinHalf)
      return failure();
    FailureOr<RopeOp> New = createOp<RopeOp>(
        Rewriter, Op.getLoc(), {X, CosHalf, SinHalf},
        {Rewriter.getNamedAttr(
             "layout",
             RopeLayoutAttr::get(Rewriter.getContext(), RopeLayout::Half)),
         Rewriter.getNamedAttr(
             "rotary_dim",
             Rewriter.getI64IntegerAttr(typeOf(X).getShape().back()))});
    if (failed(New))
      return failure();
    Rewriter.replaceOp(Op, *New);
    return success();
  }
};

struct RaiseRope : dure::impl::RaiseRopeBase<RaiseRope> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<AddOfRotation>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
