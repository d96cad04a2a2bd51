// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows divided among slices: all of them, each once, within the limits.
#include "targets/rngd/compiler/KernelBuilder.h"

#include <gtest/gtest.h>

using namespace dure::rngd;

TEST(Divide, CoversEveryRowOnce) {
  for (int64_t Rows :
       {1, 2, 7, 63, 256, 257, 511, 512, 513, 1009, 4096, 100003})
    for (int64_t Most : {1, 3, 8, 32, 1000})
      for (int64_t Unit : {1, 8}) {
        int64_t Next = 0;
        for (const Share &Each : divide(Rows, Most, Unit)) {
          EXPECT_EQ(Each.first, Next);
          EXPECT_GE(Each.each, 1);
          EXPECT_LE(Each.each, std::max(Most, Unit));
          EXPECT_LE(Each.clusters, 2);
          EXPECT_LE(Each.slices, 256);
          // Whole units, but for what is left at the end.
          EXPECT_TRUE(Each.each % Unit == 0 || Each.each < Unit);
          Next += Each.rows();
        }
        EXPECT_EQ(Next, Rows) << Rows << " " << Most << " " << Unit;
      }
}
