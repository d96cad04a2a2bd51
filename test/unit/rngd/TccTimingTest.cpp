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

/// Mappings that the vendor's compiler printed, each for one of the rules, with
/// the cycles that it gave them: the formula is within 2 % of all.
TEST(TccTiming, Contractions) {
  TccTiming T = tcc();
  using Sum = TccContraction::Sum;
  const struct {
    const char *What;
    int64_t Pes, Printed;
    TccContraction M;
  } All[] = {
      {"results leave slower than steps",
       4,
       19531,
       {1, 512, 1, 32, 1, 8, 1, 32, 64, 2, 1, 0, 1, 0, 16384}},
      {"a packet in pieces",
       1,
       2060,
       {1, 128, 3, 2, 1, 8, 4, 16, 32, 1, 1, 1024, 1, 24, 768, 16, 8}},
      {"four results a cycle",
       4,
       813,
       {1, 32, 1, 1, 1, 8, 4, 16, 2, 1, 64, 2, 1, 8, 128, 0, 4, false, true}},
      {"results of the last step",
       4,
       860,
       {1, 2, 16, 4, 1, 8, 16, 1, 1, 2, 1, 16, 16, 8, 128, 0, 8, false, true}},
      {"rows from several slices",
       8,
       3339,
       {1, 69, 31, 1, 1, 8, 1, 16, 1, 2, 1, 2139, 8, 31, 992, 0, 8, true}},
      {"split",
       2,
       9896,
       {1, 1536, 1, 2, 3, 8, 1, 64, 1, 1, 32, 96, 1, 32, 1024, 0, 8}},
      {"segments that wait for their registers",
       4,
       10814,
       {2, 192, 4, 2, 1, 8, 2, 16, 4, 2, 1, 96, 128, 64, 2048, 32, 8}},
      {"segments by row",
       1,
       11464,
       {6, 2, 192, 4, 1, 8, 32, 1, 1, 2, 1, 384, 32, 144, 4608, 0, 8, false,
        true}},
      {"a sum across clusters", 8, 20763, {1,    279, 1, 3,     1,     8,   1,
                                           32,   1,   2, 1,     186,   1,   144,
                                           4608, 0,   8, false, false, 6912}},
      {"such a sum of f32", 8, 21585, {1,     24,   8,        12, 1, 8,
                                       2,     16,   1,        2,  8, 48,
                                       64,    96,   3072,     0,  8, false,
                                       false, 4608, Sum::Wide}},
      {"packets of two pieces of 8 bytes",
       8,
       5096,
       {1, 6, 95, 3, 1, 8, 2, 8, 2, 1, 1, 288, 1, 576, 18240, 8, 8}},
      {"a padded sum", 2, 2620, {1,     20, 16,          2,     1,   8,
                                 2,     32, 1,           1,     1,   160,
                                 64,    16, 512,         32,    8,   false,
                                 false, 0,  Sum::Narrow, false, true}},
      {"a ring of rows that are no whole flits",
       1,
       14870,
       {1,    54, 38,  6,    1,  8, 4,     8,     1, 2,           1,
        4104, 4,  232, 7296, 16, 8, false, false, 0, Sum::Narrow, true}},
      {"segments whose lines take both halves of the file",
       2,
       21477,
       {3, 89, 15, 3, 1, 8, 1, 64, 1, 1, 1, 2670, 1, 2160, 69120, 0, 8}},
      {"segments of more than half the file",
       1,
       22216,
       {2, 344, 9, 2, 1, 8, 2, 16, 4, 2, 1, 774, 64, 144, 4608, 32, 8}},
      {"segments of lines narrower than a flit",
       1,
       14810,
       {3,   5, 11,   22,    1,  8, 4,     8,     1, 2,           1,
        120, 1, 2904, 92928, 16, 8, false, false, 0, Sum::Narrow, true}}};
  for (const auto &Each : All) {
    Result<int64_t> Cycles = T.contraction(Each.M, Each.Pes);
    ASSERT_TRUE(Cycles.ok()) << Each.What;
    EXPECT_NEAR(double(*Cycles), double(Each.Printed), 0.02 * Each.Printed)
        << Each.What;
  }
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
  M = TccContraction();
  M.Summed = -1;
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
