// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pooling: windows of [N, C, S...] reduced to one number each.

#include "frontends/onnx/ops/Windows.h"

#include <limits>
#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// The kernel sizes, an attribute that must be there.
static std::optional<Windows> poolWindows(OpImport &C, Value X) {
  auto Kernel = C.intsAttr("kernel_shape");
  if (!X)
    return std::nullopt;
  if (!Kernel)
    return C.refuse(RefusalCode::AttributeBad, {"kernel_shape", "is missing"});
  return windowsOf(C, X, *Kernel);
}

/// The dims of the windows' elements in what readWindows gives.
static SmallVector<int64_t> kernelDims(const Windows &Over) {
  SmallVector<int64_t> Axes(Over.size());
  std::iota(Axes.begin(), Axes.end(), 2);
  return Axes;
}

/// The smallest value of a type, which no maximum is below.
static Value lowest(OpImport &C, Type Element) {
  if (isa<FloatType>(Element))
    return C.scalar(Element, -std::numeric_limits<double>::infinity());
  unsigned Width = Element.getIntOrFloatBitWidth();
  APInt Low = Element.isUnsignedInteger() || Width == 1
                  ? APInt(Width, 0)
                  : APInt::getSignedMinValue(Width);
  return C.constant(
      DenseElementsAttr::get(RankedTensorType::get({}, Element), Low));
}

/// The index of each window's largest element among all elements of X.
static Value indicesOfLargest(OpImport &C, Value X, const Windows &Over,
                              Value Read, Value Largest, bool ColumnMajor) {
  int64_t Count = static_cast<int64_t>(Over.size());
  Dims Shape = dimsOf(typeOf(X));
  // The row-major index of the windows' elements within one channel, and
  // whether there is such an element: padding has none.
  Value Index, Exists;
  auto And = [&](Value &All, Value Each) {
    All = All ? C.create<AndOp>({All, Each}) : Each;
  };
  for (int64_t I = 0; I < Count; ++I) {
    const Window &W = Over[I];
    Dims Spread(2 * Count, DimExpr(1));
    Spread[I] = DimExpr(W.Kernel);
    Spread[Count + I] = W.Output;
    Value Along = C.create<SubOp>(
        {C.reshape(windowIndices(C, W), Spread), C.integers({W.Low}, true)});
    And(Exists, C.compare(Along, C.integers({0}, true), ComparePredicate::GE));
    And(Exists,
        C.compare(Along, C.integers({W.Input}, true), ComparePredicate::LT));
    DimExpr Inner = countOf(ArrayRef<DimExpr>(Shape).drop_front(I + 3));
    Along = C.create<MulOp>({Along, C.integers({Inner}, true)});
    Index = Index ? C.create<AddOp>({Index, Along}) : Along;
  }
  Value Hit = C.compare(Read, Largest, ComparePredicate::EQ);
  if (isa<FloatType>(elementOf(X)))
    Hit = C.create<OrOp>({Hit, C.create<IsNaNOp>({Read})});
  And(Hit, Exists);
  DimExpr Area = countOf(ArrayRef<DimExpr>(Shape).drop_front(2));
  Value Found = C.create<SelectOp>({Hit, Index, C.integers({Area}, true)});
  Found = C.reduce(Found, ReduceKind::Min, kernelDims(Over), false);
  if (ColumnMajor) {
    // Digits from the last dimension on become those from the first on.
    Value Rest = Found, Turned;
    for (int64_t I = Count; I-- > 0;) {
      Value Size = C.integers({Shape[I + 2]}, true);
      Value Digit = C.create<ModOp>({Rest, Size}, {C.named("fmod", false)});
      Rest = C.create<DivOp>({Rest, Size});
      DimExpr Before =
          countOf(ArrayRef<DimExpr>(Shape).slice(2, static_cast<size_t>(I)));
      Digit = C.create<MulOp>({Digit, C.integers({Before}, true)});
      Turned = Turned ? C.create<AddOp>({Turned, Digit}) : Digit;
    }
    Found = Turned;
  }
  // Which channel of which sample.
  Dims Channel(Count + 2, DimExpr(1));
  Channel[0] = Shape[0];
  Channel[1] = Shape[1];
  Value Base = C.create<AddOp>(
      {C.create<MulOp>({C.iota(Channel, 0), C.integers({Shape[1]}, true)}),
       C.iota(Channel, 1)});
  Base = C.create<MulOp>({Base, C.integers({Area}, true)});
  return C.create<AddOp>({Found, Base});
}

/// y = the largest element of each window, and where it is
static LogicalResult importMaxPool(OpImport &C) {
  Value X = C.in(0);
  bool ColumnMajor = C.intAttr("storage_order", 0) != 0;
  std::optional<Windows> Over = poolWindows(C, X);
  if (!Over)
    return failure();
  Value Read = readWindows(C, X, *Over, lowest(C, elementOf(X)));
  Value Largest = C.reduce(Read, ReduceKind::Max, kernelDims(*Over), true);
  if (C.wants(1) && failed(C.result(1, indicesOfLargest(C, X, *Over, Read,
                                                        Largest, ColumnMajor))))
    return failure();
  return C.result(C.reduce(Read, ReduceKind::Max, kernelDims(*Over), false));
}

/// How many elements of each window count: those of the input, or with the
/// model's own padding. [O...]
static Value countElements(OpImport &C, const Windows &Over, Type Element,
                           bool WithPadding) {
  Value All;
  for (auto [I, W] : llvm::enumerate(Over)) {
    DimExpr From = WithPadding ? DimExpr(0) : W.Low;
    DimExpr To = W.Low + W.Input + (WithPadding ? W.High : DimExpr(0));
    Value Index = windowIndices(C, W);
    Value Counts = C.create<AndOp>(
        {C.compare(Index, C.integers({From}, true), ComparePredicate::GE),
         C.compare(Index, C.integers({To}, true), ComparePredicate::LT)});
    Counts = C.reduce(C.cast(Counts, Element), ReduceKind::Sum, {0}, false);
    Dims Spread(Over.size(), DimExpr(1));
    Spread[I] = W.Output;
    Counts = C.reshape(Counts, Spread);
    All = All ? C.create<MulOp>({All, Counts}) : Counts;
  }
  return All;
}

/// y = the mean of each window
static LogicalResult importAveragePool(OpImport &C) {
  Value X = C.in(0);
  bool WithPadding = C.boolAttr("count_include_pad", false);
  std::optional<Windows> Over = poolWindows(C, X);
  if (!Over)
    return failure();
  Value Read = readWindows(C, X, *Over, C.scalarLike(X, 0));
  Value Sum = C.reduce(Read, ReduceKind::Sum, kernelDims(*Over), false);
  Value Count = countElements(C, *Over, elementOf(X), WithPadding);
  return C.result(C.create<DivOp>({Sum, Count}));
}

/// The p-norm over axes: (sum |x|^p)^(1/p).
static Value normOver(OpImport &C, Value X, ArrayRef<int64_t> Axes,
                      bool KeepDims) {
  // A float in the first version.
  const Attribute *A = C.attribute("p");
  double P = !A                                ? 2
             : A->Type == AttributeType::Float ? A->Float
                                               : double(C.intAttr("p", 2));
  if (!(P > 0))
    return C.refuse(RefusalCode::AttributeBad, {"p", "must be positive"});
  if (P == 1 || P == 2)
    return C.reduce(X, P == 1 ? ReduceKind::L1 : ReduceKind::L2, Axes,
                    KeepDims);
  Value Powers = C.create<PowOp>({C.create<AbsOp>({X}), C.scalarLike(X, P)});
  Value Sum = C.reduce(Powers, ReduceKind::Sum, Axes, KeepDims);
  return C.create<PowOp>({Sum, C.scalarLike(X, 1 / P)});
}

/// y = the p-norm of each window
static LogicalResult importLpPool(OpImport &C) {
  Value X = C.in(0);
  std::optional<Windows> Over = poolWindows(C, X);
  if (!Over)
    return failure();
  Value Read = readWindows(C, X, *Over, C.scalarLike(X, 0));
  return C.result(Read ? normOver(C, Read, kernelDims(*Over), false) : Read);
}

/// y = each channel reduced to one number
static LogicalResult importGlobalPool(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  if (rankOf(X) < 2)
    return C.refuse(RefusalCode::ShapeRank, {"it needs [N, C, ...]"});
  SmallVector<int64_t> Axes(rankOf(X) - 2);
  std::iota(Axes.begin(), Axes.end(), 2);
  if (C.op() == "GlobalLpPool")
    return C.result(normOver(C, X, Axes, true));
  auto Kind = C.op() == "GlobalMaxPool" ? ReduceKind::Max : ReduceKind::Mean;
  return C.result(C.reduce(X, Kind, Axes, true));
}

/// y = x / (bias + alpha / size * the sum of squares over neighbouring
/// channels)^beta
static LogicalResult importLocalResponseNorm(OpImport &C) {
  Value X = C.in(0);
  int64_t Size = C.intAttr("size", 0);
  float Alpha = C.floatAttr("alpha", 1e-4f), Beta = C.floatAttr("beta", 0.75f),
        Bias = C.floatAttr("bias", 1);
  if (!X)
    return failure();
  if (rankOf(X) < 2 || Size < 1 || Size > (int64_t(1) << 30))
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs [N, C, ...] and a positive size"});
  // Channels as the one dimension that windows slide over: [N, 1, C, S].
  Dims Shape = dimsOf(typeOf(X));
  Value Square = C.reshape(C.create<MulOp>({X, X}),
                           {Shape[0], DimExpr(1), Shape[1],
                            countOf(ArrayRef<DimExpr>(Shape).drop_front(2))});
  Windows Over(2);
  Over[0].Kernel = Size;
  Over[0].Input = Over[0].Output = Shape[1];
  Over[0].Low = DimExpr((Size - 1) / 2);
  Over[0].High = DimExpr(Size / 2);
  Over[1].Input = Over[1].Output = dimOf(typeOf(Square), 3);
  Over[1].Low = Over[1].High = DimExpr(0);
  Value Sum = C.reduce(readWindows(C, Square, Over, C.scalarLike(X, 0)),
                       ReduceKind::Sum, {2, 3}, false);
  Sum = C.create<MulOp>({C.reshape(Sum, Shape), C.scalarLike(X, Alpha / Size)});
  Sum = C.create<AddOp>({Sum, C.scalarLike(X, Bias)});
  Value Divisor = C.create<PowOp>({Sum, C.scalarLike(X, Beta)});
  return C.result(C.create<DivOp>({X, Divisor}));
}

/// y = x put at the indices that MaxPool gave, 0 elsewhere
static LogicalResult importMaxUnpool(OpImport &C) {
  Value X = C.in(0), Indices = C.in(1);
  if (!X || !Indices)
    return failure();
  if (rankOf(X) < 3)
    return C.refuse(RefusalCode::ShapeRank, {"x must have rank 3 at least"});
  size_t Rank = rankOf(X) - 2;
  auto Numbers = [&](llvm::StringRef Name, size_t Count, int64_t Default) {
    auto Given = C.intsAttr(Name);
    return Given && !Given->empty() ? SmallVector<int64_t>(*Given)
                                    : SmallVector<int64_t>(Count, Default);
  };
  SmallVector<int64_t> Kernel = Numbers("kernel_shape", Rank, 0);
  SmallVector<int64_t> Strides = Numbers("strides", Rank, 1);
  SmallVector<int64_t> Pads = Numbers("pads", 2 * Rank, 0);
  if (Kernel.size() != Rank || Strides.size() != Rank ||
      Pads.size() != 2 * Rank)
    return C.refuse(RefusalCode::AttributeBad,
                    {"kernel_shape", "and strides must have one entry for each "
                                     "spatial dimension, pads two"});
  Dims Have = dimsOf(typeOf(X)), Inferred = Have;
  for (size_t I = 0; I < Rank; ++I)
    Inferred[I + 2] = (Have[I + 2] - DimExpr(1)) * DimExpr(Strides[I]) +
                      DimExpr(Kernel[I]) - DimExpr(Pads[I]) -
                      DimExpr(Pads[I + Rank]);
  Dims Out = Inferred;
  if (C.has(2)) {
    std::optional<Dims> Given = C.exprs(2);
    if (!Given)
      return failure();
    if (Given->size() != Have.size())
      return C.refuse(RefusalCode::ShapeRank,
                      {"output_shape must have x's rank"});
    Out = *Given;
  }
  if (!arePossibleSizes(Out))
    return C.refuse(RefusalCode::ShapeRank, {"the output has no usable size"});
  // Indices count in the inferred shape, whatever larger one is asked for.
  DimExpr Count = countOf(Have);
  Value Places = C.reshape(Indices, {Count}), Rest = Places;
  if (Out != Inferred) {
    Value To = C.integers({DimExpr(0)}, true),
          Step = C.integers({DimExpr(1)}, true);
    for (size_t I = Have.size(); I-- > 0;) {
      Value Size = C.integers({DimExpr::max(DimExpr(1), Inferred[I])}, true);
      Value At = C.create<ModOp>({Rest, Size});
      To = C.create<AddOp>({To, C.create<MulOp>({At, Step})});
      Rest = C.create<DivOp>({Rest, Size});
      Step = C.create<MulOp>({Step, C.integers({Out[I]}, true)});
    }
    Places = To;
  }
  Value Base = C.broadcast(C.scalarLike(X, 0), {countOf(Out)});
  Value Y = C.create<ScatterElementsOp>({Base, Places, C.reshape(X, {Count})},
                                        {C.named("axis", int64_t(0))});
  return C.result(C.reshape(Y, Out));
}

ArrayRef<OpEntry> poolingOps() {
  static const OpEntry Table[] = {
      {"MaxPool", {1, 8, 10, 11, 12, 22}, 1, 1, importMaxPool},
      {"AveragePool", {1, 7, 10, 11, 19, 22}, 1, 1, importAveragePool},
      {"LpPool", {1, 2, 11, 18, 22}, 1, 1, importLpPool},
      {"GlobalMaxPool", {1, 22}, 1, 1, importGlobalPool},
      {"GlobalAveragePool", {1, 22}, 1, 1, importGlobalPool},
      {"GlobalLpPool", {1, 2, 22}, 1, 1, importGlobalPool},
      {"MaxUnpool", {9, 11, 22}, 2, 3, importMaxUnpool},
      {"LRN", {1, 13}, 1, 1, importLocalResponseNorm},
  };
  return Table;
}

} // namespace dure::onnx
