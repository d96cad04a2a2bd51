// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The largest and smallest elements of rows.

#include "frontends/onnx/OpImport.h"

using namespace mlir;

namespace dure::onnx {

/// The number of elements wanted: an attribute before version 10.
static std::optional<DimExpr> countOfTopK(OpImport &C) {
  if (C.version() < 10) {
    const Attribute *K = C.attribute("k", AttributeType::Int);
    if (!K)
      return C.refuse(RefusalCode::AttributeBad, {"k", "is not given"});
    return DimExpr(C.intAttr("k", 0));
  }
  std::optional<Dims> K = C.exprs(1);
  if (!K)
    return std::nullopt;
  if (K->size() != 1)
    return C.refuse(RefusalCode::ShapeRank, {"k must be one number"});
  return K->front();
}

/// (values, indices) = the k first of x in sorted order along an axis. They are
/// sorted whether or not the node asks for it.
static LogicalResult importTopK(OpImport &C) {
  Value X = C.in(0);
  bool Largest = C.version() < 11 || C.boolAttr("largest", true);
  (void)C.boolAttr("sorted", true);
  std::optional<DimExpr> K = countOfTopK(C);
  if (!X || !K)
    return failure();
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", -1), rankOf(X));
  if (!Axis)
    return failure();
  Value Indices = C.create<TopKOp>({X}, {C.named("axis", *Axis),
                                         C.named("k", ArrayRef<DimExpr>(*K)),
                                         C.named("smallest", !Largest)});
  if (C.wants(0) &&
      failed(C.result(0, C.create<GatherElementsOp>({X, Indices},
                                                    {C.named("axis", *Axis)}))))
    return failure();
  return C.wants(1) ? C.result(1, Indices) : success();
}

/// y = the index of the largest (smallest) element along an axis
static LogicalResult importArgExtremum(OpImport &C) {
  Value X = C.in(0);
  bool KeepDims = C.boolAttr("keepdims", true);
  bool Last = C.version() >= 12 && C.boolAttr("select_last_index", false);
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", 0), rankOf(X));
  if (!Axis)
    return failure();
  Value Y = C.create<TopKOp>({X}, {C.named("axis", *Axis),
                                   C.named("k", ArrayRef<DimExpr>(DimExpr(1))),
                                   C.named("smallest", C.op() == "ArgMin"),
                                   C.named("last_first", Last)});
  if (!Y || KeepDims)
    return C.result(Y);
  Dims Kept = dimsOf(typeOf(Y));
  Kept.erase(Kept.begin() + *Axis);
  return C.result(C.reshape(Y, Kept));
}

ArrayRef<OpEntry> sortingOps() {
  static const OpEntry Table[] = {
      {"TopK", {1, 10, 11, 24}, 1, 2, importTopK},
      {"ArgMax", {1, 11, 12, 13}, 1, 1, importArgExtremum},
      {"ArgMin", {1, 11, 12, 13}, 1, 1, importArgExtremum},
  };
  return Table;
}

} // namespace dure::onnx
