// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Qwen2ForCausalLM: Qwen2, Qwen2.5, A.X 4.0.  Qwen3ForCausalLM: Qwen3.
// Qwen3MoeForCausalLM: Qwen3 with experts.
//
// Llama's layers; Qwen2 adds biases to queries, keys and values, Qwen3 a norm
// of each head's query and key. The upper layers may have a window.

#include "frontends/checkpoint/Families.h"

#include <cmath>

namespace dure::checkpoint {

/// Windows from layer `max_window_layers` on, where they are switched on.
static void readWindows(Config &C, Decoder &D) {
  const int64_t Window = C.countOrZero("sliding_window", 4096);
  const auto First = size_t(C.countOrZero("max_window_layers", 28));
  const bool IsUsed = C.flag("use_sliding_window", false) && Window;
  const std::vector<bool> Listed = readWindowedLayers(C, D.Layers.size(), 0);
  const bool HasList = C.has("layer_types");
  for (size_t I = 0; I < D.Layers.size(); ++I)
    if (IsUsed && (HasList ? Listed[I] : I >= First))
      D.Layers[I].Window = Window;
}

Decoder readQwen2(Config &C) {
  Decoder D = readDecoder(C);
  D.Grouped.QkvBias = true;
  readWindows(C, D);
  readOneRope(C, D);
  return D;
}

Decoder readQwen3(Config &C) {
  Decoder D = readDecoder(C);
  D.Grouped.HeadSize = C.count("head_dim", 128);
  D.Grouped.QkvBias = D.Grouped.OutputBias = C.flag("attention_bias", false);
  D.Grouped.QkNorm = true;
  readWindows(C, D);
  readOneRope(C, D);
  return D;
}

Decoder readQwen3Moe(Config &C) {
  Decoder D = readQwen3(C);
  D.Mixture.Count = C.count({"num_experts", "num_local_experts"});
  D.Mixture.Chosen = C.count("num_experts_per_tok");
  D.Mixture.Inner = C.count("moe_intermediate_size");
  D.Mixture.Act = D.Mlp.Act;
  D.Mixture.NormalizeWeights = C.flag("norm_topk_prob", false);
  if (D.Mixture.Count > MaxExperts || D.Mixture.Chosen > D.Mixture.Count)
    C.refuseValue("num_experts");
  const size_t Every = size_t(C.count("decoder_sparse_step", 1));
  for (size_t I = 0; I < D.Layers.size(); ++I)
    D.Layers[I].IsSparse = (I + 1) % Every == 0;
  for (double Layer : C.numbers("mlp_only_layers"))
    if (Layer >= 0 && Layer < double(D.Layers.size()) &&
        Layer == std::floor(Layer))
      D.Layers[size_t(Layer)].IsSparse = false;
    else
      C.refuseValue("mlp_only_layers");
  return D;
}

} // namespace dure::checkpoint
