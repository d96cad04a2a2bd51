// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of dimension expressions at the ends of what they hold.
#include "dialects/dure/DimExpr.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

/// The canonical text, "none" for what is no expression.
std::string canonical(std::string_view Text) {
  std::optional<DimExpr> Expr = DimExpr::parse(Text);
  return Expr && Expr->valid() ? Expr->str() : "none";
}

// Tests that the least int64, which has no opposite, is read as it is written.
TEST(DimExpr, TheLeastIntegerIsReadAgain) {
  const DimExpr Least(INT64_MIN);
  ASSERT_TRUE(Least.valid());
  EXPECT_EQ(Least.str(), "-9223372036854775808");
  std::optional<DimExpr> Read = DimExpr::parse(Least.str());
  ASSERT_TRUE(Read);
  EXPECT_EQ(*Read, Least);
  EXPECT_TRUE(Read->isConstant(INT64_MIN));
  EXPECT_EQ(canonical("- 9223372036854775808"), Least.str());
  EXPECT_EQ(canonical("max(-9223372036854775808, $a)"),
            "max($a, -9223372036854775808)");
  EXPECT_EQ(canonical("-5"), "-5");
}

// Tests that what does not fit is no expression, rather than another number.
TEST(DimExpr, NumbersThatDoNotFit) {
  EXPECT_EQ(canonical("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(canonical("9223372036854775808"), "none");
  EXPECT_EQ(canonical("-9223372036854775809"), "none");
  // A coefficient beside others cannot be written.
  EXPECT_EQ(canonical("-9223372036854775808 * n"), "none");
  EXPECT_EQ(canonical("n + -9223372036854775808"), "none");
  EXPECT_FALSE((DimExpr(INT64_MIN) - DimExpr(1)).valid());
  EXPECT_FALSE((DimExpr(0) - DimExpr(INT64_MIN)).valid());
}

// Tests that products have as many terms as sizes may have, and no more: each
// power of a sum has more than the last.
TEST(DimExpr, PowersOfSumsAreBounded) {
  DimExpr Sum(1);
  for (const char *Name : {"a", "b", "c", "d", "e", "f", "g", "h"})
    Sum = Sum + DimExpr::symbol(Name);
  DimExpr Square = Sum * Sum;
  ASSERT_TRUE(Square.valid());
  EXPECT_EQ(Square.evaluate({{"a", 1},
                             {"b", 1},
                             {"c", 1},
                             {"d", 1},
                             {"e", 1},
                             {"f", 1},
                             {"g", 1},
                             {"h", 1}}),
            81);
  DimExpr Power = Sum;
  int Steps = 0;
  while (Power.valid() && Steps < 100) {
    Power = Power * Sum;
    ++Steps;
  }
  EXPECT_LT(Steps, 10);
  std::string Text = "(a + b + c + d)";
  for (int I = 0; I < 200; ++I)
    Text += " * (a + b + c + d)";
  EXPECT_EQ(canonical(Text), "none");
}

} // namespace
