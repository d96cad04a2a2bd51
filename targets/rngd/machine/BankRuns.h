// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether fetch or commit keep to one bank of data memory until DMA starves.
//
// Included by the simulator's decoder and by the tcp dialect's verifiers, so
// that what one refuses the other does. Pure functions. Source: the book's
// moving-tensors/memory-performance.md, Bank Starvation; how large an access is
// say fetch-engine.md and commit-engine.md of the same part.
#ifndef DURE_TARGETS_RNGD_MACHINE_BANKRUNS_H
#define DURE_TARGETS_RNGD_MACHINE_BANKRUNS_H

#include "targets/rngd/machine/Limits.h"
#include "targets/rngd/timing/Sequencer.h"

namespace dure::rngd {

/// Accesses of one engine to a slice's data memory, one after the other.
struct Accesses {
  /// Outermost first; strides in bits.
  std::vector<SequencerLoop> Loops;
  int64_t Base;  ///< Bits from the start of the slice.
  int64_t Bytes; ///< Of one access, > 0.
};

/// Of a fetch from byte BASE on: loops over packets and over a packet's
/// elements, strides in elements of so many bits; PACKET elements, > 0.
Accesses readsOf(std::span<const SequencerLoop> Loops, int64_t Packet,
                 int64_t ElementBits, int64_t Base, bool IsSub,
                 const Limits &L);

/// Of a commit to byte BASE on: loops over flits, strides in bytes; BYTES of
/// each are written, > 0.
Accesses writesOf(std::span<const SequencerLoop> Loops, int64_t Bytes,
                  int64_t Base, bool IsSub, const Limits &L);

/// True where so many accesses in a row touch one bank that DMA starves. Exact,
/// whatever the number of accesses: addresses repeat themselves in banks. WORK
/// grows by what that took: addresses times banks.
bool starves(const Accesses &A, const Limits &L, int64_t &Work);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_MACHINE_BANKRUNS_H
