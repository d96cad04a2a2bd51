// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Boxes of a space: every place once, within the chip's slices and a limit.
#include "targets/rngd/compiler/Boxes.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace dure::rngd;

static int64_t product(llvm::ArrayRef<int64_t> Sizes) {
  return std::accumulate(Sizes.begin(), Sizes.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

/// Marks the places of BOX; returns whether each was free.
static bool mark(const Space &Of, const Box &Box, std::vector<bool> &Taken) {
  bool Free = true;
  for (int64_t I = 0; I != product(Box.count); ++I) {
    int64_t Rest = I, At = 0, Stride = 1;
    for (size_t Axis = Of.axes.size(); Axis-- != 0;) {
      At += (Box.first[Axis] + Rest % Box.count[Axis]) * Stride;
      Rest /= Box.count[Axis];
      Stride *= Of.axes[Axis].size;
    }
    Free &= !Taken[static_cast<size_t>(At)];
    Taken[static_cast<size_t>(At)] = true;
  }
  return Free;
}

TEST(Boxes, CoverASpaceOnceWithinLimits) {
  for (int64_t Outer : {1, 3, 64, 509})
    for (int64_t Middle : {1, 2, 37, 256})
      for (int64_t Inner : {1, 5, 8, 130})
        for (int64_t Unit : {1, 4})
          for (int64_t Most : {8, 100}) {
            Space Of;
            Of.axes = {{"a", Outer}, {"b", Middle}, {"c", Inner, Unit}};
            Of.order = {1, 0, 2};
            if (Unit > Inner)
              continue;
            std::vector<bool> Taken(
                static_cast<size_t>(Outer * Middle * Inner));
            auto Boxes = divide(Of, [&](llvm::ArrayRef<int64_t> Each) {
              return product(Each) > Most ? longest(Of, Each) : std::nullopt;
            });
            for (const Box &Each : Boxes) {
              EXPECT_TRUE(mark(Of, Each, Taken));
              EXPECT_LE(product(Each.each), Most);
              EXPECT_LE(product(Each.slices), Each.split ? 512 : 256);
              for (size_t I = 0; I != 3; ++I)
                EXPECT_EQ(Each.slices[I] * Each.each[I], Each.count[I]);
              if (Each.split) {
                EXPECT_EQ(Each.slices[*Each.split] % 2, 0);
              }
              // Whole units, but for what is left at the end.
              EXPECT_TRUE(Each.each[2] % Unit == 0 || Each.each[2] < Unit);
            }
            EXPECT_TRUE(std::all_of(Taken.begin(), Taken.end(),
                                    [](bool Each) { return Each; }))
                << Outer << " " << Middle << " " << Inner;
          }
}

TEST(Boxes, LargeSpacesKeepAllSlicesBusy) {
  Space Of;
  Of.axes = {{"a", 32}, {"b", 128}};
  Of.order = {1, 0};
  auto Boxes = divide(Of, [](llvm::ArrayRef<int64_t>) { return std::nullopt; });
  ASSERT_EQ(Boxes.size(), 1u);
  EXPECT_EQ(product(Boxes.front().slices), 512);
}
