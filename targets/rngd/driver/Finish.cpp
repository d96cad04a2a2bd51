// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cast, transpose and commit engines, and the register files' filling.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Element.h"
#include "targets/rngd/driver/Engines.h"

using namespace dure::rngd;
using T = fb::Type;

static constexpr int64_t Flit = 32;

static uint8_t *bytes(Words &Data) {
  return reinterpret_cast<uint8_t *>(Data.data());
}
static const uint8_t *bytes(const Words &Data) {
  return reinterpret_cast<const uint8_t *>(Data.data());
}

/// Eight elements of 32 bits become eight of fewer at the flit's front
/// (computing-tensors/cast-engine.md). Integers saturate.
static void castFlit(T From, T To, uint8_t *Data) {
  uint8_t Out[Flit] = {};
  for (int64_t I = 0; I != 8; ++I) {
    uint32_t Bits;
    std::memcpy(&Bits, Data + 4 * I, 4);
    float Value = std::bit_cast<float>(Bits);
    auto Integer = static_cast<int32_t>(Bits);
    if (To == T::BF16 || To == T::I16) {
      auto Short = From == T::F32
                       ? toBf16(Value)
                       : static_cast<uint16_t>(saturate(Integer, 16));
      std::memcpy(Out + 2 * I, &Short, 2);
    } else if (To == T::I4) {
      Out[I / 2] = static_cast<uint8_t>(Out[I / 2] | (saturate(Integer, 4) & 15)
                                                         << (I % 2 * 4));
    } else if (To == T::I8) {
      Out[I] = static_cast<uint8_t>(saturate(Integer, 8));
    } else {
      Out[I] = encodeSmall(Value, To == T::F8E4M3 ? dure::rngd::F8E4M3
                                                  : dure::rngd::F8E5M2);
    }
  }
  std::memcpy(Data, Out, Flit);
}

/// computing-tensors/transpose-engine.md: unpack, gather, transpose, trim,
/// align.
static void transpose(const TransposePlan &P, int Bits, Words &Data) {
  int64_t PerRow = P.Columns / P.Valid, In = P.Rows * PerRow;
  int64_t Count = static_cast<int64_t>(Data.size()) / 8 / In;
  Words Out(static_cast<size_t>(Count * P.OutRows * 8));
  for (int64_t N = 0; N != Count; ++N)
    for (int64_t Column = 0; Column != P.OutRows; ++Column) {
      uint8_t *To = bytes(Out) + (N * P.OutRows + Column) * Flit;
      for (int64_t Row = 0; Row != P.Rows; ++Row) {
        const uint8_t *From =
            bytes(Data) + (N * In + Row * PerRow + Column / P.Valid) * Flit;
        int64_t Element = Column % P.Valid;
        if (Bits == 4)
          To[Row / 2] = static_cast<uint8_t>(
              To[Row / 2] | nibble(From, Element) << (Row % 2 * 4));
        else
          std::memcpy(To + Row * Bits / 8, From + Element * Bits / 8,
                      static_cast<size_t>(Bits / 8));
      }
    }
  Data = std::move(Out);
}

static void commit(const CommitPlan &C, const SliceMemory &Dm, int64_t Slice,
                   int64_t Flits, const uint8_t *Data) {
  uint8_t *Memory = Dm.data(Slice);
  Written Known = Dm.written(Slice);
  int64_t Index[8] = {}, Place = C.Base;
  for (int64_t N = 0; N != Flits; ++N, Data += Flit) {
    if (C.CastBf16) {
      for (int64_t I = 0; I != C.Bytes / 2; ++I) {
        float Value;
        std::memcpy(&Value, Data + 4 * I, 4);
        if (C.Relu)
          Value = std::fmax(Value, 0.0f);
        uint16_t Bits = toBf16(Value);
        std::memcpy(Memory + Place + 2 * I, &Bits, 2);
      }
    } else {
      std::memcpy(Memory + Place, Data, static_cast<size_t>(C.Bytes));
    }
    Known.set(Place, C.Bytes);
    for (size_t I = C.Loops.size(); I-- != 0;) {
      Place += C.Loops[I][1];
      if (++Index[I] != C.Loops[I][0])
        break;
      Place -= C.Loops[I][1] * C.Loops[I][0];
      Index[I] = 0;
    }
  }
}

std::string dure::rngd::finish(const ExecPlan &E, const SliceMemory &Dm,
                               int64_t Slice, fb::Type Type, Words &Data) {
  if (E.Cast != T::None)
    for (size_t At = 0; At < Data.size(); At += 8)
      castFlit(Type, E.Cast, reinterpret_cast<uint8_t *>(&Data[At]));
  if (E.Transpose)
    transpose(*E.Transpose, bitsOf(E.OutType), Data);
  if (static_cast<int64_t>(Data.size()) != E.OutFlits * 8)
    return "the engines left " + std::to_string(Data.size() / 8) +
           " flits of a stream of " + std::to_string(E.OutFlits);
  commit(*E.Commit, Dm, Slice, E.OutFlits, bytes(Data));
  return {};
}

void dure::rngd::toTrf(const ExecPlan &E, const SliceMemory &Trf, int64_t Slice,
                       const Words &Data) {
  int64_t LaneBytes = Trf.Bytes / E.ToTrf->Lanes;
  int64_t Bytes = E.OutFlits / E.ToTrf->Lanes * Flit;
  const uint8_t *From = bytes(Data);
  for (int64_t Lane = 0; Lane != E.ToTrf->Lanes; ++Lane, From += Bytes) {
    int64_t Place = Lane * LaneBytes + E.ToTrf->Base;
    std::memcpy(Trf.data(Slice) + Place, From, static_cast<size_t>(Bytes));
    Trf.written(Slice).set(Place, Bytes);
  }
}

void dure::rngd::toVrf(const ExecPlan &E, const SliceMemory &Vrf, int64_t Slice,
                       const Words &Data) {
  int64_t Bytes = E.OutFlits * Flit;
  std::memcpy(Vrf.data(Slice) + E.ToVrf->Base, bytes(Data),
              static_cast<size_t>(Bytes));
  Vrf.written(Slice).set(E.ToVrf->Base, Bytes);
}
