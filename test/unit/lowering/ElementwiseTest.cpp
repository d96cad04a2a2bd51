// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of the elementwise family.
#include "CompiledKernel.h"

#include <bit>
#include <cmath>
#include <functional>

using namespace dure::test;

namespace {

std::vector<float> unary(const std::string &Op, const std::vector<float> &X,
                         const std::string &Attributes = "") {
  std::string Type = std::to_string(X.size()) + "xf32";
  return evaluate<float>(dispatch(Op, {Type}, Attributes, Type), X.size(), {},
                         X);
}

template <typename T>
std::vector<T> binary(const std::string &Op, const std::string &Element,
                      const std::vector<T> &L, const std::vector<T> &R,
                      const std::string &Attributes = "") {
  std::string Type = std::to_string(L.size()) + "x" + Element;
  return evaluate<T>(dispatch(Op, {Type, Type}, Attributes, Type), L.size(), {},
                     L, R);
}

template <typename To, typename From>
std::vector<To> cast(const std::string &FromType, const std::string &ToType,
                     const std::vector<From> &X,
                     const std::string &Saturate = "true") {
  std::string N = std::to_string(X.size()) + "x";
  return evaluate<To>(dispatch("cast", {N + FromType},
                               "to = " + ToType + ", saturate = " + Saturate,
                               N + ToType),
                      X.size(), {}, X);
}

/// Arguments where functions go wrong: zeros, tiny, large, infinite, NaN.
const std::vector<float> Corners = {
    0.0f,   -0.0f, 1e-30f, -1e-6f, 0.25f,  -0.5f, 1.0f, -3.0f, 10.0f,
    -20.0f, 88.0f, -87.0f, 1e10f,  -1e10f, Inf,   -Inf, NaN};

void expectFunction(const std::string &Op, std::function<double(double)> F,
                    double Relative, const std::string &Attributes = "",
                    double Absolute = 1e-37) {
  SCOPED_TRACE(Op);
  std::vector<float> Want;
  for (float X : Corners)
    Want.push_back(static_cast<float>(F(X)));
  expectNear(unary(Op, Corners, Attributes), Want, Relative, Absolute);
}

} // namespace

TEST(Elementwise, FunctionsOfOneOperandAreRightAtTheCorners) {
  expectFunction(
      "abs", [](double X) { return std::abs(X); }, 0);
  expectFunction(
      "neg", [](double X) { return -X; }, 0);
  expectFunction(
      "exp", [](double X) { return std::exp(X); }, 3e-7);
  expectFunction(
      "log", [](double X) { return std::log(X); }, 3e-7);
  expectFunction(
      "sqrt", [](double X) { return std::sqrt(X); }, 1e-7);
  expectFunction(
      "reciprocal", [](double X) { return 1 / X; }, 1e-7);
  expectFunction(
      "tanh", [](double X) { return std::tanh(X); }, 5e-7);
  expectFunction(
      "erf", [](double X) { return std::erf(X); }, 5e-7);
  expectFunction(
      "sigmoid", [](double X) { return 1 / (1 + std::exp(-X)); }, 5e-7);
  expectFunction(
      "floor", [](double X) { return std::floor(X); }, 0);
  expectFunction(
      "ceil", [](double X) { return std::ceil(X); }, 0);
  expectFunction(
      "round", [](double X) { return std::nearbyint(X); }, 0);
  expectFunction(
      "relu", [](double X) { return X != X ? X : std::max(X, 0.0); }, 0);
}

TEST(Elementwise, ActivationsHaveTheirLimits) {
  auto Limit = [](double X, double Value) {
    return X == -Inf ? 0 : X == Inf ? Inf : Value;
  };
  expectFunction(
      "silu", [=](double X) { return Limit(X, X / (1 + std::exp(-X))); }, 5e-7,
      "", 1e-30);
  expectFunction(
      "softplus",
      [=](double X) { return Limit(X, X > 50 ? X : std::log1p(std::exp(X))); },
      5e-7, "", 1e-30);
  expectFunction(
      "gelu",
      [=](double X) { return Limit(X, X / 2 * (1 + std::erf(X / M_SQRT2))); },
      1e-6, "form = #dure<gelu_form erf>", 2e-7);
  expectFunction(
      "gelu",
      [=](double X) {
        double Inner = std::sqrt(2 / M_PI) * (X + 0.044715 * X * X * X);
        return Limit(X, X / 2 * (1 + std::tanh(Inner)));
      },
      1e-6, "form = #dure<gelu_form tanh>", 2e-7);
}

TEST(Elementwise, SineAndCosineOfLargeArguments) {
  std::vector<float> X = {0,       1e-8f,  0.5f,  -2,       3.14159274f, 100,
                          2048.7f, 131071, -1e6f, 16777216, Inf,         NaN};
  std::vector<float> Sine, Cosine;
  for (float V : X) {
    Sine.push_back(std::sin(double(V)));
    Cosine.push_back(std::cos(double(V)));
  }
  expectNear(unary("sin", X), Sine, 1e-7);
  expectNear(unary("cos", X), Cosine, 1e-7);
}

TEST(Elementwise, DoublesAreComputedInDoubles) {
  const std::vector<double> X = {-700, -30, -5.5, -2, -0.3, -1e-9,
                                 0,    0.1, 0.9,  3,  25,   650};
  auto Check = [&](const std::string &Op, double (*F)(double)) {
    SCOPED_TRACE(Op);
    std::string Type = std::to_string(X.size()) + "xf64";
    auto Got =
        evaluate<double>(dispatch(Op, {Type}, "", Type), X.size(), {}, X);
    for (size_t I = 0; I < X.size(); ++I) {
      double Want = F(X[I]);
      if (Want != Want)
        EXPECT_NE(Got[I], Got[I]);
      else if (std::abs(Want) <= 1e308)
        EXPECT_NEAR(Got[I], Want, std::abs(Want) * 2e-14) << "x = " << X[I];
      else
        EXPECT_EQ(Got[I], Want);
    }
  };
  Check("exp", std::exp);
  Check("log", std::log);
  Check("tanh", std::tanh);
  Check("erf", std::erf);
  Check("sin", std::sin);
  Check("cos", std::cos);
}

TEST(Elementwise, PowHasTheSpecialCasesOfC) {
  std::vector<float> X = {2,   2,    -2,   -2,  0, 0,  -0.0f, 1,   -1,
                          Inf, -Inf, 0.5f, NaN, 4, -8, 10,    -Inf};
  std::vector<float> Y = {10, -1, 3,   0.5f, 0,    -1,       -3, NaN, Inf,
                          -1, 3,  Inf, 0,    0.5f, 1.0f / 3, 30, 0.5f};
  std::vector<float> Want;
  for (size_t I = 0; I < X.size(); ++I)
    Want.push_back(std::pow(X[I], Y[I]));
  expectNear(binary<float>("pow", "f32", X, Y), Want);
}

TEST(Elementwise, PowOfIntegers) {
  EXPECT_EQ(binary<int64_t>("pow", "i64", {2, 3, -2, -1, 0, 5, 1, -1, 2},
                            {10, 4, 3, -3, 0, -1, -7, 70, 64}),
            (std::vector<int64_t>{1024, 81, -8, -1, 1, 0, 1, 1, 0}));
}

TEST(Elementwise, MinAndMaxPropagateNaN) {
  expectNear(binary<float>("min", "f32", {1, NaN, 3, -Inf}, {2, 0, NaN, Inf}),
             {1, NaN, NaN, -Inf});
  expectNear(binary<float>("max", "f32", {1, NaN, 3, -Inf}, {2, 0, NaN, Inf}),
             {2, NaN, NaN, Inf});
}

TEST(Elementwise, IntegerDivisionTruncatesAndNeverTraps) {
  int32_t Low = std::numeric_limits<int32_t>::min();
  EXPECT_EQ(binary<int32_t>("div", "i32", {7, -7, 7, Low}, {2, 2, -2, -1}),
            (std::vector<int32_t>{3, -3, -3, Low}));
  EXPECT_EQ(binary<int32_t>("mod", "i32", {7, -7, 7, Low}, {3, 3, -3, -1}),
            (std::vector<int32_t>{1, 2, -2, 0}));
  EXPECT_EQ(binary<int32_t>("mod", "i32", {7, -7, 7, Low}, {3, 3, -3, -1},
                            "fmod = true"),
            (std::vector<int32_t>{1, -1, 1, 0}));

  CompiledKernel Kernel(dispatch("div", {"2xi32", "2xi32"}, "", "2xi32"));
  std::vector<int32_t> X = {1, 2}, Y = {1, 0}, Result(2);
  EXPECT_EQ(Kernel.run({X.data(), Y.data(), Result.data()}), 2);
}

TEST(Elementwise, RemaindersOfFloats) {
  expectNear(binary<float>("mod", "f32", {5.3f, -5.3f, 5.3f, 1e6f, Inf, 1},
                           {2, 2, -2, 0.3f, 2, Inf}, "fmod = true"),
             {std::fmod(5.3f, 2.f), std::fmod(-5.3f, 2.f),
              std::fmod(5.3f, -2.f), std::fmod(1e6f, 0.3f), NaN, 1});
  expectNear(binary<float>("mod", "f32", {5.5f, -5.5f, 5.5f}, {2, 2, -2}),
             {1.5f, 0.5f, -0.5f});
}

TEST(Elementwise, UnsignedElementsAreUnsigned) {
  EXPECT_EQ(binary<uint8_t>("max", "ui8", {200, 3}, {100, 250}),
            (std::vector<uint8_t>{200, 250}));
  EXPECT_EQ(binary<uint8_t>("div", "ui8", {200, 255}, {3, 16}),
            (std::vector<uint8_t>{66, 15}));
  EXPECT_EQ(binary<uint8_t>("shr", "ui8", {128, 255, 1}, {7, 8, 200}),
            (std::vector<uint8_t>{1, 0, 0}));
  EXPECT_EQ(
      evaluate<uint8_t>(dispatch("compare", {"2xui8", "2xui8"},
                                 "predicate = #dure<predicate gt>", "2xi1"),
                        2, {}, std::vector<uint8_t>{200, 1},
                        std::vector<uint8_t>{100, 2}),
      (std::vector<uint8_t>{1, 0}));
}

TEST(Elementwise, OperandsBroadcast) {
  EXPECT_EQ(evaluate<float>(dispatch("sub", {"n x 1 x f32", "3 x f32"}, "",
                                     "n x 3 x f32", {"n"}),
                            6, {2}, std::vector<float>{10, 20},
                            std::vector<float>{1, 2, 3}),
            (std::vector<float>{9, 8, 7, 19, 18, 17}));
  EXPECT_EQ(evaluate<float>(dispatch("mul", {"2xf32", "f32"}, "", "2xf32"), 2,
                            {}, std::vector<float>{1, 2},
                            std::vector<float>{3}),
            (std::vector<float>{3, 6}));
}

TEST(Elementwise, EmptyTensorsAreFine) {
  EXPECT_EQ(evaluate<float>(dispatch("add", {"n x 4 x f32", "4xf32"}, "",
                                     "n x 4 x f32", {"n"}),
                            0, {0}, std::vector<float>{0},
                            std::vector<float>(4))
                .size(),
            0u);
}

TEST(Elementwise, SelectAndTestsOnTruthValues) {
  EXPECT_EQ(
      evaluate<float>(dispatch("select", {"3xi1", "3xf32", "f32"}, "", "3xf32"),
                      3, {}, std::vector<uint8_t>{1, 0, 1},
                      std::vector<float>{1, 2, 3}, std::vector<float>{-1}),
      (std::vector<float>{1, -1, 3}));
  EXPECT_EQ(evaluate<uint8_t>(dispatch("not", {"2xi1"}, "", "2xi1"), 2, {},
                              std::vector<uint8_t>{1, 0}),
            (std::vector<uint8_t>{0, 1}));
  std::vector<float> X = {1, NaN, Inf, -Inf};
  EXPECT_EQ(
      evaluate<uint8_t>(dispatch("is_nan", {"4xf32"}, "", "4xi1"), 4, {}, X),
      (std::vector<uint8_t>{0, 1, 0, 0}));
  EXPECT_EQ(
      evaluate<uint8_t>(
          dispatch("is_inf", {"4xf32"}, "negative = false", "4xi1"), 4, {}, X),
      (std::vector<uint8_t>{0, 0, 1, 0}));
}

TEST(Cast, FloatsToIntegersTruncateAndClamp) {
  std::vector<float> X = {1.9f, -1.9f, 300, -300, Inf, -Inf, NaN};
  EXPECT_EQ((cast<int8_t, float>("f32", "i8", X)),
            (std::vector<int8_t>{1, -1, 127, -128, 127, -128, 0}));
  EXPECT_EQ((cast<uint8_t, float>("f32", "ui8", X)),
            (std::vector<uint8_t>{1, 0, 255, 0, 255, 0, 0}));
  EXPECT_EQ((cast<int64_t, float>("f32", "i64", {1e30f, -1e30f, 5.5f})),
            (std::vector<int64_t>{std::numeric_limits<int64_t>::max(),
                                  std::numeric_limits<int64_t>::min(), 5}));
  EXPECT_EQ((cast<uint8_t, float>("f32", "i1", {0, -0.0f, 0.1f, NaN})),
            (std::vector<uint8_t>{0, 0, 1, 1}));
}

TEST(Cast, Integers) {
  EXPECT_EQ((cast<int8_t, int32_t>("i32", "i8", {1, 300, -1})),
            (std::vector<int8_t>{1, 44, -1}));
  EXPECT_EQ((cast<int32_t, uint8_t>("ui8", "i32", {200})),
            (std::vector<int32_t>{200}));
  EXPECT_EQ((cast<int32_t, uint8_t>("i1", "i32", {1, 0})),
            (std::vector<int32_t>{1, 0}));
  EXPECT_EQ((cast<float, uint8_t>("ui8", "f32", {255})),
            (std::vector<float>{255}));
  EXPECT_EQ((cast<uint8_t, int64_t>("i64", "i1", {0, 256, -1})),
            (std::vector<uint8_t>{0, 1, 1}));
}

TEST(Cast, TwoIntegersOfFourBitsAreAByte) {
  auto Packed = [](const char *From, const char *To, const auto &X) {
    return evaluate<uint8_t>(dispatch("cast", {std::string("n x 3 x ") + From},
                                      std::string("to = ") + To,
                                      std::string("n x 3 x ") + To, {"n"}),
                             (X.size() + 1) / 2,
                             {static_cast<int64_t>(X.size() / 3)}, X);
  };
  EXPECT_EQ(Packed("f32", "i4", std::vector<float>{-1, 7.5f, -9}),
            (std::vector<uint8_t>{0x7F, 0x08}));
  EXPECT_EQ(Packed("f32", "ui4", std::vector<float>{-1, 7.5f, 99, 1, 2, 3}),
            (std::vector<uint8_t>{0x70, 0x1F, 0x32}));
  EXPECT_EQ(Packed("i32", "i4", std::vector<int32_t>{-9, 16, 5}),
            (std::vector<uint8_t>{0x07, 0x05}));
  EXPECT_EQ(Packed("f32", "i4", std::vector<float>{}), std::vector<uint8_t>());
  std::vector<uint8_t> Bytes = {0x7F, 0x08};
  auto Unpacked = [&](const char *From) {
    return evaluate<int32_t>(dispatch("cast", {std::string("n x 3 x ") + From},
                                      "to = i32", "n x 3 x i32", {"n"}),
                             3, {1}, Bytes);
  };
  EXPECT_EQ(Unpacked("i4"), (std::vector<int32_t>{-1, 7, -8}));
  EXPECT_EQ(Unpacked("ui4"), (std::vector<int32_t>{15, 7, 8}));
}

TEST(Cast, HalvesRoundOnceToNearestEven) {
  // Between 1 and 1 + 2^-10, just above and at the middle.
  std::vector<double> X = {1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 65520, 1e-8,
                           NaN};
  EXPECT_EQ((cast<uint16_t, double>("f64", "f16", X)),
            (std::vector<uint16_t>{0x3C01, 0x3C00, 0x7C00, 0, 0x7E00}));
  std::vector<float> Y = {1 + 0x1p-8f, 1 + 0x1.8p-7f, -Inf};
  EXPECT_EQ((cast<uint16_t, float>("f32", "bf16", Y)),
            (std::vector<uint16_t>{0x3F80, 0x3F82, 0xFF80}));
  EXPECT_EQ((cast<float, uint16_t>("bf16", "f32", {0x3F81, 0xC000})),
            (std::vector<float>{1 + 0x1p-7f, -2}));
}

TEST(Cast, Float8) {
  std::vector<float> X = {1,   -1.5f, 448,   449,     1000,     Inf,       -Inf,
                          NaN, 0,     -0.0f, 0x1p-9f, 0x1p-10f, 0x1.8p-10f};
  EXPECT_EQ((cast<uint8_t, float>("f32", "f8E4M3FN", X)),
            (std::vector<uint8_t>{0x38, 0xBC, 0x7E, 0x7E, 0x7E, 0x7E, 0xFE,
                                  0x7F, 0x00, 0x80, 0x01, 0x00, 0x01}));
  EXPECT_EQ((cast<uint8_t, float>("f32", "f8E4M3FN", X, "false"))[4], 0x7F);
  EXPECT_EQ(
      (cast<uint8_t, float>("f32", "f8E5M2", {57344, 1e6f, Inf}, "false")),
      (std::vector<uint8_t>{0x7B, 0x7C, 0x7C}));
  EXPECT_EQ((cast<uint8_t, float>("f32", "f8E4M3FNUZ", {-0.0f, NaN, 240})),
            (std::vector<uint8_t>{0x00, 0x80, 0x7F}));
}

TEST(Cast, Float8RoundTripsThroughFloat) {
  for (std::string Type : {"f8E4M3FN", "f8E5M2", "f8E4M3FNUZ", "f8E5M2FNUZ"}) {
    SCOPED_TRACE(Type);
    std::vector<uint8_t> All(256);
    for (int I = 0; I < 256; ++I)
      All[I] = I;
    std::vector<float> Numbers = cast<float, uint8_t>(Type, "f32", All);
    std::vector<uint8_t> Back =
        cast<uint8_t, float>("f32", Type, Numbers, "false");
    for (int I = 0; I < 256; ++I)
      if (Numbers[I] == Numbers[I]) {
        EXPECT_EQ(int(Back[I]), I);
      }
  }
}
