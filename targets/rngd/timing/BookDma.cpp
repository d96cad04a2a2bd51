// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DMA by the book: moving-tensors/dma-engine.md and memory-performance.md.
#include "targets/rngd/timing/BookTiming.h"

#include "runtime/base/Checked.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace dure;
using namespace dure::rngd;

/// Every request is looked at; a command of more is to be cut.
static constexpr int64_t MaxRequests = int64_t(1) << 26;

static Status refuse(const DmaCommand &Command, const std::string &Text) {
  return Status(StatusCode::InvalidArgument,
                "DMA engine " + std::to_string(Command.Engine) + ": " + Text +
                    " (moving-tensors/dma-engine.md)");
}

/// How long the channels are busy, and which row each bank has open.
class BookTiming::Hbm {
public:
  explicit Hbm(const BookTiming &T)
      : T(T), Busy(T.HbmChannels),
        OpenRows(T.HbmChannels << T.BankBits.size(), Idle) {
    for (int64_t Bit = T.RowBits.front(); Bit <= T.RowBits.back(); ++Bit)
      RowMask |= int64_t(1) << Bit;
    for (int64_t Bit : T.BankBits)
      RowMask &= ~(int64_t(1) << Bit);
    int64_t Count = T.ChannelBits.size();
    for (int64_t I = 0; I < Count; ++I) {
      int64_t Mask = int64_t(1) << T.ChannelBits[I];
      for (int64_t Bit = T.HashBits.front() + I; Bit <= T.HashBits.back();
           Bit += Count)
        Mask |= int64_t(1) << Bit;
      ChannelMasks.push_back(Mask);
    }
  }

  /// One unit of memory, read or written in `Times` times its time.
  void access(int64_t Address, int64_t Times) {
    int64_t Channel = channelOf(Address);
    int64_t Bank = 0, Row = Address & RowMask;
    for (int64_t Bit : T.BankBits)
      Bank = Bank * 2 + bit(Address, Bit);
    int64_t &Open = OpenRows[(Channel << T.BankBits.size()) + Bank];
    bool Conflicts = Open != Idle && Open != Row;
    Open = Row;
    Busy[Channel] += std::max(Conflicts ? double(T.HbmConflict) : 0,
                              double(Times) * T.HbmUnitCycles);
  }

  double busiest() const { return *std::max_element(Busy.begin(), Busy.end()); }
  const std::vector<double> &busy() const { return Busy; }

private:
  static constexpr int64_t Idle = -1;

  static int64_t bit(int64_t Address, int64_t Number) {
    return (Address >> Number) & 1;
  }

  int64_t channelOf(int64_t Address) const {
    int64_t Channel = 0;
    for (size_t I = 0; I < ChannelMasks.size(); ++I)
      Channel |= int64_t(__builtin_parityll(Address & ChannelMasks[I])) << I;
    return Channel * 2 + bit(Address, T.StackBit);
  }

  const BookTiming &T;
  std::vector<double> Busy;
  /// The bits of an address that make its row, and each bit of its channel.
  int64_t RowMask = 0;
  std::vector<int64_t> ChannelMasks;
  /// By channel, then bank.
  std::vector<int64_t> OpenRows;
};

/// The commands of one engine, a packet at a time.
class BookTiming::DmaEngine {
public:
  DmaEngine(const BookTiming &T, Hbm &Memory) : T(T), Memory(Memory) {}

  void add(const DmaCommand &Command) { Commands.push_back(&Command); }
  bool isDone() const { return At == Commands.size(); }
  int64_t cycles() const { return Cycles; }

  /// Moves the next packet. Fails where it leaves its memory.
  Status step() {
    const DmaCommand &Command = *Commands[At];
    if (Counters.empty())
      Counters.assign(Command.Loops.size(), 0);
    int64_t Read = Command.ReadBase, Write = Command.WriteBase;
    for (size_t I = 0; I < Counters.size(); ++I) {
      Read += Counters[I] * Command.Loops[I].ReadStride;
      Write += Counters[I] * Command.Loops[I].WriteStride;
    }
    if (Status Bad = side(Command, Command.From, Read, false, Reading);
        !Bad.ok())
      return Bad;
    if (Status Bad = side(Command, Command.To, Write, true, Writing); !Bad.ok())
      return Bad;
    if (!advance(Command))
      finish(Command);
    return Status::success();
  }

private:
  struct Side {
    int64_t Requests = 0;
    /// Of each data memory network.
    std::map<int64_t, int64_t> OfNetwork;
  };

  /// One packet at one end of the transfer.
  Status side(const DmaCommand &Command, DmaMemory Where, int64_t Address,
              bool IsWrite, Side &To) {
    int64_t End = Address + Command.PacketBytes;
    if (Where == DmaMemory::Hbm) {
      if (Address < 0 || End > T.HbmBytes)
        return refuse(Command, "the packet at " + std::to_string(Address) +
                                   " is outside of HBM");
      for (int64_t Unit = Address / T.HbmUnit; Unit * T.HbmUnit < End; ++Unit) {
        int64_t From = std::max(Address, Unit * T.HbmUnit);
        bool IsWhole =
            std::min(End, (Unit + 1) * T.HbmUnit) - From == T.HbmUnit;
        // Part of a unit is read, changed and written back.
        Memory.access(From, IsWrite && !IsWhole ? T.HbmUnalignedWrite : 1);
        ++To.Requests;
      }
      return Status::success();
    }
    int64_t Slice = Address / T.SliceStride;
    if (Address < 0 || Slice >= T.Slices ||
        End - Slice * T.SliceStride > T.BytesPerSlice)
      return refuse(Command, "the packet at " + std::to_string(Address) +
                                 " is outside of a slice's data memory");
    int64_t Requests = (Command.PacketBytes + T.DmaRequest - 1) / T.DmaRequest;
    To.Requests += Requests;
    To.OfNetwork[Slice / T.SlicesPerDmn] += Requests;
    return Status::success();
  }

  /// False after the last packet.
  bool advance(const DmaCommand &Command) {
    for (size_t I = Counters.size(); I > 0; --I) {
      if (++Counters[I - 1] < Command.Loops[I - 1].Size)
        return true;
      Counters[I - 1] = 0;
    }
    return false;
  }

  int64_t cyclesOf(const Side &Each) const {
    int64_t OfRequest = T.DmaRequest / T.DmnBytesPerCycle;
    int64_t Cycles = Each.Requests;
    for (const auto &[Network, Requests] : Each.OfNetwork)
      Cycles = std::max(Cycles, Requests * OfRequest);
    return Cycles;
  }

  void finish(const DmaCommand &Command) {
    int64_t R = cyclesOf(Reading), W = cyclesOf(Writing);
    Cycles +=
        T.DmaStartup + (Command.From == Command.To ? R + W : std::max(R, W));
    Reading = Writing = Side();
    Counters.clear();
    ++At;
  }

  const BookTiming &T;
  Hbm &Memory;
  std::vector<const DmaCommand *> Commands;
  size_t At = 0;
  std::vector<int64_t> Counters;
  Side Reading, Writing;
  int64_t Cycles = 0;
};

Status BookTiming::checkCommand(const DmaCommand &Command) const {
  if (Command.Engine < 0 || Command.Engine >= DmaEngines)
    return refuse(Command,
                  "a chip has engines 0 to " + std::to_string(DmaEngines - 1));
  if (static_cast<int64_t>(Command.Loops.size()) > Loops)
    return refuse(Command, "a sequencer has at most " + std::to_string(Loops) +
                               " loops");
  if (Command.PacketBytes < 1 || Command.PacketBytes > DmaPacket)
    return refuse(Command,
                  "a packet has 1 to " + std::to_string(DmaPacket) + " bytes");
  bool Crosses = Command.From != Command.To;
  auto Aligned = [&](int64_t Value) { return Value % DmaAlignment == 0; };
  bool AllAligned = Aligned(Command.ReadBase) && Aligned(Command.WriteBase) &&
                    Aligned(Command.PacketBytes);
  int64_t Requests = (Command.PacketBytes + DmaRequest - 1) / DmaRequest;
  // No address of either memory is above; sums of eight fit 64 bits then.
  int64_t Most = std::max(HbmBytes, Slices * SliceStride);
  auto Near = [&](int64_t Value) { return Value >= -Most && Value <= Most; };
  bool AllNear = Near(Command.ReadBase) && Near(Command.WriteBase);
  for (const DmaCommand::Loop &Loop : Command.Loops) {
    if (Loop.Size < 1 || Loop.Size > LoopSize)
      return refuse(Command, "a loop has 1 to " + std::to_string(LoopSize) +
                                 " iterations");
    if (!checkedMul(Requests, Loop.Size, Requests) || Requests > MaxRequests)
      return refuse(Command, "more than " + std::to_string(MaxRequests) +
                                 " requests; cut it into several commands");
    AllAligned &= Aligned(Loop.ReadStride) && Aligned(Loop.WriteStride);
    AllNear &= Near(Loop.ReadStride) && Near(Loop.WriteStride);
  }
  if (!AllNear)
    return refuse(Command, "an address or stride is outside of both memories");
  if (Crosses && !AllAligned)
    return refuse(Command, "between HBM and data memory, addresses and packets "
                           "are multiples of " +
                               std::to_string(DmaAlignment) + " bytes");
  return Status::success();
}

Result<int64_t> BookTiming::dma(std::span<const DmaCommand> Commands) const {
  Hbm Memory(*this);
  std::map<int64_t, DmaEngine> Engines;
  for (const DmaCommand &Command : Commands) {
    if (Status Bad = checkCommand(Command); !Bad.ok())
      return Bad;
    Engines.try_emplace(Command.Engine, *this, Memory)
        .first->second.add(Command);
  }
  // Engines take turns, so that each meets the rows that others have opened.
  for (bool Moved = true; Moved;) {
    Moved = false;
    for (auto &[Number, Engine] : Engines) {
      if (Engine.isDone())
        continue;
      if (Status Bad = Engine.step(); !Bad.ok())
        return Bad;
      Moved = true;
    }
  }
  int64_t Longest = 0;
  for (const auto &[Number, Engine] : Engines)
    Longest = std::max(Longest, Engine.cycles());
  double Channels = Commands.empty() ? 0 : DmaStartup + Memory.busiest();
  return std::max(Longest, static_cast<int64_t>(std::ceil(Channels)));
}

Result<DmaCost> BookTiming::dmaCost(const DmaCommand &Command) const {
  if (Status Bad = checkCommand(Command); !Bad.ok())
    return Bad;
  Hbm Memory(*this);
  DmaEngine Engine(*this, Memory);
  Engine.add(Command);
  while (!Engine.isDone())
    if (Status Bad = Engine.step(); !Bad.ok())
      return Bad;
  DmaCost Cost;
  Cost.Startup = DmaStartup;
  Cost.Cycles = Engine.cycles() - DmaStartup;
  Cost.Channels = Memory.busy();
  int64_t Bytes = Command.PacketBytes;
  for (const DmaCommand::Loop &Loop : Command.Loops)
    Bytes *= Loop.Size;
  if (Command.From == DmaMemory::Hbm)
    Cost.HbmBytesRead = Bytes;
  if (Command.To == DmaMemory::Hbm)
    Cost.HbmBytesWritten = Bytes;
  return Cost;
}
