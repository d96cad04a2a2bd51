// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attention(q, repeat(k), repeat(v)) -> attention(q, k, v): attention reads a
// group's keys for all its heads, so repeating them only costs memory.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEGROUPEDHEADS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// The reshape of [B, G, S, D] that a broadcast to [B, G, R, S, D] and a merge
/// to [B, G * R, S, D] repeat head by head; null when V is no such tensor.
Value repeatedHeads(Value V) {
  auto Merge = V.getDefiningOp<ReshapeOp>();
  auto Repeat =
      Merge ? Merge.getX().getDefiningOp<BroadcastOp>() : BroadcastOp();
  if (!Repeat || typeOf(V).getRank() != 4)
    return {};
  SmallVector<DimExpr> Before = dimsOf(typeOf(Repeat.getX()));
  SmallVector<DimExpr> After = dimsOf(Repeat.getType());
  SmallVector<DimExpr> Merged = dimsOf(Merge.getType());
  if (Before.size() != 5 || After.size() != 5 || !Before[2].isConstant(1))
    return {};
  // Only the repeated dimension grows, and it merges into the heads before it.
  for (unsigned D : {0u, 1u, 3u, 4u})
    if (Before[D] != After[D])
      return {};
  if (Merged[0] != After[0] || Merged[1] != After[1] * After[2] ||
      Merged[2] != After[3] || Merged[3] != After[4])
    return {};
  return Repeat.getX();
}

/// [B, G, 1, S, D] as [B, G, S, D].
Value buildGroups(PatternRewriter &Rewriter, Location Loc, Value Repeated) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Repeated));
  Dims.erase(Dims.begin() + 2);
  return Rewriter.createOrFold<ReshapeOp>(
      Loc, tensorOf(Dims, typeOf(Repeated).getElementType()), Repeated);
}

struct AttentionOfRepeatedHeads : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp Op,
                                PatternRewriter &Rewriter) const override {
    Value K = repeatedHeads(Op.getK()), V = repeatedHeads(Op.getV());
    if (!K || !V || dimOf(typeOf(K), 1) != dimOf(typeOf(V), 1))
      return Rewriter.notifyMatchFailure(Op, "heads are not repeated alike");
    K = buildGroups(Rewriter, Op.getLoc(), K);
    V = buildGroups(Rewriter, Op.getLoc(), V);
    Rewriter.modifyOpInPlace(Op, [&] {
      Op.getKMutable().assign(K);
      Op.getVMutable().assign(V);
    });
    return success();
  }
};

struct RaiseGroupedHeads
    : dure::impl::RaiseGroupedHeadsBase<RaiseGroupedHeads> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<AttentionOfRepeatedHeads>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
