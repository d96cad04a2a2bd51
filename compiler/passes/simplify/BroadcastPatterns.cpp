// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Broadcasts: elementwise ops broadcast by themselves, so one before them only
// makes more elements to compute.
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

namespace {

struct BroadcastOfBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Inner = Op.getX().getDefiningOp<BroadcastOp>();
    if (!Inner)
      return Rewriter.notifyMatchFailure(Op, "no broadcast before");
    Rewriter.replaceOpWithNewOp<BroadcastOp>(Op, Op.getType(), Inner.getX());
    return success();
  }
};

/// A broadcast that only puts dimensions of size 1 in front.
struct BroadcastToOnes : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp Op,
                                PatternRewriter &Rewriter) const override {
    SmallVector<DimExpr> From = dimsOf(typeOf(Op.getX()));
    SmallVector<DimExpr> To = dimsOf(Op.getType());
    size_t Extra = To.size() - From.size();
    for (size_t D = 0; D < To.size(); ++D)
      if (To[D] != (D < Extra ? DimExpr(1) : From[D - Extra]))
        return Rewriter.notifyMatchFailure(Op, "repeats elements");
    Rewriter.replaceOpWithNewOp<ReshapeOp>(Op, Op.getType(), Op.getX());
    return success();
  }
};

/// reshape(broadcast(x)) of one element x is a broadcast to the new shape.
struct ReshapeOfSplat : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Broadcast = Op.getX().getDefiningOp<BroadcastOp>();
    if (!Broadcast)
      return Rewriter.notifyMatchFailure(Op, "no broadcast before");
    RankedTensorType From = typeOf(Broadcast.getX());
    if (!From.hasStaticShape() || From.getNumElements() != 1)
      return Rewriter.notifyMatchFailure(Op, "elements may differ");
    Value Scalar = Rewriter.createOrFold<ReshapeOp>(
        Op.getLoc(), RankedTensorType::get({}, From.getElementType()),
        Broadcast.getX());
    Rewriter.replaceOpWithNewOp<BroadcastOp>(Op, Op.getType(), Scalar);
    return success();
  }
};

/// elementwise(broadcast(x), y) computes the same as elementwise(x, y), with a
/// broadcast behind it when no other operand has the full shape.
struct SinkBroadcast : RewritePattern {
  explicit SinkBroadcast(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, Context) {}

  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    if (!isElementwise(Op))
      return failure();
    SmallVector<Value> Operands(Op->getOperands());
    SmallVector<DimExpr> Dims;
    bool Changed = false;
    for (Value &Operand : Operands) {
      if (auto Broadcast = Operand.getDefiningOp<BroadcastOp>()) {
        Operand = Broadcast.getX();
        Changed = true;
      }
      auto Joined = broadcastDims(Dims, dimsOf(typeOf(Operand)));
      if (failed(Joined))
        return Rewriter.notifyMatchFailure(Op, "operands disagree");
      Dims = *Joined;
    }
    if (!Changed)
      return Rewriter.notifyMatchFailure(Op, "no operand is broadcast");
    auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
    RankedTensorType Small = tensorOf(Dims, Type.getElementType());
    OperationState State(Op->getLoc(), Op->getName(), Operands, Small,
                         Op->getAttrs());
    Value New = Rewriter.create(State)->getResult(0);
    if (Small != Type)
      New = BroadcastOp::create(Rewriter, Op->getLoc(), Type, New);
    Rewriter.replaceOp(Op, New);
    return success();
  }
};

} // namespace

void dure::populateBroadcastPatterns(RewritePatternSet &Patterns) {
  Patterns.add<BroadcastOfBroadcast, BroadcastToOnes, ReshapeOfSplat,
               SinkBroadcast>(Patterns.getContext());
}
