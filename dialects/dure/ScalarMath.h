// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalar numerics as arith and math ops: conversions and functions.
//
// Included by Elementwise.cpp, the canonical lowerings and targets that build
// kernels by hand. Depends on arith and math only. Everything works on scalars
// and on vectors of any shape alike; no function branches.
//
// Why functions here and not math ops alone: upstream expands math ops in f32
// only, tanh and erf to 4 ulp, sin and cos with one rounding in the reduction,
// and calls libm for the rest; kernels import nothing.
#ifndef DURE_DIALECTS_DURE_SCALARMATH_H
#define DURE_DIALECTS_DURE_SCALARMATH_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dure {

/// Builds scalar expressions at the builder's insertion point.
class ScalarMath {
public:
  ScalarMath(mlir::OpBuilder &Builder, mlir::Location Loc) : B(Loc, Builder) {}

  /// The type that elements are computed in: f32 for narrower floats, else
  /// the type itself. Rounding an f32 result of +, -, *, / or sqrt to f16 or
  /// bf16 gives the correctly rounded result of that type.
  static mlir::Type computeType(mlir::Type Element);

  /// A constant shaped as `Like` (a scalar or vector type).
  mlir::Value number(mlir::Type Like, double Value);
  mlir::Value integer(mlir::Type Like, int64_t Value);
  /// `Like` with another element type.
  static mlir::Type shaped(mlir::Type Like, mlir::Type Element);

  /// Converts between element types of the dure dialect; `From` and `To` say
  /// signedness, the values are signless. Integers wrap; floats become the
  /// nearest integer towards zero, clamped to its range, NaN becoming 0; to i1
  /// is `!= 0`; narrower floats round to nearest even, from f64 in one
  /// rounding. fp8 overflow gives the largest value with `Saturate`, else
  /// infinity or NaN.
  mlir::Value convert(mlir::Value V, mlir::Type From, mlir::Type To,
                      bool Saturate = true);

  // Functions of f32 and f64 (scalars or vectors): about 2 ulp, what is made of
  // them 3; sin, cos, atan, pow and fmod of f32 are computed in f64. Each bound
  // is stated, and tested, in test/unit/lowering/AccuracyTest.cpp.
  mlir::Value exp(mlir::Value X);
  mlir::Value log(mlir::Value X);
  /// ln(1 + x) for x in [0, 1].
  mlir::Value log1p(mlir::Value X);
  mlir::Value tanh(mlir::Value X);
  mlir::Value erf(mlir::Value X);
  /// Accurate for |x| < 2^52.
  mlir::Value sin(mlir::Value X);
  mlir::Value cos(mlir::Value X);
  mlir::Value atan(mlir::Value X);
  mlir::Value sigmoid(mlir::Value X);
  mlir::Value silu(mlir::Value X);
  mlir::Value softplus(mlir::Value X);
  mlir::Value geluErf(mlir::Value X);
  mlir::Value geluTanh(mlir::Value X);
  /// C's pow, special cases included.
  mlir::Value pow(mlir::Value X, mlir::Value Y);
  /// C's fmod, for |x / y| < 2^52.
  mlir::Value fmod(mlir::Value X, mlir::Value Y);

private:
  friend class Float8;
  mlir::Value convertFloats(mlir::Value V, mlir::Type To, bool Saturate);
  mlir::Value floatToInteger(mlir::Value V, mlir::IntegerType To);
  mlir::Value integerToFloat(mlir::Value V, mlir::IntegerType From,
                             mlir::FloatType To, bool Saturate);
  mlir::Value roundToOdd(mlir::Value V);
  mlir::Value sinCos(mlir::Value X, int64_t Quadrant);
  mlir::Value tanh32(mlir::Value X);
  mlir::Value erf32(mlir::Value X);
  mlir::Value exp64(mlir::Value X, mlir::Value Low = {});
  mlir::Value expm1Small64(mlir::Value X);
  std::pair<mlir::Value, mlir::Value> splitExponent64(mlir::Value X);
  mlir::Value logSpecial64(mlir::Value X, mlir::Value Result);
  mlir::Value log64(mlir::Value X);
  std::pair<mlir::Value, mlir::Value> logPair64(mlir::Value X);
  mlir::Value pow64(mlir::Value X, mlir::Value Y, bool Exactly);
  mlir::Value fmod64(mlir::Value X, mlir::Value Y);
  mlir::Value polynomial(mlir::Value X, llvm::ArrayRef<double> Coefficients);

  mlir::ImplicitLocOpBuilder B;
};

} // namespace dure

#endif // DURE_DIALECTS_DURE_SCALARMATH_H
