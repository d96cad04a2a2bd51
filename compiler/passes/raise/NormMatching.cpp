// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts that layer and root-mean-square normalization share.
#include "compiler/passes/raise/NormMatching.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;

namespace dure {

/// The radicand when V is a square root.
static Value matchSqrt(Value V) {
  if (auto Sqrt = V.getDefiningOp<SqrtOp>())
    return Sqrt.getX();
  if (auto Pow = V.getDefiningOp<PowOp>())
    if (splatNumber(Pow.getRhs()) == 0.5)
      return Pow.getLhs();
  return {};
}

/// The radicand when V is one over a square root.
static Value matchInverseSqrt(Value V) {
  if (auto Rsqrt = V.getDefiningOp<RsqrtOp>())
    return Rsqrt.getX();
  if (auto Reciprocal = V.getDefiningOp<ReciprocalOp>())
    return matchSqrt(Reciprocal.getX());
  if (auto Div = V.getDefiningOp<DivOp>())
    if (splatNumber(Div.getLhs()) == 1.0)
      return matchSqrt(Div.getRhs());
  if (auto Pow = V.getDefiningOp<PowOp>())
    if (splatNumber(Pow.getRhs()) == -0.5)
      return Pow.getLhs();
  return {};
}

/// X when V is its square.
static Value matchSquare(Value V) {
  if (auto Pow = V.getDefiningOp<PowOp>())
    if (splatNumber(Pow.getRhs()) == 2.0)
      return Pow.getLhs();
  if (auto Mul = V.getDefiningOp<MulOp>())
    if (Mul.getLhs() == Mul.getRhs())
      return Mul.getLhs();
  return {};
}

Value matchTrailingMean(Value V, int64_t &Axis) {
  auto Reduce = V.getDefiningOp<ReduceOp>();
  if (!Reduce || Reduce.getKind() != ReduceKind::Mean ||
      !Reduce.getKeepDims() || Reduce.getAxes().empty())
    return {};
  // Sorted and unique, so trailing when the first is as far from the end as
  // there are axes.
  ArrayRef<int64_t> Axes = Reduce.getAxes();
  Axis = Axes.front();
  if (Axis + static_cast<int64_t>(Axes.size()) !=
      typeOf(Reduce.getX()).getRank())
    return {};
  return Reduce.getX();
}

/// mean(X^2) + epsilon of the given X.
static std::optional<NormQuotient> matchVariance(Value V, Value X) {
  auto Sum = matchEither<AddOp>(
      V, [](Value Operand) { return splatNumber(Operand).has_value(); });
  if (!Sum)
    return std::nullopt;
  NormQuotient Out;
  Out.X = X;
  Out.Epsilon = *splatNumber(Sum->first);
  Value Squares = matchTrailingMean(Sum->second, Out.Axis);
  if (!Squares || matchSquare(Squares) != X || Out.Epsilon < 0)
    return std::nullopt;
  return Out;
}

std::optional<NormQuotient> matchNormQuotient(Value V) {
  if (auto Div = V.getDefiningOp<DivOp>())
    if (Value Radicand = matchSqrt(Div.getRhs()))
      return matchVariance(Radicand, Div.getLhs());
  auto Match = matchEither<MulOp>(V, [](Value Operand) {
    return static_cast<bool>(matchInverseSqrt(Operand));
  });
  if (!Match)
    return std::nullopt;
  return matchVariance(matchInverseSqrt(Match->first), Match->second);
}

bool isExactAsNorm(const NormQuotient &Norm, Type Element) {
  return !Element.isF64() || static_cast<float>(Norm.Epsilon) == Norm.Epsilon;
}

bool isNormParameter(Value V, RankedTensorType X, int64_t Axis) {
  RankedTensorType Type = typeOf(V);
  if (!Type.hasStaticShape() || Type.getElementType() != X.getElementType())
    return false;
  // Leading dimensions of size 1 do not count.
  ArrayRef<int64_t> Shape = Type.getShape();
  while (!Shape.empty() && Shape.front() == 1)
    Shape = Shape.drop_front();
  int64_t Rank = Shape.size();
  if (Rank > X.getRank() - Axis || Type.getRank() > X.getRank())
    return false;
  for (int64_t I = 0; I < Rank; ++I)
    if (Shape[Rank - 1 - I] != 1 &&
        Shape[Rank - 1 - I] != X.getDimSize(X.getRank() - 1 - I))
      return false;
  return true;
}

} // namespace dure
