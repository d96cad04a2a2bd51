// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading generation_config.json and config.json.
#include "runtime/llm/GenerationConfig.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

GenerationConfig read(std::string_view Own, std::string_view Model = "") {
  Result<GenerationConfig> Read = readGenerationConfig(Own, Model);
  EXPECT_TRUE(Read.ok()) << Read.status().message();
  return Read ? *Read : GenerationConfig();
}

std::string refusal(std::string_view Own, std::string_view Model = "") {
  return readGenerationConfig(Own, Model).status().message();
}

} // namespace

// Tests that end tokens come from the generation's file, else the model's.
TEST(GenerationConfig, EndTokens) {
  using Tokens = std::vector<int64_t>;
  EXPECT_EQ(read("", "").EndTokens, Tokens());
  EXPECT_EQ(read("", R"({"eos_token_id": 7})").EndTokens, Tokens{7});
  EXPECT_EQ(read(R"({"eos_token_id": [361, 2, 361]})", R"({"eos_token_id": 7})")
                .EndTokens,
            (Tokens{2, 361}));
  EXPECT_EQ(read(R"({"eos_token_id": null})").EndTokens, Tokens());
}

// Tests that a model samples only where its file says so.
TEST(GenerationConfig, Sampling) {
  const char *Values = R"("temperature": 0.6, "top_p": 0.95, "top_k": 20)";
  EXPECT_EQ(read(std::string("{") + Values + "}").Sampling.Temperature, 0);
  const SamplingOptions S =
      read(std::string(R"({"do_sample": true, "repetition_penalty": 1.1, )") +
           Values + "}")
          .Sampling;
  EXPECT_EQ(S.Temperature, 0.6);
  EXPECT_EQ(S.TopP, 0.95);
  EXPECT_EQ(S.TopK, 20);
  EXPECT_EQ(S.RepetitionPenalty, 1.1);
  EXPECT_EQ(read(R"({"do_sample": true})").Sampling.Temperature, 1);
}

// Tests the number of positions, also of a model of several parts.
TEST(GenerationConfig, Positions) {
  EXPECT_EQ(read("", R"({"max_position_embeddings": 2048})").MaxPositions,
            2048);
  EXPECT_EQ(read("", R"({"text_config": {"max_position_embeddings": 64}})")
                .MaxPositions,
            64);
  EXPECT_EQ(read("", "{}").MaxPositions, 0);
}

// Tests that damaged files are refused with the file and the key.
TEST(GenerationConfig, Refusals) {
  EXPECT_EQ(refusal("["), "generation_config.json is not a JSON object");
  EXPECT_EQ(refusal("", "7"), "config.json is not a JSON object");
  EXPECT_EQ(refusal(std::string(100000, '[')),
            "generation_config.json is not a JSON object");
  EXPECT_EQ(refusal(R"({"eos_token_id": "</s>"})"),
            "generation_config.json: \"eos_token_id\" is not a token or a list "
            "of tokens");
  EXPECT_EQ(refusal(R"({"do_sample": true, "temperature": "hot"})"),
            "generation_config.json: \"temperature\" is not a number");
  EXPECT_NE(refusal(R"({"do_sample": true, "top_p": 7})")
                .find("generation_config.json: sampling: the top-p is 7"),
            std::string::npos);
  EXPECT_NE(refusal("", R"({"max_position_embeddings": -1})"), "");
}
