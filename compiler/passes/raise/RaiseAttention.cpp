// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// softmax(q k^T + mask) v, in the forms that exporters write, -> attention.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_RAISEATTENTION
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// What an attention is made of, as far as it has been read.
struct Attention {
  Value Q, K, V;
  Value Mask;
  double Scale = 1;
  double Softcap = 0;
  EmptyRow Empty = EmptyRow::NaN;
  /// The form turns NaN of rows without any key into 0.
  bool ZeroesNaN = false;
};

} // namespace

/// The softmax under an optional `where(isnan(p), 0, p)`.
static SoftmaxOp matchSoftmax(Value P, Attention &Out) {
  if (auto Select = P.getDefiningOp<SelectOp>()) {
    auto IsNaN = Select.getCondition().getDefiningOp<IsNaNOp>();
    if (!IsNaN || splatNumber(Select.getOnTrue()) != 0.0 ||
        IsNaN.getX() != Select.getOnFalse())
      return {};
    Out.ZeroesNaN = true;
    P = Select.getOnFalse();
  }
  auto Softmax = P.getDefiningOp<SoftmaxOp>();
  if (!Softmax || Softmax.getLog() || Softmax.getAxis() != 3 ||
      typeOf(P).getRank() != 4)
    return {};
  return Softmax;
}

/// What rows without any key give when masked scores are `Number`: equal finite
/// scores make the mean of v, -inf makes NaN.
static EmptyRow emptyRowOf(double Number, const Attention &A) {
  if (!std::isinf(Number))
    return EmptyRow::Mean;
  return A.ZeroesNaN ? EmptyRow::Zero : EmptyRow::NaN;
}

/// A number that hides a score: the lowest finite one, or -inf.
static bool isHiding(std::optional<double> Number, Type Element) {
  return Number && (*Number == -std::numeric_limits<double>::infinity() ||
                    isLowest(*Number, Element));
}

/// Reads an added mask: where(seen, 0, hidden) becomes `seen`; any other float
/// mask stays one.
static void readAddedMask(PatternRewriter &Rewriter, Value Added,
                          Attention &A) {
  A.Mask = Added;
  A.Empty = A.ZeroesNaN ? EmptyRow::Zero : EmptyRow::NaN;
  auto Select = Added.getDefiningOp<SelectOp>();
  if (!Select)
    return;
  Type Element = typeOf(Added).getElementType();
  std::optional<double> Seen = splatNumber(Select.getOnTrue());
  std::optional<double> Hidden = splatNumber(Select.getOnFalse());
  if (Seen == 0.0 && isHiding(Hidden, Element)) {
    A.Mask = Select.getCondition();
    A.Empty = emptyRowOf(*Hidden, A);
  } else if (Hidden == 0.0 && isHiding(Seen, Element)) {
    Value Condition = Select.getCondition();
    A.Mask = NotOp::create(Rewriter, Select.getLoc(), Condition.getType(),
                           Condition);
    A.Empty = emptyRowOf(*Seen, A);
  }
}

/// Reads the scores down to the product of q and k^T. `Rewriter` may create
/// values for the mask.
static MatMulOp matchScores(PatternRewriter &Rewriter, Value Scores,
                            Attention &A) {
  // The mask, added or chosen.
  if (auto Add = Scores.getDefiningOp<AddOp>()) {
    bool MaskIsRight = Add.getLhs().getType() == Add.getType();
    Value Mask = MaskIsRight ? Add.getRhs() : Add.getLhs();
    // Both may have the full shape: the product is the one with a matmul below.
    double Ignored = 1;
    if (MaskIsRight && Add.getRhs().getType() == Add.getType() &&
        stripScale(Add.getRhs(), Ignored).getDefiningOp<MatMulOp>()) {
      MaskIsRight = false;
      Mask = Add.getLhs();
    }
    Scores = MaskIsRight ? Add.getLhs() : Add.getRhs();
    if (typeOf(Mask).getRank() > 4)
      return {};
    readAddedMask(Rewriter, Mask, A);
  } else if (auto Select = Scores.getDefiningOp<SelectOp>()) {
    std::optional<double> Hidden = splatNumber(Select.getOnFalse());
    if (!isHiding(Hidden, typeOf(Scores).getElementType()))
      return {};
    A.Mask = Select.getCondition();
    A.Empty = emptyRowOf(*Hidden, A);
    Scores = Select.getOnTrue();
  }
  // c * tanh(s / c).
  double Outer = 1;
  Value Inner = stripScale(Scores, Outer);
  if (auto Tanh = Inner.getDefiningOp<TanhOp>()) {
    A.Softcap = Outer;
    double Divided = 1;
    Scores = stripScale(Tanh.getX(), Divided);
    A.Scale = Divided * Outer;
  } else {
    Scores = Inner;
    A.Scale = Outer;
  }
  return Scores.getDefiningOp<MatMulOp>();
}

/// q, k and v of the two products.
static bool readOperands(OpBuilder &Builder, MatMulOp Scores, MatMulOp Result,
                         Attention &A) {
  if (Scores.getTransposeLhs() || typeOf(Scores.getLhs()).getRank() != 4 ||
      typeOf(Scores.getRhs()).getRank() != 4 ||
      typeOf(Result.getRhs()).getRank() != 4)
    return false;
  A.Q = stripScale(Scores.getLhs(), A.Scale);
  Value Keys = stripScale(Scores.getRhs(), A.Scale);
  A.K = Scores.getTransposeRhs()
            ? Keys
            : buildTransposeOfLastTwo(Builder, Scores.getLoc(), Keys);
  // A scale may stand before the transpose, too.
  A.K = stripScale(A.K, A.Scale);
  A.V = Result.getRhs();
  return true;
}

namespace {

struct MatMulOfSoftmax : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp Op,
                                PatternRewriter &Rewriter) const override {
    Attention A;
    if (Op.getTransposeLhs() || Op.getTransposeRhs() ||
        !isa<FloatType>(Op.getType().getElementType()))
      return Rewriter.notifyMatchFailure(Op, "transposed or not float");
    SoftmaxOp Softmax = matchSoftmax(Op.getLhs(), A);
    if (!Softmax)
      return Rewriter.notifyMatchFailure(Op, "no softmax of rank 4");
    if (!Op.getLhs().hasOneUse())
      return Rewriter.notifyMatchFailure(Op, "the weights are read by others");
    MatMulOp Scores = matchScores(Rewriter, Softmax.getX(), A);
    if (!Scores || !readOperands(Rewriter, Scores, Op, A))
      return Rewriter.notifyMatchFailure(Op, "no scores of q and k");
    return replace(Op, A, Rewriter);
  }

private:
  static LogicalResult replace(MatMulOp Op, const Attention &A,
                               PatternRewriter &Rewriter) {
    SmallVector<Value> Operands = {A.Q, A.K, A.V};
    if (A.Mask)
      Operands.push_back(A.Mask);
    auto Named = [&](StringRef Name, Attribute Value) {
      return Rewriter.getNamedAttr(Name, Value);
    };
    int32_t HasMask = A.Mask ? 1 : 0;
    FailureOr<AttentionOp> New = createOp<AttentionOp>(
        Rewriter, Op.getLoc(), Operands,
        {Named("scale", Rewriter.getF32FloatAttr(A.Scale)),
         Named("softcap", Rewriter.getF32FloatAttr(A.Softcap)),
         Named("empty_row",
               EmptyRowAttr::get(Rewriter.getContext(),
                                 A.Mask ? A.Empty : EmptyRow::Zero)),
         Named("operandSegmentSizes",
               Rewriter.getDenseI32ArrayAttr({1, 1, 1, HasMask, 0}))});
    if (failed(New))
      return Rewriter.notifyMatchFailure(Op, "q, k and v do not fit");
    if (New->getType() != Op.getType()) {
      Rewriter.eraseOp(*New);
      return Rewriter.notifyMatchFailure(Op, "the shape is told differently");
    }
    Rewriter.replaceOp(Op, *New);
    return success();
  }
};

struct RaiseAttention : dure::impl::RaiseAttentionBase<RaiseAttention> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    Patterns.add<MatMulOfSoftmax>(&getContext());
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
