// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiny checkpoints exported, compiled for the other targets and run: a prompt
// and steps give what transformers gives.
//
// RNGD, here its simulator, takes bf16 operands of products, so that a cosine
// measures it, and code of static shapes, so that each case is compiled by
// itself.
#include "test/checkpoint/ExportFixture.h"

using namespace dure;
using namespace dure::exporttest;

namespace {

class ReferenceModel : public Exported {};
class RngdModel : public Exported {};

/// A prompt and the steps behind it; an encoder's batch.
bool isChecked(const modeltest::Case &Case, const modeltest::RunData &) {
  return Case.Name == "prefill" || Case.Name == "decode-1" ||
         Case.Name == "decode-2" || Case.Name == "decode-3" ||
         Case.Name == "batch";
}

} // namespace

// Tests that the definitions of ops give what transformers gives.
TEST_P(ReferenceModel, GivesWhatTransformersGives) {
  modeltest::CompileSettings Settings;
  Settings.Target = "reference";
  expectReferences(Settings, /*ExactShapes=*/false, isChecked);
}

// Tests that it does so up to the chip's rounding.
TEST_P(RngdModel, GivesWhatTransformersGives) {
  modeltest::CompileSettings Settings;
  Settings.Target = "rngd";
  Settings.Cosine = 0.999;
  expectReferences(Settings, /*ExactShapes=*/true, isChecked);
}

#define AT(OPSET)                                                              \
  "llama-" OPSET, "qwen2-" OPSET, "qwen3-" OPSET, "exaone3-" OPSET,            \
      "exaone4-" OPSET, "exaone4-global-" OPSET, "hyperclovax-" OPSET,         \
      "granite-" OPSET, "gemma3-" OPSET, "exaone-moe-" OPSET,                  \
      "solar-open-" OPSET, "axk1-" OPSET, "deepseek-v3-" OPSET,                \
      "deepseek-v2-lite-" OPSET, "qwen3-moe-" OPSET, "glm4-moe-" OPSET,        \
      "bert-" OPSET, "xlm-roberta-" OPSET
static const char *const AtNewest[] = {AT("23")};
static const char *const AtBoth[] = {AT("20"), AT("23")};

INSTANTIATE_TEST_SUITE_P(Models, ReferenceModel, testing::ValuesIn(AtNewest),
                         testName);
INSTANTIATE_TEST_SUITE_P(Models, RngdModel, testing::ValuesIn(AtBoth),
                         testName);
