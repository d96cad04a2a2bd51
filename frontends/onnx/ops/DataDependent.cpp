// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators whose result has as many elements as the data say: NonZero,
// Compress, Unique. The number is counted, read by the host, and is a size from
// there on.

#include "frontends/onnx/OpImport.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

static NamedAttribute axis0(OpImport &C) { return C.named("axis", int64_t(0)); }

/// Rows of a tensor.
static Value rows(OpImport &C, Value X, Value Places) {
  return C.create<GatherOp>({X, Places}, {axis0(C)});
}

/// A part of a rank-1 or rank-2 tensor's rows.
static Value someRows(OpImport &C, Value X, const DimExpr &Begin,
                      const DimExpr &Count) {
  if (!X)
    return {};
  Dims Starts(rankOf(X), DimExpr(0)), Sizes = dimsOf(typeOf(X));
  SmallVector<int64_t> Steps(rankOf(X), 1);
  Starts[0] = Begin;
  Sizes[0] = Count;
  return C.create<SliceOp>({X},
                           {C.named("starts", Starts), C.named("sizes", Sizes),
                            C.named("steps", ArrayRef<int64_t>(Steps))});
}

/// A number that is not negative, read by the host.
static std::optional<DimExpr> readSize(OpImport &C, Value Count) {
  std::optional<DimExpr> Read = C.readAtRunTime(Count);
  if (!Read)
    return std::nullopt;
  return C.bindSize(DimExpr::max(DimExpr(0), *Read));
}

/// `Updates` put at `Places` (both of rank 1) in a list of zeros.
static Value placed(OpImport &C, const DimExpr &Size, Value Places,
                    Value Updates, ScatterReduction How) {
  if (!Updates)
    return {};
  Value Base = C.broadcast(C.scalarLike(Updates, 0), {Size});
  return C.create<ScatterElementsOp>(
      {Base, Places, Updates},
      {axis0(C),
       C.named("reduction", ScatterReductionAttr::get(C.context(), How))});
}

namespace {
/// What holds of a list of truth values.
struct Chosen {
  DimExpr Count; ///< Of those that are true.
  Value Places;  ///< [Count], ascending.
};
} // namespace

/// The places of the true elements of a list. Each gets the number of those
/// before it as its own place in the result; the false ones go to one place
/// behind all, which is cut off.
static std::optional<Chosen> whereTrue(OpImport &C, Value Truth) {
  if (!Truth)
    return std::nullopt;
  DimExpr Size = dimOf(typeOf(Truth), 0);
  Value Ones = C.cast(Truth, C.builder().getI64Type());
  Value Total = C.reduce(Ones, ReduceKind::Sum, {0}, /*KeepDims=*/false);
  std::optional<DimExpr> Count = readSize(C, Total);
  if (!Count)
    return std::nullopt;
  Value Before =
      C.create<CumSumOp>({Ones}, {axis0(C), C.named("exclusive", true)});
  Value To = C.create<SelectOp>({Truth, Before, Total});
  Value All = placed(C, *Count + DimExpr(1), To, C.iota({Size}, 0),
                     ScatterReduction::None);
  Value Places = someRows(C, All, DimExpr(0), *Count);
  if (!Places)
    return std::nullopt;
  return Chosen{*Count, Places};
}

/// y[:, i] = the indices of the i-th element that is not 0, in row-major order
static LogicalResult importNonZero(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  Dims Shape = dimsOf(typeOf(X));
  Value Truth = elementOf(X).isInteger(1)
                    ? X
                    : C.compare(X, C.scalarLike(X, 0), ComparePredicate::NE);
  std::optional<Chosen> Found =
      whereTrue(C, C.reshape(Truth, {countOf(Shape)}));
  if (!Found)
    return failure();
  // A scalar has no index to give, however many elements are found.
  if (Shape.empty())
    return C.result(C.iota({DimExpr(0), Found->Count}, 0));
  SmallVector<Value> Coordinates(Shape.size());
  Value Rest = Found->Places;
  for (size_t I = Shape.size(); I-- > 0;) {
    // Where a size is 0 nothing is found; 1 keeps the division defined.
    Value Size =
        C.integers({C.settle(DimExpr::max(DimExpr(1), Shape[I]))}, true);
    Value Place = C.create<ModOp>({Rest, Size});
    Coordinates[I] = C.reshape(Place, {DimExpr(1), Found->Count});
    Rest = C.create<DivOp>({Rest, Size});
  }
  return C.result(C.create<ConcatOp>(Coordinates, {axis0(C)}));
}

/// y = slices of x along an axis, or elements of x, where a condition holds
static LogicalResult importCompress(OpImport &C) {
  Value X = C.in(0), Condition = C.in(1);
  bool HasAxis = C.attribute("axis");
  int64_t Given = C.intAttr("axis", 0);
  if (!X || !Condition)
    return failure();
  if (rankOf(Condition) != 1 || !elementOf(Condition).isInteger(1))
    return C.refuse(RefusalCode::ShapeRank,
                    {"the condition must be a list of bool"});
  if (!HasAxis)
    X = C.reshape(X, {countOf(dimsOf(typeOf(X)))});
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(HasAxis ? Given : 0, rankOf(X));
  if (!Axis)
    return failure();
  std::optional<Chosen> Found = whereTrue(C, Condition);
  if (!Found)
    return failure();
  return C.result(
      C.create<GatherOp>({X, Found->Places}, {C.named("axis", *Axis)}));
}

//===----------------------------------------------------------------------===//
// Unique
//===----------------------------------------------------------------------===//

/// The order that sorts a list, equal elements by index.
static Value ascending(OpImport &C, Value List) {
  if (!List)
    return {};
  return C.create<TopKOp>({List},
                          {axis0(C), C.named("smallest", true),
                           C.named("k", ArrayRef(dimOf(typeOf(List), 0)))});
}

/// Sorts the rows of [N, M] lexicographically: stable sorts by one column
/// after another, the first being the last.
static Value sortRows(OpImport &C, Value X, int64_t Columns) {
  DimExpr N = dimOf(typeOf(X), 0);
  Value Order = C.iota({N}, 0);
  for (int64_t I = Columns; I-- > 0;) {
    Value Column =
        C.create<SliceOp>({X}, {C.named("starts", Dims{DimExpr(0), DimExpr(I)}),
                                C.named("sizes", Dims{N, DimExpr(1)}),
                                C.named("steps", ArrayRef<int64_t>{1, 1})});
    Value Keys = rows(C, C.reshape(Column, {N}), Order);
    Order = rows(C, Order, ascending(C, Keys));
  }
  return Order;
}

/// True for each sorted row that is not the one before it; i1 [N].
static Value beginsGroup(OpImport &C, Value Sorted) {
  if (!Sorted)
    return {};
  DimExpr N = dimOf(typeOf(Sorted), 0);
  // Row i - 1, and row 0 for the first.
  Value I = C.iota({N}, 0);
  Value Before = C.create<MaxOp>(
      {C.create<SubOp>({I, C.scalarLike(I, 1)}), C.scalarLike(I, 0)});
  Value Differs =
      C.compare(Sorted, rows(C, Sorted, Before), ComparePredicate::NE);
  Value Any = C.reduce(C.cast(Differs, C.builder().getI32Type()),
                       ReduceKind::Max, {1}, /*KeepDims=*/false);
  Value IsFirst = C.compare(I, C.scalarLike(I, 0), ComparePredicate::EQ);
  Value IsNew = C.compare(Any, C.scalarLike(Any, 0), ComparePredicate::GT);
  return C.create<OrOp>({IsFirst, IsNew});
}

/// The tensor with an axis in front, as [N, M].
static Value asRows(OpImport &C, Value X, int64_t Axis) {
  SmallVector<int64_t> ToFront = {Axis};
  for (int64_t I = 0; I < rankOf(X); ++I)
    if (I != Axis)
      ToFront.push_back(I);
  X = C.transpose(X, ToFront);
  if (!X)
    return {};
  Dims Shape = dimsOf(typeOf(X));
  return C.reshape(X, {Shape[0], countOf(ArrayRef(Shape).drop_front())});
}

/// y, indices, inverse_indices, counts = the unlike elements of x, or slices
/// along an axis; in order, or else by their first place
static LogicalResult importUnique(OpImport &C) {
  Value X = C.in(0);
  bool HasAxis = C.attribute("axis"), Sorted = C.boolAttr("sorted", true);
  int64_t Given = C.intAttr("axis", 0);
  if (!X)
    return failure();
  if (!HasAxis)
    X = C.reshape(X, {countOf(dimsOf(typeOf(X)))});
  std::optional<int64_t> Axis =
      X ? C.axis(HasAxis ? Given : 0, rankOf(X)) : std::nullopt;
  if (!Axis)
    return failure();
  Value Rows = asRows(C, X, *Axis);
  if (!Rows)
    return failure();
  DimExpr N = dimOf(typeOf(Rows), 0);
  std::optional<int64_t> Columns = dimOf(typeOf(Rows), 1).constant();
  if (!Columns || *Columns < 1 || *Columns > 256)
    return C.refuse(RefusalCode::FormUnsupported,
                    {"slices of unknown size, or of more than 256 elements"});

  Value Order = sortRows(C, Rows, *Columns);
  Value IsNew = beginsGroup(C, rows(C, Rows, Order));
  std::optional<Chosen> Begins = whereTrue(C, IsNew);
  if (!Begins)
    return failure();
  // Of each group its first place in x, and of each sorted row its group.
  Value First = rows(C, Order, Begins->Places);
  Value Ones = C.cast(IsNew, C.builder().getI64Type());
  Value Group = C.create<SubOp>(
      {C.create<CumSumOp>({Ones}, {axis0(C)}), C.scalarLike(Ones, 1)});
  Value Inverse = placed(C, N, Order, Group, ScatterReduction::None);
  Value Counts =
      placed(C, Begins->Count, Group, C.broadcast(C.scalarLike(Ones, 1), {N}),
             ScatterReduction::Add);
  if (!Sorted) {
    Value ByPlace = ascending(C, First);
    Value Renamed = placed(C, Begins->Count, ByPlace,
                           C.iota({Begins->Count}, 0), ScatterReduction::None);
    First = rows(C, First, ByPlace);
    Counts = rows(C, Counts, ByPlace);
    Inverse = rows(C, Renamed, Inverse);
  }
  Value Results[] = {C.create<GatherOp>({X, First}, {C.named("axis", *Axis)}),
                     First, Inverse, Counts};
  for (unsigned I = 0; I < 4; ++I)
    if ((I == 0 || C.wants(I)) && failed(C.result(I, Results[I])))
      return failure();
  return success();
}

ArrayRef<OpEntry> dataDependentOps() {
  static const OpEntry Table[] = {
      {"NonZero", {9, 13}, 1, 1, importNonZero},
      {"Compress", {9, 11, 28}, 2, 2, importCompress},
      {"Unique", {11, 28}, 1, 1, importUnique},
  };
  return Table;
}

} // namespace dure::onnx
