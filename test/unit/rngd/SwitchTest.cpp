// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fetch, adapter and switch: what each slice gets, against the book's own
// formulas (computing-tensors/switch-engine.md, fetch-adapter.md).
#include "test/unit/rngd/Simulator.h"

#include <cmath>
#include <functional>

using namespace dure::rngd;
using namespace dure::rngd::test;

namespace {

/// Every slice holds TIME flits; the first word of flit T of slice S is
/// 1000 S + T. Returns the first words that each slice gets.
std::vector<std::vector<int32_t>> switched(uint16_t Slices, uint32_t Time,
                                           uint32_t OutTime,
                                           const fb::SwitchT &How) {
  Writer W;
  uint32_t Bytes = Time * FlitBytes, OutBytes = OutTime * FlitBytes;
  uint32_t In = W.binding(Slices * Bytes, fb::Access::Read);
  uint32_t Out = W.binding(Slices * OutBytes, fb::Access::Write);
  W.load(In, 0, Bytes, Slices);
  fb::ExecT &E = W.exec(Slices, fb::Type::I32, 0, Time * 8, 8);
  E.switch_ = std::make_unique<fb::SwitchT>(How);
  commitTo(E, 65536, OutTime);
  W.store(Out, 65536, OutBytes, Slices);
  std::vector<int32_t> Data(size_t(Slices) * Time * 8);
  for (int32_t S = 0; S != Slices; ++S)
    for (uint32_t T = 0; T != Time; ++T)
      Data[(static_cast<uint32_t>(S) * Time + T) * 8] =
          1000 * S + static_cast<int32_t>(T);
  std::vector<int32_t> Got = fromBytes<int32_t>(
      runOk(W, {toBytes(Data), std::vector<uint8_t>(Slices * OutBytes)})[1]);
  std::vector<std::vector<int32_t>> Result(Slices);
  for (size_t S = 0; S != Slices; ++S)
    for (size_t T = 0; T != OutTime; ++T)
      Result[S].push_back(Got[(S * OutTime + T) * 8]);
  return Result;
}

fb::SwitchT how(fb::Topology Topology, uint16_t Slice1, uint16_t Slice0,
                uint32_t Time0 = 1) {
  fb::SwitchT S;
  S.topology = Topology;
  S.slice1 = Slice1;
  S.slice0 = Slice0;
  S.time0 = Time0;
  return S;
}

} // namespace

// Tests the book's example: OutSlice [A/4, X, Y], OutTime [B/4, A/2%2, B%4,
// A%2].
TEST(RngdSwitch, Broadcast01) {
  auto Got = switched(256, 8, 32, how(fb::Topology::Broadcast01, 2, 2, 4));
  for (int S = 0; S != 256; ++S)
    for (int T = 0; T != 32; ++T) {
      int Slice0 = T % 2, Time0 = T / 2 % 4, Slice1 = T / 8 % 2, Time1 = T / 16;
      EXPECT_EQ(Got[S][T],
                1000 * (S / 4 * 4 + Slice1 * 2 + Slice0) + Time1 * 4 + Time0);
    }
}

// Tests the book's example: OutSlice [A/32, X, A%8], OutTime [B, A/8%4].
TEST(RngdSwitch, Broadcast1) {
  auto Got = switched(256, 4, 16, how(fb::Topology::Broadcast1, 4, 8));
  for (int S = 0; S != 256; ++S)
    for (int T = 0; T != 16; ++T)
      EXPECT_EQ(Got[S][T], 1000 * (S / 32 * 32 + T % 4 * 8 + S % 8) + T / 4);
}

// Tests the book's example: OutSlice [A/64, A%2, A/2%32].
TEST(RngdSwitch, Transpose) {
  auto Got = switched(256, 2, 2, how(fb::Topology::Transpose, 32, 2));
  for (int S = 0; S != 256; ++S)
    for (int T = 0; T != 2; ++T) {
      int Slice0 = S / 32 % 2, Slice1 = S % 32;
      EXPECT_EQ(Got[S][T], 1000 * (S / 64 * 64 + Slice1 * 2 + Slice0) + T);
    }
}

// Tests the book's example: OutSlice [A/32, B/2%2, A%16], OutTime [B/4, B%2,
// A/16%2].
TEST(RngdSwitch, InterTranspose) {
  auto Got = switched(256, 8, 8, how(fb::Topology::InterTranspose, 2, 16, 2));
  for (int S = 0; S != 256; ++S)
    for (int T = 0; T != 8; ++T) {
      int Time1 = S / 16 % 2, Slice1 = T % 2, Time0 = T / 2 % 2, Time2 = T / 4;
      EXPECT_EQ(Got[S][T], 1000 * (S / 32 * 32 + Slice1 * 16 + S % 16) +
                               Time2 * 4 + Time1 * 2 + Time0);
    }
}

// Tests the book's example: OutSlice [A/64, Y, A/8%8], OutTime [B, A%8].
TEST(RngdSwitch, TransposedBroadcast1) {
  auto Got =
      switched(256, 2, 16, how(fb::Topology::TransposedBroadcast1, 8, 8));
  for (int S = 0; S != 256; ++S)
    for (int T = 0; T != 16; ++T)
      EXPECT_EQ(Got[S][T], 1000 * (S / 64 * 64 + S % 8 * 8 + T % 8) + T / 8);
}

// Tests the book's third example of a custom switch: three of four slices give.
TEST(RngdSwitch, Custom) {
  fb::SwitchT C;
  C.topology = fb::Topology::Custom;
  C.ring_size = 4;
  for (uint16_t S = 0; S != 64; ++S)
    for (uint16_t K = 0; K != 3; ++K)
      C.sources.push_back(static_cast<uint16_t>(S / 4 * 4 + K));
  auto Got = switched(64, 5, 15, C);
  for (int S = 0; S != 64; ++S)
    for (int T = 0; T != 15; ++T)
      EXPECT_EQ(Got[S][T], 1000 * (S / 4 * 4 + T % 3) + T / 3);
}

// Tests that a switch into the memory that it reads sees the old values of all
// slices.
TEST(RngdSwitch, InPlace) {
  Writer W;
  uint32_t B = W.binding(64 * 32);
  W.load(B, 0, 32, 64);
  fb::ExecT &E = W.exec(64, fb::Type::I32, 0, 8, 8);
  E.switch_ = std::make_unique<fb::SwitchT>(how(fb::Topology::Transpose, 8, 8));
  commitTo(E, 0, 1);
  W.store(B, 0, 32, 64);
  std::vector<int32_t> Data(64 * 8);
  for (size_t I = 0; I != Data.size(); ++I)
    Data[I] = static_cast<int32_t>(I);
  std::vector<int32_t> Got = fromBytes<int32_t>(runOk(W, {toBytes(Data)})[0]);
  for (size_t S = 0; S != 64; ++S)
    for (size_t I = 0; I != 8; ++I)
      EXPECT_EQ(Got[S * 8 + I], Data[(S % 8 * 8 + S / 8) * 8 + I]);
}

/// Fetches COUNT elements of one slice as they are told, commits all flits.
static std::vector<uint8_t>
fetched(const std::vector<uint8_t> &Data, uint32_t Flits,
        const std::function<void(fb::FetchT &)> &Change) {
  Writer W;
  auto Bytes = static_cast<uint32_t>(Data.size());
  uint32_t In = W.binding(Bytes, fb::Access::Read);
  uint32_t Out = W.binding(Flits * FlitBytes, fb::Access::Write);
  W.load(In, 0, Bytes, 1);
  fb::ExecT &E = W.exec(1, fb::Type::I8, 0, Bytes, 8);
  Change(*E.fetch);
  commitTo(E, 65536, Flits);
  W.store(Out, 65536, Flits * FlitBytes, 1);
  return runOk(W, {Data, std::vector<uint8_t>(Flits * FlitBytes)})[1];
}

// Tests casts of integers, the even nibble in the low half of a byte.
TEST(RngdFetch, CastsIntegers) {
  std::vector<uint8_t> Data(32);
  for (size_t I = 0; I != 32; ++I)
    Data[I] = static_cast<uint8_t>(I * 37);
  auto Of = [&](fb::Type Type, uint32_t Count) {
    return fromBytes<int32_t>(fetched(Data, Count / 8, [&](fb::FetchT &F) {
      F.type = Type;
      F.cast = fb::Type::I32;
      uint32_t Packet = Type == fb::Type::I4 ? 16 : 8;
      F.packet = F.live = Packet;
      F.loops = {{Count / Packet, static_cast<int32_t>(Packet)}, {Packet, 1}};
    }));
  };
  std::vector<int32_t> I4 = Of(fb::Type::I4, 64), I8 = Of(fb::Type::I8, 32),
                       I16 = Of(fb::Type::I16, 16);
  for (size_t I = 0; I != 64; ++I) {
    int Nibble = Data[I / 2] >> (I % 2 * 4) & 15;
    EXPECT_EQ(I4[I], Nibble >= 8 ? Nibble - 16 : Nibble) << I;
  }
  for (size_t I = 0; I != 32; ++I)
    EXPECT_EQ(I8[I], static_cast<int8_t>(Data[I]));
  for (size_t I = 0; I != 16; ++I)
    EXPECT_EQ(I16[I], static_cast<int16_t>(Data[2 * I] | Data[2 * I + 1] << 8));
}

// Tests all values of both 8-bit floats, by the cast and by the table to bf16.
TEST(RngdFetch, DecodesFloats) {
  std::vector<uint8_t> Data(256);
  for (size_t I = 0; I != 256; ++I)
    Data[I] = static_cast<uint8_t>(I);
  for (fb::Type Type : {fb::Type::F8E4M3, fb::Type::F8E5M2}) {
    std::vector<float> Cast =
        fromBytes<float>(fetched(Data, 32, [&](fb::FetchT &F) {
          F.type = Type;
          F.cast = fb::Type::F32;
        }));
    std::vector<uint16_t> Looked =
        fromBytes<uint16_t>(fetched(Data, 32, [&](fb::FetchT &F) {
          F.type = Type;
          F.lookup = fb::Type::BF16;
        }));
    int Mantissa = Type == fb::Type::F8E4M3 ? 3 : 2;
    int Bias = Type == fb::Type::F8E4M3 ? 7 : 15;
    for (int I = 0; I != 256; ++I) {
      int Exponent = (I & 127) >> Mantissa, M = I & ((1 << Mantissa) - 1);
      float Value = Exponent ? std::ldexp(float(M + (1 << Mantissa)),
                                          Exponent - Bias - Mantissa)
                             : std::ldexp(float(M), 1 - Bias - Mantissa);
      Value = I & 128 ? -Value : Value;
      if (Type == fb::Type::F8E4M3 ? (I & 127) == 127 : Exponent == 31)
        Value = Type == fb::Type::F8E5M2 && M == 0
                    ? std::copysign(INFINITY, Value)
                    : NAN;
      float Bf = unbf16(Looked[static_cast<size_t>(I / 8 * 16 + I % 8)]);
      if (std::isnan(Value)) {
        EXPECT_TRUE(std::isnan(Cast[static_cast<size_t>(I)])) << I;
        EXPECT_TRUE(std::isnan(Bf)) << I;
        continue;
      }
      EXPECT_EQ(Cast[static_cast<size_t>(I)], Value) << I;
      EXPECT_EQ(Bf, Value) << I;
    }
  }
}

// Tests the paired table of 4-bit floats followed by a cast.
TEST(RngdFetch, DecodesPairsOfFourBits) {
  std::vector<uint8_t> Data(16);
  for (size_t I = 0; I != 16; ++I)
    Data[I] = static_cast<uint8_t>(I | (15 - I) << 4);
  std::vector<float> Got =
      fromBytes<float>(fetched(Data, 4, [&](fb::FetchT &F) {
        F.type = fb::Type::F4E2M1;
        F.lookup = fb::Type::F8E4M3;
        F.cast = fb::Type::F32;
        F.packet = F.live = 16;
        F.loops = {{2, 16}, {16, 1}};
      }));
  const float Values[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  for (size_t I = 0; I != 32; ++I) {
    int Code = Data[I / 2] >> (I % 2 * 4) & 15;
    EXPECT_EQ(Got[I], Code & 8 ? -Values[Code & 7] : Values[Code]) << I;
  }
}

// Tests that what does not count of a packet, and what fills the flit, is 0.
TEST(RngdFetch, PaddingIsZero) {
  std::vector<uint8_t> Data(64, 7);
  std::vector<uint8_t> Got = fetched(Data, 4, [&](fb::FetchT &F) {
    F.packet = 16;
    F.live = 11;
    F.loops = {{4, 16}, {16, 1}};
  });
  for (size_t I = 0; I != Got.size(); ++I)
    EXPECT_EQ(Got[I], I % 32 < 11 ? 7 : 0) << I;
}

// Tests a packet that is gathered from strided places.
TEST(RngdFetch, GathersAPacket) {
  std::vector<uint8_t> Data(64);
  for (size_t I = 0; I != 64; ++I)
    Data[I] = static_cast<uint8_t>(I);
  std::vector<uint8_t> Got = fetched(Data, 8, [&](fb::FetchT &F) {
    F.loops = {{8, 1}, {8, 8}};
  });
  for (size_t I = 0; I != 64; ++I)
    EXPECT_EQ(Got[I / 8 * 32 + I % 8], I % 8 * 8 + I / 8) << I;
}
