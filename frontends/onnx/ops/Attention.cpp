// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention and rotary position embedding as operators of their own.

#include "frontends/onnx/OpImport.h"

#include <cmath>

using namespace mlir;

namespace dure::onnx {

/// [B, T, heads * D] as [B, heads, T, D]
static Value splitHeads(OpImport &C, Value X, int64_t Heads) {
  if (!X)
    return {};
  Dims S = dimsOf(typeOf(X));
  DimExpr Head = DimExpr::floorDiv(S[2], DimExpr(Heads));
  return C.transpose(C.reshape(X, {S[0], S[1], DimExpr(Heads), Head}),
                     {0, 2, 1, 3});
}

/// [B, heads, T, D] as [B, T, heads * D]
static Value joinHeads(OpImport &C, Value X) {
  if (!X)
    return {};
  Dims S = dimsOf(typeOf(X));
  return C.reshape(C.transpose(X, {0, 2, 1, 3}), {S[0], S[2], S[1] * S[3]});
}

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// The rows of a table that belong to the tokens, as [B, 1, T, R / 2]. Without
/// position ids the table is [B, T, R / 2] already.
static Value tableRows(OpImport &C, Value Table, bool HasPositions) {
  if (!Table)
    return {};
  if (HasPositions)
    Table = C.create<GatherOp>({Table, C.in(3)}, {C.named("axis", int64_t(0))});
  if (!Table)
    return {};
  if (rankOf(Table) != 3)
    return C.refuse(RefusalCode::ShapeRank,
                    {"the tables must have rank 3, or 2 with position ids"});
  Dims S = dimsOf(typeOf(Table));
  return C.reshape(Table, {S[0], DimExpr(1), S[1], S[2]});
}

/// y = x with pairs of elements turned by the angles of their positions
static LogicalResult importRotaryEmbedding(OpImport &C) {
  Value X = C.in(0);
  bool Interleaved = C.boolAttr("interleaved", false);
  int64_t Heads = C.intAttr("num_heads", 0);
  int64_t Rotary = C.intAttr("rotary_embedding_dim", 0);
  if (!X)
    return failure();
  bool IsFlat = rankOf(X) == 3;
  if (!IsFlat && rankOf(X) != 4)
    return C.refuse(RefusalCode::ShapeRank, {"x must have rank 3 or 4"});
  if (IsFlat) {
    if (Heads <= 0)
      return C.refuse(RefusalCode::AttributeBad,
                      {"num_heads", "must be given for x of rank 3"});
    X = splitHeads(C, X, Heads);
  }
  if (!X)
    return failure();
  std::optional<int64_t> Size = dimOf(typeOf(X), 3).constant();
  if (!Size)
    return C.refuse(RefusalCode::ShapeRank, {"the head size must be static"});
  if (Rotary == 0)
    Rotary = *Size;
  Value Cos = tableRows(C, C.in(1), C.has(3));
  Value Sin = tableRows(C, C.in(2), C.has(3));
  auto Layout = RopeLayoutAttr::get(
      C.context(), Interleaved ? RopeLayout::Interleaved : RopeLayout::Half);
  Value Y = C.create<RopeOp>({X, Cos, Sin}, {C.named("layout", Layout),
                                             C.named("rotary_dim", Rotary)});
  return C.result(IsFlat ? joinHeads(C, Y) : Y);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

struct AttentionForm {
  bool Causal;
  float Softcap;
  bool IsFlat; ///< Operands and result of rank 3.
  int64_t QueryHeads, KeyHeads;
};

} // namespace

/// Brings q, k and v to [B, heads, T, D].
static LogicalResult bindQKV(OpImport &C, const AttentionForm &Form, Value &Q,
                             Value &K, Value &V) {
  int64_t Rank = Form.IsFlat ? 3 : 4;
  if (rankOf(Q) != Rank || rankOf(K) != Rank || rankOf(V) != Rank)
    return C.refuse(RefusalCode::ShapeRank,
                    {"q, k and v must all have rank 3 or all 4"});
  if (!Form.IsFlat)
    return success();
  if (Form.QueryHeads <= 0 || Form.KeyHeads <= 0)
    return C.refuse(
        RefusalCode::AttributeBad,
        {"q_num_heads", "and kv_num_heads must be given for rank 3"});
  Q = splitHeads(C, Q, Form.QueryHeads);
  K = splitHeads(C, K, Form.KeyHeads);
  V = splitHeads(C, V, Form.KeyHeads);
  return success(Q && K && V);
}

/// A mask [B, 1, 1, S] from the number of valid keys of each row.
static Value lengthMask(OpImport &C, Value Lengths, Value K) {
  if (!Lengths)
    return {};
  Dims S = dimsOf(typeOf(K));
  Value Place = C.iota({DimExpr(1), DimExpr(1), DimExpr(1), S[2]}, 3);
  Value Length = C.reshape(C.cast(Lengths, C.builder().getI64Type()),
                           {S[0], DimExpr(1), DimExpr(1), DimExpr(1)});
  return C.compare(Place, Length, ComparePredicate::LT);
}

/// Two masks in one; an additive one loses what a bool one hides.
static Value joinMasks(OpImport &C, Value Mask, Value Seen) {
  if (!Mask || !Seen)
    return Mask ? Mask : Seen;
  if (elementOf(Mask).isInteger(1))
    return C.create<AndOp>({Mask, Seen});
  return C.create<SelectOp>(
      {Seen, Mask,
       C.scalarLike(Mask, -std::numeric_limits<double>::infinity())});
}

/// The mask operand, made to cover all keys: what it leaves out is hidden.
static Value coverKeys(OpImport &C, Value Mask, const DimExpr &Keys) {
  if (!Mask || rankOf(Mask) == 0)
    return Mask;
  int64_t Last = rankOf(Mask) - 1;
  DimExpr Have = dimOf(typeOf(Mask), Last);
  bool IsShorter = Have.constant() && Keys.constant() && !Have.isConstant(1) &&
                   *Have.constant() < *Keys.constant();
  if (!IsShorter)
    return Mask;
  Dims Low(rankOf(Mask), DimExpr(0)), High(rankOf(Mask), DimExpr(0));
  High[Last] = Keys - Have;
  double Hidden = elementOf(Mask).isInteger(1)
                      ? 0
                      : -std::numeric_limits<double>::infinity();
  return C.create<PadOp>(
      {Mask, C.scalarLike(Mask, Hidden)},
      {C.named("low", Low), C.named("high", High),
       C.named("mode", PadModeAttr::get(C.context(), PadMode::Constant))});
}

/// The causal mask [T, S] of the standard: query t sees the keys up to t plus
/// the length of the op's own past. It is aligned at the upper left, which is
/// not what dure.attention's own flag means unless S = T + past.
static Value causalMask(OpImport &C, const DimExpr &Queries,
                        const DimExpr &Keys, const DimExpr &Past) {
  Value Last = C.iota({Queries, Keys}, 0);
  if (Last && !Past.isConstant(0))
    Last = C.create<AddOp>({Last, C.integers({Past}, true)});
  return C.compare(C.iota({Queries, Keys}, 1), Last, ComparePredicate::LE);
}

/// 1 / sqrt(D), or what the node says.
static std::optional<float> scaleOf(OpImport &C, Value Q) {
  float Given = C.floatAttr("scale", 0);
  if (C.attribute("scale"))
    return Given;
  std::optional<int64_t> Size = dimOf(typeOf(Q), 3).constant();
  if (!Size || *Size <= 0)
    return C.refuse(RefusalCode::ShapeRank, {"the head size must be static"});
  return 1.0f / std::sqrt(static_cast<float>(*Size));
}

/// y = softmax(scale q k^T + mask) v, with grouped heads and a cache
static LogicalResult importAttention(OpImport &C) {
  Value Q = C.in(0), K = C.in(1), V = C.in(2);
  AttentionForm Form;
  Form.Causal = C.boolAttr("is_causal", false);
  Form.Softcap = C.floatAttr("softcap", 0);
  Form.QueryHeads = C.intAttr("q_num_heads", 0);
  Form.KeyHeads = C.intAttr("kv_num_heads", 0);
  C.intAttr("softmax_precision", 1); // f32 at least is what we compute with.
  C.intAttr("qk_matmul_output_mode", 0);
  if (!Q || !K || !V)
    return failure();
  if (C.wants(3))
    return C.refuse(RefusalCode::FormUnsupported,
                    {"its output qk_matmul_output is used"});
  Form.IsFlat = rankOf(Q) == 3;
  if (failed(bindQKV(C, Form, Q, K, V)))
    return failure();
  if (C.has(4) != C.has(5))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both past_key and past_value, or neither"});
  if (C.has(6) && C.version() < 24)
    return C.refuse(RefusalCode::InputCount,
                    {"has an input 6, which comes with opset 24"});
  DimExpr Past(0);
  if (C.has(4)) {
    if (rankOf(C.in(4)) != 4 || rankOf(C.in(5)) != 4)
      return C.refuse(RefusalCode::ShapeRank,
                      {"past_key and past_value must have rank 4"});
    Past = dimOf(typeOf(C.in(4)), 2);
    K = C.create<ConcatOp>({C.in(4), K}, {C.named("axis", int64_t(2))});
    V = C.create<ConcatOp>({C.in(5), V}, {C.named("axis", int64_t(2))});
    if (!K || !V)
      return failure();
  }
  if ((C.wants(1) && failed(C.result(1, K))) ||
      (C.wants(2) && failed(C.result(2, V))))
    return failure();

  Value Mask = C.has(3) ? coverKeys(C, C.in(3), dimOf(typeOf(K), 2)) : Value();
  if (C.has(3) && !Mask)
    return failure();
  if (C.has(6)) {
    // With a causal mask the lengths would move its diagonal row by row.
    if (Form.Causal)
      return C.refuse(RefusalCode::FormUnsupported,
                      {"is_causal together with nonpad_kv_seqlen"});
    Mask = joinMasks(C, Mask, lengthMask(C, C.in(6), K));
    if (!Mask)
      return failure();
  }
  DimExpr Queries = dimOf(typeOf(Q), 2), Keys = dimOf(typeOf(K), 2);
  if (Form.Causal && Keys != Queries + Past) {
    Mask = joinMasks(C, Mask, causalMask(C, Queries, Keys, Past));
    if (!Mask)
      return failure();
    Form.Causal = false;
  }
  std::optional<float> Scale = scaleOf(C, Q);
  if (!Scale)
    return failure();

  SmallVector<Value> Operands = {Q, K, V};
  if (Mask)
    Operands.push_back(Mask);
  // Rows that see nothing give 0: the standard's wording since its errata.
  Value Y = C.create<AttentionOp>(
      Operands,
      {C.named("scale", *Scale), C.named("causal", Form.Causal),
       C.named("softcap", Form.Softcap),
       C.named("empty_row", EmptyRowAttr::get(C.context(), EmptyRow::Zero)),
       C.named("operandSegmentSizes",
               C.builder().getDenseI32ArrayAttr({1, 1, 1, Mask ? 1 : 0, 0}))});
  return C.result(Form.IsFlat ? joinHeads(C, Y) : Y);
}

ArrayRef<OpEntry> attentionOps() {
  static const OpEntry Table[] = {
      {"RotaryEmbedding", {23}, 3, 4, importRotaryEmbedding},
      {"Attention", {23, 24}, 3, 7, importAttention},
  };
  return Table;
}

} // namespace dure::onnx
