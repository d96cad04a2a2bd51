// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exaone4ForCausalLM: EXAONE 4.0, 32B and 1.2B.
//
//   x += norm(attention(x))    no norm before, a norm of heads' queries and
//   keys x += norm(mlp(x))
//
// 32B: three layers with a window and rope, then one that sees everything and
// no positions (NoPE), and so on. 1.2B has no windows, and rope on all layers.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

Decoder readExaone3(Config &C) {
  Decoder D = readDecoder(C, /*HasMlp=*/true,
                          {.Layers = "num_layers",
                           .Activation = "activation_function",
                           .Epsilon = "layer_norm_epsilon",
                           .DefaultEpsilon = 1e-5});
  D.Names = {.Embedding = "transformer.wte",
             .Layers = "transformer.h.",
             .FinalNorm = "transformer.ln_f",
             .Attention = "attn.attention",
             .Output = "out_proj"};
  D.Mlp.Names = {.Gate = "c_fc_0", .Up = "c_fc_1", .Down = "c_proj"};
  D.Norms.BeforeAttention = "ln_1";
  D.Norms.BeforeMlp = "ln_2";
  D.UnusedEnds.push_back("rotary.inv_freq");
  readOneRope(C, D);
  return D;
}

/// Which layers have a window; "LLLG" says it by letters, the last layer having
/// none, 4 every fourth.
static std::vector<bool> readPattern(Config &C, size_t Layers) {
  const Json *Pattern = C.get("sliding_window_pattern");
  const std::string *Letters = Pattern ? Pattern->string() : nullptr;
  if (!Letters)
    return readWindowedLayers(C, Layers,
                              C.countOrZero("sliding_window_pattern", 4));
  if (C.has("layer_types"))
    return readWindowedLayers(C, Layers, 0);
  std::vector<bool> Out(Layers);
  if (Letters->empty() || Letters->find_first_not_of("LG") != std::string::npos)
    C.refuseValue("sliding_window_pattern");
  else
    for (size_t I = 0; I + 1 < Layers; ++I)
      Out[I] = (*Letters)[I % Letters->size()] == 'L';
  return Out;
}

/// What both have: heads' norms, windows, positions seen where there is one.
static Decoder readHybrid(Config &C) {
  Decoder D = readDecoder(C, /*HasMlp=*/true, {.DefaultEpsilon = 1e-5});
  D.Grouped.QkNorm = true;
  readOneRope(C, D);

  const int64_t Window =
      C.get("sliding_window") ? C.count("sliding_window") : 0;
  const std::vector<bool> Windowed = readPattern(C, D.Layers.size());
  for (size_t I = 0; Window && I < D.Layers.size(); ++I) {
    if (Windowed[I])
      D.Layers[I].Window = Window;
    else
      D.Layers[I].Rope.reset();
  }
  return D;
}

Decoder readExaone4(Config &C) {
  Decoder D = readHybrid(C);
  D.Norms = {.AfterAttention = "post_attention_layernorm",
             .AfterMlp = "post_feedforward_layernorm"};
  return D;
}

Decoder readExaoneMoe(Config &C) {
  Decoder D = readHybrid(C);
  D.Mixture = readSigmoidExperts(C, "num_experts", "num_shared_experts");
  D.Mixture.BiasName = "e_score_correction_bias";
  readSparseLayers(C, D, 1);
  // The head that predicts several tokens is another model's.
  D.UnusedBegins = {"mtp."};
  C.ignore({"num_nextn_predict_layers"});
  return D;
}

} // namespace dure::checkpoint
