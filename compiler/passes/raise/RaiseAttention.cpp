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

/// What an attention is made of, as far as it has been read. Reading builds
/// nothing: a pattern that builds and then refuses would be asked again for
/// ever.
struct Attention {
  Value Q, V;
  /// The keys before `KeyPermutation`, which is empty for the identity.
  Value Keys;
  SmallVector<int64_t> KeyPermutation;
  Value Mask;
  /// A boolean mask says which keys are hidden, not which are seen.
  bool IsInverted = false;
  /// H elements in some shape, or null.
  Value Sinks;
  double Scale = 1;
  double Softcap = 0;
  EmptyRow Empty = EmptyRow::NaN;
  /// The form turns NaN of rows without any key into 0.
  bool ZeroesNaN = false;
};

} // namespace

/// The scores in concat(scores, sinks), sinks [H] repeated for every row; reads
/// the sinks.
static Value matchSinks(Value Joined, Attention &Out) {
  auto Concat = Joined.getDefiningOp<ConcatOp>();
  if (!Concat || Concat.getXs().size() != 2 || Concat.getAxis() != 3)
    return {};
  Value Column = Concat.getXs()[1];
  if (auto Broadcast = Column.getDefiningOp<BroadcastOp>())
    Column = Broadcast.getX();
  // [1, H, 1, 1]
  RankedTensorType Type = typeOf(Column), Scores = typeOf(Concat.getXs()[0]);
  if (Type.getRank() != 4 || Type.isDynamicDim(1) ||
      dimOf(Type, 1) != dimOf(Scores, 1))
    return {};
  for (unsigned D : {0u, 2u, 3u})
    if (!dimOf(Type, D).isConstant(1))
      return {};
  Out.Sinks = Column;
  return Concat.getXs()[0];
}

/// x of x - max(x) over the last dimension: softmax subtracts it anyway.
static Value withoutMaximum(Value V) {
  auto Sub = V.getDefiningOp<SubOp>();
  auto Max = Sub ? Sub.getRhs().getDefiningOp<ReduceOp>() : ReduceOp();
  bool IsMaximum = Max && Max.getKind() == ReduceKind::Max &&
                   Max.getX() == Sub.getLhs() && Max.getKeepDims() &&
                   Max.getAxes() == ArrayRef<int64_t>{3};
  return IsMaximum ? Sub.getLhs() : V;
}

/// True when Op drops the last column and nothing else.
static bool dropsLastColumn(SliceOp Op) {
  RankedTensorType From = typeOf(Op.getX());
  for (unsigned D = 0; D < From.getRank(); ++D) {
    bool IsLast = D + 1 == From.getRank();
    DimExpr Size = dimOf(From, D) - DimExpr(IsLast ? 1 : 0);
    if (!Op.getStarts().expr(D).isConstant(0) || Op.getSteps()[D] != 1 ||
        Op.getSizes().expr(D) != Size)
      return false;
  }
  return true;
}

/// The scores of softmax(scores), under an optional where(isnan(p), 0, p), with
/// or without a column of sinks. Null when P is none of that.
static Value matchSoftmax(Value P, Attention &Out) {
  if (auto Select = P.getDefiningOp<SelectOp>()) {
    auto IsNaN = Select.getCondition().getDefiningOp<IsNaNOp>();
    if (!IsNaN || splatNumber(Select.getOnTrue()) != 0.0 ||
        IsNaN.getX() != Select.getOnFalse() ||
        Select.getResult().getType() != IsNaN.getX().getType())
      return {};
    Out.ZeroesNaN = true;
    P = Select.getOnFalse();
  }
  auto Slice = P.getDefiningOp<SliceOp>();
  if (Slice)
    P = Slice.getX();
  auto Softmax = P.getDefiningOp<SoftmaxOp>();
  if (!Softmax || Softmax.getLog() || Softmax.getAxis() != 3 ||
      typeOf(P).getRank() != 4)
    return {};
  Value Scores = withoutMaximum(Softmax.getX());
  if (!Slice)
    return Scores;
  return dropsLastColumn(Slice) ? matchSinks(Scores, Out) : Value();
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
static void readAddedMask(Value Added, Attention &A) {
  A.Mask = Added;
  A.Empty = A.ZeroesNaN ? EmptyRow::Zero : EmptyRow::NaN;
  auto Select = Added.getDefiningOp<SelectOp>();
  if (!Select)
    return;
  Type Element = typeOf(Added).getElementType();
  std::optional<double> OnTrue = splatNumber(Select.getOnTrue());
  std::optional<double> OnFalse = splatNumber(Select.getOnFalse());
  bool IsSeen = OnTrue == 0.0 && isHiding(OnFalse, Element);
  bool IsHidden = OnFalse == 0.0 && isHiding(OnTrue, Element);
  if (!IsSeen && !IsHidden)
    return;
  // The lowest f16 is one that sums keep some bits of scores in: a row without
  // any key gives what its scores say, not the mean of v.
  if (Element.isF16() && !std::isinf(IsSeen ? *OnFalse : *OnTrue))
    return;
  A.IsInverted = IsHidden;
  A.Mask = Select.getCondition();
  A.Empty = emptyRowOf(IsSeen ? *OnFalse : *OnTrue, A);
}

/// Reads a mask that chooses between scores and a hiding number; returns the
/// scores, or null.
static Value readChosenMask(SelectOp Select, Attention &A) {
  Type Element = typeOf(Select.getResult()).getElementType();
  std::optional<double> OnTrue = splatNumber(Select.getOnTrue());
  std::optional<double> OnFalse = splatNumber(Select.getOnFalse());
  A.IsInverted = isHiding(OnTrue, Element);
  if (!A.IsInverted && !isHiding(OnFalse, Element))
    return {};
  A.Mask = Select.getCondition();
  A.Empty = emptyRowOf(A.IsInverted ? *OnTrue : *OnFalse, A);
  Value Scores = A.IsInverted ? Select.getOnFalse() : Select.getOnTrue();
  // A mask of more rows than the scores repeats them; attention's does not.
  return Scores.getType() == Select.getResult().getType() ? Scores : Value();
}

/// The matmul under scales and a soft cap, c tanh(s / c); reads both.
static MatMulOp matchScaledProduct(Value Scores, Attention &A) {
  double Outer = 1;
  A.Softcap = 0;
  Value Inner = stripScale(Scores, Outer);
  if (auto Tanh = Inner.getDefiningOp<TanhOp>()) {
    if (!(Outer > 0))
      return {};
    A.Softcap = Outer;
    A.Scale = Outer;
    Inner = stripScale(Tanh.getX(), A.Scale);
  } else {
    A.Scale = Outer;
  }
  return Inner.getDefiningOp<MatMulOp>();
}

/// Reads the scores down to the product of q and k^T.
static MatMulOp matchScores(Value Scores, Attention &A) {
  if (auto Select = Scores.getDefiningOp<SelectOp>()) {
    Value Seen = readChosenMask(Select, A);
    return Seen ? matchScaledProduct(Seen, A) : MatMulOp();
  }
  auto Add = Scores.getDefiningOp<AddOp>();
  if (!Add)
    return matchScaledProduct(Scores, A);
  // The product is the operand with a matmul below; a bias may have one, too,
  // but not both have the scores' full shape and a softmax above.
  for (auto [Product, Mask] : {std::pair(Add.getLhs(), Add.getRhs()),
                               std::pair(Add.getRhs(), Add.getLhs())}) {
    MatMulOp MatMul = Product.getType() == Add.getType()
                          ? matchScaledProduct(Product, A)
                          : MatMulOp();
    if (!MatMul)
      continue;
    readAddedMask(Mask, A);
    return MatMul;
  }
  return {};
}

/// q, k and v of the two products.
static bool readOperands(MatMulOp Scores, MatMulOp Result, Attention &A) {
  if (Scores.getTransposeLhs() || typeOf(Scores.getLhs()).getRank() != 4 ||
      typeOf(Scores.getRhs()).getRank() != 4 ||
      typeOf(Result.getRhs()).getRank() != 4)
    return false;
  A.Q = stripScale(Scores.getLhs(), A.Scale);
  A.Keys = stripScale(Scores.getRhs(), A.Scale);
  if (!Scores.getTransposeRhs())
    A.KeyPermutation = transposeOfLastTwo(A.Keys);
  // A scale may stand before the transpose, too.
  A.Keys = stripScale(A.Keys, A.Scale);
  A.V = Result.getRhs();
  return true;
}

/// Dimensions of k.
static SmallVector<DimExpr> keyDims(const Attention &A) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(A.Keys));
  if (A.KeyPermutation.empty())
    return Dims;
  SmallVector<DimExpr> Out;
  for (int64_t From : A.KeyPermutation)
    Out.push_back(Dims[From]);
  return Out;
}

/// True when the matmuls' operands are what attention wants: a matmul repeats
/// a batch or a head of size 1 where attention reads one of each, so sizes must
/// be known to be equal, not only not known to differ.
static bool hasAttentionShapes(MatMulOp Result, const Attention &A) {
  SmallVector<DimExpr> Q = dimsOf(typeOf(A.Q)), K = keyDims(A),
                       V = dimsOf(typeOf(A.V));
  if (Q[0] != K[0] || Q[0] != V[0] || Q[3] != K[3] || K[1] != V[1] ||
      K[2] != V[2])
    return false;
  std::optional<int64_t> Heads = Q[1].constant(), Groups = K[1].constant();
  if (!Heads || !Groups || *Groups < 1 || *Heads % *Groups != 0)
    return false;
  // The scores of sinks alone have a known number of heads.
  if (A.Sinks && typeOf(A.Sinks).getDimSize(1) != *Heads)
    return false;
  return dimsOf(Result.getType()) ==
         SmallVector<DimExpr>{Q[0], Q[1], Q[2], V[3]};
}

/// True when the op's attributes, which are f32, say the numbers as exactly as
/// the model's own element type did.
static bool hasExactNumbers(MatMulOp Result, const Attention &A) {
  if (!Result.getType().getElementType().isF64())
    return true;
  auto IsExact = [](double X) { return static_cast<float>(X) == X; };
  return IsExact(A.Scale) && IsExact(A.Softcap);
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
    Value Masked = matchSoftmax(Op.getLhs(), A);
    if (!Masked)
      return Rewriter.notifyMatchFailure(Op, "no softmax of rank 4");
    if (!Op.getLhs().hasOneUse())
      return Rewriter.notifyMatchFailure(Op, "the weights are read by others");
    MatMulOp Scores = matchScores(Masked, A);
    if (!Scores || !readOperands(Scores, Op, A))
      return Rewriter.notifyMatchFailure(Op, "no scores of q and k");
    if (!hasAttentionShapes(Op, A))
      return Rewriter.notifyMatchFailure(Op, "q, k and v do not fit");
    if (!hasExactNumbers(Op, A))
      return Rewriter.notifyMatchFailure(Op, "a scale that f32 rounds");
    replace(Op, A, Rewriter);
    return success();
  }

private:
  static void replace(MatMulOp Op, const Attention &A,
                      PatternRewriter &Rewriter) {
    Location Loc = Op.getLoc();
    Value K = A.Keys, Mask = A.Mask, Sinks = A.Sinks;
    if (!A.KeyPermutation.empty())
      K = TransposeOp::create(
          Rewriter, Loc, tensorOf(keyDims(A), Op.getType().getElementType()), K,
          Rewriter.getDenseI64ArrayAttr(A.KeyPermutation));
    if (Mask && A.IsInverted)
      Mask = NotOp::create(Rewriter, Loc, Mask.getType(), Mask);
    if (Sinks)
      Sinks = Rewriter.createOrFold<ReshapeOp>(
          Loc,
          tensorOf({dimOf(typeOf(Sinks), 1)}, typeOf(Sinks).getElementType()),
          Sinks);
    // A sink takes all the weight of a row without keys.
    EmptyRow Empty = Mask && !Sinks ? A.Empty : EmptyRow::Zero;
    Rewriter.replaceOpWithNewOp<AttentionOp>(
        Op, Op.getType(), A.Q, K, A.V, Mask, Sinks,
        Rewriter.getF32FloatAttr(A.Scale), Rewriter.getBoolAttr(false),
        Rewriter.getI64IntegerAttr(0), Rewriter.getF32FloatAttr(A.Softcap),
        EmptyRowAttr::get(Rewriter.getContext(), Empty));
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
