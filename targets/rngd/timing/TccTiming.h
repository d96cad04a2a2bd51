// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of RNGD as the vendor's compiler estimates them: the timing profile
// `tcc`.
//
// Included by RNGD's cost model, simulator and tests. The rules are a fit from
// outside to what `furiosa-tcc --evaluate-tcl` 2026.4.0 prints; their constants
// are the section `tcc` of the machine description. That estimate knows no
// capacity of memories, no strides, banks, rows or channels: what it is silent
// on, the profile `book` has. Cycles are of 1 GHz; `Pes` is 1, 2, 4 or 8, the
// processing elements that a kernel is compiled for.
#ifndef DURE_TARGETS_RNGD_TIMING_TCCTIMING_H
#define DURE_TARGETS_RNGD_TIMING_TCCTIMING_H

#include "runtime/base/Status.h"
#include "targets/Machine.h"

#include <cstdint>

namespace dure::rngd {

/// A contraction as the estimate maps it: the names are those of its
/// description. One operand is in the tensor register file, the other streams.
struct TccContraction {
  /// Loops over time.
  int64_t Segment = 1, OuterAcc = 1, Acc = 1, FeedReuse = 1, Split = 1;
  /// Within the unit: rows (lanes), elements a row takes, and how many of them
  /// are packed.
  int64_t MacRows = 1, DpeRegTile = 1, Lat = 1;
  /// Slices whose partial sums are added.
  int64_t Gat = 1;
  int64_t ElementBytes = 2;
  /// Of each operand: slices among which it is gathered (1: each has its own),
  /// and flits of 32 bytes that one slice holds.
  int64_t StreamRing = 1, StreamFlits = 0;
  int64_t TrfRing = 1, TrfFlits = 0;
  /// Bytes of the stationary operand in one slice's register file.
  int64_t TrfBytes = 0;
};

class TccTiming {
public:
  /// Fails naming the first figure that the description lacks.
  static Result<TccTiming> of(const Machine &Chip);

  /// Between HBM and data memory, whatever the layout: logical bytes count,
  /// broadcasts once.
  Result<int64_t> dma(int64_t Bytes, int64_t Pes) const;
  /// A pass of the vector engine, however many steps it fuses. `Bytes` are the
  /// first operand's in its storage type; where two are interleaved, both's.
  Result<int64_t> vector(int64_t Bytes, int64_t Pes) const;
  /// Approximate, unlike the others: of plain contractions chosen by chance
  /// four in five are within 5 %, of those in segments half. Not modelled: sums
  /// across clusters (AllReduce), and the estimate's rows without lanes (Row).
  Result<int64_t> contraction(const TccContraction &Mapping, int64_t Pes) const;

private:
  Status checkPes(int64_t Pes) const;
  int64_t latency(int64_t Pes, int64_t Ring) const;

  int64_t DmaStartup, DmaRate, VectorRate, Latency, LatencyPes, RingLatency;
  int64_t GatherHop, ContractionStart, ContractionEnd, ContractionPart;
  int64_t TrfRate, FlitBytes, OutputElements, Lanes, MostPes;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_TCCTIMING_H
