// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Error bounds of the functions of f32 and f64, in units in the last place.
//
// The bounds are part of what Dure promises. They are measured here against
// the C library in a wider type, in the canonical lowering and in kernels of
// the CPU target, which contract products and sums and use other vectors.
#include "CompiledKernel.h"

#include <algorithm>
#include <cmath>
#include <functional>

using namespace dure::test;

namespace {

using Wide = long double;
using Function = std::function<Wide(Wide)>;

/// The distance between neighbours at a number, normal at least.
template <typename T> Wide ulp(Wide X) {
  int Exponent;
  std::frexp(X, &Exponent);
  int Lowest = std::numeric_limits<T>::min_exponent;
  return std::ldexp(Wide(1), std::max(Exponent, Lowest) -
                                 std::numeric_limits<T>::digits);
}

/// Numbers with magnitudes from `Low` to `High`, evenly spread over exponents;
/// with `Negative` those of both signs.
template <typename T>
std::vector<T> sweep(double Low, double High, bool Negative) {
  constexpr int Count = 20000;
  std::vector<T> X;
  for (int I = 0; I <= Count; ++I) {
    T V = static_cast<T>(Low * std::pow(High / Low, double(I) / Count));
    X.push_back(V);
    if (Negative)
      X.push_back(-V);
  }
  return X;
}

template <typename T> const char *Name = "f32";
template <> const char *Name<double> = "f64";

/// The parameter is the CPU variant, or empty for the canonical lowering.
class Accuracy : public testing::TestWithParam<const char *> {
protected:
  /// What one dispatch gives for operands of equal length.
  template <typename T>
  std::vector<T> run(const std::string &Op, const std::string &Attributes,
                     const std::vector<std::vector<T>> &Operands) {
    std::string Type = std::to_string(Operands[0].size()) + "x" + Name<T>;
    std::vector<std::string> Types(Operands.size(), Type);
    CompiledKernel Kernel(dispatch(Op, Types, Attributes, Type), GetParam());
    std::vector<T> Result(Operands[0].size());
    std::vector<void *> Bindings;
    for (auto &Operand : Operands)
      Bindings.push_back(pointer(Operand.data()));
    Bindings.push_back(Result.data());
    EXPECT_EQ(Kernel.run(Bindings), 0);
    return Result;
  }

  /// `Relative` is an error relative to X that does not count.
  template <typename T>
  void compare(double Ulps, const std::vector<T> &X, const std::vector<T> &Got,
               const std::function<Wide(size_t)> &Want, double Relative = 0) {
    ASSERT_EQ(X.size(), Got.size());
    Wide Worst = 0;
    size_t At = 0;
    for (size_t I = 0; I < X.size(); ++I) {
      Wide Error = std::abs(Got[I] - Want(I)) - Relative * std::abs(X[I]);
      Error = std::max(Wide(0), Error) / ulp<T>(Want(I));
      // Written so that NaN is the worst.
      if (!(Error <= Worst)) {
        Worst = Error;
        At = I;
      }
    }
    EXPECT_LE(Worst, Ulps) << "worst at x = " << X[At] << ": " << Got[At]
                           << " for " << Want(At);
  }

  template <typename T>
  void expectWithin(double Ulps, const std::string &Op, const std::vector<T> &X,
                    const Function &F, const std::string &Attributes = "",
                    double Relative = 0) {
    SCOPED_TRACE(Op + " of " + Name<T>);
    compare<T>(
        Ulps, X, run<T>(Op, Attributes, {X}), [&](size_t I) { return F(X[I]); },
        Relative);
  }

  template <typename T>
  void expectPower(double Ulps, const std::vector<T> &X,
                   const std::vector<T> &Y) {
    SCOPED_TRACE(std::string("pow of ") + Name<T>);
    compare<T>(Ulps, X, run<T>("pow", "", {X, Y}),
               [&](size_t I) { return std::pow(Wide(X[I]), Wide(Y[I])); });
  }

  template <typename T> void expectActivations(double Softplus);
};

Wide sigmoid(Wide X) { return 1 / (1 + std::exp(-X)); }

} // namespace

TEST_P(Accuracy, ExponentialAndLogarithm) {
  Function Exp = [](Wide X) { return std::exp(X); };
  Function Log = [](Wide X) { return std::log(X); };
  expectWithin(1, "exp", sweep<float>(1e-6, 87, true), Exp);
  expectWithin(1, "log", sweep<float>(1e-37, 1e37, false), Log);
  expectWithin(1, "log", sweep<float>(0.5, 2, false), Log);
  expectWithin(1, "exp", sweep<double>(1e-6, 700, true), Exp);
  expectWithin(1, "log", sweep<double>(1e-300, 1e300, false), Log);
  expectWithin(2, "log", sweep<double>(0.5, 2, false), Log);
}

TEST_P(Accuracy, TanhAndErf) {
  Function Tanh = [](Wide X) { return std::tanh(X); };
  Function Erf = [](Wide X) { return std::erf(X); };
  expectWithin(1.25, "tanh", sweep<float>(1e-6, 20, true), Tanh);
  expectWithin(1.25, "erf", sweep<float>(1e-6, 6, true), Erf);
  expectWithin(2.1, "tanh", sweep<double>(1e-6, 40, true), Tanh);
  expectWithin(2, "erf", sweep<double>(1e-6, 7, true), Erf);
}

TEST_P(Accuracy, SineAndCosine) {
  Function Sin = [](Wide X) { return std::sin(X); };
  Function Cos = [](Wide X) { return std::cos(X); };
  expectWithin(0.51, "sin", sweep<float>(1e-6, 1e7, true), Sin);
  expectWithin(0.51, "cos", sweep<float>(1e-6, 1e7, true), Cos);
  expectWithin(1.75, "sin", sweep<double>(1e-6, 1e7, true), Sin);
  expectWithin(1.75, "cos", sweep<double>(1e-6, 1e7, true), Cos);
}

TEST_P(Accuracy, Arctangent) {
  Function Atan = [](Wide X) { return std::atan(X); };
  expectWithin(0.51, "atan", sweep<float>(1e-30, 1e30, true), Atan);
  expectWithin(0.51, "atan", sweep<float>(0.3, 3, true), Atan);
  expectWithin(2.5, "atan", sweep<double>(1e-100, 1e100, true), Atan);
  expectWithin(2.5, "atan", sweep<double>(0.3, 3, true), Atan);
}

TEST_P(Accuracy, Roots) {
  Function Rsqrt = [](Wide X) { return 1 / std::sqrt(X); };
  expectWithin(1.5, "rsqrt", sweep<float>(1e-37, 1e37, false), Rsqrt);
  expectWithin(1.5, "rsqrt", sweep<double>(1e-300, 1e300, false), Rsqrt);
}

TEST_P(Accuracy, Powers) {
  // x^y with y such that results go through all magnitudes.
  auto X = sweep<float>(1e-3, 1e3, false);
  std::vector<float> Y(X.size());
  for (size_t I = 0; I < X.size(); ++I)
    Y[I] = float((double(I % 101) - 50) / 5);
  expectPower<float>(0.51, X, Y);
  std::vector<double> WideX(X.begin(), X.end()), WideY(Y.begin(), Y.end());
  for (double &Each : WideY)
    Each *= 10;
  expectPower<double>(2, WideX, WideY);
}

template <typename T> void Accuracy::expectActivations(double Softplus) {
  expectWithin(2, "sigmoid", sweep<T>(1e-6, 80, true), sigmoid);
  expectWithin(2, "silu", sweep<T>(1e-6, 80, true),
               [](Wide X) { return X * sigmoid(X); });
  expectWithin(Softplus, "softplus", sweep<T>(1e-6, 80, true),
               [](Wide X) { return std::log1p(std::exp(X)); });
  // 1 + erf (or tanh) cancels for negative x, as in the models that spell it
  // out: two units of 1 are the error of the factor.
  double Relative = std::ldexp(1.0, -std::numeric_limits<T>::digits);
  expectWithin(
      2, "gelu", sweep<T>(1e-6, 10, true),
      [](Wide X) { return X / 2 * std::erfc(-X / std::sqrt(Wide(2))); },
      "form = #dure<gelu_form erf>", Relative);
  expectWithin(
      2, "gelu", sweep<T>(1e-6, 10, true),
      [](Wide X) {
        Wide Inner =
            std::sqrt(2 / Wide(M_PIl)) * (X + Wide(0.044715) * X * X * X);
        return X * sigmoid(2 * Inner);
      },
      "form = #dure<gelu_form tanh>", Relative);
}

TEST_P(Accuracy, Activations) { expectActivations<float>(2.1); }
TEST_P(Accuracy, ActivationsOfDoubles) { expectActivations<double>(2.75); }

// Tests e^x as softmax has it: of (x, 0) it is e^x / (1 + e^x), in two more
// roundings.
TEST_P(Accuracy, Softmax) {
  auto X = sweep<float>(1e-6, 87, true);
  std::vector<float> Rows(2 * X.size()), Result(2 * X.size());
  for (size_t I = 0; I < X.size(); ++I)
    Rows[2 * I] = X[I];
  std::string Type = std::to_string(X.size()) + "x2xf32";
  CompiledKernel Kernel(dispatch("softmax", {Type}, "axis = 1 : i64", Type),
                        GetParam());
  ASSERT_EQ(Kernel.run({Rows.data(), Result.data()}), 0);
  std::vector<float> First(X.size()), Second(X.size());
  for (size_t I = 0; I < X.size(); ++I) {
    First[I] = Result[2 * I];
    Second[I] = Result[2 * I + 1];
  }
  compare<float>(3, X, First, [&](size_t I) { return sigmoid(X[I]); });
  compare<float>(3, X, Second, [&](size_t I) { return sigmoid(-Wide(X[I])); });
}

// Tests attention's own softmax and softcap: with keys (x, 0) and values (1, 0)
// the result is the first weight.
TEST_P(Accuracy, Attention) {
  auto X = sweep<float>(1e-6, 80, true);
  std::string Batch = std::to_string(X.size());
  std::vector<float> Q(X.size(), 1), K(2 * X.size()), V(2 * X.size());
  for (size_t I = 0; I < X.size(); ++I) {
    K[2 * I] = X[I];
    V[2 * I] = 1;
  }
  for (float Cap : {0.0f, 16.0f}) {
    SCOPED_TRACE(Cap);
    std::string Keys = Batch + "x1x2x1xf32", Row = Batch + "x1x1x1xf32";
    std::string Attributes =
        "scale = 1.0 : f32, softcap = " + std::to_string(Cap) +
        " : f32, empty_row = #dure<empty_row zero>, operandSegmentSizes = "
        "array<i32: 1, 1, 1, 0, 0>";
    CompiledKernel Kernel(
        dispatch("attention", {Row, Keys, Keys}, Attributes, Row), GetParam());
    std::vector<float> Result(X.size());
    ASSERT_EQ(Kernel.run({Q.data(), K.data(), V.data(), Result.data()}), 0);
    // The capped score is rounded thrice before e^x is taken of it.
    double Ulps = Cap > 0 ? 3 + 1.5 * Cap : 3;
    compare<float>(Ulps, X, Result, [&](size_t I) {
      return sigmoid(Cap > 0 ? Cap * std::tanh(Wide(X[I]) / Cap) : Wide(X[I]));
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Compilers, Accuracy,
                         testing::Values("", "native", "x86-64-v3"),
                         [](const auto &Info) {
                           std::string Name = Info.param;
                           std::replace(Name.begin(), Name.end(), '-', '_');
                           return Name.empty() ? "reference" : Name;
                         });
