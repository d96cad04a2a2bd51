// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Decoders of onnxruntime's own operators.

#include "frontends/checkpoint/GenaiGraph.h"

#include "frontends/checkpoint/Blocks.h"
#include "frontends/checkpoint/DecoderGraph.h"
#include "frontends/checkpoint/FewBits.h"

#include <algorithm>
#include <cmath>

namespace dure::checkpoint {
namespace {

/// More than any model was trained on; the tables of so many fit a disk.
constexpr int64_t MaxPositions = int64_t(1) << 22;
/// GroupQueryAttention takes heads whose sizes are multiples, rotates those of
/// others, and of them pairs in multiples.
constexpr int64_t HeadMultiple = 8, RotatedMultiple = 16, PairMultiple = 8;

/// Cosines or sines of all positions, [positions, pairs].
Tensor rotaryTable(const Rope &R, int64_t Positions, bool IsCosine) {
  Tensor T;
  T.Type = DataType::Float;
  T.Shape = {Positions, int64_t(R.Frequencies.size())};
  T.Convert = [R, Positions, IsCosine](std::span<const std::byte>,
                                       const ByteSink &Sink) {
    std::vector<float> Row(R.Frequencies.size());
    for (int64_t P = 0; P < Positions; ++P) {
      for (size_t I = 0; I < Row.size(); ++I) {
        // Angles and the factor round to f32, as they do in a graph.
        const double Angle = float(P) * R.Frequencies[I];
        const double Turn = IsCosine ? std::cos(Angle) : std::sin(Angle);
        Row[I] = float(Turn) * float(R.Factor);
      }
      DURE_RETURN_IF_ERROR(Sink(std::as_bytes(std::span(Row))));
    }
    return Status::success();
  };
  return T;
}

class GenaiBuilder {
public:
  GenaiBuilder(const Decoder &D, int64_t Positions, Weights &W, GraphBuilder &G)
      : D(D), Positions(Positions), W(W), G(G) {}

  void build() {
    makeInputs();
    makeLengths();
    makeTables();
    Sum = embed();
    for (size_t I = 0; I < D.Layers.size(); ++I)
      layer(I);
    const Value Last = normOfSum(D.Names.FinalNorm);
    G.output(logits(Last), "logits", DataType::Float,
             {"batch_size", "sequence_length", D.Vocabulary});
    for (size_t I = 0; I < D.Layers.size(); ++I)
      for (const char *Part : {"key", "value"})
        G.returned(cacheName("present.", I, Part), DataType::Float,
                   cacheDims("total_sequence_length"));
  }

private:
  void makeInputs();
  void makeLengths();
  void makeTables();
  Value embed();
  void layer(size_t I);
  Value attend(const Value &X, size_t I, const std::string &Name);
  Value logits(const Value &X);

  Value scaleOf(const std::string &Name, int64_t Width) {
    const Value Scale = W.get(Name + ".weight", {Width});
    return D.NormOfOnePlus ? G.add(Scale, G.scalar(1.0f)) : Scale;
  }
  Value norm(const Value &X, const std::string &Name, int64_t Width);
  Value normOfSum(const std::string &Name);
  /// The residual stream, with all that is to be added.
  Value sum() {
    if (Part)
      Sum = G.add(Sum, Part);
    Part = {};
    return Sum;
  }
  /// What a layer's part gives, less what has yet to be added.
  void join(Value X, const std::string &After) {
    if (!After.empty())
      X = norm(X, After, D.Hidden);
    Part = G.scaled(X, D.ResidualScale);
  }

  static std::string cacheName(const char *Kind, size_t I, const char *Part) {
    return Kind + std::to_string(I) + "." + Part;
  }
  std::vector<Dim> cacheDims(const char *Rows) const {
    return {"batch_size", D.Grouped.KeyHeads, Rows, D.Grouped.HeadSize};
  }

  const Decoder &D;
  const int64_t Positions;
  Weights &W;
  GraphBuilder &G;
  /// Attention does not rotate: RotaryEmbedding does, by position_ids.
  bool rotatesBefore() const { return genaiTakesPositions(D); }
  Value rotated(const Value &X, int64_t Heads, size_t I);

  Value Ids, Mask;
  Value PositionIds; ///< Where it rotates before.
  /// Keys of each row less one, and of the longest, i32.
  Value LastKeys, MostKeys;
  struct Table {
    Value Cos, Sin;
  };
  /// One a rope.
  std::vector<Table> Tables;
  /// The residual stream, and what is to be added to it before it is used: a
  /// norm does both at once.
  Value Sum, Part;
};

void GenaiBuilder::makeInputs() {
  Ids =
      G.input("input_ids", DataType::Int64, {"batch_size", "sequence_length"});
  Mask = G.input("attention_mask", DataType::Int64,
                 {"batch_size", "total_sequence_length"});
  if (rotatesBefore())
    PositionIds = G.input("position_ids", DataType::Int64,
                          {"batch_size", "sequence_length"});
  for (size_t I = 0; I < D.Layers.size(); ++I)
    for (const char *Part : {"key", "value"})
      G.input(cacheName("past_key_values.", I, Part), DataType::Float,
              cacheDims("past_sequence_length"));
}

void GenaiBuilder::makeLengths() {
  const GraphBuilder::Scope S(G, "lengths");
  const Value Keys =
      G.node("ReduceSum", {Mask, G.list({1})}, {{"keepdims", int64_t(0)}});
  LastKeys = G.cast(G.sub(Keys, G.list({1})), DataType::Int32);
  MostKeys =
      G.cast(G.node("Gather", {G.node("Shape", {Mask}), G.scalar(int64_t(1))}),
             DataType::Int32);
}

void GenaiBuilder::makeTables() {
  for (size_t I = 0; I < D.Ropes.size(); ++I) {
    const Rope &R = D.Ropes[I];
    const std::string End = I ? "_" + std::to_string(I) : "";
    Tables.push_back({W.make("cos_cache" + End,
                             [&] { return rotaryTable(R, Positions, true); }),
                      W.make("sin_cache" + End, [&] {
                        return rotaryTable(R, Positions, false);
                      })});
  }
}

Value GenaiBuilder::embed() {
  const std::string Name = D.Names.Embedding + ".weight";
  const std::vector<int64_t> Shape = {D.Vocabulary, D.Hidden};
  const Tensor *T = W.inBlocks(Name, Shape);
  const Value X = T ? fewBitsRows(G, W, Ids, Name, *T)
                    : G.cast(G.node("Gather", {W.table(Name, Shape), Ids}),
                             DataType::Float);
  return G.scaled(X, D.EmbeddingScale);
}

Value GenaiBuilder::norm(const Value &X, const std::string &Name,
                         int64_t Width) {
  if (G.hasTransformerOps())
    return rmsNorm(G, W, X, Name, Width, D.NormEpsilon, D.NormOfOnePlus);
  // Of ONNX's own domain by name alone: it is onnxruntime's.
  return G.node("SimplifiedLayerNormalization", {X, scaleOf(Name, Width)},
                {{"axis", int64_t(-1)},
                 {"epsilon", float(D.NormEpsilon)},
                 {"stash_type", int64_t(1)}});
}

Value GenaiBuilder::normOfSum(const std::string &Name) {
  if (!Part)
    return norm(Sum, Name, D.Hidden);
  const char *Op = "SkipSimplifiedLayerNormalization";
  const Value Y = G.fresh(Op), Next = G.fresh("Sum");
  G.emit(Op, GraphBuilder::Microsoft, {Sum, Part, scaleOf(Name, D.Hidden)},
         {Y, {}, {}, Next}, {{"epsilon", float(D.NormEpsilon)}});
  Sum = Next;
  Part = {};
  return Y;
}

void GenaiBuilder::layer(size_t I) {
  const std::string Name = D.Names.Layers + std::to_string(I);
  const GraphBuilder::Scope S(G, "layers." + std::to_string(I));
  const auto Of = [&](const std::string &Norm) {
    return Norm.empty() ? Norm : Name + "." + Norm;
  };
  const auto Before = [&](const std::string &Norm) {
    return Norm.empty() ? sum() : normOfSum(Of(Norm));
  };
  const Value A = Before(D.Norms.BeforeAttention);
  join(attend(A, I, Name + "." + D.Names.Attention),
       Of(D.Norms.AfterAttention));
  Value M = Before(D.Norms.BeforeMlp);
  {
    const GraphBuilder::Scope Inner(G, "mlp");
    const std::string Mlp = Name + "." + D.Names.Mlp;
    M = D.Layers[I].IsSparse ? mixture(G, W, M, Mlp, D.Hidden, D.Mixture)
                             : gatedMlp(G, W, M, Mlp, D.Hidden, D.Mlp);
  }
  if (D.Layers[I].IsSparse && !D.Mixture.NormAfter.empty())
    M = norm(M, Of(D.Mixture.NormAfter), D.Hidden);
  join(M, Of(D.Norms.AfterMlp));
}

Value GenaiBuilder::rotated(const Value &X, int64_t Heads, size_t I) {
  const std::optional<size_t> R = D.Layers[I].Rope;
  if (!R || !rotatesBefore())
    return X;
  return G.microsoft(
      "RotaryEmbedding", {X, PositionIds, Tables[*R].Cos, Tables[*R].Sin},
      {{"interleaved", int64_t(D.Ropes[*R].Interleaved)},
       {"num_heads", Heads},
       {"rotary_embedding_dim", 2 * int64_t(D.Ropes[*R].Frequencies.size())}});
}

Value GenaiBuilder::attend(const Value &X, size_t I, const std::string &Name) {
  const GraphBuilder::Scope S(G, "self_attn");
  const GroupedAttention &A = D.Grouped;
  const DecoderLayer &L = D.Layers[I];
  const auto Project = [&](const char *Part, int64_t Heads, const char *Norm) {
    const Value Y = linear(G, W, X, Name + "." + Part, D.Hidden,
                           Heads * A.HeadSize, A.QkvBias);
    if (!A.QkNorm || !Norm)
      return Y;
    const Value ByHead = G.reshape(Y, {0, -1, A.HeadSize});
    return G.reshape(norm(ByHead, Name + "." + Norm, A.HeadSize),
                     {0, -1, Heads * A.HeadSize});
  };
  std::vector<Value> Operands = {
      rotated(Project("q_proj", A.Heads, "q_norm"), A.Heads, I),
      rotated(Project("k_proj", A.KeyHeads, "k_norm"), A.KeyHeads, I),
      Project("v_proj", A.KeyHeads, nullptr),
      {cacheName("past_key_values.", I, "key")},
      {cacheName("past_key_values.", I, "value")},
      LastKeys,
      MostKeys};
  const bool Rotates = L.Rope && !rotatesBefore();
  if (Rotates)
    Operands.insert(Operands.end(), {Tables[*L.Rope].Cos, Tables[*L.Rope].Sin});
  const double Scale =
      D.ScoreScale != 0 ? D.ScoreScale : 1 / std::sqrt(double(A.HeadSize));
  const char *Op = "GroupQueryAttention";
  const Value Y = G.fresh(Op);
  G.emit(Op, GraphBuilder::Microsoft, Operands,
         {Y,
          {cacheName("present.", I, "key")},
          {cacheName("present.", I, "value")}},
         {{"num_heads", A.Heads},
          {"kv_num_heads", A.KeyHeads},
          {"scale", float(Scale)},
          {"softcap", float(D.ScoreSoftcap)},
          {"local_window_size", L.Window ? L.Window : int64_t(-1)},
          {"do_rotary", int64_t(Rotates)},
          {"rotary_interleaved",
           int64_t(Rotates && D.Ropes[*L.Rope].Interleaved)}});
  return linear(G, W, Y, Name + "." + D.Names.Output, A.Heads * A.HeadSize,
                D.Hidden, A.OutputBias);
}

Value GenaiBuilder::logits(const Value &X) {
  const std::string &Head = D.IsTied ? D.Names.Embedding : D.Names.Head;
  const Value Y = product(G, W, X, Head + ".weight", D.Hidden, D.Vocabulary);
  return softcapped(G, G.scaled(Y, D.LogitScale), D.LogitSoftcap);
}

} // namespace

bool genaiTakesPositions(const Decoder &D) {
  return std::any_of(D.Ropes.begin(), D.Ropes.end(), [&](const Rope &R) {
    return D.Grouped.HeadSize % RotatedMultiple ||
           R.Frequencies.size() % PairMultiple;
  });
}

void checkGenai(const Decoder &D, int64_t Positions, const std::string &Place,
                Refusals &Problems) {
  if (D.Latent)
    return Problems.add(RefusalCode::GenaiLatent, Place);
  if (D.Grouped.HeadSize % HeadMultiple)
    Problems.add(
        RefusalCode::GenaiHeadSize, Place,
        {std::to_string(D.Grouped.HeadSize), std::to_string(HeadMultiple)});
  if (Positions > MaxPositions)
    Problems.add(RefusalCode::GenaiPositions, Place,
                 {std::to_string(Positions), std::to_string(MaxPositions)});
}

void buildGenaiDecoder(const Decoder &D, int64_t Positions, Weights &W,
                       GraphBuilder &G) {
  ignoreUnused(D, W);
  GenaiBuilder(D, Positions, W, G).build();
}

} // namespace dure::checkpoint
