// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of families.

#include "frontends/checkpoint/Families.h"

namespace dure::checkpoint {

std::span<const Family> families() {
  static const Family Table[] = {
      {"BertModel", readBert},
      {"Exaone4ForCausalLM", readExaone4},
      {"Gemma3ForCausalLM", readGemma3},
      {"GraniteForCausalLM", readGranite},
      {"HyperCLOVAXForCausalLM", readHyperClovaX},
      {"LlamaForCausalLM", readLlama},
      {"Qwen2ForCausalLM", readQwen2},
      {"Qwen3ForCausalLM", readQwen3},
      {"RobertaModel", readXlmRoberta},
      {"XLMRobertaModel", readXlmRoberta},
  };
  return Table;
}

} // namespace dure::checkpoint
