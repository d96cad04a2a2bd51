// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stop strings in pieces of every size.
#include "runtime/llm/StopStrings.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

/// What comes out of `Text` in pieces of `Size` bytes.
std::string shown(const std::vector<std::string> &Stop, std::string_view Text,
                  size_t Size) {
  StopStrings S(Stop);
  std::string Out;
  for (size_t I = 0; I < Text.size(); I += Size)
    Out += S.push(Text.substr(I, Size));
  return S.stopped() ? Out + "|" : Out + S.finish();
}

} // namespace

// Tests that the text ends before the first stop string, however it comes in
// pieces.
TEST(StopStrings, EndAtTheFirst) {
  const std::vector<std::string> Stop = {"</s>", "\nUser:", "aab"};
  for (size_t Size = 1; Size != 12; ++Size) {
    EXPECT_EQ(shown(Stop, "hello</s>world", Size), "hello|");
    EXPECT_EQ(shown(Stop, "x\nUse\nUser: y", Size), "x\nUse|");
    // The second 'a' begins it anew.
    EXPECT_EQ(shown(Stop, "aaab", Size), "a|");
    EXPECT_EQ(shown(Stop, "no end </s", Size), "no end </s");
    EXPECT_EQ(shown(Stop, "끝</s>", Size), "끝|");
  }
}

// Tests that nothing more is held back than may become a stop string.
TEST(StopStrings, HoldLittle) {
  StopStrings S({"stop", ""});
  EXPECT_EQ(S.push("go st"), "go ");
  EXPECT_EQ(S.push("ay"), "stay");
  EXPECT_EQ(S.push("sto"), "");
  EXPECT_EQ(S.finish(), "sto");
  EXPECT_FALSE(S.stopped());
}

// Tests that no text follows a stop string.
TEST(StopStrings, NothingFollows) {
  StopStrings S({"x"});
  EXPECT_EQ(S.push("axb"), "a");
  EXPECT_TRUE(S.stopped());
  EXPECT_EQ(S.push("c"), "");
  EXPECT_EQ(S.finish(), "");
}
