// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of mixtures of experts.
#include "CompiledKernel.h"

#include "dialects/dure/Faults.h"

#include <cmath>

using namespace dure::test;

using Floats = std::vector<float>;
using Indices = std::vector<int64_t>;

namespace {

/// Three tokens that go to two of three experts each; x has two elements, there
/// is one hidden unit, and two outputs.
std::string moe(const std::string &Segments, const std::string &Attributes,
                const std::vector<std::string> &Parameters) {
  std::vector<std::string> Types = {"t x 2xf32", "t x 2xi64", "t x 2xf32"};
  Types.insert(Types.end(), Parameters.begin(), Parameters.end());
  return dispatch("moe", Types,
                  "operandSegmentSizes = array<i32: 1, 1, 1, " + Segments +
                      ">, activation = #dure<glu_activation " + Attributes,
                  "t x 2xf32", {"t"});
}

const Floats X = {1, 2, 3, 4, 5, 6};
const Indices Chosen = {0, 2, 2, 0, -1, 0};
const Floats Weights = {1, 0.5, 2, 0, 0.25, 3};
// Nobody goes to expert 1.
const Floats Up = {1, 1, NaN, NaN, 2, -1}, Down = {1, 10, NaN, NaN, -1, 5};

} // namespace

TEST(MoE, SumsTheExpertsOfATokenAndReadsNoOther) {
  std::string Text =
      moe("0, 1, 1, 0, 0, 0", "identity>", {"3x2x1xf32", "3x1x2xf32"});
  // u of expert 0: 3, 7, 11; of expert 2: 0, 2, 4.
  EXPECT_EQ(evaluate<float>(Text, 6, {3}, X, Chosen, Weights, Up, Down),
            (Floats{3, 30, -4, 20, 32, 335}));
  EXPECT_EQ(evaluate<float>(Text, 0, {0}, X, Chosen, Weights, Up, Down),
            Floats{});
}

TEST(MoE, AddsBiasesAndActivates) {
  // u with its bias: 3 - 3, 7 - 3, 11 - 3; 0 - 1, 2 - 1, 4 - 1.
  EXPECT_EQ(
      evaluate<float>(moe("0, 1, 1, 0, 1, 1", "relu>",
                          {"3x2x1xf32", "3x1x2xf32", "3x1xf32", "3x2xf32"}),
                      6, {3}, X, Chosen, Weights, Up, Down, Floats{-3, NaN, -1},
                      Floats{1, 2, NaN, NaN, 100, 200}),
      (Floats{51, 102, 198, 410, 51.25, 299.75}));
}

TEST(MoE, ClampsTheGateAndWhatItGates) {
  // Gates of 3, 7, 11 and 0, 2, 4 are at most 4; so is what they are times: the
  // first experts' -3, -7, -11, the others' 0, 2, 4, each one more.
  Floats Opposite = {-1, -1, NaN, NaN, 2, -1};
  auto Unit = [](float Gate, float Linear) {
    Gate = std::fmin(Gate, 4.0f);
    Linear = std::fmax(std::fmin(Linear, 4.0f), -4.0f);
    return Gate / (1 + std::exp(-2 * Gate)) * (Linear + 1);
  };
  Floats First = {Unit(3, -3), Unit(7, -7), Unit(11, -11)};
  Floats Second = {Unit(0, 0), Unit(2, 2), Unit(4, 4)};
  Floats Want;
  const float OfFirst[] = {1, 0, 3}, OfSecond[] = {0.5, 2, 0.25};
  for (int T = 0; T < 3; ++T)
    for (int N = 0; N < 2; ++N)
      Want.push_back(OfFirst[T] * First[T] * Down[N] +
                     OfSecond[T] * Second[T] * Down[4 + N]);
  expectNear(evaluate<float>(moe("1, 1, 1, 0, 0, 0",
                                 "silu>, alpha = 2.0 : f32, offset = 1.0 : "
                                 "f32, limit = 4.0 : f32",
                                 {"3x2x1xf32", "3x2x1xf32", "3x1x2xf32"}),
                             6, {3}, X, Chosen, Weights, Up, Opposite, Down),
             Want, 1e-6);
}

TEST(MoE, ReportsExpertsThatThereAreNot) {
  CompiledKernel Kernel(
      moe("0, 1, 1, 0, 0, 0", "identity>", {"3x2x1xf32", "3x1x2xf32"}));
  Floats Result(2);
  auto Run = [&](Indices Experts) {
    return Kernel.run({pointer(X.data()), Experts.data(),
                       pointer(Weights.data()), pointer(Up.data()),
                       pointer(Down.data()), Result.data()},
                      {1});
  };
  EXPECT_EQ(Run({0, -3}), 0);
  EXPECT_EQ(Run({0, 3}), int32_t(dure::Fault::IndexOutOfRange));
  EXPECT_EQ(Run({-4, 0}), int32_t(dure::Fault::IndexOutOfRange));
}

TEST(ExpertMatMul, EachRowHasItsMatrix) {
  EXPECT_EQ(evaluate<float>(dispatch("expert_matmul",
                                     {"t x 2xf32", "t x 2xi64", "3x2x1xf32"},
                                     "", "t x 2x1xf32", {"t"}),
                            6, {3}, X, Chosen, Up),
            (Floats{3, 0, 2, 7, 4, 11}));
  EXPECT_EQ(evaluate<float>(dispatch("expert_matmul",
                                     {"t x 2x1xf32", "t x 2xi64", "3x1x2xf32"},
                                     "", "t x 2x2xf32", {"t"}),
                            12, {3}, Floats{1, 2, 3, 4, 5, 6}, Chosen, Down),
            (Floats{1, 10, -2, 10, -3, 15, 4, 40, -5, 25, 6, 60}));
}

TEST(ExpertMatMul, OneMatrixCountsForAllRows) {
  EXPECT_EQ(evaluate<float>(dispatch("expert_matmul",
                                     {"t x 3x1xf32", "t x 1xi64", "3x1x2xf32"},
                                     "", "t x 3x2xf32", {"t"}),
                            12, {2}, Floats{1, 2, 3, 4, 5, 6}, Indices{-1, 0},
                            Down),
            (Floats{-1, 5, -2, 10, -3, 15, 4, 40, 5, 50, 6, 60}));
}
