// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of RNGD's engines by the rules that the vendor's book publishes: the
// timing profile `book`.
//
// Included by RNGD's cost model, simulator and tests. Pure functions of the
// machine description; no figure stands here. What a rule leaves open is said
// where it is decided. Cycles are of 1 GHz.
#ifndef DURE_TARGETS_RNGD_TIMING_BOOKTIMING_H
#define DURE_TARGETS_RNGD_TIMING_BOOKTIMING_H

#include "runtime/base/Status.h"
#include "targets/Machine.h"
#include "targets/rngd/timing/Sequencer.h"

#include <cstdint>
#include <span>
#include <vector>

namespace dure::rngd {

/// Main runs every engine of the tensor unit; sub fills register files.
enum class UnitContext { Main, Sub };

/// A fetch of one slice: the loops make packets of `Packet` elements, the
/// innermost loops being the packet itself (padding included).
struct FetchShape {
  std::span<const SequencerLoop> Loops;
  int64_t Packet;      // elements
  int64_t ElementBits; // 4, 8, 16 or 32
  UnitContext Context = UnitContext::Main;
};

/// A switch: every one of `Times` packets goes round rings of `RingSize`.
struct SwitchShape {
  int64_t RingSize, Times;
  int64_t PacketBytes;
};

/// `Iterations` matrices, `Rows` x `Columns` elements in (padding included),
/// `OutRows` of them kept after.
struct TransposeShape {
  int64_t Rows, Columns, OutRows, Iterations;
  int64_t ElementBits;
};

enum class DmaMemory { Hbm, DataMemory };

/// One command of one DMA engine. Loops are in bytes, outermost first, and name
/// a packet each; read and write advance together. Addresses of data memory are
/// slice * slice_stride + byte, slices counted over both clusters.
struct DmaCommand {
  struct Loop {
    int64_t Size;
    int64_t ReadStride, WriteStride;
  };
  int64_t Engine;
  DmaMemory From, To;
  int64_t ReadBase, WriteBase;
  std::vector<Loop> Loops;
  int64_t PacketBytes;
};

/// One command by itself: `Startup`, then `Cycles` of its engine, in which the
/// channels of HBM are busy for so long. Others at the same time share these.
struct DmaCost {
  int64_t Startup = 0, Cycles = 0;
  std::vector<double> Channels;
  int64_t HbmBytesRead = 0, HbmBytesWritten = 0;
};

class BookTiming {
public:
  /// Fails naming the first figure that the description lacks.
  static Result<BookTiming> of(const Machine &Chip);

  /// Each fails with InvalidArgument on a shape that the engine has no
  /// configuration for; the message names the limit and the book's page.
  Result<int64_t> fetch(const FetchShape &Shape) const;
  Result<int64_t> switchRing(const SwitchShape &Shape) const;
  Result<int64_t> transpose(const TransposeShape &Shape) const;

  /// From the start of the first to the end of the last of commands that are
  /// all ready at once: those of one engine run in order, engines side by side,
  /// HBM's channels shared.
  ///
  /// A packet becomes requests of 256 bytes, one a cycle, and a data memory
  /// network takes two cycles for each. HBM to data memory and back overlaps
  /// reading and writing; within one memory they follow each other. A channel
  /// takes its bytes' time for a request to an open row and the published
  /// conflict for one that closes another; rows opened in an idle bank hide
  /// behind the channel's queue (the book's examples 1 and 5 count none).
  Result<int64_t> dma(std::span<const DmaCommand> Commands) const;
  /// What one command asks of its engine and of HBM, rows all closed before it.
  Result<DmaCost> dmaCost(const DmaCommand &Command) const;

private:
  class Hbm;
  class DmaEngine;
  Status checkCommand(const DmaCommand &Command) const;

  // Named as in the description.
  int64_t FlitBytes, Loops, LoopSize, SubReadBytes, PacketAlignment;
  std::vector<int64_t> ReadBytes;
  int64_t RingSlices;
  std::vector<int64_t> TransposeColumns;
  int64_t DoubleBufferColumns, Valid, Valid4, Rows4, Rows8, Rows16, Rows32;
  int64_t DmaEngines, DmaStartup, DmaPacket, DmaRequest, DmaAlignment;
  int64_t SliceStride, SlicesPerDmn, Slices, BytesPerSlice, DmnBytesPerCycle;
  int64_t HbmBytes, HbmUnit, HbmChannels, HbmConflict, HbmUnalignedWrite;
  double HbmUnitCycles;
  int64_t StackBit;
  std::vector<int64_t> ChannelBits, HashBits, BankBits, RowBits;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_TIMING_BOOKTIMING_H
