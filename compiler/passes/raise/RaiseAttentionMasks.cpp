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
    RewritePatternSet Patterns(&getContext());
    Patterns.add<NotOfHidden, MaskOfAttention>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
