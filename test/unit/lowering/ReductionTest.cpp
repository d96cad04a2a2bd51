// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of reductions, softmax, norms and matrix products.
#include "CompiledKernel.h"

#include <cmath>

using namespace dure::test;

using Floats = std::vector<float>;

namespace {

/// x of n x 2 reduced over its first dimension.
Floats reduceRows(const std::string &Kind, const Floats &X, int64_t N) {
  return evaluate<float>(dispatch("reduce", {"n x 2 x f32"},
                                  "kind = #dure<reduce_kind " + Kind +
                                      ">, axes = array<i64: 0>, "
                                      "keep_dims = false",
                                  "2xf32", {"n"}),
                         2, {N}, X);
}

} // namespace

TEST(Reduce, KindsOverRows) {
  Floats X = {1, -2, 3, 4};
  EXPECT_EQ(reduceRows("sum", X, 2), (Floats{4, 2}));
  EXPECT_EQ(reduceRows("mean", X, 2), (Floats{2, 1}));
  EXPECT_EQ(reduceRows("max", X, 2), (Floats{3, 4}));
  EXPECT_EQ(reduceRows("min", X, 2), (Floats{1, -2}));
  EXPECT_EQ(reduceRows("prod", X, 2), (Floats{3, -8}));
  EXPECT_EQ(reduceRows("sum_square", X, 2), (Floats{10, 20}));
  EXPECT_EQ(reduceRows("l1", X, 2), (Floats{4, 6}));
  expectNear(reduceRows("l2", X, 2), {std::sqrt(10.f), std::sqrt(20.f)});
  expectNear(reduceRows("log_sum", X, 2), {std::log(4.f), std::log(2.f)}, 3e-7);
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  expectNear(reduceRows("log_sum_exp", {1000, -Inf, 1000, -Inf}, 2),
             {1000 + std::log(2.f), -Inf}, 3e-7);
  expectNear(reduceRows("log_sum_exp", {Inf, NaN, 0, 1}, 2), {Inf, NaN});
}

TEST(Reduce, OverNothing) {
  Floats None = {0};
  EXPECT_EQ(reduceRows("sum", None, 0), (Floats{0, 0}));
  EXPECT_EQ(reduceRows("prod", None, 0), (Floats{1, 1}));
  EXPECT_EQ(reduceRows("max", None, 0), (Floats{-Inf, -Inf}));
  expectNear(reduceRows("mean", None, 0), {NaN, NaN});
}

TEST(Reduce, KeepsDimensionsAndIntegers) {
  EXPECT_EQ(evaluate<int32_t>(dispatch("reduce", {"2x2x2xi32"},
                                       "kind = #dure<reduce_kind mean>, "
                                       "axes = array<i64: 0, 2>, "
                                       "keep_dims = true",
                                       "1x2x1xi32"),
                              2, {},
                              std::vector<int32_t>{1, 2, 3, 4, 5, 6, -70, 8}),
            (std::vector<int32_t>{3, -13}));
  EXPECT_EQ(evaluate<uint8_t>(dispatch("reduce", {"2x2xui8"},
                                       "kind = #dure<reduce_kind max>, "
                                       "axes = array<i64: 1>, "
                                       "keep_dims = false",
                                       "2xui8"),
                              2, {}, std::vector<uint8_t>{1, 200, 3, 2}),
            (std::vector<uint8_t>{200, 3}));
}

TEST(Softmax, AlongAnInnerAndAnOuterAxis) {
  Floats X = {1, 2, 3, 1000, 1000, -Inf};
  float E1 = std::exp(-2.f), E2 = std::exp(-1.f), S = E1 + E2 + 1;
  expectNear(evaluate<float>(dispatch("softmax", {"n x 3 x f32"},
                                      "axis = 1 : i64", "n x 3 x f32", {"n"}),
                             6, {2}, X),
             {E1 / S, E2 / S, 1 / S, 0.5f, 0.5f, 0}, 5e-7);
  expectNear(evaluate<float>(dispatch("softmax", {"n x 2 x f32"},
                                      "axis = 0 : i64, log = true",
                                      "n x 2 x f32", {"n"}),
                             4, {2}, Floats{0, 5, 0, 5}),
             {std::log(.5f), std::log(.5f), std::log(.5f), std::log(.5f)},
             5e-7);
}

TEST(CumSum, ExclusiveAndReverse) {
  auto Run = [](const std::string &Attributes) {
    return evaluate<float>(dispatch("cumsum", {"1 x n x f32"},
                                    "axis = 1 : i64" + Attributes,
                                    "1 x n x f32", {"n"}),
                           3, {3}, Floats{1, 2, 3});
  };
  EXPECT_EQ(Run(""), (Floats{1, 3, 6}));
  EXPECT_EQ(Run(", exclusive = true"), (Floats{0, 1, 3}));
  EXPECT_EQ(Run(", reverse = true"), (Floats{6, 5, 3}));
  EXPECT_EQ(Run(", exclusive = true, reverse = true"), (Floats{5, 3, 0}));
}

TEST(TopK, OrdersTiesAndNaN) {
  Floats X = {1, 3, NaN, 3, -Inf, 0};
  auto Run = [&](const std::string &Attributes) {
    return evaluate<int64_t>(
        dispatch("top_k", {"1 x n x f32"},
                 "axis = 1 : i64, k = #dure.dims<[\"4\"]>" + Attributes,
                 "1x4xi64", {"n"}),
        4, {6}, X);
  };
  using Integers = std::vector<int64_t>;
  EXPECT_EQ(Run(""), (Integers{2, 1, 3, 0}));
  EXPECT_EQ(Run(", last_first = true"), (Integers{2, 3, 1, 0}));
  EXPECT_EQ(Run(", smallest = true"), (Integers{4, 5, 0, 1}));
  // Along an outer axis, and as many as there are.
  EXPECT_EQ(
      evaluate<int64_t>(dispatch("top_k", {"n x 2 x f32"},
                                 "axis = 0 : i64, k = #dure.dims<[\"n\"]>",
                                 "n x 2 x i64", {"n"}),
                        6, {3}, Floats{1, 6, 5, 2, 3, 4}),
      (Integers{1, 0, 2, 2, 0, 1}));
  // Beyond the signed range, and the lowest of it.
  EXPECT_EQ(evaluate<int64_t>(dispatch("top_k", {"3xui8"},
                                       "axis = 0 : i64, k = "
                                       "#dure.dims<[\"2\"]>",
                                       "2xi64"),
                              2, {}, std::vector<uint8_t>{1, 200, 3}),
            (Integers{1, 2}));
  EXPECT_EQ(evaluate<int64_t>(dispatch("top_k", {"2xi8"},
                                       "axis = 0 : i64, smallest = true, k = "
                                       "#dure.dims<[\"2\"]>",
                                       "2xi64"),
                              2, {}, std::vector<int8_t>{-127, -128}),
            (Integers{1, 0}));
}

TEST(CumProd, ExclusiveReverseAndWrapping) {
  auto Run = [](const std::string &Attributes) {
    return evaluate<int8_t>(dispatch("cumprod", {"n x i8"},
                                     "axis = 0 : i64" + Attributes, "n x i8",
                                     {"n"}),
                            3, {3}, std::vector<int8_t>{2, -3, 50});
  };
  EXPECT_EQ(Run(""), (std::vector<int8_t>{2, -6, -44}));
  EXPECT_EQ(Run(", exclusive = true"), (std::vector<int8_t>{1, 2, -6}));
  EXPECT_EQ(Run(", exclusive = true, reverse = true"),
            (std::vector<int8_t>{106, 50, 1}));
}

TEST(Norm, LayerNorm) {
  // Mean 2, variance 1.
  expectNear(
      evaluate<float>(dispatch("layer_norm", {"n x 2 x f32", "2xf32", "2xf32"},
                               "axis = 1 : i64, epsilon = 0.0 : f32",
                               "n x 2 x f32", {"n"}),
                      2, {1}, Floats{1, 3}, Floats{2, 4}, Floats{10, 20}),
      {8, 24});
}

TEST(Norm, RMSNormRoundsBeforeTheScale) {
  expectNear(evaluate<float>(dispatch("rms_norm", {"1x2xf32", "2xf32"},
                                      "axis = 1 : i64, epsilon = 0.0 : f32",
                                      "1x2xf32"),
                             2, {}, Floats{1, 7}, Floats{1, 10}),
             {0.2f, 14});
  // f16: x = (1, 2), the mean of the squares 2.5; 0x3C00 is 1, 0x4000 is 2.
  std::vector<uint16_t> Got = evaluate<uint16_t>(
      dispatch("rms_norm", {"1x2xf16", "2xf16"},
               "axis = 1 : i64, epsilon = 0.0 : f32", "1x2xf16"),
      2, {}, std::vector<uint16_t>{0x3C00, 0x4000},
      std::vector<uint16_t>{0x3C00, 0x3C00});
  // 0.632455 and 1.264911 to nearest.
  EXPECT_EQ(Got, (std::vector<uint16_t>{0x390F, 0x3D0F}));
}

TEST(MatMul, PlainTransposedAndBatched) {
  Floats A = {1, 2, 3, 4, 5, 6}, B = {1, 0, 0, 1, 1, 1};
  EXPECT_EQ(evaluate<float>(dispatch("matmul", {"m x 3 x f32", "3x2xf32"}, "",
                                     "m x 2 x f32", {"m"}),
                            4, {2}, A, B),
            (Floats{4, 5, 10, 11}));
  EXPECT_EQ(evaluate<float>(dispatch("matmul", {"3 x m x f32", "2x3xf32"},
                                     "transpose_lhs = true, "
                                     "transpose_rhs = true",
                                     "m x 2 x f32", {"m"}),
                            4, {2}, Floats{1, 4, 2, 5, 3, 6},
                            Floats{1, 0, 1, 0, 1, 1}),
            (Floats{4, 5, 10, 11}));
  // The right operand broadcasts over the batch.
  EXPECT_EQ(evaluate<float>(dispatch("matmul", {"b x 1 x 2 x f32", "2x1xf32"},
                                     "", "b x 1 x 1 x f32", {"b"}),
                            2, {2}, Floats{1, 2, 3, 4}, Floats{10, 1}),
            (Floats{12, 34}));
}

TEST(MatMul, NothingToSumAndIntegers) {
  EXPECT_EQ(evaluate<float>(dispatch("matmul", {"2 x k x f32", "k x 2 x f32"},
                                     "", "2x2xf32", {"k"}),
                            4, {0}, Floats{0}, Floats{0}),
            (Floats{0, 0, 0, 0}));
  EXPECT_EQ(evaluate<int64_t>(
                dispatch("matmul", {"1x2xi64", "2x1xi64"}, "", "1x1xi64"), 1,
                {}, std::vector<int64_t>{1ll << 40, 3},
                std::vector<int64_t>{2, -1}),
            (std::vector<int64_t>{(1ll << 41) - 3}));
}

TEST(GatedMLP, OneHiddenUnitAfterAnother) {
  // x = 2: gate (2, -2), up (4, 6); relu leaves the first unit.
  EXPECT_EQ(evaluate<float>(
                dispatch("gated_mlp",
                         {"n x 1 x f32", "1x2xf32", "1x2xf32", "2 x m x f32"},
                         "activation = #dure<glu_activation relu>",
                         "n x m x f32", {"n", "m"}),
                2, {1, 2}, Floats{2}, Floats{1, -1}, Floats{2, 3},
                Floats{1, 10, 100, 1000}),
            (Floats{8, 80}));
}
