// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The profile `tcc`: closed formulas.
#include "targets/rngd/timing/TccTiming.h"

#include "targets/rngd/timing/FigureReader.h"

#include <algorithm>

using namespace dure;
using namespace dure::rngd;

// Far above any kernel, and low enough that the formulas cannot overflow.
static constexpr int64_t MaxSize = int64_t(1) << 20;
static constexpr int64_t MaxBytes = int64_t(1) << 48;
static constexpr int64_t MaxSteps = int64_t(1) << 30;
static constexpr int64_t MaxSplit = 1 << 12;
static constexpr int64_t MaxPacket = 1 << 10;

static Status refuse(std::string Text) {
  return Status(StatusCode::InvalidArgument, "profile tcc: " + std::move(Text));
}

static int64_t ceilDiv(int64_t A, int64_t B) { return (A + B - 1) / B; }

Result<TccTiming> TccTiming::of(const Machine &Chip) {
  TccTiming T;
  int64_t Clusters = 0, PesPerCluster = 0, LaneBytes = 0, Halves = 1;
  FigureReader Read(Chip);
  Read.count("tcc.dma_startup_cycles", T.DmaStartup)
      .count("tcc.dma_bytes_per_cycle", T.DmaRate)
      .count("tcc.vector_bytes_per_cycle", T.VectorRate)
      .count("tcc.latency_cycles", T.Latency)
      .count("tcc.latency_pes", T.LatencyPes)
      .count("tcc.ring_latency_cycles", T.RingLatency)
      .count("tcc.gather_hop_cycles", T.GatherHop)
      .count("tcc.contraction_start_cycles", T.ContractionStart)
      .count("tcc.contraction_end_cycles", T.ContractionEnd)
      .count("tcc.contraction_part_cycles", T.ContractionPart)
      .count("tcc.trf_fill_bytes", T.TrfRate)
      .count("tcc.drain_less_cycles", T.DrainLess)
      .count("tcc.ring_round_gap_cycles", T.RoundGap)
      .count("tcc.short_round_cycles", T.ShortRound)
      .count("tcc.slow_flit_cycles", T.SlowFlit)
      .count("tcc.scattered_ring", T.ScatteredRing)
      .count("tcc.scattered_slice_cycles", T.ScatteredSlice)
      .count("tcc.scattered_more_cycles", T.ScatteredMore)
      .count("tcc.uneven_ring", T.UnevenRing)
      .count("tcc.uneven_slice_cycles", T.UnevenSlice)
      .count("tcc.mask_flit_cycles", T.MaskFlit)
      .count("tcc.mask_cycles", T.MaskStart)
      .count("tcc.mask_latencies", T.MaskLatencies)
      .count("tcc.segment_refill_cycles", T.Refill)
      .count("tcc.segment_fill_share_bytes", T.FillShare)
      .count("tcc.row_segment_gather_cycles", T.RowGather)
      .count("tcc.row_segment_gathers", T.RowGathers)
      .count("tcc.cluster_sum_cycles", T.SumStart)
      .count("tcc.cluster_sum_rate", T.SumRate)
      .count("tcc.wide_cluster_sum_cycles", T.WideSumStart)
      .count("tcc.wide_cluster_sum_rate", T.WideSumRate)
      .count("tcc.scattered_cluster_sum_rate", T.ScatteredSumRate)
      .count("stream.flit_bytes", T.FlitBytes)
      .count("contraction.output_elements", T.OutputElements)
      .count("organization.lanes_per_slice", T.Lanes)
      .count("trf.bytes_per_lane", LaneBytes)
      .count("trf.halves", Halves)
      .count("organization.clusters_per_chip", Clusters)
      .count("organization.pes_per_cluster", PesPerCluster);
  if (!Read.Failure.ok())
    return Read.Failure;
  T.MostPes = Clusters * PesPerCluster;
  T.HalfTrf = T.Lanes * LaneBytes / Halves;
  return T;
}

Status TccTiming::checkPes(int64_t Pes) const {
  if (Pes < 1 || Pes > MostPes || (Pes & (Pes - 1)))
    return refuse("a kernel is for 1, 2, 4 or " + std::to_string(MostPes) +
                  " PEs, not " + std::to_string(Pes));
  return Status::success();
}

int64_t TccTiming::latency(int64_t Pes, int64_t Ring) const {
  return std::max(Latency * std::min(Pes, LatencyPes), RingLatency * Ring);
}

Result<int64_t> TccTiming::dma(int64_t Bytes, int64_t Pes) const {
  if (Status Bad = checkPes(Pes); !Bad.ok())
    return Bad;
  if (Bytes < 0 || Bytes > MaxBytes)
    return refuse("a transfer has 0 to 2^48 bytes");
  return DmaStartup + Bytes / (DmaRate * Pes);
}

Result<int64_t> TccTiming::vector(int64_t Bytes, int64_t Pes) const {
  if (Status Bad = checkPes(Pes); !Bad.ok())
    return Bad;
  if (Bytes < 0 || Bytes > MaxBytes)
    return refuse("an operand has 0 to 2^48 bytes");
  return latency(Pes, 0) + ceilDiv(Bytes, VectorRate * Pes);
}

/// Fills in the steps of the multipliers.
Status TccTiming::checkContraction(const TccContraction &M,
                                   int64_t &Steps) const {
  for (int64_t Size :
       {M.Segment, M.OuterAcc, M.Acc, M.FeedReuse, M.Split, M.MacRows,
        M.DpeRegTile, M.Lat, M.Gat, M.ElementBytes, M.StreamRing, M.TrfRing})
    if (Size < 1 || Size > MaxSize)
      return refuse("loops and rings of a contraction are 1 to 2^20");
  for (int64_t Size : {M.StreamFlits, M.TrfFlits, M.TrfBytes, M.StreamPiece,
                       M.ResultElements, M.Summed})
    if (Size < 0 || Size > MaxSize)
      return refuse("a slice holds 0 to 2^20 bytes, flits or results");
  int64_t Packet = 0;
  if (__builtin_mul_overflow(M.DpeRegTile * M.Lat, M.ElementBytes, &Packet) ||
      __builtin_mul_overflow(M.OuterAcc * M.Acc, M.FeedReuse, &Steps) ||
      __builtin_mul_overflow(Steps, M.Segment, &Steps) || Packet > MaxPacket ||
      Steps > MaxSteps || M.Split > MaxSplit || M.Segment > MaxSplit ||
      M.MacRows > Lanes)
    return refuse("the contraction is too large");
  return Status::success();
}

/// The slowest of the multipliers, the stream, the results and the switch.
int64_t TccTiming::mainCycles(const TccContraction &M, int64_t Steps) const {
  int64_t Packet = M.DpeRegTile * M.Lat * M.ElementBytes;
  int64_t Piece = M.StreamPiece ? std::min(M.StreamPiece, Packet) : Packet;
  int64_t Fetches = ceilDiv(Packet, Piece) * ceilDiv(Piece, FlitBytes);
  // Pieces make up whole flits, even where the packet needs only a part.
  if (Piece < Packet)
    Fetches = std::max(Fetches, FlitBytes / Piece);
  return std::max({Steps, Fetches * (Steps / M.FeedReuse),
                   Steps / M.Acc * M.MacRows * M.DpeRegTile / leaving(M),
                   M.StreamRing * M.StreamFlits});
}

/// Results that leave in a cycle.
int64_t TccTiming::leaving(const TccContraction &M) const {
  return M.ResultElements ? std::min(M.ResultElements, OutputElements)
                          : OutputElements;
}

/// The register file, without the latency.
int64_t TccTiming::fillCycles(const TccContraction &M) const {
  if (M.TrfRing == 1)
    return M.TrfBytes / TrfRate;
  // Each slice sends a flit in a round of the ring.
  int64_t Ring = M.TrfRing, Flits = M.TrfFlits;
  int64_t Steady = (Ring == 2 ? ShortRound : Ring) * Flits;
  // Some rings take several cycles a flit as soon as what they buffer is full:
  // the last term is what the buffer, of so many flits a slice, saves.
  int64_t Slow = SlowFlit * Ring * Flits;
  if (M.RowsGathered && M.FeedReuse == 1) {
    // Flits that follow one another go to different rows.
    Steady = (Ring + RoundGap) * Flits;
    if (Ring <= ScatteredRing)
      return std::max(Steady, Slow - ScatteredSlice * Ring + ScatteredMore);
    return Steady;
  }
  if (M.Uneven && M.Segment == 1 && Ring > 2 && Ring <= UnevenRing)
    return std::max(Steady, Slow - UnevenSlice * Ring);
  return Steady;
}

/// What pads the summed axis is made zero on the way to the register file.
int64_t TccTiming::maskCycles(const TccContraction &M, int64_t Pes) const {
  if (!M.Masked)
    return 0;
  return MaskFlit * M.TrfFlits +
         std::max(MaskStart, MaskLatencies * latency(Pes, 0));
}

/// Cycles from one segment's last step to the next one's first, beside what
/// every part takes. `Fill` and `Main` are of one segment.
///
/// Found by what is left when the other terms are taken from the printed
/// cycles: it is nothing while Main covers Fill, Fill - Main for lines of one
/// flit, Fill for lines of two and for segments of more than half the file, and
/// in between for lines of less than a flit. That is a file of two halves, each
/// of a flit a line: one is filled while the other is read, if the segment
/// leaves one free, and reads of narrow lines take turns with the filling.
int64_t TccTiming::betweenSegments(const TccContraction &M, int64_t Fill,
                                   int64_t Wait, int64_t Main,
                                   int64_t Part) const {
  int64_t Line = M.Lat * M.ElementBytes;
  int64_t Held = M.TrfBytes * M.TrfRing / M.Gat / M.Segment;
  if (Line > FlitBytes || (Held > HalfTrf && !M.ByRow))
    return Fill + Wait;
  int64_t Beside = Main;
  if (Line < FlitBytes)
    Beside -= Main * std::min(Line, FillShare) / FillShare;
  return std::max<int64_t>(0, Fill + Wait + Refill - Part - Beside);
}

/// The sum across clusters.
int64_t TccTiming::sumCycles(const TccContraction &M) const {
  if (M.Summed == 0)
    return 0;
  switch (M.Across) {
  case TccContraction::Sum::Wide:
    return WideSumStart + M.Summed * WideSumRate / 1000;
  case TccContraction::Sum::Scattered:
    return SumStart + M.Summed * ScatteredSumRate / 1000;
  case TccContraction::Sum::Narrow:
    break;
  }
  return SumStart + M.Summed * SumRate / 1000;
}

Result<int64_t> TccTiming::contraction(const TccContraction &M,
                                       int64_t Pes) const {
  int64_t Steps = 0;
  Status Bad = checkPes(Pes);
  if (Bad.ok())
    Bad = checkContraction(M, Steps);
  if (!Bad.ok())
    return Bad;
  int64_t Main = mainCycles(M, Steps);
  int64_t Wait = latency(Pes, M.TrfRing);
  int64_t Fill = (fillCycles(M) + maskCycles(M, Pes)) / M.Segment;
  // Each part drains before the next, the last into the result.
  int64_t Part =
      ContractionPart + latency(Pes, M.StreamRing) + GatherHop * (M.Gat - 1);
  int64_t Ends = ContractionStart + ContractionEnd - ContractionPart;
  int64_t Parts = M.Split * M.Segment;
  // The results of the last step leave when all is computed.
  int64_t Drain = std::max<int64_t>(
      0, M.MacRows * M.DpeRegTile * M.FeedReuse / leaving(M) - DrainLess);
  int64_t Cycles = Ends + Wait + Fill + M.Split * Main + Parts * Part + Drain;
  if (M.Segment > 1) {
    int64_t Between =
        betweenSegments(M, Fill, Wait, ceilDiv(Main, M.Segment), Part);
    if (M.ByRow)
      Between = std::max(Between,
                         Drain + RowGather * std::min(M.Gat - 1, RowGathers));
    Cycles += (Parts - M.Split) * Between;
  }
  return Cycles + sumCycles(M);
}
