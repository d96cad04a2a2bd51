// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiny checkpoints exported, compiled for RNGD and run on its simulator: prompt
// and steps lie within a cosine of what transformers gives.
//
// The chip takes bf16 operands of products and code of static shapes, so each
// case is compiled by itself.
#include "test/checkpoint/ExportFixture.h"

using namespace dure;
using namespace dure::exporttest;

namespace {

class RngdModel : public Exported {};

/// A prompt and the steps behind it; an encoder's batch.
bool isChecked(const std::string &Case) {
  return Case == "prefill" || Case == "decode-1" || Case == "decode-2" ||
         Case == "decode-3" || Case == "batch";
}

} // namespace

// Tests that a prompt and three steps give what transformers gives, up to the
// chip's rounding.
TEST_P(RngdModel, GivesWhatTransformersGives) {
  modeltest::CompileSettings Settings;
  Settings.Target = "rngd";
  Settings.Cosine = 0.999;
  expectReferences(Settings, /*ExactShapes=*/true,
                   [](const modeltest::Case &Case, const auto &) {
                     return isChecked(Case.Name);
                   });
}

#define BOTH(FAMILY) FAMILY "-20", FAMILY "-23"
static const char *const Models[] = {
    BOTH("llama"),       BOTH("qwen2"),      BOTH("qwen3"),
    BOTH("exaone3"),     BOTH("exaone4"),    BOTH("exaone4-global"),
    BOTH("hyperclovax"), BOTH("granite"),    BOTH("gemma3"),
    BOTH("exaone-moe"),  BOTH("solar-open"), BOTH("axk1"),
    BOTH("deepseek-v3"), BOTH("qwen3-moe"),  BOTH("bert"),
    BOTH("xlm-roberta")};

INSTANTIATE_TEST_SUITE_P(Models, RngdModel, testing::ValuesIn(Models),
                         testName);
