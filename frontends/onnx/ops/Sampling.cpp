// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements at computed places: GridSample, AffineGrid, CenterCropPad,
// ReverseSequence, Col2Im.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

//===----------------------------------------------------------------------===//
// GridSample
//===----------------------------------------------------------------------===//

namespace {

enum class Outside { Zeros, Border, Reflection };
enum class Sampling { Nearest, Linear, Cubic };

/// Samples x [N, C, D..] at the places of a grid [N, P, rank], in f64.
class GridSampler {
public:
  GridSampler(OpImport &C, Value X, Value Grid, Outside Beyond, Sampling How,
              bool AlignCorners)
      : C(C), X(X), Grid(Grid), Beyond(Beyond), How(How),
        AlignCorners(AlignCorners), Shape(dimsOf(typeOf(X))),
        Rank(static_cast<int64_t>(Shape.size()) - 2) {}

  /// [N, P, C]
  Value run();

private:
  Value number(double V) { return C.scalar(C.builder().getF64Type(), V); }
  Value add(Value L, Value R) { return C.create<AddOp>({L, R}); }
  Value sub(Value L, Value R) { return C.create<SubOp>({L, R}); }
  Value mul(Value L, Value R) { return C.create<MulOp>({L, R}); }
  Value choose(Value Is, Value L, Value R) {
    return C.create<SelectOp>({Is, L, R});
  }
  Value size(int64_t D) {
    return C.cast(C.integers({Shape[D + 2]}, true), C.builder().getF64Type());
  }
  Value low() { return number(AlignCorners ? 0 : -0.5); }
  Value high(int64_t D) { return sub(size(D), number(AlignCorners ? 1 : 0.5)); }

  Value clamp(Value At, int64_t D);
  Value reflect(Value At, int64_t D);
  Value coordinate(int64_t D);
  Value weight(Value Distance);
  Value read(ArrayRef<Value> Places);

  OpImport &C;
  Value X, Grid;
  Outside Beyond;
  Sampling How;
  bool AlignCorners;
  Dims Shape;
  int64_t Rank;
};

} // namespace

Value GridSampler::clamp(Value At, int64_t D) {
  Value Y = C.create<MinOp>({At, sub(size(D), number(1))});
  return C.create<MaxOp>({Y, number(0)});
}

/// Mirrored at the borders until it lies between them.
Value GridSampler::reflect(Value At, int64_t D) {
  Value Low = low(), High = high(D), Range = sub(High, Low);
  Value IsFlat = C.compare(Range, number(0), ComparePredicate::EQ);
  Value Divisor = choose(IsFlat, number(1), Range);
  Value Beyond = C.create<MaxOp>({sub(Low, At), sub(At, High)});
  Value Turns = C.create<FloorOp>({C.create<DivOp>({Beyond, Divisor})});
  Value Rest = sub(Beyond, mul(Turns, Range));
  Value IsOdd =
      C.compare(C.create<ModOp>({Turns, number(2)}, {C.named("fmod", false)}),
                number(0), ComparePredicate::NE);
  Value IsBelow = C.compare(At, Low, ComparePredicate::LT);
  // From the border that it left by, or from the other one.
  Value FromLow =
      C.compare(C.cast(IsBelow, C.builder().getI32Type()),
                C.cast(IsOdd, C.builder().getI32Type()), ComparePredicate::NE);
  Value Mirrored = choose(FromLow, add(Low, Rest), sub(High, Rest));
  Value IsBeyond = C.compare(Beyond, number(0), ComparePredicate::GT);
  return choose(IsBeyond, Mirrored, At);
}

/// Where the grid's points lie along a spatial dim: [N, P].
Value GridSampler::coordinate(int64_t D) {
  Dims Have = dimsOf(typeOf(Grid)); // The last coordinate is the first dim's.
  DimExpr Zero(0);
  SmallVector<int64_t> Steps(3, 1);
  Value N = C.create<SliceOp>(
      {Grid}, {C.named("starts", Dims{Zero, Zero, DimExpr(Rank - 1 - D)}),
               C.named("sizes", Dims{Have[0], Have[1], DimExpr(1)}),
               C.named("steps", ArrayRef<int64_t>(Steps))});
  N = add(C.cast(C.reshape(N, {Have[0], Have[1]}), C.builder().getF64Type()),
          number(1));
  Value At = AlignCorners ? mul(mul(N, number(0.5)), sub(size(D), number(1)))
                          : mul(sub(mul(N, size(D)), number(1)), number(0.5));
  if (How == Sampling::Nearest)
    At = C.create<RoundOp>({At});
  if (Beyond == Outside::Border) {
    Value IsIn =
        C.create<AndOp>({C.compare(At, low(), ComparePredicate::GE),
                         C.compare(At, high(D), ComparePredicate::LE)});
    At = choose(IsIn, At, clamp(At, D));
  }
  return Beyond == Outside::Reflection ? reflect(At, D) : At;
}

/// The weight of an element at a distance from the point.
Value GridSampler::weight(Value D) {
  D = C.create<AbsOp>({D});
  if (How == Sampling::Linear)
    return C.create<MaxOp>({sub(number(1), D), number(0)});
  constexpr double A = -0.75; // Keys' cubic convolution.
  Value D2 = mul(D, D), D3 = mul(D2, D);
  Value Near =
      add(sub(mul(number(A + 2), D3), mul(number(A + 3), D2)), number(1));
  Value Far = add(sub(D3, mul(number(5), D2)), mul(number(8), D));
  Far = mul(number(A), sub(Far, number(4)));
  Value Outer =
      choose(C.compare(D, number(2), ComparePredicate::LT), Far, number(0));
  return choose(C.compare(D, number(1), ComparePredicate::LE), Near, Outer);
}

/// x at whole places [N, P] of each spatial dim, as [N, P, C].
Value GridSampler::read(ArrayRef<Value> Places) {
  Type I64 = C.builder().getI64Type();
  Value Inside;
  SmallVector<Value> Columns;
  for (int64_t D = 0; D < Rank; ++D) {
    Value At = Places[D];
    if (Beyond == Outside::Zeros) {
      Value Is =
          C.create<AndOp>({C.compare(At, number(0), ComparePredicate::GE),
                           C.compare(At, size(D), ComparePredicate::LT)});
      Inside = Inside ? C.create<AndOp>({Inside, Is}) : Is;
    } else if (Beyond == Outside::Reflection) {
      At = C.create<FloorOp>({reflect(At, D)});
    }
    Value Whole = C.cast(clamp(At, D), I64);
    if (!Whole)
      return {};
    Dims S = dimsOf(typeOf(Whole));
    Columns.push_back(C.reshape(Whole, {S[0], S[1], DimExpr(1)}));
  }
  Value Tuples = C.create<ConcatOp>(Columns, {C.named("axis", int64_t(2))});
  SmallVector<int64_t> Last(Rank + 2);
  std::iota(Last.begin(), Last.end(), 0);
  std::rotate(Last.begin() + 1, Last.begin() + 2, Last.end());
  Value Y = C.create<GatherNDOp>({C.transpose(X, Last), Tuples},
                                 {C.named("batch_dims", int64_t(1))});
  if (!Inside || !Y)
    return Y;
  Dims S = dimsOf(typeOf(Inside));
  return choose(C.reshape(Inside, {S[0], S[1], DimExpr(1)}), Y,
                C.scalarLike(Y, 0));
}

Value GridSampler::run() {
  SmallVector<Value> At;
  for (int64_t D = 0; D < Rank; ++D)
    At.push_back(coordinate(D));
  if (How == Sampling::Nearest)
    return read(At);
  // The sum over all neighbours: 2 or 4 a dim.
  int64_t First = How == Sampling::Linear ? 0 : -1;
  int64_t Each = How == Sampling::Linear ? 2 : 4;
  int64_t Count = 1;
  for (int64_t D = 0; D < Rank; ++D)
    Count *= Each;
  Value Sum;
  for (int64_t I = 0; I < Count; ++I) {
    SmallVector<Value> Places;
    Value W;
    for (int64_t D = 0, Rest = I; D < Rank; ++D, Rest /= Each) {
      Value Floor = C.create<FloorOp>({At[D]});
      Places.push_back(add(Floor, number(double(First + Rest % Each))));
      Value Own = weight(sub(Places.back(), At[D]));
      W = W ? mul(W, Own) : Own;
    }
    Value Y = read(Places);
    if (!Y || !W)
      return {};
    Dims S = dimsOf(typeOf(W));
    W = C.reshape(C.cast(W, elementOf(X)), {S[0], S[1], DimExpr(1)});
    Sum = Sum ? add(Sum, mul(Y, W)) : mul(Y, W);
  }
  return Sum;
}

/// y = x at the points of a grid, -1 .. 1 being x from border to border
static LogicalResult importGridSample(OpImport &C) {
  Value X = C.in(0), Grid = C.in(1);
  llvm::StringRef Mode =
      C.stringAttr("mode", C.version() < 20 ? "bilinear" : "linear");
  llvm::StringRef Padding = C.stringAttr("padding_mode", "zeros");
  bool AlignCorners = C.boolAttr("align_corners", false);
  if (!X || !Grid)
    return failure();
  bool IsLinear = Mode == "linear" || Mode == "bilinear";
  bool IsCubic = Mode == "cubic" || Mode == "bicubic";
  if (!IsLinear && !IsCubic && Mode != "nearest")
    return C.refuse(RefusalCode::AttributeBad,
                    {"mode", "'" + Mode.str() + "' is not known"});
  if (Padding != "zeros" && Padding != "border" && Padding != "reflection")
    return C.refuse(RefusalCode::AttributeBad,
                    {"padding_mode", "'" + Padding.str() + "' is not known"});
  int64_t Rank = rankOf(X) - 2;
  if (Rank < 1 || Rank > 3 || rankOf(Grid) != Rank + 2 ||
      !isa<FloatType>(elementOf(Grid)))
    return C.refuse(RefusalCode::ShapeRank,
                    {"x must have one to three spatial dimensions, and the "
                     "grid x's rank"});
  Dims Points = dimsOf(typeOf(Grid));
  if (!C.equal(Points.back(), DimExpr(Rank)) ||
      !C.equal(Points[0], dimOf(typeOf(X), 0)))
    return failure();
  // Nothing can be read of an empty x.
  for (int64_t D = 0; D < Rank; ++D)
    if (dimOf(typeOf(X), D + 2).isConstant(0))
      return C.refuse(RefusalCode::ShapeRank,
                      {"there is nothing to sample: x has a size of 0"});
  Type Element = elementOf(X);
  bool IsNarrow =
      isa<FloatType>(Element) && Element.getIntOrFloatBitWidth() < 32;
  bool Sums = Mode != "nearest";
  if (Sums && (IsNarrow || isa<IntegerType>(Element)))
    X = C.cast(X, C.builder().getF32Type());
  Dims Flat = {Points[0], countOf(ArrayRef(Points).drop_front().drop_back()),
               Points.back()};
  Grid = C.reshape(Grid, Flat);
  if (!X || !Grid)
    return failure();
  Value Y = GridSampler(C, X, Grid,
                        Padding == "zeros"    ? Outside::Zeros
                        : Padding == "border" ? Outside::Border
                                              : Outside::Reflection,
                        IsLinear  ? Sampling::Linear
                        : IsCubic ? Sampling::Cubic
                                  : Sampling::Nearest,
                        AlignCorners)
                .run();
  Dims Out = {Points[0], dimOf(typeOf(X), 1)};
  llvm::append_range(Out, ArrayRef(Points).drop_front().drop_back());
  return C.result(C.cast(C.reshape(C.transpose(Y, {0, 2, 1}), Out), Element));
}

/// y = affine maps theta [N, R, R + 1] of the points of an image, -1 .. 1
static LogicalResult importAffineGrid(OpImport &C) {
  Value Theta = C.in(0);
  bool AlignCorners = C.boolAttr("align_corners", false);
  std::optional<Dims> Size = C.exprs(1);
  if (!Theta || !Size)
    return failure();
  int64_t Rank = static_cast<int64_t>(Size->size()) - 2;
  if (rankOf(Theta) != 3 || (Rank != 2 && Rank != 3))
    return C.refuse(RefusalCode::ShapeRank,
                    {"theta must have rank 3, and size 4 or 5 entries"});
  if (!C.equal(dimOf(typeOf(Theta), 1), DimExpr(Rank)) ||
      !C.equal(dimOf(typeOf(Theta), 2), DimExpr(Rank + 1)))
    return failure();
  Dims Spatial;
  for (const DimExpr &Each : ArrayRef(*Size).drop_front(2)) {
    Spatial.push_back(Each.isNonNegative()
                          ? Each
                          : C.bindSize(DimExpr::max(DimExpr(0), Each)));
    if (!C.equal(Spatial.back(), Each))
      return failure();
  }
  Type F64 = C.builder().getF64Type(), Element = elementOf(Theta);
  Dims Column = Spatial;
  Column.push_back(DimExpr(1));
  SmallVector<Value> Columns; // The last dim comes first.
  for (int64_t D = Rank; D-- > 0;) {
    Value At = C.cast(C.iota(Column, D), F64);
    Value Count = C.cast(C.integers({Spatial[D]}, true), F64);
    Value One = C.scalar(F64, 1), Two = C.scalar(F64, 2);
    if (AlignCorners) { // One point alone is the first.
      Value Steps = C.create<MaxOp>({C.create<SubOp>({Count, One}), One});
      At = C.create<DivOp>({C.create<MulOp>({At, Two}), Steps});
      At = C.create<SubOp>({At, One});
    } else {
      At = C.create<AddOp>({C.create<MulOp>({At, Two}), One});
      At = C.create<SubOp>({C.create<DivOp>({At, Count}), One});
    }
    Columns.push_back(At);
  }
  Columns.push_back(C.broadcast(C.scalar(F64, 1), Column));
  Value Points = C.create<ConcatOp>(Columns, {C.named("axis", Rank)});
  Points = C.reshape(Points, {countOf(Spatial), DimExpr(Rank + 1)});
  DimExpr Batch = dimOf(typeOf(Theta), 0);
  Value Y = C.create<MatMulOp>({Points, C.cast(Theta, F64)},
                               {C.named("transpose_rhs", true)});
  Dims Out = {Batch};
  llvm::append_range(Out, Spatial);
  Out.push_back(DimExpr(Rank));
  return C.result(C.cast(C.reshape(Y, Out), Element));
}

//===----------------------------------------------------------------------===//
// CenterCropPad and ReverseSequence
//===----------------------------------------------------------------------===//

/// y = x cut, or padded with zeros, around its middle to the given sizes
static LogicalResult importCenterCropPad(OpImport &C) {
  Value X = C.in(0);
  std::optional<Dims> Sizes = C.exprs(1);
  if (!X || !Sizes)
    return failure();
  SmallVector<int64_t> Axes(rankOf(X));
  std::iota(Axes.begin(), Axes.end(), 0);
  if (auto Given = C.intsAttr("axes"))
    Axes.assign(Given->begin(), Given->end());
  if (Axes.size() != Sizes->size())
    return C.refuse(RefusalCode::ShapeRank,
                    {"shape must have one entry for each axis"});
  DimExpr Two(2), Zero(0);
  Dims Low(rankOf(X), Zero), High = Low;
  for (auto [Each, Size] : llvm::zip(Axes, *Sizes)) {
    std::optional<int64_t> Axis = C.axis(Each, rankOf(X));
    if (!Axis)
      return failure();
    DimExpr To =
        Size.isNonNegative() ? Size : C.bindSize(DimExpr::max(Zero, Size));
    if (!C.equal(To, Size))
      return failure();
    DimExpr Have = dimOf(typeOf(X), *Axis);
    // Padding is rounded down at the beginning, and so is what is cut there.
    DimExpr Grown = DimExpr::max(Zero, To - Have);
    DimExpr Cut = DimExpr::max(Zero, Have - To);
    Low[*Axis] =
        C.settle(DimExpr::floorDiv(Grown, Two) - DimExpr::floorDiv(Cut, Two));
    High[*Axis] = C.settle(To - Have - Low[*Axis]);
  }
  auto Mode = PadModeAttr::get(C.context(), PadMode::Constant);
  return C.result(C.create<PadOp>(
      {X, C.scalarLike(X, 0)},
      {C.named("low", Low), C.named("high", High), C.named("mode", Mode)}));
}

/// y = x with the first elements along time turned around, as many as each
/// batch row says
static LogicalResult importReverseSequence(OpImport &C) {
  Value X = C.in(0), Lengths = C.in(1);
  int64_t Batch = C.intAttr("batch_axis", 1), Time = C.intAttr("time_axis", 0);
  if (!X || !Lengths)
    return failure();
  if (rankOf(X) < 2 || rankOf(Lengths) != 1 || Batch + Time != 1 ||
      (Batch != 0 && Batch != 1))
    return C.refuse(RefusalCode::ShapeRank,
                    {"the batch and time axes must be 0 and 1, and there must "
                     "be one length for each batch row"});
  Dims Shape = dimsOf(typeOf(X));
  if (!C.equal(dimOf(typeOf(Lengths), 0), Shape[Batch]))
    return failure();
  Dims PerTime(rankOf(X), DimExpr(1)), PerBatch = PerTime;
  PerTime[Time] = Shape[Time];
  PerBatch[Batch] = Shape[Batch];
  Value At = C.iota(PerTime, Time);
  Value Length = C.reshape(C.cast(Lengths, C.builder().getI64Type()), PerBatch);
  Value Turned =
      C.create<SubOp>({C.create<SubOp>({Length, C.scalarLike(At, 1)}), At});
  Value IsIn = C.compare(At, Length, ComparePredicate::LT);
  Value From = C.create<SelectOp>({IsIn, Turned, At});
  return C.result(C.create<GatherElementsOp>({X, C.broadcast(From, Shape)},
                                             {C.named("axis", Time)}));
}

//===----------------------------------------------------------------------===//
// Col2Im
//===----------------------------------------------------------------------===//

/// y [N, C, image..] = the sums of blocks [N, C * block.., L] put where windows
/// over the image read them
static LogicalResult importCol2Im(OpImport &C) {
  Value X = C.in(0);
  auto Image = C.constants(1), Block = C.constants(2);
  if (!X || !Image || !Block)
    return failure();
  size_t Rank = Image->size();
  auto List = [&](llvm::StringRef Name, size_t Count, int64_t Default) {
    auto Given = C.intsAttr(Name);
    return Given ? SmallVector<int64_t>(*Given)
                 : SmallVector<int64_t>(Count, Default);
  };
  SmallVector<int64_t> Strides = List("strides", Rank, 1);
  SmallVector<int64_t> Dilations = List("dilations", Rank, 1);
  SmallVector<int64_t> Pads = List("pads", 2 * Rank, 0);
  auto IsBad = [](ArrayRef<int64_t> Values, int64_t Least) {
    return llvm::any_of(
        Values, [=](int64_t V) { return V < Least || V > (int64_t(1) << 30); });
  };
  if (rankOf(X) != 3 || Rank < 1 || Block->size() != Rank ||
      Strides.size() != Rank || Dilations.size() != Rank ||
      Pads.size() != 2 * Rank || IsBad(*Image, 1) || IsBad(*Block, 1) ||
      IsBad(Strides, 1) || IsBad(Dilations, 1) || IsBad(Pads, 0))
    return C.refuse(RefusalCode::ShapeRank,
                    {"x must have rank 3, and each list one positive number "
                     "for each dimension of the image"});
  // Places in the padded image, flattened: [K0, .., O0, ..].
  Dims Grid(2 * Rank, DimExpr(1)), Padded, Kernel, Count;
  Value Place = C.integers({DimExpr(0)}, true);
  for (size_t I = 0; I < Rank; ++I) {
    int64_t Size = (*Image)[I] + Pads[I] + Pads[I + Rank];
    int64_t Reach = (*Block)[I] > (int64_t(1) << 30) / Dilations[I]
                        ? Size + 1
                        : Dilations[I] * ((*Block)[I] - 1) + 1;
    if (Reach > Size)
      return C.refuse(RefusalCode::ShapeRank, {"the block is too large"});
    Padded.push_back(DimExpr(Size));
    Kernel.push_back(DimExpr((*Block)[I]));
    Count.push_back(DimExpr((Size - Reach) / Strides[I] + 1));
    Dims OfKernel = Grid, OfCount = Grid;
    OfKernel[I] = Kernel[I];
    OfCount[Rank + I] = Count[I];
    Value K = C.iota(OfKernel, I), O = C.iota(OfCount, Rank + I);
    Value At =
        C.create<AddOp>({C.create<MulOp>({K, C.scalarLike(K, Dilations[I])}),
                         C.create<MulOp>({O, C.scalarLike(O, Strides[I])})});
    Place = C.create<MulOp>({Place, C.integers({Padded[I]}, true)});
    Place = C.create<AddOp>({Place, At});
  }
  Dims S = dimsOf(typeOf(X));
  DimExpr Elements = countOf(Kernel), Windows = countOf(Count);
  DimExpr Channels = DimExpr::floorDiv(S[1], Elements);
  if (!C.equal(S[2], Windows) || !C.equal(S[1], Channels * Elements))
    return failure();
  DimExpr Planes = S[0] * Channels, Each = Elements * Windows;
  Value Places =
      C.broadcast(C.reshape(Place, {DimExpr(1), Each}), {Planes, Each});
  Value Base = C.broadcast(C.scalarLike(X, 0), {Planes, countOf(Padded)});
  Value Y = C.create<ScatterElementsOp>(
      {Base, Places, C.reshape(X, {Planes, Each})},
      {C.named("axis", int64_t(1)),
       C.named("reduction",
               ScatterReductionAttr::get(C.context(), ScatterReduction::Add))});
  Dims Full = {S[0], Channels}, Out = Full, Starts(2, DimExpr(0));
  SmallVector<int64_t> Steps(Rank + 2, 1);
  for (size_t I = 0; I < Rank; ++I) {
    Full.push_back(Padded[I]);
    Out.push_back(DimExpr((*Image)[I]));
    Starts.push_back(DimExpr(Pads[I]));
  }
  return C.result(C.create<SliceOp>(
      {C.reshape(Y, Full)}, {C.named("starts", Starts), C.named("sizes", Out),
                             C.named("steps", ArrayRef<int64_t>(Steps))}));
}

ArrayRef<OpEntry> samplingOps() {
  static const OpEntry Table[] = {
      {"GridSample", {16, 20, 22}, 2, 2, importGridSample},
      {"AffineGrid", {20}, 2, 2, importAffineGrid},
      {"CenterCropPad", {18}, 2, 2, importCenterCropPad},
      {"ReverseSequence", {10, 28}, 2, 2, importReverseSequence},
      {"Col2Im", {18}, 3, 3, importCol2Im},
  };
  return Table;
}

} // namespace dure::onnx
