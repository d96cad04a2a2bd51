// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Maximum and minimum on RNGD, to the bit: infinities, zeros of both signs, and
// what is no number, which the vector engine's units pass over.
#include "test/models/OnnxByHand.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace dure;
using namespace dure::byhand;

namespace {

struct Extreme {
  /// x is [outer, count, inner], of which count is reduced.
  int64_t Outer, Count, Inner;
  bool IsMaximum, HasNoNumbers;
};

void PrintTo(const Extreme &E, std::ostream *Out) {
  *Out << (E.IsMaximum ? "most" : "least") << "_" << E.Outer << "_" << E.Count
       << "_" << E.Inner << (E.HasNoNumbers ? "_no_numbers" : "");
}

class RngdExtreme : public testing::TestWithParam<Extreme> {};

float fromBits(uint32_t Bits) {
  float Value;
  std::memcpy(&Value, &Bits, 4);
  return Value;
}

} // namespace

TEST_P(RngdExtreme, SeesAllNumbers) {
  const Extreme &E = GetParam();
  std::mt19937 Random(29);
  io::Tensor X = tensor("x", {E.Outer, E.Count, E.Inner}),
             Y = tensor("y", {E.Outer, E.Inner});
  constexpr float Infinity = std::numeric_limits<float>::infinity();
  std::normal_distribution<float> Any(0, 100);
  std::uniform_int_distribution<int> Kind(0, 99);
  for (int64_t I = 0; I != X.elementCount(); ++I) {
    int What = Kind(Random);
    float Value = What == 0 ? Infinity : What == 1 ? -Infinity : Any(Random);
    // Of one sign in most rows: nothing else may be found there.
    const int64_t Row = I / (E.Count * E.Inner) % 3;
    floats(X)[I] = Row == 1   ? -std::abs(Value)
                   : Row == 2 ? std::abs(Value)
                              : Value;
  }
  // Of both signs, of most and of fewest bits.
  const uint32_t NaNs[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff};
  if (E.HasNoNumbers)
    for (int64_t O = 0; O < E.Outer; O += 2)
      floats(X)[O * E.Count * E.Inner + std::uniform_int_distribution<int64_t>(
                                            0, E.Count * E.Inner - 1)(Random)] =
          fromBits(NaNs[O / 2 % 4]);
  for (int64_t O = 0; O != E.Outer; ++O)
    for (int64_t I = 0; I != E.Inner; ++I) {
      float Found = E.IsMaximum ? -Infinity : Infinity;
      for (int64_t C = 0; C != E.Count; ++C) {
        float Value = floats(X)[(O * E.Count + C) * E.Inner + I];
        if (std::isnan(Value) || std::isnan(Found))
          Found = std::numeric_limits<float>::quiet_NaN();
        else
          Found = E.IsMaximum ? std::max(Found, Value) : std::min(Found, Value);
      }
      floats(Y)[O * E.Inner + I] = Found;
    }
  std::string Graph =
      bytes(1, node(E.IsMaximum ? "ReduceMax" : "ReduceMin", {"x", "axes"}, "y",
                    bytes(5, bytes(1, "keepdims") + number(3, 0) +
                                 number(20, 2)))) +
      bytes(2, "extreme") +
      bytes(5, number(1, 1) + number(2, 7) + bytes(8, "axes") +
                   bytes(9, std::string("\1\0\0\0\0\0\0\0", 8))) +
      bytes(11, valueInfo(X)) + bytes(12, valueInfo(Y));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(X));
  Data.Expected.push_back({0, std::move(Y)});
  checkOnRngd(Graph, 21, Data, {0, 0});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RngdExtreme,
    testing::Values(
        Extreme{1, 640, 1, true, false}, Extreme{1, 640, 1, false, true},
        Extreme{1, 6, 1, true, true}, Extreme{1, 1000002, 1, true, true},
        Extreme{1, 40000000, 1, false, false}, Extreme{16, 64, 1, true, true},
        Extreme{10, 42, 1, false, true}, Extreme{12, 6, 1, true, true},
        Extreme{3, 13, 1, true, false}, Extreme{5, 10, 1, false, true},
        Extreme{600, 1000, 1, true, false}, Extreme{4, 7, 40, false, true},
        Extreme{2, 300, 18, true, true}, Extreme{9, 16, 1024, true, true}),
    testing::PrintToStringParamName());
