// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// gated_mlp -> matmul, activation, mul, matmul: for targets that fuse an
// activation into a matmul but not three matmuls into one kernel.
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/Activations.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_DECOMPOSEGATEDMLP
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

struct GatedMLPParts : OpRewritePattern<GatedMLPOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatedMLPOp Op,
                                PatternRewriter &Rewriter) const override {
    Location Loc = Op.getLoc();
    SmallVector<DimExpr> Dims = dimsOf(typeOf(Op.getX()));
    Dims.back() = dimOf(typeOf(Op.getWGate()), 1);
    RankedTensorType Inner = tensorOf(Dims, Op.getType().getElementType());
    Value Gate =
        MatMulOp::create(Rewriter, Loc, Inner, Op.getX(), Op.getWGate());
    Value Up = MatMulOp::create(Rewriter, Loc, Inner, Op.getX(), Op.getWUp());
    Value Gated = buildActivation(Rewriter, Loc, Op.getActivation(), Gate);
    Value Product = MulOp::create(Rewriter, Loc, Inner, Gated, Up);
    Rewriter.replaceOpWithNewOp<MatMulOp>(Op, Op.getType(), Product,
                                          Op.getWDown());
    return success();
  }
};

struct DecomposeGatedMLP
    : dure::impl::DecomposeGatedMLPBase<DecomposeGatedMLP> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<GatedMLPParts>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
