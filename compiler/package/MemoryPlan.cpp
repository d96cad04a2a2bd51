// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Transient memory with symbolic sizes: slots by lifetime.
#include "compiler/package/MemoryPlan.h"

#include <algorithm>
#include <numeric>

using namespace dure;

namespace {

/// A size for typical dimensions: only for choosing, never for correctness.
/// Every symbol is 128: large enough that products of two dominate constants.
double typicalBytes(const DimExpr &Bytes) {
  std::set<std::string> Symbols;
  Bytes.collectSymbols(Symbols);
  std::map<std::string, int64_t> Values;
  for (const std::string &Name : Symbols)
    Values[Name] = 128;
  return static_cast<double>(Bytes.evaluate(Values).value_or(INT64_MAX));
}

DimExpr aligned(const DimExpr &Bytes) {
  DimExpr Unit(MemoryPlan::Alignment);
  return DimExpr::ceilDiv(Bytes, Unit) * Unit;
}

struct Slot {
  DimExpr Bytes;
  double Typical;
  unsigned FreeFrom;
};

} // namespace

MemoryPlan dure::planMemory(const std::vector<Lifetime> &Lifetimes) {
  std::vector<unsigned> Order(Lifetimes.size());
  std::iota(Order.begin(), Order.end(), 0);
  std::sort(Order.begin(), Order.end(), [&](unsigned L, unsigned R) {
    return std::pair(Lifetimes[L].First, L) < std::pair(Lifetimes[R].First, R);
  });

  std::vector<Slot> Slots;
  MemoryPlan Plan;
  Plan.SlotOf.resize(Lifetimes.size());
  for (unsigned Value : Order) {
    const Lifetime &Life = Lifetimes[Value];
    DimExpr Bytes = aligned(Life.Bytes);
    double Typical = typicalBytes(Bytes);
    // The free slot that wastes or grows least; the same expression wins.
    Slot *Best = nullptr;
    double BestCost = 0;
    for (Slot &Each : Slots) {
      if (Each.FreeFrom > Life.First)
        continue;
      double Cost = Each.Bytes == Bytes ? -1 : std::abs(Each.Typical - Typical);
      if (Best && Cost >= BestCost)
        continue;
      Best = &Each;
      BestCost = Cost;
    }
    if (!Best) {
      Slots.push_back({Bytes, Typical, 0});
      Best = &Slots.back();
    }
    Best->Bytes = DimExpr::max(Best->Bytes, Bytes);
    Best->Typical = std::max(Best->Typical, Typical);
    Best->FreeFrom = Life.Last + 1;
    Plan.SlotOf[Value] = static_cast<unsigned>(Best - Slots.data());
  }
  for (Slot &Each : Slots)
    Plan.Slots.push_back(Each.Bytes);
  return Plan;
}
