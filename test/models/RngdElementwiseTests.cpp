// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise ops on RNGD where they are easy to get wrong: zeros of both
// signs, infinities, what is no number, halves, and numbers of elements that no
// unit of the chip divides.
#include "test/models/OnnxByHand.h"

#include <cmath>
#include <limits>

using namespace dure;
using namespace dure::byhand;

namespace {

constexpr float Inf = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();
constexpr float Tiny = std::numeric_limits<float>::denorm_min();

/// All pairs of them are an odd number.
const float Numbers[] = {-Inf,  -8388609, -8388607.5f, -3.5f, -2.5f,   -1,
                         -0.5f, -0.25f,   -Tiny,       -0.0f, 0,       Tiny,
                         0.25f, 0.5f,     1,           1.5f,  4194305, Inf,
                         NaN,   -NaN,     100};
constexpr int64_t Count = std::size(Numbers);
static_assert(Count * Count % 2 == 1);

struct Case {
  const char *Op;
  float (*Value)(float, float);
  int Operands = 2;
  bool IsTruth = false;
};

void PrintTo(const Case &C, std::ostream *Out) { *Out << C.Op; }

class RngdElementwise : public testing::TestWithParam<Case> {};

bool anyNaN(float A, float B) { return std::isnan(A) || std::isnan(B); }

} // namespace

TEST_P(RngdElementwise, IsTheOpOfAllPairs) {
  const Case &C = GetParam();
  io::Tensor A = tensor("a", {Count * Count}), B = tensor("b", {Count * Count});
  io::Tensor R =
      tensor("c", {Count * Count},
             C.IsTruth ? io::ElementType::Bool : io::ElementType::Float32);
  for (int64_t I = 0; I != Count * Count; ++I) {
    float X = Numbers[I / Count], Y = Numbers[I % Count];
    floats(A)[I] = X;
    floats(B)[I] = Y;
    float Value = C.Value(X, Y);
    if (C.IsTruth)
      R.Bytes[static_cast<size_t>(I)] = static_cast<std::byte>(Value != 0);
    else
      floats(R)[I] = Value;
  }
  std::vector<std::string> Names = {"a", "b"};
  Names.resize(static_cast<size_t>(C.Operands));
  std::string Graph = bytes(1, node(C.Op, Names, "c")) + bytes(2, "op") +
                      bytes(11, valueInfo(A));
  modeltest::RunData Data;
  Data.Inputs.push_back(std::move(A));
  if (C.Operands == 2) {
    Graph += bytes(11, valueInfo(B));
    Data.Inputs.push_back(std::move(B));
  }
  Graph += bytes(12, valueInfo(R));
  Data.Expected.push_back({0, std::move(R)});
  checkOnRngd(Graph, 17, Data, {1e-6, 0});
}

INSTANTIATE_TEST_SUITE_P(
    Ops, RngdElementwise,
    testing::Values(
        Case{"Equal", [](float A, float B) { return float(A == B); }, 2, true},
        Case{"Less", [](float A, float B) { return float(A < B); }, 2, true},
        Case{"LessOrEqual", [](float A, float B) { return float(A <= B); }, 2,
             true},
        Case{"Greater", [](float A, float B) { return float(A > B); }, 2, true},
        Case{"GreaterOrEqual", [](float A, float B) { return float(A >= B); },
             2, true},
        Case{"IsNaN", [](float A, float) { return float(std::isnan(A)); }, 1,
             true},
        Case{"Min",
             [](float A, float B) {
               return anyNaN(A, B) ? NaN : std::fmin(A, B);
             }},
        Case{"Max",
             [](float A, float B) {
               return anyNaN(A, B) ? NaN : std::fmax(A, B);
             }},
        Case{"Relu",
             [](float A, float) {
               return std::isnan(A) ? A : std::fmax(A, 0.0f);
             },
             1},
        Case{"Softplus",
             [](float A, float) {
               return std::fabs(A) > 80
                          ? std::isnan(A) ? A : std::fmax(A, 0.0f)
                          : float(std::log1p(std::exp(double(A))));
             },
             1}),
    testing::PrintToStringParamName());
