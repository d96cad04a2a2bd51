// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Moving elements: transpose, slice, concat, split, tile, pad, triangles.

#include "frontends/onnx/OpImport.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallSet.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// Row-major strides of a static shape.
static SmallVector<int64_t> stridesOf(RankedTensorType Type) {
  SmallVector<int64_t> Strides(Type.getRank());
  int64_t Stride = 1;
  for (int64_t I = Type.getRank(); I-- > 0; Stride *= Type.getDimSize(I))
    Strides[I] = Stride;
  return Strides;
}

/// The elements at First + sum of i_d * Strides[d], row-major by the indices i.
static Dims viewOf(const Dims &Elements, int64_t First, ArrayRef<int64_t> Sizes,
                   ArrayRef<int64_t> Strides) {
  if (Sizes.empty())
    return {Elements[First]};
  Dims Out;
  for (int64_t I = 0; I < Sizes.front(); ++I)
    Out.append(viewOf(Elements, First + I * Strides.front(), Sizes.drop_front(),
                      Strides.drop_front()));
  return Out;
}

/// y[i] = x with its dims permuted; reversed by default
static LogicalResult importTranspose(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  SmallVector<int64_t> Permutation;
  if (auto Given = C.intsAttr("perm"))
    Permutation.assign(Given->begin(), Given->end());
  else
    for (int64_t I = rankOf(X); I-- > 0;)
      Permutation.push_back(I);
  // Unlike other axes, these do not count from the end.
  for (int64_t P : Permutation)
    if (P < 0)
      return C.refuse(RefusalCode::AttributeBad,
                      {"perm", "holds the negative axis " + std::to_string(P)});
  bool Fits = static_cast<int64_t>(Permutation.size()) == rankOf(X) &&
              isPermutationVector(Permutation);
  if (std::optional<Dims> Known = C.elements(X); Known && Fits) {
    SmallVector<int64_t> Strides = stridesOf(typeOf(X)), Sizes, Steps;
    for (int64_t P : Permutation) {
      Sizes.push_back(typeOf(X).getDimSize(P));
      Steps.push_back(Strides[P]);
    }
    return C.result(
        C.shaped(viewOf(*Known, 0, Sizes, Steps), Sizes, elementOf(X)));
  }
  return C.result(C.transpose(X, Permutation));
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

/// Bounds at or beyond these mean "to the end" in either direction: no
/// dimension reaches them.
static constexpr int64_t Far = int64_t(1) << 31;

/// A bound counted from the front: negative ones count from the end.
static DimExpr fromFront(const DimExpr &Bound, const DimExpr &Size) {
  if (Bound.isNonNegative())
    return Bound;
  if (std::optional<int64_t> Known = Bound.constant())
    return *Known <= -Far ? DimExpr(-Far) : Bound + Size;
  // 1 when the bound is negative, else 0. The least integer has no opposite.
  DimExpr Opposite = DimExpr(0) - DimExpr::max(DimExpr(-1), Bound);
  DimExpr IsNegative =
      DimExpr::max(DimExpr(0), DimExpr::min(DimExpr(1), Opposite));
  return Bound + IsNegative * Size;
}

/// The bound kept within [Low, High], where High is Size or Size - 1.
static DimExpr clamp(const DimExpr &Bound, int64_t Low, const DimExpr &High) {
  if (std::optional<int64_t> Known = Bound.constant()) {
    if (*Known >= Far)
      return High;
    if (*Known <= Low)
      return DimExpr(Low);
  }
  return DimExpr::max(DimExpr(Low), DimExpr::min(Bound, High));
}

/// What a slice takes of one dimension.
struct Cut {
  DimExpr Start, Size;
};

/// ONNX's clamping rules for one axis; `Step` is not 0.
static Cut cutOf(const DimExpr &Start, const DimExpr &End, int64_t Step,
                 const DimExpr &Size) {
  DimExpr Last = Size - DimExpr(1), Zero(0);
  if (Step > 0) {
    DimExpr From = clamp(fromFront(Start, Size), 0, Size);
    DimExpr To = clamp(fromFront(End, Size), 0, Size);
    return {From, DimExpr::max(Zero, DimExpr::ceilDiv(To - From, Step))};
  }
  // Backwards: the last element that may be read is Size - 1, and an end of -1
  // after counting from the front lies before the first.
  DimExpr From = clamp(fromFront(Start, Size), 0, Last);
  DimExpr To = clamp(fromFront(End, Size), -1, Last);
  return {From, DimExpr::max(Zero, DimExpr::ceilDiv(From - To, -Step))};
}

/// The part of known elements that a slice takes; empty when it is not static.
static Value sliceElements(OpImport &C, const Dims &Known, Value X,
                           const Dims &Starts, const Dims &Sizes,
                           ArrayRef<int64_t> Steps) {
  SmallVector<int64_t> Shape, Strides = stridesOf(typeOf(X));
  int64_t First = 0;
  for (int64_t I = 0; I < rankOf(X); ++I) {
    if (!Starts[I].constant() || !Sizes[I].constant())
      return {};
    int64_t Last =
        *Starts[I].constant() + (*Sizes[I].constant() - 1) * Steps[I];
    if (*Sizes[I].constant() > 0 &&
        (Last < 0 || Last >= typeOf(X).getDimSize(I)))
      return {};
    First += *Starts[I].constant() * Strides[I];
    Shape.push_back(*Sizes[I].constant());
    Strides[I] *= Steps[I];
  }
  return C.shaped(viewOf(Known, First, Shape, Strides), Shape, elementOf(X));
}

/// The operands of Slice: attributes before version 10, then inputs.
struct SliceOperands {
  Dims Starts, Ends;
  SmallVector<int64_t> Axes, Steps;
};

static std::optional<SliceOperands> sliceOperands(OpImport &C, int64_t Rank) {
  SliceOperands S;
  auto Exprs = [](ArrayRef<int64_t> Values) {
    return Dims(Values.begin(), Values.end());
  };
  if (C.version() < 10) {
    S.Starts = Exprs(C.intsAttr("starts").value_or(ArrayRef<int64_t>()));
    S.Ends = Exprs(C.intsAttr("ends").value_or(ArrayRef<int64_t>()));
    S.Axes.assign(C.intsAttr("axes").value_or(ArrayRef<int64_t>()));
  } else {
    std::optional<Dims> Starts = C.exprs(1), Ends = C.exprs(2);
    if (!Starts || !Ends)
      return std::nullopt;
    S.Starts = *Starts;
    S.Ends = *Ends;
    for (auto [I, List] : {std::pair(3, &S.Axes), std::pair(4, &S.Steps)}) {
      if (!C.has(I))
        continue;
      auto Given = C.constants(I);
      if (!Given)
        return std::nullopt;
      *List = *Given;
    }
  }
  size_t Count = S.Starts.size();
  if (S.Axes.empty()) {
    S.Axes.resize(Count);
    std::iota(S.Axes.begin(), S.Axes.end(), 0);
  }
  if (S.Steps.empty())
    S.Steps.assign(Count, 1);
  if (S.Ends.size() != Count || S.Axes.size() != Count ||
      S.Steps.size() != Count || Count > static_cast<size_t>(Rank))
    return C.refuse(RefusalCode::ShapeRank,
                    {"starts, ends, axes and steps differ in length"});
  for (size_t I = 0; I < Count; ++I) {
    std::optional<int64_t> Axis = C.axis(S.Axes[I], Rank);
    if (!Axis)
      return std::nullopt;
    S.Axes[I] = *Axis;
    if (S.Steps[I] == 0)
      return C.refuse(RefusalCode::ShapeRank, {"a step is 0"});
    // No size is that large; keeps the arithmetic within 64 bits.
    S.Steps[I] = std::clamp(S.Steps[I], -Far, Far);
  }
  return S;
}

/// y = x[start:end:step] on some axes
static LogicalResult importSlice(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  std::optional<SliceOperands> S = sliceOperands(C, rankOf(X));
  if (!S)
    return failure();
  Dims Starts(rankOf(X), DimExpr(0)), Sizes = dimsOf(typeOf(X));
  SmallVector<int64_t> Steps(rankOf(X), 1);
  llvm::SmallSet<int64_t, 8> Seen;
  for (size_t I = 0; I < S->Axes.size(); ++I) {
    int64_t Axis = S->Axes[I];
    if (!Seen.insert(Axis).second)
      return C.refuse(RefusalCode::ShapeRank, {"an axis is given twice"});
    Cut Taken =
        cutOf(S->Starts[I], S->Ends[I], S->Steps[I], dimOf(typeOf(X), Axis));
    Starts[Axis] = C.settle(Taken.Start);
    Sizes[Axis] = C.settle(Taken.Size);
    Steps[Axis] = S->Steps[I];
    if (!Starts[Axis].valid() || !Sizes[Axis].valid())
      return C.refuse(RefusalCode::ShapeRank, {"bounds overflow 64 bits"});
  }
  if (std::optional<Dims> Known = C.elements(X))
    if (Value Y = sliceElements(C, *Known, X, Starts, Sizes, Steps))
      return C.result(Y);
  return C.result(C.create<SliceOp>(
      {X}, {C.named("starts", Starts), C.named("sizes", Sizes),
            C.named("steps", ArrayRef<int64_t>(Steps))}));
}

//===----------------------------------------------------------------------===//
// Concat and split
//===----------------------------------------------------------------------===//

/// y = x0, x1, ... one after another along an axis
static LogicalResult importConcat(OpImport &C) {
  SmallVector<Value> Xs = C.ins();
  if (!llvm::all_of(Xs, [](Value V) { return static_cast<bool>(V); }))
    return failure();
  int64_t Given = C.intAttr("axis", C.version() < 4 ? 1 : 0);
  std::optional<int64_t> Axis = C.axis(Given, rankOf(Xs[0]));
  if (!Axis)
    return failure();
  // Sums of very many sizes are refused before inference adds them up.
  DimExpr Total(0);
  for (Value X : Xs) {
    if (rankOf(X) == rankOf(Xs[0]))
      Total = Total + dimOf(typeOf(X), *Axis);
    if (!arePossibleSizes({Total}))
      return C.refuse(RefusalCode::ShapeRank,
                      {"the result has no usable size"});
  }
  Dims Known;
  for (Value X : Xs) {
    std::optional<Dims> Part = C.tracked(X);
    if (!Part || rankOf(X) != 1 || Known.size() + Part->size() > 64 ||
        elementOf(X) != elementOf(Xs[0])) {
      Known.clear();
      break;
    }
    Known.append(*Part);
  }
  if (!Known.empty())
    return C.result(C.integers(Known, false, elementOf(Xs[0])));
  return C.result(C.create<ConcatOp>(Xs, {C.named("axis", *Axis)}));
}

/// Parts of equal size; the last is smaller when that does not divide, which
/// only versions from 18 on allow. Each part's bounds are written from the
/// whole alone: built from the part before, expressions would grow with every
/// output.
static std::optional<SmallVector<Cut>> equalParts(OpImport &C,
                                                  const DimExpr &Whole) {
  int64_t Count = C.numOutputs();
  bool MayBeUneven = C.version() >= 18;
  if (Count == 0 || (MayBeUneven && C.intAttr("num_outputs", Count) != Count))
    return C.refuse(RefusalCode::AttributeBad,
                    {"num_outputs", "is not the number of outputs"});
  DimExpr Zero(0), Times(Count);
  DimExpr Part = C.settle(MayBeUneven ? DimExpr::ceilDiv(Whole, Times)
                                      : DimExpr::floorDiv(Whole, Times));
  if (!MayBeUneven && !C.equal(Part * Times, Whole))
    return std::nullopt;
  SmallVector<Cut> Parts;
  for (int64_t I = 0; I < Count; ++I) {
    DimExpr Start = Part * DimExpr(I);
    if (!MayBeUneven)
      Parts.push_back({Start, Part});
    else
      Parts.push_back({DimExpr::min(Start, Whole),
                       DimExpr::max(Zero, DimExpr::min(Part, Whole - Start))});
  }
  return Parts;
}

/// Parts of the given sizes.
static std::optional<SmallVector<Cut>>
givenParts(OpImport &C, const Dims &Sizes, const DimExpr &Whole) {
  if (Sizes.size() != C.numOutputs())
    return C.refuse(RefusalCode::ShapeRank,
                    {"there are not as many sizes as outputs"});
  SmallVector<Cut> Parts;
  DimExpr Start(0);
  for (const DimExpr &Size : Sizes) {
    if (Size.constant() && *Size.constant() < 0)
      return C.refuse(RefusalCode::ShapeRank, {"a size is negative"});
    Parts.push_back({Start, Size});
    Start = Start + Size;
  }
  if (!C.equal(Start, Whole))
    return std::nullopt;
  return Parts;
}

/// What Split cuts a dimension into.
static std::optional<SmallVector<Cut>> splitParts(OpImport &C,
                                                  const DimExpr &Whole) {
  if (C.version() < 13) {
    if (auto Given = C.intsAttr("split"))
      return givenParts(C, Dims(Given->begin(), Given->end()), Whole);
  } else if (C.has(1)) {
    std::optional<Dims> Sizes = C.exprs(1);
    if (!Sizes)
      return std::nullopt;
    return givenParts(C, *Sizes, Whole);
  }
  return equalParts(C, Whole);
}

/// y0, y1, ... = x cut along an axis
static LogicalResult importSplit(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", 0), rankOf(X));
  if (!Axis)
    return failure();
  std::optional<SmallVector<Cut>> Parts =
      splitParts(C, dimOf(typeOf(X), *Axis));
  if (!Parts)
    return failure();

  std::optional<Dims> Known = C.elements(X);
  Dims Starts(rankOf(X), DimExpr(0)), Shape = dimsOf(typeOf(X));
  SmallVector<int64_t> Steps(rankOf(X), 1);
  for (unsigned I = 0; I < C.numOutputs(); ++I) {
    Starts[*Axis] = C.settle((*Parts)[I].Start);
    Shape[*Axis] = C.settle((*Parts)[I].Size);
    Value Part;
    if (Known)
      Part = sliceElements(C, *Known, X, Starts, Shape, Steps);
    if (!Part)
      Part = C.create<SliceOp>(
          {X}, {C.named("starts", Starts), C.named("sizes", Shape),
                C.named("steps", ArrayRef<int64_t>(Steps))});
    if (failed(C.result(I, Part)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Tile, pad, triangles
//===----------------------------------------------------------------------===//

/// y = x repeated: each dim d of x becomes (1, d), is broadcast to (r, d) and
/// folded to r d.
static LogicalResult importTile(OpImport &C) {
  Value X = C.in(0);
  std::optional<Dims> Repeats = C.exprs(1);
  if (!X || !Repeats)
    return failure();
  if (Repeats->size() != static_cast<size_t>(rankOf(X)))
    return C.refuse(RefusalCode::ShapeRank,
                    {"repeats must have one entry a dimension"});
  Dims Split, Grown, Folded;
  for (int64_t I = 0; I < rankOf(X); ++I) {
    DimExpr Size = dimOf(typeOf(X), I);
    const DimExpr &Times = (*Repeats)[I];
    if (Times.constant() && *Times.constant() < 0)
      return C.refuse(RefusalCode::ShapeRank, {"a repeat is negative"});
    Folded.push_back(Times * Size);
    if (!Times.isConstant(1)) {
      Split.push_back(DimExpr(1));
      Grown.push_back(Times);
    }
    Split.push_back(Size);
    Grown.push_back(Size);
  }
  return C.result(C.reshape(C.broadcast(C.reshape(X, Split), Grown), Folded));
}

/// y = x grown (or cut) at both ends of its dims
static LogicalResult importPad(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  llvm::StringRef Mode = C.stringAttr("mode", "constant");
  std::optional<PadMode> Kind = symbolizePadMode(Mode);
  if (!Kind)
    return C.refuse(RefusalCode::AttributeBad,
                    {"mode", "'" + Mode.str() + "' is not known"});
  int64_t Rank = rankOf(X);
  Dims Pads, Low(Rank, DimExpr(0)), High(Rank, DimExpr(0));
  Value Fill;
  SmallVector<int64_t> Axes(Rank);
  std::iota(Axes.begin(), Axes.end(), 0);
  if (C.version() < 11) {
    auto Given = C.intsAttr("pads").value_or(ArrayRef<int64_t>());
    Pads.assign(Given.begin(), Given.end());
    Fill = C.scalarLike(X, C.floatAttr("value", 0));
  } else {
    std::optional<Dims> Given = C.exprs(1);
    if (!Given)
      return failure();
    Pads = *Given;
    Fill = C.has(2) ? C.reshape(C.in(2), {}) : C.scalarLike(X, 0);
    if (C.has(3)) {
      auto Some = C.constants(3);
      if (!Some)
        return failure();
      Axes = *Some;
      if (!C.axes(Axes, Rank))
        return failure();
    }
  }
  if (Pads.size() != 2 * Axes.size())
    return C.refuse(RefusalCode::ShapeRank,
                    {"pads must have two entries an axis"});
  for (size_t I = 0; I < Axes.size(); ++I) {
    std::optional<int64_t> Axis = C.axis(Axes[I], Rank);
    if (!Axis)
      return failure();
    Low[*Axis] = Pads[I];
    High[*Axis] = Pads[I + Axes.size()];
    // Other modes repeat what is there: nothing, where a size is 0.
    DimExpr Size = dimOf(typeOf(X), *Axis);
    bool Grows = !Pads[I].isConstant(0) || !High[*Axis].isConstant(0);
    if (*Kind != PadMode::Constant && Grows && !Size.isPositive() &&
        !C.equal(DimExpr::max(DimExpr(1), Size), Size))
      return failure();
  }
  // Checked before inference adds them up.
  Dims Grown = dimsOf(typeOf(X));
  for (auto [Size, Before, After] : llvm::zip(Grown, Low, High))
    Size = Size + Before + After;
  if (!arePossibleSizes(Grown))
    return C.refuse(RefusalCode::ShapeRank, {"the result has no usable size"});
  SmallVector<Value> Operands = {X};
  if (*Kind == PadMode::Constant)
    Operands.push_back(Fill);
  return C.result(C.create<PadOp>(
      Operands, {C.named("low", Low), C.named("high", High),
                 C.named("mode", PadModeAttr::get(C.context(), *Kind))}));
}

/// y = the upper (column - row >= k) or lower (<= k) triangle of x, else 0
static LogicalResult importTrilu(OpImport &C) {
  Value X = C.in(0);
  bool Upper = C.boolAttr("upper", true);
  if (!X)
    return failure();
  if (rankOf(X) < 2)
    return C.refuse(RefusalCode::ShapeRank, {"it needs rank 2 at least"});
  Dims Shape = dimsOf(typeOf(X));
  Dims Matrix(Shape.end() - 2, Shape.end());
  Value Row = C.iota(Matrix, 0), Column = C.iota(Matrix, 1);
  if (C.has(1))
    Row = C.create<AddOp>({Row, C.reshape(C.in(1), {})});
  Value Keep = C.compare(Column, Row,
                         Upper ? ComparePredicate::GE : ComparePredicate::LE);
  return C.result(C.create<SelectOp>({Keep, X, C.scalarLike(X, 0)}));
}

/// Blocks of channels become squares of pixels (N, C, H, W).
static LogicalResult importDepthToSpace(OpImport &C) {
  Value X = C.in(0);
  DimExpr B(C.intAttr("blocksize", 0));
  bool ColumnFirst = C.stringAttr("mode", "DCR") == "CRD";
  if (!X)
    return failure();
  if (rankOf(X) != 4 || !B.isPositive())
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs rank 4 and a positive blocksize"});
  Dims S = dimsOf(typeOf(X));
  DimExpr Depth = DimExpr::floorDiv(S[1], B * B);
  Dims Split = ColumnFirst ? Dims{S[0], Depth, B, B, S[2], S[3]}
                           : Dims{S[0], B, B, Depth, S[2], S[3]};
  Value Y = C.reshape(X, Split);
  Y = ColumnFirst ? C.transpose(Y, {0, 1, 4, 2, 5, 3})
                  : C.transpose(Y, {0, 3, 4, 1, 5, 2});
  return C.result(C.reshape(Y, {S[0], Depth, S[2] * B, S[3] * B}));
}

/// Squares of pixels become blocks of channels (N, C, H, W).
static LogicalResult importSpaceToDepth(OpImport &C) {
  Value X = C.in(0);
  DimExpr B(C.intAttr("blocksize", 0));
  bool ColumnFirst = C.version() >= 28 && C.stringAttr("mode", "DCR") == "CRD";
  if (!X)
    return failure();
  if (rankOf(X) != 4 || !B.isPositive())
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs rank 4 and a positive blocksize"});
  Dims S = dimsOf(typeOf(X));
  DimExpr H = DimExpr::floorDiv(S[2], B), W = DimExpr::floorDiv(S[3], B);
  Value Y = C.reshape(X, {S[0], S[1], H, B, W, B});
  Y = ColumnFirst ? C.transpose(Y, {0, 1, 3, 5, 2, 4})
                  : C.transpose(Y, {0, 3, 5, 1, 2, 4});
  return C.result(C.reshape(Y, {S[0], S[1] * B * B, H, W}));
}

ArrayRef<OpEntry> movementOps() {
  static const OpEntry Table[] = {
      {"Transpose", {1, 13, 21, 23, 24, 25}, 1, 1, importTranspose},
      {"Slice", {1, 10, 11, 13}, 1, 5, importSlice},
      {"Concat", {1, 4, 11, 13}, 1, ~0u, importConcat},
      {"Split", {2, 11, 13, 18}, 1, 2, importSplit},
      {"Tile", {6, 13}, 2, 2, importTile},
      {"Pad", {2, 11, 13, 18, 19, 21, 23, 24, 25}, 1, 4, importPad},
      {"Trilu", {14}, 1, 2, importTrilu},
      {"DepthToSpace", {1, 11, 13, 28}, 1, 1, importDepthToSpace},
      {"SpaceToDepth", {1, 13, 28}, 1, 1, importSpaceToDepth},
  };
  return Table;
}

} // namespace dure::onnx
