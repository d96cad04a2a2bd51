// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions of f32 and f64 as arith and math ops.
#include "dialects/dure/ScalarMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace dure;

namespace {

constexpr double Infinity = std::numeric_limits<double>::infinity();
constexpr double NotANumber = std::numeric_limits<double>::quiet_NaN();
// ln 2 in two parts, the first with enough trailing zeros that k times it is
// exact for every exponent k.
constexpr double Ln2High = 6.93147180369123816490e-01;
constexpr double Ln2Low = 1.90821492927058770002e-10;
// pi / 2 in two parts, for reduction with fused multiply-add.
constexpr double HalfPiHigh = 1.57079632679489655800e+00;
constexpr double HalfPiLow = 6.12323399573676603587e-17;

bool isF64(Value V) { return getElementTypeOrSelf(V).isF64(); }

} // namespace

Type ScalarMath::computeType(Type Element) {
  auto Float = dyn_cast<FloatType>(Element);
  if (!Float || Float.getWidth() >= 32)
    return Element;
  return Float32Type::get(Element.getContext());
}

Type ScalarMath::shaped(Type Like, Type Element) {
  if (auto Vector = dyn_cast<VectorType>(Like))
    return Vector.cloneWith(std::nullopt, Element);
  return Element;
}

static Value makeConstant(ImplicitLocOpBuilder &B, Type Like, TypedAttr Value) {
  if (auto Vector = dyn_cast<VectorType>(Like))
    return arith::ConstantOp::create(
        B, DenseElementsAttr::get(Vector, cast<Attribute>(Value)));
  return arith::ConstantOp::create(B, Value);
}

Value ScalarMath::number(Type Like, double Value) {
  return makeConstant(B, Like,
                      B.getFloatAttr(getElementTypeOrSelf(Like), Value));
}

Value ScalarMath::integer(Type Like, int64_t Value) {
  auto Element = getElementTypeOrSelf(Like);
  unsigned Width = Element.isIndex() ? 64 : Element.getIntOrFloatBitWidth();
  APInt Bits(64, static_cast<uint64_t>(Value));
  return makeConstant(B, Like,
                      IntegerAttr::get(Element, Bits.sextOrTrunc(Width)));
}

/// Horner's rule, the coefficient of the highest power first.
Value ScalarMath::polynomial(Value X, ArrayRef<double> Coefficients) {
  Value Sum = number(X.getType(), Coefficients.front());
  for (double Coefficient : Coefficients.drop_front())
    Sum = math::FmaOp::create(B, Sum, X, number(X.getType(), Coefficient));
  return Sum;
}

//===----------------------------------------------------------------------===//
// exp and log
//===----------------------------------------------------------------------===//

/// e^x = 2^k e^r, k = round(x / ln 2), |r| <= ln(2) / 2; Taylor's polynomial of
/// degree 13 is within 2^-57 there. 2^k is applied in two halves, so that
/// subnormal results and overflow come out by themselves. With `Low`, e^(x +
/// Low) for a Low that is small beside x or beside 1.
Value ScalarMath::exp64(Value X, Value Low) {
  Type T = X.getType(), I64 = shaped(T, B.getI64Type());
  Value IsNaN = arith::CmpFOp::create(B, arith::CmpFPredicate::UNO, X, X);
  Value Safe = arith::SelectOp::create(B, IsNaN, number(T, 0), X);
  Safe = arith::MinimumFOp::create(B, Safe, number(T, 710));
  Safe = arith::MaximumFOp::create(B, Safe, number(T, -746));
  Value K = math::RoundEvenOp::create(
      B, arith::MulFOp::create(B, Safe, number(T, 1.44269504088896338700e+00)));
  Value R = math::FmaOp::create(B, K, number(T, -Ln2High), Safe);
  R = math::FmaOp::create(B, K, number(T, -Ln2Low), R);
  if (Low)
    R = arith::AddFOp::create(B, R, Low);

  SmallVector<double> Taylor(14);
  double Factorial = 1;
  for (int N = 0; N < 14; Factorial *= ++N)
    Taylor[13 - N] = 1 / Factorial;
  Value Result = polynomial(R, Taylor);

  Value Exponent = arith::FPToSIOp::create(B, I64, K);
  Value Half = arith::ShRSIOp::create(B, Exponent, integer(I64, 1));
  Value Rest = arith::SubIOp::create(B, Exponent, Half);
  for (Value Part : {Half, Rest}) {
    Value Bits = arith::AddIOp::create(B, Part, integer(I64, 1023));
    Bits = arith::ShLIOp::create(B, Bits, integer(I64, 52));
    Result =
        arith::MulFOp::create(B, Result, arith::BitcastOp::create(B, T, Bits));
  }
  return arith::SelectOp::create(B, IsNaN, X, Result);
}

/// e^x - 1 for |x| <= 1.1: Taylor's polynomial of degree 19 without its 1, as
/// x + x^2 (1/2 + ...), since that rounds x itself once only.
Value ScalarMath::expm1Small64(Value X) {
  SmallVector<double> Taylor(18);
  double Factorial = 1;
  for (int N = 2; N <= 19; ++N)
    Taylor[19 - N] = 1 / (Factorial *= N);
  Value Square = arith::MulFOp::create(B, X, X);
  return math::FmaOp::create(B, Square, polynomial(X, Taylor), X);
}

/// x = 2^e m with m in [sqrt 1/2, sqrt 2), for positive finite x.
std::pair<Value, Value> ScalarMath::splitExponent64(Value X) {
  Type T = X.getType(), I64 = shaped(T, B.getI64Type());
  Value Tiny = arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, X,
                                     number(T, 0x1p-1022));
  Value Scaled = arith::SelectOp::create(
      B, Tiny, arith::MulFOp::create(B, X, number(T, 0x1p54)), X);
  Value Bits = arith::BitcastOp::create(B, I64, Scaled);
  // The bits of sqrt 1/2: subtracting them makes the exponent field e.
  Value Shifted =
      arith::SubIOp::create(B, Bits, integer(I64, 0x3FE6A09E667F3BCDll));
  Value E = arith::ShRSIOp::create(B, Shifted, integer(I64, 52));
  Value MBits = arith::SubIOp::create(
      B, Bits, arith::ShLIOp::create(B, E, integer(I64, 52)));
  Value M = arith::BitcastOp::create(B, T, MBits);
  E = arith::SelectOp::create(B, Tiny,
                              arith::SubIOp::create(B, E, integer(I64, 54)), E);
  return {arith::SIToFPOp::create(B, T, E), M};
}

/// The logarithm of what is not positive and finite, else `Result`.
Value ScalarMath::logSpecial64(Value X, Value Result) {
  Type T = X.getType();
  auto Compare = [&](arith::CmpFPredicate P, double Y) -> Value {
    return arith::CmpFOp::create(B, P, X, number(T, Y));
  };
  Result = arith::SelectOp::create(B, Compare(arith::CmpFPredicate::OEQ, 0),
                                   number(T, -Infinity), Result);
  Result = arith::SelectOp::create(B, Compare(arith::CmpFPredicate::OLT, 0),
                                   number(T, NotANumber), Result);
  // Infinity and NaN pass through.
  return arith::SelectOp::create(
      B, Compare(arith::CmpFPredicate::OLT, Infinity), Result, X);
}

/// 2/3, 2/5, ... 2/23 without the first `Skipped`, the highest power first: the
/// coefficients of ln m = 2 f + f^3 (2/3 + 2/5 f^2 + ...).
static SmallVector<double> logSeries(int Skipped) {
  SmallVector<double> Odd;
  for (int N = 23; N >= 3 + 2 * Skipped; N -= 2)
    Odd.push_back(2.0 / N);
  return Odd;
}

/// ln x = e ln 2 + ln m with m in [sqrt 1/2, sqrt 2), and
/// ln m = 2 (f + f^3/3 + f^5/5 + ...), f = (m - 1) / (m + 1), |f| < 0.172.
Value ScalarMath::log64(Value X) {
  Type T = X.getType();
  auto [E, M] = splitExponent64(X);
  Value F = arith::DivFOp::create(B, arith::SubFOp::create(B, M, number(T, 1)),
                                  arith::AddFOp::create(B, M, number(T, 1)));
  Value F2 = arith::MulFOp::create(B, F, F);
  Value Tail = arith::MulFOp::create(
      B, F, arith::MulFOp::create(B, F2, polynomial(F2, logSeries(0))));
  Value Small = math::FmaOp::create(B, E, number(T, Ln2Low), Tail);
  Small = arith::AddFOp::create(B, Small, arith::AddFOp::create(B, F, F));
  return logSpecial64(X, math::FmaOp::create(B, E, number(T, Ln2High), Small));
}

/// The same as a sum of two numbers, within 2^-63 of it relatively: what pow
/// needs, where y multiplies the error. f, f^3 and the sum are carried in two
/// numbers each (Dekker, doi 10.1007/BF01397083); the low part is of no use
/// where the high one is not finite.
std::pair<Value, Value> ScalarMath::logPair64(Value X) {
  Type T = X.getType();
  auto Add = [&](Value L, Value R) -> Value {
    return arith::AddFOp::create(B, L, R);
  };
  auto Sub = [&](Value L, Value R) -> Value {
    return arith::SubFOp::create(B, L, R);
  };
  auto Mul = [&](Value L, Value R) -> Value {
    return arith::MulFOp::create(B, L, R);
  };
  auto Fma = [&](Value L, Value R, Value S) -> Value {
    return math::FmaOp::create(B, L, R, S);
  };
  auto Neg = [&](Value V) -> Value { return arith::NegFOp::create(B, V); };
  using Pair = std::pair<Value, Value>;
  auto Sum = [&](Value L, Value R) -> Pair {
    Value High = Add(L, R), Part = Sub(High, L);
    return {High, Add(Sub(L, Sub(High, Part)), Sub(R, Part))};
  };
  auto Product = [&](Pair L, Pair R) -> Pair {
    Value High = Mul(L.first, R.first);
    Value Low = Fma(L.first, R.first, Neg(High));
    Low = Fma(L.first, R.second, Low);
    return {High, Fma(L.second, R.first, Low)};
  };

  auto [E, M] = splitExponent64(X);
  Value N = Sub(M, number(T, 1)); // exact
  Pair D = Sum(M, number(T, 1));
  Value F = arith::DivFOp::create(B, N, D.first);
  Value Rest = Fma(Neg(F), D.second, Fma(Neg(F), D.first, N));
  Pair Quotient = {F, arith::DivFOp::create(B, Rest, D.first)};
  Pair Square = Product(Quotient, Quotient);
  Pair Cube = Product(Quotient, Square);
  // 2/3 in two numbers.
  Pair Third =
      Product(Cube, {number(T, 2.0 / 3), number(T, 3.70074341541718826e-17)});
  Value Tail = Mul(Mul(Cube.first, Square.first),
                   polynomial(Square.first, logSeries(1)));

  Pair Result = Sum(Mul(E, number(T, Ln2High)), Add(F, F));
  Pair WithThird = Sum(Result.first, Third.first);
  Pair WithTail = Sum(WithThird.first, Tail);
  Value Low = Add(Add(Result.second, WithThird.second), WithTail.second);
  Low = Add(Low, Add(Third.second, Add(Quotient.second, Quotient.second)));
  Low = Fma(E, number(T, Ln2Low), Low);
  return {logSpecial64(X, WithTail.first), Low};
}

Value ScalarMath::exp(Value X) {
  return isF64(X) ? exp64(X) : math::ExpOp::create(B, X).getResult();
}

Value ScalarMath::log(Value X) {
  return isF64(X) ? log64(X) : math::LogOp::create(B, X).getResult();
}

Value ScalarMath::log1p(Value X) {
  if (!isF64(X))
    return math::Log1pOp::create(B, X);
  // ln u with u = 1 + x rounded, corrected by the rounding error over u.
  Type T = X.getType();
  Value U = arith::AddFOp::create(B, X, number(T, 1));
  Value Error =
      arith::SubFOp::create(B, X, arith::SubFOp::create(B, U, number(T, 1)));
  return arith::AddFOp::create(B, log64(U), arith::DivFOp::create(B, Error, U));
}

//===----------------------------------------------------------------------===//
// Sigmoid-like functions
//===----------------------------------------------------------------------===//

/// f32: an odd polynomial below 0.625, 1 - 2 / (e^2|x| + 1) above. (Minimax
/// coefficients; error of the polynomial 0.07 ulp.)
Value ScalarMath::tanh32(Value X) {
  static constexpr double Near[] = {-0.005704986862838268, 0.0206390880048275,
                                    -0.05373971536755562, 0.13331441581249237,
                                    -0.3333328068256378};
  Type T = X.getType();
  Value Square = arith::MulFOp::create(B, X, X);
  Value Odd = arith::MulFOp::create(B, Square, polynomial(Square, Near));
  Value Small = math::FmaOp::create(B, Odd, X, X);

  Value A = math::AbsFOp::create(B, X);
  Value E = exp(arith::AddFOp::create(B, A, A));
  Value Rest = arith::DivFOp::create(B, number(T, 2),
                                     arith::AddFOp::create(B, E, number(T, 1)));
  Value Large = math::CopySignOp::create(
      B, arith::SubFOp::create(B, number(T, 1), Rest), X);
  Value IsSmall =
      arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, A, number(T, 0.625));
  return arith::SelectOp::create(B, IsSmall, Small, Large);
}

Value ScalarMath::tanh(Value X) {
  if (!isF64(X))
    return tanh32(X);
  // With m = e^2|x| - 1, tanh |x| = m / (m + 2): m without cancellation below
  // 0.55, and 1 - 2 / (m + 2) above, where m may be infinite.
  Type T = X.getType();
  Value A = math::AbsFOp::create(B, X);
  Value Twice = arith::AddFOp::create(B, A, A);
  Value M = expm1Small64(arith::MinimumFOp::create(B, Twice, number(T, 1.1)));
  Value Near =
      arith::DivFOp::create(B, M, arith::AddFOp::create(B, M, number(T, 2)));
  Value E = arith::AddFOp::create(B, exp64(Twice), number(T, 1));
  Value Far = arith::SubFOp::create(B, number(T, 1),
                                    arith::DivFOp::create(B, number(T, 2), E));
  Value IsNear =
      arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, A, number(T, 0.55));
  return math::CopySignOp::create(
      B, arith::SelectOp::create(B, IsNear, Near, Far), X);
}

/// f32: x + x P(x^2) below 0.93; 1 - e^(-x Q(x)) above, where 1 is reached at
/// 3.95. (Minimax coefficients; error of the polynomials 0.05 ulp.)
Value ScalarMath::erf32(Value X) {
  static constexpr double Near[] = {
      8.31677534733899e-05,  -0.0008130013011395931, 0.005199906881898642,
      -0.026858940720558167, 0.11283687502145767,    -0.37612631916999817,
      0.12837916612625122};
  static constexpr double Far[] = {
      -0.00021398495300672948, 0.003214955562725663, -0.022889964282512665,
      0.10526183992624283,     0.6357182860374451,   1.1285144090652466};
  Type T = X.getType();
  Value Square = arith::MulFOp::create(B, X, X);
  Value Small = math::FmaOp::create(B, polynomial(Square, Near), X, X);

  Value A = math::AbsFOp::create(B, X);
  Value Bound = arith::MinimumFOp::create(B, A, number(T, 3.95));
  Value Exponent = arith::NegFOp::create(
      B, arith::MulFOp::create(B, Bound, polynomial(Bound, Far)));
  Value Large = math::CopySignOp::create(
      B, arith::SubFOp::create(B, number(T, 1), exp(Exponent)), X);
  Value IsSmall =
      arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, A, number(T, 0.93));
  return arith::SelectOp::create(B, IsSmall, Small, Large);
}

Value ScalarMath::erf(Value X) {
  if (!isF64(X))
    return erf32(X);
  // Below 1 Taylor's series; above, 1 - e^-x^2 P(x - 2), where P is e^x^2 erfc
  // x fitted on [1, 6] with the weight e^-x^2: error 0.2 ulp of the result,
  // which is 1 from 6 on.
  static constexpr double Far[] = {
      1.129161226964584e-12,   -1.5447311114079833e-11, 9.488511735964107e-11,
      -3.88179002201544e-10,   1.4483361203982642e-09,  -5.7730271228455665e-09,
      2.3291538834325126e-08,  -9.08893434277508e-08,   3.449415753968881e-07,
      -1.2793825573535284e-06, 4.628106780489758e-06,   -1.629380320964117e-05,
      5.572834128114715e-05,   -0.00018477833660277126, 0.0005924699915725223,
      -0.0018316642815174062,  0.005440738537413565,    -0.015460637763849542,
      0.04180275260355816,     -0.10679646185349756,    0.2553956763105053};
  constexpr int Terms = 20;
  SmallVector<double> Near(Terms); // 2/sqrt(pi) (-1)^n / (n! (2n + 1))
  double Factorial = 1.12837916709551257390;
  for (int N = 0; N < Terms; Factorial /= -++N)
    Near[Terms - 1 - N] = Factorial / (2 * N + 1);
  Type T = X.getType();
  Value A = math::AbsFOp::create(B, X);
  A = arith::MinimumFOp::create(B, A, number(T, 6));
  Value Square = arith::MulFOp::create(B, A, A);
  Value Small = arith::MulFOp::create(B, A, polynomial(Square, Near));
  Value Rest = arith::MulFOp::create(
      B, exp64(arith::NegFOp::create(B, Square)),
      polynomial(arith::SubFOp::create(B, A, number(T, 2)), Far));
  Value Large = arith::SubFOp::create(B, number(T, 1), Rest);
  Value IsSmall =
      arith::CmpFOp::create(B, arith::CmpFPredicate::OLT, A, number(T, 1));
  return math::CopySignOp::create(
      B, arith::SelectOp::create(B, IsSmall, Small, Large), X);
}

Value ScalarMath::sigmoid(Value X) {
  Type T = X.getType();
  Value One = number(T, 1);
  Value E = exp(arith::NegFOp::create(B, X));
  return arith::DivFOp::create(B, One, arith::AddFOp::create(B, One, E));
}

/// x, but not so low that x times a vanishing factor is infinity times zero.
static Value boundBelow(ImplicitLocOpBuilder &B, ScalarMath &Math, Value X) {
  return arith::MaximumFOp::create(B, X, Math.number(X.getType(), -1000));
}

Value ScalarMath::silu(Value X) {
  X = boundBelow(B, *this, X);
  Value E = exp(arith::NegFOp::create(B, X));
  return arith::DivFOp::create(
      B, X, arith::AddFOp::create(B, number(X.getType(), 1), E));
}

Value ScalarMath::softplus(Value X) {
  // max(x, 0) + ln(1 + e^-|x|): nothing overflows.
  Value E = exp(arith::NegFOp::create(B, math::AbsFOp::create(B, X)));
  Value Bound = arith::MaximumFOp::create(B, X, number(X.getType(), 0));
  return arith::AddFOp::create(B, Bound, log1p(E));
}

Value ScalarMath::geluErf(Value X) {
  Type T = X.getType();
  X = boundBelow(B, *this, X);
  Value Scaled = arith::MulFOp::create(B, X, number(T, 0.70710678118654752440));
  Value Phi = arith::MulFOp::create(
      B, number(T, 0.5), arith::AddFOp::create(B, number(T, 1), erf(Scaled)));
  return arith::MulFOp::create(B, X, Phi);
}

Value ScalarMath::geluTanh(Value X) {
  Type T = X.getType();
  X = boundBelow(B, *this, X);
  Value Cube = arith::MulFOp::create(B, arith::MulFOp::create(B, X, X), X);
  Value Inner = arith::AddFOp::create(
      B, X, arith::MulFOp::create(B, number(T, 0.044715), Cube));
  Inner = arith::MulFOp::create(B, number(T, 0.79788456080286535588), Inner);
  Value Phi = arith::MulFOp::create(
      B, number(T, 0.5), arith::AddFOp::create(B, number(T, 1), tanh(Inner)));
  return arith::MulFOp::create(B, X, Phi);
}

//===----------------------------------------------------------------------===//
// sin and cos
//===----------------------------------------------------------------------===//

/// sin(x + Quadrant pi/2), in f64: r = x - k pi/2 by two fused steps, then
/// Taylor's polynomials on |r| <= pi/4, chosen and signed by k.
Value ScalarMath::sinCos(Value X, int64_t Quadrant) {
  Type Original = X.getType();
  Type T = shaped(Original, B.getF64Type()), I64 = shaped(T, B.getI64Type());
  if (Original != T)
    X = arith::ExtFOp::create(B, T, X);
  Value InRange =
      arith::CmpFOp::create(B, arith::CmpFPredicate::OLT,
                            math::AbsFOp::create(B, X), number(T, 0x1p52));
  Value Safe = arith::SelectOp::create(B, InRange, X, number(T, 0));
  Value K = math::RoundEvenOp::create(
      B, arith::MulFOp::create(B, Safe, number(T, 0.63661977236758134308)));
  Value R = math::FmaOp::create(B, K, number(T, -HalfPiHigh), Safe);
  R = math::FmaOp::create(B, K, number(T, -HalfPiLow), R);
  Value R2 = arith::MulFOp::create(B, R, R);

  SmallVector<double> Sine, Cosine; // 1/(2n+1)! and 1/(2n)!, alternating
  double Factorial = 1;
  for (int N = 0; N <= 18; Factorial *= ++N)
    (N % 2 ? Sine : Cosine).push_back((N / 2 % 2 ? -1 : 1) / Factorial);
  std::reverse(Sine.begin(), Sine.end());
  std::reverse(Cosine.begin(), Cosine.end());
  Value S = arith::MulFOp::create(B, R, polynomial(R2, Sine));
  Value C = polynomial(R2, Cosine);

  Value Q = arith::AddIOp::create(B, arith::FPToSIOp::create(B, I64, K),
                                  integer(I64, Quadrant));
  auto HasBit = [&](int64_t Bit) -> Value {
    return arith::CmpIOp::create(B, arith::CmpIPredicate::ne,
                                 arith::AndIOp::create(B, Q, integer(I64, Bit)),
                                 integer(I64, 0));
  };
  Value Result = arith::SelectOp::create(B, HasBit(1), C, S);
  Result = arith::SelectOp::create(B, HasBit(2),
                                   arith::NegFOp::create(B, Result), Result);
  // Infinity and NaN give NaN; what is larger than 2^52, an unspecified number.
  Value Invalid = arith::SubFOp::create(B, X, X);
  Value IsFinite =
      arith::CmpFOp::create(B, arith::CmpFPredicate::OEQ, Invalid, Invalid);
  Result = arith::SelectOp::create(B, IsFinite, Result, Invalid);
  if (Original != T)
    Result = arith::TruncFOp::create(B, Original, Result);
  return Result;
}

Value ScalarMath::sin(Value X) { return sinCos(X, 0); }
Value ScalarMath::cos(Value X) { return sinCos(X, 1); }

/// In f64: a = min(|x|, 1 / |x|), then t = (a - 1) / (a + 1) where a is beyond
/// tan(pi / 8), so that |t| <= tan(pi / 8) for Taylor's polynomial.
Value ScalarMath::atan(Value X) {
  Type Original = X.getType();
  Type T = shaped(Original, B.getF64Type());
  if (Original != T)
    X = arith::ExtFOp::create(B, T, X);
  constexpr double HalfPi = 1.57079632679489661923, Bound = 0.41421356237309505;
  Value One = number(T, 1), Size = math::AbsFOp::create(B, X);
  auto IsBeyond = [&](Value V, double Limit) -> Value {
    return arith::CmpFOp::create(B, arith::CmpFPredicate::OGT, V,
                                 number(T, Limit));
  };
  auto Choose = [&](Value Condition, Value L, Value R) -> Value {
    return arith::SelectOp::create(B, Condition, L, R);
  };
  Value IsLarge = IsBeyond(Size, 1);
  Value A = Choose(IsLarge, arith::DivFOp::create(B, One, Size), Size);
  Value IsNearOne = IsBeyond(A, Bound);
  Value Turned = arith::DivFOp::create(B, arith::SubFOp::create(B, A, One),
                                       arith::AddFOp::create(B, A, One));
  Value R = Choose(IsNearOne, Turned, A);
  SmallVector<double> Series; // (-1)^n / (2n + 1), down to tan(pi/8)^43 / 43
  for (int N = 21; N >= 1; --N)
    Series.push_back((N % 2 ? -1.0 : 1.0) / (2 * N + 1));
  Value Square = arith::MulFOp::create(B, R, R);
  Value Tail = arith::MulFOp::create(B, Square, polynomial(Square, Series));
  Value Angle = math::FmaOp::create(B, R, Tail, R);
  Angle = Choose(IsNearOne,
                 arith::AddFOp::create(B, Angle, number(T, HalfPi / 2)), Angle);
  Angle = Choose(IsLarge, arith::SubFOp::create(B, number(T, HalfPi), Angle),
                 Angle);
  Value Result = math::CopySignOp::create(B, Angle, X);
  if (Original != T)
    Result = arith::TruncFOp::create(B, Original, Result);
  return Result;
}

//===----------------------------------------------------------------------===//
// pow and fmod
//===----------------------------------------------------------------------===//

/// |x|^y = e^(y ln |x|); then the sign of an odd integer power and the special
/// cases of C's pow. `Exactly` carries y ln |x| in two numbers: the exponential
/// makes of its error, absolute, one of as many units.
Value ScalarMath::pow64(Value X, Value Y, bool Exactly) {
  Type T = X.getType();
  Value Zero = number(T, 0), One = number(T, 1), Half = number(T, 0.5);
  auto Compare = [&](arith::CmpFPredicate P, Value L, Value R) -> Value {
    return arith::CmpFOp::create(B, P, L, R);
  };
  auto Select = [&](Value Condition, Value L, Value R) -> Value {
    return arith::SelectOp::create(B, Condition, L, R);
  };
  using P = arith::CmpFPredicate;
  Value A = math::AbsFOp::create(B, X);
  Value Exponent, Low;
  if (Exactly) {
    auto [High, Rest] = logPair64(A);
    Exponent = arith::MulFOp::create(B, Y, High);
    Low = math::FmaOp::create(B, Y, High, arith::NegFOp::create(B, Exponent));
    Low = math::FmaOp::create(B, Y, Rest, Low);
    // Beyond, the result is zero, infinite or NaN whatever it is.
    Value IsUsed =
        Compare(P::OLT, math::AbsFOp::create(B, Exponent), number(T, 800));
    Low = Select(IsUsed, Low, Zero);
  } else {
    Exponent = arith::MulFOp::create(B, Y, log64(A));
  }
  Value Result = exp64(Exponent, Low);
  Result = Select(Compare(P::OEQ, A, One), One, Result);

  Value IsInteger = Compare(P::OEQ, math::FloorOp::create(B, Y), Y);
  Value HalfY = arith::MulFOp::create(B, Y, Half);
  Value IsOdd = arith::AndIOp::create(
      B, IsInteger, Compare(P::ONE, math::FloorOp::create(B, HalfY), HalfY));
  Value IsNegative = Compare(P::OLT, math::CopySignOp::create(B, One, X), Zero);
  Result = Select(arith::AndIOp::create(B, IsNegative, IsOdd),
                  arith::NegFOp::create(B, Result), Result);
  // A finite negative number has no real power that is not an integer.
  Value NoPower = arith::AndIOp::create(
      B, Compare(P::OLT, X, Zero),
      arith::AndIOp::create(B, Compare(P::OLT, A, number(T, Infinity)),
                            Compare(P::UNE, math::FloorOp::create(B, Y), Y)));
  Result = Select(NoPower, number(T, NotANumber), Result);
  Value IsOne = arith::OrIOp::create(B, Compare(P::OEQ, Y, Zero),
                                     Compare(P::OEQ, X, One));
  return Select(IsOne, One, Result);
}

/// |x| - q |y| with q = trunc(|x| / |y|), which may be off by one.
Value ScalarMath::fmod64(Value X, Value Y) {
  using P = arith::CmpFPredicate;
  Type T = X.getType();
  Value A = math::AbsFOp::create(B, X), D = math::AbsFOp::create(B, Y);
  Value Q = math::TruncOp::create(B, arith::DivFOp::create(B, A, D));
  Value R = math::FmaOp::create(B, arith::NegFOp::create(B, Q), D, A);
  R = arith::SelectOp::create(B,
                              arith::CmpFOp::create(B, P::OLT, R, number(T, 0)),
                              arith::AddFOp::create(B, R, D), R);
  R = arith::SelectOp::create(B, arith::CmpFOp::create(B, P::OGE, R, D),
                              arith::SubFOp::create(B, R, D), R);
  Value Whole = arith::CmpFOp::create(B, P::OLT, A, D);
  return math::CopySignOp::create(B, arith::SelectOp::create(B, Whole, A, R),
                                  X);
}

Value ScalarMath::pow(Value X, Value Y) {
  if (isF64(X))
    return pow64(X, Y, /*Exactly=*/true);
  Type T = shaped(X.getType(), B.getF64Type());
  Value Result = pow64(arith::ExtFOp::create(B, T, X),
                       arith::ExtFOp::create(B, T, Y), /*Exactly=*/false);
  return arith::TruncFOp::create(B, X.getType(), Result);
}

Value ScalarMath::fmod(Value X, Value Y) {
  if (isF64(X))
    return fmod64(X, Y);
  Type T = shaped(X.getType(), B.getF64Type());
  Value Result =
      fmod64(arith::ExtFOp::create(B, T, X), arith::ExtFOp::create(B, T, Y));
  return arith::TruncFOp::create(B, X.getType(), Result);
}
