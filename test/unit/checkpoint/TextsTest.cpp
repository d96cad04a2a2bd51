// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that every refusal has its texts in both languages.
#include "frontends/checkpoint/Refusal.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace dure::checkpoint {
namespace {

constexpr RefusalCode All[] = {
#define DURE_REFUSAL(ID, CODE, REASON, REASON_KO, REMEDY, REMEDY_KO)           \
  RefusalCode::ID,
#include "frontends/checkpoint/Refusals.def"
};

/// The {N} of a text.
std::set<char> holes(const std::string &Text) {
  std::set<char> Out;
  for (size_t At = Text.find('{'); At != std::string::npos;
       At = Text.find('{', At + 1))
    Out.insert(Text.at(At + 1));
  return Out;
}

TEST(RefusalTexts, SayTheSameInBothLanguages) {
  std::set<std::string_view> Codes;
  for (RefusalCode Each : All) {
    EXPECT_TRUE(Codes.insert(codeName(Each)).second) << codeName(Each);
    const Refusal R = {Each, "", {"{0}", "{1}", "{2}"}};
    EXPECT_EQ(holes(reasonOf(R)), holes(reasonOf(R, Language::Korean)))
        << codeName(Each);
    for (Language L : {Language::English, Language::Korean}) {
      EXPECT_TRUE(reasonOf(R, L).ends_with(".")) << codeName(Each);
      EXPECT_TRUE(remedyOf(R, L).ends_with(".")) << codeName(Each);
    }
    const std::string Korean = reasonOf(R, Language::Korean);
    EXPECT_TRUE(std::any_of(Korean.begin(), Korean.end(), [](char C) {
      return uint8_t(C) >= 0xEA;
    })) << codeName(Each);
  }
}

TEST(RefusalTexts, ShowWhatFilesSayWithoutItsControls) {
  const Refusal R = {RefusalCode::ConfigKey, "a\nb", {"\x1b[2J"}};
  const std::string Text = toString(R);
  EXPECT_EQ(Text.find('\n'), std::string::npos);
  EXPECT_EQ(Text.find('\x1b'), std::string::npos);
}

} // namespace
} // namespace dure::checkpoint
