// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalizations.

#include "frontends/onnx/OpImport.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// Statistics are kept in f32 at least, whatever stash_type says: the standard
/// asks for that precision or more.
static LogicalResult checkStash(OpImport &C) {
  int64_t Stash = C.intAttr("stash_type", 1);
  if (Stash == 1 || Stash == 10 || Stash == 11 || Stash == 16)
    return success();
  return C.refuse(RefusalCode::AttributeBad,
                  {"stash_type", "must be a floating point type"});
}

/// The mean and the inverse deviation that LayerNormalization may give too.
static LogicalResult layerNormStatistics(OpImport &C, Value X, int64_t Axis,
                                         float Epsilon) {
  if (!C.wants(1) && !C.wants(2))
    return success();
  SmallVector<int64_t> Axes(rankOf(X) - Axis);
  std::iota(Axes.begin(), Axes.end(), Axis);
  Value Wide = C.cast(X, C.builder().getF32Type());
  Value Mean = C.reduce(Wide, ReduceKind::Mean, Axes, true);
  Value Centered = C.create<SubOp>({Wide, Mean});
  Value Variance = C.reduce(C.create<MulOp>({Centered, Centered}),
                            ReduceKind::Mean, Axes, true);
  Value Shifted = C.create<AddOp>({Variance, C.scalarLike(Variance, Epsilon)});
  if (C.wants(1) && failed(C.result(1, Mean)))
    return failure();
  return C.wants(2) ? C.result(2, C.create<RsqrtOp>({Shifted})) : success();
}

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias over the dims from
/// the axis on
static LogicalResult importLayerNorm(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1);
  float Epsilon = C.floatAttr("epsilon", 1e-5f);
  int64_t Given = C.intAttr("axis", -1);
  if (!X || !Scale || failed(checkStash(C)))
    return failure();
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis || failed(layerNormStatistics(C, X, *Axis, Epsilon)))
    return failure();
  SmallVector<Value> Operands = {X, Scale};
  if (C.has(2))
    Operands.push_back(C.in(2));
  return C.result(C.create<LayerNormOp>(
      Operands, {C.named("axis", *Axis), C.named("epsilon", Epsilon)}));
}

/// y = x / sqrt(mean(x^2) + epsilon) * scale over the dims from the axis on
static LogicalResult importRMSNorm(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1);
  float Epsilon = C.floatAttr("epsilon", 1e-5f);
  int64_t Given = C.intAttr("axis", -1);
  if (!X || !Scale || failed(checkStash(C)))
    return failure();
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis)
    return failure();
  return C.result(C.create<RMSNormOp>(
      {X, Scale}, {C.named("axis", *Axis), C.named("epsilon", Epsilon)}));
}

/// `PerChannel` of shape [C] as [C, 1, ..., 1], to meet x of [N, C, ...].
static Value alongChannels(OpImport &C, Value PerChannel, int64_t Rank) {
  if (!PerChannel)
    return {};
  Dims Shape(std::max<int64_t>(Rank - 1, 1), DimExpr(1));
  Shape[0] = countOf(dimsOf(typeOf(PerChannel)));
  return C.reshape(PerChannel, Shape);
}

/// y = (x - mean) / sqrt(var + epsilon) * scale + bias with given statistics
static LogicalResult importBatchNorm(OpImport &C) {
  Value X = C.in(0);
  float Epsilon = C.floatAttr("epsilon", 1e-5f);
  C.floatAttr("momentum", 0.9f); // Of training only.
  if (C.boolAttr("training_mode", false))
    return C.refuse(RefusalCode::FormUnsupported, {"training mode"});
  if (C.version() < 9 && !C.boolAttr("spatial", true))
    return C.refuse(RefusalCode::FormUnsupported,
                    {"spatial = 0, statistics for every element"});
  if (!X)
    return failure();
  int64_t Rank = rankOf(X);
  auto Channel = [&](unsigned I) { return alongChannels(C, C.in(I), Rank); };
  Value Scale = Channel(1), Bias = Channel(2), Mean = Channel(3),
        Variance = Channel(4);
  Value Shifted = C.create<AddOp>({Variance, C.scalarLike(Variance, Epsilon)});
  Value Factor = C.create<DivOp>({Scale, C.create<SqrtOp>({Shifted})});
  Value Y = C.create<MulOp>({C.create<SubOp>({X, Mean}), Factor});
  return C.result(C.create<AddOp>({Y, Bias}));
}

/// (x - mean) / sqrt(variance + epsilon) over axes
static Value standardized(OpImport &C, Value X, ArrayRef<int64_t> Axes,
                          float Epsilon) {
  Value Mean = C.reduce(X, ReduceKind::Mean, Axes, true);
  Value Centered = C.create<SubOp>({X, Mean});
  Value Variance = C.reduce(C.create<MulOp>({Centered, Centered}),
                            ReduceKind::Mean, Axes, true);
  Value Shifted = C.create<AddOp>({Variance, C.scalarLike(Variance, Epsilon)});
  return C.create<DivOp>({Centered, C.create<SqrtOp>({Shifted})});
}

/// y = each channel of each sample standardized, * scale + bias
static LogicalResult importInstanceNorm(OpImport &C) {
  Value X = C.in(0);
  float Epsilon = C.floatAttr("epsilon", 1e-5f);
  if (!X)
    return failure();
  if (rankOf(X) < 3)
    return C.refuse(RefusalCode::ShapeRank, {"it needs rank 3 at least"});
  SmallVector<int64_t> Axes(rankOf(X) - 2);
  std::iota(Axes.begin(), Axes.end(), 2);
  Value Y = standardized(C, X, Axes, Epsilon);
  Y = C.create<MulOp>({Y, alongChannels(C, C.in(1), rankOf(X))});
  return C.result(C.create<AddOp>({Y, alongChannels(C, C.in(2), rankOf(X))}));
}

/// y = each group of channels of each sample standardized, * scale + bias;
/// scale and bias are per group in version 18, per channel since 21.
static LogicalResult importGroupNorm(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1), Bias = C.in(2);
  float Epsilon = C.floatAttr("epsilon", 1e-5f);
  DimExpr Groups(C.intAttr("num_groups", 0));
  if (!X || !Scale || !Bias || failed(checkStash(C)))
    return failure();
  if (rankOf(X) < 3 || !Groups.isPositive())
    return C.refuse(RefusalCode::ShapeRank,
                    {"it needs rank 3 and a positive num_groups"});
  Dims Shape = dimsOf(typeOf(X));
  DimExpr Channels = DimExpr::floorDiv(Shape[1], Groups);
  Dims Grouped = {Shape[0], Groups, Channels};
  Grouped.append(Shape.begin() + 2, Shape.end());
  Type Element = elementOf(X);
  Value Y = C.cast(C.reshape(X, Grouped), C.builder().getF32Type());
  SmallVector<int64_t> Axes(Grouped.size() - 2);
  std::iota(Axes.begin(), Axes.end(), 2);
  Y = C.cast(Y ? standardized(C, Y, Axes, Epsilon) : Value(), Element);
  if (C.version() < 21) {
    Dims PerGroup(Grouped.size() - 1, DimExpr(1));
    PerGroup[0] = Groups;
    Y = C.create<MulOp>({Y, C.reshape(Scale, PerGroup)});
    Y = C.create<AddOp>({Y, C.reshape(Bias, PerGroup)});
    return C.result(C.reshape(Y, Shape));
  }
  Y = C.reshape(Y, Shape);
  Y = C.create<MulOp>({Y, alongChannels(C, Scale, rankOf(X))});
  return C.result(C.create<AddOp>({Y, alongChannels(C, Bias, rankOf(X))}));
}

/// y = x / the norm of x along an axis; a norm of 0 gives 0
static LogicalResult importLpNorm(OpImport &C) {
  Value X = C.in(0);
  int64_t P = C.intAttr("p", 2), Given = C.intAttr("axis", -1);
  if (!X)
    return failure();
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis)
    return failure();
  if (P != 1 && P != 2)
    return C.refuse(RefusalCode::AttributeBad, {"p", "must be 1 or 2"});
  Value Norm =
      C.reduce(X, P == 1 ? ReduceKind::L1 : ReduceKind::L2, {*Axis}, true);
  Value Zero = C.scalarLike(X, 0);
  Value IsZero = C.compare(Norm, Zero, ComparePredicate::EQ);
  Value Y = C.create<DivOp>({X, Norm});
  return C.result(C.create<SelectOp>({IsZero, Zero, Y}));
}

/// y = x standardized over axes, without an epsilon of the user's
static LogicalResult importMeanVarianceNorm(OpImport &C) {
  Value X = C.in(0);
  auto Given = C.intsAttr("axes");
  SmallVector<int64_t> Default = {0, 2, 3};
  if (!X)
    return failure();
  auto Axes = C.axes(Given.value_or(ArrayRef<int64_t>(Default)), rankOf(X));
  if (!Axes)
    return failure();
  // The standard's own formula: (x - mean) / (sqrt(variance) + 1e-9).
  Value Centered =
      C.create<SubOp>({X, C.reduce(X, ReduceKind::Mean, *Axes, true)});
  Value Variance = C.reduce(C.create<MulOp>({Centered, Centered}),
                            ReduceKind::Mean, *Axes, true);
  Value Deviation = C.create<SqrtOp>({Variance});
  Deviation = C.create<AddOp>({Deviation, C.scalarLike(Deviation, 1e-9)});
  return C.result(C.create<DivOp>({Centered, Deviation}));
}

ArrayRef<OpEntry> normalizationOps() {
  static const OpEntry Table[] = {
      {"LayerNormalization", {17}, 2, 3, importLayerNorm},
      {"RMSNormalization", {23}, 2, 2, importRMSNorm},
      {"BatchNormalization", {7, 9, 14, 15}, 5, 5, importBatchNorm},
      {"InstanceNormalization", {6, 22}, 3, 3, importInstanceNorm},
      {"GroupNormalization", {18, 21}, 3, 3, importGroupNorm},
      {"LpNormalization", {1, 22}, 1, 1, importLpNorm},
      {"MeanVarianceNormalization", {9, 13}, 1, 1, importMeanVarianceNorm},
  };
  return Table;
}

} // namespace dure::onnx
