// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nested loops over memory: how fetch, commit and DMA of RNGD name addresses.
//
// Included by RNGD's cost model, simulator and tests. Header of plain data and
// pure functions. Source: the book's moving-tensors/sequencer.md.
#ifndef DURE_TARGETS_RNGD_TIMING_SEQUENCER_H
#define DURE_TARGETS_RNGD_TIMING_SEQUENCER_H

#include <cstdint>
#include <span>

namespace dure::rngd {

/// One loop: `Size` iterations, `Stride` elements apart. A stride of 0 repeats.
struct SequencerLoop {
  int64_t Size;
  int64_t Stride;
};

/// Elements that lie side by side in the innermost loops, outermost loop first:
/// a loop joins those inside it when its stride is what they cover.
int64_t contiguousRun(std::span<const SequencerLoop> Loops);

/// Elements of one access at most: what packet and contiguous run have in
/// common. `Packet` is in elements, > 0.
int64_t accessSize(std::span<const SequencerLoop> Loops, int64_t Packet);

/// Bits of one read in the main context (fetch-engine.md, Multi-Read Packet):
/// those of the largest of SIZES, in bytes, that divides an access; 0 for none.
int64_t readBits(int64_t AccessBits, std::span<const int64_t> Sizes);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_SEQUENCER_H
