// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the host programs' arithmetic.

#include "runtime/host/Scalar.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

constexpr int64_t Min = std::numeric_limits<int64_t>::min();
constexpr int64_t Max = std::numeric_limits<int64_t>::max();

int64_t value(ScalarOpKind Kind, int64_t A, int64_t B, int64_t C = 0) {
  int64_t Result = 0;
  EXPECT_TRUE(evaluateScalar(Kind, A, B, C, Result));
  return Result;
}

bool fails(ScalarOpKind Kind, int64_t A, int64_t B) {
  int64_t Result = 1;
  bool Done = evaluateScalar(Kind, A, B, 0, Result);
  EXPECT_TRUE(Done || Result == 0);
  return !Done;
}

} // namespace

// Tests that division rounds down or up whatever the signs, and that the
// remainder follows floor division.
TEST(Scalar, DivisionAndRemainder) {
  for (int64_t A = -9; A <= 9; ++A)
    for (int64_t B = -4; B <= 4; ++B) {
      if (B == 0)
        continue;
      double Exact = static_cast<double>(A) / static_cast<double>(B);
      int64_t Floor = value(ScalarOpKind::FloorDiv, A, B);
      EXPECT_EQ(Floor, static_cast<int64_t>(__builtin_floor(Exact)));
      EXPECT_EQ(value(ScalarOpKind::CeilDiv, A, B),
                static_cast<int64_t>(__builtin_ceil(Exact)));
      EXPECT_EQ(value(ScalarOpKind::Mod, A, B), A - Floor * B);
    }
}

// Tests that what does not fit fails and never wraps.
TEST(Scalar, OverflowFails) {
  EXPECT_TRUE(fails(ScalarOpKind::Add, Max, 1));
  EXPECT_TRUE(fails(ScalarOpKind::Sub, Min, 1));
  EXPECT_TRUE(fails(ScalarOpKind::Mul, Max, 2));
  for (ScalarOpKind Kind :
       {ScalarOpKind::FloorDiv, ScalarOpKind::CeilDiv, ScalarOpKind::Mod})
    EXPECT_TRUE(fails(Kind, 1, 0));
  EXPECT_TRUE(fails(ScalarOpKind::FloorDiv, Min, -1));
  EXPECT_TRUE(fails(ScalarOpKind::CeilDiv, Min, -1));
  EXPECT_EQ(value(ScalarOpKind::Mod, Min, -1), 0);
}

// Tests comparisons and selection.
TEST(Scalar, ComparesAndSelects) {
  EXPECT_EQ(value(ScalarOpKind::Lt, 1, 2), 1);
  EXPECT_EQ(value(ScalarOpKind::Le, 2, 2), 1);
  EXPECT_EQ(value(ScalarOpKind::Eq, 1, 2), 0);
  EXPECT_EQ(value(ScalarOpKind::Ne, 1, 2), 1);
  EXPECT_EQ(value(ScalarOpKind::Min, -1, 2), -1);
  EXPECT_EQ(value(ScalarOpKind::Max, -1, 2), 2);
  EXPECT_EQ(value(ScalarOpKind::Select, 5, 7, 9), 7);
  EXPECT_EQ(value(ScalarOpKind::Select, 0, 7, 9), 9);
}
