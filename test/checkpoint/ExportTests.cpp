// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiny checkpoints of every family, exported, compiled and run: `main` gives
// what transformers gives, and `step` what `main` gives.
#include "test/checkpoint/ExportFixture.h"

using namespace dure;
using namespace dure::exporttest;
using namespace dure::steptest;

namespace {

class ExportedModel : public Exported {};
class ExportedDecoder : public Exported {};

} // namespace

// Tests that prefill, steps and padded batches give what transformers gives.
TEST_P(ExportedModel, GivesWhatTransformersGives) {
  expectReferences({}, /*ExactShapes=*/false,
                   [](const auto &, const auto &) { return true; });
}

// Tests that the caches become state, and that calls in a row on it give what
// `main` gives.
TEST_P(ExportedDecoder, StepAgreesWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_EQ(Outputs, std::vector<std::string>{"logits"});
  ASSERT_NO_FATAL_FAILURE(readSets());
  std::vector<std::vector<std::string>> Sequences = {
      {"prefill", "decode-1", "decode-2", "decode-3", "decode-4"},
      {"prefill-other-shape"},
      {"left-padding", "left-padding-decode"}};
  for (const auto &[Name, S] : Sets)
    if (Name.starts_with("window-") && S.Past)
      Sequences.push_back({Name.substr(0, Name.rfind('-')), Name});
  for (const std::vector<std::string> &Sequence : Sequences) {
    const Set &Last = Sets.at(Sequence.back());
    createState(Last.Batch, Last.Past + Last.Length + 9);
    for (const std::string &Name : Sequence)
      ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
  const Set &Chunk = Sets.at("chunk");
  createState(Chunk.Batch, Chunk.Past + Chunk.Length);
  ASSERT_NO_FATAL_FAILURE(writePasts(Chunk));
  ASSERT_NO_FATAL_FAILURE(expectStep("chunk"));
}

// Each family's folder name, at either opset.
#define BOTH(FAMILY) FAMILY "-20", FAMILY "-23"
static const char *const Decoders[] = {
    BOTH("llama"),       BOTH("qwen2"),      BOTH("qwen3"),
    BOTH("exaone3"),     BOTH("exaone4"),    BOTH("exaone4-global"),
    BOTH("hyperclovax"), BOTH("granite"),    BOTH("gemma3"),
    BOTH("exaone-moe"),  BOTH("solar-open"), BOTH("axk1"),
    BOTH("deepseek-v3"), BOTH("qwen3-moe"),  BOTH("glm4-moe")};
static const char *const Encoders[] = {BOTH("bert"), BOTH("xlm-roberta")};

// In few bits where the opset has them, as floats where it has not.
static const char *const Quantized[] = {
    BOTH("llama-gguf"),      BOTH("qwen2-gguf"),
    BOTH("qwen3-gguf"),      BOTH("granite-gguf"),
    BOTH("exaone4-gguf"),    BOTH("exaone4-global-gguf"),
    BOTH("gemma3-gguf"),     BOTH("bert-gguf"),
    BOTH("exaone-moe-gguf"), BOTH("qwen3-moe-gguf"),
    BOTH("solar-open-gguf"), BOTH("deepseek-v3-gguf")};

INSTANTIATE_TEST_SUITE_P(Decoders, ExportedModel, testing::ValuesIn(Decoders),
                         testName);
INSTANTIATE_TEST_SUITE_P(Quantized, ExportedModel, testing::ValuesIn(Quantized),
                         testName);
INSTANTIATE_TEST_SUITE_P(Encoders, ExportedModel, testing::ValuesIn(Encoders),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, ExportedDecoder, testing::ValuesIn(Decoders),
                         testName);
