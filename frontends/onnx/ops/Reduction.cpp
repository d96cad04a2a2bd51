// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and running sums.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/StringSwitch.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// The axes: an attribute first, an input since 13 (ReduceSum) or 18.
static std::optional<SmallVector<int64_t>> axesOf(OpImport &C, int64_t Since) {
  if (C.version() < Since) {
    auto Given = C.intsAttr("axes");
    return SmallVector<int64_t>(Given.value_or(ArrayRef<int64_t>()));
  }
  if (!C.has(1))
    return SmallVector<int64_t>();
  return C.constants(1);
}

/// Products and sums of known integers of rank 1.
static Value reduceKnown(OpImport &C, Value X, ReduceKind Kind, bool KeepDims) {
  std::optional<Dims> Known = C.tracked(X);
  if (!Known || rankOf(X) != 1 || !elementOf(X).isInteger(64))
    return {};
  if (Kind != ReduceKind::Prod && Kind != ReduceKind::Sum)
    return {};
  DimExpr All(Kind == ReduceKind::Prod ? 1 : 0);
  for (const DimExpr &E : *Known)
    All = Kind == ReduceKind::Prod ? All * E : All + E;
  return All.valid() ? C.integers({All}, !KeepDims) : Value();
}

/// y = x reduced over axes; over all when none are given, unless asked not to
static LogicalResult importReduce(OpImport &C) {
  auto Kind = llvm::StringSwitch<ReduceKind>(C.op())
                  .Case("ReduceSum", ReduceKind::Sum)
                  .Case("ReduceMean", ReduceKind::Mean)
                  .Case("ReduceMax", ReduceKind::Max)
                  .Case("ReduceMin", ReduceKind::Min)
                  .Case("ReduceProd", ReduceKind::Prod)
                  .Case("ReduceSumSquare", ReduceKind::SumSquare)
                  .Case("ReduceL1", ReduceKind::L1)
                  .Case("ReduceL2", ReduceKind::L2)
                  .Case("ReduceLogSum", ReduceKind::LogSum)
                  .Default(ReduceKind::LogSumExp);
  Value X = C.in(0);
  bool KeepDims = C.boolAttr("keepdims", true);
  int64_t Since = C.op() == "ReduceSum" ? 13 : 18;
  bool EmptyIsNone =
      C.version() >= Since && C.boolAttr("noop_with_empty_axes", false);
  std::optional<SmallVector<int64_t>> Axes = axesOf(C, Since);
  if (!X || !Axes)
    return failure();
  if (Axes->empty() && !EmptyIsNone) {
    Axes->resize(rankOf(X));
    std::iota(Axes->begin(), Axes->end(), 0);
  }
  Axes = C.axes(*Axes, rankOf(X));
  if (!Axes)
    return failure();
  if (!Axes->empty())
    if (Value Known = reduceKnown(C, X, Kind, KeepDims))
      return C.result(Known);
  return C.result(C.reduce(X, Kind, *Axes, KeepDims));
}

/// y = running sums or products of x along an axis
static LogicalResult importRunning(OpImport &C) {
  Value X = C.in(0);
  bool Exclusive = C.boolAttr("exclusive", false);
  bool Reverse = C.boolAttr("reverse", false);
  std::optional<SmallVector<int64_t>> Given = C.constants(1);
  if (!X || !Given)
    return failure();
  if (Given->size() != 1)
    return C.refuse(RefusalCode::ShapeRank, {"the axis must be one number"});
  std::optional<int64_t> Axis = C.axis(Given->front(), rankOf(X));
  if (!Axis)
    return failure();
  NamedAttribute Attributes[] = {C.named("axis", *Axis),
                                 C.named("exclusive", Exclusive),
                                 C.named("reverse", Reverse)};
  return C.result(C.op() == "CumSum" ? C.create<CumSumOp>({X}, Attributes)
                                     : C.create<CumProdOp>({X}, Attributes));
}

ArrayRef<OpEntry> reductionOps() {
  static const OpEntry Table[] = {
      {"ReduceSum", {1, 11, 13}, 1, 2, importReduce},
      {"ReduceMean", {1, 11, 13, 18}, 1, 2, importReduce},
      {"ReduceMax", {1, 11, 12, 13, 18, 20}, 1, 2, importReduce},
      {"ReduceMin", {1, 11, 12, 13, 18, 20}, 1, 2, importReduce},
      {"ReduceProd", {1, 11, 13, 18}, 1, 2, importReduce},
      {"ReduceSumSquare", {1, 11, 13, 18}, 1, 2, importReduce},
      {"ReduceL1", {1, 11, 13, 18}, 1, 2, importReduce},
      {"ReduceL2", {1, 11, 13, 18}, 1, 2, importReduce},
      {"ReduceLogSum", {1, 11, 13, 18, 28}, 1, 2, importReduce},
      {"ReduceLogSumExp", {1, 11, 13, 18, 28}, 1, 2, importReduce},
      {"CumSum", {11, 14}, 2, 2, importRunning},
      {"CumProd", {26}, 2, 2, importRunning},
  };
  return Table;
}

} // namespace dure::onnx
