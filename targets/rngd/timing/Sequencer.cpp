// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which of a sequencer's loops are one run of memory.
#include "targets/rngd/timing/Sequencer.h"

#include <algorithm>
#include <numeric>

using namespace dure::rngd;

int64_t dure::rngd::contiguousRun(std::span<const SequencerLoop> Loops) {
  int64_t Run = 1;
  for (size_t I = Loops.size(); I-- != 0;) {
    // A loop of one has no stride of its own.
    if (Loops[I].Size == 1)
      continue;
    if (Loops[I].Stride != Run)
      break;
    Run *= Loops[I].Size;
  }
  return Run;
}

int64_t dure::rngd::accessSize(std::span<const SequencerLoop> Loops,
                               int64_t Packet) {
  return std::gcd(Packet, contiguousRun(Loops));
}

int64_t dure::rngd::readBits(int64_t AccessBits,
                             std::span<const int64_t> Sizes) {
  int64_t Bits = 0;
  for (int64_t Bytes : Sizes)
    if (AccessBits % (Bytes * 8) == 0)
      Bits = std::max(Bits, Bytes * 8);
  return Bits;
}
