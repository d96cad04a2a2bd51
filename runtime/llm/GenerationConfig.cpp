// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading generation_config.json and config.json.
#include "runtime/llm/GenerationConfig.h"

#include "runtime/llm/Json.h"

#include <algorithm>
#include <string>

using namespace dure;

namespace {

using Json = nlohmann::json;

Status readEndTokens(const JsonFile &From, std::vector<int64_t> &To) {
  const char *Key = "eos_token_id";
  const Json *Value = From.find(Key);
  if (!Value)
    return Status::success();
  for (const Json &Each : Value->is_array() ? *Value : Json::array({*Value})) {
    if (!Each.is_number_integer())
      return From.fail(Key, "a token or a list of tokens");
    To.push_back(Each.get<int64_t>());
  }
  std::sort(To.begin(), To.end());
  To.erase(std::unique(To.begin(), To.end()), To.end());
  return Status::success();
}

Status readSampling(const JsonFile &From, SamplingOptions &To) {
  bool Samples = false;
  DURE_RETURN_IF_ERROR(From.readBool("do_sample", Samples));
  DURE_RETURN_IF_ERROR(
      From.readNumber("repetition_penalty", To.RepetitionPenalty));
  if (!Samples)
    return Status::success();
  To.Temperature = 1;
  DURE_RETURN_IF_ERROR(From.readNumber("temperature", To.Temperature));
  DURE_RETURN_IF_ERROR(From.readNumber("top_p", To.TopP));
  DURE_RETURN_IF_ERROR(From.readNumber("min_p", To.MinP));
  return From.readInteger("top_k", To.TopK);
}

/// A model of several parts keeps the language model's in "text_config".
Status readMaxPositions(const JsonFile &From, int64_t &To) {
  const char *Key = "max_position_embeddings";
  DURE_RETURN_IF_ERROR(From.inner("text_config").readInteger(Key, To));
  DURE_RETURN_IF_ERROR(From.readInteger(Key, To));
  return To < 0 ? From.fail(Key, "positive") : Status::success();
}

} // namespace

Result<GenerationConfig>
dure::readGenerationConfig(std::string_view GenerationConfigJson,
                           std::string_view ConfigJson) {
  Result<JsonFile> Own =
      JsonFile::parse("generation_config.json", GenerationConfigJson);
  if (!Own)
    return Own.status();
  Result<JsonFile> Model = JsonFile::parse("config.json", ConfigJson);
  if (!Model)
    return Model.status();
  GenerationConfig Out;
  DURE_RETURN_IF_ERROR(readEndTokens(*Own, Out.EndTokens));
  if (Out.EndTokens.empty())
    DURE_RETURN_IF_ERROR(readEndTokens(*Model, Out.EndTokens));
  DURE_RETURN_IF_ERROR(readSampling(*Own, Out.Sampling));
  DURE_RETURN_IF_ERROR(
      checkSampling(Out.Sampling).at("generation_config.json"));
  DURE_RETURN_IF_ERROR(readMaxPositions(*Model, Out.MaxPositions));
  return Out;
}
