// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dequantize by blocks of what only a run tells -> dequantize by one number,
// then arithmetic with the blocks' zero points and scales: for targets whose
// kernels widen whole tensors.
#include "compiler/passes/Passes.h"
#include "compiler/passes/simplify/WeightExpressions.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_DECOMPOSEDEQUANTIZE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

struct DequantizeOfBlocks : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DequantizeOp Op,
                                PatternRewriter &Rewriter) const override {
    RankedTensorType Whole = Op.getType();
    const auto Block = static_cast<int64_t>(Op.getBlock());
    const auto Axis = static_cast<int64_t>(Op.getAxis());
    if (Block <= 0 || isWeightExpression(Op.getX()))
      return Rewriter.notifyMatchFailure(Op, "no blocks of what is computed");
    if (Whole.isDynamicDim(Axis) || Whole.getDimSize(Axis) % Block != 0 ||
        !Whole.getElementType().isF32())
      return Rewriter.notifyMatchFailure(Op, "its blocks are not all alike");
    Location Loc = Op.getLoc();
    auto Shaped = [&](Value V, int64_t InBlock) {
      SmallVector<DimExpr> Dims = dimsOf(Whole);
      Dims[Axis] = Whole.getDimSize(Axis) / Block;
      Dims.insert(Dims.begin() + Axis + 1, DimExpr(InBlock));
      return ReshapeOp::create(Rewriter, Loc,
                               tensorOf(Dims, typeOf(V).getElementType()), V);
    };
    auto Widened = [&](Value V) -> Value {
      RankedTensorType Type = typeOf(V);
      if (Type.getElementType().isF32())
        return V;
      auto Scalar = RankedTensorType::get({}, Whole.getElementType());
      Value One = ConstantOp::create(Rewriter, Loc,
                                     DenseElementsAttr::get(Scalar, 1.0f));
      return DequantizeOp::create(
          Rewriter, Loc, tensorOf(dimsOf(Type), Whole.getElementType()), V, One,
          Value(), Rewriter.getI64IntegerAttr(1),
          Rewriter.getI64IntegerAttr(0));
    };
    Value X = Shaped(Widened(Op.getX()), Block);
    Type Parts = X.getType();
    if (Value Zero = Op.getZeroPoint())
      X = SubOp::create(Rewriter, Loc, Parts, X, Shaped(Widened(Zero), 1));
    X = MulOp::create(Rewriter, Loc, Parts, X, Shaped(Op.getScale(), 1));
    Rewriter.replaceOpWithNewOp<ReshapeOp>(Op, Whole, X);
    return success();
  }
};

struct DecomposeDequantize
    : dure::impl::DecomposeDequantizeBase<DecomposeDequantize> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<DequantizeOfBlocks>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
