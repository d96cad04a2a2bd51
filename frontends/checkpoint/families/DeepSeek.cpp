// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DeepseekV2ForCausalLM: DeepSeek-V2.  DeepseekV3ForCausalLM: DeepSeek-V3,
// Kanana-2.  AXK1ForCausalLM: A.X K1.
//
//   x += attention(norm(x))    of latents (MLA), neighbours turn together
//   x += mlp(norm(x))          the first layers dense, then experts in groups
//
// V2 scores experts by softmax, the others by sigmoid; A.X K1 has a norm on
// what experts give.

#include "frontends/checkpoint/Families.h"

#include <cmath>

namespace dure::checkpoint {

/// All but the experts.
static Decoder readLatentDecoder(Config &C) {
  Decoder D = readDecoder(C);
  LatentAttention A;
  A.Heads = D.Grouped.Heads;
  A.QueryRank = C.countOrZero("q_lora_rank", 0);
  A.KeyRank = C.count("kv_lora_rank");
  A.PlainSize = C.count("qk_nope_head_dim");
  A.RotarySize = C.count("qk_rope_head_dim");
  A.ValueSize = C.count("v_head_dim");
  A.Bias = C.flag("attention_bias", false);
  C.ignore({"qk_head_dim", "ep_size"});
  D.Latent = A;
  readOneRope(C, D, {.HeadSize = A.RotarySize});
  D.Ropes[0].Interleaved = true;
  D.ScoreScale =
      D.Ropes[0].ScoreFactor / std::sqrt(double(A.PlainSize + A.RotarySize));
  return D;
}

Decoder readDeepSeekV2(Config &C) {
  Decoder D = readLatentDecoder(C);
  C.expect("mlp_bias", false);
  D.Mixture = readGreedyExperts(C);
  readSparseLayers(C, D, 0);
  return D;
}

Decoder readDeepSeekV3(Config &C) {
  Decoder D = readLatentDecoder(C);
  D.Ropes[0].Interleaved = C.flag("rope_interleave", true);
  D.Mixture = readSigmoidExperts(C, "n_routed_experts", "n_shared_experts");
  readSparseLayers(C, D, 3);
  // The layers behind the last one predict several tokens, for another model.
  C.ignore({"num_nextn_predict_layers", "num_mtp_layers"});
  D.UnusedBegins = {D.Names.Layers + std::to_string(D.Layers.size()) + "."};
  return D;
}

Decoder readAxK1(Config &C) {
  Decoder D = readDeepSeekV3(C);
  readSparseLayers(C, D, 1);
  D.Mixture.NormAfter = "post_mlp_layernorm";
  // Dense layers hold one that they do not use.
  D.UnusedEnds.push_back("post_mlp_layernorm.weight");
  return D;
}

} // namespace dure::checkpoint
