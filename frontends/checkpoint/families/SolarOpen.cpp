// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// SolarOpenForCausalLM: Solar Open.  Glm4MoeForCausalLM: GLM 4.5.
//
// Llama's layers with experts in place of all MLPs: sigmoid scores, a bias that
// counts in the choice alone, one shared expert. GLM's first layers are dense,
// its heads may have norms, and half of a head turns.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

Decoder readSolarOpen(Config &C) {
  // All layers are sparse: the width of dense ones is often not there.
  Decoder D = readDecoder(C, /*HasMlp=*/false, {.DefaultEpsilon = 1e-5});
  D.Grouped.HeadSize = C.count("head_dim", 128);
  D.Grouped.QkvBias = C.flag("attention_bias", false);
  C.expect("use_qk_norm", false);
  D.Mixture = readSigmoidExperts(C, "n_routed_experts", "n_shared_experts");
  readSparseLayers(C, D, 0);
  readOneRope(C, D, {.DefaultTheta = 1e6});
  // HF's class has no such layers, whatever the configuration says.
  C.ignore({"intermediate_size", "num_nextn_predict_layers"});
  return D;
}

Decoder readGlm4Moe(Config &C) {
  Decoder D = readDecoder(C, /*HasMlp=*/true, {.DefaultEpsilon = 1e-5});
  D.Grouped.QkvBias = C.flag("attention_bias", false);
  D.Grouped.QkNorm = C.flag("use_qk_norm", false);
  D.Mixture = readSigmoidExperts(C, "n_routed_experts", "n_shared_experts");
  readSparseLayers(C, D, 1);
  readOneRope(C, D, {.DefaultPartial = 0.5});
  // The layers behind the last one predict several tokens, for another model.
  C.ignore({"num_nextn_predict_layers", "num_mtp_layers"});
  D.UnusedBegins = {D.Names.Layers + std::to_string(D.Layers.size()) + "."};
  return D;
}

} // namespace dure::checkpoint
