// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a mixture of experts is computed, chosen by estimated cycles.
//
// Included by the pass that writes it out. Pure arithmetic.
#ifndef DURE_TARGETS_RNGD_COMPILER_EXPERTSPLAN_H
#define DURE_TARGETS_RNGD_COMPILER_EXPERTSPLAN_H

#include "targets/rngd/timing/Profile.h"

#include <cstdint>

namespace dure::rngd {

/// Sizes of one dure.moe. A row is a token with one of its experts.
struct Mixture {
  int64_t tokens, slots, experts;
  int64_t k, inner, n;
  bool isGated = false;

  int64_t rows() const { return tokens * slots; }
};

/// Either each row multiplies a matrix that is read for it alone; or rows are
/// grouped: an expert's go into tiles of `capacity` places, of which the last
/// may not be full, and a tile reads a matrix once.
struct ExpertsPlan {
  /// 0: each row by itself.
  int64_t capacity = 0;
  /// Grouped together.
  int64_t tokens = 0;
  double cycles = 0; // estimated

  bool isGrouped() const { return capacity != 0; }
};

/// Rows of an expert_matmul that have a matrix of their own at most: of many
/// more, programs would be long, and most matrices read many times.
inline constexpr int64_t MostPicks = 4096;

/// Tiles that are enough, whatever experts so many rows name.
int64_t tilesOf(int64_t rows, int64_t experts, int64_t capacity);

/// The cheapest plan by the rules of a profile.
ExpertsPlan planExperts(const Mixture &of, Profile by = Profile::Book);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_EXPERTSPLAN_H
