// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LlamaForCausalLM: Llama 2 and 3, SOLAR 10.7B, HyperCLOVA X SEED's text
// models, A.X 3.1, VARCO, Kanana 1.5, Mi:dm 2.0, SmolLM.
//
//   x += attention(norm(x))    grouped heads, rope on all layers
//   x += down(silu(gate) * up) of norm(x)

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

Decoder readLlama(Config &C) {
  Decoder D = readDecoder(C);
  D.Grouped.QkvBias = D.Grouped.OutputBias = C.flag("attention_bias", false);
  D.Mlp.Bias = C.flag("mlp_bias", false);
  readOneRope(C, D);
  return D;
}

} // namespace dure::checkpoint
