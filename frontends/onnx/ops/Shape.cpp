// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shapes: asking for them, and giving a tensor another one.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dure::onnx {

/// True when the expression holds a value read at run time, which may be
/// negative or zero with a meaning of its own (0, -1 in a reshape).
static bool isReadAtRunTime(const DimExpr &E) {
  std::set<std::string> Symbols;
  E.collectSymbols(Symbols);
  return llvm::any_of(Symbols,
                      [](const std::string &S) { return S[0] == '$'; });
}

/// y = the dims of x from `start` to `end`
static LogicalResult importShape(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  int64_t Rank = rankOf(X);
  // Out of range is clamped, not refused.
  auto Bound = [&](int64_t I) {
    return std::clamp<int64_t>(I < 0 ? I + Rank : I, 0, Rank);
  };
  int64_t Start = Bound(C.intAttr("start", 0));
  int64_t End = Bound(C.intAttr("end", Rank));
  Dims Shape = dimsOf(typeOf(X));
  ArrayRef<DimExpr> All = Shape;
  return C.result(
      C.integers(All.slice(Start, std::max<int64_t>(End - Start, 0)), false));
}

/// y = the number of elements of x
static LogicalResult importSize(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  return C.result(C.integers({countOf(dimsOf(typeOf(X)))}, true));
}

/// Gives x the shape `To`. Known integers stay known.
static Value reshapeTo(OpImport &C, Value X, ArrayRef<DimExpr> To) {
  if (!X)
    return {};
  std::optional<Dims> Known = C.elements(X);
  bool IsStatic = llvm::all_of(
      To, [](const DimExpr &Size) { return Size.constant().has_value(); });
  if (!Known || !IsStatic ||
      !countOf(To).isConstant(static_cast<int64_t>(Known->size())))
    return C.reshape(X, To);
  SmallVector<int64_t> Shape;
  for (const DimExpr &Size : To)
    Shape.push_back(*Size.constant());
  return C.shaped(*Known, Shape, elementOf(X));
}

/// What remains of a tensor's elements for the dimension -1: the product of
/// `Have` over that of `Taken`. Sizes on both sides cancel before anything is
/// divided: (4 b (p + s)) / (p + s) is seen as 4 b however b and p are named.
static DimExpr quotient(ArrayRef<DimExpr> Have, ArrayRef<DimExpr> Taken) {
  Dims Left(Have);
  Dims Divisors;
  for (const DimExpr &T : Taken) {
    auto Same = llvm::find(Left, T);
    if (Same != Left.end())
      Left.erase(Same);
    else
      Divisors.push_back(T);
  }
  return DimExpr::floorDiv(countOf(Left), countOf(Divisors));
}

/// The dims that a reshape's target asks for; 0 copies the dim of x unless
/// `AllowZero`, one -1 takes what is left.
static std::optional<Dims> resolveTarget(OpImport &C, RankedTensorType X,
                                         Dims Target, bool AllowZero) {
  std::optional<size_t> Wildcard;
  Dims Taken;
  for (size_t I = 0; I < Target.size(); ++I) {
    DimExpr &T = Target[I];
    if (T.isConstant(0) && !AllowZero) {
      if (I >= static_cast<size_t>(X.getRank()))
        return C.refuse(RefusalCode::ShapeRank,
                        {"target size 0 at " + std::to_string(I) +
                         " copies a dimension that is not there"});
      T = dimOf(X, I);
    }
    if (!T.isConstant(-1)) {
      Taken.push_back(T);
      continue;
    }
    if (Wildcard)
      return C.refuse(RefusalCode::ShapeRank, {"the target holds -1 twice"});
    Wildcard = I;
  }
  if (!Wildcard)
    return Target;
  bool IsEmpty =
      llvm::any_of(Taken, [](const DimExpr &T) { return T.isConstant(0); });
  // 0 elements fit any size; the standard leaves it open, 0 is what users of
  // numpy expect of an empty tensor.
  Target[*Wildcard] =
      IsEmpty ? DimExpr(0) : C.settle(quotient(dimsOf(X), Taken));
  return Target;
}

/// The same for a target that is read at run time: 0 and -1 are arithmetic,
/// which the host does once; the sizes get names.
static Dims resolveReadTarget(OpImport &C, RankedTensorType X,
                              const Dims &Target, bool AllowZero) {
  DimExpr Zero(0), One(1), Rest(1);
  Dims Sizes, IsWildcard;
  for (size_t I = 0; I < Target.size(); ++I) {
    const DimExpr &T = Target[I];
    DimExpr Wild = DimExpr::max(Zero, Zero - T); // 1 for -1, else 0.
    DimExpr Size = DimExpr::max(Zero, T);
    if (!AllowZero && I < static_cast<size_t>(X.getRank())) {
      DimExpr IsZero = One - DimExpr::min(One, Size) - Wild;
      Size = Size + IsZero * dimOf(X, I);
    }
    Sizes.push_back(C.bindSize(Size));
    IsWildcard.push_back(Wild);
    // The wildcard itself counts as 1.
    Rest = Rest * C.bindSize(Sizes.back() + Wild);
  }
  DimExpr Left = C.bindSize(
      DimExpr::floorDiv(countOf(dimsOf(X)), DimExpr::max(One, Rest)));
  for (size_t I = 0; I < Sizes.size(); ++I)
    Sizes[I] = C.bindSize(Sizes[I] + IsWildcard[I] * Left);
  return Sizes;
}

/// y = x in another shape, row-major
static LogicalResult importReshape(OpImport &C) {
  Value X = C.in(0);
  bool AllowZero = C.boolAttr("allowzero", false);
  std::optional<Dims> Target;
  if (C.version() < 5) {
    Target.emplace();
    for (int64_t Size : C.intsAttr("shape").value_or(ArrayRef<int64_t>()))
      Target->push_back(DimExpr(Size));
  } else {
    Target = C.exprs(1);
  }
  if (!X || !Target)
    return failure();
  auto Has = [&](int64_t Size) {
    return llvm::any_of(*Target,
                        [&](const DimExpr &E) { return E.isConstant(Size); });
  };
  if (AllowZero && Has(0) && Has(-1))
    return C.refuse(RefusalCode::ShapeRank,
                    {"the target holds both 0, which allowzero takes as a "
                     "size, and -1"});
  if (llvm::any_of(*Target, isReadAtRunTime))
    return C.result(
        C.reshape(X, resolveReadTarget(C, typeOf(X), *Target, AllowZero)));
  std::optional<Dims> To = resolveTarget(C, typeOf(X), *Target, AllowZero);
  if (!To)
    return failure();
  return C.result(reshapeTo(C, X, *To));
}

/// y = x as a matrix: the dims before the axis, and those from it on
static LogicalResult importFlatten(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  int64_t Rank = rankOf(X), Axis = C.intAttr("axis", 1);
  if (Axis < -Rank || Axis > Rank)
    return C.refuse(RefusalCode::ShapeRank,
                    {"axis " + std::to_string(Axis) + " of a tensor of rank " +
                     std::to_string(Rank)});
  Axis += Axis < 0 ? Rank : 0;
  Dims Sizes = dimsOf(typeOf(X));
  ArrayRef<DimExpr> All = Sizes;
  return C.result(C.reshape(
      X, {countOf(All.take_front(Axis)), countOf(All.drop_front(Axis))}));
}

/// The axes of (Un)squeeze: an attribute before version 13, then an input.
static std::optional<SmallVector<int64_t>> axesOf(OpImport &C, bool &Given) {
  if (C.version() < 13) {
    std::optional<ArrayRef<int64_t>> Axes = C.intsAttr("axes");
    Given = Axes.has_value();
    return SmallVector<int64_t>(Axes.value_or(ArrayRef<int64_t>()));
  }
  Given = C.has(1);
  if (!Given)
    return SmallVector<int64_t>();
  return C.constants(1);
}

/// y = x without the dims of size 1 at the axes, or without all of them
static LogicalResult importSqueeze(OpImport &C) {
  Value X = C.in(0);
  bool Given = false;
  std::optional<SmallVector<int64_t>> Axes = axesOf(C, Given);
  if (!X || !Axes)
    return failure();
  Axes = C.axes(*Axes, rankOf(X));
  if (!Axes)
    return failure();
  Dims To;
  for (int64_t I = 0; I < rankOf(X); ++I) {
    DimExpr Size = dimOf(typeOf(X), I);
    if (!Given) {
      // Without axes the rank itself would depend on a size that may be 1.
      if (!Size.constant() && !(Size - DimExpr(2)).isNonNegative())
        return C.refuse(
            RefusalCode::FormUnsupported,
            {"without axes on a size known only at run time, " + Size.str()});
      if (!Size.isConstant(1))
        To.push_back(Size);
      continue;
    }
    if (!llvm::is_contained(*Axes, I))
      To.push_back(Size);
    else if (!C.equal(Size, DimExpr(1)))
      return failure();
  }
  return C.result(reshapeTo(C, X, To));
}

/// y = x with dims of size 1 put in, at these axes of y
static LogicalResult importUnsqueeze(OpImport &C) {
  Value X = C.in(0);
  bool Given = false;
  std::optional<SmallVector<int64_t>> Axes = axesOf(C, Given);
  if (!X || !Axes)
    return failure();
  if (!Given)
    return C.refuse(RefusalCode::AttributeBad, {"axes", "must be given"});
  int64_t Rank = rankOf(X) + static_cast<int64_t>(Axes->size());
  Axes = C.axes(*Axes, Rank);
  if (!Axes)
    return failure();
  Dims To;
  for (int64_t I = 0, From = 0; I < Rank; ++I)
    To.push_back(llvm::is_contained(*Axes, I) ? DimExpr(1)
                                              : dimOf(typeOf(X), From++));
  return C.result(reshapeTo(C, X, To));
}

/// The same for a size that is read at run time: 1 keeps the dim, a dim of 1
/// becomes the size, and otherwise the two must be equal, 0 included.
static std::optional<DimExpr>
sizeReadAtRunTime(OpImport &C, const DimExpr &Have, const DimExpr &Want) {
  DimExpr Zero(0), One(1), Size = DimExpr::max(Zero, Want);
  if (!C.equal(Size, Want)) // Not negative.
    return std::nullopt;
  if (Have.isConstant(1))
    return C.bindSize(Size);
  DimExpr Distance = DimExpr::max(Want - One, One - Want);
  DimExpr IsOne = One - DimExpr::min(One, Distance);
  DimExpr Result = C.bindSize(IsOne * Have + (One - IsOne) * Size);
  if (Have.constant())
    return C.equal(Result, Have) ? std::optional(Have) : std::nullopt;
  if (!C.equal((Result - Have) * (Have - One), Zero))
    return std::nullopt;
  return Result;
}

/// One size of Expand: numpy broadcasting between a dim and what is asked.
static std::optional<DimExpr> expandedSize(OpImport &C, const DimExpr &Have,
                                           const DimExpr &Want) {
  if (Want == Have || Want.isConstant(1))
    return Have;
  if (isReadAtRunTime(Want))
    return sizeReadAtRunTime(C, Have, Want);
  if (Have.isConstant(1))
    return Want;
  if (!C.equal(Have, Want))
    return std::nullopt;
  return Want.constant() ? Want : Have;
}

/// y = x broadcast to a shape; either may have the 1
static LogicalResult importExpand(OpImport &C) {
  Value X = C.in(0);
  std::optional<Dims> Want = C.exprs(1);
  if (!X || !Want)
    return failure();
  size_t Rank = std::max<size_t>(rankOf(X), Want->size());
  Dims To;
  for (size_t I = 0; I < Rank; ++I) {
    size_t FromX = I + rankOf(X), FromWant = I + Want->size();
    DimExpr Have = FromX < Rank ? DimExpr(1) : dimOf(typeOf(X), FromX - Rank);
    DimExpr Asked = FromWant < Rank ? DimExpr(1) : (*Want)[FromWant - Rank];
    std::optional<DimExpr> Size = expandedSize(C, Have, Asked);
    if (!Size)
      return failure();
    To.push_back(*Size);
  }
  if (std::optional<Dims> Known = C.tracked(X);
      Known && To.size() == 1 && Known->size() == 1 && To[0].constant() &&
      *To[0].constant() >= 0 && *To[0].constant() <= 64)
    return C.result(
        C.integers(Dims(*To[0].constant(), (*Known)[0]), false, elementOf(X)));
  return C.result(C.broadcast(X, To));
}

ArrayRef<OpEntry> shapeOps() {
  static const OpEntry Table[] = {
      {"Shape", {1, 13, 15, 19, 21, 23, 24, 25}, 1, 1, importShape},
      {"Size", {1, 13, 19, 21, 23, 24, 25}, 1, 1, importSize},
      {"Reshape", {1, 5, 13, 14, 19, 21, 23, 24, 25}, 1, 2, importReshape},
      {"Flatten", {1, 9, 11, 13, 21, 23, 24, 25}, 1, 1, importFlatten},
      {"Squeeze", {1, 11, 13, 21, 23, 24, 25}, 1, 2, importSqueeze},
      {"Unsqueeze", {1, 11, 13, 21, 23, 24, 25}, 1, 2, importUnsqueeze},
      {"Expand", {8, 13}, 2, 2, importExpand},
  };
  return Table;
}

} // namespace dure::onnx
