// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators with a state along the tokens: LinearAttention, TensorScatter.

#include "frontends/onnx/OpImport.h"

#include <cmath>

using namespace mlir;

namespace dure::onnx {

/// [B, T, heads * D] as [B, heads, T, D]; refuses another rank.
static Value unpackHeads(OpImport &C, Value X, int64_t Heads) {
  if (!X)
    return {};
  if (rankOf(X) != 3)
    return C.refuse(RefusalCode::ShapeRank, {"its operands must have rank 3"});
  Dims S = dimsOf(typeOf(X));
  DimExpr Size = DimExpr::floorDiv(S[2], DimExpr(Heads));
  return C.transpose(C.reshape(X, {S[0], S[1], DimExpr(Heads), Size}),
                     {0, 2, 1, 3});
}

namespace {
struct LinearForm {
  int64_t QueryHeads, KeyHeads;
  bool Gated, Delta;
};
} // namespace

/// The attributes; refuses what does not go together.
static std::optional<LinearForm> linearForm(OpImport &C) {
  LinearForm F;
  F.QueryHeads = C.intAttr("q_num_heads", 0);
  F.KeyHeads = C.intAttr("kv_num_heads", 0);
  llvm::StringRef Rule = C.stringAttr("update_rule", "gated_delta");
  C.intAttr("chunk_size", 64); // A hint for speed alone.
  F.Gated = Rule == "gated" || Rule == "gated_delta";
  F.Delta = Rule == "delta" || Rule == "gated_delta";
  if (!F.Gated && !F.Delta && Rule != "linear")
    return C.refuse(RefusalCode::AttributeBad,
                    {"update_rule", "'" + Rule.str() + "' is not known"});
  if (F.KeyHeads < 1 || F.QueryHeads < 1 || F.QueryHeads % F.KeyHeads != 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"q_num_heads", "must be a multiple of kv_num_heads"});
  if (C.has(4) != F.Gated)
    return C.refuse(RefusalCode::InputCount,
                    {"has a decay exactly with the gated rules"});
  if (C.has(5) != F.Delta)
    return C.refuse(RefusalCode::InputCount,
                    {"has a beta exactly with the delta rules"});
  return F;
}

/// Decay or beta [B, T, H D] or [B, T, H] or [B, T, 1] as [B, H or 1, T, D or
/// 1].
static Value perToken(OpImport &C, Value X, const LinearForm &F) {
  if (!X || rankOf(X) != 3)
    return unpackHeads(C, X, 1);
  bool IsShared = dimOf(typeOf(X), 2).isConstant(1);
  return unpackHeads(C, X, IsShared ? 1 : F.KeyHeads);
}

/// y, state = attention through a state of outer products of keys and values
static LogicalResult importLinearAttention(OpImport &C) {
  std::optional<LinearForm> F = linearForm(C);
  float Scale = C.floatAttr("scale", 0);
  if (!F)
    return failure();
  Value In = C.in(0);
  Value Q = unpackHeads(C, In, F->QueryHeads);
  Value K = unpackHeads(C, C.in(1), F->KeyHeads);
  Value V = unpackHeads(C, C.in(2), F->KeyHeads);
  if (!Q || !K || !V)
    return failure();
  Dims QDims = dimsOf(typeOf(Q));
  DimExpr Size = QDims[3], Width = dimOf(typeOf(V), 3);
  if (Scale == 0) {
    if (!Size.constant() || *Size.constant() < 1)
      return C.refuse(RefusalCode::ShapeRank, {"the head size must be static"});
    Scale = 1.0f / std::sqrt(static_cast<float>(*Size.constant()));
  }
  // f16 and bf16 in f32, the state above all.
  Type Narrow = elementOf(In);
  Type Number = Narrow.isF64() ? Narrow : Type(C.builder().getF32Type());
  Type StateType = C.has(3) && C.in(3) ? elementOf(C.in(3)) : Narrow;
  Value State =
      C.has(3) ? C.cast(C.in(3), Number)
               : C.broadcast(C.scalar(Number, 0),
                             {QDims[0], DimExpr(F->KeyHeads), Size, Width});
  SmallVector<Value> Operands = {C.cast(Q, Number), C.cast(K, Number),
                                 C.cast(V, Number), State};
  if (F->Gated)
    Operands.push_back(C.cast(perToken(C, C.in(4), *F), Number));
  if (F->Delta)
    Operands.push_back(C.cast(perToken(C, C.in(5), *F), Number));
  Value All = C.create<LinearAttentionOp>(
      Operands,
      {C.named("scale", Scale),
       C.named("operandSegmentSizes", C.builder().getDenseI32ArrayAttr(
                                          {1, 1, 1, 1, F->Gated, F->Delta}))});
  if (!All)
    return failure();
  // Rows r T + t of group g are those of query head g R + r.
  Dims Batch = {QDims[0], DimExpr(F->KeyHeads)};
  DimExpr Heads(F->QueryHeads / F->KeyHeads), Rows = Heads * QDims[2];
  SmallVector<int64_t> Steps(4, 1);
  auto Part = [&](const DimExpr &Begin, const DimExpr &Count) {
    DimExpr Zero(0);
    return C.create<SliceOp>(
        {All}, {C.named("starts", Dims{Zero, Zero, Begin, Zero}),
                C.named("sizes", Dims{Batch[0], Batch[1], Count, Width}),
                C.named("steps", ArrayRef<int64_t>(Steps))});
  };
  Value Y =
      C.reshape(Part(DimExpr(0), Rows), {QDims[0], QDims[1], QDims[2], Width});
  Y = C.reshape(C.transpose(Y, {0, 2, 1, 3}),
                {QDims[0], QDims[2], QDims[1] * Width});
  if (failed(C.result(0, C.cast(Y, Narrow))))
    return failure();
  return C.wants(1) ? C.result(1, C.cast(Part(Rows, Size), StateType))
                    : success();
}

//===----------------------------------------------------------------------===//
// TensorScatter
//===----------------------------------------------------------------------===//

/// y = a cache with new rows from an index of each batch row on; in circular
/// mode they go on at the beginning
static LogicalResult importTensorScatter(OpImport &C) {
  Value Cache = C.in(0), Update = C.in(1);
  llvm::StringRef Mode = C.stringAttr("mode", "linear");
  int64_t Given = C.intAttr("axis", -2);
  if (!Cache || !Update)
    return failure();
  if (Mode != "linear" && Mode != "circular")
    return C.refuse(RefusalCode::AttributeBad,
                    {"mode", "must be linear or circular"});
  std::optional<int64_t> Axis = C.axis(Given, rankOf(Cache));
  if (!Axis)
    return failure();
  if (*Axis == 0 || rankOf(Update) != rankOf(Cache))
    return C.refuse(RefusalCode::ShapeRank,
                    {"the axis must not be 0, and the update must have the "
                     "cache's rank"});
  Dims Shape = dimsOf(typeOf(Cache)), Rows = dimsOf(typeOf(Update));
  for (int64_t I = 0; I < rankOf(Cache); ++I)
    if (I != *Axis && !C.equal(Shape[I], Rows[I]))
      return failure();
  Value Begin = C.has(2)
                    ? C.cast(C.in(2), C.builder().getI64Type())
                    : C.broadcast(C.integers({DimExpr(0)}, true), {Shape[0]});
  Dims PerBatch(Rows.size(), DimExpr(1)), Along = PerBatch;
  PerBatch[0] = Shape[0];
  Along[*Axis] = Rows[*Axis];
  Value Place =
      C.create<AddOp>({C.reshape(Begin, PerBatch), C.iota(Along, *Axis)});
  if (Mode == "circular")
    Place = C.create<ModOp>(
        {Place, C.integers({DimExpr::max(DimExpr(1), Shape[*Axis])}, true)});
  return C.result(C.create<ScatterElementsOp>(
      {Cache, C.broadcast(Place, Rows), Update}, {C.named("axis", *Axis)}));
}

ArrayRef<OpEntry> recurrenceOps() {
  static const OpEntry Table[] = {
      {"LinearAttention", {27}, 3, 6, importLinearAttention},
      {"TensorScatter", {24}, 2, 3, importTensorScatter},
  };
  return Table;
}

} // namespace dure::onnx
