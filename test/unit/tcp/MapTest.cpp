// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps through one layout by the digits of another; layouts cut and compared.
#include "dialects/tcp/Map.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace dure::tcp;
using Steps = llvm::SmallVector<Step>;

namespace {

class Map : public testing::Test {
protected:
  Digit digit(llvm::StringRef Axis, int64_t Size, int64_t Stride = 1,
              int64_t Extent = 0) {
    return {mlir::StringAttr::get(&Context, Axis), Stride, Size,
            std::max(Size, Extent)};
  }
  mlir::MLIRContext Context;
};

TEST_F(Map, RowsAndColumns) {
  Digit Layout[] = {digit("m", 4), digit("k", 6, 1, 8)};
  EXPECT_EQ(positions(Layout), 32);
  // The last row's padding is not reached.
  EXPECT_EQ(reach(Layout), 30);
  auto Memory = place(Layout);
  EXPECT_EQ(stepsOf(digit("m", 4), Memory), Steps({{4, 8}}));
  EXPECT_EQ(stepsOf(digit("k", 3, 2), Memory), Steps({{3, 2}}));
  // Part of an axis, from 0 on.
  EXPECT_EQ(stepsOf(digit("m", 2), Memory), Steps({{2, 8}}));
}

TEST_F(Map, ADigitThatIsTwoInMemory) {
  // k lies as eights, rows between them.
  Digit Layout[] = {digit("k", 4, 8), digit("m", 5), digit("k", 8)};
  auto Memory = place(Layout);
  EXPECT_EQ(stepsOf(digit("k", 32), Memory), Steps({{4, 40}, {8, 1}}));
  EXPECT_EQ(stepsOf(digit("k", 16, 2), Memory), Steps({{4, 40}, {4, 2}}));
  EXPECT_EQ(stepsOf(digit("k", 2, 16), Memory), Steps({{2, 80}}));
}

TEST_F(Map, WhatMemoryLacksRepeats) {
  Digit Layout[] = {digit("k", 8)};
  auto Memory = place(Layout, 4);
  EXPECT_EQ(stepsOf(digit("m", 3), Memory), Steps({{3, 0}}));
  EXPECT_EQ(stepsOf({{}, 1, 7, 7}, Memory), Steps({{7, 0}}));
  EXPECT_EQ(stepsOf(digit("k", 8), Memory), Steps({{8, 4}}));
}

TEST_F(Map, UnevenDigitsHaveNoSteps) {
  Digit Layout[] = {digit("k", 4, 6), digit("m", 5), digit("k", 6)};
  auto Memory = place(Layout);
  // Neither 4 nor any other number of steps of 4 ends with a six.
  EXPECT_EQ(stepsOf(digit("k", 6, 4), Memory), std::nullopt);
  // Beyond the axis.
  EXPECT_EQ(stepsOf(digit("k", 48), Memory), std::nullopt);
}

TEST_F(Map, NormalizedJoinsWhatContinues) {
  using List = llvm::SmallVector<Digit>;
  List One = {digit("k", 64)};
  Digit Cut[] = {digit("k", 4, 16), digit("k", 2, 8), digit("k", 8)};
  EXPECT_EQ(normalized(Cut), One);
  // Digits of one position, and the padding in front of what it pads.
  Digit Thin[] = {digit("m", 1), digit("_", 1, 1, 2), digit("k", 64)};
  EXPECT_EQ(normalized(Thin), List({digit("k", 64, 1, 128)}));
  // An outer digit may be padded, an inner one may not.
  Digit Outer[] = {digit("k", 3, 8, 4), digit("k", 8)};
  EXPECT_EQ(normalized(Outer), List({digit("k", 24, 1, 32)}));
  Digit Inner[] = {digit("k", 3, 8), digit("k", 8, 1, 16)};
  EXPECT_EQ(normalized(Inner), List(Digits(Inner)));
  // Another order, another axis, and a repetition are no continuation.
  Digit Turned[] = {digit("k", 8), digit("k", 8, 8)};
  EXPECT_EQ(normalized(Turned), List(Digits(Turned)));
  Digit Other[] = {digit("m", 8, 8), digit("k", 8)};
  EXPECT_EQ(normalized(Other), List(Digits(Other)));
  Digit Repeats[] = {{{}, 1, 4, 4}, {{}, 7, 2, 2}};
  EXPECT_EQ(normalized(Repeats), List({{{}, 1, 8, 8}}));
}

TEST_F(Map, CutTakesTheInnermostPositions) {
  using List = llvm::SmallVector<Digit>;
  Digit Layout[] = {digit("m", 4), digit("k", 16)};
  std::optional<Cut> Eight = cut(Layout, 8);
  ASSERT_TRUE(Eight);
  EXPECT_EQ(Eight->outer, List({digit("m", 4), digit("k", 2, 8)}));
  EXPECT_EQ(Eight->inner, List({digit("k", 8)}));
  std::optional<Cut> More = cut(Layout, 32);
  ASSERT_TRUE(More);
  EXPECT_EQ(More->outer, List({digit("m", 2, 2)}));
  EXPECT_EQ(More->inner, List({digit("m", 2), digit("k", 16)}));
  EXPECT_EQ(cut(Layout, 1)->outer, List(Digits(Layout)));
  EXPECT_FALSE(cut(Layout, 3));
  EXPECT_FALSE(cut(Layout, 24));
  EXPECT_FALSE(cut(Layout, 128));
}

TEST_F(Map, CutOfPadding) {
  using List = llvm::SmallVector<Digit>;
  // All that counts is inside, or whole parts of it are outside.
  Digit Short[] = {digit("k", 6, 1, 32)};
  std::optional<Cut> Parts = cut(Short, 8);
  ASSERT_TRUE(Parts);
  EXPECT_EQ(Parts->inner, List({digit("k", 6, 1, 8)}));
  EXPECT_EQ(Parts->outer, List({{{}, 1, 1, 4}}));
  Digit Whole[] = {digit("k", 24, 1, 32)};
  EXPECT_EQ(cut(Whole, 8)->outer, List({digit("k", 3, 8, 4)}));
  Digit Uneven[] = {digit("k", 12, 1, 32)};
  EXPECT_FALSE(cut(Uneven, 8));
}

TEST_F(Map, PaddedUpToAMultiple) {
  using List = llvm::SmallVector<Digit>;
  Digit Half[] = {digit("m", 2), digit("k", 2)};
  EXPECT_EQ(padded(Half, 8),
            List({{{}, 1, 1, 2}, digit("m", 2), digit("k", 2)}));
  Digit Full[] = {digit("k", 16)};
  EXPECT_EQ(padded(Full, 8), List(Digits(Full)));
  Digit More[] = {digit("m", 3), digit("k", 4)};
  EXPECT_EQ(padded(More, 8), List({digit("m", 3, 1, 4), digit("k", 4)}));
  Digit Odd[] = {digit("m", 2), digit("k", 3)};
  EXPECT_EQ(padded(Odd, 8), std::nullopt);
  EXPECT_EQ(padded({}, 8), List({{{}, 1, 1, 8}}));
}

} // namespace
