// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of bounded JSON.
#include "frontends/checkpoint/Json.h"

#include <gtest/gtest.h>

namespace dure::checkpoint {
namespace {

std::string refusalOf(const std::string &Text, const JsonLimits &Limits = {}) {
  Refusals Problems;
  const std::optional<Json> Read = parseJson(Text, "file", Limits, Problems);
  EXPECT_EQ(Read.has_value(), Problems.empty());
  return Read ? "" : std::string(codeName(Problems.list().front().Code));
}

TEST(Json, ReadsValues) {
  Refusals Problems;
  const std::optional<Json> Read = parseJson(
      R"({"a":[1,-2,3.5,18446744073709551615],"b":"두레","c":null,"d":true})",
      "file", {}, Problems);
  ASSERT_TRUE(Read);
  const Json::Array &A = *Read->find("a")->array();
  EXPECT_EQ(*A[1].integer(), -2);
  EXPECT_EQ(*A[2].number(), 3.5);
  EXPECT_FALSE(A[3].integer());
  EXPECT_EQ(*A[3].number(), 18446744073709551616.0);
  EXPECT_EQ(*Read->find("b")->string(), "두레");
  EXPECT_TRUE(Read->find("c")->isNull());
  EXPECT_TRUE(*Read->find("d")->boolean());
  EXPECT_FALSE(Read->find("e"));
  EXPECT_FALSE(A[0].find("a"));
}

TEST(Json, BoundsWhatItReads) {
  EXPECT_EQ(refusalOf(std::string(1000, '[')), "json-too-deep");
  EXPECT_EQ(refusalOf(std::string(32, '[') + std::string(32, ']')), "");
  EXPECT_EQ(refusalOf("[1,2,3]", {.MaxValues = 3}), "json-too-many");
  EXPECT_EQ(refusalOf("[1,2,3]", {.MaxValues = 4}), "");
  EXPECT_EQ(refusalOf("[1,2,3]", {.MaxBytes = 6}), "file-size");
  EXPECT_EQ(refusalOf(R"({"a":1,"a":2})"), "json-duplicate");
  EXPECT_EQ(refusalOf(R"({"a":{"a":1},"b":{"a":2}})"), "");
}

TEST(Json, RefusesWhatIsNone) {
  for (const char *Text : {"", "{", "]", "{\"a\":}", "nul", "1e999", "\"\xff\"",
                           "[1] 2", "{'a':1}", "NaN"})
    EXPECT_EQ(refusalOf(Text), "json-malformed") << Text;
}

} // namespace
} // namespace dure::checkpoint
