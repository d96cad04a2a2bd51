// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Casts on RNGD, to the bit: all of f16, the numbers between them, where f32 is
// cut off and what integers of fewer bits keep; and attention whose keys and
// values lie in memory in bf16.
#include "test/models/OnnxByHand.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

using namespace dure;
using namespace dure::byhand;

namespace {

constexpr int64_t Uint8 = 2, Int16 = 5, Int32 = 6, Int64 = 7, Float16 = 10,
                  BFloat16 = 16;

io::Tensor elements(const std::string &Name, io::ElementType Type,
                    std::vector<int64_t> Dims, size_t Bytes) {
  io::Tensor T;
  T.Name = Name;
  T.Type = Type;
  T.Dims = std::move(Dims);
  T.Bytes.resize(static_cast<size_t>(T.elementCount()) * Bytes);
  return T;
}

template <typename T> void put(io::Tensor &To, size_t At, T Value) {
  std::memcpy(To.Bytes.data() + At * sizeof(T), &Value, sizeof(T));
}

/// Input or output of a type that OnnxByHand has no tensors of.
std::string valueOf(const io::Tensor &T, int64_t Element) {
  std::string Dims;
  for (int64_t Dim : T.Dims)
    Dims += bytes(1, number(1, Dim));
  return bytes(1, T.Name) +
         bytes(2, bytes(1, number(1, Element) + bytes(2, Dims)));
}

/// By the definition of the format.
float fromHalf(uint16_t Code) {
  int Exponent = Code >> 10 & 31, Fraction = Code & 1023;
  float Size = Exponent == 0
                   ? std::ldexp(float(Fraction), -24)
                   : std::ldexp(float(1024 + Fraction), Exponent - 25);
  if (Exponent == 31)
    Size = Fraction ? std::numeric_limits<float>::quiet_NaN()
                    : std::numeric_limits<float>::infinity();
  return Code >> 15 ? -Size : Size;
}

/// The nearest of all, of two the even one: a search, not arithmetic on bits.
uint16_t toHalf(float Value) {
  if (std::isnan(Value))
    return 0x7e00;
  uint16_t Sign = std::signbit(Value) ? 0x8000 : 0;
  double Size = std::fabs(double(Value));
  uint16_t Low = 0, High = 0x7c00;
  auto number = [](uint16_t Code) {
    return Code == 0x7c00 ? 65536.0 : double(fromHalf(Code));
  };
  while (High - Low > 1) {
    auto Middle = static_cast<uint16_t>((Low + High) / 2);
    (number(Middle) <= Size ? Low : High) = Middle;
  }
  double Below = Size - number(Low), Above = number(High) - Size;
  bool Up = Above < Below || (Above == Below && High % 2 == 0);
  return Sign | (Up ? High : Low);
}

void checkCast(io::Tensor X, int64_t From, io::Tensor Y, int64_t To) {
  std::string Graph =
      bytes(1, node("Cast", {"x"}, "y",
                    bytes(5, bytes(1, "to") + number(3, To) + number(20, 2)))) +
      bytes(2, "casts") + bytes(11, valueOf(X, From)) +
      bytes(12, valueOf(Y, To));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(X));
  Data.Expected.push_back({0, std::move(Y)});
  checkOnRngd(Graph, 21, Data, {0, 0});
}

/// Between neighbours of f16, and next to that; ends, and what is no number.
std::vector<float> numbersAroundHalves() {
  constexpr float Infinity = std::numeric_limits<float>::infinity();
  std::vector<float> All = {
      Infinity, -Infinity, 65535,     65536,
      1e9f,     -1e9f,     0.0f,      -0.0f,
      1e-30f,   1e-40f,    65519.99f, std::numeric_limits<float>::quiet_NaN()};
  for (int Code = 0; Code < 0x7c00; ++Code) {
    float Here = fromHalf(static_cast<uint16_t>(Code));
    float Next =
        Code == 0x7bff ? 65536.0f : fromHalf(static_cast<uint16_t>(Code + 1));
    float Middle = (Here + Next) / 2;
    for (float Each : {Here, Middle, std::nextafter(Middle, Infinity),
                       std::nextafter(Middle, -Infinity)})
      All.push_back(Code % 2 ? Each : -Each);
  }
  return All;
}

} // namespace

TEST(RngdCast, AllHalves) {
  io::Tensor X = elements("x", io::ElementType::Float16, {65536}, 2),
             Y = elements("y", io::ElementType::Float32, {65536}, 4);
  for (size_t Code = 0; Code < 65536; ++Code) {
    put(X, Code, static_cast<uint16_t>(Code));
    put(Y, Code, fromHalf(static_cast<uint16_t>(Code)));
  }
  checkCast(std::move(X), Float16, std::move(Y), 1);
}

TEST(RngdCast, NumbersAroundHalves) {
  std::vector<float> All = numbersAroundHalves();
  auto Count = static_cast<int64_t>(All.size());
  io::Tensor X = elements("x", io::ElementType::Float32, {Count}, 4),
             Y = elements("y", io::ElementType::Float16, {Count}, 2);
  for (size_t I = 0; I < All.size(); ++I) {
    put(X, I, All[I]);
    put(Y, I, toHalf(All[I]));
  }
  checkCast(std::move(X), 1, std::move(Y), Float16);
}

TEST(RngdCast, TowardsZero) {
  std::vector<float> All;
  for (int I = -70; I <= 70; ++I)
    All.push_back(float(I) / 4);
  for (int I = 0; I < 31; ++I)
    for (float Each : {std::ldexp(1.0f, I), std::ldexp(1.0f, I) - 1,
                       std::ldexp(1.0f, I) + 0.5f})
      All.insert(All.end(), {Each, -Each, std::nextafter(Each, 0.0f)});
  std::erase_if(All, [](float Each) { return std::fabs(Each) >= 0x1p31f; });
  auto Count = static_cast<int64_t>(All.size());
  io::Tensor X = elements("x", io::ElementType::Float32, {Count}, 4),
             Y = elements("y", io::ElementType::Int32, {Count}, 4);
  for (size_t I = 0; I < All.size(); ++I) {
    put(X, I, All[I]);
    put(Y, I, static_cast<int32_t>(All[I]));
  }
  checkCast(std::move(X), 1, std::move(Y), Int32);
}

TEST(RngdCast, TowardsZeroOf64Bits) {
  std::vector<float> All;
  for (int I = 0; I < 63; ++I)
    for (float Each : {std::ldexp(1.0f, I), std::ldexp(1.0f, I) - 1,
                       std::ldexp(1.9999999f, I - 1)})
      All.insert(All.end(), {Each, -Each, std::nextafter(Each, 0.0f)});
  auto Count = static_cast<int64_t>(All.size());
  io::Tensor X = elements("x", io::ElementType::Float32, {Count}, 4),
             Y = elements("y", io::ElementType::Int64, {Count}, 8);
  for (size_t I = 0; I < All.size(); ++I) {
    put(X, I, All[I]);
    put(Y, I, static_cast<int64_t>(All[I]));
  }
  checkCast(std::move(X), 1, std::move(Y), Int64);
}

TEST(RngdCast, LowBits) {
  constexpr int64_t Count = 1001;
  std::mt19937 Random(37);
  io::Tensor X = elements("x", io::ElementType::Int32, {Count}, 4),
             Bytes = elements("y", io::ElementType::UInt8, {Count}, 1),
             Words = elements("y", io::ElementType::Int16, {Count}, 2);
  for (size_t I = 0; I < Count; ++I) {
    auto Number = static_cast<uint32_t>(Random());
    put(X, I, Number);
    put(Bytes, I, static_cast<uint8_t>(Number));
    put(Words, I, static_cast<uint16_t>(Number));
  }
  checkCast(X, Int32, std::move(Bytes), Uint8);
  checkCast(std::move(X), Int32, std::move(Words), Int16);
}

TEST(RngdCast, KeysAndValuesInBf16) {
  // One head and one query: 37 keys of 32.
  constexpr size_t Keys = 37, Depth = 32;
  std::vector<int64_t> Dims = {1, 1, Keys, Depth};
  io::Tensor Q = elements("q", io::ElementType::BFloat16, {1, 1, 1, Depth}, 2),
             K = elements("k", io::ElementType::BFloat16, Dims, 2),
             V = elements("v", io::ElementType::BFloat16, Dims, 2),
             Y = elements("y", io::ElementType::BFloat16, {1, 1, 1, Depth}, 2);
  std::mt19937 Random(31);
  std::uniform_real_distribution<float> Any(-1, 1);
  auto some = [&](io::Tensor &T) {
    std::vector<double> Values;
    for (size_t I = 0; I < T.Bytes.size() / 2; ++I) {
      auto Code =
          static_cast<uint16_t>(std::bit_cast<uint32_t>(Any(Random)) >> 16);
      put(T, I, Code);
      Values.push_back(std::bit_cast<float>(uint32_t(Code) << 16));
    }
    return Values;
  };
  std::vector<double> q = some(Q), k = some(K), v = some(V), Weights(Keys);
  double Sum = 0;
  for (size_t I = 0; I < Keys; ++I) {
    double Score = 0;
    for (size_t D = 0; D < Depth; ++D)
      Score += q[D] * k[I * Depth + D];
    Weights[I] = std::exp(Score / std::sqrt(double(Depth)));
    Sum += Weights[I];
  }
  for (size_t D = 0; D < Depth; ++D) {
    double Value = 0;
    for (size_t I = 0; I < Keys; ++I)
      Value += Weights[I] / Sum * v[I * Depth + D];
    put(Y, D,
        static_cast<uint16_t>(std::bit_cast<uint32_t>(float(Value)) >> 16));
  }
  std::string Graph =
      bytes(1, node("Attention", {"q", "k", "v"}, "y")) + bytes(2, "halves");
  for (const io::Tensor *Each : {&Q, &K, &V})
    Graph += bytes(11, valueOf(*Each, BFloat16));
  Graph += bytes(12, valueOf(Y, BFloat16));
  modeltest::RunData Data;
  for (io::Tensor *Each : {&Q, &K, &V})
    Data.Inputs.push_back(std::move(*Each));
  Data.Expected.push_back({0, std::move(Y)});
  checkOnRngd(Graph, 23, Data, {1.0 / 256, 1.0 / 64});
}
