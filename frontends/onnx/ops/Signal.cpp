// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signals: window functions, DFT and STFT. A transform is a product with the
// matrix of its waves, whose angles are whole fractions of a turn, computed in
// f64.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

static constexpr double TwoPi = 6.28318530717958647693;

/// cos or sin of 2 pi turns
static Value wave(OpImport &C, Value Turns, bool IsSine) {
  Value Angle = C.create<MulOp>({Turns, C.scalarLike(Turns, TwoPi)});
  return IsSine ? C.create<SinOp>({Angle}) : C.create<CosOp>({Angle});
}

/// A size that an input gives, one number.
static std::optional<DimExpr> sizeInput(OpImport &C, unsigned I) {
  std::optional<Dims> Given = C.exprs(I);
  if (!Given)
    return std::nullopt;
  if (Given->size() != 1)
    return C.refuse(RefusalCode::ShapeRank, {"a scalar is needed"});
  return C.nonNegative(Given->front());
}

//===----------------------------------------------------------------------===//
// Window functions
//===----------------------------------------------------------------------===//

/// y[n] = a0 + a1 cos(2 pi n / N) + a2 cos(4 pi n / N), N the size, or one less
/// where the window is symmetric
static LogicalResult importWindow(OpImport &C) {
  bool Periodic = C.boolAttr("periodic", true);
  Type Element = C.element(C.intAttr("output_datatype", 1));
  std::optional<DimExpr> Size = sizeInput(C, 0);
  if (!Element || !Size)
    return failure();
  double A[3] = {0.5, -0.5, 0}; // Hann.
  if (C.op() == "HammingWindow") {
    A[0] = 25.0 / 46.0;
    A[1] = A[0] - 1;
  } else if (C.op() == "BlackmanWindow") {
    A[0] = 0.42;
    A[2] = 0.08;
  }
  Type F64 = C.builder().getF64Type();
  Value N = C.cast(C.iota({*Size}, 0), F64);
  DimExpr Steps = Periodic ? *Size : *Size - DimExpr(1);
  Value Turns = C.create<DivOp>(
      {N, C.cast(C.integers({DimExpr::max(DimExpr(1), Steps)}, true), F64)});
  Value Y = C.scalar(F64, A[0]);
  for (int I = 1; I < 3; ++I) {
    Value Each =
        wave(C, C.create<MulOp>({Turns, C.scalar(F64, I)}), /*IsSine=*/false);
    Y = C.create<AddOp>({Y, C.create<MulOp>({Each, C.scalar(F64, A[I])})});
  }
  return C.result(C.cast(Y, Element));
}

//===----------------------------------------------------------------------===//
// Discrete Fourier transform
//===----------------------------------------------------------------------===//

namespace {
/// Sizes of a transform: `In` numbers are taken, `Out` are made, of a period of
/// `Length`.
struct Transform {
  DimExpr Length, In, Out;
  bool Inverse = false;
  bool ToReal = false; ///< Half of a spectrum gives a real signal.
};
} // namespace

/// The waves [In, Out] of a transform: cos or sin of 2 pi j k / Length.
static Value waves(OpImport &C, const Transform &T, bool IsSine) {
  Type F64 = C.builder().getF64Type();
  Value Length = C.integers({DimExpr::max(DimExpr(1), T.Length)}, true);
  Value J = C.iota({T.In, T.Out}, 0), K = C.iota({T.In, T.Out}, 1);
  Value Rest = C.create<ModOp>({C.create<MulOp>({J, K}), Length});
  Value Y = wave(C, C.create<DivOp>({C.cast(Rest, F64), C.cast(Length, F64)}),
                 IsSine);
  if (T.ToReal) {
    // Of a half, each wave but the first, and the last of an even length,
    // stands for its mirror image, too.
    DimExpr One(1);
    Value Row = C.iota({T.In, One}, 0);
    Value Mirror = C.create<SubOp>({Length, Row});
    Value IsAlone = C.create<OrOp>(
        {C.compare(Row, C.scalarLike(Row, 0), ComparePredicate::EQ),
         C.compare(Row, Mirror, ComparePredicate::EQ)});
    Value Times =
        C.create<SelectOp>({IsAlone, C.scalar(F64, 1), C.scalar(F64, 2)});
    Y = C.create<MulOp>({Y, Times});
  }
  if (T.Inverse)
    Y = C.create<DivOp>({Y, C.cast(Length, F64)});
  return Y;
}

/// x [.., In, parts] transformed along the last but one dim, parts being the
/// real and, if there are two, the imaginary one: [.., Out, 2], or 1. Summed up
/// in f64: what cancels would leave more of its rounding than there is left.
static Value transformed(OpImport &C, Value X, const Transform &T) {
  if (!X)
    return {};
  Type Narrow = elementOf(X);
  X = C.cast(X, C.builder().getF64Type());
  int64_t Last = rankOf(X) - 1;
  Dims Shape = dimsOf(typeOf(X)), Flat(Shape.begin(), Shape.end() - 1);
  std::optional<int64_t> Parts = Shape.back().constant();
  auto Part = [&](int64_t I) {
    Dims Starts(Shape.size(), DimExpr(0)), Sizes = Shape;
    SmallVector<int64_t> Steps(Shape.size(), 1);
    Starts.back() = DimExpr(I);
    Sizes.back() = DimExpr(1);
    Value Y = C.create<SliceOp>(
        {X}, {C.named("starts", Starts), C.named("sizes", Sizes),
              C.named("steps", ArrayRef<int64_t>(Steps))});
    // One row of the product for each signal; a single one is a row, too.
    return C.reshape(Y, {countOf(ArrayRef(Flat).drop_back()), Flat.back()});
  };
  Value Cos = waves(C, T, false), Sin = waves(C, T, true);
  auto Times = [&](Value L, Value R) { return C.create<MatMulOp>({L, R}); };
  Value Real = Part(0), Re = Times(Real, Cos), Im = Times(Real, Sin);
  // e^-iwt forth, e^iwt back.
  if (!T.Inverse)
    Im = C.create<NegOp>({Im});
  if (Parts == 2) {
    Value Imaginary = Part(1);
    Value Crossed = Times(Imaginary, Sin), Along = Times(Imaginary, Cos);
    Re = T.Inverse ? C.create<SubOp>({Re, Crossed})
                   : C.create<AddOp>({Re, Crossed});
    Im = C.create<AddOp>({Im, Along});
  }
  Dims Out(Shape.begin(), Shape.end());
  Out[Last - 1] = T.Out;
  Out[Last] = DimExpr(1);
  Re = C.reshape(Re, Out);
  if (!T.ToReal)
    Re = C.create<ConcatOp>({Re, C.reshape(Im, Out)}, {C.named("axis", Last)});
  return C.cast(Re, Narrow);
}

/// x cut, or padded with zeros behind, to a size along the last but one dim
static Value fitted(OpImport &C, Value X, const DimExpr &Size) {
  if (!X)
    return {};
  int64_t Axis = rankOf(X) - 2;
  DimExpr More = C.settle(Size - dimOf(typeOf(X), Axis));
  if (More.isConstant(0))
    return X;
  Dims Low(rankOf(X), DimExpr(0)), High = Low;
  High[Axis] = More;
  auto Mode = PadModeAttr::get(C.context(), PadMode::Constant);
  return C.create<PadOp>(
      {X, C.scalarLike(X, 0)},
      {C.named("low", Low), C.named("high", High), C.named("mode", Mode)});
}

/// Refuses what is no signal: floats whose last dim holds one or two parts.
static LogicalResult checkSignal(OpImport &C, Value X) {
  if (!isa<FloatType>(elementOf(X)) || rankOf(X) < 2)
    return C.refuse(RefusalCode::ShapeRank,
                    {"a signal must be floating point, of rank 2 at least"});
  DimExpr Parts = dimOf(typeOf(X), rankOf(X) - 1);
  if (Parts.isConstant(1) || Parts.isConstant(2))
    return success();
  return C.refuse(RefusalCode::ShapeRank,
                  {"the last dimension of a signal must be 1 or 2"});
}

/// The axis: an attribute in version 17, an input since 20.
static std::optional<int64_t> transformAxis(OpImport &C, int64_t Rank) {
  int64_t Given = -2;
  if (C.version() < 20) {
    Given = C.intAttr("axis", 1);
  } else if (C.has(2)) {
    auto Known = C.constants(2);
    if (!Known)
      return std::nullopt;
    if (Known->size() != 1)
      return C.refuse(RefusalCode::ShapeRank, {"the axis must be one number"});
    Given = Known->front();
  }
  std::optional<int64_t> Axis = C.axis(Given, Rank);
  if (Axis && *Axis == Rank - 1)
    return C.refuse(RefusalCode::ShapeRank,
                    {"the last dimension holds the parts of numbers"});
  return Axis;
}

/// y = the discrete Fourier transform of x along an axis
static LogicalResult importDFT(OpImport &C) {
  Value X = C.in(0);
  Transform T;
  T.Inverse = C.boolAttr("inverse", false);
  bool OneSided = C.boolAttr("onesided", false);
  if (!X || failed(checkSignal(C, X)))
    return failure();
  std::optional<int64_t> Axis = transformAxis(C, rankOf(X));
  if (!Axis)
    return failure();
  DimExpr Have = dimOf(typeOf(X), *Axis), One(1), Two(2);
  T.ToReal = T.Inverse && OneSided;
  T.Length = T.ToReal ? (Have - One) * Two : Have;
  if (C.has(1)) {
    std::optional<DimExpr> Length = sizeInput(C, 1);
    if (!Length)
      return failure();
    T.Length = *Length;
  }
  DimExpr Half = DimExpr::floorDiv(T.Length, Two) + One;
  T.In = T.ToReal ? Half : T.Length;
  T.Out = OneSided && !T.ToReal ? Half : T.Length;
  if (!arePossibleSizes({T.In, T.Out}))
    return C.refuse(RefusalCode::ShapeRank, {"the result has no usable size"});
  SmallVector<int64_t> ToLast(rankOf(X));
  std::iota(ToLast.begin(), ToLast.end(), 0);
  std::swap(ToLast[*Axis], ToLast[rankOf(X) - 2]);
  Value Y = transformed(C, fitted(C, C.transpose(X, ToLast), T.In), T);
  return C.result(C.transpose(Y, ToLast));
}

/// y [B, frames, Out, 2] = the transforms of windows along a signal
static LogicalResult importSTFT(OpImport &C) {
  Value X = C.in(0);
  bool OneSided = C.boolAttr("onesided", true);
  auto Step = C.constants(1);
  if (!X || !Step || failed(checkSignal(C, X)))
    return failure();
  if (rankOf(X) != 3 || Step->size() != 1 || Step->front() < 1)
    return C.refuse(
        RefusalCode::ShapeRank,
        {"the signal must have rank 3, and frame_step be positive"});
  Transform T;
  if (C.has(3)) {
    std::optional<DimExpr> Length = sizeInput(C, 3);
    if (!Length)
      return failure();
    T.Length = *Length;
  } else if (C.has(2) && C.in(2) && rankOf(C.in(2)) == 1) {
    T.Length = dimOf(typeOf(C.in(2)), 0);
  } else {
    return C.refuse(RefusalCode::InputCount,
                    {"needs a window or frame_length"});
  }
  Dims Shape = dimsOf(typeOf(X));
  DimExpr One(1), Zero(0), By(Step->front());
  DimExpr Frames = C.settle(DimExpr::floorDiv(Shape[1] - T.Length, By) + One);
  if (!arePossibleSizes({Frames}))
    return C.refuse(RefusalCode::ShapeRank, {"no frame fits into the signal"});
  if (!Frames.isNonNegative() && !C.equal(DimExpr::max(Zero, Frames), Frames))
    return failure();
  T.In = T.Length;
  T.Out = OneSided ? DimExpr::floorDiv(T.Length, DimExpr(2)) + One : T.Length;
  Dims Grid = {Frames, T.Length};
  Value Frame = C.iota(Grid, 0);
  Value At = C.create<AddOp>(
      {C.create<MulOp>({Frame, C.integers({By}, true)}), C.iota(Grid, 1)});
  Value Y = C.create<GatherOp>({X, At}, {C.named("axis", int64_t(1))});
  if (C.has(2)) {
    Value Window = C.in(2);
    if (!Window || rankOf(Window) != 1)
      return C.refuse(RefusalCode::ShapeRank, {"the window must be a list"});
    if (!C.equal(dimOf(typeOf(Window), 0), T.Length))
      return failure();
    Y = C.create<MulOp>({Y, C.reshape(Window, {T.Length, One})});
  }
  return C.result(transformed(C, Y, T));
}

ArrayRef<OpEntry> signalOps() {
  static const OpEntry Table[] = {
      {"HannWindow", {17}, 1, 1, importWindow},
      {"HammingWindow", {17}, 1, 1, importWindow},
      {"BlackmanWindow", {17}, 1, 1, importWindow},
      {"DFT", {17, 20}, 1, 3, importDFT},
      {"STFT", {17}, 2, 4, importSTFT},
  };
  return Table;
}

} // namespace dure::onnx
