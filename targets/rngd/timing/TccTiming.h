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
  /// Bytes of a streamed packet that lie together in data memory; 0: all.
  int64_t StreamPiece = 0;
  /// Results that leave in a cycle: fewer than the engine's where its rows go
  /// to several slices; 0: as many as it can.
  int64_t ResultElements = 0;
  /// The ring of the stationary operand brings a packet's rows from several
  /// slices.
  bool RowsGathered = false;
  /// The estimate's mapping by rows ("Row"), which differs in segments.
  bool ByRow = false;
  /// Results of one slice that are summed across clusters afterwards, and how.
  int64_t Summed = 0;
  enum class Sum { Narrow, Wide, Scattered } Across = Sum::Narrow;
  /// Rows of the stationary operand in data memory are no multiple of a flit.
  bool Uneven = false;
  /// The summed axis is padded: what fills the register file is masked first.
  bool Masked = false;
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
  /// Approximate, unlike the others: docs/targets/rngd.md says how near.
  Result<int64_t> contraction(const TccContraction &Mapping, int64_t Pes) const;

private:
  Status checkPes(int64_t Pes) const;
  int64_t latency(int64_t Pes, int64_t Ring) const;
  Status checkContraction(const TccContraction &M, int64_t &Steps) const;
  int64_t leaving(const TccContraction &M) const;
  int64_t mainCycles(const TccContraction &M, int64_t Steps) const;
  int64_t fillCycles(const TccContraction &M) const;
  int64_t maskCycles(const TccContraction &M, int64_t Pes) const;
  int64_t betweenSegments(const TccContraction &M, int64_t Fill, int64_t Wait,
                          int64_t Main, int64_t Part) const;
  int64_t sumCycles(const TccContraction &M) const;

  int64_t DmaStartup, DmaRate, VectorRate, Latency, LatencyPes, RingLatency;
  int64_t GatherHop, ContractionStart, ContractionEnd, ContractionPart;
  int64_t TrfRate, FlitBytes, OutputElements, Lanes, MostPes;
  int64_t DrainLess, RoundGap, ShortRound, SlowFlit, ScatteredRing;
  int64_t ScatteredSlice, ScatteredMore, UnevenRing, UnevenSlice;
  int64_t MaskFlit, MaskStart, MaskLatencies;
  int64_t Refill, FillShare, HalfTrf, RowGather, RowGathers;
  int64_t SumStart, SumRate, WideSumStart, WideSumRate, ScatteredSumRate;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_TCCTIMING_H
