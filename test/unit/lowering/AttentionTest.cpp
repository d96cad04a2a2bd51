// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of attention and rope.
#include "CompiledKernel.h"

#include <cmath>

using namespace dure::test;

using Floats = std::vector<float>;

namespace {

/// Attention of two queries on three keys, head dimension 1, value dimension
/// 2; `Extra` are further operands and their short types.
struct Case {
  std::string Attributes;
  std::vector<std::string> ExtraTypes = {};
  std::string Segments = "1, 1, 1, 0, 0";
  std::string EmptyRow = "zero";
};

std::string text(const Case &C) {
  std::vector<std::string> Types = {"1x1x t x 1xf32", "1x1x s x 1xf32",
                                    "1x1x s x 2xf32"};
  Types.insert(Types.end(), C.ExtraTypes.begin(), C.ExtraTypes.end());
  return dispatch("attention", Types,
                  "operandSegmentSizes = array<i32: " + C.Segments +
                      ">, scale = 1.0 : f32, empty_row = #dure<empty_row " +
                      C.EmptyRow + ">" + C.Attributes,
                  "1x1x t x 2xf32", {"t", "s"});
}

const Floats Q = {1, 2}, K = {0, 1, -1}, V = {1, 10, 2, 20, 3, 30};

/// Rows of weights times V.
Floats weighted(const std::vector<Floats> &Weights) {
  Floats Result;
  for (const Floats &Row : Weights)
    for (int E = 0; E < 2; ++E) {
      float Sum = 0, Total = 0;
      for (int S = 0; S < 3; ++S) {
        Sum += Row[S] * V[2 * S + E];
        Total += Row[S];
      }
      Result.push_back(Sum / Total);
    }
  return Result;
}

float e(float X) { return std::exp(X); }

} // namespace

TEST(Attention, WithoutAMask) {
  expectNear(evaluate<float>(text({}), 4, {2, 3}, Q, K, V),
             weighted({{1, e(1), e(-1)}, {1, e(2), e(-2)}}), 1e-6);
}

TEST(Attention, CausalIsAlignedAtTheLastKey) {
  // The first query sees two of three keys.
  expectNear(evaluate<float>(text({", causal = true"}), 4, {2, 3}, Q, K, V),
             weighted({{1, e(1), 0}, {1, e(2), e(-2)}}), 1e-6);
}

TEST(Attention, WindowCountsTheOwnKey) {
  expectNear(evaluate<float>(text({", causal = true, window = 1 : i64"}), 4,
                             {2, 3}, Q, K, V),
             weighted({{0, 1, 0}, {0, 0, 1}}), 1e-6);
}

TEST(Attention, SoftcapBoundsScores) {
  float T = std::tanh(0.5f) * 2;
  float U = std::tanh(1.0f) * 2;
  expectNear(
      evaluate<float>(text({", softcap = 2.0 : f32"}), 4, {2, 3}, Q, K, V),
      weighted({{1, e(T), e(-T)}, {1, e(U), e(-U)}}), 1e-6);
}

TEST(Attention, MasksAndEmptyRows) {
  Case Bool{"", {"2x s x i1"}, "1, 1, 1, 1, 0"};
  std::vector<uint8_t> Mask = {1, 0, 1, 0, 0, 0};
  auto Seen = weighted({{1, 0, e(-1)}});
  auto Run = [&](const std::string &EmptyRow) {
    Bool.EmptyRow = EmptyRow;
    return evaluate<float>(text(Bool), 4, {2, 3}, Q, K, V, Mask);
  };
  expectNear(Run("zero"), {Seen[0], Seen[1], 0, 0}, 1e-6);
  expectNear(Run("mean"), {Seen[0], Seen[1], 2, 20}, 1e-6);
  expectNear(Run("nan"), {Seen[0], Seen[1], NaN, NaN}, 1e-6);

  // Added masks: -inf hides, the lowest finite number makes all keys equal.
  Case Added{"", {"2x s x f32"}, "1, 1, 1, 1, 0"};
  float Low = std::numeric_limits<float>::lowest();
  expectNear(evaluate<float>(text(Added), 4, {2, 3}, Q, K, V,
                             Floats{0, -Inf, 0, Low, Low, Low}),
             {Seen[0], Seen[1], 2, 20}, 1e-6);
}

TEST(Attention, HiddenKeysMayHoldAnything) {
  Case Bool{"", {"1x s x i1"}, "1, 1, 1, 1, 0"};
  Floats Rubbish = {1, 10, NaN, Inf, 3, 30}, Keys = {0, NaN, -1};
  expectNear(evaluate<float>(text(Bool), 2, {1, 3}, Q, Keys, Rubbish,
                             std::vector<uint8_t>{1, 0, 1}),
             weighted({{1, 0, e(-1)}}), 1e-6);
  // An added -inf hides a key whatever its score: NaN and -inf make NaN.
  Case Added{"", {"1x s x f32"}, "1, 1, 1, 1, 0"};
  expectNear(evaluate<float>(text(Added), 2, {1, 3}, Q, Keys, Rubbish,
                             Floats{0, -Inf, 0}),
             weighted({{1, 0, e(-1)}}), 1e-6);
}

TEST(Attention, SinksTakeWeightWithoutValue) {
  Case Sinks{"", {"1xf32"}, "1, 1, 1, 0, 1"};
  Floats Got = evaluate<float>(text(Sinks), 2, {1, 1}, Q, K, V, Floats{0});
  expectNear(Got, {0.5f, 5}, 1e-6);
}

TEST(Attention, NoKeysAtAll) {
  // 0 whatever a row gives that sees none of its keys.
  for (const char *EmptyRow : {"zero", "mean", "nan"}) {
    Case C;
    C.EmptyRow = EmptyRow;
    expectNear(evaluate<float>(text(C), 4, {2, 0}, Q, K, V), {0, 0, 0, 0});
  }
}

TEST(Attention, HeadsShareGroupsAndHalvesAreSummedInFloat) {
  // Four heads, two groups, one key: each head gives its group's value.
  std::string Text =
      dispatch("attention", {"1x4x1x1xf16", "1x2x1x1xf16", "1x2x1x e x f16"},
               "operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, "
               "scale = 1.0 : f32, empty_row = #dure<empty_row zero>",
               "1x4x1x e x f16", {"e"});
  std::vector<uint16_t> One(4, 0x3C00), Values(2 * 65);
  for (int I = 0; I < 65; ++I)
    Values[I] = 0x3C00, Values[65 + I] = 0x4000;
  std::vector<uint16_t> Got =
      evaluate<uint16_t>(Text, 4 * 65, {65}, One, One, Values);
  for (int I = 0; I < 4 * 65; ++I)
    EXPECT_EQ(Got[I], I < 2 * 65 ? 0x3C00 : 0x4000) << I;
}

TEST(Rope, HalvesPairsAndTheRest) {
  auto Run = [](const std::string &Layout) {
    return evaluate<float>(
        dispatch("rope", {"t x 5 x f32", "t x 2 x f32", "1x2xf32"},
                 "layout = #dure<rope_layout " + Layout +
                     ">, rotary_dim = 4 : i64",
                 "t x 5 x f32", {"t"}),
        5, {1}, Floats{1, 2, 3, 4, 5}, Floats{10, 100}, Floats{1, 2});
  };
  // (1, 3) by (10, 1), (2, 4) by (100, 2).
  EXPECT_EQ(Run("half"), (Floats{7, 192, 31, 404, 5}));
  // (1, 2) by (10, 1), (3, 4) by (100, 2).
  EXPECT_EQ(Run("interleaved"), (Floats{8, 21, 292, 406, 5}));
}

TEST(LinearAttention, DeltaRuleForgetsAndShares) {
  // One group of two query heads; D = E = 1, so the state S = 4 is one
  // number: it decays, then S += beta k (v - S k) for each token.
  const std::string Token = "1x1x2x1xf32";
  Floats Y = evaluate<float>(
      dispatch("linear_attention",
               {"1x2x2x1xf32", Token, Token, "1x1x1x1xf32", Token, Token},
               "operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1>, "
               "scale = 0.5 : f32",
               "1x1x5x1xf32"),
      5, {}, Floats{1, 2, 10, 20}, Floats{3, 1}, Floats{5, 7}, Floats{4},
      Floats{std::log(0.5f), 0}, Floats{0.5f, 0.25f});
  // S1 = 2 + 3 * 0.5 * (5 - 6) = 0.5; S2 = 0.5 + 0.25 * (7 - 0.5) = 2.125.
  expectNear(Y, {0.25f, 2.125f, 2.5f, 21.25f, 2.125f}, 1e-6);
}
