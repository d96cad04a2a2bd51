// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gather and scatter.

#include "frontends/onnx/OpImport.h"

using namespace mlir;

namespace dure::onnx {

/// Elements of known integers at constant indices.
static Value gatherKnown(OpImport &C, Value X, Value Indices) {
  std::optional<Dims> Known = C.tracked(X), At = C.tracked(Indices);
  if (!Known || !At || rankOf(X) != 1)
    return {};
  int64_t Count = static_cast<int64_t>(Known->size());
  Dims Out;
  for (const DimExpr &E : *At) {
    std::optional<int64_t> I = E.constant();
    if (!I || *I < -Count || *I >= Count)
      return {};
    Out.push_back((*Known)[*I < 0 ? *I + Count : *I]);
  }
  return C.integers(Out, rankOf(Indices) == 0, elementOf(X));
}

/// y = rows of x along an axis
static LogicalResult importGather(OpImport &C) {
  Value X = C.in(0), Indices = C.in(1);
  if (!X || !Indices)
    return failure();
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", 0), rankOf(X));
  if (!Axis)
    return failure();
  if (Value Known = gatherKnown(C, X, Indices))
    return C.result(Known);
  return C.result(C.create<GatherOp>({X, Indices}, {C.named("axis", *Axis)}));
}

/// y[i] = x[i with i[axis] replaced by indices[i]]
static LogicalResult importGatherElements(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", 0), rankOf(X));
  if (!Axis)
    return failure();
  return C.result(
      C.create<GatherElementsOp>({X, C.in(1)}, {C.named("axis", *Axis)}));
}

/// y = slices of x at index tuples
static LogicalResult importGatherND(OpImport &C) {
  int64_t BatchDims = C.version() < 12 ? 0 : C.intAttr("batch_dims", 0);
  return C.result(C.create<GatherNDOp>({C.in(0), C.in(1)},
                                       {C.named("batch_dims", BatchDims)}));
}

static std::optional<NamedAttribute> reductionOf(OpImport &C, int64_t Since) {
  llvm::StringRef Text =
      C.version() < Since ? "none" : C.stringAttr("reduction", "none");
  std::optional<ScatterReduction> Kind = symbolizeScatterReduction(Text);
  if (!Kind)
    return C.refuse(RefusalCode::AttributeBad,
                    {"reduction", "'" + Text.str() + "' is not known"});
  return C.named("reduction", ScatterReductionAttr::get(C.context(), *Kind));
}

/// y = x with slices replaced at index tuples
static LogicalResult importScatterND(OpImport &C) {
  std::optional<NamedAttribute> Reduction = reductionOf(C, 16);
  if (!Reduction)
    return failure();
  return C.result(
      C.create<ScatterNDOp>({C.in(0), C.in(1), C.in(2)}, {*Reduction}));
}

/// y = x with elements replaced along an axis
static LogicalResult importScatterElements(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(C.intAttr("axis", 0), rankOf(X));
  std::optional<NamedAttribute> Reduction = reductionOf(C, 16);
  if (!Axis || !Reduction)
    return failure();
  return C.result(C.create<ScatterElementsOp>(
      {C.chosen(X), C.in(1), C.in(2)}, {C.named("axis", *Axis), *Reduction}));
}

ArrayRef<OpEntry> gatherOps() {
  static const OpEntry Table[] = {
      {"Gather", {1, 11, 13}, 2, 2, importGather},
      {"GatherElements", {11, 13}, 2, 2, importGatherElements},
      {"GatherND", {11, 12, 13}, 2, 2, importGatherND},
      {"ScatterND", {11, 13, 16, 18}, 3, 3, importScatterND},
      {"ScatterElements", {11, 13, 16, 18}, 3, 3, importScatterElements},
      {"Scatter", {9}, 3, 3, importScatterElements, "", 11},
  };
  return Table;
}

} // namespace dure::onnx
