// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Takes the blocks of GGUF files apart.

#include "frontends/checkpoint/GgufBlocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <vector>

// A product and a sum are two roundings.
#pragma STDC FP_CONTRACT OFF

namespace dure::checkpoint {
namespace {

/// Bytes of a block, and what they become: all of one block.
struct Block {
  const uint8_t *In;
  int16_t *Integers;
  float *Scales;
  float *Offsets;
};

} // namespace

float floatOfHalf(uint16_t Half) {
  const uint32_t Sign = uint32_t(Half & 0x8000) << 16;
  const uint32_t Exponent = (Half >> 10) & 31, Fraction = Half & 1023;
  if (Exponent == 31)
    return std::bit_cast<float>(Sign | 0x7f800000u | Fraction << 13);
  if (Exponent == 0) { // A multiple of 2^-24, exact in f32.
    const float Magnitude = float(Fraction) * 0x1p-24f;
    return Sign ? -Magnitude : Magnitude;
  }
  return std::bit_cast<float>(Sign | (Exponent + 112) << 23 | Fraction << 13);
}

namespace {

uint16_t u16At(const uint8_t *At) { return uint16_t(At[0] | At[1] << 8); }
float halfAt(const uint8_t *At) { return floatOfHalf(u16At(At)); }

/// Bytes of 4-bit numbers: the low halves of `Count` bytes, then the high ones.
void nibbles(const uint8_t *In, unsigned Count, int16_t *Out) {
  for (unsigned I = 0; I < Count; ++I) {
    Out[I] = In[I] & 15;
    Out[I + Count] = In[I] >> 4;
  }
}

/// The fifth bits of 32 numbers, in 4 bytes.
void addFifthBits(const uint8_t *In, int16_t *Out) {
  for (unsigned I = 0; I < 32; ++I)
    Out[I] = int16_t(Out[I] | (In[I / 8] >> I % 8 & 1) << 4);
}

void q4_0(const Block &B) {
  *B.Scales = halfAt(B.In);
  nibbles(B.In + 2, 16, B.Integers);
  for (unsigned I = 0; I < 32; ++I)
    B.Integers[I] -= 8;
}

void q4_1(const Block &B) {
  *B.Scales = halfAt(B.In);
  *B.Offsets = halfAt(B.In + 2);
  nibbles(B.In + 4, 16, B.Integers);
}

void q5_0(const Block &B) {
  *B.Scales = halfAt(B.In);
  nibbles(B.In + 6, 16, B.Integers);
  addFifthBits(B.In + 2, B.Integers);
  for (unsigned I = 0; I < 32; ++I)
    B.Integers[I] -= 16;
}

void q5_1(const Block &B) {
  *B.Scales = halfAt(B.In);
  *B.Offsets = halfAt(B.In + 2);
  nibbles(B.In + 8, 16, B.Integers);
  addFifthBits(B.In + 4, B.Integers);
}

void q8_0(const Block &B) {
  *B.Scales = halfAt(B.In);
  for (unsigned I = 0; I < 32; ++I)
    B.Integers[I] = int8_t(B.In[2 + I]);
}

/// 64 bytes of 2-bit numbers: of each 32 bytes first all lowest pairs of bits,
/// then the next ones.
void pairsOfBits(const uint8_t *In, int16_t *Out) {
  for (unsigned I = 0; I < 256; ++I)
    Out[I] = In[I / 128 * 32 + I % 32] >> I % 128 / 32 * 2 & 3;
}

void q2_k(const Block &B) {
  const float Scale = halfAt(B.In + 80), Least = halfAt(B.In + 82);
  for (unsigned I = 0; I < 16; ++I) {
    B.Scales[I] = Scale * float(B.In[I] & 15);
    B.Offsets[I] = -(Least * float(B.In[I] >> 4));
  }
  pairsOfBits(B.In + 16, B.Integers);
}

void q3_k(const Block &B) {
  const uint8_t *High = B.In, *Low = B.In + 32, *Packed = B.In + 96;
  const float Scale = halfAt(B.In + 108);
  for (unsigned I = 0; I < 16; ++I) {
    const int Bits = (Packed[I % 8] >> I / 8 * 4 & 15) |
                     (Packed[8 + I % 4] >> I / 4 * 2 & 3) << 4;
    B.Scales[I] = Scale * float(Bits - 32);
  }
  pairsOfBits(Low, B.Integers);
  // A high bit that is not set takes 4 away.
  for (unsigned I = 0; I < 256; ++I)
    if (!(High[I % 32] >> I / 32 & 1))
      B.Integers[I] -= 4;
}

/// Scales and offsets of Q4_K and Q5_K: two halves, then eight pairs of 6 bits
/// in 12 bytes.
void sixBitPairs(const Block &B) {
  const float Scale = halfAt(B.In), Least = halfAt(B.In + 2);
  const uint8_t *P = B.In + 4;
  for (unsigned I = 0; I < 8; ++I) {
    const unsigned J = I % 4;
    const int S = I < 4 ? P[J] & 63 : (P[8 + J] & 15) | P[J] >> 6 << 4;
    const int M = I < 4 ? P[4 + J] & 63 : P[8 + J] >> 4 | P[4 + J] >> 6 << 4;
    B.Scales[I] = Scale * float(S);
    B.Offsets[I] = -(Least * float(M));
  }
}

void q4_k(const Block &B) {
  sixBitPairs(B);
  for (unsigned I = 0; I < 4; ++I)
    nibbles(B.In + 16 + 32 * I, 32, B.Integers + 64 * I);
}

void q5_k(const Block &B) {
  sixBitPairs(B);
  const uint8_t *High = B.In + 16;
  for (unsigned I = 0; I < 4; ++I)
    nibbles(B.In + 48 + 32 * I, 32, B.Integers + 64 * I);
  for (unsigned I = 0; I < 256; ++I)
    B.Integers[I] = int16_t(B.Integers[I] | (High[I % 32] >> I / 32 & 1) << 4);
}

void q6_k(const Block &B) {
  const uint8_t *Low = B.In, *High = B.In + 128, *Scales = B.In + 192;
  const float Scale = halfAt(B.In + 208);
  for (unsigned I = 0; I < 16; ++I)
    B.Scales[I] = Scale * float(int8_t(Scales[I]));
  for (unsigned I = 0; I < 2; ++I)
    nibbles(Low + 64 * I, 64, B.Integers + 128 * I);
  for (unsigned I = 0; I < 256; ++I) {
    const int Top = High[I / 128 * 32 + I % 32] >> I % 128 / 32 * 2 & 3;
    B.Integers[I] = int16_t((B.Integers[I] | Top << 4) - 32);
  }
}

/// What the 4 bits of the IQ4 types stand for.
constexpr int16_t Iq4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                   1,    13,   25,  38,  53,  69,  89,  113};
/// Twice the numbers of FP4 (OCP Microscaling Formats 1.0, 5.3.3).
constexpr int16_t TwiceFp4[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                  0, -1, -2, -3, -4, -6, -8, -12};

void lookUp(const int16_t (&Levels)[16], int16_t *Numbers, unsigned Count) {
  for (unsigned I = 0; I < Count; ++I)
    Numbers[I] = Levels[Numbers[I]];
}

void iq4_nl(const Block &B) {
  *B.Scales = halfAt(B.In);
  nibbles(B.In + 2, 16, B.Integers);
  lookUp(Iq4Levels, B.Integers, 32);
}

void iq4_xs(const Block &B) {
  const float Scale = halfAt(B.In);
  const unsigned High = u16At(B.In + 2);
  for (unsigned I = 0; I < 8; ++I) {
    const int Bits =
        (B.In[4 + I / 2] >> I % 2 * 4 & 15) | int(High >> 2 * I & 3) << 4;
    B.Scales[I] = Scale * float(Bits - 32);
    nibbles(B.In + 8 + 16 * I, 16, B.Integers + 32 * I);
  }
  lookUp(Iq4Levels, B.Integers, 256);
}

void mxfp4(const Block &B) {
  // Half of the power of two that the byte means, as the numbers are doubled.
  const uint32_t E = B.In[0];
  *B.Scales = std::bit_cast<float>(E < 2 ? 0x00200000u << E : (E - 1) << 23);
  nibbles(B.In + 1, 16, B.Integers);
  lookUp(TwiceFp4, B.Integers, 32);
}

struct Entry {
  GgmlType Type;
  GgmlTypeInfo Info;
  DataType Plain = DataType::Undefined;
  void (*Decode)(const Block &) = nullptr;
  BlockForm Form = {};
};

constexpr auto Int4 = DataType::Int4, UInt4 = DataType::UInt4,
               Int8 = DataType::Int8, UInt8 = DataType::UInt8,
               None = DataType::Undefined;

constexpr auto Table = std::to_array<Entry>({
    {GgmlType::F32, {"F32", 1, 4}, DataType::Float},
    {GgmlType::F16, {"F16", 1, 2}, DataType::Float16},
    {GgmlType::Q4_0, {"Q4_0", 32, 18}, None, q4_0, {Int4, 32, false, true}},
    {GgmlType::Q4_1, {"Q4_1", 32, 20}, None, q4_1, {UInt4, 32, true, true}},
    {GgmlType::Q5_0, {"Q5_0", 32, 22}, None, q5_0, {Int8, 32, false, true}},
    {GgmlType::Q5_1, {"Q5_1", 32, 24}, None, q5_1, {UInt8, 32, true, true}},
    {GgmlType::Q8_0, {"Q8_0", 32, 34}, None, q8_0, {Int8, 32, false, true}},
    {GgmlType::Q8_1, {"Q8_1", 32, 36}},
    {GgmlType::Q2_K, {"Q2_K", 256, 84}, None, q2_k, {UInt4, 16, true}},
    {GgmlType::Q3_K, {"Q3_K", 256, 110}, None, q3_k, {Int4, 16, false}},
    {GgmlType::Q4_K, {"Q4_K", 256, 144}, None, q4_k, {UInt4, 32, true}},
    {GgmlType::Q5_K, {"Q5_K", 256, 176}, None, q5_k, {UInt8, 32, true}},
    {GgmlType::Q6_K, {"Q6_K", 256, 210}, None, q6_k, {Int8, 16, false}},
    {GgmlType::Q8_K, {"Q8_K", 256, 292}},
    {GgmlType::IQ2_XXS, {"IQ2_XXS", 256, 66}},
    {GgmlType::IQ2_XS, {"IQ2_XS", 256, 74}},
    {GgmlType::IQ3_XXS, {"IQ3_XXS", 256, 98}},
    {GgmlType::IQ1_S, {"IQ1_S", 256, 50}},
    {GgmlType::IQ4_NL,
     {"IQ4_NL", 32, 18},
     None,
     iq4_nl,
     {Int8, 32, false, true}},
    {GgmlType::IQ3_S, {"IQ3_S", 256, 110}},
    {GgmlType::IQ2_S, {"IQ2_S", 256, 82}},
    {GgmlType::IQ4_XS, {"IQ4_XS", 256, 136}, None, iq4_xs, {Int8, 32, false}},
    {GgmlType::I8, {"I8", 1, 1}, Int8},
    {GgmlType::I16, {"I16", 1, 2}, DataType::Int16},
    {GgmlType::I32, {"I32", 1, 4}, DataType::Int32},
    {GgmlType::I64, {"I64", 1, 8}, DataType::Int64},
    {GgmlType::F64, {"F64", 1, 8}, DataType::Double},
    {GgmlType::IQ1_M, {"IQ1_M", 256, 56}},
    {GgmlType::BF16, {"BF16", 1, 2}, DataType::BFloat16},
    {GgmlType::TQ1_0, {"TQ1_0", 256, 54}},
    {GgmlType::TQ2_0, {"TQ2_0", 256, 66}},
    {GgmlType::MXFP4, {"MXFP4", 32, 17}, None, mxfp4, {Int8, 32, false}},
    {GgmlType::NVFP4, {"NVFP4", 64, 36}},
    {GgmlType::Q1_0, {"Q1_0", 128, 18}},
});

constexpr size_t LargestBlock = 256;
constexpr size_t SmallestGroup = 16;

const Entry *find(GgmlType Type) {
  const auto *Found =
      std::find_if(Table.begin(), Table.end(),
                   [&](const Entry &Each) { return Each.Type == Type; });
  return Found == Table.end() ? nullptr : Found;
}

} // namespace

std::optional<GgmlTypeInfo> infoOf(GgmlType Type) {
  const Entry *Found = find(Type);
  return Found ? std::optional(Found->Info) : std::nullopt;
}

DataType plainType(GgmlType Type) {
  const Entry *Found = find(Type);
  return Found ? Found->Plain : DataType::Undefined;
}

std::optional<BlockForm> blockForm(GgmlType Type) {
  const Entry *Found = find(Type);
  return Found && Found->Decode ? std::optional(Found->Form) : std::nullopt;
}

void decodeBlocks(GgmlType Type, std::span<const std::byte> Blocks,
                  const BlockParts &Parts) {
  const Entry *E = find(Type);
  assert(E && E->Decode && "a type without a form");
  const size_t Size = E->Info.BlockBytes, Count = Blocks.size() / Size;
  const size_t Elements = E->Info.BlockElements;
  const size_t Groups = Elements / E->Form.Group;
  assert(Blocks.size() == Count * Size && "whole blocks");
  std::array<int16_t, LargestBlock> Integers;
  std::array<float, LargestBlock / SmallestGroup> Scales, Offsets;
  for (size_t I = 0; I < Count; ++I) {
    E->Decode({reinterpret_cast<const uint8_t *>(Blocks.data()) + I * Size,
               Integers.data(), Scales.data(), Offsets.data()});
    if (!Parts.Integers.empty())
      std::copy_n(Integers.data(), Elements, &Parts.Integers[I * Elements]);
    if (!Parts.Scales.empty())
      std::copy_n(Scales.data(), Groups, &Parts.Scales[I * Groups]);
    if (!Parts.Offsets.empty())
      std::copy_n(Offsets.data(), Groups, &Parts.Offsets[I * Groups]);
  }
}

/// F32, F16 and BF16.
static void widen(GgmlType Type, std::span<const std::byte> In,
                  std::span<float> Out) {
  const auto *Bytes = reinterpret_cast<const uint8_t *>(In.data());
  if (Type == GgmlType::F32)
    std::memcpy(Out.data(), Bytes, In.size());
  else if (Type == GgmlType::F16)
    for (size_t I = 0; I < Out.size(); ++I)
      Out[I] = halfAt(Bytes + 2 * I);
  else
    for (size_t I = 0; I < Out.size(); ++I)
      Out[I] = std::bit_cast<float>(uint32_t(u16At(Bytes + 2 * I)) << 16);
}

void dequantize(GgmlType Type, std::span<const std::byte> Blocks,
                std::span<float> Out) {
  const Entry *E = find(Type);
  if (!E->Decode)
    return widen(Type, Blocks, Out);
  const size_t Size = E->Info.BlockBytes, Elements = E->Info.BlockElements;
  const size_t Group = E->Form.Group;
  std::array<int16_t, LargestBlock> Integers;
  std::array<float, LargestBlock / SmallestGroup> Scales, Offsets;
  for (size_t I = 0; I * Size < Blocks.size(); ++I) {
    E->Decode({reinterpret_cast<const uint8_t *>(Blocks.data()) + I * Size,
               Integers.data(), Scales.data(), Offsets.data()});
    float *To = &Out[I * Elements];
    for (size_t J = 0; J < Elements; ++J)
      To[J] = Scales[J / Group] * float(Integers[J]);
    if (E->Form.HasOffsets)
      for (size_t J = 0; J < Elements; ++J)
        To[J] += Offsets[J / Group];
  }
}

} // namespace dure::checkpoint
