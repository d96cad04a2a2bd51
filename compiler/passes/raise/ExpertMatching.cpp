// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts that written-out experts consist of.
#include "compiler/passes/raise/ExpertMatching.h"

#include "compiler/passes/raise/Activations.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;

namespace dure {

Value stripReshapes(Value V) {
  while (auto Reshape = V.getDefiningOp<ReshapeOp>())
    V = Reshape.getX();
  return V;
}

std::optional<SlotSum> matchSlotSum(ReduceOp Op) {
  RankedTensorType Terms = typeOf(Op.getX());
  int64_t Rank = Terms.getRank();
  if (Op.getKind() != ReduceKind::Sum || Rank < 2 ||
      Op.getAxes() != ArrayRef<int64_t>{Rank - 2})
    return std::nullopt;
  SlotSum Out{1, dimOf(Terms, Rank - 2), dimOf(Terms, Rank - 1)};
  for (int64_t I = 0; I + 2 < Rank; ++I)
    Out.Tokens = Out.Tokens * dimOf(Terms, I);
  return Out;
}

Value reshaped(OpBuilder &B, Value V, ArrayRef<DimExpr> Dims) {
  return B.createOrFold<ReshapeOp>(
      V.getLoc(), tensorOf(Dims, typeOf(V).getElementType()), V);
}

bool ExpertHidden::isLike(const ExpertHidden &Other) const {
  auto Same = [](const ExpertLinear &L, const ExpertLinear &R) {
    return L.X == R.X && L.IsTransposed == R.IsTransposed && L.Part == R.Part &&
           !L.Bias == !R.Bias && L.W.getType() == R.W.getType();
  };
  return Gate.has_value() == Other.Gate.has_value() &&
         (!Gate || Same(*Gate, *Other.Gate)) && Same(Up, Other.Up) &&
         Activation == Other.Activation && Alpha == Other.Alpha &&
         Offset == Other.Offset && Limit == Other.Limit;
}

//===----------------------------------------------------------------------===//
// Hidden units
//===----------------------------------------------------------------------===//

namespace {

/// The operand of `OpTy` beside a number, and that number.
template <typename OpTy>
std::optional<std::pair<Value, double>> besideNumber(Value V) {
  auto Op = V.getDefiningOp<OpTy>();
  if (!Op)
    return std::nullopt;
  for (auto [X, Number] : {std::pair(Op.getLhs(), Op.getRhs()),
                           std::pair(Op.getRhs(), Op.getLhs())})
    if (std::optional<double> N = splatNumber(Number);
        N && X.getType() == V.getType())
      return std::pair(X, *N);
  return std::nullopt;
}

/// min(x, L): gives x.
Value stripUpperLimit(Value V, double &Limit) {
  auto Min = besideNumber<MinOp>(V);
  if (!Min || !(Min->second > 0))
    return V;
  Limit = Min->second;
  return Min->first;
}

/// x between -L and L, in any order: gives x.
Value stripLimits(Value V, double &Limit) {
  if (auto Max = besideNumber<MaxOp>(V)) {
    auto Min = besideNumber<MinOp>(Max->first);
    if (!Min || !(Min->second > 0) || Min->second != -Max->second)
      return V;
    Limit = Min->second;
    return Min->first;
  }
  if (auto Min = besideNumber<MinOp>(V)) {
    auto Max = besideNumber<MaxOp>(Min->first);
    if (!Max || !(Min->second > 0) || Min->second != -Max->second)
      return V;
    Limit = Min->second;
    return Max->first;
  }
  return V;
}

/// The activation of a gate, silu's factor inside the sigmoid too.
struct Activated {
  GluActivation Kind;
  double Alpha = 1;
  Value X;
};
std::optional<Activated> matchGateActivation(Value V) {
  if (auto Known = matchActivation(V))
    return Activated{Known->first, 1, Known->second};
  auto Mul = V.getDefiningOp<MulOp>();
  if (!Mul)
    return std::nullopt;
  for (auto [X, Gate] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                         std::pair(Mul.getRhs(), Mul.getLhs())}) {
    auto Sigmoid = Gate.getDefiningOp<SigmoidOp>();
    if (!Sigmoid)
      continue;
    auto Scaled = besideNumber<MulOp>(Sigmoid.getX());
    if (Scaled && Scaled->first == X)
      return Activated{GluActivation::Silu, Scaled->second, X};
  }
  return std::nullopt;
}

/// Some outputs of a linear layer, or all of them.
std::optional<ExpertLinear> matchPart(Value V, MatchLinear Match) {
  auto Slice = V.getDefiningOp<SliceOp>();
  if (!Slice)
    return Match(V);
  RankedTensorType From = typeOf(Slice.getX());
  unsigned Last = From.getRank() - 1;
  for (unsigned I = 0; I < Last; ++I)
    if (!Slice.getStarts().expr(I).isConstant(0) || Slice.getSteps()[I] != 1 ||
        Slice.getSizes().expr(I) != dimOf(From, I))
      return std::nullopt;
  std::optional<int64_t> Start = Slice.getStarts().expr(Last).constant();
  std::optional<int64_t> Size = Slice.getSizes().expr(Last).constant();
  int64_t Step = Slice.getSteps()[Last];
  if (!Start || !Size || Step < 1)
    return std::nullopt;
  std::optional<ExpertLinear> Whole = Match(Slice.getX());
  if (Whole)
    Whole->Part = Outputs{*Start, *Size, Step};
  return Whole;
}

std::optional<ExpertHidden> matchGated(Value Gated, Value Linear,
                                       MatchLinear Match) {
  ExpertHidden Out;
  if (auto Sum = besideNumber<AddOp>(Linear)) {
    Out.Offset = Sum->second;
    Linear = Sum->first;
  }
  std::optional<Activated> Act = matchGateActivation(Gated);
  if (!Act)
    return std::nullopt;
  Out.Activation = Act->Kind;
  Out.Alpha = Act->Alpha;
  double OfGate = 0;
  Value Gate = stripUpperLimit(Act->X, OfGate);
  Linear = stripLimits(Linear, Out.Limit);
  std::optional<ExpertLinear> Up = matchPart(Linear, Match);
  Out.Gate = Up ? matchPart(Gate, Match) : std::nullopt;
  if (!Out.Gate || OfGate != Out.Limit || Out.Gate->X != Up->X)
    return std::nullopt;
  Out.Up = *Up;
  return Out;
}

} // namespace

std::optional<ExpertHidden> matchHidden(Value V, MatchLinear Match) {
  if (auto Mul = V.getDefiningOp<MulOp>();
      Mul && typeOf(Mul.getLhs()) == typeOf(Mul.getRhs()))
    for (auto [Gated, Linear] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                                 std::pair(Mul.getRhs(), Mul.getLhs())})
      if (auto Hidden = matchGated(Gated, Linear, Match))
        return Hidden;
  ExpertHidden Out;
  if (auto Act = matchGateActivation(V)) {
    Out.Activation = Act->Kind;
    Out.Alpha = Act->Alpha;
    V = Act->X;
  }
  std::optional<ExpertLinear> Up = matchPart(V, Match);
  if (!Up)
    return std::nullopt;
  Out.Up = *Up;
  return Out;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

namespace {

class Builder {
public:
  Builder(OpBuilder &B, Location Loc) : B(B), Loc(Loc) {}

  /// The layer's matrices as [E, K, N].
  Value weights(const ExpertLinear &Linear) {
    Value W = outputs(Linear.W, Linear.IsTransposed ? 1 : 2, Linear.Part);
    return Linear.IsTransposed ? buildTransposeOfLastTwo(B, Loc, W) : W;
  }
  Value bias(const ExpertLinear &Linear) {
    return Linear.Bias ? outputs(Linear.Bias, 1, Linear.Part) : Value();
  }
  Value reshape(Value V, ArrayRef<DimExpr> Dims) {
    RankedTensorType Type = tensorOf(Dims, typeOf(V).getElementType());
    return B.createOrFold<ReshapeOp>(Loc, Type, V);
  }

private:
  Value outputs(Value W, int64_t Axis, const std::optional<Outputs> &Part) {
    if (!Part)
      return W;
    SmallVector<DimExpr> Sizes = dimsOf(typeOf(W));
    SmallVector<DimExpr> Starts(Sizes.size(), DimExpr(0));
    SmallVector<int64_t> Steps(Sizes.size(), 1);
    Starts[Axis] = Part->Start;
    Sizes[Axis] = Part->Size;
    Steps[Axis] = Part->Step;
    MLIRContext *Context = B.getContext();
    return B.createOrFold<SliceOp>(
        Loc, tensorOf(Sizes, typeOf(W).getElementType()), W,
        DimsAttr::get(Context, Starts), DimsAttr::get(Context, Sizes),
        B.getDenseI64ArrayAttr(Steps));
  }

  OpBuilder &B;
  Location Loc;
};

/// Whether a layer's parameters are [E, ..] of `Element`, of known sizes.
bool fits(const ExpertLinear &Linear, Type Element, int64_t Experts) {
  RankedTensorType W = typeOf(Linear.W);
  if (W.getRank() != 3 || !W.hasStaticShape() || W.getDimSize(0) != Experts ||
      W.getElementType() != Element)
    return false;
  if (!Linear.Bias)
    return true;
  RankedTensorType Bias = typeOf(Linear.Bias);
  return Bias.getRank() == 2 && Bias.hasStaticShape() &&
         Bias.getElementType() == Element && Bias.getDimSize(0) == Experts &&
         Bias.getDimSize(1) == W.getDimSize(Linear.IsTransposed ? 1 : 2);
}

} // namespace

Value buildMoE(OpBuilder &B, Location Loc, const ExpertLayer &Layer) {
  const ExpertHidden &Hidden = Layer.Hidden;
  const ExpertLinear &Down = Layer.Down;
  Type Element = typeOf(Layer.X).getElementType();
  int64_t Count = typeOf(Down.W).getDimSize(0);
  if (!fits(Down, Element, Count) || !fits(Hidden.Up, Element, Count) ||
      (Hidden.Gate && !fits(*Hidden.Gate, Element, Count)) ||
      (!Hidden.Gate && (Hidden.Offset != 0 || Hidden.Limit != 0)))
    return {};
  Builder Build(B, Loc);
  Value WGate, BGate;
  if (Hidden.Gate) {
    WGate = Build.weights(*Hidden.Gate);
    BGate = Build.bias(*Hidden.Gate);
  }
  Value WUp = Build.weights(Hidden.Up), BUp = Build.bias(Hidden.Up);
  Value WDown = Build.weights(Down), BDown = Build.bias(Down);
  DimExpr Tokens = dimOf(typeOf(Layer.Experts), 0);
  Value X = Build.reshape(Layer.X, {Tokens, dimOf(typeOf(WUp), 1)});
  return MoEOp::create(
      B, Loc, tensorOf({Tokens, dimOf(typeOf(WDown), 2)}, Element), X,
      Layer.Experts, Layer.Weights, WGate, WUp, WDown, BGate, BUp, BDown,
      GluActivationAttr::get(B.getContext(), Hidden.Activation),
      B.getF32FloatAttr(Hidden.Alpha), B.getF32FloatAttr(Hidden.Offset),
      B.getF32FloatAttr(Hidden.Limit));
}

} // namespace dure
