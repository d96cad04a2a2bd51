// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conversions between element types as arith and math ops.
#include "dialects/dure/ScalarMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace dure;

/// i1 is a truth value: 0 or 1.
static bool isUnsignedInMeaning(IntegerType Type) {
  return Type.isUnsigned() || Type.getWidth() == 1;
}

namespace dure {

/// Eight-bit floats by their bits: LLVM has no instruction for them on most
/// machines.
class Float8 {
public:
  static bool is(Type Element) {
    return isa<Float8E4M3FNType, Float8E5M2Type, Float8E4M3FNUZType,
               Float8E5M2FNUZType, Float8E8M0FNUType>(Element);
  }
  Float8(ScalarMath &Math, Type Element);

  /// fp8 to f32, exact.
  Value decode(Value V);
  /// f32 to fp8, to nearest even.
  Value encode(Value V, bool Saturate);

private:
  Value decodeScale(Value Bits);
  Value encodeScale(Value V);
  Value select(Value Condition, Value L, Value R) {
    return arith::SelectOp::create(B, Condition, L, R);
  }
  Value compare(arith::CmpIPredicate P, Value L, int64_t R) {
    return arith::CmpIOp::create(B, P, L, Math.integer(L.getType(), R));
  }
  Value shiftLeft(Value V, int64_t Bits) {
    return arith::ShLIOp::create(B, V, Math.integer(V.getType(), Bits));
  }
  Value shiftRight(Value V, int64_t Bits) {
    return arith::ShRUIOp::create(B, V, Math.integer(V.getType(), Bits));
  }
  Value add(Value V, int64_t Other) {
    return arith::AddIOp::create(B, V, Math.integer(V.getType(), Other));
  }
  Value mask(Value V, int64_t Bits) {
    return arith::AndIOp::create(B, V, Math.integer(V.getType(), Bits));
  }

  ScalarMath &Math;
  ImplicitLocOpBuilder &B;
  Type Element;
  /// Bits of the mantissa, exponent bias, the code of the largest value.
  int64_t Mantissa = 0, Bias = 0, Largest = 0;
  /// Only E5M2 has an infinity.
  bool HasInfinity = false;
  /// No negative zero: its code is NaN.
  bool IsUnsignedZero = false;
};

} // namespace dure

Float8::Float8(ScalarMath &Math, Type Element)
    : Math(Math), B(Math.B), Element(Element) {
  if (isa<Float8E4M3FNType>(Element)) {
    Mantissa = 3, Bias = 7, Largest = 0x7E;
  } else if (isa<Float8E5M2Type>(Element)) {
    Mantissa = 2, Bias = 15, Largest = 0x7B, HasInfinity = true;
  } else if (isa<Float8E4M3FNUZType>(Element)) {
    Mantissa = 3, Bias = 8, Largest = 0x7F, IsUnsignedZero = true;
  } else if (isa<Float8E5M2FNUZType>(Element)) {
    Mantissa = 2, Bias = 16, Largest = 0x7F, IsUnsignedZero = true;
  }
}

/// E8M0: 2^(code - 127); 0xFF is NaN. Code 0 is a subnormal f32.
Value Float8::decodeScale(Value Bits) {
  Value Float = shiftLeft(Bits, 23);
  Float = select(compare(arith::CmpIPredicate::eq, Bits, 0),
                 Math.integer(Bits.getType(), 0x00400000), Float);
  return select(compare(arith::CmpIPredicate::eq, Bits, 0xFF),
                Math.integer(Bits.getType(), 0x7FC00000), Float);
}

Value Float8::decode(Value V) {
  Type I8 = ScalarMath::shaped(V.getType(), B.getI8Type());
  Type I32 = ScalarMath::shaped(V.getType(), B.getI32Type());
  Type F32 = ScalarMath::shaped(V.getType(), B.getF32Type());
  Value Bits =
      arith::ExtUIOp::create(B, I32, arith::BitcastOp::create(B, I8, V));
  if (isa<Float8E8M0FNUType>(Element))
    return arith::BitcastOp::create(B, F32, decodeScale(Bits));

  Value Magnitude = mask(Bits, 0x7F);
  Value Exponent = shiftRight(Magnitude, Mantissa);
  // Normal numbers move their fields to f32's places and change the bias.
  Value Normal = add(shiftLeft(Magnitude, 23 - Mantissa), (127 - Bias) << 23);
  Value Fraction =
      arith::UIToFPOp::create(B, F32, mask(Magnitude, (1 << Mantissa) - 1));
  Value Subnormal = arith::MulFOp::create(
      B, Fraction, Math.number(F32, std::ldexp(1.0, 1 - Bias - Mantissa)));
  Value Result = select(compare(arith::CmpIPredicate::eq, Exponent, 0),
                        arith::BitcastOp::create(B, I32, Subnormal), Normal);
  if (!IsUnsignedZero)
    Result = select(compare(arith::CmpIPredicate::ugt, Magnitude,
                            HasInfinity ? 0x7C : 0x7E),
                    Math.integer(I32, 0x7FC00000), Result);
  if (HasInfinity)
    Result = select(compare(arith::CmpIPredicate::eq, Magnitude, 0x7C),
                    Math.integer(I32, 0x7F800000), Result);
  Value Sign = shiftLeft(mask(Bits, 0x80), 24);
  Result = arith::OrIOp::create(B, Result, Sign);
  if (IsUnsignedZero)
    Result = select(compare(arith::CmpIPredicate::eq, Bits, 0x80),
                    Math.integer(I32, 0x7FC00000), Result);
  return arith::BitcastOp::create(B, F32, Result);
}

/// E8M0 holds scales: the next power of two that is not smaller than |v|.
Value Float8::encodeScale(Value V) {
  Type I32 = ScalarMath::shaped(V.getType(), B.getI32Type());
  Value Bits = mask(arith::BitcastOp::create(B, I32, V), 0x7FFFFFFF);
  Value Code = shiftRight(add(Bits, 0x007FFFFF), 23);
  Code = select(compare(arith::CmpIPredicate::ugt, Code, 0xFE),
                Math.integer(I32, 0xFE), Code);
  return select(compare(arith::CmpIPredicate::ugt, Bits, 0x7F800000),
                Math.integer(I32, 0xFF), Code);
}

Value Float8::encode(Value V, bool Saturate) {
  Type I8 = ScalarMath::shaped(V.getType(), B.getI8Type());
  Type I32 = ScalarMath::shaped(V.getType(), B.getI32Type());
  Type Out = ScalarMath::shaped(V.getType(), Element);
  Value Code;
  if (isa<Float8E8M0FNUType>(Element)) {
    Code = encodeScale(V);
  } else {
    Value All = arith::BitcastOp::create(B, I32, V);
    Value Sign = mask(shiftRight(All, 24), 0x80);
    Value Bits = mask(All, 0x7FFFFFFF);
    // Normal results: add half a unit in the last place, or just less when the
    // kept part is even, and drop the rest of the mantissa.
    int64_t Dropped = 23 - Mantissa;
    Value Even = mask(shiftRight(Bits, Dropped), 1);
    Value Rounded =
        arith::AddIOp::create(B, add(Bits, (1ll << (Dropped - 1)) - 1), Even);
    Value Normal =
        add(shiftRight(Rounded, Dropped), -((127 - Bias) << Mantissa));
    // Subnormal results: the code is the number of smallest steps.
    Value IsSmall =
        compare(arith::CmpIPredicate::ult, Bits, (128 - Bias) << 23);
    Value Magnitude = select(IsSmall, math::AbsFOp::create(B, V),
                             Math.number(V.getType(), 0));
    Value Steps = math::RoundEvenOp::create(
        B, arith::MulFOp::create(
               B, Magnitude,
               Math.number(V.getType(), std::ldexp(1.0, Bias - 1 + Mantissa))));
    Code = select(IsSmall, arith::FPToSIOp::create(B, I32, Steps), Normal);

    int64_t NaN = HasInfinity ? 0x7E : 0x7F;
    int64_t Overflow = Saturate ? Largest : (HasInfinity ? 0x7C : NaN);
    Value IsOver = compare(arith::CmpIPredicate::sgt, Code, Largest);
    Value IsNaN = compare(arith::CmpIPredicate::ugt, Bits, 0x7F800000);
    Code = select(IsOver, Math.integer(I32, Overflow), Code);
    Code = select(IsNaN, Math.integer(I32, NaN), Code);
    Value Signed = arith::OrIOp::create(B, Code, Sign);
    if (IsUnsignedZero) {
      Signed = select(compare(arith::CmpIPredicate::eq, Code, 0), Code, Signed);
      Value Lost =
          Saturate ? IsNaN : Value(arith::OrIOp::create(B, IsNaN, IsOver));
      Signed = select(Lost, Math.integer(I32, 0x80), Signed);
    }
    Code = Signed;
  }
  return arith::BitcastOp::create(B, Out, arith::TruncIOp::create(B, I8, Code));
}

/// f64 to f32, to the neighbour with an odd mantissa when inexact: rounding
/// that once more to a type with two bits less at least is correct rounding of
/// the f64. (Boldo and Melquiond, Emulation of FMA and correctly rounded sums.)
Value ScalarMath::roundToOdd(Value V) {
  Type F64 = V.getType();
  Type F32 = shaped(F64, B.getF32Type()), I32 = shaped(F64, B.getI32Type());
  using P = arith::CmpFPredicate;
  Value Near = arith::TruncFOp::create(B, F32, V);
  Value Back = arith::ExtFOp::create(B, F64, Near);
  Value Bits = arith::BitcastOp::create(B, I32, Near);
  Value Exact = arith::CmpFOp::create(B, P::UEQ, Back, V);
  Value Above = arith::CmpFOp::create(B, P::OGT, math::AbsFOp::create(B, Back),
                                      math::AbsFOp::create(B, V));
  // Truncated: one unit lower when rounding went up; then the last bit is set.
  Value Lower = arith::SubIOp::create(B, Bits, integer(I32, 1));
  Value Odd = arith::OrIOp::create(
      B, arith::SelectOp::create(B, Above, Lower, Bits), integer(I32, 1));
  Value Result = arith::SelectOp::create(B, Exact, Bits, Odd);
  return arith::BitcastOp::create(B, F32, Result);
}

Value ScalarMath::convertFloats(Value V, Type To, bool Saturate) {
  Type From = getElementTypeOrSelf(V);
  if (From == To)
    return V;
  if (Float8::is(From)) {
    V = Float8(*this, From).decode(V);
    return convertFloats(V, To, Saturate);
  }
  unsigned FromWidth = From.getIntOrFloatBitWidth();
  unsigned ToWidth = To.getIntOrFloatBitWidth();
  if (ToWidth > FromWidth && FromWidth >= 32)
    return arith::ExtFOp::create(B, shaped(V.getType(), To), V);
  // Everything narrower meets in f32.
  Type F32 = shaped(V.getType(), B.getF32Type());
  if (FromWidth < 32) {
    V = arith::ExtFOp::create(B, F32, V);
    return convertFloats(V, To, Saturate);
  }
  if (FromWidth == 64 && ToWidth < 32) {
    V = roundToOdd(V);
    return convertFloats(V, To, Saturate);
  }
  if (Float8::is(To))
    return Float8(*this, To).encode(V, Saturate);
  return arith::TruncFOp::create(B, shaped(V.getType(), To), V);
}

/// Towards zero, clamped to the type's range, NaN as 0. The bounds are powers
/// of two (or zero, or minus one), so that they are exact in every float type.
Value ScalarMath::floatToInteger(Value V, IntegerType To) {
  using P = arith::CmpFPredicate;
  Type T = V.getType();
  unsigned Width = To.getWidth();
  bool Unsigned = isUnsignedInMeaning(To);
  Type Out = shaped(T, IntegerType::get(To.getContext(), Width));
  double End = std::ldexp(1.0, Unsigned ? Width : Width - 1);
  double Begin = Unsigned ? 0 : -End;
  Value TooHigh = arith::CmpFOp::create(B, P::OGE, V, number(T, End));
  Value TooLow = arith::CmpFOp::create(B, P::OLT, V, number(T, Begin));
  Value IsNaN = arith::CmpFOp::create(B, P::UNO, V, V);
  Value Outside =
      arith::OrIOp::create(B, IsNaN, arith::OrIOp::create(B, TooHigh, TooLow));
  Value Safe = arith::SelectOp::create(B, Outside, number(T, 0), V);
  Value Result;
  if (Unsigned)
    Result = arith::FPToUIOp::create(B, Out, Safe);
  else
    Result = arith::FPToSIOp::create(B, Out, Safe);
  APInt Max =
      Unsigned ? APInt::getMaxValue(Width) : APInt::getSignedMaxValue(Width);
  APInt Min = Unsigned ? APInt(Width, 0) : APInt::getSignedMinValue(Width);
  Result = arith::SelectOp::create(B, TooHigh, integer(Out, Max.getSExtValue()),
                                   Result);
  return arith::SelectOp::create(B, TooLow, integer(Out, Min.getSExtValue()),
                                 Result);
}

Value ScalarMath::integerToFloat(Value V, IntegerType From, FloatType To,
                                 bool Saturate) {
  // The first float is exact for what a second rounding follows.
  bool Narrow = From.getWidth() <= 24;
  Type First = To.getWidth() >= 32 ? Type(To)
               : Narrow            ? Type(B.getF32Type())
                                   : Type(B.getF64Type());
  Type T = shaped(V.getType(), First);
  Value Result;
  if (isUnsignedInMeaning(From))
    Result = arith::UIToFPOp::create(B, T, V);
  else
    Result = arith::SIToFPOp::create(B, T, V);
  return convertFloats(Result, To, Saturate);
}

Value ScalarMath::convert(Value V, Type From, Type To, bool Saturate) {
  if (From == To)
    return V;
  auto FromInteger = dyn_cast<IntegerType>(From);
  auto ToInteger = dyn_cast<IntegerType>(To);
  if (!FromInteger && !ToInteger)
    return convertFloats(V, To, Saturate);
  if (!FromInteger) {
    V = convertFloats(V, computeType(From), Saturate);
    if (ToInteger.getWidth() == 1)
      return arith::CmpFOp::create(B, arith::CmpFPredicate::UNE, V,
                                   number(V.getType(), 0));
    return floatToInteger(V, ToInteger);
  }
  if (!ToInteger)
    return integerToFloat(V, FromInteger, cast<FloatType>(To), Saturate);

  if (ToInteger.getWidth() == 1)
    return FromInteger.getWidth() == 1
               ? V
               : arith::CmpIOp::create(B, arith::CmpIPredicate::ne, V,
                                       integer(V.getType(), 0));
  Type Out = shaped(V.getType(),
                    IntegerType::get(To.getContext(), ToInteger.getWidth()));
  if (ToInteger.getWidth() < FromInteger.getWidth())
    return arith::TruncIOp::create(B, Out, V);
  if (ToInteger.getWidth() == FromInteger.getWidth())
    return V;
  if (isUnsignedInMeaning(FromInteger))
    return arith::ExtUIOp::create(B, Out, V);
  return arith::ExtSIOp::create(B, Out, V);
}
