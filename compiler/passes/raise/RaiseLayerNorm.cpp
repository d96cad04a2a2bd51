// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// (x - mean) / sqrt(variance + epsilon) * scale [+ bias] -> layer_norm
// (Ba, Kiros and Hinton, arXiv 1607.06450).
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/NormMatching.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISELAYERNORM
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// The quotient of x - mean(x), said of x.
std::optional<NormQuotient> matchCentered(Value V) {
  std::optional<NormQuotient> Norm = matchNormQuotient(V);
  auto Sub = Norm ? Norm->X.getDefiningOp<SubOp>() : SubOp();
  int64_t MeanAxis = 0;
  if (!Sub || matchTrailingMean(Sub.getRhs(), MeanAxis) != Sub.getLhs() ||
      MeanAxis != Norm->Axis)
    return std::nullopt;
  Norm->X = Sub.getLhs();
  return Norm;
}

struct ScaledCenteredQuotient : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [Quotient, Scale] : {std::pair(Op.getLhs(), Op.getRhs()),
                                   std::pair(Op.getRhs(), Op.getLhs())}) {
      std::optional<NormQuotient> Norm = matchCentered(Quotient);
      if (!Norm || Norm->X.getType() != Op.getType() ||
          !isExactAsNorm(*Norm, Op.getType().getElementType()) ||
          !isNormParameter(Scale, Op.getType(), Norm->Axis))
        continue;
      Rewriter.replaceOpWithNewOp<LayerNormOp>(
          Op, Op.getType(), Norm->X, Scale, /*bias=*/Value(),
          Rewriter.getI64IntegerAttr(Norm->Axis),
          Rewriter.getF32FloatAttr(Norm->Epsilon));
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "no scaled quotient");
  }
};

/// layer_norm without a bias, plus a bias.
struct BiasIntoLayerNorm : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [Norm, Bias] : {std::pair(Op.getLhs(), Op.getRhs()),
                              std::pair(Op.getRhs(), Op.getLhs())}) {
      auto LayerNorm = Norm.getDefiningOp<LayerNormOp>();
      if (!LayerNorm || LayerNorm.getBias() || !Norm.hasOneUse() ||
          Norm.getType() != Op.getType() ||
          !isNormParameter(Bias, Op.getType(), LayerNorm.getAxis()))
        continue;
      Rewriter.replaceOpWithNewOp<LayerNormOp>(
          Op, Op.getType(), LayerNorm.getX(), LayerNorm.getScale(), Bias,
          LayerNorm.getAxisAttr(), LayerNorm.getEpsilonAttr());
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "no layer_norm without a bias");
  }
};

struct RaiseLayerNorm : dure::impl::RaiseLayerNormBase<RaiseLayerNorm> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<ScaledCenteredQuotient, BiasIntoLayerNorm>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
