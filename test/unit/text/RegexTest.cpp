// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Expressions of Oniguruma match what they match there. Expected results were
// checked with the library `tokenizers`.

#include "runtime/text/Regex.h"

#include <gtest/gtest.h>

#include <vector>

using namespace dure;
using namespace dure::text;

namespace {

/// The matches in a text.
std::vector<std::string> matches(const std::string &Pattern,
                                 const std::string &Text) {
  Result<Regex> Compiled = Regex::compile(Pattern);
  EXPECT_TRUE(Compiled.ok()) << Compiled.status().message();
  std::vector<std::string> Found;
  if (!Compiled.ok())
    return Found;
  Regex::Matches All(*Compiled, Text);
  while (All.next())
    Found.push_back(Text.substr(All.begin(), All.end() - All.begin()));
  EXPECT_TRUE(All.status().ok()) << All.status().message();
  return Found;
}

using Found = std::vector<std::string>;

} // namespace

// Tests that classes are those of Unicode, not PCRE2's: \s has no U+180E, \w
// has marks, \d has other digits, \h is hexadecimal.
TEST(Regex, Classes) {
  EXPECT_EQ(matches(R"(\s)", "a\u3000\u180E\u200B\u00A0"),
            (Found{"\u3000", "\u00A0"}));
  EXPECT_EQ(matches(R"(\S+)", "a \u180E가"), (Found{"a", "\u180E가"}));
  EXPECT_EQ(matches(R"(\w+)", "हिन्दी-가_é\u24D0 ½"),
            (Found{"हिन्दी", "가_é\u24D0", "½"}));
  EXPECT_EQ(matches(R"([^\w\s]+)", "a!? b→"), (Found{"!?", "→"}));
  EXPECT_EQ(matches(R"(\d+)", "12٣"), (Found{"12٣"}));
  EXPECT_EQ(matches(R"(\h+)", "xFFzA0"), (Found{"FF", "A0"}));
  EXPECT_EQ(matches(R"(\bा)", "क ा"), (Found{"ा"}));
}

// Tests that sets may hold sets, and be cut with others.
TEST(Regex, Sets) {
  EXPECT_EQ(matches(R"([a-z&&[^aeiou]]+)", "hello"), (Found{"h", "ll"}));
  EXPECT_EQ(matches(R"([\p{L}&&[^\p{Han}]]+|[\p{Han}]+)", "한漢字abc"),
            (Found{"한", "漢字", "abc"}));
  EXPECT_EQ(matches(R"([^a-z&&[^x]]+)", "abxC"), (Found{"xC"}));
  EXPECT_EQ(matches(R"([a[0-9]\W]+)", "a1!b"), (Found{"a1!"}));
  EXPECT_EQ(matches(R"([]a]+)", "]a["), (Found{"]a"}));
  EXPECT_EQ(matches(R"([[a]-z]+)", "ab-z"), (Found{"a", "-z"}));
  EXPECT_EQ(matches(R"([^[a-z][A-Z]]+)", "aB1-c"), (Found{"1-"}));
  EXPECT_EQ(matches(R"([[:alpha:]]+)", "가a1"), (Found{"가a"}));
}

// Tests properties: scripts without their extensions, long names, negations.
TEST(Regex, Properties) {
  EXPECT_EQ(matches(R"(\p{Hangul}+)", "가나abc"), (Found{"가나"}));
  // A mark that Han and kana share is of no script.
  EXPECT_EQ(matches(R"(\p{Han}+)", "漢\u30FB字"), (Found{"漢", "字"}));
  EXPECT_EQ(matches(R"(\p{Letter}+)", "a1"), (Found{"a"}));
  EXPECT_EQ(matches(R"(\p{^L}+)", "a1-b"), (Found{"1-"}));
  EXPECT_EQ(matches(R"(\P{L}+)", "a1-b"), (Found{"1-"}));
  EXPECT_EQ(matches(R"(\p{lu}+)", "aBC"), (Found{"BC"}));
}

// Tests what Ruby writes differently.
TEST(Regex, RubySyntax) {
  EXPECT_EQ(matches("(?m:a.b)", "a\nb"), (Found{"a\nb"}));
  EXPECT_EQ(matches("a.b", "a\nb"), Found());
  EXPECT_EQ(matches("^b$", "a\nb\nc"), (Found{"b"}));
  EXPECT_EQ(matches("(?i:'s|'ll)", "'S'LL"), (Found{"'S", "'LL"}));
  EXPECT_EQ(matches("a{,2}b", "aaab"), (Found{"aab"}));
  EXPECT_EQ(matches("a{x}", "a{x}"), (Found{"a{x}"}));
  EXPECT_EQ(matches(R"(\u00e9|\x{AC00}|\x41)", "éA가"),
            (Found{"é", "A", "가"}));
  EXPECT_EQ(matches("a++b|a?+c", "aabc"), (Found{"aab", "c"}));
  EXPECT_EQ(matches(R"(\s+(?!\S)|\s+)", "a   b "), (Found{"  ", " ", " "}));
}

// Tests that empty matches move on.
TEST(Regex, EmptyMatches) {
  EXPECT_EQ(matches("a*", "baa"), (Found{"", "aa"}));
  EXPECT_EQ(matches("", "가나"), (Found{"", "", ""}));
}

// Tests that what has no equivalent is refused.
TEST(Regex, Refused) {
  for (const char *Pattern : {"(", "[a", "a\\", "\\p{Nothing}", "\\p", "a{2}+",
                              "a{2}?", "\\u12", "(?~ab)", "\\C", "\\xff",
                              "[[:nothing:]]", "(?x-q:a)", "\\yb", "[a-[b]]"})
    EXPECT_FALSE(Regex::compile(Pattern).ok()) << Pattern;
  EXPECT_FALSE(Regex::compile(std::string(20000, 'a')).ok());
  EXPECT_FALSE(Regex::compile("\xFF").ok());
}
