// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text of an answer as its tokens come.
#include "runtime/llm/AnswerText.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

/// Each of a few bytes is a token: those of "가", and "a".
Tokenizer bytes() {
  Result<Tokenizer> Read = Tokenizer::read(R"({
    "model": {"type": "BPE", "vocab": {"a": 0, "ê": 1, "°": 2, "Ģ": 3},
              "merges": []},
    "decoder": {"type": "ByteLevel"}})");
  EXPECT_TRUE(Read) << Read.status().message();
  return Read.take();
}

std::string textOf(std::vector<int64_t> Prompt, std::vector<int64_t> Answer) {
  Result<AnswerText> Text = AnswerText::create(bytes(), Prompt);
  EXPECT_TRUE(Text) << Text.status().message();
  std::string All;
  for (int64_t Token : Answer)
    All += Text->push(Token).take();
  return All + Text->finish().take();
}

} // namespace

TEST(AnswerText, IsWhatFollowsThePrompt) {
  EXPECT_EQ(textOf({0, 0}, {0, 1, 2, 3}), "a가");
}

TEST(AnswerText, HalfACharacterIsNotShown) {
  EXPECT_EQ(textOf({0}, {1, 2, 3, 1, 2}), "가");
  EXPECT_EQ(textOf({0}, {1}), "");
  EXPECT_EQ(textOf({0}, {0}), "a");
}
