// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x / sqrt(mean(x^2) + epsilon) * scale -> rms_norm
// (Zhang and Sennrich, arXiv 1910.07467).
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/NormMatching.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISERMSNORM
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

struct ScaledQuotient : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [Quotient, Scale] : {std::pair(Op.getLhs(), Op.getRhs()),
                                   std::pair(Op.getRhs(), Op.getLhs())}) {
      std::optional<NormQuotient> Norm = matchRounded(Quotient);
      if (!Norm || Norm->X.getType() != Op.getType() ||
          !isNormParameter(Scale, Op.getType(), Norm->Axis))
        continue;
      Rewriter.replaceOpWithNewOp<RMSNormOp>(
          Op, Op.getType(), Norm->X, Scale,
          Rewriter.getI64IntegerAttr(Norm->Axis),
          Rewriter.getF32FloatAttr(Norm->Epsilon));
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "no scaled quotient");
  }

private:
  /// The quotient itself; or one computed wide and rounded back to the type
  /// that its X was widened from, as rms_norm does for narrow types.
  static std::optional<NormQuotient> matchRounded(Value V) {
    auto Narrow = V.getDefiningOp<CastOp>();
    if (!Narrow) {
      std::optional<NormQuotient> Norm = matchNormQuotient(V);
      bool IsExact = Norm && isExactAsNorm(*Norm, typeOf(V).getElementType());
      return IsExact ? Norm : std::nullopt;
    }
    std::optional<NormQuotient> Norm = matchNormQuotient(Narrow.getX());
    auto Wide = Norm ? Norm->X.getDefiningOp<CastOp>() : CastOp();
    if (!Wide || Wide.getX().getType() != V.getType() ||
        !Wide.getType().getElementType().isF32())
      return std::nullopt;
    Norm->X = Wide.getX();
    return Norm;
  }
};

struct RaiseRMSNorm : dure::impl::RaiseRMSNormBase<RaiseRMSNorm> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<ScaledQuotient>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
