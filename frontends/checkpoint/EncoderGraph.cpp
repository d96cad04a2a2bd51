// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The graph of an encoder, from ids to hidden states.

#include "frontends/checkpoint/Blocks.h"
#include "frontends/checkpoint/Encoder.h"

#include <cmath>

namespace dure::checkpoint {
namespace {

class EncoderBuilder {
public:
  EncoderBuilder(const Encoder &E, Weights &W, GraphBuilder &G)
      : E(E), W(W), G(G) {}

  void build() {
    const std::vector<Dim> Tokens = {"batch", "sequence"};
    Ids = G.input("input_ids", DataType::Int64, Tokens);
    const Value Padding = G.input("attention_mask", DataType::Int64, Tokens);
    if (E.TokenTypes > 1)
      Types = G.input("token_type_ids", DataType::Int64, Tokens);
    Mask = G.unsqueeze(G.cast(Padding, DataType::Bool), {1, 2});
    // onnxruntime's Attention wants a row for each query.
    if (G.hasTransformerOps()) {
      const Value Queries = G.node("Shape", {Ids}, {{"start", int64_t(1)}});
      Mask =
          G.node("Expand",
                 {Mask, G.concat({G.list({1, 1}), Queries, G.list({1})}, 0)});
    }
    Value X = embed();
    for (int64_t I = 0; I < E.Layers; ++I)
      X = layer(X, I);
    G.output(X, "last_hidden_state", DataType::Float,
             {"batch", "sequence", E.Hidden});
    if (W.has("pooler.dense.weight"))
      G.output(pool(X), "pooler_output", DataType::Float, {"batch", E.Hidden});
  }

private:
  Value rows(const std::string &Name, int64_t Count, const Value &At) {
    const Value Table =
        W.table("embeddings." + Name + "_embeddings.weight", {Count, E.Hidden});
    return G.cast(G.node("Gather", {Table, At}, {{"axis", int64_t(0)}}),
                  DataType::Float);
  }
  Value norm(const Value &X, const std::string &Name) {
    return G.node("LayerNormalization",
                  {X, W.get(Name + ".weight", {E.Hidden}),
                   W.get(Name + ".bias", {E.Hidden})},
                  {{"axis", int64_t(-1)}, {"epsilon", float(E.NormEpsilon)}});
  }
  Value positions();
  Value embed();
  Value layer(const Value &X, int64_t I);
  Value attend(const Value &X, const std::string &Name);
  Value pool(const Value &X);

  const Encoder &E;
  Weights &W;
  GraphBuilder &G;
  Value Ids, Types, Mask;
};

Value EncoderBuilder::positions() {
  if (!E.PaddingToken)
    return G.node("Range", {G.scalar(int64_t(0)), G.sizeOf(Ids, 1),
                            G.scalar(int64_t(1))});
  const Value Pad = G.scalar(*E.PaddingToken);
  const Value Real =
      G.cast(G.node("Not", {G.node("Equal", {Ids, Pad})}), DataType::Int64);
  const Value Count = G.node("CumSum", {Real, G.scalar(int64_t(1))});
  return G.add(G.mul(Count, Real), Pad);
}

Value EncoderBuilder::embed() {
  const GraphBuilder::Scope S(G, "embeddings");
  const Value Words = rows("word", E.Vocabulary, Ids);
  const Value Kinds =
      rows("token_type", E.TokenTypes, Types ? Types : G.list({0}));
  const Value Places = rows("position", E.Positions, positions());
  return norm(G.add(G.add(Words, Kinds), Places), "embeddings.LayerNorm");
}

Value EncoderBuilder::attend(const Value &X, const std::string &Name) {
  const int64_t Width = E.Hidden / E.Heads;
  const auto Project = [&](const char *Part) {
    return splitHeads(
        G, linear(G, W, X, Name + ".self." + Part, E.Hidden, E.Hidden, true),
        E.Heads, Width);
  };
  AttentionOperands A;
  A.Q = Project("query");
  A.K = Project("key");
  A.V = Project("value");
  A.Mask = Mask;
  A.Heads = A.KeyHeads = E.Heads;
  A.KeyWidth = A.ValueWidth = Width;
  A.Scale = 1 / std::sqrt(double(Width));
  const Value Y = joinHeads(G, attention(G, A), E.Hidden);
  return linear(G, W, Y, Name + ".output.dense", E.Hidden, E.Hidden, true);
}

Value EncoderBuilder::layer(const Value &X, int64_t I) {
  const std::string Name = "encoder.layer." + std::to_string(I);
  const GraphBuilder::Scope S(G, "layer." + std::to_string(I));
  const Value A = norm(G.add(attend(X, Name + ".attention"), X),
                       Name + ".attention.output.LayerNorm");
  const Value Inner = activate(
      G, linear(G, W, A, Name + ".intermediate.dense", E.Hidden, E.Inner, true),
      E.Act);
  const Value M =
      linear(G, W, Inner, Name + ".output.dense", E.Inner, E.Hidden, true);
  return norm(G.add(M, A), Name + ".output.LayerNorm");
}

/// tanh of a linear layer of the first token.
Value EncoderBuilder::pool(const Value &X) {
  const GraphBuilder::Scope S(G, "pooler");
  const Value First =
      G.node("Gather", {X, G.scalar(int64_t(0))}, {{"axis", int64_t(1)}});
  return G.node(
      "Tanh", {linear(G, W, First, "pooler.dense", E.Hidden, E.Hidden, true)});
}

} // namespace

void buildEncoder(const Encoder &E, Weights &W, GraphBuilder &G) {
  // Buffers that older checkpoints hold.
  W.ignore("embeddings.position_ids");
  W.ignore("embeddings.token_type_ids");
  EncoderBuilder(E, W, G).build();
}

} // namespace dure::checkpoint
