// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a model's generation_config.json and config.json say about generating.
//
// Included by who generates text. Depends on the C++ library and runtime/base;
// JSON stays in the source. The files are hostile input: what is missing is
// absent here, and what has another type or is out of range is refused.
#ifndef DURE_RUNTIME_LLM_GENERATIONCONFIG_H
#define DURE_RUNTIME_LLM_GENERATIONCONFIG_H

#include "runtime/base/Status.h"
#include "runtime/llm/Sampler.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace dure {

struct GenerationConfig {
  /// Tokens that end an answer (eos_token_id of generation_config.json, else of
  /// config.json), ascending.
  std::vector<int64_t> EndTokens;
  /// Of generation_config.json: greedy unless do_sample is true. Values that
  /// the file leaves out are those of transformers' GenerationConfig, but for
  /// top_k, which then is off.
  SamplingOptions Sampling;
  /// max_position_embeddings of config.json; 0: not said.
  int64_t MaxPositions = 0;
};

/// Reads the texts of both files; empty where there is none.
Result<GenerationConfig>
readGenerationConfig(std::string_view GenerationConfigJson,
                     std::string_view ConfigJson);

} // namespace dure

#endif // DURE_RUNTIME_LLM_GENERATIONCONFIG_H
