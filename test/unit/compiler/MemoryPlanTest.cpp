// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the placement of transient values with symbolic sizes.
#include "compiler/package/MemoryPlan.h"

#include <gtest/gtest.h>

#include <random>

using namespace dure;

namespace {

DimExpr expr(std::string_view Text) { return *DimExpr::parse(Text); }

int64_t value(const DimExpr &Expr, std::map<std::string, int64_t> Symbols) {
  std::optional<int64_t> Value = Expr.evaluate(Symbols);
  EXPECT_TRUE(Value) << Expr.str();
  return Value.value_or(-1);
}

int64_t total(const MemoryPlan &Plan, std::map<std::string, int64_t> Symbols) {
  int64_t Sum = 0;
  for (const DimExpr &Slot : Plan.Slots)
    Sum += value(Slot, Symbols);
  return Sum;
}

// Tests that values of one symbolic size share two slots along a chain: each
// value is needed by the step that makes the next.
TEST(MemoryPlan, ChainReusesTwoSlots) {
  std::vector<Lifetime> Chain;
  for (unsigned I = 0; I < 30; ++I)
    Chain.push_back({expr("1024*batch*sequence"), I, I + 1});
  MemoryPlan Plan = planMemory(Chain);
  EXPECT_EQ(Plan.Slots.size(), 2u);
  EXPECT_EQ(total(Plan, {{"batch", 3}, {"sequence", 5}}), 2 * 1024 * 15);
}

// Tests that a slot that takes values of unlike symbols is as large as the
// larger one, whichever that turns out to be.
TEST(MemoryPlan, SlotOfUnlikeSizesIsTheirMaximum) {
  MemoryPlan Plan =
      planMemory({{expr("64*rows"), 0, 1}, {expr("64*columns"), 2, 3}});
  ASSERT_EQ(Plan.Slots.size(), 1u);
  EXPECT_EQ(value(Plan.Slots[0], {{"rows", 7}, {"columns", 2}}), 64 * 7);
  EXPECT_EQ(value(Plan.Slots[0], {{"rows", 2}, {"columns", 7}}), 64 * 7);
}

// Tests that sizes are rounded up to the alignment, zero staying zero.
TEST(MemoryPlan, SlotsAreAligned) {
  MemoryPlan Plan = planMemory({{expr("n"), 0, 0}});
  ASSERT_EQ(Plan.Slots.size(), 1u);
  EXPECT_EQ(value(Plan.Slots[0], {{"n", 0}}), 0);
  EXPECT_EQ(value(Plan.Slots[0], {{"n", 1}}), MemoryPlan::Alignment);
  EXPECT_EQ(value(Plan.Slots[0], {{"n", 65}}), 2 * MemoryPlan::Alignment);
}

// Tests that a value that lives through all the others keeps its slot.
TEST(MemoryPlan, LongLivedValueIsNotOverwritten) {
  std::vector<Lifetime> Lives = {{expr("64*n"), 0, 10}};
  for (unsigned I = 1; I < 10; ++I)
    Lives.push_back({expr("64*n"), I, I});
  MemoryPlan Plan = planMemory(Lives);
  for (size_t I = 1; I < Lives.size(); ++I)
    EXPECT_NE(Plan.SlotOf[I], Plan.SlotOf[0]);
  EXPECT_EQ(Plan.Slots.size(), 2u);
}

// Tests, on random lifetimes and sizes, that no two values that live at one
// step share memory and that each fits its slot for any sizes; and that the
// plan never takes more than all values side by side.
TEST(MemoryPlan, RandomLifetimesNeverOverlap) {
  std::mt19937 Random(20);
  const char *const Sizes[] = {
      "4*n", "64*m",      "n*m",         "128",   "0",
      "12",  "4*(n + m)", "max(n, 2*m)", "4*n*n", "ceildiv(n*m, 8)"};
  for (int Round = 0; Round < 200; ++Round) {
    std::vector<Lifetime> Lives;
    unsigned Count = 1 + Random() % 40;
    for (unsigned I = 0; I < Count; ++I) {
      unsigned First = Random() % 40;
      Lives.push_back({expr(Sizes[Random() % std::size(Sizes)]), First,
                       First + unsigned(Random() % 10)});
    }
    MemoryPlan Plan = planMemory(Lives);
    ASSERT_EQ(Plan.SlotOf.size(), Lives.size());
    for (unsigned A = 0; A < Count; ++A)
      for (unsigned B = A + 1; B < Count; ++B)
        if (Lives[A].First <= Lives[B].Last && Lives[B].First <= Lives[A].Last)
          ASSERT_NE(Plan.SlotOf[A], Plan.SlotOf[B]);
    for (int64_t N : {0, 1, 3, 1000})
      for (int64_t M : {0, 1, 7, 300}) {
        std::map<std::string, int64_t> Symbols = {{"n", N}, {"m", M}};
        int64_t Side = 0;
        for (unsigned I = 0; I < Count; ++I) {
          int64_t Bytes = value(Lives[I].Bytes, Symbols);
          ASSERT_LE(Bytes, value(Plan.Slots[Plan.SlotOf[I]], Symbols));
          Side += (Bytes + MemoryPlan::Alignment - 1) / MemoryPlan::Alignment *
                  MemoryPlan::Alignment;
        }
        ASSERT_LE(total(Plan, Symbols), Side);
      }
  }
}

} // namespace
