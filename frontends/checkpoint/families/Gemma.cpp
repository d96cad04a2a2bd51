// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gemma3ForCausalLM: the text models of Gemma 3.
//
//   x = embedding * sqrt(hidden)
//   x += norm(attention(norm(x)))    norms multiply by 1 + w
//   x += norm(mlp(norm(x)))          gelu
//
// Five layers with a window, then one that sees everything, and so on. The two
// kinds turn by ropes of different bases.

#include "frontends/checkpoint/Families.h"

#include <cmath>

namespace dure::checkpoint {

Decoder readGemma3(Config &C) {
  Decoder D = readDecoder(C);
  D.IsTied = C.flag("tie_word_embeddings", true);
  D.Mlp.Act = readActivation(C, "hidden_activation", "gelu_pytorch_tanh");
  D.NormOfOnePlus = true;
  D.Norms = {.BeforeAttention = "input_layernorm",
             .AfterAttention = "post_attention_layernorm",
             .BeforeMlp = "pre_feedforward_layernorm",
             .AfterMlp = "post_feedforward_layernorm"};
  D.EmbeddingScale = std::sqrt(double(D.Hidden));
  D.Grouped.HeadSize = C.count("head_dim", 256);
  D.Grouped.QkvBias = D.Grouped.OutputBias = C.flag("attention_bias", false);
  D.Grouped.QkNorm = true;
  D.ScoreScale = 1 / std::sqrt(double(C.count("query_pre_attn_scalar", 256)));
  D.LogitSoftcap = C.number("final_logit_softcapping", 0.0);
  if (C.get("attn_logit_softcapping"))
    C.refuseValue("attn_logit_softcapping");
  C.expect("use_bidirectional_attention", false);

  const RopeKeys Local = {.HeadSize = D.Grouped.HeadSize,
                          .LayerType = "sliding_attention",
                          .ThetaKey = "rope_local_base_freq",
                          .IsScaled = false};
  const RopeKeys Global = {.HeadSize = D.Grouped.HeadSize,
                           .DefaultTheta = 1e6,
                           .LayerType = "full_attention"};
  D.Ropes = {readRope(C, Local), readRope(C, Global)};

  const int64_t Window = C.countOrZero("sliding_window", 4096);
  // transformers 4 and 5 call it differently.
  const int64_t Pattern =
      C.count("sliding_window_pattern", C.count("_sliding_window_pattern", 6));
  const std::vector<bool> Windowed =
      readWindowedLayers(C, D.Layers.size(), Pattern);
  for (size_t I = 0; I < D.Layers.size(); ++I) {
    D.Layers[I].Window = Windowed[I] ? Window : 0;
    D.Layers[I].Rope = Windowed[I] ? 0 : 1;
  }
  return D;
}

} // namespace dure::checkpoint
