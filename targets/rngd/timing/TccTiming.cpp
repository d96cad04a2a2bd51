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
  int64_t Clusters = 0, PesPerCluster = 0;
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
      .count("stream.flit_bytes", T.FlitBytes)
      .count("contraction.output_elements", T.OutputElements)
      .count("organization.lanes_per_slice", T.Lanes)
      .count("organization.clusters_per_chip", Clusters)
      .count("organization.pes_per_cluster", PesPerCluster);
  if (!Read.Failure.ok())
    return Read.Failure;
  T.MostPes = Clusters * PesPerCluster;
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

Result<int64_t> TccTiming::contraction(const TccContraction &M,
                                       int64_t Pes) const {
  if (Status Bad = checkPes(Pes); !Bad.ok())
    return Bad;
  for (int64_t Size :
       {M.Segment, M.OuterAcc, M.Acc, M.FeedReuse, M.Split, M.MacRows,
        M.DpeRegTile, M.Lat, M.Gat, M.ElementBytes, M.StreamRing, M.TrfRing})
    if (Size < 1 || Size > MaxSize)
      return refuse("loops and rings of a contraction are 1 to 2^20");
  for (int64_t Size : {M.StreamFlits, M.TrfFlits, M.TrfBytes})
    if (Size < 0 || Size > MaxSize)
      return refuse("a slice holds 0 to 2^20 bytes or flits");
  int64_t Packet = 0, Steps = 0;
  if (__builtin_mul_overflow(M.DpeRegTile * M.Lat, M.ElementBytes, &Packet) ||
      __builtin_mul_overflow(M.OuterAcc * M.Acc, M.FeedReuse, &Steps) ||
      __builtin_mul_overflow(Steps, M.Segment, &Steps) || Packet > MaxPacket ||
      Steps > MaxSteps || M.Split > MaxSplit || M.Segment > MaxSplit ||
      M.MacRows > Lanes)
    return refuse("the contraction is too large");

  // The slowest of the multipliers, the stream, the results and the switch.
  int64_t Main =
      std::max({Steps, ceilDiv(Packet, FlitBytes) * (Steps / M.FeedReuse),
                Steps / M.Acc * M.MacRows * M.DpeRegTile / OutputElements,
                M.StreamRing * M.StreamFlits});
  int64_t Fill = M.TrfRing > 1 ? M.TrfRing * M.TrfFlits : M.TrfBytes / TrfRate;
  int64_t Gather = GatherHop * (M.Gat - 1);
  int64_t Stream = latency(Pes, M.StreamRing);
  // The first segment is waited for; each part drains before the next, the last
  // into the result.
  int64_t Part = ContractionPart + Stream + Gather;
  return ContractionStart + latency(Pes, M.TrfRing) + Fill / M.Segment +
         M.Split * Main + M.Split * M.Segment * Part +
         (ContractionEnd - ContractionPart);
}
