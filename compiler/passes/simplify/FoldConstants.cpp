// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes elementwise ops on small constants, drops operands that change
// nothing, decides comparisons of indices.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Evaluate.h"
#include "compiler/passes/support/IndexForm.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

struct FoldElementwise : RewritePattern {
  explicit FoldElementwise(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, Context) {}

  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isElementwise(Op))
      return failure();
    SmallVector<DenseElementsAttr> Operands;
    for (Value Operand : Op->getOperands()) {
      Operands.push_back(constantOf(Operand));
      if (!Operands.back())
        return Rewriter.notifyMatchFailure(Op, "an operand is not constant");
    }
    if (isa<DivOp, ModOp>(Op) && dividesByZero(Operands[1]))
      return Rewriter.notifyMatchFailure(Op, "an error that run time reports");
    DenseElementsAttr Value = evaluateElementwise(Op, Operands);
    if (!Value)
      return Rewriter.notifyMatchFailure(Op, "cannot be computed here");
    Rewriter.replaceOpWithNewOp<ConstantOp>(Op, Value);
    return success();
  }

private:
  static bool dividesByZero(DenseElementsAttr Divisor) {
    return isa<IntegerType>(Divisor.getElementType()) &&
           llvm::any_of(Divisor.getValues<APInt>(),
                        [](const APInt &Number) { return Number.isZero(); });
  }
};

/// `With` in place of `Op`, broadcast where the dropped operand was larger.
LogicalResult replaceBroadcast(PatternRewriter &Rewriter, Operation *Op,
                               Value With) {
  Type Result = Op->getResult(0).getType();
  if (With.getType() == Result)
    Rewriter.replaceOp(Op, With);
  else
    Rewriter.replaceOpWithNewOp<BroadcastOp>(Op, Result, With);
  return success();
}

/// x and true, x or false; x and false is false, x or true is true.
template <typename OpTy, bool Neutral>
struct DropLogical : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [X, Other] : {std::pair(Op.getLhs(), Op.getRhs()),
                            std::pair(Op.getRhs(), Op.getLhs())}) {
      if (isSplatBool(Other, Neutral))
        return replaceBroadcast(Rewriter, Op, X);
      if (isSplatBool(Other, !Neutral))
        return replaceBroadcast(Rewriter, Op, Other);
    }
    return Rewriter.notifyMatchFailure(Op, "no operand is decided");
  }
};

/// x * 1, x / 1, x - 0, and x + 0 for integers (for floats it turns -0 to 0).
template <typename OpTy> struct DropNeutral : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy Op,
                                PatternRewriter &Rewriter) const override {
    constexpr bool IsProduct =
        std::is_same_v<OpTy, MulOp> || std::is_same_v<OpTy, DivOp>;
    constexpr bool IsCommutative =
        std::is_same_v<OpTy, MulOp> || std::is_same_v<OpTy, AddOp>;
    bool IsFloat = isa<FloatType>(Op.getType().getElementType());
    if (std::is_same_v<OpTy, AddOp> && IsFloat)
      return Rewriter.notifyMatchFailure(Op, "-0 + 0 is 0");
    double Neutral = IsProduct ? 1 : 0;
    if (splatNumber(Op.getRhs()) == Neutral)
      return replaceBroadcast(Rewriter, Op, Op.getLhs());
    if (IsCommutative && splatNumber(Op.getLhs()) == Neutral)
      return replaceBroadcast(Rewriter, Op, Op.getRhs());
    return Rewriter.notifyMatchFailure(Op, "no operand is neutral");
  }
};

struct DecideSelect : OpRewritePattern<SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SelectOp Op,
                                PatternRewriter &Rewriter) const override {
    if (isSplatBool(Op.getCondition(), true))
      return replaceBroadcast(Rewriter, Op, Op.getOnTrue());
    if (isSplatBool(Op.getCondition(), false))
      return replaceBroadcast(Rewriter, Op, Op.getOnFalse());
    return Rewriter.notifyMatchFailure(Op, "the condition is not constant");
  }
};

struct DecideIndexCompare : OpRewritePattern<CompareOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompareOp Op,
                                PatternRewriter &Rewriter) const override {
    std::optional<bool> Outcome = foldIndexCompare(Op);
    if (!Outcome)
      return Rewriter.notifyMatchFailure(Op, "depends on the index");
    auto Scalar = RankedTensorType::get({}, Rewriter.getI1Type());
    Value Constant = ConstantOp::create(
        Rewriter, Op.getLoc(), DenseElementsAttr::get(Scalar, *Outcome));
    return replaceBroadcast(Rewriter, Op, Constant);
  }
};

/// Places of sorted elements are never negative: what exporters ask where a
/// division is to round down.
struct DecidePlaceCompare : OpRewritePattern<CompareOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompareOp Op,
                                PatternRewriter &Rewriter) const override {
    Value Place = Op.getLhs();
    while (isa_and_nonnull<ReshapeOp, BroadcastOp>(Place.getDefiningOp()))
      Place = Place.getDefiningOp()->getOperand(0);
    std::optional<double> Bound = splatNumber(Op.getRhs());
    if (!Place.getDefiningOp<TopKOp>() || !Bound || *Bound > 0)
      return Rewriter.notifyMatchFailure(Op, "no place beside a small number");
    bool Outcome = Op.getPredicate() == ComparePredicate::GE;
    if (!Outcome && Op.getPredicate() != ComparePredicate::LT)
      return Rewriter.notifyMatchFailure(Op, "depends on the place");
    auto Scalar = RankedTensorType::get({}, Rewriter.getI1Type());
    Value Constant = ConstantOp::create(
        Rewriter, Op.getLoc(), DenseElementsAttr::get(Scalar, Outcome));
    return replaceBroadcast(Rewriter, Op, Constant);
  }
};

/// b == true is b, and so is b != false.
struct DropBoolCompare : OpRewritePattern<CompareOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompareOp Op,
                                PatternRewriter &Rewriter) const override {
    bool IsEqual = Op.getPredicate() == ComparePredicate::EQ;
    if (!typeOf(Op.getLhs()).getElementType().isInteger(1) ||
        (!IsEqual && Op.getPredicate() != ComparePredicate::NE))
      return Rewriter.notifyMatchFailure(Op, "compares no truth values");
    for (auto [X, Other] : {std::pair(Op.getLhs(), Op.getRhs()),
                            std::pair(Op.getRhs(), Op.getLhs())})
      if (isSplatBool(Other, IsEqual))
        return replaceBroadcast(Rewriter, Op, X);
    return Rewriter.notifyMatchFailure(Op, "no operand is constant");
  }
};

struct FoldConstants : dure::impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns
        .add<FoldElementwise, DropLogical<AndOp, true>,
             DropLogical<OrOp, false>, DropNeutral<MulOp>, DropNeutral<DivOp>,
             DropNeutral<AddOp>, DropNeutral<SubOp>, DecideSelect,
             DecideIndexCompare, DecidePlaceCompare, DropBoolCompare>(
            &getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
