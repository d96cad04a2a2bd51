// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of families.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

std::span<const Family> families() {
  static const Family Table[] = {
      {"AXK1ForCausalLM", readAxK1},
      {"BertModel", readBert},
      {"DeepseekV2ForCausalLM", readDeepSeekV2},
      {"DeepseekV3ForCausalLM", readDeepSeekV3},
      {"Exaone4ForCausalLM", readExaone4},
      {"ExaoneForCausalLM", readExaone3},
      {"ExaoneMoeForCausalLM", readExaoneMoe},
      {"Gemma3ForCausalLM", readGemma3},
      {"Glm4MoeForCausalLM", readGlm4Moe},
      {"GraniteForCausalLM", readGranite},
      {"HyperCLOVAXForCausalLM", readHyperClovaX},
      {"LlamaForCausalLM", readLlama},
      {"Qwen2ForCausalLM", readQwen2},
      {"Qwen3ForCausalLM", readQwen3},
      {"Qwen3MoeForCausalLM", readQwen3Moe},
      {"RobertaModel", readXlmRoberta},
      {"SolarOpenForCausalLM", readSolarOpen},
      {"XLMRobertaModel", readXlmRoberta},
  };
  return Table;
}

} // namespace dure::checkpoint
