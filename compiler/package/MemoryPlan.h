// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Places a function's transient values in one arena, with symbolic sizes.
//
// Depends on DimExpr only, so that tests need no IR.
#ifndef DURE_COMPILER_PACKAGE_MEMORYPLAN_H
#define DURE_COMPILER_PACKAGE_MEMORYPLAN_H

#include "dialects/dure/DimExpr.h"

namespace dure {

/// A value that needs memory while steps `First`..`Last` (inclusive) of a
/// program run.
struct Lifetime {
  DimExpr Bytes;
  unsigned First = 0;
  unsigned Last = 0;
};

/// The arena is the slots one after another; each value lies at its slot's
/// start. Values in one slot never live at the same step.
struct MemoryPlan {
  /// Bytes of each slot, a multiple of `Alignment`.
  std::vector<DimExpr> Slots;
  /// The slot of each lifetime given.
  std::vector<unsigned> SlotOf;
  static constexpr int64_t Alignment = 64;
};

/// Assigns values to slots in the order of their first step: the free slot
/// whose size fits best for typical dimensions, else a new one. A slot that
/// takes values of unlike sizes is as large as the largest, whatever the
/// dimensions turn out to be.
MemoryPlan planMemory(const std::vector<Lifetime> &Lifetimes);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_MEMORYPLAN_H
