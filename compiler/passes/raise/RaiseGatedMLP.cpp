// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// (act(x w_gate) * (x w_up)) w_down -> gated_mlp (Shazeer, arXiv 2002.05202).
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/Activations.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEGATEDMLP
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// A matmul by a matrix as stored, used by nobody else.
MatMulOp matchLinear(Value V) {
  auto MatMul = V.getDefiningOp<MatMulOp>();
  if (!MatMul || !V.hasOneUse() || MatMul.getTransposeLhs() ||
      MatMul.getTransposeRhs() || typeOf(MatMul.getRhs()).getRank() != 2)
    return {};
  return MatMul;
}

struct GatedProduct : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp Down,
                                PatternRewriter &Rewriter) const override {
    auto Mul = Down.getLhs().getDefiningOp<MulOp>();
    if (!Mul || !Mul->hasOneUse() || Down.getTransposeLhs() ||
        Down.getTransposeRhs() || typeOf(Down.getRhs()).getRank() != 2 ||
        !isa<FloatType>(Down.getType().getElementType()))
      return Rewriter.notifyMatchFailure(Down, "no product before");
    for (auto [Gated, Linear] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                                 std::pair(Mul.getRhs(), Mul.getLhs())}) {
      auto Activation = matchActivation(Gated);
      if (!Activation || !Gated.hasOneUse())
        continue;
      MatMulOp Gate = matchLinear(Activation->second);
      MatMulOp Up = matchLinear(Linear);
      if (!Gate || !Up || Gate.getLhs() != Up.getLhs() ||
          Gate.getType() != Up.getType() || Gate.getType() != Mul.getType())
        continue;
      Rewriter.replaceOpWithNewOp<GatedMLPOp>(
          Down, Down.getType(), Gate.getLhs(), Gate.getRhs(), Up.getRhs(),
          Down.getRhs(), Activation->first);
      return success();
    }
    return Rewriter.notifyMatchFailure(Down, "no gate beside a linear layer");
  }
};

struct RaiseGatedMLP : dure::impl::RaiseGatedMLPBase<RaiseGatedMLP> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<GatedProduct>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
