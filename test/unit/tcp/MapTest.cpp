// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps through one layout by the digits of another.
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

} // namespace
