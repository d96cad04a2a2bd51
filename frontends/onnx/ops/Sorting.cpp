// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements in the order of their sizes.

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

ArrayRef<OpEntry> sortingOps() {
  static const OpEntry Table[] = {
      {"TopK", {1, 10, 11, 24}, 1, 2, importTopK},
  };
  return Table;
}

} // namespace dure::onnx
