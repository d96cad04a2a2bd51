// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// HyperCLOVAXForCausalLM: HyperCLOVA X SEED Think.  GraniteForCausalLM: Granite
// 3, from which it descends.
//
//   x = embedding * e
//   x += r * norm(attention(norm(x)))   norms after are HyperCLOVA X's alone
//   x += r * norm(mlp(norm(x)))
//   logits = head(x) * s                Granite divides by s
//
// Scores are scaled by a number of the configuration (MuP).

#include "frontends/checkpoint/Families.h"

#include <cmath>

namespace dure::checkpoint {

static Decoder readMuP(Config &C, double DefaultScoreScale) {
  Decoder D = readDecoder(C);
  D.Grouped.QkvBias = D.Grouped.OutputBias = C.flag("attention_bias", false);
  D.Mlp.Bias = C.flag("mlp_bias", false);
  D.EmbeddingScale = C.number("embedding_multiplier", 1.0);
  D.ResidualScale = C.number("residual_multiplier", 1.0);
  D.LogitScale = C.number("logits_scaling", 1.0);
  D.ScoreScale = C.number("attention_multiplier",
                          DefaultScoreScale != 0
                              ? DefaultScoreScale
                              : 1 / std::sqrt(double(D.Grouped.HeadSize)));
  readOneRope(C, D);
  return D;
}

Decoder readHyperClovaX(Config &C) {
  Decoder D = readMuP(C, 0);
  if (C.flag("use_post_norm", true)) {
    D.Norms.AfterAttention = "post_norm1";
    D.Norms.AfterMlp = "post_norm2";
  }
  return D;
}

Decoder readGranite(Config &C) {
  Decoder D = readMuP(C, 1);
  if (D.LogitScale == 0)
    C.refuseValue("logits_scaling");
  else
    D.LogitScale = 1 / D.LogitScale;
  return D;
}

} // namespace dure::checkpoint
