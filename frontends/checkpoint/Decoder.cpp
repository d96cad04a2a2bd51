// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The keys that decoders share.

#include "frontends/checkpoint/Decoder.h"

namespace dure::checkpoint {

Decoder readDecoder(Config &C, bool HasMlp, const DecoderKeys &Keys) {
  Decoder D;
  D.Vocabulary = C.count("vocab_size");
  D.Hidden = C.count("hidden_size");
  const int64_t Layers = C.count(Keys.Layers);
  if (Layers > MaxLayers)
    C.refuseValue(Keys.Layers);
  else
    D.Layers.resize(size_t(Layers));

  D.Grouped.Heads = C.count("num_attention_heads");
  D.Grouped.KeyHeads = C.count("num_key_value_heads", D.Grouped.Heads);
  if (D.Grouped.Heads % D.Grouped.KeyHeads)
    C.refuseValue("num_key_value_heads");
  D.Grouped.HeadSize =
      C.count("head_dim", std::max<int64_t>(1, D.Hidden / D.Grouped.Heads));

  if (HasMlp)
    D.Mlp.Inner = C.count("intermediate_size");
  D.Mlp.Act = readActivation(C, Keys.Activation, "silu");
  D.NormEpsilon = C.number(Keys.Epsilon, Keys.DefaultEpsilon);
  D.Norms.BeforeAttention = "input_layernorm";
  D.Norms.BeforeMlp = "post_attention_layernorm";
  D.IsTied = C.flag("tie_word_embeddings", false);
  return D;
}

/// How many experts there are, of which width, and how many a token goes to.
static Experts readExperts(Config &C, const char *CountKey,
                           const char *SharedKey) {
  Experts E;
  E.Count = C.count({CountKey, "num_local_experts"});
  E.Chosen = C.count("num_experts_per_tok");
  E.Inner = C.count("moe_intermediate_size");
  E.Shared = C.countOrZero(SharedKey, 1);
  E.Act = readActivation(C, "hidden_act", "silu");
  E.Groups = C.count("n_group", 1);
  E.ChosenGroups = C.count("topk_group", 1);
  E.WeightScale = C.number("routed_scaling_factor", 1.0);
  return E;
}

/// `Fewest`: as many experts a group must have.
static void checkExperts(Config &C, const Experts &E, int64_t Fewest,
                         const char *CountKey) {
  if (E.Count > MaxExperts || E.Count % E.Groups ||
      E.Chosen > E.Count / E.Groups * E.ChosenGroups ||
      E.ChosenGroups > E.Groups ||
      (E.Groups > 1 && E.Count / E.Groups < Fewest))
    C.refuseValue(CountKey);
}

Experts readSigmoidExperts(Config &C, const char *CountKey,
                           const char *SharedKey) {
  Experts E = readExperts(C, CountKey, SharedKey);
  E.IsSigmoid = true;
  E.NormalizeWeights = C.flag("norm_topk_prob", true);
  C.expect("scoring_func", "sigmoid");
  C.expect("topk_method", "noaux_tc");
  checkExperts(C, E, 2, CountKey);
  return E;
}

Experts readGreedyExperts(Config &C) {
  Experts E = readExperts(C, "n_routed_experts", "n_shared_experts");
  E.BestOfGroup = true;
  const std::string Method = C.text("topk_method", "greedy");
  if (Method == "greedy")
    E.Groups = E.ChosenGroups = 1;
  else if (Method != "group_limited_greedy")
    C.refuseValue("topk_method");
  C.expect("scoring_func", "softmax");
  // HF's class does not normalize, whatever the configuration says.
  C.expect("norm_topk_prob", false);
  checkExperts(C, E, 1, "n_routed_experts");
  return E;
}

void readSparseLayers(Config &C, Decoder &D, int64_t DefaultDense) {
  const size_t Dense =
      size_t(C.countOrZero("first_k_dense_replace", DefaultDense));
  const size_t Every = size_t(C.count("moe_layer_freq", 1));
  const std::vector<std::string> Kinds = C.texts("mlp_layer_types");
  if (!Kinds.empty() && Kinds.size() != D.Layers.size())
    return C.refuseValue("mlp_layer_types");
  for (size_t I = 0; I < D.Layers.size(); ++I) {
    D.Layers[I].IsSparse =
        Kinds.empty() ? I >= Dense && I % Every == 0 : Kinds[I] == "sparse";
    if (!Kinds.empty() && Kinds[I] != "sparse" && Kinds[I] != "dense")
      C.refuseValue("mlp_layer_types");
  }
}

void readOneRope(Config &C, Decoder &D, RopeKeys Keys) {
  if (!Keys.HeadSize)
    Keys.HeadSize = D.Grouped.HeadSize;
  D.Ropes = {readRope(C, Keys)};
}

Activation readActivation(Config &C, std::string_view Key,
                          std::string_view Default) {
  const std::string Name = C.text(Key, Default);
  if (Name == "silu" || Name == "swish")
    return Activation::Silu;
  if (Name == "gelu_pytorch_tanh" || Name == "gelu_new")
    return Activation::GeluTanh;
  if (Name == "gelu")
    return Activation::Gelu;
  if (Name == "relu")
    return Activation::Relu;
  C.refuseValue(Key);
  return Activation::Silu;
}

std::vector<bool> readWindowedLayers(Config &C, size_t Layers,
                                     int64_t Pattern) {
  std::vector<bool> Out(Layers);
  const std::vector<std::string> Types = C.texts("layer_types");
  if (!Types.empty() && Types.size() != Layers) {
    C.refuseValue("layer_types");
    return Out;
  }
  for (size_t I = 0; I < Layers; ++I) {
    if (Types.empty())
      Out[I] = Pattern > 0 && (I + 1) % size_t(Pattern) != 0;
    else if (Types[I] == "sliding_attention")
      Out[I] = true;
    else if (Types[I] != "full_attention")
      C.refuseValue("layer_types");
  }
  return Out;
}

} // namespace dure::checkpoint
