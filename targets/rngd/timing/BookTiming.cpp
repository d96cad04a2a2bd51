// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tensor unit's engines by the book. DMA is in BookDma.cpp.
#include "targets/rngd/timing/BookTiming.h"

#include "targets/rngd/timing/FigureReader.h"

#include <algorithm>

using namespace dure;
using namespace dure::rngd;

/// Far above any kernel, and low enough that the formulas cannot overflow.
static constexpr int64_t MaxTimes = int64_t(1) << 36;
static constexpr int64_t MaxPacket = int64_t(1) << 16;

static bool isWidth(int64_t Bits) {
  return Bits == 4 || Bits == 8 || Bits == 16 || Bits == 32;
}

static Status refuse(std::string Text, const char *Page) {
  return Status(StatusCode::InvalidArgument,
                std::move(Text) + " (" + Page + ")");
}

Result<BookTiming> BookTiming::of(const Machine &Chip) {
  BookTiming T;
  FigureReader Read(Chip);
  int64_t Clusters = 0, SlicesPerCluster = 0;
  double Hertz = 0, ChannelHertz = 0, ChannelBytes = 0;
  Read.count("stream.flit_bytes", T.FlitBytes)
      .count("sequencer.loops", T.Loops)
      .count("sequencer.loop_size", T.LoopSize)
      .counts("fetch.read_bytes", T.ReadBytes)
      .count("fetch.sub_read_bytes", T.SubReadBytes)
      .count("fetch.packet_alignment", T.PacketAlignment)
      .count("switch.ring_slices", T.RingSlices)
      .counts("transpose.columns", T.TransposeColumns)
      .count("transpose.double_buffer_columns", T.DoubleBufferColumns)
      .count("transpose.valid_elements", T.Valid)
      .count("transpose.valid_elements_4bit", T.Valid4)
      .count("transpose.rows_4bit", T.Rows4)
      .count("transpose.rows_8bit", T.Rows8)
      .count("transpose.rows_16bit", T.Rows16)
      .count("transpose.rows_32bit", T.Rows32)
      .count("dma.engines", T.DmaEngines)
      .count("dma.startup_cycles", T.DmaStartup)
      .count("dma.packet_bytes", T.DmaPacket)
      .count("dma.request_bytes", T.DmaRequest)
      .count("dma.alignment", T.DmaAlignment)
      .count("data_memory.slice_stride", T.SliceStride)
      .count("data_memory.bytes_per_slice", T.BytesPerSlice)
      .count("data_memory.dmn_bytes_per_cycle", T.DmnBytesPerCycle)
      .count("organization.slices_per_dmn", T.SlicesPerDmn)
      .count("organization.clusters_per_chip", Clusters)
      .count("organization.slices_per_cluster", SlicesPerCluster)
      .count("hbm.bytes", T.HbmBytes)
      .count("hbm.unit_bytes", T.HbmUnit)
      .count("hbm.channels", T.HbmChannels)
      .count("hbm.row_conflict_cycles", T.HbmConflict)
      .count("hbm.unaligned_write_factor", T.HbmUnalignedWrite)
      .count("hbm.stack_bit", T.StackBit)
      .counts("hbm.channel_bits", T.ChannelBits)
      .counts("hbm.channel_hash_bits", T.HashBits)
      .counts("hbm.bank_bits", T.BankBits)
      .counts("hbm.row_bits", T.RowBits)
      .number("hbm.channel_bytes_per_cycle", ChannelBytes)
      .number("hbm.channel_hertz", ChannelHertz)
      .number("clock.hertz", Hertz);
  if (!Read.Failure.ok())
    return Read.Failure;
  // A bit above those of any address of HBM is a mistake in the description.
  auto IsBit = [&](int64_t Bit) { return Bit < 63 && T.HbmBytes >> Bit; };
  auto AreBits = [&](const std::vector<int64_t> &Bits) {
    return std::all_of(Bits.begin(), Bits.end(), IsBit);
  };
  if (!IsBit(T.StackBit) || !AreBits(T.ChannelBits) || !AreBits(T.HashBits) ||
      !AreBits(T.BankBits) || !AreBits(T.RowBits) ||
      T.HbmChannels != int64_t(2) << T.ChannelBits.size() ||
      T.HashBits.size() != 2 || T.RowBits.size() != 2)
    return Status(StatusCode::FailedPrecondition,
                  "machine '" + Chip.Name +
                      "': the bits of HBM's addresses do not name its "
                      "channels and rows");
  T.Slices = Clusters * SlicesPerCluster;
  T.HbmUnitCycles = T.HbmUnit / ChannelBytes * (Hertz / ChannelHertz);
  return T;
}

Result<int64_t> BookTiming::fetch(const FetchShape &Shape) const {
  const char *Page = "moving-tensors/fetch-engine.md";
  if (static_cast<int64_t>(Shape.Loops.size()) > Loops)
    return refuse("a sequencer has at most " + std::to_string(Loops) + " loops",
                  "moving-tensors/sequencer.md");
  int64_t Elements = 1;
  for (const SequencerLoop &Loop : Shape.Loops) {
    if (Loop.Size < 1 || Loop.Size > LoopSize)
      return refuse("a loop has 1 to " + std::to_string(LoopSize) +
                        " iterations",
                    "moving-tensors/sequencer.md");
    if (__builtin_mul_overflow(Elements, Loop.Size, &Elements) ||
        Elements > MaxTimes)
      return refuse("the loops have too many iterations", Page);
  }
  if (Shape.Packet < 1 || Elements % Shape.Packet != 0)
    return refuse("the loops are no whole number of packets", Page);
  if (!isWidth(Shape.ElementBits) || Shape.Packet > MaxPacket)
    return refuse("a packet is of a few elements of 4, 8, 16 or 32 bits", Page);
  int64_t PacketBits = Shape.Packet * Shape.ElementBits;
  if (PacketBits % (PacketAlignment * 8) != 0)
    return refuse("a packet is a multiple of " +
                      std::to_string(PacketAlignment) + " bytes",
                  Page);

  int64_t AccessBits =
      accessSize(Shape.Loops, Shape.Packet) * Shape.ElementBits;
  int64_t ReadBits = Shape.Context == UnitContext::Sub
                         ? SubReadBytes * 8
                         : readBits(AccessBits, ReadBytes);
  if (ReadBits == 0 || AccessBits % ReadBits != 0)
    return refuse("no read size divides the run of " +
                      std::to_string(AccessBits) + " bits",
                  Page);
  return Elements / Shape.Packet * (PacketBits / ReadBits);
}

Result<int64_t> BookTiming::switchRing(const SwitchShape &Shape) const {
  const char *Page = "computing-tensors/switch-engine.md";
  if (Shape.RingSize < 1 || RingSlices % Shape.RingSize != 0)
    return refuse("rings of " + std::to_string(Shape.RingSize) +
                      " slices do not cover " + std::to_string(RingSlices),
                  Page);
  if (Shape.Times < 0 || Shape.Times > MaxTimes || Shape.PacketBytes < 1 ||
      Shape.PacketBytes > MaxPacket)
    return refuse("a switch moves packets of a few flits", Page);
  int64_t Flits = (Shape.PacketBytes + FlitBytes - 1) / FlitBytes;
  return Shape.RingSize * Shape.Times * Flits;
}

Result<int64_t> BookTiming::transpose(const TransposeShape &Shape) const {
  const char *Page = "computing-tensors/transpose-engine.md";
  int64_t Taken = Shape.ElementBits == 4 ? Valid4 : Valid;
  int64_t MostRows = Shape.ElementBits == 4    ? Rows4
                     : Shape.ElementBits == 8  ? Rows8
                     : Shape.ElementBits == 16 ? Rows16
                     : Shape.ElementBits == 32 ? Rows32
                                               : 0;
  if (Shape.Rows < 1 || Shape.Rows > MostRows)
    return refuse("a matrix of " + std::to_string(Shape.ElementBits) +
                      " bit elements has 1 to " + std::to_string(MostRows) +
                      " rows",
                  Page);
  if (std::find(TransposeColumns.begin(), TransposeColumns.end(),
                Shape.Columns) == TransposeColumns.end() ||
      Shape.Columns % Taken != 0)
    return refuse("no configuration has " + std::to_string(Shape.Columns) +
                      " columns of " + std::to_string(Shape.ElementBits) +
                      " bits",
                  Page);
  if (Shape.OutRows < 1 || Shape.OutRows > Shape.Columns ||
      Shape.Iterations < 1 || Shape.Iterations > MaxTimes)
    return refuse("a transpose keeps 1 to all of its rows, once or more", Page);
  int64_t InFlits = Shape.Rows * (Shape.Columns / Taken);
  if (Shape.Columns > DoubleBufferColumns)
    return Shape.Iterations * (InFlits + Shape.OutRows);
  return InFlits + (Shape.Iterations - 1) * std::max(InFlits, Shape.OutRows) +
         Shape.OutRows;
}
