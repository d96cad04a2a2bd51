// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts that models consist of.

#include "frontends/checkpoint/Blocks.h"

#include "frontends/checkpoint/FewBits.h"

#include <limits>

namespace dure::checkpoint {

Value product(GraphBuilder &G, Weights &W, const Value &X,
              const std::string &Name, int64_t In, int64_t Out) {
  if (const Tensor *T = W.inBlocks(Name, {Out, In}))
    return fewBitsProduct(G, W, X, Name, *T);
  return G.matmul(X, W.transposed(Name, Out, In));
}

Value linear(GraphBuilder &G, Weights &W, const Value &X,
             const std::string &Name, int64_t In, int64_t Out, bool Bias) {
  const Value Y = product(G, W, X, Name + ".weight", In, Out);
  return Bias ? G.add(Y, W.get(Name + ".bias", {Out})) : Y;
}

Value rmsNorm(GraphBuilder &G, Weights &W, const Value &X,
              const std::string &Name, int64_t Width, double Epsilon,
              bool OnePlus) {
  Value Scale = W.get(Name + ".weight", {Width});
  if (OnePlus)
    Scale = G.add(Scale, G.scalar(1.0f));
  if (G.hasTransformerOps())
    return G.node("RMSNormalization", {X, Scale},
                  {{"axis", int64_t(-1)}, {"epsilon", float(Epsilon)}});
  const Value Square = G.mul(X, X);
  const Value Mean =
      G.node("ReduceMean", {Square, G.list({-1})}, {{"keepdims", int64_t(1)}});
  const Value Root = G.node("Sqrt", {G.add(Mean, G.scalar(float(Epsilon)))});
  return G.mul(G.mul(X, G.node("Reciprocal", {Root})), Scale);
}

Value activate(GraphBuilder &G, const Value &X, Activation Act) {
  switch (Act) {
  case Activation::Silu:
    return G.mul(X, G.node("Sigmoid", {X}));
  case Activation::GeluTanh:
    return G.node("Gelu", {X}, {{"approximate", std::string("tanh")}});
  case Activation::Gelu:
    return G.node("Gelu", {X});
  case Activation::Relu:
    return G.node("Relu", {X});
  }
  return X;
}

RopeTables ropeTables(GraphBuilder &G, const Value &Positions, const Rope &R) {
  const Value Places = G.unsqueeze(G.cast(Positions, DataType::Float), {-1});
  const Value Angles =
      G.mul(Places, G.floats(R.Frequencies, {int64_t(R.Frequencies.size())}));
  return {G.scaled(G.node("Cos", {Angles}), R.Factor),
          G.scaled(G.node("Sin", {Angles}), R.Factor)};
}

/// x cos + concat(-x2, x1) sin, of the halves or of neighbours.
static Value rotateWhole(GraphBuilder &G, const Value &X, int64_t Width,
                         bool Interleaved, const RopeTables &Tables) {
  const int64_t Half = Width / 2;
  const Value A = Interleaved ? G.lastAxisSlice(X, 0, Width, 2)
                              : G.lastAxisSlice(X, 0, Half);
  const Value B = Interleaved ? G.lastAxisSlice(X, 1, Width, 2)
                              : G.lastAxisSlice(X, Half, Width);
  if (G.hasTransformerOps())
    return G.node("RotaryEmbedding",
                  {G.concat({A, B}, -1), Tables.Cos, Tables.Sin});
  const Value Cos = G.unsqueeze(Tables.Cos, {1}),
              Sin = G.unsqueeze(Tables.Sin, {1});
  return G.concat({G.sub(G.mul(A, Cos), G.mul(B, Sin)),
                   G.add(G.mul(B, Cos), G.mul(A, Sin))},
                  -1);
}

Value rotate(GraphBuilder &G, const Value &X, int64_t Width, const Rope &R,
             const RopeTables &Tables) {
  const int64_t Turning = 2 * int64_t(R.Frequencies.size());
  if (G.hasTransformerOps() && !R.Interleaved)
    return G.node("RotaryEmbedding", {X, Tables.Cos, Tables.Sin},
                  {{"rotary_embedding_dim", Turning == Width ? 0 : Turning}});
  if (Turning == Width)
    return rotateWhole(G, X, Width, R.Interleaved, Tables);
  const std::vector<Value> Parts = G.split(X, {Turning, Width - Turning}, -1);
  return G.concat(
      {rotateWhole(G, Parts[0], Turning, R.Interleaved, Tables), Parts[1]}, -1);
}

Value softcapped(GraphBuilder &G, const Value &X, double Cap) {
  if (Cap == 0)
    return X;
  const Value C = G.scalar(float(Cap));
  return G.mul(G.node("Tanh", {G.div(X, C)}), C);
}

/// [batch, groups, positions, width], each repeated for the heads of its group.
static Value repeatGroups(GraphBuilder &G, const Value &X, int64_t Heads,
                          int64_t Groups, int64_t Width) {
  if (Heads == Groups)
    return X;
  const Value Shape = G.list({1, 1, Heads / Groups, 1, 1});
  const Value Repeated = G.node("Expand", {G.unsqueeze(X, {2}), Shape});
  return G.reshape(Repeated, {0, Heads, -1, Width});
}

Value attention(GraphBuilder &G, const AttentionOperands &A) {
  if (G.hasTransformerOps())
    return G.node("Attention", {A.Q, A.K, A.V, A.Mask},
                  {{"scale", float(A.Scale)}, {"softcap", float(A.Softcap)}});
  const Value K = repeatGroups(G, A.K, A.Heads, A.KeyHeads, A.KeyWidth),
              V = repeatGroups(G, A.V, A.Heads, A.KeyHeads, A.ValueWidth);
  Value Scores = G.scaled(G.matmul(A.Q, G.transpose(K, {0, 1, 3, 2})), A.Scale);
  Scores = softcapped(G, Scores, A.Softcap);
  // Rows without any key, of padding, give the mean of v rather than NaN.
  const Value Hidden = G.node(
      "Where", {A.Mask, G.scalar(0.0f), G.scalar(-3.4028234663852886e38f)});
  const Value P =
      G.node("Softmax", {G.add(Scores, Hidden)}, {{"axis", int64_t(-1)}});
  return G.matmul(P, V);
}

Value splitHeads(GraphBuilder &G, const Value &X, int64_t Heads,
                 int64_t Width) {
  return G.transpose(G.reshape(X, {0, 0, Heads, Width}), {0, 2, 1, 3});
}

Value joinHeads(GraphBuilder &G, const Value &X, int64_t Width) {
  return G.reshape(G.transpose(X, {0, 2, 1, 3}), {0, 0, Width});
}

Value gatedMlp(GraphBuilder &G, Weights &W, const Value &X,
               const std::string &Name, int64_t Hidden, const GatedMlp &M) {
  const Value Gate =
      linear(G, W, X, Name + "." + M.Names.Gate, Hidden, M.Inner, M.Bias);
  const Value Up =
      linear(G, W, X, Name + "." + M.Names.Up, Hidden, M.Inner, M.Bias);
  const Value Inner = G.mul(activate(G, Gate, M.Act), Up);
  return linear(G, W, Inner, Name + "." + M.Names.Down, M.Inner, Hidden,
                M.Bias);
}

/// Scores of experts, those outside the best groups hidden.
static Value withinGroups(GraphBuilder &G, const Value &Scores,
                          const Experts &E) {
  const int64_t Each = E.Count / E.Groups;
  const Value Grouped = G.reshape(Scores, {0, E.Groups, Each});
  const Value First =
      G.nodes("TopK", {Grouped, G.list({int64_t(E.BestOfGroup ? 1 : 2)})}, 2,
              {{"axis", int64_t(-1)}})[0];
  const Value Sums =
      G.node("ReduceSum", {First, G.list({-1})}, {{"keepdims", int64_t(0)}});
  const Value Best = G.nodes("TopK", {Sums, G.list({E.ChosenGroups})}, 2,
                             {{"axis", int64_t(-1)}})[1];
  const Value Ones =
      G.node("Expand", {G.scalar(1.0f), G.node("Shape", {Best})});
  const Value Kept = G.node(
      "ScatterElements",
      {G.node("Expand", {G.scalar(0.0f), G.node("Shape", {Sums})}), Best, Ones},
      {{"axis", int64_t(1)}});
  const Value Seen = G.unsqueeze(G.cast(Kept, DataType::Bool), {-1});
  const Value Hidden = G.scalar(-std::numeric_limits<float>::infinity());
  return G.reshape(G.node("Where", {Seen, Grouped, Hidden}), {0, E.Count});
}

/// For each token, a weight for each expert, 0 for all but the chosen ones.
static Value routingTable(GraphBuilder &G, Weights &W, const Value &X,
                          const std::string &Name, int64_t Hidden,
                          const Experts &E) {
  const GraphBuilder::Scope S(G, "gate");
  const Value Logits = linear(G, W, X, Name + ".gate", Hidden, E.Count, false);
  const Value Scores =
      E.IsSigmoid ? G.node("Sigmoid", {Logits})
                  : G.node("Softmax", {Logits}, {{"axis", int64_t(-1)}});
  Value Choice = Scores;
  if (const std::string Bias = Name + "." + E.BiasName; W.has(Bias))
    Choice = G.add(Scores, W.get(Bias, {E.Count}));
  if (E.Groups > 1)
    Choice = withinGroups(G, Choice, E);
  const Value Chosen = G.nodes("TopK", {Choice, G.list({E.Chosen})}, 2,
                               {{"axis", int64_t(-1)}})[1];
  Value Weight =
      G.node("GatherElements", {Scores, Chosen}, {{"axis", int64_t(1)}});
  if (E.NormalizeWeights) {
    const Value Sum =
        G.node("ReduceSum", {Weight, G.list({-1})}, {{"keepdims", int64_t(1)}});
    Weight = G.div(Weight, G.add(Sum, G.scalar(1e-20f)));
  }
  Weight = G.scaled(Weight, E.WeightScale);
  const Value Zeros =
      G.node("Expand", {G.scalar(0.0f), G.node("Shape", {Scores})});
  return G.node("ScatterElements", {Zeros, Chosen, Weight},
                {{"axis", int64_t(1)}});
}

Value mixture(GraphBuilder &G, Weights &W, const Value &X,
              const std::string &Name, int64_t Hidden, const Experts &E) {
  const Value Rows = G.reshape(X, {-1, Hidden});
  const std::vector<Value> Columns =
      G.split(routingTable(G, W, Rows, Name, Hidden, E),
              std::vector<int64_t>(size_t(E.Count), 1), 1);
  const GatedMlp One = {.Inner = E.Inner, .Act = E.Act};
  Value Sum;
  for (int64_t I = 0; I < E.Count; ++I) {
    const std::string Number = std::to_string(I);
    const GraphBuilder::Scope S(G, "experts." + Number);
    const Value Y =
        gatedMlp(G, W, Rows, Name + ".experts." + Number, Hidden, One);
    const Value Part = G.mul(Y, Columns[size_t(I)]);
    Sum = Sum ? G.add(Sum, Part) : Part;
  }
  const Value Routed = G.node("Reshape", {Sum, G.node("Shape", {X})});
  if (!E.Shared)
    return Routed;
  const GatedMlp Shared = {.Inner = E.Shared * E.Inner, .Act = E.Act};
  const GraphBuilder::Scope S(G, "shared_experts");
  return G.add(Routed,
               gatedMlp(G, W, X, Name + ".shared_experts", Hidden, Shared));
}

} // namespace dure::checkpoint
