// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The contraction engine: products, adder tree, accumulation over time, lanes.
//
// All 8 lanes are one vector, so that the tree is additions of vectors. Lanes
// that are not in use multiply by 0. Order of additions (the book's
// computing-tensors/contraction-engine): neighbours of a packet, pairs first,
// then over time in the order of time.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Element.h"
#include "targets/rngd/driver/Engines.h"

using namespace dure::rngd;
using T = fb::Type;

namespace {

constexpr int64_t Lanes = 8;
typedef float FloatLanes __attribute__((vector_size(32)));
// Wraps around, as the sums of integers do here.
typedef uint32_t IntLanes __attribute__((vector_size(32)));

template <typename Scalar, typename Vector> class Unit {
public:
  Unit(const ContractPlan &C, StreamReader &Stream, int64_t FlitsPerPacket)
      : C(C), Stream(Stream), FlitsPerPacket(FlitsPerPacket) {}

  // Inlined into functions for several instruction sets, and what it calls
  // every step with it.
  [[gnu::always_inline]] std::string run(const SliceMemory &Trf, int64_t Slice,
                                         Words &Out);

private:
  std::string expandTrf(const SliceMemory &Trf, int64_t Slice);
  std::string nextPacket();
  template <int Packet, int Depth>
  [[gnu::always_inline]] void step(const Vector *W, Vector *Sums);
  [[gnu::always_inline]] void anyStep(const Vector *W, Vector *Sums);
  void emit(const Vector *Cells, Words &Out) const;

  const ContractPlan &C;
  StreamReader &Stream;
  int64_t FlitsPerPacket;
  std::vector<Vector> Weights; ///< By element, from C.FirstElement.
  std::vector<uint8_t> Block;
  int64_t BlockFlits = 0, BlockNext = 0;
  int64_t PacketsLeft = 0;
  alignas(64) Scalar Packet[128];
};

std::vector<float> floatTable(T Type) {
  std::vector<float> Table(256);
  for (uint32_t I = 0; I != 256; ++I)
    Table[I] = decodeSmall(I, Type == T::F8E4M3 ? dure::rngd::F8E4M3
                                                : dure::rngd::F8E5M2);
  return Table;
}

const std::vector<float> &tableOf(T Type) {
  static const std::vector<float> E4M3 = floatTable(T::F8E4M3);
  static const std::vector<float> E5M2 = floatTable(T::F8E5M2);
  return Type == T::F8E4M3 ? E4M3 : E5M2;
}

/// COUNT elements of a type, from element FIRST of DATA.
void expand(T Type, const uint8_t *Data, int64_t First, int64_t Count,
            float *Out, int64_t Stride) {
  if (Type == T::BF16) {
    const uint8_t *From = Data + 2 * First;
    // The usual case by itself, for it becomes vectors.
    if (Stride == 1) {
      for (int64_t I = 0; I != Count; ++I) {
        uint16_t Bits;
        std::memcpy(&Bits, From + 2 * I, 2);
        Out[I] = fromBf16(Bits);
      }
      return;
    }
    for (int64_t I = 0; I != Count; ++I) {
      uint16_t Bits;
      std::memcpy(&Bits, From + 2 * I, 2);
      Out[I * Stride] = fromBf16(Bits);
    }
    return;
  }
  const std::vector<float> &Table = tableOf(Type);
  for (int64_t I = 0; I != Count; ++I)
    Out[I * Stride] = Table[Data[First + I]];
}

void expand(T Type, const uint8_t *Data, int64_t First, int64_t Count,
            uint32_t *Out, int64_t Stride) {
  for (int64_t I = 0; I != Count; ++I) {
    int32_t Value = 0;
    if (Type == T::I4) {
      Value = signedNibble(nibble(Data, First + I));
    } else if (Type == T::I8) {
      Value = static_cast<int8_t>(Data[First + I]);
    } else {
      int16_t Held;
      std::memcpy(&Held, Data + 2 * (First + I), 2);
      Value = Held;
    }
    Out[I * Stride] = static_cast<uint32_t>(Value);
  }
}

} // namespace

template <typename Scalar, typename Vector>
std::string Unit<Scalar, Vector>::expandTrf(const SliceMemory &Trf,
                                            int64_t Slice) {
  int64_t LaneBytes = Trf.Bytes / C.Lanes, Bits = bitsOf(C.TrfType);
  int64_t Count = C.EndElement - C.FirstElement;
  Weights.assign(static_cast<size_t>(Count), Vector{});
  const uint64_t *Known = Trf.written(Slice).words();
  int64_t FirstGranule = C.FirstElement * Bits / 64;
  for (int64_t Lane = 0; Lane != C.Lanes; ++Lane) {
    for (size_t I = 0; I != C.Granules.size(); ++I)
      for (uint64_t Left = C.Granules[I]; Left; Left &= Left - 1) {
        int64_t Granule = Lane * LaneBytes / 8 + FirstGranule +
                          static_cast<int64_t>(I) * 64 + __builtin_ctzll(Left);
        if (!(Known[Granule / 64] >> Granule % 64 & 1))
          return rule("it reads bytes " +
                          std::to_string(Granule * 8 - Lane * LaneBytes) +
                          " ff. of lane " + std::to_string(Lane) +
                          " of slice " + std::to_string(Slice) +
                          "'s tensor register file, which nothing has written",
                      "computing-tensors/register-files.md");
      }
    expand(C.TrfType, Trf.data(Slice) + Lane * LaneBytes, C.FirstElement, Count,
           reinterpret_cast<Scalar *>(Weights.data()) + Lane, Lanes);
  }
  return {};
}

template <typename Scalar, typename Vector>
std::string Unit<Scalar, Vector>::nextPacket() {
  constexpr int64_t BlockPackets = 64;
  int64_t FlitBytes = heldFlitBytes(C.StreamType), Each = perFlit(C.StreamType);
  for (int64_t N = 0; N != C.Pack; ++N) {
    if (BlockNext == BlockFlits) {
      int64_t Packets = std::min(PacketsLeft, BlockPackets);
      PacketsLeft -= Packets;
      Block.resize(
          static_cast<size_t>(BlockPackets * FlitsPerPacket * FlitBytes));
      if (std::string Why = Stream.read(Packets, Block.data()); !Why.empty())
        return Why;
      BlockFlits = Packets * FlitsPerPacket;
      BlockNext = 0;
    }
    expand(C.StreamType, Block.data() + BlockNext++ * FlitBytes, 0, Each,
           Packet + N * Each, 1);
  }
  return {};
}

template <typename Scalar, typename Vector>
template <int Size, int Depth>
void Unit<Scalar, Vector>::step(const Vector *W, Vector *Sums) {
  Vector Level[Size / 2];
#pragma clang loop unroll(full)
  for (int I = 0; I != Size / 2; ++I)
    Level[I] = W[2 * I] * Packet[2 * I] + W[2 * I + 1] * Packet[2 * I + 1];
  int Left = Size / 2;
#pragma clang loop unroll(full)
  for (int D = 1; D != Depth; ++D) {
    Left /= 2;
#pragma clang loop unroll(full)
    for (int I = 0; I != Left; ++I)
      Level[I] = Level[2 * I] + Level[2 * I + 1];
  }
  *Sums += Level[0];
}

template <typename Scalar, typename Vector>
void Unit<Scalar, Vector>::anyStep(const Vector *W, Vector *Sums) {
  Vector Level[128];
  for (int64_t From = 0; From != C.Packet; From += C.Read)
    for (int64_t I = 0; I != C.Read; ++I)
      Level[From + I] = W[I] * Packet[From + I];
  int64_t Left = C.Packet;
  for (int64_t D = 0; D != C.Depth; ++D) {
    Left /= 2;
    for (int64_t I = 0; I != Left; ++I)
      Level[I] = Level[2 * I] + Level[2 * I + 1];
  }
  for (int64_t I = 0; I != C.OutPacket; ++I)
    Sums[I] += Level[I];
}

/// What one slot holds, as flits (lane-folder.md).
template <typename Scalar, typename Vector>
void Unit<Scalar, Vector>::emit(const Vector *Cells, Words &Out) const {
  const auto *Values = reinterpret_cast<const Scalar *>(Cells);
  size_t At = Out.size();
  if (!C.Sequential) {
    Out.resize(At + static_cast<size_t>(C.OutPacket * Lanes));
    std::memcpy(Out.data() + At, Values,
                static_cast<size_t>(C.OutPacket * Lanes) * 4);
    return;
  }
  int64_t Padded = (C.OutPacket + 7) / 8 * 8;
  Out.resize(At + static_cast<size_t>(C.Lanes * Padded));
  for (int64_t Lane = 0; Lane != C.Lanes; ++Lane)
    for (int64_t I = 0; I != C.OutPacket; ++I)
      std::memcpy(&Out[At + static_cast<size_t>(Lane * Padded + I)],
                  Values + I * Lanes + Lane, 4);
}

template <typename Scalar, typename Vector>
std::string Unit<Scalar, Vector>::run(const SliceMemory &Trf, int64_t Slice,
                                      Words &Out) {
  if (std::string Why = expandTrf(Trf, Slice); !Why.empty())
    return Why;
  size_t Depth = C.Loops.size();
  int64_t Packets = 1;
  for (const ContractPlan::Loop &Loop : C.Loops)
    if (!Loop.Broadcast)
      Packets *= Loop.Size;
  PacketsLeft = Packets * C.Pack / FlitsPerPacket;
  Out.clear();
  Out.reserve(static_cast<size_t>(C.OutFlits * 8));
  std::vector<Vector> Cells(static_cast<size_t>(C.Slots * C.OutPacket));
  std::vector<int64_t> Index(Depth), SlotStride(Depth);
  int64_t SlotSize = 1;
  for (size_t I = Depth; I-- > C.FirstReduce + 1;)
    if (!C.Loops[I].Reduce) {
      SlotStride[I] = SlotSize;
      SlotSize *= C.Loops[I].Size;
    }
  bool IsUsual = C.Read == C.Packet && C.OutPacket == 1;
  bool Is32 = IsUsual && C.Packet == 32 && C.Depth == 5;
  bool Is16 = IsUsual && C.Packet == 16 && C.Depth == 4;
  bool Is64 = IsUsual && C.Packet == 64 && C.Depth == 6;
  int64_t Place = C.Base * 8 / bitsOf(C.TrfType) - C.FirstElement, Slot = 0;
  bool NeedsPacket = true;
  for (int64_t N = 0; N != C.Steps; ++N) {
    if (NeedsPacket)
      if (std::string Why = nextPacket(); !Why.empty())
        return Why;
    const Vector *W = Weights.data() + Place;
    Vector *Sums = Cells.data() + Slot * C.OutPacket;
    if (Is32)
      step<32, 5>(W, Sums);
    else if (Is16)
      step<16, 4>(W, Sums);
    else if (Is64)
      step<64, 6>(W, Sums);
    else
      anyStep(W, Sums);
    size_t I = Depth;
    for (; I-- != 0;) {
      const ContractPlan::Loop &Loop = C.Loops[I];
      Place += Loop.Stride;
      Slot += SlotStride[I];
      if (++Index[I] != Loop.Size)
        break;
      Place -= Loop.Stride * Loop.Size;
      Slot -= SlotStride[I] * Loop.Size;
      Index[I] = 0;
    }
    // I is the loop that went on; the loops inside it start anew.
    bool Ended = I == size_t(-1);
    NeedsPacket = Ended || !C.Loops[I].Broadcast;
    if (Ended || I < C.FirstReduce || C.FirstReduce == Depth) {
      for (int64_t S = 0; S != C.Slots; ++S)
        emit(Cells.data() + S * C.OutPacket, Out);
      std::fill(Cells.begin(), Cells.end(), Vector{});
    }
  }
  return {};
}

namespace {

/// One unit's run for the instruction set of its caller.
template <typename Scalar, typename Vector>
[[gnu::always_inline]] inline std::string
runUnit(const ContractPlan &C, StreamReader &Stream, int64_t FlitsPerPacket,
        const SliceMemory &Trf, int64_t Slice, Words &Out) {
  Unit<Scalar, Vector> U(C, Stream, FlitsPerPacket);
  return U.run(Trf, Slice, Out);
}

[[gnu::always_inline]] inline std::string
runAny(const ContractPlan &C, StreamReader &Stream, int64_t FlitsPerPacket,
       const SliceMemory &Trf, int64_t Slice, Words &Out) {
  if (C.TrfType == T::I4 || C.TrfType == T::I8)
    return runUnit<uint32_t, IntLanes>(C, Stream, FlitsPerPacket, Trf, Slice,
                                       Out);
  return runUnit<float, FloatLanes>(C, Stream, FlitsPerPacket, Trf, Slice, Out);
}

#if defined(__x86_64__)
// Eight lanes are one register. The same additions in the same order: results
// do not depend on the processor.
__attribute__((target("avx2"))) std::string
runAvx2(const ContractPlan &C, StreamReader &Stream, int64_t FlitsPerPacket,
        const SliceMemory &Trf, int64_t Slice, Words &Out) {
  return runAny(C, Stream, FlitsPerPacket, Trf, Slice, Out);
}
#endif

} // namespace

std::string dure::rngd::contract(const ContractPlan &C, StreamReader &Stream,
                                 int64_t FlitsPerPacket, const SliceMemory &Trf,
                                 int64_t Slice, Words &Out) {
#if defined(__x86_64__)
  static const bool HasAvx2 = __builtin_cpu_supports("avx2");
  if (HasAvx2)
    return runAvx2(C, Stream, FlitsPerPacket, Trf, Slice, Out);
#endif
  return runAny(C, Stream, FlitsPerPacket, Trf, Slice, Out);
}
