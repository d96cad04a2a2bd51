// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Error bounds of the f32 functions, in units in the last place.
//
// The bounds are part of what Dure promises: kernels of all CPU targets use
// these functions. They are measured here against the C library in f64.
#include "CompiledKernel.h"

#include <bit>
#include <cmath>
#include <functional>

using namespace dure::test;

namespace {

/// The distance between neighbours at a number, normal at least.
double ulp(double X) {
  int Exponent;
  std::frexp(X, &Exponent);
  return std::ldexp(1.0, std::max(Exponent, -125) - 24);
}

/// Numbers of both signs with magnitudes from `Low` to `High`, evenly spread
/// over exponents.
std::vector<float> sweep(double Low, double High, bool Negative) {
  constexpr int Count = 20000;
  std::vector<float> X;
  for (int I = 0; I <= Count; ++I) {
    float V = static_cast<float>(Low * std::pow(High / Low, double(I) / Count));
    X.push_back(V);
    if (Negative)
      X.push_back(-V);
  }
  return X;
}

/// `Relative` is an error relative to the argument that does not count.
void expectWithin(double Ulps, const std::string &Op,
                  const std::vector<float> &X, std::function<double(double)> F,
                  const std::string &Attributes = "", double Relative = 0) {
  SCOPED_TRACE(Op);
  std::string Type = std::to_string(X.size()) + "xf32";
  std::vector<float> Got =
      evaluate<float>(dispatch(Op, {Type}, Attributes, Type), X.size(), {}, X);
  double Worst = 0;
  float At = 0;
  for (size_t I = 0; I < X.size(); ++I) {
    double Want = F(X[I]);
    double Error =
        std::max(0.0, std::abs(Got[I] - Want) - Relative * std::abs(X[I]));
    if (!(Error / ulp(Want) <= Worst)) {
      Worst = Error / ulp(Want);
      At = X[I];
    }
  }
  EXPECT_LE(Worst, Ulps) << "worst at x = " << At;
}

double sigmoid(double X) { return 1 / (1 + std::exp(-X)); }

} // namespace

TEST(Accuracy, ExponentialAndLogarithm) {
  expectWithin(1, "exp", sweep(1e-6, 87, true),
               [](double X) { return std::exp(X); });
  expectWithin(1, "log", sweep(1e-37, 1e37, false),
               [](double X) { return std::log(X); });
  expectWithin(1, "log", sweep(0.5, 2, false),
               [](double X) { return std::log(X); });
}

TEST(Accuracy, TanhAndErf) {
  expectWithin(1.25, "tanh", sweep(1e-6, 20, true),
               [](double X) { return std::tanh(X); });
  expectWithin(1.25, "erf", sweep(1e-6, 6, true),
               [](double X) { return std::erf(X); });
}

TEST(Accuracy, SineAndCosine) {
  expectWithin(0.51, "sin", sweep(1e-6, 1e7, true),
               [](double X) { return std::sin(X); });
  expectWithin(0.51, "cos", sweep(1e-6, 1e7, true),
               [](double X) { return std::cos(X); });
}

TEST(Accuracy, Activations) {
  expectWithin(2, "sigmoid", sweep(1e-6, 80, true), sigmoid);
  expectWithin(2, "silu", sweep(1e-6, 80, true),
               [](double X) { return X * sigmoid(X); });
  expectWithin(2.1, "softplus", sweep(1e-6, 80, true),
               [](double X) { return std::log1p(std::exp(X)); });
  // 1 + erf cancels for negative x, as in the models that spell it out: two
  // units of 1 are the error of the factor.
  expectWithin(
      2, "gelu", sweep(1e-6, 10, true),
      [](double X) { return X / 2 * std::erfc(-X / M_SQRT2); },
      "form = #dure<gelu_form erf>", 0x1p-24);
}
