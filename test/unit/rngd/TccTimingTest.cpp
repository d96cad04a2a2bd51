// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The profile `tcc` beside figures that the vendor's compiler printed.
#include "targets/rngd/timing/TccTiming.h"
#include "targets/rngd/timing/TccSchedule.h"

#include "test/unit/rngd/RngdFile.h"

#include "gtest/gtest.h"

using namespace dure;
using namespace dure::rngd;

static TccTiming tcc() { return timingOf<TccTiming>(rngdText()); }

TEST(TccTiming, Dma) {
  TccTiming T = tcc();
  const int64_t Printed[][3] = {
      {8192, 1, 348},      {8192, 2, 324},     {8192, 4, 312},
      {8192, 8, 306},      {524288, 1, 3384},  {524288, 2, 1842},
      {524288, 4, 1071},   {524288, 8, 685},   {294912, 1, 2034},
      {8388608, 1, 49644}, {8388608, 8, 6468}, {33554432, 8, 24972}};
  for (auto &[Bytes, Pes, Cycles] : Printed)
    EXPECT_EQ(*T.dma(Bytes, Pes), Cycles) << Bytes << " bytes, " << Pes;
}

TEST(TccTiming, Vector) {
  TccTiming T = tcc();
  // One operand of bf16, rows x 256, on 8 PEs.
  const int64_t Rows[][2] = {{512, 272},  {1024, 288}, {2048, 320},
                             {4096, 384}, {8192, 512}, {16384, 768}};
  for (auto &[Count, Cycles] : Rows)
    EXPECT_EQ(*T.vector(Count * 256 * 2, 8), Cycles) << Count << " rows";
  // Softmax of 128 x 128 in bf16.
  EXPECT_EQ(*T.vector(128 * 128 * 2, 1), 80);
  EXPECT_EQ(*T.vector(128 * 128 * 2, 8), 258);
}

/// 256 x 2048 x 2048 in bf16 on 4 PEs.
TEST(TccTiming, Contraction) {
  TccTiming T = tcc();
  TccContraction M;
  M.OuterAcc = 512;
  M.FeedReuse = 32;
  M.Gat = 64;
  M.TrfBytes = 16384;
  EXPECT_EQ(*T.contraction(M, 4), 19531);
}

TEST(TccTiming, RefusesWhatItDoesNotKnow) {
  TccTiming T = tcc();
  EXPECT_EQ(T.dma(1, 3).status().message(),
            "profile tcc: a kernel is for 1, 2, 4 or 8 PEs, not 3");
  EXPECT_FALSE(T.dma(1, 16).ok());
  EXPECT_FALSE(T.dma(-1, 1).ok());
  EXPECT_FALSE(T.vector(int64_t(1) << 60, 1).ok());
  TccContraction M;
  M.OuterAcc = 0;
  EXPECT_FALSE(T.contraction(M, 1).ok());
  M.OuterAcc = M.Acc = M.FeedReuse = 1 << 20;
  EXPECT_FALSE(T.contraction(M, 1).ok());
  M = TccContraction();
  M.MacRows = 16;
  EXPECT_FALSE(T.contraction(M, 1).ok());
  M = TccContraction();
  M.Segment = 0;
  EXPECT_FALSE(T.contraction(M, 1).ok());
}

/// The second load runs beside the first computation, and the store waits.
TEST(TccTiming, ContextsOverlap) {
  std::vector<TccInstruction> Program = {{TccContext::Dma, 480, {}},
                                         {TccContext::Main, 143, {0}},
                                         {TccContext::Dma, 480, {}},
                                         {TccContext::Main, 158, {1, 2}},
                                         {TccContext::Dma, 480, {3}}};
  std::vector<Lifetime> Expected = {
      {0, 480}, {480, 623}, {480, 960}, {960, 1118}, {1118, 1598}};
  EXPECT_EQ(schedule(Program), Expected);
}
