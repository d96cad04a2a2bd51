// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// gather_nd(mask, [batch index, key index]) over full grids -> the mask itself.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEMASKS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

/// The dimension of `Grid` along which V counts 0, 1, 2, ...; all others
/// repeat. None when V is no such grid.
static std::optional<int64_t> countedDimension(Value V) {
  if (auto Iota = V.getDefiningOp<IotaOp>())
    return Iota.getAxis();
  if (auto Broadcast = V.getDefiningOp<BroadcastOp>()) {
    std::optional<int64_t> Inner = countedDimension(Broadcast.getX());
    RankedTensorType From = typeOf(Broadcast.getX());
    int64_t Offset = Broadcast.getType().getRank() - From.getRank();
    // Counting further than before would repeat from 0.
    if (!Inner ||
        dimOf(From, *Inner) != dimOf(Broadcast.getType(), *Inner + Offset))
      return std::nullopt;
    return *Inner + Offset;
  }
  auto Reshape = V.getDefiningOp<ReshapeOp>();
  if (!Reshape)
    return std::nullopt;
  std::optional<int64_t> Inner = countedDimension(Reshape.getX());
  if (!Inner)
    return std::nullopt;
  // Dimensions of size 1 may come and go; the others keep their order.
  SmallVector<int64_t> From, To;
  RankedTensorType FromType = typeOf(Reshape.getX());
  RankedTensorType ToType = Reshape.getType();
  for (int64_t I = 0; I < FromType.getRank(); ++I)
    if (!dimOf(FromType, I).isConstant(1))
      From.push_back(I);
  for (int64_t I = 0; I < ToType.getRank(); ++I)
    if (!dimOf(ToType, I).isConstant(1))
      To.push_back(I);
  if (From.size() != To.size())
    return std::nullopt;
  std::optional<int64_t> Out;
  for (auto [F, T] : llvm::zip(From, To)) {
    if (dimOf(FromType, F) != dimOf(ToType, T))
      return std::nullopt;
    if (F == *Inner)
      Out = T;
  }
  return Out;
}

/// Notes that each of `Have` must be at least `Want` at run time: what the
/// gather would have found out of range.
static void requireSizes(func::FuncOp Function, ArrayRef<DimExpr> Have,
                         ArrayRef<DimExpr> Want) {
  SmallVector<Attribute> Pairs;
  if (auto Known =
          Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr))
    llvm::append_range(Pairs, Known);
  for (auto [H, W] : llvm::zip(Have, Want)) {
    // h >= w, written as an equality.
    DimExpr Larger = DimExpr::max(H, W);
    Attribute Pair = DimsAttr::get(Function.getContext(), {Larger, H});
    if (Larger != H && !llvm::is_contained(Pairs, Pair))
      Pairs.push_back(Pair);
  }
  if (!Pairs.empty())
    Function->setAttr(DureDialect::EqualDimsAttr,
                      ArrayAttr::get(Function.getContext(), Pairs));
}

namespace {

/// mask [B, S] read at (b, .., s) is the mask with dimensions of size 1
/// between.
struct GatherNDOfGrid : OpRewritePattern<GatherNDOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherNDOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Tuples = Op.getIndices().getDefiningOp<ConcatOp>();
    RankedTensorType Mask = typeOf(Op.getX());
    int64_t Last = typeOf(Op.getIndices()).getRank() - 1;
    if (!Tuples || Op.getBatchDims() != 0 ||
        static_cast<int64_t>(Tuples.getAxis()) != Last ||
        static_cast<int64_t>(Tuples.getXs().size()) != Mask.getRank())
      return Rewriter.notifyMatchFailure(Op, "no tuple for every dimension");
    // Each dimension of the mask is counted by one of the result's, in order.
    SmallVector<DimExpr> Spread(Op.getType().getRank(), DimExpr(1)), Covered;
    int64_t Before = -1;
    for (Value Grid : Tuples.getXs()) {
      std::optional<int64_t> Dim = countedDimension(Grid);
      if (!Dim || *Dim <= Before || *Dim >= Op.getType().getRank())
        return Rewriter.notifyMatchFailure(Op, "an index is no full count");
      Before = *Dim;
      Spread[*Dim] = dimOf(Op.getType(), *Dim);
      Covered.push_back(Spread[*Dim]);
    }
    replace(Op, Covered, Spread, Rewriter);
    return success();
  }

private:
  static void replace(GatherNDOp Op, ArrayRef<DimExpr> Covered,
                      ArrayRef<DimExpr> Spread, PatternRewriter &Rewriter) {
    Value Read = Op.getX();
    RankedTensorType Mask = typeOf(Read);
    RankedTensorType CoveredType = tensorOf(Covered, Mask.getElementType());
    if (CoveredType != Mask) {
      requireSizes(Op->getParentOfType<func::FuncOp>(), dimsOf(Mask), Covered);
      MLIRContext *Context = Rewriter.getContext();
      SmallVector<DimExpr> Zeros(Mask.getRank(), DimExpr(0));
      SmallVector<int64_t> Ones(Mask.getRank(), 1);
      Read = SliceOp::create(Rewriter, Op.getLoc(), CoveredType, Read,
                             DimsAttr::get(Context, Zeros),
                             DimsAttr::get(Context, Covered),
                             Rewriter.getDenseI64ArrayAttr(Ones));
    }
    RankedTensorType SpreadType = tensorOf(Spread, Mask.getElementType());
    Value Out = Rewriter.createOrFold<ReshapeOp>(Op.getLoc(), SpreadType, Read);
    if (SpreadType != Op.getType())
      Out = BroadcastOp::create(Rewriter, Op.getLoc(), Op.getType(), Out);
    Rewriter.replaceOp(Op, Out);
  }
};

struct RaiseMasks : dure::impl::RaiseMasksBase<RaiseMasks> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<GatherNDOfGrid>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
