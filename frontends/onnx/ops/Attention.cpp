// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention and rotary position embedding as operators of their own.

#include "frontends/onnx/ops/Heads.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dure::onnx {

/// [B, T, heads * D] as [B, heads, T, D]
Value splitHeads(OpImport &C, Value X, int64_t Heads) {
  if (!X)
    return {};
  Dims S = dimsOf(typeOf(X));
  DimExpr Head = DimExpr::floorDiv(S[2], DimExpr(Heads));
  return C.transpose(C.reshape(X, {S[0], S[1], DimExpr(Heads), Head}),
                     {0, 2, 1, 3});
}

/// [B, heads, T, D] as [B, T, heads * D]
Value joinHeads(OpImport &C, Value X) {
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

Value rotate(OpImport &C, Value X, Value Cos, Value Sin, Value Positions,
             bool Interleaved) {
  auto Rows = [&](Value Table) -> Value {
    Value Rows =
        C.create<GatherOp>({Table, Positions}, {C.named("axis", int64_t(0))});
    if (!Rows)
      return {};
    Dims S = dimsOf(typeOf(Rows)); // [B, T, R / 2]
    if (S.size() != 3)
      return C.refuse(RefusalCode::ShapeRank,
                      {"the tables must have rank 2, and position ids too"});
    return C.reshape(Rows, {S[0], DimExpr(1), S[1], S[2]});
  };
  Value CosRows = Rows(Cos), SinRows = Rows(Sin);
  if (!X || !CosRows || !SinRows)
    return {};
  std::optional<int64_t> Half = dimOf(typeOf(CosRows), 3).constant();
  if (!Half || *Half < 1 || *Half > (int64_t(1) << 30))
    return C.refuse(RefusalCode::ShapeRank,
                    {"the width of the tables must be known"});
  auto Layout = RopeLayoutAttr::get(
      C.context(), Interleaved ? RopeLayout::Interleaved : RopeLayout::Half);
  return C.create<RopeOp>(
      {X, CosRows, SinRows},
      {C.named("layout", Layout), C.named("rotary_dim", 2 * *Half)});
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

struct AttentionForm {
  /// How far a query sees before and behind it; -1: all.
  int64_t Left = -1, Right = -1;
  bool Causal = false; ///< The bounds are those of dure.attention's own flags.
  float Softcap;
  int64_t OutputMode; ///< Which scores are given, qk_matmul_output_mode.
  bool IsFlat;        ///< Operands and result of rank 3.
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
Value joinMasks(OpImport &C, Value Mask, Value Seen) {
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

/// Where the queries stand among the keys: [T, 1], counted from the op's own
/// past; or [B, 1, T, 1] beside lengths of the keys, where the last query of a
/// row stands at its last valid key.
static Value queryPositions(OpImport &C, Value Lengths, const DimExpr &Queries,
                            const DimExpr &Past) {
  DimExpr One(1);
  if (!Lengths) {
    Value Query = C.iota({Queries, One}, 0);
    return Past.isConstant(0)
               ? Query
               : C.create<AddOp>({Query, C.integers({Past}, true)});
  }
  Value Valid = C.reshape(C.cast(Lengths, C.builder().getI64Type()),
                          {dimOf(typeOf(Lengths), 0), One, One, One});
  Value Query = C.iota({One, One, Queries, One}, 2);
  return C.create<SubOp>(
      {C.create<AddOp>({Valid, Query}), C.integers({Queries}, true)});
}

/// The keys that a query at position p sees: p - Left to p + Right, where a
/// bound below 0 is none. The standard's alignment of `is_causal` is this, with
/// nothing to the right; what dure.attention's own flag means differs unless
/// there are as many keys as past and queries together.
static Value bandMask(OpImport &C, Value Positions, const DimExpr &Keys,
                      int64_t Left, int64_t Right) {
  if (!Positions)
    return {};
  Dims Shape(rankOf(Positions), DimExpr(1));
  Shape.back() = Keys;
  Value Key = C.iota(Shape, Shape.size() - 1);
  auto Bound = [&](int64_t Distance) {
    return Distance == 0 ? Positions
                         : C.create<AddOp>(
                               {Positions, C.scalarLike(Positions, Distance)});
  };
  Value Before, Behind;
  if (Right >= 0)
    Behind = C.compare(Key, Bound(Right), ComparePredicate::LE);
  if (Left >= 0)
    Before = C.compare(Key, Bound(-Left), ComparePredicate::GE);
  return Before && Behind ? C.create<AndOp>({Before, Behind})
                          : (Before ? Before : Behind);
}

/// scale (q . k^T) [B, H, T, S]; head h reads group h / (H / G).
Value scoresOf(OpImport &C, Value Q, Value K, float Scale) {
  Dims S = dimsOf(typeOf(Q)), Keys = dimsOf(typeOf(K));
  Dims Grouped = {S[0], Keys[1], DimExpr::floorDiv(S[1], Keys[1]), S[2], S[3]};
  Value Heads = C.create<MulOp>({Q, C.scalarLike(Q, Scale)});
  Value Shared = C.reshape(K, {Keys[0], Keys[1], DimExpr(1), Keys[2], Keys[3]});
  Value Y = C.create<MatMulOp>({C.reshape(Heads, Grouped), Shared},
                               {C.named("transpose_rhs", true)});
  return C.reshape(Y, {S[0], S[1], S[2], Keys[2]});
}

/// Output qk_matmul_output: the scores as they are (0), after softcap (1),
/// with the mask (2), or after softmax (3), where rows that see nothing are 0.
/// Computed beside the attention, which does not keep them.
static Value scoresOutput(OpImport &C, Value Q, Value K, Value Mask,
                          float Scale, const AttentionForm &Form) {
  Type Narrow = elementOf(Q);
  Type Wide = Narrow.isF64() ? Narrow : Type(C.builder().getF32Type());
  Value S = scoresOf(C, C.cast(Q, Wide), C.cast(K, Wide), Scale);
  if (Form.OutputMode >= 1 && Form.Softcap > 0) {
    Value Cap = C.scalarLike(S, Form.Softcap);
    S = C.create<MulOp>({C.create<TanhOp>({C.create<DivOp>({S, Cap})}), Cap});
  }
  if (Form.OutputMode >= 2) {
    Value Hidden = C.scalar(Wide, -std::numeric_limits<double>::infinity());
    if (Mask && elementOf(Mask).isInteger(1))
      S = C.create<SelectOp>({Mask, S, Hidden});
    else if (Mask)
      S = C.create<AddOp>({S, C.cast(Mask, Wide)});
    if (S && Form.Causal) {
      DimExpr Queries = dimOf(typeOf(S), 2), Keys = dimOf(typeOf(S), 3);
      Value Place = queryPositions(C, {}, Queries, Keys - Queries);
      S = C.create<SelectOp>(
          {bandMask(C, Place, Keys, Form.Left, Form.Right), S, Hidden});
    }
  }
  if (Form.OutputMode == 3) {
    Value P = C.create<SoftmaxOp>({S}, {C.named("axis", int64_t(3))});
    // A row of -inf alone makes NaN of its softmax.
    Value Largest = C.reduce(S, ReduceKind::Max, {3}, /*KeepDims=*/true);
    Value Lowest = C.scalar(Wide, -std::numeric_limits<double>::infinity());
    Value SeesNone = C.compare(Largest, Lowest, ComparePredicate::EQ);
    S = C.create<SelectOp>({SeesNone, C.scalar(Wide, 0), P});
  }
  return C.cast(S, Narrow);
}

/// 1 / sqrt(D), or what the node says.
std::optional<float> scaleOf(OpImport &C, Value Q, bool ZeroIsNone) {
  float Given = C.floatAttr("scale", 0);
  if (C.attribute("scale") && !(ZeroIsNone && Given == 0))
    return Given;
  std::optional<int64_t> Size = dimOf(typeOf(Q), 3).constant();
  if (!Size || *Size <= 0)
    return C.refuse(RefusalCode::ShapeRank, {"the head size must be static"});
  return 1.0f / std::sqrt(static_cast<float>(*Size));
}

Value attend(OpImport &C, Value Q, Value K, Value V,
             const AttentionWords &Words) {
  SmallVector<Value> Operands = {Q, K, V};
  for (Value Optional : {Words.Mask, Words.Sinks})
    if (Optional)
      Operands.push_back(Optional);
  // Rows that see nothing give 0: the standard's wording since its errata.
  return C.create<AttentionOp>(
      Operands,
      {C.named("scale", Words.Scale), C.named("causal", Words.Causal),
       C.named("window", Words.Window), C.named("softcap", Words.Softcap),
       C.named("empty_row", EmptyRowAttr::get(C.context(), EmptyRow::Zero)),
       C.named("operandSegmentSizes",
               C.builder().getDenseI32ArrayAttr(
                   {1, 1, 1, Words.Mask ? 1 : 0, Words.Sinks ? 1 : 0}))});
}

/// How far a query sees to one side. No tensor reaches as far as 2^60.
static int64_t windowAttr(OpImport &C, llvm::StringRef Name) {
  return std::clamp<int64_t>(C.intAttr(Name, -1), -1, int64_t(1) << 60);
}

/// y = softmax(scale q k^T + mask) v, with grouped heads and a cache
static LogicalResult importAttention(OpImport &C) {
  Value Q = C.in(0), K = C.in(1), V = C.in(2);
  AttentionForm Form;
  if (C.version() >= 25) {
    Form.Left = windowAttr(C, "left_window_size");
    Form.Right = windowAttr(C, "right_window_size");
  }
  if (C.boolAttr("is_causal", false))
    Form.Right = 0;
  Form.Softcap = C.floatAttr("softcap", 0);
  Form.QueryHeads = C.intAttr("q_num_heads", 0);
  Form.KeyHeads = C.intAttr("kv_num_heads", 0);
  C.intAttr("softmax_precision", 1); // f32 at least is what we compute with.
  Form.OutputMode = C.intAttr("qk_matmul_output_mode", 0);
  if (!Q || !K || !V)
    return failure();
  if (Form.OutputMode < 0 || Form.OutputMode > 3)
    return C.refuse(RefusalCode::AttributeBad,
                    {"qk_matmul_output_mode", "must be 0 to 3"});
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
  DimExpr Queries = dimOf(typeOf(Q), 2), Keys = dimOf(typeOf(K), 2);
  Value Lengths = C.has(6) ? C.in(6) : Value();
  if (C.has(6)) {
    Mask = joinMasks(C, Mask, lengthMask(C, Lengths, K));
    if (!Mask)
      return failure();
  }
  // The op has the common bounds itself; others are a mask.
  Form.Causal = Form.Right == 0 && !Lengths && Keys == Queries + Past;
  if (!Form.Causal && (Form.Left >= 0 || Form.Right >= 0)) {
    Value Places = queryPositions(C, Lengths, Queries, Past);
    Mask = joinMasks(C, Mask, bandMask(C, Places, Keys, Form.Left, Form.Right));
    if (!Mask)
      return failure();
  }
  std::optional<float> Scale = scaleOf(C, Q, /*ZeroIsNone=*/false);
  if (!Scale)
    return failure();

  if (C.wants(3) &&
      failed(C.result(3, scoresOutput(C, Q, K, Mask, *Scale, Form))))
    return failure();

  AttentionWords Words{Mask, Value(), *Scale, Form.Softcap, Form.Causal};
  if (Form.Causal && Form.Left >= 0)
    Words.Window = Form.Left + 1;
  Value Y = attend(C, Q, K, V, Words);
  return C.result(Form.IsFlat ? joinHeads(C, Y) : Y);
}

ArrayRef<OpEntry> attentionOps() {
  static const OpEntry Table[] = {
      {"RotaryEmbedding", {23}, 3, 4, importRotaryEmbedding},
      {"Attention", {23, 24, 25}, 3, 7, importAttention},
  };
  return Table;
}

} // namespace dure::onnx
