// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads causal order and windows out of the boolean masks of attention: what a
// kernel knows from positions it neither loads nor computes.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/IndexForm.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEATTENTIONMASKS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// Dimensions of scores, [B, H, T, S].
constexpr unsigned QueryDim = 2, KeyDim = 3, ScoreRank = 4;

/// A bound on the keys that a query sees, relative to its own position when
/// queries are aligned with the last keys: key - own <= High, or key - own >=
/// Low.
struct KeyBound {
  bool IsUpper;
  DimExpr Distance;
};

/// The parts of a conjunction, broadcasts between them left out.
void collectConjuncts(Value Mask, SmallVectorImpl<Value> &Out) {
  while (auto Broadcast = Mask.getDefiningOp<BroadcastOp>())
    Mask = Broadcast.getX();
  auto And = Mask.getDefiningOp<AndOp>();
  if (!And) {
    Out.push_back(Mask);
    return;
  }
  collectConjuncts(And.getLhs(), Out);
  collectConjuncts(And.getRhs(), Out);
}

/// True when the coefficient along `Dim` is `Want`; a dimension of size 1 has
/// none to show.
bool isCoefficient(const IndexForm &Form, unsigned Dim, int64_t Want,
                   const DimExpr &Size) {
  return Form.Coefficients[Dim].isConstant(Size.isConstant(1) ? 0 : Want);
}

/// Reads a comparison of key and query positions. `Keys` and `Queries` are S
/// and T.
std::optional<KeyBound> readBound(Value Conjunct, const DimExpr &Keys,
                                  const DimExpr &Queries) {
  auto Op = Conjunct.getDefiningOp<CompareOp>();
  std::optional<IndexCompare> Compare = Op ? indexCompareOf(Op) : std::nullopt;
  // Coordinates must be those of the scores: with one rank less than four, the
  // last two dimensions still are.
  if (!Compare || Compare->Difference.Coefficients.size() > ScoreRank)
    return std::nullopt;
  IndexForm Form = broadcastForm(Compare->Difference, ScoreRank);
  if (!Form.Coefficients[0].isConstant(0) ||
      !Form.Coefficients[1].isConstant(0))
    return std::nullopt;

  // key - query + offset, or its negative.
  int64_t Sign = isCoefficient(Form, KeyDim, 1, Keys) &&
                         isCoefficient(Form, QueryDim, -1, Queries)
                     ? 1
                     : -1;
  if (!isCoefficient(Form, KeyDim, Sign, Keys) ||
      !isCoefficient(Form, QueryDim, -Sign, Queries))
    return std::nullopt;
  DimExpr Offset = Form.Offset * DimExpr(Sign);
  ComparePredicate Predicate = Compare->Predicate;
  bool IsLess =
      Predicate == ComparePredicate::LE || Predicate == ComparePredicate::LT;
  bool IsGreater =
      Predicate == ComparePredicate::GE || Predicate == ComparePredicate::GT;
  if (!IsLess && !IsGreater)
    return std::nullopt;
  bool IsStrict =
      Predicate == ComparePredicate::LT || Predicate == ComparePredicate::GT;
  bool IsUpper = IsLess == (Sign == 1);

  // own = query + S - T, so key - own = (key - query + offset) - offset - S + T
  // and the comparison is with 0.
  DimExpr Distance = DimExpr(0) - Offset - Keys + Queries;
  if (IsStrict)
    Distance = Distance + DimExpr(IsUpper ? -1 : 1);
  return KeyBound{IsUpper, Distance};
}

/// The conjunction of what is left; null for nothing.
Value buildConjunction(PatternRewriter &Rewriter, Location Loc,
                       ArrayRef<Value> Parts) {
  Value Out;
  for (Value Part : Parts) {
    if (!Out) {
      Out = Part;
      continue;
    }
    FailureOr<AndOp> Both = createOp<AndOp>(Rewriter, Loc, {Out, Part}, {});
    // They were broadcast together before.
    if (failed(Both))
      return {};
    Out = *Both;
  }
  return Out;
}

/// A boolean mask, or its opposite.
struct BoolMask {
  Value Mask;
  bool IsInverted;
};

/// The keys that a mask shows: what it says itself, or, added to scores, by the
/// lowest number times what it hides.
std::optional<BoolMask> seenBy(Value Mask) {
  RankedTensorType Type = typeOf(Mask);
  if (Type.getElementType().isInteger(1))
    return BoolMask{Mask, false};
  auto Mul = Mask.getDefiningOp<MulOp>();
  if (!Mul)
    return std::nullopt;
  for (auto [Hidden, Number] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                                std::pair(Mul.getRhs(), Mul.getLhs())}) {
    auto Cast = Hidden.getDefiningOp<CastOp>();
    std::optional<double> Lowest = splatNumber(Number);
    if (!Cast || !typeOf(Cast.getX()).getElementType().isInteger(1) ||
        Hidden.getType() != Type || !Lowest ||
        !isLowest(*Lowest, Type.getElementType()))
      continue;
    if (auto Not = Cast.getX().getDefiningOp<NotOp>())
      return BoolMask{Not.getX(), false};
    return BoolMask{Cast.getX(), true};
  }
  return std::nullopt;
}

/// Builds the boolean mask that is seen.
Value build(PatternRewriter &Rewriter, const BoolMask &Seen) {
  if (!Seen.IsInverted)
    return Seen.Mask;
  return NotOp::create(Rewriter, Seen.Mask.getLoc(), Seen.Mask.getType(),
                       Seen.Mask);
}

/// A mask before it is broadcast: that does not change which rows see none.
Value stripBroadcasts(Value V) {
  while (auto Broadcast = V.getDefiningOp<BroadcastOp>())
    V = Broadcast.getX();
  return V;
}

/// The mask whose rows V counts the ones of, a column: sum or maximum of ones
/// and zeros over the last dimension.
Value countedMask(Value V) {
  auto Reduce = V.getDefiningOp<ReduceOp>();
  if (!Reduce || !Reduce.getKeepDims() ||
      (Reduce.getKind() != ReduceKind::Sum &&
       Reduce.getKind() != ReduceKind::Max))
    return {};
  RankedTensorType Type = typeOf(Reduce.getX());
  // Sums of narrow integers wrap.
  unsigned Width = isa<FloatType>(Type.getElementType()) ? 16 : 32;
  auto Cast = Reduce.getX().getDefiningOp<CastOp>();
  if (!Cast || !typeOf(Cast.getX()).getElementType().isInteger(1) ||
      Type.getElementTypeBitWidth() < Width || Type.getRank() == 0 ||
      Reduce.getAxes() != ArrayRef<int64_t>{Type.getRank() - 1})
    return {};
  return Cast.getX();
}

/// The rows of a mask that show no key, or those that show one.
struct EmptyRowsTest {
  Value Mask;
  bool IsEmpty;
};

/// Reads count < 1 and its like.
std::optional<EmptyRowsTest> matchEmptyRows(Value Condition) {
  auto Compare = stripBroadcasts(Condition).getDefiningOp<CompareOp>();
  Value Mask = Compare ? countedMask(Compare.getLhs()) : Value();
  std::optional<double> Number =
      Mask ? splatNumber(Compare.getRhs()) : std::nullopt;
  if (!Number)
    return std::nullopt;
  bool AtOne = *Number > 0 && *Number <= 1,
       AtZero = *Number >= 0 && *Number < 1;
  switch (Compare.getPredicate()) {
  case ComparePredicate::LT:
    return AtOne ? std::optional(EmptyRowsTest{Mask, true}) : std::nullopt;
  case ComparePredicate::LE:
    return AtZero ? std::optional(EmptyRowsTest{Mask, true}) : std::nullopt;
  case ComparePredicate::EQ:
    return *Number == 0 ? std::optional(EmptyRowsTest{Mask, true})
                        : std::nullopt;
  case ComparePredicate::GE:
    return AtOne ? std::optional(EmptyRowsTest{Mask, false}) : std::nullopt;
  case ComparePredicate::GT:
    return AtZero ? std::optional(EmptyRowsTest{Mask, false}) : std::nullopt;
  case ComparePredicate::NE:
    return *Number == 0 ? std::optional(EmptyRowsTest{Mask, false})
                        : std::nullopt;
  }
  return std::nullopt;
}

/// where(no key is seen, 0, attention): rows without any key give 0. Two masks
/// are compared as they are written, so this comes before anything is taken out
/// of them.
struct ZeroOfEmptyRows : OpRewritePattern<SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SelectOp Op,
                                PatternRewriter &Rewriter) const override {
    std::optional<EmptyRowsTest> Test = matchEmptyRows(Op.getCondition());
    if (!Test)
      return Rewriter.notifyMatchFailure(Op, "asks for no empty rows");
    Value Zero = Test->IsEmpty ? Op.getOnTrue() : Op.getOnFalse();
    Value Other = Test->IsEmpty ? Op.getOnFalse() : Op.getOnTrue();
    auto Attention = Other.getDefiningOp<AttentionOp>();
    // Positions hide keys that the mask shows.
    if (!Attention || splatNumber(Zero) != 0.0 || !Attention.getMask() ||
        Attention.getCausal() || Attention.getWindow() != 0 ||
        Op.getType() != Attention.getType())
      return Rewriter.notifyMatchFailure(Op, "no 0 beside attention by a mask");
    std::optional<BoolMask> Seen = seenBy(Attention.getMask());
    if (!Seen || Seen->IsInverted ||
        stripBroadcasts(Seen->Mask) != stripBroadcasts(Test->Mask))
      return Rewriter.notifyMatchFailure(Op, "the rows of another mask");
    auto New = cast<AttentionOp>(Rewriter.clone(*Attention));
    New.getMaskMutable().assign(Seen->Mask);
    New.setEmptyRow(EmptyRow::Zero);
    Rewriter.replaceOp(Op, New);
    return success();
  }
};

/// A mask that adds the lowest number where it hides: scores are lost in it.
struct AddedMask : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp Op,
                                PatternRewriter &Rewriter) const override {
    Value Mask = Op.getMask();
    if (!Mask || typeOf(Mask).getElementType().isInteger(1))
      return Rewriter.notifyMatchFailure(Op, "no mask of numbers");
    // Of the lowest f16 sums keep some bits of scores: a row without any key
    // gives what its scores say. Under causal order it gives the mean of some.
    if (typeOf(Mask).getElementType().isF16() || Op.getCausal() ||
        Op.getWindow() != 0)
      return Rewriter.notifyMatchFailure(Op, "another mean for empty rows");
    std::optional<BoolMask> Seen = seenBy(Mask);
    if (!Seen)
      return Rewriter.notifyMatchFailure(Op, "no product of what is hidden");
    Value Shown = build(Rewriter, *Seen);
    Rewriter.modifyOpInPlace(Op, [&] {
      Op.getMaskMutable().assign(Shown);
      // A sink takes all the weight of a row without keys.
      Op.setEmptyRow(Op.getSinks() ? EmptyRow::Zero : EmptyRow::Mean);
    });
    return success();
  }
};

/// The predicate that holds where `Predicate` does not, of integers.
ComparePredicate opposite(ComparePredicate Predicate) {
  switch (Predicate) {
  case ComparePredicate::EQ:
    return ComparePredicate::NE;
  case ComparePredicate::NE:
    return ComparePredicate::EQ;
  case ComparePredicate::LT:
    return ComparePredicate::GE;
  case ComparePredicate::GE:
    return ComparePredicate::LT;
  case ComparePredicate::GT:
    return ComparePredicate::LE;
  case ComparePredicate::LE:
    return ComparePredicate::GT;
  }
  llvm_unreachable("the enum is closed");
}

/// not(hidden) as a conjunction of what is seen: masks are often made of what
/// they hide.
struct NotOfHidden : OpRewritePattern<NotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(NotOp Op,
                                PatternRewriter &Rewriter) const override {
    Operation *Hidden = Op.getX().getDefiningOp();
    if (!Hidden || !typeOf(Op.getX()).getElementType().isInteger(1))
      return Rewriter.notifyMatchFailure(Op, "not of a computed mask");
    auto Not = [&](Value X) -> Value {
      return NotOp::create(Rewriter, Op.getLoc(), X.getType(), X);
    };
    if (auto Compare = dyn_cast<CompareOp>(Hidden)) {
      // A NaN makes a comparison and its opposite false.
      if (!isa<IntegerType>(typeOf(Compare.getLhs()).getElementType()))
        return Rewriter.notifyMatchFailure(Op, "compares floats");
      Rewriter.replaceOpWithNewOp<CompareOp>(Op, Op.getType(), Compare.getLhs(),
                                             Compare.getRhs(),
                                             opposite(Compare.getPredicate()));
    } else if (auto Inner = dyn_cast<NotOp>(Hidden)) {
      Rewriter.replaceOp(Op, Inner.getX());
    } else if (auto Or = dyn_cast<OrOp>(Hidden)) {
      Value Lhs = Not(Or.getLhs()), Rhs = Not(Or.getRhs());
      Rewriter.replaceOpWithNewOp<AndOp>(Op, Op.getType(), Lhs, Rhs);
    } else if (auto Broadcast = dyn_cast<BroadcastOp>(Hidden)) {
      Rewriter.replaceOpWithNewOp<BroadcastOp>(Op, Op.getType(),
                                               Not(Broadcast.getX()));
    } else {
      return Rewriter.notifyMatchFailure(Op, "not of data");
    }
    return success();
  }
};

struct MaskOfAttention : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp Op,
                                PatternRewriter &Rewriter) const override {
    Value Mask = Op.getMask();
    if (!Mask || !typeOf(Mask).getElementType().isInteger(1))
      return Rewriter.notifyMatchFailure(Op, "no boolean mask");
    DimExpr Keys = dimOf(typeOf(Op.getK()), 2);
    DimExpr Queries = dimOf(typeOf(Op.getQ()), 2);
    SmallVector<Value> Parts, Kept;
    collectConjuncts(Mask, Parts);
    bool Causal = Op.getCausal();
    int64_t Window = Op.getWindow();
    for (Value Part : Parts) {
      if (isSplatBool(Part, true))
        continue;
      std::optional<KeyBound> Bound = readBound(Part, Keys, Queries);
      std::optional<int64_t> Distance =
          Bound ? Bound->Distance.constant() : std::nullopt;
      if (Distance && Bound->IsUpper && *Distance == 0)
        Causal = true;
      // key - own >= 1 - window
      else if (Distance && !Bound->IsUpper && *Distance <= 0 &&
               (Window == 0 || Window == 1 - *Distance))
        Window = 1 - *Distance;
      else if (!llvm::is_contained(Kept, Part))
        Kept.push_back(Part);
    }
    if (Kept.size() == 1 && Kept.front() == Mask)
      return Rewriter.notifyMatchFailure(Op, "says nothing of positions");
    if (Kept.size() == Parts.size() && Mask.getDefiningOp<AndOp>())
      return Rewriter.notifyMatchFailure(Op, "says nothing of positions");

    Value Rest = buildConjunction(Rewriter, Op.getLoc(), Kept);
    if (!Rest && !Kept.empty())
      return Rewriter.notifyMatchFailure(Op, "the rest does not join");
    Rewriter.modifyOpInPlace(Op, [&] {
      if (Rest)
        Op.getMaskMutable().assign(Rest);
      else
        Op.getMaskMutable().clear();
      Op.setCausal(Causal);
      Op.setWindow(Window);
    });
    return success();
  }
};

struct RaiseAttentionMasks
    : dure::impl::RaiseAttentionMasksBase<RaiseAttentionMasks> {
  void runOnOperation() override {
    // What masks are, before what they say is taken apart.
    RewritePatternSet Whole(&getContext()), Parts(&getContext());
    Whole.add<ZeroOfEmptyRows>(&getContext(), /*benefit=*/2);
    Whole.add<AddedMask>(&getContext());
    Parts.add<NotOfHidden, MaskOfAttention>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Whole))) ||
        failed(applyPatterns(getOperation(), std::move(Parts))))
      signalPassFailure();
  }
};

} // namespace
