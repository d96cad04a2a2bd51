// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rotary position embeddings (Su et al., arXiv 2104.09864) -> rope:
//   x cos + concat(-x2, x1) sin           x1, x2 the halves of x
//   concat(a cos - b sin, b cos + a sin)  a, b the halves of x
//   the same interleaved again            a, b the even and odd elements
// and a rope of the first elements of a row, joined with the rest of it.
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/RopeMatching.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEROPE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

static bool isLastAxis(ConcatOp Op) {
  return static_cast<int64_t>(Op.getAxis()) == Op.getType().getRank() - 1;
}

/// True when a rope of the first `RotaryDim` elements of X's rows makes
/// `Result` with these tables: they repeat over X, X does not repeat over them.
static bool fitsRope(RankedTensorType Result, RankedTensorType X,
                     ArrayRef<RankedTensorType> Tables, int64_t RotaryDim) {
  if (X != Result || X.getRank() < 2 || !isa<FloatType>(X.getElementType()) ||
      X.isDynamicDim(X.getRank() - 1) || RotaryDim <= 0 || RotaryDim % 2 != 0 ||
      RotaryDim > X.getDimSize(X.getRank() - 1))
    return false;
  SmallVector<DimExpr> Half = dimsOf(X);
  Half.back() = DimExpr(RotaryDim / 2);
  return llvm::all_of(Tables, [&](RankedTensorType Table) {
    FailureOr<SmallVector<DimExpr>> Joined = broadcastDims(Half, dimsOf(Table));
    return Table.getElementType() == X.getElementType() && succeeded(Joined) &&
           *Joined == Half;
  });
}

static void replaceByRope(PatternRewriter &Rewriter, Operation *Op, Value X,
                          Value Cos, Value Sin, RopeLayout Layout,
                          int64_t RotaryDim) {
  Rewriter.replaceOpWithNewOp<RopeOp>(
      Op, X.getType(), X, Cos, Sin,
      RopeLayoutAttr::get(Rewriter.getContext(), Layout),
      Rewriter.getI64IntegerAttr(RotaryDim));
}

/// The x of concat(-x2, x1), as a part of a row.
static std::optional<RowPart> matchRotation(Value V) {
  auto Concat = V.getDefiningOp<ConcatOp>();
  if (!Concat || Concat.getXs().size() != 2 || !isLastAxis(Concat))
    return std::nullopt;
  auto Neg = Concat.getXs()[0].getDefiningOp<NegOp>();
  std::optional<RowPart> High = Neg ? rowPartOf(Neg.getX()) : std::nullopt;
  std::optional<RowPart> Low = rowPartOf(Concat.getXs()[1]);
  if (!High || !Low || Low->Step != 1 ||
      *High != Low->part(Low->Size, Low->Size))
    return std::nullopt;
  Low->Size *= 2;
  return Low;
}

namespace {

/// x cos + concat(-x2, x1) sin, with tables of doubled halves.
struct SumOfRotation : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp Op,
                                PatternRewriter &Rewriter) const override {
    for (auto [Straight, Crossed] : {std::pair(Op.getLhs(), Op.getRhs()),
                                     std::pair(Op.getRhs(), Op.getLhs())}) {
      auto Sin = matchEither<MulOp>(
          Crossed, [](Value V) { return matchRotation(V).has_value(); });
      if (!Sin)
        continue;
      std::optional<RowPart> Part = matchRotation(Sin->first);
      auto Cos = matchEither<MulOp>(
          Straight, [&](Value V) { return rowPartOf(V) == Part; });
      if (!Cos)
        continue;
      if (!isDoubled(Cos->second) || !isDoubled(Sin->second))
        return Rewriter.notifyMatchFailure(Op, "halves of a table may differ");
      if (!fitsRope(Op.getType(), typeOf(Cos->first),
                    {halfOf(typeOf(Cos->second)), halfOf(typeOf(Sin->second))},
                    Part->Size))
        return Rewriter.notifyMatchFailure(Op, "tables do not fit");
      Value CosHalf = buildFirstHalf(Rewriter, Cos->second);
      Value SinHalf = buildFirstHalf(Rewriter, Sin->second);
      replaceByRope(Rewriter, Op, Cos->first, CosHalf, SinHalf,
                    RopeLayout::Half, Part->Size);
      return success();
    }
    return Rewriter.notifyMatchFailure(Op, "no rotation of halves");
  }
};

/// (a cos - b sin, b cos + a sin).
struct RotatedPair {
  Value A, B, Cos, Sin;
};

} // namespace

/// The other factor of a product of X.
static Value otherFactor(Value Product, Value X) {
  auto Match =
      matchEither<MulOp>(Product, [&](Value Factor) { return Factor == X; });
  return Match ? Match->second : Value();
}

static std::optional<RotatedPair> matchPair(Value First, Value Second) {
  auto Sub = First.getDefiningOp<SubOp>();
  auto Add = Second.getDefiningOp<AddOp>();
  auto ACos = Sub ? Sub.getLhs().getDefiningOp<MulOp>() : MulOp();
  auto BSin = Sub ? Sub.getRhs().getDefiningOp<MulOp>() : MulOp();
  if (!Add || !ACos || !BSin)
    return std::nullopt;
  // Which factor is the table is told by the other sum.
  for (Value A : ACos->getOperands())
    for (Value B : BSin->getOperands()) {
      RotatedPair Out{A, B, otherFactor(ACos, A), otherFactor(BSin, B)};
      for (auto [BCos, ASin] : {std::pair(Add.getLhs(), Add.getRhs()),
                                std::pair(Add.getRhs(), Add.getLhs())})
        if (otherFactor(BCos, B) == Out.Cos &&
            otherFactor(ASin, A) == Out.Sin && A.getType() == First.getType() &&
            B.getType() == First.getType())
          return Out;
    }
  return std::nullopt;
}

namespace {

/// concat of a rotated pair: the halves of a row or, when they are other
/// tensors, of the row that they make together.
struct ConcatOfPair : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    if (Op.getXs().size() != 2 || !isLastAxis(Op))
      return Rewriter.notifyMatchFailure(Op, "no two halves");
    std::optional<RotatedPair> Pair = matchPair(Op.getXs()[0], Op.getXs()[1]);
    std::optional<RowPart> A = Pair ? rowPartOf(Pair->A) : std::nullopt;
    std::optional<RowPart> B = Pair ? rowPartOf(Pair->B) : std::nullopt;
    if (!A || !B || A->Size != B->Size)
      return Rewriter.notifyMatchFailure(Op, "no rotated pair");
    bool IsOneRow = A->Step == 1 && *B == A->part(A->Size, A->Size);
    RowPart Row{A->Base, A->Start, 2 * A->Size};
    if (!fitsRope(Op.getType(), IsOneRow ? typeOf(Row) : Op.getType(),
                  {typeOf(Pair->Cos), typeOf(Pair->Sin)}, 2 * A->Size))
      return Rewriter.notifyMatchFailure(Op, "tables do not fit");
    Value X = IsOneRow ? buildRowPart(Rewriter, Op.getLoc(), Row)
                       : ConcatOp::create(Rewriter, Op.getLoc(), Op.getType(),
                                          ValueRange{Pair->A, Pair->B},
                                          Op.getAxisAttr());
    replaceByRope(Rewriter, Op, X, Pair->Cos, Pair->Sin, RopeLayout::Half,
                  2 * A->Size);
    return success();
  }
};

/// reshape(concat([..., h, 1], [..., h, 1])): a rotated pair of the even and
/// odd elements of a row, put back where they were.
struct InterleavedPair : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Stack = Op.getX().getDefiningOp<ConcatOp>();
    if (!Stack || Stack.getXs().size() != 2 || !isLastAxis(Stack))
      return Rewriter.notifyMatchFailure(Op, "no stack of two");
    Value First = beforeStack(Stack.getXs()[0]);
    Value Second = beforeStack(Stack.getXs()[1]);
    std::optional<RotatedPair> Pair =
        First && Second ? matchPair(First, Second) : std::nullopt;
    std::optional<RowPart> A = Pair ? rowPartOf(Pair->A) : std::nullopt;
    std::optional<RowPart> B = Pair ? rowPartOf(Pair->B) : std::nullopt;
    if (!A || !B || A->Step != 2 || A->Size != B->Size || A->Base != B->Base ||
        B->Step != 2 || B->Start != A->Start + 1)
      return Rewriter.notifyMatchFailure(Op, "no even and odd elements");
    RowPart Row{A->Base, A->Start, 2 * A->Size};
    if (!fitsRope(Op.getType(), typeOf(Row),
                  {typeOf(Pair->Cos), typeOf(Pair->Sin)}, 2 * A->Size))
      return Rewriter.notifyMatchFailure(Op, "tables do not fit");
    replaceByRope(Rewriter, Op, buildRowPart(Rewriter, Op.getLoc(), Row),
                  Pair->Cos, Pair->Sin, RopeLayout::Interleaved, 2 * A->Size);
    return success();
  }

private:
  /// x of [..., h] when V is x as [..., h, 1].
  static Value beforeStack(Value V) {
    auto Reshape = V.getDefiningOp<ReshapeOp>();
    if (!Reshape)
      return {};
    SmallVector<DimExpr> Dims = dimsOf(typeOf(Reshape.getX()));
    Dims.push_back(DimExpr(1));
    return dimsOf(Reshape.getType()) == Dims ? Reshape.getX() : Value();
  }
};

/// concat(rope(x[.., :R]), x[.., R:]) -> rope of the first R elements of x.
struct ConcatOfPartialRope : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    if (Op.getXs().size() != 2 || !isLastAxis(Op))
      return Rewriter.notifyMatchFailure(Op, "no two parts");
    auto Rope = Op.getXs()[0].getDefiningOp<RopeOp>();
    if (!Rope || !Rope->hasOneUse() ||
        static_cast<int64_t>(Rope.getRotaryDim()) !=
            Rope.getType().getShape().back())
      return Rewriter.notifyMatchFailure(Op, "no rope of all of a part");
    std::optional<RowPart> Rotated = rowPartOf(Rope.getX());
    std::optional<RowPart> Rest = rowPartOf(Op.getXs()[1]);
    if (!Rotated || !Rest || Rotated->Step != 1 ||
        *Rest != Rotated->part(Rotated->Size, Rest->Size))
      return Rewriter.notifyMatchFailure(Op, "no neighbouring parts");
    RowPart Row{Rotated->Base, Rotated->Start, Rotated->Size + Rest->Size};
    if (!fitsRope(Op.getType(), typeOf(Row),
                  {typeOf(Rope.getCos()), typeOf(Rope.getSin())},
                  Rope.getRotaryDim()))
      return Rewriter.notifyMatchFailure(Op, "tables do not fit");
    replaceByRope(Rewriter, Op, buildRowPart(Rewriter, Op.getLoc(), Row),
                  Rope.getCos(), Rope.getSin(), Rope.getLayout(),
                  Rope.getRotaryDim());
    return success();
  }
};

struct RaiseRope : dure::impl::RaiseRopeBase<RaiseRope> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns
        .add<SumOfRotation, ConcatOfPair, InterleavedPair, ConcatOfPartialRope>(
            &getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
