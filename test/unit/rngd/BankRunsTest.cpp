// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which accesses keep to one bank of data memory for too long.
#include "targets/rngd/machine/BankRuns.h"

#include "test/unit/rngd/RngdFile.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <random>

using namespace dure;
using namespace dure::rngd;

namespace {

class BankRuns : public testing::Test {
protected:
  BankRuns() : L(timingOf<Limits>(rngdText())) {}

  bool starves(const Accesses &A) {
    int64_t Work = 0;
    return rngd::starves(A, L, Work);
  }
  /// A fetch of f32 in packets of 8.
  bool reads(std::vector<SequencerLoop> Loops, bool IsSub = false) {
    return starves(readsOf(Loops, 8, 32, 0, IsSub, L));
  }

  Limits L;
};

/// One access after the other.
bool walks(const Accesses &A, const Limits &L) {
  std::vector<int64_t> Index(A.Loops.size()), Runs(L.DmBanks);
  int64_t Total = 1, Bit = A.Base;
  for (const SequencerLoop &Loop : A.Loops)
    Total *= Loop.Size;
  for (int64_t N = 0; N != Total; ++N) {
    std::vector<bool> Touched(L.DmBanks);
    for (int64_t Byte = Bit / 8; Byte != Bit / 8 + A.Bytes; ++Byte)
      Touched[Byte / L.DmRowBytes % L.DmBanks] = true;
    for (int64_t Bank = 0; Bank != L.DmBanks; ++Bank) {
      Runs[Bank] = Touched[Bank] ? Runs[Bank] + 1 : 0;
      if (Runs[Bank] == L.Starvation)
        return true;
    }
    for (size_t I = A.Loops.size(); I-- != 0;) {
      Bit += A.Loops[I].Stride;
      if (++Index[I] != A.Loops[I].Size)
        break;
      Bit -= A.Loops[I].Stride * A.Loops[I].Size;
      Index[I] = 0;
    }
  }
  return false;
}

} // namespace

// Tests the limit itself: 63 accesses to one bank, and 64.
TEST_F(BankRuns, TheLimit) {
  EXPECT_FALSE(reads({{63, 32}, {8, 1}}));
  EXPECT_TRUE(reads({{64, 32}, {8, 1}}));
  // The same packet again and again, by two loops and by an even number of
  // rounds of the banks.
  EXPECT_TRUE(reads({{8, 0}, {8, 0}, {8, 1}}));
  EXPECT_TRUE(reads({{2, 4096}, {32, 64}, {8, 1}}));
  // Rows of 128 bytes, each read whole, touch all banks in turn.
  EXPECT_FALSE(reads({{4096, 32}, {32, 1}}));
}

// Tests that elements apart are read one by one, and that the sub context reads
// and writes 8 bytes at a time.
TEST_F(BankRuns, HowMuchIsAccessed) {
  EXPECT_TRUE(reads({{8, 0}, {8, 32}}));
  EXPECT_FALSE(reads({{7, 0}, {8, 32}}));
  // An element that a packet repeats is read once.
  EXPECT_FALSE(reads({{64, 1}, {8, 0}}));
  EXPECT_TRUE(reads({{64, 32}, {8, 1}}, false));
  EXPECT_FALSE(reads({{64, 32}, {8, 1}}, true));
  const SequencerLoop Loops[] = {{64, 128}};
  EXPECT_TRUE(starves(writesOf(Loops, 32, 0, false, L)));
  EXPECT_FALSE(starves(writesOf(Loops, 32, 0, true, L)));
  EXPECT_TRUE(starves(writesOf(Loops, 8, 0, true, L)));
}

// Tests against a walk, access by access: chance loops of chance strides.
TEST_F(BankRuns, AsAWalkFindsThem) {
  std::mt19937 Random(7);
  auto Below = [&](int64_t Most) {
    return static_cast<int64_t>(Random() % static_cast<uint64_t>(Most));
  };
  int Starving = 0;
  for (int Round = 0; Round != 3000; ++Round) {
    int64_t Unit = std::vector<int64_t>{8, 64, 256, 512}[Below(4)];
    Accesses A = {{}, Below(1 << 12) * 8, int64_t(1) << Below(7)};
    for (int64_t Left = Below(5); Left-- > 0;)
      A.Loops.push_back({1 + Below(12), (Below(65) - 32) * Unit});
    if (Below(3) == 0)
      A.Loops.push_back({1 + Below(200), Below(2) * 1024});
    // Strides of any sign, addresses of none.
    A.Base += int64_t(1) << 30;
    bool Expected = walks(A, L);
    Starving += Expected;
    ASSERT_EQ(starves(A), Expected) << Round;
  }
  EXPECT_GT(Starving, 100);
  EXPECT_LT(Starving, 2900);
}
