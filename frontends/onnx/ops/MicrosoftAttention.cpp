// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of the domain com.microsoft: GroupQueryAttention,
// MultiHeadAttention, Attention, RotaryEmbedding.

#include "frontends/onnx/ops/Heads.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dure::onnx {

/// Part `Count` from `Begin` on of a tensor's dim.
static Value part(OpImport &C, Value X, int64_t Axis, const DimExpr &Begin,
                  const DimExpr &Count) {
  if (!X)
    return {};
  Dims Starts(rankOf(X), DimExpr(0)), Sizes = dimsOf(typeOf(X));
  SmallVector<int64_t> Steps(rankOf(X), 1);
  Starts[Axis] = Begin;
  Sizes[Axis] = Count;
  return C.create<SliceOp>({X},
                           {C.named("starts", Starts), C.named("sizes", Sizes),
                            C.named("steps", ArrayRef<int64_t>(Steps))});
}

/// Refuses a node that has an input, or an attribute of another value than the
/// one that leaves a feature off.
static LogicalResult refuseInput(OpImport &C, unsigned I, const char *Name) {
  if (!C.has(I))
    return success();
  return C.refuse(RefusalCode::FormUnsupported,
                  {"its input " + std::string(Name) + " is given"});
}
static LogicalResult refuseAttr(OpImport &C, llvm::StringRef Name,
                                int64_t Off = 0) {
  if (C.intAttr(Name, Off) == Off)
    return success();
  return C.refuse(RefusalCode::AttributeBad,
                  {Name.str(), "must be " + std::to_string(Off)});
}

/// A number of heads, which must be positive.
static std::optional<int64_t> headsAttr(OpImport &C, llvm::StringRef Name) {
  int64_t Heads = C.intAttr(Name, 0);
  if (Heads < 1 || Heads > (int64_t(1) << 20))
    return C.refuse(RefusalCode::AttributeBad,
                    {Name.str(), "must be positive"});
  return Heads;
}

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// Positions as [B, T]: given so, or one number from which rows are counted.
static Value positionRows(OpImport &C, Value Given, const DimExpr &Tokens) {
  if (!Given)
    return {};
  if (rankOf(Given) == 2)
    return Given;
  if (rankOf(Given) != 1)
    return C.refuse(RefusalCode::ShapeRank,
                    {"position_ids must have rank 1 or 2"});
  Value First = C.cast(C.reshape(Given, {DimExpr(1), DimExpr(1)}),
                       C.builder().getI64Type());
  return C.create<AddOp>({C.iota({DimExpr(1), Tokens}, 1), First});
}

/// y = x with pairs of elements turned by the angles of their positions
static LogicalResult importRotary(OpImport &C) {
  Value X = C.in(0), Cos = C.in(2), Sin = C.in(3);
  bool Interleaved = C.boolAttr("interleaved", false);
  int64_t Heads = C.intAttr("num_heads", 0);
  int64_t Rotary = C.intAttr("rotary_embedding_dim", 0);
  C.floatAttr("scale", 1); // Read by no kernel.
  if (failed(refuseAttr(C, "is_packed_batching")) || !X || !Cos || !Sin)
    return failure();
  if (rankOf(X) != 3 && rankOf(X) != 4)
    return C.refuse(RefusalCode::ShapeRank, {"x must have rank 3 or 4"});
  bool IsFlat = rankOf(X) == 3;
  std::optional<int64_t> Half =
      rankOf(Cos) == 2 ? dimOf(typeOf(Cos), 1).constant() : std::nullopt;
  if (!Half || *Half < 1)
    return C.refuse(RefusalCode::ShapeRank,
                    {"the width of the tables must be known"});
  if (Rotary != 0 && Rotary != 2 * *Half)
    return C.refuse(RefusalCode::AttributeBad,
                    {"rotary_embedding_dim", "is not twice the tables' width"});
  if (IsFlat) {
    // Without a number of heads the tables tell the head size.
    std::optional<int64_t> Width = dimOf(typeOf(X), 2).constant();
    if (Heads == 0 && Width)
      Heads = *Width / (2 * *Half);
    if (Heads <= 0)
      return C.refuse(RefusalCode::AttributeBad,
                      {"num_heads", "must be given for x of rank 3"});
    X = splitHeads(C, X, Heads);
  }
  if (!X)
    return failure();
  Value Positions = positionRows(C, C.in(1), dimOf(typeOf(X), 2));
  Value Y = rotate(C, X, Cos, Sin, Positions, Interleaved);
  return C.result(IsFlat ? joinHeads(C, Y) : Y);
}

//===----------------------------------------------------------------------===//
// GroupQueryAttention
//===----------------------------------------------------------------------===//

namespace {
struct GroupQuery {
  int64_t Heads, Groups;
  bool Causal;
  int64_t Window; ///< Keys that are seen, the own one counted; 0: all.
  Value Q, K, V;  ///< [B, heads, T, D]
  Value Begin;    ///< [B], i64: rows of the cache before these tokens.
};
} // namespace

/// Attributes and inputs of features that are not taken.
static LogicalResult checkGroupQuery(OpImport &C) {
  for (llvm::StringRef Name : {"k_quant_type", "v_quant_type"})
    if (C.stringAttr(Name, "NONE") != "NONE")
      return C.refuse(RefusalCode::AttributeBad, {Name.str(), "must be NONE"});
  for (llvm::StringRef Name :
       {"kv_cache_bit_width", "sliding_window_cache", "qk_output"})
    if (failed(refuseAttr(C, Name)))
      return failure();
  if (failed(refuseInput(C, 12, "k_scale")) ||
      failed(refuseInput(C, 13, "v_scale")) ||
      failed(refuseInput(C, 16, "query_seqlens")))
    return failure();
  if (C.has(3) != C.has(4))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both past_key and past_value, or neither"});
  if (C.has(1) != C.has(2))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both key and value, or neither"});
  if (C.has(14) != C.has(15))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both q_norm_weight and k_norm_weight, or neither"});
  if (C.has(7) != C.has(8))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both cos_cache and sin_cache, or neither"});
  return success();
}

/// q, k and v, packed into one input or three.
static LogicalResult bindGroups(OpImport &C, GroupQuery &A) {
  Value Q = C.in(0);
  if (!Q)
    return failure();
  if (rankOf(Q) != 3)
    return C.refuse(RefusalCode::ShapeRank, {"query must have rank 3"});
  if (C.has(1)) {
    if (!C.in(1) || !C.in(2))
      return failure();
    if (rankOf(C.in(1)) != 3 || rankOf(C.in(2)) != 3)
      return C.refuse(RefusalCode::ShapeRank,
                      {"key and value must have rank 3"});
    A.Q = splitHeads(C, Q, A.Heads);
    A.K = splitHeads(C, C.in(1), A.Groups);
    A.V = splitHeads(C, C.in(2), A.Groups);
  } else {
    Value All = splitHeads(C, Q, A.Heads + 2 * A.Groups);
    DimExpr Groups(A.Groups);
    A.Q = part(C, All, 1, DimExpr(0), DimExpr(A.Heads));
    A.K = part(C, All, 1, DimExpr(A.Heads), Groups);
    A.V = part(C, All, 1, DimExpr(A.Heads + A.Groups), Groups);
  }
  return success(A.Q && A.K && A.V);
}

/// Per-head RMS norms of q and k, then their rotation.
static LogicalResult prepareHeads(OpImport &C, GroupQuery &A) {
  float Epsilon = C.floatAttr("qk_norm_epsilon", 1e-6f);
  float EpsilonQ = C.floatAttr("q_norm_epsilon", Epsilon);
  float EpsilonK = C.floatAttr("k_norm_epsilon", Epsilon);
  bool Rotates = C.boolAttr("do_rotary", false);
  bool Interleaved = C.boolAttr("rotary_interleaved", false);
  if (C.has(14)) {
    auto Norm = [&](Value X, unsigned Weight, float By) {
      return C.create<RMSNormOp>(
          {X, C.in(Weight)},
          {C.named("axis", int64_t(3)), C.named("epsilon", By)});
    };
    A.Q = Norm(A.Q, 14, EpsilonQ);
    A.K = Norm(A.K, 15, EpsilonK);
  }
  if (!A.Q || !A.K)
    return failure();
  if (!Rotates)
    return success();
  if (!C.has(7))
    return C.refuse(RefusalCode::InputCount,
                    {"needs cos_cache and sin_cache for do_rotary"});
  Value Positions;
  if (C.has(9)) {
    Positions = C.in(9);
  } else {
    DimExpr Tokens = dimOf(typeOf(A.Q), 2), One(1);
    Value First = C.reshape(A.Begin, {dimOf(typeOf(A.Begin), 0), One});
    Positions = C.create<AddOp>({First, C.iota({One, Tokens}, 1)});
  }
  A.Q = rotate(C, A.Q, C.in(7), C.in(8), Positions, Interleaved);
  A.K = rotate(C, A.K, C.in(7), C.in(8), Positions, Interleaved);
  return success(A.Q && A.K);
}

/// The past with new rows [B, G, T, D] behind it, of which each batch row has
/// its own number `Begin`; as many rows as the longer of the past and the whole
/// sequence, 0 behind the new ones.
static Value cacheRows(OpImport &C, unsigned Past, Value New, Value Begin,
                       const DimExpr &Total) {
  if (!New || !Begin)
    return {};
  Dims Shape = dimsOf(typeOf(New));
  DimExpr One(1), Tokens = Shape[2], Rows = Total;
  Value Old;
  if (C.has(Past)) {
    Old = C.in(Past);
    if (!Old)
      return {};
    if (rankOf(Old) != 4)
      return C.refuse(RefusalCode::ShapeRank,
                      {"past_key and past_value must have rank 4"});
    DimExpr Have = dimOf(typeOf(Old), 2);
    Rows = C.settle(DimExpr::max(Have, Total));
    DimExpr More = C.settle(Rows - Have);
    if (!More.isConstant(0)) {
      Dims Low(4, DimExpr(0)), High = Low;
      High[2] = More;
      auto Mode = PadModeAttr::get(C.context(), PadMode::Constant);
      Old = C.create<PadOp>(
          {Old, C.scalarLike(Old, 0)},
          {C.named("low", Low), C.named("high", High), C.named("mode", Mode)});
    }
  }
  // Row r of batch row b is new row r - Begin[b], if there is one.
  Value Row = C.iota({One, Rows}, 1), Zero = C.scalarLike(Row, 0);
  Value At = C.create<SubOp>({Row, C.reshape(Begin, {Shape[0], One})});
  Value Last = C.integers({Tokens - One}, true);
  Value IsOld = C.compare(At, Zero, ComparePredicate::LT);
  Value IsNew = C.compare(At, Last, ComparePredicate::LE);
  Value From = C.create<MaxOp>({C.create<MinOp>({At, Last}), Zero});
  Value Moved = C.create<GatherNDOp>(
      {C.transpose(New, {0, 2, 1, 3}), C.reshape(From, {Shape[0], Rows, One})},
      {C.named("batch_dims", int64_t(1))});
  Moved = C.transpose(Moved, {0, 2, 1, 3});
  auto ForRows = [&](Value Truth) {
    return C.reshape(Truth, {Shape[0], One, Rows, One});
  };
  Value Y = C.create<SelectOp>({ForRows(IsNew), Moved, C.scalarLike(New, 0)});
  return Old ? C.create<SelectOp>({ForRows(IsOld), Old, Y}) : Y;
}

/// What each query sees: [B, 1, T, S] of the cache's S rows.
static Value groupMask(OpImport &C, const GroupQuery &A, Value Cache,
                       Value Lengths) {
  if (!Cache || !Lengths)
    return {};
  DimExpr One(1), Batch = dimOf(typeOf(A.Q), 0), Tokens = dimOf(typeOf(A.Q), 2);
  Value Key = C.iota({One, One, One, dimOf(typeOf(Cache), 2)}, 3);
  if (!A.Causal)
    return C.compare(Key, C.reshape(Lengths, {Batch, One, One, One}),
                     ComparePredicate::LT);
  Value Own = C.create<AddOp>({C.reshape(A.Begin, {Batch, One, One, One}),
                               C.iota({One, One, Tokens, One}, 2)});
  Value Seen = C.compare(Key, Own, ComparePredicate::LE);
  if (A.Window <= 0)
    return Seen;
  Value Least = C.create<SubOp>({Own, C.integers({DimExpr(A.Window)}, true)});
  return C.create<AndOp>({Seen, C.compare(Key, Least, ComparePredicate::GT)});
}

/// The additive bias, as wide as the cache: what lies behind it is hidden.
static Value wideBias(OpImport &C, Value Bias, Value Cache) {
  if (!Bias || !Cache)
    return {};
  if (rankOf(Bias) != 4)
    return C.refuse(RefusalCode::ShapeRank,
                    {"attention_bias must have rank 4"});
  DimExpr More = C.settle(dimOf(typeOf(Cache), 2) - dimOf(typeOf(Bias), 3));
  if (More.isConstant(0))
    return Bias;
  Dims Low(4, DimExpr(0)), High = Low;
  High[3] = More;
  auto Mode = PadModeAttr::get(C.context(), PadMode::Constant);
  return C.create<PadOp>(
      {Bias, C.scalarLike(Bias, 0)},
      {C.named("low", Low), C.named("high", High), C.named("mode", Mode)});
}

/// y, present_key, present_value = attention of grouped heads over a cache,
/// whose rows in use are given for each batch row (seqlens_k + 1)
static LogicalResult importGroupQueryAttention(OpImport &C) {
  auto Heads = headsAttr(C, "num_heads"), Groups = headsAttr(C, "kv_num_heads");
  bool Smooth = C.boolAttr("smooth_softmax", false);
  float Softcap = C.floatAttr("softcap", 0);
  int64_t Window = C.intAttr("local_window_size", -1);
  GroupQuery A;
  A.Causal = C.boolAttr("causal", true);
  A.Window = std::max<int64_t>(Window, 0);
  if (!Heads || !Groups || failed(checkGroupQuery(C)))
    return failure();
  A.Heads = *Heads;
  A.Groups = *Groups;
  if (A.Window > 0 && !A.Causal)
    return C.refuse(RefusalCode::AttributeBad,
                    {"local_window_size", "must be -1 without causal"});
  std::optional<Dims> Total = C.exprs(6);
  Value Given = C.in(5);
  if (!Total || !Given || failed(bindGroups(C, A)))
    return failure();
  if (Total->size() != 1)
    return C.refuse(RefusalCode::ShapeRank, {"a scalar is needed"});
  // Lengths may come as [B, 1].
  DimExpr Batch = dimOf(typeOf(A.Q), 0), Tokens = dimOf(typeOf(A.Q), 2);
  Type I64 = C.builder().getI64Type();
  Value Lengths = C.reshape(C.cast(Given, I64), {Batch});
  Lengths = C.create<AddOp>({Lengths, C.integers({DimExpr(1)}, true)});
  // A prompt shorter than its padding has no past, either.
  Value Zero = C.integers({DimExpr(0)}, true);
  A.Begin = C.create<MaxOp>(
      {C.create<SubOp>({Lengths, C.integers({Tokens}, true)}), Zero});
  if (!A.Begin || failed(prepareHeads(C, A)))
    return failure();

  DimExpr Size = C.bindSize(DimExpr::max(DimExpr(0), Total->front()));
  if (Total->front().isNonNegative())
    Size = Total->front();
  Value K = cacheRows(C, 3, A.K, A.Begin, Size);
  Value V = cacheRows(C, 4, A.V, A.Begin, Size);
  if (!K || !V || (C.wants(1) && failed(C.result(1, K))) ||
      (C.wants(2) && failed(C.result(2, V))))
    return failure();
  AttentionWords Words;
  Words.Mask = groupMask(C, A, K, Lengths);
  if (C.has(10) && Words.Mask) {
    Value Bias = wideBias(C, C.in(10), K);
    Words.Mask = Bias ? joinMasks(C, Bias, Words.Mask) : Value();
  }
  std::optional<float> Scale = scaleOf(C, A.Q, /*ZeroIsNone=*/true);
  if (!Words.Mask || !Scale)
    return failure();
  Words.Scale = *Scale;
  Words.Softcap = Softcap;
  if (C.has(11))
    Words.Sinks = C.in(11);
  else if (Smooth)
    Words.Sinks = C.broadcast(C.scalarLike(A.Q, 0), {DimExpr(A.Heads)});
  return C.result(0, joinHeads(C, attend(C, A.Q, K, V, Words)));
}

//===----------------------------------------------------------------------===//
// MultiHeadAttention and Attention
//===----------------------------------------------------------------------===//

/// What padding and causality add to scores: `Filter` where a key is hidden.
/// All queries see something then, if only by how much less it is hidden.
static Value added(OpImport &C, Value Mask, Value Seen, float Filter,
                   Type Element) {
  if (!Seen)
    return {};
  Value Less = C.create<SelectOp>(
      {Seen, C.scalar(Element, 0), C.scalar(Element, Filter)});
  return Mask ? C.create<AddOp>({Mask, Less}) : Less;
}

/// The padding mask in its forms: keys kept [B, S] or [B, T, S], or the number
/// of keys [B]; as bool of rank 4.
static Value paddingMask(OpImport &C, Value Given, const DimExpr &Keys) {
  if (!Given)
    return {};
  DimExpr One(1);
  Dims S = dimsOf(typeOf(Given));
  if (S.size() == 1) {
    Value Length = C.reshape(C.cast(Given, C.builder().getI64Type()),
                             {S[0], One, One, One});
    return C.compare(C.iota({One, One, One, Keys}, 3), Length,
                     ComparePredicate::LT);
  }
  if (S.size() != 2 && S.size() != 3)
    return C.refuse(RefusalCode::ShapeRank,
                    {"the padding mask must have rank 1, 2 or 3"});
  Dims To =
      S.size() == 2 ? Dims{S[0], One, One, S[1]} : Dims{S[0], One, S[1], S[2]};
  Value Wide = C.reshape(Given, To);
  if (!Wide || elementOf(Wide).isInteger(1))
    return Wide;
  return C.compare(Wide, C.scalarLike(Wide, 0), ComparePredicate::NE);
}

namespace {
/// The words that both operators have.
struct MultiHead {
  Value Q, K, V; ///< [B, heads, T, D]
  Value Padding; ///< As the node gives it; may be null.
  Value Bias;    ///< Added to scores; may be null.
};
} // namespace

/// Attention with what padding, causality and bias add to the scores.
static Value multiHead(OpImport &C, const MultiHead &A) {
  bool Causal = C.boolAttr("unidirectional", false);
  float Filter = C.floatAttr("mask_filter_value", -10000.0f);
  std::optional<float> Scale = scaleOf(C, A.Q, /*ZeroIsNone=*/true);
  if (!Scale)
    return {};
  Type Element = elementOf(A.Q);
  DimExpr Keys = dimOf(typeOf(A.K), 2);
  Value Mask = A.Bias;
  if (A.Padding) {
    Mask = added(C, Mask, paddingMask(C, A.Padding, Keys), Filter, Element);
    if (!Mask)
      return {};
  }
  AttentionWords Words;
  Words.Scale = *Scale;
  Words.Mask = Mask;
  Words.Causal = Causal; // Aligned at the last key, as there.
  return joinHeads(C, attend(C, A.Q, A.K, A.V, Words));
}

/// q, k and v of MultiHeadAttention, before their bias, as [B, T, H, D]; null
/// where they come as heads already.
static LogicalResult bindMultiHead(OpImport &C, int64_t Heads, MultiHead &A) {
  Value Q = C.in(0);
  if (!Q)
    return failure();
  DimExpr One(1);
  auto Piece = [&](Value Packed, int64_t I) -> Value {
    Value Taken = part(C, Packed, 3, DimExpr(I), One);
    if (!Taken)
      return {};
    Dims S = dimsOf(typeOf(Taken));
    return C.transpose(C.reshape(Taken, {S[0], S[1], S[2], S[4]}),
                       {0, 2, 1, 3});
  };
  if (rankOf(Q) == 5) { // Packed q, k and v.
    A.Q = Piece(Q, 0);
    A.K = Piece(Q, 1);
    A.V = Piece(Q, 2);
    return success(A.Q && A.K && A.V);
  }
  if (rankOf(Q) != 3 || !C.has(1))
    return C.refuse(RefusalCode::ShapeRank,
                    {"query must have rank 3 with key, or 5 without"});
  A.Q = splitHeads(C, Q, Heads);
  Value K = C.in(1);
  if (!K)
    return failure();
  if (rankOf(K) == 5) {
    A.K = Piece(K, 0);
    A.V = Piece(K, 1);
    return success(A.Q && A.K && A.V);
  }
  Value V = C.has(2) ? C.in(2) : Value();
  if (!V || rankOf(K) != rankOf(V) || (rankOf(K) != 3 && rankOf(K) != 4))
    return C.refuse(RefusalCode::ShapeRank,
                    {"key and value must both have rank 3, or both 4"});
  A.K = rankOf(K) == 4 ? K : splitHeads(C, K, Heads);
  A.V = rankOf(V) == 4 ? V : splitHeads(C, V, Heads);
  return success(A.Q && A.K && A.V);
}

/// x [B, H, T, D] + a part of the bias of all projections
static Value addProjectionBias(OpImport &C, Value X, Value Bias,
                               DimExpr &Begin) {
  if (!X || !Bias)
    return {};
  Dims S = dimsOf(typeOf(X));
  DimExpr Width = S[1] * S[3], One(1);
  Value Own = C.reshape(part(C, Bias, 0, Begin, Width), {One, S[1], One, S[3]});
  Begin = Begin + Width;
  return C.create<AddOp>({X, Own});
}

/// y, present_key, present_value = attention of equally many heads
static LogicalResult importMultiHeadAttention(OpImport &C) {
  auto Heads = headsAttr(C, "num_heads");
  if (!Heads || failed(refuseInput(C, 8, "past_sequence_length")) ||
      failed(refuseInput(C, 9, "cache_indirection")))
    return failure();
  MultiHead A = {};
  if (failed(bindMultiHead(C, *Heads, A)))
    return failure();
  if (C.has(3)) {
    Value Bias = C.in(3);
    if (!Bias || rankOf(Bias) != 1)
      return C.refuse(RefusalCode::ShapeRank, {"the bias must be a list"});
    DimExpr Begin(0);
    A.Q = addProjectionBias(C, A.Q, Bias, Begin);
    // Keys and values that come as heads have theirs already.
    bool IsCached = C.has(1) && rankOf(C.in(1)) == 4;
    if (!IsCached) {
      A.K = addProjectionBias(C, A.K, Bias, Begin);
      A.V = addProjectionBias(C, A.V, Bias, Begin);
    }
  }
  if (C.has(6) != C.has(7))
    return C.refuse(RefusalCode::InputCount,
                    {"needs both past_key and past_value, or neither"});
  if (C.has(6)) {
    A.K = C.create<ConcatOp>({C.in(6), A.K}, {C.named("axis", int64_t(2))});
    A.V = C.create<ConcatOp>({C.in(7), A.V}, {C.named("axis", int64_t(2))});
  }
  if (!A.Q || !A.K || !A.V || (C.wants(1) && failed(C.result(1, A.K))) ||
      (C.wants(2) && failed(C.result(2, A.V))))
    return failure();
  A.Padding = C.has(4) ? C.in(4) : Value();
  A.Bias = C.has(5) ? C.in(5) : Value();
  return C.result(0, multiHead(C, A));
}

/// y, present = attention of the projections x w + b; present is both caches
static LogicalResult importPackedAttention(OpImport &C) {
  auto Heads = headsAttr(C, "num_heads");
  auto Sizes = C.intsAttr("qkv_hidden_sizes");
  C.intAttr("rotary_embedding_dim", 0);
  if (!Heads || failed(refuseAttr(C, "do_rotary")) ||
      failed(refuseAttr(C, "past_present_share_buffer")) ||
      failed(refuseInput(C, 6, "past_sequence_length")))
    return failure();
  Value X = C.in(0), W = C.in(1);
  if (!X || !W)
    return failure();
  if (rankOf(X) != 3 || rankOf(W) != 2)
    return C.refuse(RefusalCode::ShapeRank,
                    {"input must have rank 3, and weights rank 2"});
  if (Sizes && Sizes->size() != 3)
    return C.refuse(RefusalCode::AttributeBad,
                    {"qkv_hidden_sizes", "must have 3 numbers"});
  Value All = C.create<MatMulOp>({X, W});
  if (C.has(2))
    All = C.create<AddOp>({All, C.in(2)});
  MultiHead A = {};
  DimExpr Third = DimExpr::floorDiv(dimOf(typeOf(W), 1), DimExpr(3));
  DimExpr Begin(0);
  Value *Projections[] = {&A.Q, &A.K, &A.V};
  for (auto [I, To] : llvm::enumerate(Projections)) {
    DimExpr Width = Sizes ? DimExpr((*Sizes)[I]) : Third;
    *To = splitHeads(C, part(C, All, 2, Begin, Width), *Heads);
    Begin = Begin + Width;
    if (!*To)
      return failure();
  }
  if (!C.equal(Begin, dimOf(typeOf(W), 1)))
    return failure();
  if (C.has(4)) {
    Value Past = C.in(4);
    if (!Past || rankOf(Past) != 5)
      return C.refuse(RefusalCode::ShapeRank, {"past must have rank 5"});
    Value *Cached[] = {&A.K, &A.V};
    for (auto [I, To] : llvm::enumerate(Cached)) {
      Dims S = dimsOf(typeOf(Past));
      Value Own = C.reshape(
          part(C, Past, 0, DimExpr(static_cast<int64_t>(I)), DimExpr(1)),
          ArrayRef(S).drop_front());
      *To = C.create<ConcatOp>({Own, *To}, {C.named("axis", int64_t(2))});
      if (!*To)
        return failure();
    }
  }
  if (C.wants(1)) {
    auto Stacked = [&](Value V) {
      Dims S = dimsOf(typeOf(V));
      S.insert(S.begin(), DimExpr(1));
      return C.reshape(V, S);
    };
    if (failed(C.result(1, C.create<ConcatOp>({Stacked(A.K), Stacked(A.V)},
                                              {C.named("axis", int64_t(0))}))))
      return failure();
  }
  A.Padding = C.has(3) ? C.in(3) : Value();
  A.Bias = C.has(5) ? C.in(5) : Value();
  return C.result(0, multiHead(C, A));
}

ArrayRef<OpEntry> microsoftAttentionOps() {
  constexpr const char *Domain = "com.microsoft";
  static const OpEntry Table[] = {
      {"RotaryEmbedding", {1}, 4, 4, importRotary, Domain},
      {"GroupQueryAttention", {1}, 7, 17, importGroupQueryAttention, Domain},
      {"MultiHeadAttention", {1}, 1, 10, importMultiHeadAttention, Domain},
      {"Attention", {1}, 2, 7, importPackedAttention, Domain},
  };
  return Table;
}

} // namespace dure::onnx
