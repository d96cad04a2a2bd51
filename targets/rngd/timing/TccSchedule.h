// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When instructions run by the profile `tcc`: each of a context in order, and
// after those that made what it reads.
//
// Included by RNGD's cost model, simulator and tests.
#ifndef DURE_TARGETS_RNGD_TIMING_TCCSCHEDULE_H
#define DURE_TARGETS_RNGD_TIMING_TCCSCHEDULE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dure::rngd {

/// The estimate knows one DMA engine and one tensor unit.
enum class TccContext { Dma, Main };

struct TccInstruction {
  TccContext Context;
  int64_t Cycles;
  /// Indices of earlier instructions; others are ignored.
  std::vector<size_t> Producers;
};

struct Lifetime {
  int64_t Begin, End;
  bool operator==(const Lifetime &) const = default;
};

/// One lifetime an instruction: it begins when its context's previous one and
/// all its producers have ended.
std::vector<Lifetime> schedule(std::span<const TccInstruction> Instructions);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_TCCSCHEDULE_H
