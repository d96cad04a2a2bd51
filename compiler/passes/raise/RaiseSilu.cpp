// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x * sigmoid(x) -> silu(x).
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISESILU
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

struct MulOfSigmoid : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [X, Gate] : {std::pair(Op.getLhs(), Op.getRhs()),
                           std::pair(Op.getRhs(), Op.getLhs())}) {
      auto Sigmoid = Gate.getDefiningOp<SigmoidOp>();
      if (!Sigmoid || Sigmoid.getX() != X)
        continue;
      Rewriter.replaceOpWithNewOp<SiluOp>(Op, Op.getType(), X);
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "no x * sigmoid(x)");
  }
};

struct RaiseSilu : dure::impl::RaiseSiluBase<RaiseSilu> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<MulOfSigmoid>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
