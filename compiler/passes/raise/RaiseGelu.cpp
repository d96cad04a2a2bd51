// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recognises GELU:
//   0.5 x (1 + erf(x / sqrt 2))
//   0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
// (Hendrycks and Gimpel, arXiv 1606.08415), factors and summands in any order.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEGELU
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

constexpr double SqrtHalf = 0.70710678118654752440;
constexpr double SqrtTwoOverPi = 0.79788456080286535588;
constexpr double CubicFactor = 0.044715;

/// The other summand of 1 + y.
Value onePlus(Value V) {
  auto Match = matchEither<AddOp>(
      V, [](Value Operand) { return splatNumber(Operand) == 1.0; });
  return Match ? Match->second : Value();
}

/// True when V is the argument of the tanh form over X.
bool isTanhArgument(Value V, Value X) {
  Type Element = typeOf(X).getElementType();
  Product Outer = flattenProduct(V);
  if (!isCloseTo(Outer.Number, SqrtTwoOverPi, Element))
    return false;
  auto IsCubic = [&](Value Term, int Powers) {
    Product Cubic = flattenProduct(Term, /*EnterShared=*/true);
    return isCloseTo(Cubic.Number, CubicFactor, Element) &&
           Cubic.Factors.size() == static_cast<size_t>(Powers) &&
           llvm::all_equal(Cubic.Factors) && Cubic.Factors.front() == X;
  };
  // sqrt(2/pi) (x + 0.044715 x^3)
  if (Outer.Factors.size() == 1) {
    auto Sum = matchEither<AddOp>(Outer.Factors.front(),
                                  [&](Value Term) { return Term == X; });
    return Sum && IsCubic(Sum->second, 3);
  }
  // sqrt(2/pi) x (1 + 0.044715 x^2)
  if (Outer.Factors.size() == 2 && Outer.take(X)) {
    Value Term = onePlus(Outer.Factors.front());
    return Term && IsCubic(Term, 2);
  }
  return false;
}

/// The form that `Gate`, 1 + f(..), makes of X; empty when it is neither.
std::optional<GeluForm> geluFormOf(Value Gate, Value X) {
  Value Inner = onePlus(Gate);
  if (!Inner)
    return std::nullopt;
  if (auto Erf = Inner.getDefiningOp<ErfOp>()) {
    Product Argument = flattenProduct(Erf.getX());
    if (Argument.Factors.size() == 1 && Argument.Factors.front() == X &&
        isCloseTo(Argument.Number, SqrtHalf, typeOf(X).getElementType()))
      return GeluForm::Erf;
  }
  if (auto Tanh = Inner.getDefiningOp<TanhOp>())
    if (isTanhArgument(Tanh.getX(), X))
      return GeluForm::Tanh;
  return std::nullopt;
}

struct ProductOfGelu : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp Op,
                                PatternRewriter &Rewriter) const override {
    Product Factors = flattenProduct(Op.getResult());
    if (Factors.Number != 0.5 || Factors.Factors.size() != 2)
      return Rewriter.notifyMatchFailure(Op, "not 0.5 * x * gate");
    for (unsigned I : {0u, 1u}) {
      Value X = Factors.Factors[I], Gate = Factors.Factors[1 - I];
      if (X.getType() != Op.getType())
        continue;
      std::optional<GeluForm> Form = geluFormOf(Gate, X);
      if (!Form)
        continue;
      Rewriter.replaceOpWithNewOp<GeluOp>(Op, Op.getType(), X, *Form);
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "the gate is no GELU's");
  }
};

struct RaiseGelu : dure::impl::RaiseGeluBase<RaiseGelu> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<ProductOfGelu>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
