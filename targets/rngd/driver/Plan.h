// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A code object as the simulator runs it: decoded, checked, loops resolved.
//
// Included by the driver only. Plain data; made by CodeObject.cpp and
// DecodeExec.cpp from bytes that nobody vouches for, and constant afterwards:
// every size that a run relies on has been checked here.
#ifndef DURE_TARGETS_RNGD_DRIVER_PLAN_H
#define DURE_TARGETS_RNGD_DRIVER_PLAN_H

#include "targets/rngd/schema/program_generated.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dure::rngd {

/// Bits of an element in memory and in flits. An i5 takes the place of an i4 in
/// a flit, an i9 that of an i8: a flit holds as many.
int bitsOf(fb::Type Type);
const char *nameOf(fb::Type Type);
inline int64_t perFlit(fb::Type Type) { return 256 / bitsOf(Type); }

/// A loop over packets of a stream before the switch, or after it: then each
/// step may also go to another slice.
struct NestLoop {
  int64_t Size;
  int64_t Elements; ///< Added to the element's place.
  int64_t Slices;   ///< Added to the source slice.
};

/// Elements side by side in a packet.
struct Run {
  int64_t Elements; ///< From the packet's place.
  int64_t Count;
};

/// Fetch, adapter, switch and collect: how flits come about.
struct StreamPlan {
  int64_t Base;        ///< Bytes.
  fb::Type MemoryType; ///< In data memory.
  fb::Type Type;       ///< Of the flits.
  fb::Type Lookup, Cast;
  bool HasZeroPoint;
  int32_t ZeroPoint;
  int64_t Packet, Live;            ///< Elements.
  std::vector<Run> Runs;           ///< Of the live elements.
  std::vector<NestLoop> Sequencer; ///< All loops, as the fetch has them.
  std::vector<NestLoop> Time;      ///< Before the switch.
  std::vector<NestLoop> Nest;      ///< After it.
  /// The source slice of the first step: slice / Outer * Outer + the digits of
  /// slice by Digits, each (divisor, size, weight), and the first element
  /// likewise by ElementDigits.
  struct Digit {
    int64_t Divisor, Size, Weight;
  };
  std::vector<Digit> SliceDigits, ElementDigits;
  /// Custom switch: for every slice so many sources, the innermost loop.
  int64_t Sources = 0;
  std::vector<uint16_t> SourceTable;
  int64_t RingSize = 1;
  int64_t PacketsIn, Packets; ///< Before and after the switch.
  int64_t FlitsPerPacket;
  int64_t flits() const { return Packets * FlitsPerPacket; }
  /// Bytes of data memory that may be read, for the whole nest.
  int64_t FirstBit, EndBit;
};

struct TrfPlan {
  int64_t Lanes, Base;
};

struct VrfPlan {
  int64_t Base;
};

struct ContractPlan {
  struct Loop {
    int64_t Size, Stride;
    bool Reduce;
    bool Broadcast;
  };
  int64_t Pack, Lanes, Base;
  fb::Type StreamType, TrfType;
  int64_t Packet; ///< Elements of a packet of the unit.
  int64_t Read;
  std::vector<Loop> Loops;
  size_t FirstReduce; ///< Loops.size(): none.
  int64_t Depth, OutPacket;
  bool Sequential;
  int64_t Slots;
  int64_t Steps; ///< Product of the loops.
  int64_t OutFlits;
  int64_t FirstElement, EndElement; ///< Of a lane, read at most.
  /// Granules of 8 bytes of a lane that are read, one bit each, from the one
  /// that FirstElement is in.
  std::vector<uint64_t> Granules;
};

struct OperandPlan {
  fb::Source Source;
  uint32_t Bits;
  int64_t Base; ///< Elements of 32 bits in the register file.
  std::vector<std::array<int64_t, 2>> Loops; ///< Size, stride.
  bool Scalar;
  int64_t Way; ///< Elements that a packet takes, one where Scalar.
};

struct StepPlan {
  fb::VectorOp Op;
  fb::ArgMode Mode;
  std::optional<OperandPlan> Operand, Operand2, Group1;
  int IntWidth;
  bool Zip;
  unsigned Groups;
};

struct IntraPlan {
  fb::ReduceOp Op;
  std::vector<int64_t> Sizes;
  std::vector<bool> Reduce;
  size_t FirstReduce;
  bool Packet;
  int64_t Slots, OutPackets, Packets;
  bool HasValid;
  int64_t Limit;
  std::vector<StreamPlan::Digit> SliceDigits;
  std::vector<int64_t> TimeWeights;
  int64_t PacketWeight;
};

struct InterPlan {
  fb::ReduceOp Op;
  int64_t Ratio;
  bool Broadcast, First;
};

struct VectorPlan {
  bool IsFloat; ///< On entry.
  int64_t Unzip;
  std::vector<StepPlan> Steps;
  std::optional<IntraPlan> Intra;
  size_t IntraAt;
  std::optional<InterPlan> Inter;
  /// The stream's type where the reducer over slices works.
  bool InterIsFloat;
  fb::Type OutType;
  int64_t OutFlits;
  int Alus;   ///< For latency.
  bool Split; ///< Runs 4 elements a cycle with all of them.
};

struct TransposePlan {
  int64_t Rows, Columns, OutRows, Valid;
};

struct CommitPlan {
  int64_t Base, Trim, Bytes; ///< Bytes: what is written of a flit.
  bool CastBf16, Relu;
  std::vector<std::array<int64_t, 2>> Loops; ///< Size, stride in bytes.
};

struct ExecPlan {
  bool Sub;
  bool OccupiesDma;
  unsigned Clusters;
  int64_t Slices;
  StreamPlan Stream;
  std::optional<ContractPlan> Contract;
  std::optional<VectorPlan> Vector;
  fb::Type Cast;
  std::optional<TransposePlan> Transpose;
  /// Type and number of the flits that arrive at the end.
  fb::Type OutType;
  int64_t OutFlits;
  std::optional<TrfPlan> ToTrf;
  std::optional<VrfPlan> ToVrf;
  std::optional<CommitPlan> Commit;
};

struct AddressPlan {
  fb::Space Space;
  uint32_t Index;
  int64_t Offset;
};

struct DmaPlan {
  struct Loop {
    int64_t Size, Index, Read, Write;
  };
  int64_t Engine;
  AddressPlan Read, Write, Index;
  std::vector<Loop> Loops;
  int64_t PacketBytes;
  /// A part of the transfer of the command before.
  bool Continues;
  fb::Indexed Indexed;
  int64_t Scale, Limit;
  int64_t Packets;
};

struct CommandPlan {
  std::string Name;
  std::vector<uint32_t> After;
  std::optional<DmaPlan> Dma;
  std::optional<ExecPlan> Exec;
};

struct BindingPlan {
  int64_t Bytes;
  fb::Access Access;
};

struct ProgramPlan {
  std::string Name;
  std::vector<BindingPlan> Bindings;
  int64_t WorkspaceBytes;
  std::vector<CommandPlan> Commands;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_PLAN_H
