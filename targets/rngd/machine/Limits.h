// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The figures of RNGD that the simulator checks programs against.
//
// Included by the driver and the tcp dialect. They come from
// targets/rngd/machine/rngd.json, whose text is built into the library: an
// installed driver needs no file.
#ifndef DURE_TARGETS_RNGD_MACHINE_LIMITS_H
#define DURE_TARGETS_RNGD_MACHINE_LIMITS_H

#include "targets/Machine.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure::rngd {

/// rngd.json as it was when the driver was built.
std::string_view machineText();

/// A buffer has as many bytes of HBM as whole units of this make: where one
/// ends within a unit, the rest may be read and written, and means nothing. It
/// is what devices align buffers to and packages their memory plans
/// (MemoryPlan::Alignment).
inline constexpr int64_t BindingUnit = 64;

/// Named as in the description.
struct Limits {
  int64_t Clusters, SlicesPerCluster, PesPerCluster, Lanes;
  int64_t SlicesPerDmn, SliceStride, DmBytes, DmBanks, DmRowBytes;
  int64_t TrfBytesPerLane, VrfBytes;
  int64_t HbmBytes, HbmUnit;
  double HbmBytesPerSecond, Hertz;
  int64_t SequencerLoops, LoopSize, FlitBytes;
  int64_t FetchAlignment, AdapterLatency, SubReadBytes;
  int64_t DmaEngines, DmaPacket, DmaRequest, DmaAlignment, DmnBytesPerCycle;
  int64_t AccumulatorCells, AccumulatorColumns, OutputElements;
  int64_t VectorWay, FloatWay, ReduceSlots, Immediates;
  int64_t CommitAlignment, SubWriteBytes;
  int64_t Starvation;
  int64_t TreeLatency4, TreeLatency8, TreeLatency16;
  int64_t TransposeValid, TransposeValid4;
  int64_t TransposeRows4, TransposeRows8, TransposeRows16, TransposeRows32;
  std::vector<int64_t> TransposeColumns, ReadBytes, LanesInUse,
      ContractionPackets, TrimBytes;
  /// Types by the book's names: what contractions take, the vector engine, and
  /// what fetch and cast make.
  std::vector<std::string> ContractionTypes, VectorElements;
  std::vector<std::string> LookupOfF4, LookupOfF8, ZeroPointOf;
  std::vector<std::string> FetchToI32, FetchToF32, FetchToBf16;
  std::vector<std::string> CastFromI32, CastFromF32;

  static Result<Limits> of(const Machine &Chip);

  /// Of the transpose engine: elements of a flit that count, and rows at most;
  /// 0 rows for elements of any other width.
  int64_t transposeValid(int64_t Bits) const {
    return Bits == 4 ? TransposeValid4 : TransposeValid;
  }
  int64_t transposeRows(int64_t Bits) const {
    return Bits == 4    ? TransposeRows4
           : Bits == 8  ? TransposeRows8
           : Bits == 16 ? TransposeRows16
           : Bits == 32 ? TransposeRows32
                        : 0;
  }
  int64_t pes() const { return Clusters * PesPerCluster; }
  int64_t slices() const { return Clusters * SlicesPerCluster; }
  int64_t trfBytes() const { return Lanes * TrfBytesPerLane; }
};

/// As a sentence has it: "1, 2 or 4".
std::string anyOf(std::span<const int64_t> Numbers);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_MACHINE_LIMITS_H
