// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// UTF-8, normalization forms and clusters.

#include "runtime/text/Unicode.h"

#include <gtest/gtest.h>

#include <chrono>

using namespace dure;
using namespace dure::text;

static std::string normalized(const std::string &Text, NormalizationForm Form) {
  std::string Out;
  appendNormalized(Out, Text, Form);
  EXPECT_TRUE(!isSurelyNormalized(Text, Form) || Out == Text);
  return Out;
}

// Tests the table of Unicode 15.0, section 3.9: one U+FFFD for each longest
// beginning of a character.
TEST(Unicode, MaximalSubparts) {
  EXPECT_EQ(
      replaceInvalid("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
      "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(replaceInvalid("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(replaceInvalid("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(replaceInvalid("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA\uFFFD\uFFFDB");
  std::string Valid = "a\u00E9\uAC00\U0001F600";
  EXPECT_EQ(validPrefix(Valid), Valid.size());
}

// Tests all four forms on what each of them changes.
TEST(Unicode, NormalizationForms) {
  NormalizationForm Nfd{false, false}, Nfc{false, true}, Nfkd{true, false},
      Nfkc{true, true};
  EXPECT_EQ(normalized("\uD55C", Nfd), "\u1112\u1161\u11AB");
  EXPECT_EQ(normalized("\u1112\u1161\u11AB", Nfc), "\uD55C");
  EXPECT_EQ(normalized("\u3131\uFF21", Nfkd), "\u1100A");
  EXPECT_EQ(normalized("\uFB01\u2460", Nfkc), "fi1");
  // Marks are sorted by their class, those of one class stay.
  EXPECT_EQ(normalized("a\u0301\u0323\u0300", Nfd), "a\u0323\u0301\u0300");
  EXPECT_EQ(normalized("a\u0323\u0302", Nfc), "\u1EAD");
}

// Tests that many marks behind one character do not take quadratic time.
TEST(Unicode, ManyMarks) {
  std::string Text = "a";
  for (unsigned I = 0; I != 200'000; ++I)
    Text += I % 2 == 0 ? "\u0301" : "\u0323";
  auto Begin = std::chrono::steady_clock::now();
  EXPECT_EQ(normalized(Text, {false, false}).size(), Text.size());
  EXPECT_LT(std::chrono::steady_clock::now() - Begin, std::chrono::seconds(20));
}
