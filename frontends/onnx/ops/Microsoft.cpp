// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalizations and activations of the domain com.microsoft, and
// SimplifiedLayerNormalization, which its exporters write into the default one.

#include "frontends/onnx/ops/Heads.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

static NamedAttribute geluForm(OpImport &C, GeluForm Form) {
  return C.named("form", GeluFormAttr::get(C.context(), Form));
}

/// 1 / sqrt(mean(x^2) + epsilon) over the dims from the axis on, as f32
static Value inverseRoot(OpImport &C, Value X, int64_t Axis, float Epsilon) {
  SmallVector<int64_t> Axes(rankOf(X) - Axis);
  std::iota(Axes.begin(), Axes.end(), Axis);
  Value Wide = C.cast(X, C.builder().getF32Type());
  Value Mean = C.reduce(C.create<MulOp>({Wide, Wide}), ReduceKind::Mean, Axes,
                        /*KeepDims=*/true);
  return C.create<RsqrtOp>(
      {C.create<AddOp>({Mean, C.scalarLike(Mean, Epsilon)})});
}

/// y = x / sqrt(mean(x^2) + epsilon) * scale, in the type of scale
static LogicalResult importSimplifiedLayerNorm(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1);
  float Epsilon = C.floatAttr("epsilon", 1e-5f);
  int64_t Given = C.intAttr("axis", -1);
  int64_t Stash = C.intAttr("stash_type", 1);
  if (!X || !Scale)
    return failure();
  if (Stash != 1)
    return C.refuse(RefusalCode::AttributeBad,
                    {"stash_type", "must be a floating point type"});
  std::optional<int64_t> Axis = C.axis(Given, rankOf(X));
  if (!Axis)
    return failure();
  Value Y = C.create<RMSNormOp>(
      {X, Scale}, {C.named("axis", *Axis), C.named("epsilon", Epsilon)});
  if (failed(C.result(0, C.cast(Y, elementOf(Scale)))))
    return failure();
  return C.wants(1) ? C.result(1, inverseRoot(C, X, *Axis, Epsilon))
                    : success();
}

/// What Skip*LayerNormalization normalize: input + skip (+ bias, input
/// `Bias`). Skip may lack the batch.
static Value skipSum(OpImport &C, unsigned Bias) {
  Value X = C.in(0), Skip = C.in(1);
  if (!X || !Skip)
    return {};
  if (rankOf(X) < 2 || rankOf(Skip) > rankOf(X))
    return C.refuse(RefusalCode::ShapeRank, {"it needs rank 2 at least"});
  Value Sum = C.create<AddOp>({X, Skip});
  return C.has(Bias) ? C.create<AddOp>({Sum, C.in(Bias)}) : Sum;
}

/// y = layer norm of input + skip + bias; output 3 is the sum
static LogicalResult importSkipLayerNorm(OpImport &C) {
  bool IsSimple = C.op() == "SkipSimplifiedLayerNormalization";
  float Epsilon = C.floatAttr("epsilon", 1e-12f);
  Value Sum = skipSum(C, IsSimple ? 3 : 4);
  if (!Sum)
    return failure();
  NamedAttribute Attributes[] = {C.named("axis", rankOf(Sum) - 1),
                                 C.named("epsilon", Epsilon)};
  SmallVector<Value> Operands = {Sum, C.in(2)};
  if (!IsSimple && C.has(3))
    Operands.push_back(C.in(3));
  Value Y = IsSimple ? C.create<RMSNormOp>(Operands, Attributes)
                     : C.create<LayerNormOp>(Operands, Attributes);
  if (failed(C.result(0, Y)))
    return failure();
  return C.wants(3) ? C.result(3, Sum) : success();
}

/// Rows of an embedding table.
static Value embed(OpImport &C, Value Table, Value Ids) {
  return C.create<GatherOp>({Table, Ids}, {C.named("axis", int64_t(0))});
}

/// y, mask_index, sum = layer norm of the sums of word, position and segment
/// embeddings; how many tokens of each row the mask keeps
static LogicalResult importEmbedLayerNorm(OpImport &C) {
  Value Ids = C.in(0), Words = C.in(2), Places = C.in(3);
  float Epsilon = C.floatAttr("epsilon", 1e-12f);
  C.intAttr("mask_index_type", 0); // Of a mask that only other kernels read.
  if (!Ids || !Words || !Places)
    return failure();
  if (rankOf(Ids) != 2)
    return C.refuse(RefusalCode::ShapeRank, {"input_ids must have rank 2"});
  Dims Shape = dimsOf(typeOf(Ids));
  Value Position = C.has(8) ? C.in(8) : C.iota({DimExpr(1), Shape[1]}, 1);
  Value Sum =
      C.create<AddOp>({embed(C, Words, Ids), embed(C, Places, Position)});
  if (C.has(1) != C.has(4))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both segment_ids and their table, or neither"});
  if (C.has(1))
    Sum = C.create<AddOp>({Sum, embed(C, C.in(4), C.in(1))});
  Value Y = C.create<LayerNormOp>(
      {Sum, C.in(5), C.in(6)},
      {C.named("axis", int64_t(2)), C.named("epsilon", Epsilon)});
  if (failed(C.result(0, Y)))
    return failure();
  if (C.wants(1)) {
    Type I32 = C.builder().getI32Type();
    Value Counted = C.scalar(I32, 0);
    if (C.has(7))
      Counted = C.reduce(C.cast(C.in(7), I32), ReduceKind::Sum, {1}, false);
    if (failed(C.result(1, C.broadcast(Counted, {Shape[0]}))))
      return failure();
  }
  return C.wants(2) ? C.result(2, Sum) : success();
}

/// x + bias, if it is given
static Value biased(OpImport &C) {
  Value X = C.in(0);
  return C.has(1) ? C.create<AddOp>({X, C.in(1)}) : X;
}

/// y = x Phi(x) of x + bias
static LogicalResult importGeluErf(OpImport &C) {
  return C.result(C.create<GeluOp>({biased(C)}, {geluForm(C, GeluForm::Erf)}));
}

/// y = its tanh form of x + bias
static LogicalResult importFastGelu(OpImport &C) {
  return C.result(C.create<GeluOp>({biased(C)}, {geluForm(C, GeluForm::Tanh)}));
}

/// y = x sigmoid(alpha x)
static LogicalResult importQuickGelu(OpImport &C) {
  Value X = C.in(0);
  Value Scaled =
      C.create<MulOp>({X, C.scalarLike(X, C.floatAttr("alpha", 1.702f))});
  return C.result(C.create<MulOp>({X, C.create<SigmoidOp>({Scaled})}));
}

ArrayRef<OpEntry> microsoftOps() {
  constexpr const char *Domain = "com.microsoft";
  static const OpEntry Table[] = {
      {"SimplifiedLayerNormalization", {1}, 2, 2, importSimplifiedLayerNorm},
      {"SkipLayerNormalization", {1}, 3, 5, importSkipLayerNorm, Domain},
      {"SkipSimplifiedLayerNormalization",
       {1},
       3,
       4,
       importSkipLayerNorm,
       Domain},
      {"EmbedLayerNormalization", {1}, 7, 9, importEmbedLayerNorm, Domain},
      {"Gelu", {1}, 1, 1, importGeluErf, Domain},
      {"BiasGelu", {1}, 2, 2, importGeluErf, Domain},
      {"FastGelu", {1}, 1, 2, importFastGelu, Domain},
      {"QuickGelu", {1}, 1, 1, importQuickGelu, Domain},
  };
  return Table;
}

} // namespace dure::onnx
