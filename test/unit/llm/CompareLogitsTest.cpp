// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Comparing logits, against the definitions in a few numbers.
#include "runtime/llm/CompareLogits.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

using namespace dure;

// Tests that equal logits are equal, also moved by a constant as far as
// probabilities go.
TEST(CompareLogits, Equal) {
  const std::vector<float> A = {1, 2, -3}, Moved = {11, 12, 7};
  LogitsComparison Same, Shifted;
  Same.add(A, A);
  EXPECT_NEAR(Same.leastCosine(), 1, 1e-15);
  EXPECT_EQ(Same.topAgreement(), 1);
  EXPECT_EQ(Same.largestDifference(), 0);
  EXPECT_NEAR(Same.meanDivergence(), 0, 1e-15);
  Shifted.add(Moved, A);
  EXPECT_NEAR(Shifted.largestDivergence(), 0, 1e-12);
  EXPECT_LT(Shifted.leastCosine(), 0.999);
}

// Tests the figures of two positions: probabilities 1/2 and 1/2 for 3/4 and
// 1/4, and the other way round.
TEST(CompareLogits, Definitions) {
  const float Third = std::log(3.0f);
  LogitsComparison C;
  C.add(std::vector<float>{0, 0}, std::vector<float>{Third, 0});
  const double ToEven = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  EXPECT_NEAR(C.meanDivergence(), ToEven, 1e-7);
  C.add(std::vector<float>{0, Third}, std::vector<float>{Third, 0});
  const double ToOther = 0.75 * std::log(3.0) + 0.25 * std::log(1 / 3.0);
  EXPECT_NEAR(C.largestDivergence(), ToOther, 1e-7);
  EXPECT_NEAR(C.meanDivergence(), (ToEven + ToOther) / 2, 1e-7);
  EXPECT_EQ(C.positions(), 2u);
  EXPECT_EQ(C.topAgreement(), 0.5);
  EXPECT_NEAR(C.largestDifference(), Third, 1e-7);
}

// Tests that a NaN is no good result, wherever it stands.
TEST(CompareLogits, NanIsWorst) {
  LogitsComparison C;
  C.add(std::vector<float>{NAN, 1}, std::vector<float>{1, 1});
  C.add(std::vector<float>{1, 1}, std::vector<float>{1, 1});
  EXPECT_FALSE(C.leastCosine() >= 0.5);
  EXPECT_FALSE(C.largestDifference() <= 1);
}
