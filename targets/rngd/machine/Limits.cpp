// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The figures of RNGD that the simulator checks programs against.
#include "targets/rngd/machine/Limits.h"

#include "targets/rngd/timing/FigureReader.h"

using namespace dure;
using namespace dure::rngd;

Result<Limits> Limits::of(const Machine &Chip) {
  Limits L = {};
  FigureReader Read(Chip);
  Read.count("organization.clusters_per_chip", L.Clusters)
      .count("organization.slices_per_cluster", L.SlicesPerCluster)
      .count("organization.pes_per_cluster", L.PesPerCluster)
      .count("organization.lanes_per_slice", L.Lanes)
      .count("organization.slices_per_dmn", L.SlicesPerDmn)
      .count("data_memory.slice_stride", L.SliceStride)
      .count("data_memory.bytes_per_slice", L.DmBytes)
      .count("data_memory.banks", L.DmBanks)
      .count("data_memory.row_bytes", L.DmRowBytes)
      .count("data_memory.starvation_accesses", L.Starvation)
      .count("data_memory.dmn_bytes_per_cycle", L.DmnBytesPerCycle)
      .count("trf.bytes_per_lane", L.TrfBytesPerLane)
      .count("vrf.bytes_per_slice", L.VrfBytes)
      .count("hbm.bytes", L.HbmBytes)
      .count("hbm.unit_bytes", L.HbmUnit)
      .number("hbm.bytes_per_second", L.HbmBytesPerSecond)
      .number("clock.hertz", L.Hertz)
      .count("sequencer.loops", L.SequencerLoops)
      .count("sequencer.loop_size", L.LoopSize)
      .count("stream.flit_bytes", L.FlitBytes)
      .count("fetch.packet_alignment", L.FetchAlignment)
      .count("fetch.sub_read_bytes", L.SubReadBytes)
      .count("fetch.adapter_latency_cycles", L.AdapterLatency)
      .count("dma.engines", L.DmaEngines)
      .count("dma.packet_bytes", L.DmaPacket)
      .count("dma.request_bytes", L.DmaRequest)
      .count("dma.alignment", L.DmaAlignment)
      .count("contraction.accumulator_cells", L.AccumulatorCells)
      .count("contraction.accumulator_columns", L.AccumulatorColumns)
      .count("contraction.output_elements", L.OutputElements)
      .count("contraction.tree_latency_4bit", L.TreeLatency4)
      .count("contraction.tree_latency_8bit", L.TreeLatency8)
      .count("contraction.tree_latency_16bit", L.TreeLatency16)
      .count("vector.elements_per_cycle", L.VectorWay)
      .count("vector.float_elements_per_cycle", L.FloatWay)
      .count("vector.reduce_slots", L.ReduceSlots)
      .count("vector.immediates", L.Immediates)
      .count("commit.alignment", L.CommitAlignment)
      .count("commit.sub_write_bytes", L.SubWriteBytes)
      .counts("fetch.read_bytes", L.ReadBytes)
      .counts("contraction.lanes", L.LanesInUse)
      .counts("contraction.packet_bytes", L.ContractionPackets)
      .counts("commit.trim_bytes", L.TrimBytes)
      .words("contraction.types", L.ContractionTypes)
      .words("vector.types", L.VectorElements)
      .count("transpose.valid_elements", L.TransposeValid)
      .count("transpose.valid_elements_4bit", L.TransposeValid4)
      .count("transpose.rows_4bit", L.TransposeRows4)
      .count("transpose.rows_8bit", L.TransposeRows8)
      .count("transpose.rows_16bit", L.TransposeRows16)
      .count("transpose.rows_32bit", L.TransposeRows32)
      .counts("transpose.columns", L.TransposeColumns)
      .words("fetch.lookup_f4e2m1", L.LookupOfF4)
      .words("fetch.lookup_f8", L.LookupOfF8)
      .words("fetch.zero_point", L.ZeroPointOf)
      .words("fetch.to_i32", L.FetchToI32)
      .words("fetch.to_f32", L.FetchToF32)
      .words("fetch.to_bf16", L.FetchToBf16)
      .words("cast.from_i32", L.CastFromI32)
      .words("cast.from_f32", L.CastFromF32);
  if (!Read.Failure.ok())
    return Read.Failure;
  return L;
}

std::string dure::rngd::anyOf(std::span<const int64_t> Numbers) {
  std::string Text;
  for (size_t I = 0; I != Numbers.size(); ++I)
    Text += (I == 0                    ? ""
             : I + 1 == Numbers.size() ? " or "
                                       : ", ") +
            std::to_string(Numbers[I]);
  return Text;
}
