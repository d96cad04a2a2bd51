// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which elements are largest, or not zero: their places.

#include "frontends/onnx/OpImport.h"

using namespace mlir;

namespace dure::onnx {

/// The index along `Axis` of the largest element (or the smallest), kept as a
/// size of 1. Of equal ones the first counts, or the last; NaN is larger, and
/// smaller, than any number.
static Value indexOfExtreme(OpImport &C, Value X, int64_t Axis, bool Largest,
                            bool Last) {
  if (!X)
    return {};
  DimExpr Size = dimOf(typeOf(X), Axis);
  if (!Size.isPositive() && !C.equal(DimExpr::max(DimExpr(1), Size), Size))
    return {};
  Value Extreme =
      C.reduce(X, Largest ? ReduceKind::Max : ReduceKind::Min, {Axis}, true);
  Value Hit = C.compare(X, Extreme, ComparePredicate::EQ);
  // Where there is a NaN the extreme is one, and nothing is equal to it.
  if (isa<FloatType>(elementOf(X)))
    Hit = C.create<OrOp>({Hit, C.create<IsNaNOp>({X})});
  Dims Along(rankOf(X), DimExpr(1));
  Along[Axis] = Size;
  Value None = C.integers({Last ? DimExpr(-1) : Size}, true);
  Value Index = C.create<SelectOp>({Hit, C.iota(Along, Axis), None});
  return C.reduce(Index, Last ? ReduceKind::Max : ReduceKind::Min, {Axis},
                  true);
}

/// y = the index of the largest or the smallest element along an axis
static LogicalResult importArgExtreme(OpImport &C) {
  Value X = C.in(0);
  int64_t Given = C.intAttr("axis", 0);
  bool KeepDims = C.boolAttr("keepdims", true);
  bool Last = C.version() >= 12 && C.boolAttr("select_last_index", false);
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis)
    return failure();
  Value Y = indexOfExtreme(C, X, *Axis, C.op() == "ArgMax", Last);
  Dims Shape = dimsOf(typeOf(X));
  Shape[*Axis] = DimExpr(1);
  if (!KeepDims)
    Shape.erase(Shape.begin() + *Axis);
  return C.result(C.reshape(Y, Shape));
}

/// y = 1 at the first largest element along an axis, else 0. Before version 13
/// the tensor is seen as a matrix, rows being the dims before the axis.
static LogicalResult importHardmax(OpImport &C) {
  Value X = C.in(0);
  int64_t Given = C.intAttr("axis", C.version() < 13 ? 1 : -1);
  if (!X)
    return failure();
  Dims Shape = dimsOf(typeOf(X));
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis)
    return failure();
  if (C.version() < 13) {
    ArrayRef<DimExpr> All = Shape;
    X = C.reshape(
        X, {countOf(All.take_front(*Axis)), countOf(All.drop_front(*Axis))});
    Axis = 1;
  }
  if (!X)
    return failure();
  Value Index = indexOfExtreme(C, X, *Axis, /*Largest=*/true, /*Last=*/false);
  Dims Along(rankOf(X), DimExpr(1));
  Along[*Axis] = dimOf(typeOf(X), *Axis);
  Value IsIt = C.compare(C.iota(Along, *Axis), Index, ComparePredicate::EQ);
  return C.result(C.reshape(C.cast(IsIt, elementOf(X)), Shape));
}

ArrayRef<OpEntry> selectionOps() {
  static const OpEntry Table[] = {
      {"ArgMax", {1, 11, 12, 13}, 1, 1, importArgExtreme},
      {"ArgMin", {1, 11, 12, 13}, 1, 1, importArgExtreme},
      {"Hardmax", {1, 11, 13}, 1, 1, importHardmax},
  };
  return Table;
}

} // namespace dure::onnx
