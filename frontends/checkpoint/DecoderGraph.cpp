// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The graph of a decoder, from ids to logits.

#include "frontends/checkpoint/DecoderGraph.h"

#include "frontends/checkpoint/Blocks.h"

#include <cmath>

namespace dure::checkpoint {
namespace {

/// Heads and width of what a layer keeps of a position, for keys and values.
struct CacheShape {
  int64_t Heads, KeyWidth, ValueWidth;
};

CacheShape cacheShape(const Decoder &D) {
  if (D.Latent)
    return {1, D.Latent->KeyRank, D.Latent->RotarySize};
  return {D.Grouped.KeyHeads, D.Grouped.HeadSize, D.Grouped.HeadSize};
}

class DecoderBuilder {
public:
  DecoderBuilder(const Decoder &D, Weights &W, GraphBuilder &G)
      : D(D), W(W), G(G) {}

  void build() {
    makeInputs();
    makeMasks();
    for (const Rope &Each : D.Ropes)
      Tables.push_back(ropeTables(G, Positions, Each));

    Value X = embed();
    for (size_t I = 0; I < D.Layers.size(); ++I)
      X = layer(X, I);
    X = norm(X, D.Names.FinalNorm);
    G.output(logits(X), "logits", DataType::Float,
             {"batch", "sequence", D.Vocabulary});
    makeOutputs();
  }

private:
  void makeInputs();
  void makeMasks();
  void makeOutputs();

  Value embed();
  Value layer(const Value &X, size_t I);
  Value attend(const Value &X, size_t I, const std::string &Name);
  Value attendGrouped(const Value &X, size_t I, const std::string &Name);
  Value attendLatent(const Value &X, size_t I, const std::string &Name);
  Value mlp(const Value &X, size_t I, const std::string &Name);
  Value logits(const Value &X);
  Value norm(const Value &X, const std::string &Name) {
    return rmsNorm(G, W, X, Name, D.Hidden, D.NormEpsilon, D.NormOfOnePlus);
  }
  /// x + scale * after(part), where there is a norm after.
  Value joined(const Value &X, Value Part, const std::string &After) {
    if (!After.empty())
      Part = norm(Part, After);
    return G.add(X, G.scaled(Part, D.ResidualScale));
  }
  Value turned(const Value &X, int64_t Width, size_t I) {
    const std::optional<size_t> R = D.Layers[I].Rope;
    return R ? rotate(G, X, Width, D.Ropes[*R], Tables[*R]) : X;
  }

  const Decoder &D;
  Weights &W;
  GraphBuilder &G;
  Value Ids, Padding, Positions;
  struct Cache {
    Value Key, Value;
  };
  std::vector<Cache> Past, Present;
  /// By window.
  std::map<int64_t, Value> Masks;
  std::vector<RopeTables> Tables;
};

void DecoderBuilder::makeInputs() {
  Ids = G.input("input_ids", DataType::Int64, {"batch", "sequence"});
  Padding =
      G.input("attention_mask", DataType::Int64, {"batch", "total_sequence"});
  Positions = G.input("position_ids", DataType::Int64, {"batch", "sequence"});
  const CacheShape S = cacheShape(D);
  for (size_t I = 0; I < D.Layers.size(); ++I) {
    const std::string Name = "past_key_values." + std::to_string(I);
    Past.push_back(
        {G.input(Name + ".key", DataType::Float,
                 {"batch", S.Heads, "past_sequence", S.KeyWidth}),
         G.input(Name + ".value", DataType::Float,
                 {"batch", S.Heads, "past_sequence", S.ValueWidth})});
  }
}

/// A query sees the keys up to its own that are not padding, and within the
/// window where there is one.
void DecoderBuilder::makeMasks() {
  const GraphBuilder::Scope S(G, "mask");
  const Value Total = G.sizeOf(Padding, 1);
  const Value Before = G.sub(Total, G.sizeOf(Ids, 1));
  const Value One = G.scalar(int64_t(1));
  const Value Keys = G.node("Range", {G.scalar(int64_t(0)), Total, One});
  const Value Queries =
      G.unsqueeze(G.node("Range", {Before, Total, One}), {-1});
  const Value Real = G.unsqueeze(G.cast(Padding, DataType::Bool), {1, 2});
  const Value Causal =
      G.node("And", {Real, G.node("LessOrEqual", {Keys, Queries})});
  for (const DecoderLayer &Each : D.Layers) {
    if (Masks.count(Each.Window))
      continue;
    Value Mask = Causal;
    if (Each.Window) {
      const Value First = G.sub(Queries, G.scalar(Each.Window));
      Mask = G.node("And", {Causal, G.node("Greater", {Keys, First})});
    }
    Masks[Each.Window] = Mask;
  }
}

Value DecoderBuilder::embed() {
  const Value Table =
      W.table(D.Names.Embedding + ".weight", {D.Vocabulary, D.Hidden});
  const Value Rows = G.node("Gather", {Table, Ids}, {{"axis", int64_t(0)}});
  return G.scaled(G.cast(Rows, DataType::Float), D.EmbeddingScale);
}

Value DecoderBuilder::layer(const Value &X, size_t I) {
  const std::string Name = D.Names.Layers + std::to_string(I);
  const GraphBuilder::Scope S(G, "layers." + std::to_string(I));
  const auto Of = [&](const std::string &Norm) {
    return Norm.empty() ? Norm : Name + "." + Norm;
  };
  Value A = D.Norms.BeforeAttention.empty()
                ? X
                : norm(X, Of(D.Norms.BeforeAttention));
  A = joined(X, attend(A, I, Name + "." + D.Names.Attention),
             Of(D.Norms.AfterAttention));
  Value M = D.Norms.BeforeMlp.empty() ? A : norm(A, Of(D.Norms.BeforeMlp));
  M = mlp(M, I, Name + "." + D.Names.Mlp);
  if (D.Layers[I].IsSparse && !D.Mixture.NormAfter.empty())
    M = norm(M, Of(D.Mixture.NormAfter));
  return joined(A, M, Of(D.Norms.AfterMlp));
}

Value DecoderBuilder::attend(const Value &X, size_t I,
                             const std::string &Name) {
  const GraphBuilder::Scope S(G, "self_attn");
  return D.Latent ? attendLatent(X, I, Name) : attendGrouped(X, I, Name);
}

Value DecoderBuilder::attendGrouped(const Value &X, size_t I,
                                    const std::string &Name) {
  const GroupedAttention &A = D.Grouped;
  const auto Project = [&](const char *Part, int64_t Heads, const char *Norm) {
    Value Y = linear(G, W, X, Name + "." + Part, D.Hidden, Heads * A.HeadSize,
                     A.QkvBias);
    Y = splitHeads(G, Y, Heads, A.HeadSize);
    if (A.QkNorm && Norm)
      Y = rmsNorm(G, W, Y, Name + "." + Norm, A.HeadSize, D.NormEpsilon,
                  D.NormOfOnePlus);
    return Y;
  };
  const Value Q = turned(Project("q_proj", A.Heads, "q_norm"), A.HeadSize, I);
  const Value K =
      turned(Project("k_proj", A.KeyHeads, "k_norm"), A.HeadSize, I);
  const Value V = Project("v_proj", A.KeyHeads, nullptr);
  Present.push_back(
      {G.concat({Past[I].Key, K}, 2), G.concat({Past[I].Value, V}, 2)});

  AttentionOperands Operands;
  Operands.Q = Q;
  Operands.K = Present[I].Key;
  Operands.V = Present[I].Value;
  Operands.Mask = Masks[D.Layers[I].Window];
  Operands.Heads = A.Heads;
  Operands.KeyHeads = A.KeyHeads;
  Operands.KeyWidth = Operands.ValueWidth = A.HeadSize;
  Operands.Scale =
      D.ScoreScale != 0 ? D.ScoreScale : 1 / std::sqrt(double(A.HeadSize));
  Operands.Softcap = D.ScoreSoftcap;
  const Value Y = joinHeads(G, attention(G, Operands), A.Heads * A.HeadSize);
  return linear(G, W, Y, Name + "." + D.Names.Output, A.Heads * A.HeadSize,
                D.Hidden, A.OutputBias);
}

/// Keys and values come of the cached latents, each time they are used.
Value DecoderBuilder::attendLatent(const Value &X, size_t I,
                                   const std::string &Name) {
  const LatentAttention &A = *D.Latent;
  const int64_t KeyWidth = A.PlainSize + A.RotarySize;
  const auto Norm = [&](const Value &Y, const char *Part, int64_t Width) {
    return rmsNorm(G, W, Y, Name + "." + Part, Width, A.NormEpsilon, false);
  };
  Value Q = X;
  if (A.QueryRank)
    Q = Norm(linear(G, W, X, Name + ".q_a_proj", D.Hidden, A.QueryRank, A.Bias),
             "q_a_layernorm", A.QueryRank);
  Q = linear(G, W, Q, Name + (A.QueryRank ? ".q_b_proj" : ".q_proj"),
             A.QueryRank ? A.QueryRank : D.Hidden, A.Heads * KeyWidth, false);
  const std::vector<Value> Query = G.split(splitHeads(G, Q, A.Heads, KeyWidth),
                                           {A.PlainSize, A.RotarySize}, -1);
  Q = G.concat({Query[0], turned(Query[1], A.RotarySize, I)}, -1);

  const Value Compressed = linear(G, W, X, Name + ".kv_a_proj_with_mqa",
                                  D.Hidden, A.KeyRank + A.RotarySize, A.Bias);
  const std::vector<Value> Parts =
      G.split(Compressed, {A.KeyRank, A.RotarySize}, -1);
  const Value Latent =
      G.unsqueeze(Norm(Parts[0], "kv_a_layernorm", A.KeyRank), {1});
  const Value Turned = turned(G.unsqueeze(Parts[1], {1}), A.RotarySize, I);
  Present.push_back({G.concat({Past[I].Key, Latent}, 2),
                     G.concat({Past[I].Value, Turned}, 2)});

  const int64_t Width = A.PlainSize + A.ValueSize;
  const Value Wide = linear(G, W, Present[I].Key, Name + ".kv_b_proj",
                            A.KeyRank, A.Heads * Width, false);
  const std::vector<Value> KeyValue = G.split(
      G.transpose(G.reshape(Wide, {0, -1, A.Heads, Width}), {0, 2, 1, 3}),
      {A.PlainSize, A.ValueSize}, -1);
  const Value Shared =
      G.node("Expand", {Present[I].Value, G.list({1, A.Heads, 1, 1})});

  AttentionOperands Operands;
  Operands.Q = Q;
  Operands.K = G.concat({KeyValue[0], Shared}, -1);
  Operands.V = KeyValue[1];
  Operands.Mask = Masks[D.Layers[I].Window];
  Operands.Heads = Operands.KeyHeads = A.Heads;
  Operands.KeyWidth = KeyWidth;
  Operands.ValueWidth = A.ValueSize;
  Operands.Scale =
      D.ScoreScale != 0 ? D.ScoreScale : 1 / std::sqrt(double(KeyWidth));
  Operands.Softcap = D.ScoreSoftcap;
  const Value Y = joinHeads(G, attention(G, Operands), A.Heads * A.ValueSize);
  return linear(G, W, Y, Name + "." + D.Names.Output, A.Heads * A.ValueSize,
                D.Hidden, A.Bias);
}

Value DecoderBuilder::mlp(const Value &X, size_t I, const std::string &Name) {
  const GraphBuilder::Scope S(G, "mlp");
  return D.Layers[I].IsSparse ? mixture(G, W, X, Name, D.Hidden, D.Mixture)
                              : gatedMlp(G, W, X, Name, D.Hidden, D.Mlp);
}

Value DecoderBuilder::logits(const Value &X) {
  const std::string &Head = D.IsTied ? D.Names.Embedding : D.Names.Head;
  const Value Y =
      G.matmul(X, W.transposed(Head + ".weight", D.Vocabulary, D.Hidden));
  return softcapped(G, G.scaled(Y, D.LogitScale), D.LogitSoftcap);
}

void DecoderBuilder::makeOutputs() {
  const CacheShape S = cacheShape(D);
  const std::string Total = "past_sequence + sequence";
  for (size_t I = 0; I < Present.size(); ++I) {
    const std::string Name = "present." + std::to_string(I);
    G.output(Present[I].Key, Name + ".key", DataType::Float,
             {"batch", S.Heads, Total, S.KeyWidth});
    G.output(Present[I].Value, Name + ".value", DataType::Float,
             {"batch", S.Heads, Total, S.ValueWidth});
  }
}

} // namespace

uint64_t cacheBytesAPosition(const Decoder &D) {
  const CacheShape S = cacheShape(D);
  return sizeof(float) * D.Layers.size() *
         uint64_t(S.Heads * (S.KeyWidth + S.ValueWidth));
}

void ignoreUnused(const Decoder &D, Weights &W) {
  for (const std::string &Each : D.UnusedEnds)
    W.ignore(Each);
  for (const std::string &Each : D.UnusedBegins)
    W.ignoreBelow(Each);
  // Many save it beside the table that it is.
  if (D.IsTied)
    W.ignore(D.Names.Head + ".weight");
}

void buildDecoder(const Decoder &D, Weights &W, GraphBuilder &G) {
  ignoreUnused(D, W);
  DecoderBuilder(D, W, G).build();
}

} // namespace dure::checkpoint
