// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of ops that move data: views, copies, gathers, scatters, sources.
#include "CompiledKernel.h"

using namespace dure::test;

using Floats = std::vector<float>;
using Longs = std::vector<int64_t>;

TEST(DataMovement, ReshapeKeepsRowMajorOrder) {
  Floats X = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(evaluate<float>(
                dispatch("reshape", {"n x 3 x f32"}, "", "3 x n x f32", {"n"}),
                6, {2}, X),
            X);
  EXPECT_EQ(evaluate<float>(dispatch("reshape", {"n x 6 x f32"}, "",
                                     "n x 2 x 3 x f32", {"n"}),
                            6, {1}, X),
            X);
  Floats One = {7};
  EXPECT_EQ(
      evaluate<float>(dispatch("reshape", {"1x1xf32"}, "", "f32"), 1, {}, One),
      One);
  EXPECT_EQ(
      evaluate<float>(dispatch("reshape", {"f32"}, "", "1x1xf32"), 1, {}, One),
      One);
}

TEST(DataMovement, BroadcastAndTranspose) {
  EXPECT_EQ(evaluate<float>(
                dispatch("broadcast", {"2x1xf32"}, "", "2 x n x f32", {"n"}), 4,
                {2}, Floats{1, 2}),
            (Floats{1, 1, 2, 2}));
  // (2, 1, 3) -> (3, 2, 1)
  EXPECT_EQ(evaluate<float>(dispatch("transpose", {"2 x 1 x n x f32"},
                                     "permutation = array<i64: 2, 0, 1>",
                                     "n x 2 x 1 x f32", {"n"}),
                            6, {3}, Floats{1, 2, 3, 4, 5, 6}),
            (Floats{1, 4, 2, 5, 3, 6}));
}

TEST(DataMovement, SliceStepsBothWays) {
  std::string Attributes = "starts = #dure.dims<[\"1\", \"n - 1\"]>, "
                           "sizes = #dure.dims<[\"1\", \"ceildiv(n, 2)\"]>, "
                           "steps = array<i64: 1, -2>";
  std::string Result =
      "1 x ceildiv(n, 2) x f32"; // the short spelling takes any expression
  EXPECT_EQ(evaluate<float>(
                dispatch("slice", {"2 x n x f32"}, Attributes, Result, {"n"}),
                2, {3}, Floats{1, 2, 3, 4, 5, 6}),
            (Floats{6, 4}));
}

TEST(DataMovement, ConcatWithAnEmptyPart) {
  EXPECT_EQ(evaluate<float>(
                dispatch("concat", {"2 x n x f32", "2x1xf32", "2 x m x f32"},
                         "axis = 1 : i64", "2 x m + n + 1 x f32", {"n", "m"}),
                6, {2, 0}, Floats{1, 2, 3, 4}, Floats{8, 9}, Floats{0}),
            (Floats{1, 2, 8, 3, 4, 9}));
}

TEST(DataMovement, OpsThatChangeNothingCopy) {
  Floats X = {1, 2, 3, 4};
  EXPECT_EQ(evaluate<float>(dispatch("concat", {"2x2xf32", "2x0xf32"},
                                     "axis = 1 : i64", "2x2xf32"),
                            4, {}, X, Floats{0}),
            X);
  EXPECT_EQ(evaluate<float>(dispatch("concat", {"2 x n x f32"},
                                     "axis = 1 : i64", "2 x n x f32", {"n"}),
                            4, {2}, X),
            X);
  EXPECT_EQ(evaluate<float>(dispatch("cast", {"4xf32"}, "to = f32", "4xf32"), 4,
                            {}, X),
            X);
  EXPECT_EQ(
      evaluate<float>(dispatch("broadcast", {"4xf32"}, "", "4xf32"), 4, {}, X),
      X);
  EXPECT_EQ(
      evaluate<float>(dispatch("reshape", {"4xf32"}, "", "4xf32"), 4, {}, X),
      X);
  EXPECT_EQ(evaluate<float>(dispatch("reduce", {"4xf32"},
                                     "kind = #dure<reduce_kind sum>, axes = "
                                     "array<i64>, keep_dims = false",
                                     "4xf32"),
                            4, {}, X),
            X);
}

TEST(DataMovement, PadInAllModes) {
  auto Pad = [](const std::string &Mode) {
    return evaluate<float>(
        dispatch("pad", {"3xf32"},
                 "low = #dure.dims<[\"2\"]>, high = #dure.dims<[\"3\"]>, "
                 "mode = #dure<pad_mode " +
                     Mode + ">",
                 "8xf32"),
        8, {}, Floats{1, 2, 3});
  };
  EXPECT_EQ(Pad("constant"), (Floats{0, 0, 1, 2, 3, 0, 0, 0}));
  EXPECT_EQ(Pad("edge"), (Floats{1, 1, 1, 2, 3, 3, 3, 3}));
  EXPECT_EQ(Pad("reflect"), (Floats{3, 2, 1, 2, 3, 2, 1, 2}));
  EXPECT_EQ(Pad("wrap"), (Floats{2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(evaluate<float>(dispatch("pad", {"3xf32", "f32"},
                                     "low = #dure.dims<[\"-1\"]>, "
                                     "high = #dure.dims<[\"1\"]>",
                                     "3xf32"),
                            3, {}, Floats{1, 2, 3}, Floats{9}),
            (Floats{2, 3, 9}));
}

TEST(DataMovement, Sources) {
  EXPECT_EQ(
      evaluate<int64_t>(
          dispatch("iota", {}, "axis = 1 : i64", "2 x n x i64", {"n"}), 6, {3}),
      (Longs{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(evaluate<int64_t>(
                dispatch("dim_values", {},
                         "exprs = #dure.dims<[\"n\", \"2*n + 1\", \"-7\", "
                         "\"floordiv(n, 2)\", \"mod(n, 2)\", \"min(2, n)\"]>",
                         "6xi64", {"n"}),
                6, {5}),
            (Longs{5, 11, -7, 2, 1, 2}));
  EXPECT_EQ(evaluate<float>(
                dispatch("constant", {},
                         "value = dense<[1.0, 2.5]> : tensor<2xf32>", "2xf32"),
                2, {}),
            (Floats{1, 2.5f}));
  EXPECT_EQ(evaluate<uint8_t>(
                dispatch("constant", {},
                         "value = dense<[3, 250]> : tensor<2xui8>", "2xui8"),
                2, {}),
            (std::vector<uint8_t>{3, 250}));
  EXPECT_EQ(
      evaluate<uint8_t>(
          dispatch("constant", {},
                   "value = dense<[true, false, true]> : tensor<3xi1>", "3xi1"),
          3, {}),
      (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(evaluate<uint8_t>(
                dispatch("constant", {},
                         "value = dense<[1.0, -2.0]> : tensor<2xf8E4M3FN>",
                         "2xf8E4M3FN"),
                2, {}),
            (std::vector<uint8_t>{0x38, 0xC0}));
}

TEST(Gather, RowsWithNegativeIndices) {
  EXPECT_EQ(evaluate<float>(dispatch("gather", {"n x 2 x f32", "2x1xi64"},
                                     "axis = 0 : i64", "2x1x2xf32", {"n"}),
                            4, {3}, Floats{1, 2, 3, 4, 5, 6}, Longs{-1, 0}),
            (Floats{5, 6, 1, 2}));
  EXPECT_EQ(evaluate<float>(dispatch("gather", {"2x3xf32", "i64"},
                                     "axis = 1 : i64", "2xf32"),
                            2, {}, Floats{1, 2, 3, 4, 5, 6}, Longs{1}),
            (Floats{2, 5}));
}

TEST(Gather, AnIndexOutsideIsAFault) {
  CompiledKernel Kernel(dispatch("gather", {"n x 2 x f32", "2xi64"},
                                 "axis = 0 : i64", "2x2xf32", {"n"}));
  Floats X = {1, 2, 3, 4, 5, 6}, Result(4);
  for (Longs Indices : {Longs{0, 3}, Longs{-4, 0}, Longs{1ll << 62, 0}})
    EXPECT_EQ(Kernel.run({X.data(), Indices.data(), Result.data()}, {3}), 1);
  // Nothing to select from.
  Longs Zero = {0, 0};
  EXPECT_EQ(Kernel.run({X.data(), Zero.data(), Result.data()}, {0}), 1);
}

TEST(Gather, Elements) {
  EXPECT_EQ(evaluate<float>(dispatch("gather_elements", {"2x2xf32", "2x3xi32"},
                                     "axis = 1 : i64", "2x3xf32"),
                            6, {}, Floats{1, 2, 3, 4},
                            std::vector<int32_t>{0, 1, -1, 1, 0, 0}),
            (Floats{1, 2, 2, 4, 3, 3}));
}

TEST(Gather, ND) {
  // Tuples (1, 0) and (0, -1).
  EXPECT_EQ(evaluate<float>(
                dispatch("gather_nd", {"2x2xf32", "2x2xi64"}, "", "2xf32"), 2,
                {}, Floats{1, 2, 3, 4}, Longs{1, 0, 0, -1}),
            (Floats{3, 2}));
  // One batch dimension: row b at indices[b].
  EXPECT_EQ(evaluate<float>(dispatch("gather_nd", {"2x2x2xf32", "2x1xi64"},
                                     "batch_dims = 1 : i64", "2x2xf32"),
                            4, {}, Floats{1, 2, 3, 4, 5, 6, 7, 8}, Longs{1, 0}),
            (Floats{3, 4, 5, 6}));
}

TEST(Scatter, NDReplacesAndAdds) {
  Floats X = {1, 2, 3, 4}, Updates = {10, 20, 30};
  Longs Indices = {1, -1, 1};
  EXPECT_EQ(
      evaluate<float>(dispatch("scatter_nd", {"n x f32", "3x1xi64", "3xf32"},
                               "", "n x f32", {"n"}),
                      4, {4}, X, Indices, Updates),
      (Floats{1, 30, 3, 20}));
  EXPECT_EQ(
      evaluate<float>(dispatch("scatter_nd", {"n x f32", "3x1xi64", "3xf32"},
                               "reduction = #dure<scatter_reduction add>",
                               "n x f32", {"n"}),
                      4, {4}, X, Indices, Updates),
      (Floats{1, 42, 3, 24}));
  CompiledKernel Kernel(dispatch("scatter_nd", {"n x f32", "3x1xi64", "3xf32"},
                                 "", "n x f32", {"n"}));
  Floats Result(4);
  Longs Outside = {0, 4, 1};
  EXPECT_EQ(Kernel.run(
                {X.data(), Outside.data(), Updates.data(), Result.data()}, {4}),
            1);
}

TEST(Scatter, Elements) {
  EXPECT_EQ(evaluate<float>(
                dispatch("scatter_elements", {"2x2xf32", "1x2xi64", "1x2xf32"},
                         "axis = 0 : i64", "2x2xf32"),
                4, {}, Floats{1, 2, 3, 4}, Longs{1, 0}, Floats{8, 9}),
            (Floats{1, 9, 8, 4}));
}

TEST(Cache, NewRowsGoBehindTheOldOnes) {
  // Two batches, one head, capacity 3, one row of two elements each.
  std::string Text =
      dispatch("cache_update", {"2 x 1 x c x 2 x f32", "2x1x1x2xf32", "2xi64"},
               "", "2 x 1 x c x 2 x f32", {"c"});
  Floats Cache = {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}, New = {7, 8, 9, 10};
  EXPECT_EQ(evaluate<float>(Text, 12, {3}, Cache, New, Longs{2, 0}),
            (Floats{1, 1, 2, 2, 7, 8, 9, 10, 5, 5, 6, 6}));
  CompiledKernel Kernel(Text);
  Longs Full = {3, 0};
  Floats Result(12);
  EXPECT_EQ(
      Kernel.run({Cache.data(), New.data(), Full.data(), Result.data()}, {3}),
      3);
}

TEST(Dequantize, PerTensorPerAxisAndBlocked) {
  std::vector<uint8_t> X = {128, 130, 255, 0};
  EXPECT_EQ(evaluate<float>(dispatch("dequantize", {"2x2xui8", "f32", "ui8"},
                                     "", "2x2xf32"),
                            4, {}, X, Floats{0.5f}, std::vector<uint8_t>{128}),
            (Floats{0, 1, 63.5f, -64}));
  EXPECT_EQ(evaluate<float>(dispatch("dequantize", {"2x2xi8", "2xf32"},
                                     "axis = 0 : i64", "2x2xf32"),
                            4, {}, X, Floats{1, 10}),
            (Floats{-128, -126, -10, 0}));
  EXPECT_EQ(
      evaluate<float>(dispatch("dequantize", {"1x4xi8", "1x2xf32"},
                               "axis = 1 : i64, block = 2 : i64", "1x4xf32"),
                      4, {}, X, Floats{1, 10}),
      (Floats{-128, -126, -10, 0}));
}

TEST(Dequantize, FourBits) {
  // 1, -2, 3; -4, 5, -6, and the zero points 1 and -1.
  std::vector<uint8_t> X = {0xE1, 0xC3, 0xA5}, Zero = {0xF1};
  EXPECT_EQ(evaluate<float>(dispatch("dequantize", {"2x3xi4", "2xf32", "2xi4"},
                                     "axis = 0 : i64", "2x3xf32"),
                            6, {}, X, Floats{0.5f, 2}, Zero),
            (Floats{0, -1.5f, 1, -6, 12, -10}));
}
