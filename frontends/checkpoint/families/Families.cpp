// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of families.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

std::span<const DecoderFamily> decoderFamilies() {
  static constexpr DecoderFamily Table[] = {
      {"Exaone4ForCausalLM", readExaone4},
      {"Gemma3ForCausalLM", readGemma3},
      {"GraniteForCausalLM", readGranite},
      {"HyperCLOVAXForCausalLM", readHyperClovaX},
      {"LlamaForCausalLM", readLlama},
      {"Qwen2ForCausalLM", readQwen2},
      {"Qwen3ForCausalLM", readQwen3},
  };
  return Table;
}

} // namespace dure::checkpoint
