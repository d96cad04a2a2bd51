// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that are sums over the elements of a list.
#include "compiler/passes/support/ListSums.h"

#include "compiler/passes/support/Matching.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace dure {

/// The place along the list's dimension, whichever it is: there is one element.
static constexpr int64_t OfList = -1;
/// Histograms of real models are a dozen ops deep.
static constexpr unsigned MaxDepth = 32;
static constexpr int64_t MaxElements = 4096;

ListSums::Numbers ListSums::evaluate(Value V, int64_t Of) {
  if (Of != Element)
    Known.clear();
  Element = Of;
  return sums(V, MaxDepth);
}

//===----------------------------------------------------------------------===//
// Behind the sums: linear
//===----------------------------------------------------------------------===//

/// Types whose sums of zeros and ones do not round soon.
static bool countsFar(Type Element) {
  return Element.isF32() || Element.isF64() || Element.isSignlessInteger(32) ||
         Element.isSignlessInteger(64);
}

ListSums::Numbers ListSums::sums(Value V, unsigned Depth) {
  Operation *Op = V.getDefiningOp();
  RankedTensorType Type = typeOf(V);
  if (!Op || Depth == 0 || !Type.hasStaticShape() ||
      Type.getNumElements() > MaxElements || !countsFar(Type.getElementType()))
    return std::nullopt;
  if (auto It = Known.find(V); It != Known.end())
    return It->second;
  Numbers Out = compute(Op, Depth - 1);
  // Larger numbers, or fractions, would leave what every type counts exactly.
  if (Out &&
      !llvm::all_of(*Out, [](double X) { return X == -1 || X == 0 || X == 1; }))
    Out = std::nullopt;
  Known[V] = Out;
  return Out;
}

/// The dimension that is not 1, of a value that has at most one.
static std::optional<int64_t> onlyDim(RankedTensorType Type) {
  int64_t Found = 0;
  for (int64_t D = 0; D < Type.getRank(); ++D) {
    if (Type.getDimSize(D) == 1)
      continue;
    if (Type.getDimSize(D) != Type.getNumElements())
      return std::nullopt;
    Found = D;
  }
  return Found;
}

ListSums::Numbers ListSums::compute(Operation *Op, unsigned Depth) {
  if (auto Sum = dyn_cast<ReduceOp>(Op))
    return sumOfElements(Sum);
  if (auto Placed = dyn_cast<ScatterElementsOp>(Op))
    return sumOfPlaced(Placed);
  if (!isa<CastOp, ReshapeOp, AddOp, SubOp, SliceOp, CumSumOp>(Op))
    return std::nullopt;
  Numbers Out = sums(Op->getOperand(0), Depth);
  if (!Out || isa<CastOp, ReshapeOp>(Op))
    return Out;
  RankedTensorType From = typeOf(Op->getOperand(0));
  if (isa<AddOp, SubOp>(Op)) {
    Numbers Other = From == typeOf(Op->getOperand(1))
                        ? sums(Op->getOperand(1), Depth)
                        : std::nullopt;
    if (!Other)
      return std::nullopt;
    for (auto [X, Y] : llvm::zip_equal(*Out, *Other))
      X += isa<AddOp>(Op) ? Y : -Y;
    return Out;
  }
  std::optional<int64_t> Dim = onlyDim(From);
  if (!Dim || From.getRank() == 0)
    return std::nullopt;
  if (auto Slice = dyn_cast<SliceOp>(Op)) {
    std::optional<int64_t> Start = Slice.getStarts().expr(*Dim).constant();
    int64_t Size = Slice.getType().getNumElements();
    int64_t Step = Slice.getSteps()[*Dim];
    SmallVector<double> Part;
    for (int64_t I = 0; Start && I < Size; ++I) {
      int64_t At = *Start + I * Step;
      if (At < 0 || At >= static_cast<int64_t>(Out->size()))
        return std::nullopt;
      Part.push_back((*Out)[At]);
    }
    return Start ? Numbers(Part) : std::nullopt;
  }
  auto Running = cast<CumSumOp>(Op);
  if (static_cast<int64_t>(Running.getAxis()) != *Dim ||
      Running.getExclusive() || Running.getReverse())
    return std::nullopt;
  for (size_t I = 1; I < Out->size(); ++I)
    (*Out)[I] += (*Out)[I - 1];
  return Out;
}

/// Sum over the list's dimension of [n, m] or [m, n].
ListSums::Numbers ListSums::sumOfElements(ReduceOp Op) {
  RankedTensorType From = typeOf(Op.getX());
  if (Op.getKind() != ReduceKind::Sum || Op.getAxes().size() != 1 ||
      From.getRank() != 2)
    return std::nullopt;
  int64_t Axis = Op.getAxes().front(), Other = 1 - Axis;
  if (dimOf(From, Axis) != Length || From.isDynamicDim(Other))
    return std::nullopt;
  SmallVector<double> Out;
  SmallVector<int64_t> At(2, OfList);
  Order = Value();
  for (At[Other] = 0; At[Other] < From.getDimSize(Other); ++At[Other]) {
    std::optional<double> Number = at(Op.getX(), At, MaxDepth);
    if (!Number)
      return std::nullopt;
    Out.push_back(*Number);
  }
  return Out;
}

/// Zeros with a number added at a place for every element of the list.
ListSums::Numbers ListSums::sumOfPlaced(ScatterElementsOp Op) {
  RankedTensorType Indices = typeOf(Op.getIndices());
  if (Op.getReduction() != ScatterReduction::Add ||
      Op.getType().getRank() != 1 || splatNumber(Op.getX()) != 0.0 ||
      dimOf(Indices, 0) != Length)
    return std::nullopt;
  Order = Value();
  std::optional<double> Place = at(Op.getIndices(), OfList, MaxDepth);
  std::optional<double> Number = at(Op.getUpdates(), OfList, MaxDepth);
  int64_t Size = Op.getType().getDimSize(0);
  if (!Place || !Number || *Place < 0 || *Place >= Size)
    return std::nullopt;
  SmallVector<double> Out(Size, 0);
  Out[static_cast<int64_t>(*Place)] = *Number;
  return Out;
}

//===----------------------------------------------------------------------===//
// Before the sums: any function of an element
//===----------------------------------------------------------------------===//

/// Up to here all integers are numbers of 64-bit floats.
static constexpr double MaxInteger = 9007199254740992.0;

/// x as arithmetic in `Element` gives it: rounded in floats; empty where
/// integers would wrap.
static std::optional<double> roundedTo(double X, Type Element) {
  if (auto Float = dyn_cast<FloatType>(Element)) {
    if (Float.getWidth() < 16)
      return std::nullopt;
    // Of f32 and narrower the second rounding never shows: 53 bits are more
    // than twice theirs and two.
    APFloat Number(X);
    bool Lost;
    Number.convert(Float.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &Lost);
    Number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Lost);
    return Number.convertToDouble();
  }
  if (Element.isInteger(1))
    return X == 0 || X == 1 ? std::optional(X) : std::nullopt;
  bool Fits =
      Element.isSignlessInteger() && X == std::floor(X) &&
      std::fabs(X) <= MaxInteger &&
      std::fabs(X) < std::ldexp(1.0, Element.getIntOrFloatBitWidth() - 1);
  return Fits ? std::optional(X) : std::nullopt;
}

/// What Cast makes of x.
static std::optional<double> castTo(double X, Type To) {
  if (To.isInteger(1))
    return X != 0 ? 1 : 0;
  return roundedTo(isa<FloatType>(To) ? X : std::trunc(X), To);
}

static double numberAt(DenseElementsAttr Value, int64_t At) {
  auto Integer = dyn_cast<IntegerType>(Value.getElementType());
  if (!Integer) {
    APFloat Number = Value.getValues<APFloat>()[At];
    bool Lost;
    Number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Lost);
    return Number.convertToDouble();
  }
  APInt Number = Value.getValues<APInt>()[At];
  return Integer.isUnsigned() || Integer.getWidth() == 1
             ? static_cast<double>(Number.getZExtValue())
             : static_cast<double>(Number.getSExtValue());
}

std::optional<double> ListSums::at(Value V, Index At, unsigned Depth) {
  RankedTensorType Type = typeOf(V);
  if (At == Index{OfList} && dimOf(Type, 0) == Length &&
      (!Order || Order == V) && IsList(V)) {
    Order = V;
    return roundedTo(Element, Type.getElementType());
  }
  Operation *Op = V.getDefiningOp();
  if (!Op || Depth-- == 0 || --Budget < 0)
    return std::nullopt;
  if (isa<ConstantOp>(Op)) {
    DenseElementsAttr Value = constantOf(V);
    if (!Value || !Type.getElementType().isIntOrFloat() ||
        Type.getElementTypeBitWidth() > 64)
      return std::nullopt;
    int64_t Place = 0;
    for (auto [I, Size] : llvm::zip_equal(At, Type.getShape())) {
      if (I == OfList && !Value.isSplat())
        return std::nullopt;
      Place = Place * Size + std::max<int64_t>(I, 0);
    }
    return numberAt(Value, Place);
  }
  return llvm::TypeSwitch<Operation *, std::optional<double>>(Op)
      .Case<IotaOp>([&](IotaOp Iota) -> std::optional<double> {
        int64_t I = At[Iota.getAxis()];
        return I == OfList ? std::nullopt : roundedTo(I, Type.getElementType());
      })
      .Case<BroadcastOp>(
          [&](BroadcastOp) { return operandAt(Op, 0, At, Depth); })
      .Case<ReshapeOp>([&](ReshapeOp R) { return reshapedAt(R, At, Depth); })
      .Case<ConcatOp>([&](ConcatOp C) { return pieceAt(C, At, Depth); })
      .Default([&](Operation *) { return elementwiseAt(Op, At, Depth); });
}

/// The operand's element that meets the result's at `At`.
std::optional<double> ListSums::operandAt(Operation *Op, unsigned I, Index At,
                                          unsigned Depth) {
  Value V = Op->getOperand(I);
  RankedTensorType Type = typeOf(V), Result = typeOf(Op->getResult(0));
  Index Tail = At.take_back(Type.getRank());
  SmallVector<int64_t> Place(Tail);
  for (int64_t D = 0; D < Type.getRank(); ++D)
    if (dimOf(Type, D) !=
        dimOf(Result, Result.getRank() - Type.getRank() + D)) {
      if (!dimOf(Type, D).isConstant(1))
        return std::nullopt;
      Place[D] = 0;
    }
  return at(V, Place, Depth);
}

static bool holds(ComparePredicate How, double L, double R) {
  switch (How) {
  case ComparePredicate::EQ:
    return L == R;
  case ComparePredicate::NE:
    return L != R;
  case ComparePredicate::LT:
    return L < R;
  case ComparePredicate::LE:
    return L <= R;
  case ComparePredicate::GT:
    return L > R;
  case ComparePredicate::GE:
    return L >= R;
  }
  return false;
}

/// Sums, products and their like of numbers in one type, before rounding.
static std::optional<double> arithmetic(Operation *Op, double L, double R) {
  bool IsNaN = std::isnan(L) || std::isnan(R);
  return llvm::TypeSwitch<Operation *, std::optional<double>>(Op)
      .Case<AddOp>([&](AddOp) { return L + R; })
      .Case<SubOp>([&](SubOp) { return L - R; })
      .Case<MulOp>([&](MulOp) { return L * R; })
      .Case<MinOp>([&](MinOp) { return IsNaN ? NAN : std::min(L, R); })
      .Case<MaxOp>([&](MaxOp) { return IsNaN ? NAN : std::max(L, R); })
      .Case<DivOp>([&](DivOp Div) -> std::optional<double> {
        if (isa<FloatType>(Div.getType().getElementType()))
          return L / R;
        // By zero it is an error at run time.
        if (R == 0)
          return std::nullopt;
        return static_cast<int64_t>(L) / static_cast<int64_t>(R);
      })
      .Default(std::nullopt);
}

std::optional<double> ListSums::elementwiseAt(Operation *Op, Index At,
                                              unsigned Depth) {
  if (!isa<CompareOp, AndOp, OrOp, NotOp, IsNaNOp, SelectOp, CastOp, AddOp,
           SubOp, MulOp, DivOp, MinOp, MaxOp, FloorOp>(Op))
    return std::nullopt;
  SmallVector<double> X;
  for (unsigned I = 0; I < Op->getNumOperands(); ++I) {
    std::optional<double> Number = operandAt(Op, I, At, Depth);
    if (!Number)
      return std::nullopt;
    X.push_back(*Number);
  }
  Type Result = typeOf(Op->getResult(0)).getElementType();
  if (auto Cast = dyn_cast<CastOp>(Op))
    return castTo(X[0], Cast.getTo());
  if (auto Compare = dyn_cast<CompareOp>(Op))
    return holds(Compare.getPredicate(), X[0], X[1]);
  if (isa<SelectOp>(Op))
    return X[0] != 0 ? X[1] : X[2];
  if (isa<IsNaNOp>(Op))
    return std::isnan(X[0]);
  if (isa<FloorOp>(Op))
    return std::floor(X[0]);
  if (!isa<AndOp, OrOp, NotOp>(Op)) {
    std::optional<double> Number = arithmetic(Op, X[0], X[1]);
    return Number ? roundedTo(*Number, Result) : std::nullopt;
  }
  // Of truth values only: of integers they are bits.
  if (!Result.isInteger(1))
    return std::nullopt;
  if (isa<NotOp>(Op))
    return X[0] == 0;
  return isa<AndOp>(Op) ? (X[0] != 0 && X[1] != 0) : (X[0] != 0 || X[1] != 0);
}

std::optional<double> ListSums::reshapedAt(ReshapeOp Op, Index At,
                                           unsigned Depth) {
  auto Dims = matchUnitReshape(Op);
  if (!Dims)
    return std::nullopt;
  SmallVector<int64_t> Place(typeOf(Op.getX()).getRank(), 0);
  for (auto [T, F] : llvm::enumerate(*Dims))
    if (F >= 0)
      Place[F] = At[T];
  return at(Op.getX(), Place, Depth);
}

std::optional<double> ListSums::pieceAt(ConcatOp Op, Index At, unsigned Depth) {
  SmallVector<int64_t> Place(At);
  int64_t &I = Place[Op.getAxis()];
  if (I == OfList)
    return std::nullopt;
  for (Value Piece : Op.getXs()) {
    RankedTensorType Type = typeOf(Piece);
    if (Type.isDynamicDim(Op.getAxis()))
      return std::nullopt;
    if (I < Type.getDimSize(Op.getAxis()))
      return at(Piece, Place, Depth);
    I -= Type.getDimSize(Op.getAxis());
  }
  return std::nullopt;
}

} // namespace dure
