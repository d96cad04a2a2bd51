// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fetch, fetch adapter, switch and collect: flits of one slice, taken straight
// from the data memory of the slices that they come from.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Element.h"
#include "targets/rngd/driver/Engines.h"

#include <algorithm>

using namespace dure::rngd;
using T = fb::Type;

int dure::rngd::heldBits(fb::Type Type) {
  return Type == T::I5 || Type == T::I9 ? 16 : bitsOf(Type);
}

static int64_t digits(const std::vector<StreamPlan::Digit> &Digits,
                      int64_t Slice) {
  int64_t Sum = 0;
  for (const StreamPlan::Digit &D : Digits)
    Sum += Slice / D.Divisor % D.Size * D.Weight;
  return Sum;
}

StreamReader::StreamReader(const StreamPlan &P, const SliceMemory &Memory,
                           int64_t ClusterBase, int64_t Slice)
    : P(P), Memory(Memory), ClusterBase(ClusterBase), Slice(Slice),
      Source(digits(P.SliceDigits, Slice)),
      Element(digits(P.ElementDigits, Slice)), Index(P.Nest.size()),
      MemoryBits(bitsOf(P.MemoryType)), OutBits(heldBits(P.Type)) {
  Plain = P.Lookup == T::None && P.Cast == T::None && !P.HasZeroPoint;
  Raw.resize(static_cast<size_t>(P.Packet * MemoryBits / 8 + 8));
  Used = (P.Live * OutBits + 7) / 8;
  PacketBytes = P.FlitsPerPacket * heldFlitBytes(P.Type);
  int64_t Count = P.Runs.front().Count;
  bool IsUniform = MemoryBits >= 8 &&
                   std::all_of(P.Runs.begin(), P.Runs.end(),
                               [&](const Run &R) { return R.Count == Count; });
  RunBytes = IsUniform ? Count * MemoryBits / 8 : 0;
  if (!Plain && MemoryBits <= 8)
    makeTable();
}

/// What becomes of each value of 4 or 8 bits.
void StreamReader::makeTable() {
  Table.resize(size_t(1) << MemoryBits);
  for (uint32_t Code = 0; Code != Table.size(); ++Code) {
    uint32_t Bits = Code;
    T Type = P.MemoryType;
    float Value = Type == T::F4E2M1   ? decodeSmall(Code, dure::rngd::F4E2M1)
                  : Type == T::F8E4M3 ? decodeSmall(Code, dure::rngd::F8E4M3)
                  : Type == T::F8E5M2 ? decodeSmall(Code, dure::rngd::F8E5M2)
                                      : 0;
    if (P.Lookup == T::F8E4M3)
      Bits = encodeSmall(Value, dure::rngd::F8E4M3);
    else if (P.Lookup == T::F8E5M2)
      Bits = encodeSmall(Value, dure::rngd::F8E5M2);
    else if (P.Lookup == T::BF16)
      Bits = toBf16(Value);
    int32_t Integer = MemoryBits == 4 ? signedNibble(static_cast<int32_t>(Code))
                                      : static_cast<int8_t>(Code);
    if (P.Cast == T::F32)
      Bits = std::bit_cast<uint32_t>(Value);
    else if (P.Cast == T::I32)
      Bits = static_cast<uint32_t>(Integer);
    if (P.HasZeroPoint)
      Bits = static_cast<uint32_t>(Integer - P.ZeroPoint) & 0xffff;
    Table[Code] = Bits;
  }
}

/// Writes element I of OUT, of a width.
static void store(uint8_t *Out, int64_t I, int Bits, uint32_t Value) {
  switch (Bits) {
  case 4:
    Out[I / 2] = static_cast<uint8_t>(I % 2 ? (Out[I / 2] & 15) | Value << 4
                                            : (Out[I / 2] & 240) | Value);
    break;
  case 8:
    Out[I] = static_cast<uint8_t>(Value);
    break;
  case 16: {
    auto Short = static_cast<uint16_t>(Value);
    std::memcpy(Out + 2 * I, &Short, 2);
    break;
  }
  default:
    std::memcpy(Out + 4 * I, &Value, 4);
    break;
  }
}

void StreamReader::convert(const uint8_t *In, uint8_t *Out) const {
  int64_t Count = P.Live;
  if (MemoryBits == 4) {
    for (int64_t I = 0; I != Count; ++I)
      store(Out, I, OutBits, Table[static_cast<size_t>(nibble(In, I))]);
    return;
  }
  if (MemoryBits == 8) {
    for (int64_t I = 0; I != Count; ++I)
      store(Out, I, OutBits, Table[In[I]]);
    return;
  }
  if (P.MemoryType == T::F32) { // to bf16
    for (int64_t I = 0; I != Count; ++I) {
      float Value;
      std::memcpy(&Value, In + 4 * I, 4);
      uint16_t Bits = toBf16(Value);
      std::memcpy(Out + 2 * I, &Bits, 2);
    }
    return;
  }
  bool IsFloat = P.MemoryType == T::BF16;
  for (int64_t I = 0; I != Count; ++I) {
    uint16_t Bits;
    std::memcpy(&Bits, In + 2 * I, 2);
    uint32_t Value =
        IsFloat ? uint32_t(Bits) << 16
                : static_cast<uint32_t>(int32_t(static_cast<int16_t>(Bits)));
    std::memcpy(Out + 4 * I, &Value, 4);
  }
}

/// Whether all that the fetch may read of a slice has been written; looked up
/// once a slice.
bool StreamReader::isWhole(int64_t From) {
  if (static_cast<size_t>(From) >= Whole.size())
    Whole.resize(static_cast<size_t>(From) + 1);
  int8_t &Known = Whole[static_cast<size_t>(From)];
  if (Known == 0) {
    int64_t Byte = P.FirstBit / 8, End = (P.EndBit + 7) / 8;
    bool Has = Memory.written(ClusterBase + From).has(Byte, End - Byte);
    Known = Has ? 1 : -1;
  }
  return Known > 0;
}

std::string StreamReader::checkRuns(int64_t From, int64_t First) const {
  Written Known = Memory.written(ClusterBase + From);
  for (const Run &R : P.Runs) {
    int64_t Bit = P.Base * 8 + (First + R.Elements) * MemoryBits;
    int64_t Byte = Bit / 8, End = (Bit + R.Count * MemoryBits + 7) / 8;
    if (!Known.has(Byte, End - Byte))
      return rule("it reads bytes " + std::to_string(Byte) + " to " +
                      std::to_string(End) + " of slice " +
                      std::to_string(ClusterBase + From) +
                      "'s data memory, which nothing has written",
                  "moving-tensors/fetch-engine.md");
  }
  return {};
}

/// Runs of one size that is known here: moves of a register.
template <int Bytes>
static void copyRuns(const std::vector<Run> &Runs, int64_t ElementBytes,
                     const uint8_t *From, uint8_t *To) {
  for (const Run &R : Runs) {
    std::memcpy(To, From + R.Elements * ElementBytes, Bytes);
    To += Bytes;
  }
}

void StreamReader::gather(const uint8_t *Data, int64_t First, uint8_t *To) {
  int64_t Width = MemoryBits / 8;
  const uint8_t *From = Data + P.Base + First * Width;
  switch (RunBytes) {
  case 1:
    return copyRuns<1>(P.Runs, Width, From, To);
  case 2:
    return copyRuns<2>(P.Runs, Width, From, To);
  case 4:
    return copyRuns<4>(P.Runs, Width, From, To);
  case 8:
    return copyRuns<8>(P.Runs, Width, From, To);
  case 16:
    return copyRuns<16>(P.Runs, Width, From, To);
  case 32:
    return copyRuns<32>(P.Runs, Width, From, To);
  default:
    break;
  }
  int64_t Done = 0;
  for (const Run &R : P.Runs) {
    int64_t Bit = P.Base * 8 + (First + R.Elements) * MemoryBits;
    if (MemoryBits != 4 || (Bit % 8 == 0 && Done % 2 == 0)) {
      std::memcpy(To + Done * MemoryBits / 8, Data + Bit / 8,
                  static_cast<size_t>((R.Count * MemoryBits + 7) / 8));
    } else {
      for (int64_t I = 0; I != R.Count; ++I)
        store(To, Done + I, 4,
              static_cast<uint32_t>(nibble(Data, Bit / 4 + I)));
    }
    Done += R.Count;
  }
}

std::string StreamReader::readPacket(int64_t From, int64_t First,
                                     uint8_t *Out) {
  if (!isWhole(From))
    if (std::string Why = checkRuns(From, First); !Why.empty())
      return Why;
  gather(Memory.data(ClusterBase + From), First, Plain ? Out : Raw.data());
  if (!Plain)
    convert(Raw.data(), Out);
  if (OutBits == 4 && P.Live % 2)
    Out[Used - 1] &= 15;
  if (Used != PacketBytes)
    std::memset(Out + Used, 0, static_cast<size_t>(PacketBytes - Used));
  return {};
}

std::string StreamReader::read(int64_t Count, uint8_t *Out) {
  for (int64_t N = 0; N != Count; ++N, Out += PacketBytes) {
    int64_t From = Source;
    if (P.Sources)
      From =
          P.SourceTable[static_cast<size_t>(Slice * P.Sources + Index.back())];
    if (std::string Why = readPacket(From, Element, Out); !Why.empty())
      return Why;
    for (size_t I = P.Nest.size(); I-- != 0;) {
      const NestLoop &Loop = P.Nest[I];
      Element += Loop.Elements;
      Source += Loop.Slices;
      if (++Index[I] != Loop.Size)
        break;
      Element -= Loop.Elements * Loop.Size;
      Source -= Loop.Slices * Loop.Size;
      Index[I] = 0;
    }
  }
  return {};
}
