// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The scalar semantics of the elementwise family, once for every target.
#include "dialects/dure/DureOps.h"
#include "dialects/dure/ScalarMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>
#include <optional>

using namespace mlir;
using namespace dure;

namespace {

/// One elementwise op on scalars or vectors.
class ElementBuilder {
public:
  ElementBuilder(Operation *Op, OpBuilder &Builder, Location Loc,
                 ValueRange Args)
      : Op(Op), B(Loc, Builder), Math(Builder, Loc), Args(Args),
        Element(getElementTypeOrSelf(Op->getOperand(0).getType())),
        Compute(ScalarMath::computeType(Element)) {}

  Value build();

private:
  /// Operand `I` in the type that is computed in.
  Value operand(unsigned I) {
    Type From = getElementTypeOrSelf(Op->getOperand(I).getType());
    if (isa<IntegerType>(From))
      return Args[I];
    return Math.convert(Args[I], From, ScalarMath::computeType(From));
  }
  /// A computed number in the element type of the result.
  Value rounded(Value V) {
    return isFloat() ? Math.convert(V, Compute, Element) : V;
  }

  bool isFloat() const { return isa<FloatType>(Element); }
  bool isUnsigned() const {
    return Element.isUnsignedInteger() || Element.isInteger(1);
  }

  Value unary(Value X);
  Value floatFunction(Value X);
  Value binary(Value L, Value R);
  Value sign(Value X);
  Value bitcast(Type To);
  Value divide(Value L, Value R, bool Remainder);
  Value modulo(Value L, Value R, bool TowardsZero);
  Value shift(Value L, Value R, bool Left);
  Value compare(Value L, Value R, ComparePredicate Predicate);
  Value isInfinite(IsInfOp Inf);
  Value power();
  Value powerOfConstant(Value X, double Exponent);
  Value integerPower(Value X, Value N, bool ExponentUnsigned);

  Value select(Value Condition, Value L, Value R) {
    return arith::SelectOp::create(B, Condition, L, R);
  }
  Value compareIntegers(arith::CmpIPredicate P, Value L, int64_t R) {
    return arith::CmpIOp::create(B, P, L, Math.integer(L.getType(), R));
  }
  Value number(double V) { return Math.number(Args[0].getType(), V); }

  Operation *Op;
  ImplicitLocOpBuilder B;
  ScalarMath Math;
  ValueRange Args;
  Type Element, Compute;
};

} // namespace

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

Value ElementBuilder::sign(Value X) {
  Type T = X.getType();
  if (!isFloat()) {
    Value One = Math.integer(T, 1), Zero = Math.integer(T, 0);
    Value NotZero = compareIntegers(arith::CmpIPredicate::ne, X, 0);
    if (isUnsigned())
      return select(NotZero, One, Zero);
    Value IsNegative = compareIntegers(arith::CmpIPredicate::slt, X, 0);
    return select(IsNegative, Math.integer(T, -1), select(NotZero, One, Zero));
  }
  // Zero and NaN give themselves.
  Value Zero = Math.number(T, 0);
  Value NotZero = arith::CmpFOp::create(B, arith::CmpFPredicate::ONE, X, Zero);
  return select(NotZero, math::CopySignOp::create(B, Math.number(T, 1), X), X);
}

/// Functions that the verifier admits on floats only.
Value ElementBuilder::floatFunction(Value X) {
  Type T = X.getType();
  return llvm::TypeSwitch<Operation *, Value>(Op)
      .Case([&](ExpOp) { return Math.exp(X); })
      .Case([&](LogOp) { return Math.log(X); })
      .Case([&](SqrtOp) { return math::SqrtOp::create(B, X); })
      .Case([&](RsqrtOp) {
        return arith::DivFOp::create(B, Math.number(T, 1),
                                     math::SqrtOp::create(B, X));
      })
      .Case([&](ReciprocalOp) {
        return arith::DivFOp::create(B, Math.number(T, 1), X);
      })
      .Case([&](SigmoidOp) { return Math.sigmoid(X); })
      .Case([&](TanhOp) { return Math.tanh(X); })
      .Case([&](ErfOp) { return Math.erf(X); })
      .Case([&](SinOp) { return Math.sin(X); })
      .Case([&](CosOp) { return Math.cos(X); })
      .Case([&](AtanOp) { return Math.atan(X); })
      .Case([&](FloorOp) { return math::FloorOp::create(B, X); })
      .Case([&](CeilOp) { return math::CeilOp::create(B, X); })
      .Case([&](RoundOp) { return math::RoundEvenOp::create(B, X); })
      .Case([&](SiluOp) { return Math.silu(X); })
      .Case([&](SoftplusOp) { return Math.softplus(X); })
      .Case([&](GeluOp Gelu) {
        return Gelu.getForm() == GeluForm::Erf ? Math.geluErf(X)
                                               : Math.geluTanh(X);
      })
      .Default(Value());
}

Value ElementBuilder::unary(Value X) {
  Type T = X.getType();
  auto IsNegative = [&]() -> Value {
    return compareIntegers(arith::CmpIPredicate::slt, X, 0);
  };
  auto Negated = [&]() -> Value {
    return arith::SubIOp::create(B, Math.integer(T, 0), X);
  };
  if (isa<AbsOp>(Op)) {
    if (isFloat())
      return math::AbsFOp::create(B, X);
    return isUnsigned() ? X : select(IsNegative(), Negated(), X);
  }
  if (isa<NegOp>(Op))
    return isFloat() ? Value(arith::NegFOp::create(B, X)) : Negated();
  if (isa<SignOp>(Op))
    return sign(X);
  if (isa<NotOp>(Op))
    return arith::XOrIOp::create(B, X, Math.integer(T, -1));
  if (isa<ReluOp>(Op)) {
    if (isFloat())
      return arith::MaximumFOp::create(B, X, Math.number(T, 0));
    return isUnsigned() ? X : select(IsNegative(), Math.integer(T, 0), X);
  }
  return floatFunction(X);
}

Value ElementBuilder::isInfinite(IsInfOp Inf) {
  constexpr double Infinity = std::numeric_limits<double>::infinity();
  Value X = operand(0);
  Type T = X.getType(), I1 = ScalarMath::shaped(T, B.getI1Type());
  Value Result = Math.integer(I1, 0);
  auto OrEqual = [&](double Value) {
    mlir::Value Is = arith::CmpFOp::create(B, arith::CmpFPredicate::OEQ, X,
                                           Math.number(T, Value));
    Result = arith::OrIOp::create(B, Result, Is);
  };
  if (Inf.getNegative())
    OrEqual(-Infinity);
  if (Inf.getPositive())
    OrEqual(Infinity);
  return Result;
}

Value ElementBuilder::bitcast(Type To) {
  Type Signless = To;
  if (auto Integer = dyn_cast<IntegerType>(To))
    Signless = B.getIntegerType(Integer.getWidth());
  Value X = Args[0];
  Type Result = ScalarMath::shaped(X.getType(), Signless);
  if (Element.isInteger(1) && !To.isInteger(1)) {
    X = arith::ExtUIOp::create(
        B, ScalarMath::shaped(X.getType(), B.getI8Type()), X);
  } else if (To.isInteger(1) && !Element.isInteger(1)) {
    if (isFloat())
      X = arith::BitcastOp::create(
          B, ScalarMath::shaped(X.getType(), B.getI8Type()), X);
    return compareIntegers(arith::CmpIPredicate::ne, X, 0);
  }
  return X.getType() == Result ? X
                               : Value(arith::BitcastOp::create(B, Result, X));
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// Division and remainder of integers that never trap: dividing by zero gives
/// the numerator (its remainder is 0), and the lowest number over -1 wraps.
/// That a divisor is zero is reported by the canonical lowering's own check.
Value ElementBuilder::divide(Value L, Value R, bool Remainder) {
  Type T = L.getType();
  Value One = Math.integer(T, 1);
  Value Unsafe = compareIntegers(arith::CmpIPredicate::eq, R, 0);
  if (isUnsigned()) {
    R = select(Unsafe, One, R);
    return Remainder ? Value(arith::RemUIOp::create(B, L, R))
                     : Value(arith::DivUIOp::create(B, L, R));
  }
  Value IsMinusOne = compareIntegers(arith::CmpIPredicate::eq, R, -1);
  R = select(arith::OrIOp::create(B, Unsafe, IsMinusOne), One, R);
  if (Remainder)
    return arith::RemSIOp::create(B, L, R);
  return select(IsMinusOne, arith::SubIOp::create(B, Math.integer(T, 0), L),
                arith::DivSIOp::create(B, L, R));
}

/// A remainder with L's sign, or with R's: then R is added where they differ.
Value ElementBuilder::modulo(Value L, Value R, bool TowardsZero) {
  if (isFloat()) {
    Value Rest = Math.fmod(L, R);
    if (TowardsZero)
      return Rest;
    Value Zero = Math.number(L.getType(), 0);
    using P = arith::CmpFPredicate;
    Value Differ =
        arith::CmpIOp::create(B, arith::CmpIPredicate::ne,
                              arith::CmpFOp::create(B, P::OLT, Rest, Zero),
                              arith::CmpFOp::create(B, P::OLT, R, Zero));
    Value IsRest = arith::CmpFOp::create(B, P::ONE, Rest, Zero);
    return select(arith::AndIOp::create(B, Differ, IsRest),
                  arith::AddFOp::create(B, Rest, R), Rest);
  }
  Value Rest = divide(L, R, /*Remainder=*/true);
  if (TowardsZero || isUnsigned())
    return Rest;
  // The sign bit of the exclusive or says that the signs differ.
  Value Differ = compareIntegers(arith::CmpIPredicate::slt,
                                 arith::XOrIOp::create(B, Rest, R), 0);
  Value IsRest = compareIntegers(arith::CmpIPredicate::ne, Rest, 0);
  return select(arith::AndIOp::create(B, Differ, IsRest),
                arith::AddIOp::create(B, Rest, R), Rest);
}

Value ElementBuilder::shift(Value L, Value R, bool Left) {
  Type T = L.getType();
  unsigned Width = getElementTypeOrSelf(T).getIntOrFloatBitWidth();
  Value InRange = compareIntegers(arith::CmpIPredicate::ult, R, Width);
  Value Zero = Math.integer(T, 0);
  if (!Left && !isUnsigned()) {
    // Signs alone are left behind the width.
    R = select(InRange, R, Math.integer(T, Width - 1));
    return arith::ShRSIOp::create(B, L, R);
  }
  R = select(InRange, R, Zero);
  Value Shifted = Left ? Value(arith::ShLIOp::create(B, L, R))
                       : Value(arith::ShRUIOp::create(B, L, R));
  return select(InRange, Shifted, Zero);
}

Value ElementBuilder::compare(Value L, Value R, ComparePredicate Predicate) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static constexpr F Floats[] = {F::OEQ, F::UNE, F::OLT,
                                 F::OLE, F::OGT, F::OGE};
  static constexpr I Signed[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static constexpr I Unsigned[] = {I::eq,  I::ne,  I::ult,
                                   I::ule, I::ugt, I::uge};
  auto Index = static_cast<unsigned>(Predicate);
  if (isFloat())
    return arith::CmpFOp::create(B, Floats[Index], L, R);
  return arith::CmpIOp::create(
      B, isUnsigned() ? Unsigned[Index] : Signed[Index], L, R);
}

Value ElementBuilder::binary(Value L, Value R) {
  bool Float = isFloat(), Unsigned = isUnsigned();
  return llvm::TypeSwitch<Operation *, Value>(Op)
      .Case([&](AddOp) -> Value {
        return Float ? Value(arith::AddFOp::create(B, L, R))
                     : Value(arith::AddIOp::create(B, L, R));
      })
      .Case([&](SubOp) -> Value {
        return Float ? Value(arith::SubFOp::create(B, L, R))
                     : Value(arith::SubIOp::create(B, L, R));
      })
      .Case([&](MulOp) -> Value {
        return Float ? Value(arith::MulFOp::create(B, L, R))
                     : Value(arith::MulIOp::create(B, L, R));
      })
      .Case([&](DivOp) -> Value {
        return Float ? Value(arith::DivFOp::create(B, L, R))
                     : divide(L, R, /*Remainder=*/false);
      })
      .Case([&](MinOp) -> Value {
        return Float      ? Value(arith::MinimumFOp::create(B, L, R))
               : Unsigned ? Value(arith::MinUIOp::create(B, L, R))
                          : Value(arith::MinSIOp::create(B, L, R));
      })
      .Case([&](MaxOp) -> Value {
        return Float      ? Value(arith::MaximumFOp::create(B, L, R))
               : Unsigned ? Value(arith::MaxUIOp::create(B, L, R))
                          : Value(arith::MaxSIOp::create(B, L, R));
      })
      .Case([&](ModOp Mod) { return modulo(L, R, Mod.getFmod()); })
      .Case([&](AndOp) { return arith::AndIOp::create(B, L, R); })
      .Case([&](OrOp) { return arith::OrIOp::create(B, L, R); })
      .Case([&](XorOp) { return arith::XOrIOp::create(B, L, R); })
      .Case([&](ShiftLeftOp) { return shift(L, R, /*Left=*/true); })
      .Case([&](ShiftRightOp) { return shift(L, R, /*Left=*/false); })
      .Default(Value());
}

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

/// The number that all elements of a visible constant have.
static std::optional<double> splatNumber(Value Tensor) {
  DenseElementsAttr Elements;
  if (!matchPattern(Tensor, m_Constant(&Elements)) || !Elements.isSplat())
    return std::nullopt;
  if (isa<FloatType>(Elements.getElementType())) {
    APFloat Number = Elements.getSplatValue<APFloat>();
    bool Lost;
    Number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Lost);
    return Number.convertToDouble();
  }
  APInt Number = Elements.getSplatValue<APInt>();
  return Elements.getElementType().isUnsignedInteger()
             ? Number.roundToDouble(/*isSigned=*/false)
             : Number.roundToDouble(/*isSigned=*/true);
}

/// Powers that are a few instructions; null for others.
Value ElementBuilder::powerOfConstant(Value X, double Exponent) {
  Type T = X.getType();
  Value Square = arith::MulFOp::create(B, X, X);
  auto Inverse = [&](Value V) -> Value {
    return arith::DivFOp::create(B, Math.number(T, 1), V);
  };
  if (Exponent == 0)
    return Math.number(T, 1);
  if (Exponent == 1)
    return X;
  if (Exponent == 2)
    return Square;
  if (Exponent == 3)
    return arith::MulFOp::create(B, Square, X);
  if (Exponent == 4)
    return arith::MulFOp::create(B, Square, Square);
  if (Exponent == 0.5)
    return math::SqrtOp::create(B, X);
  if (Exponent == -0.5)
    return Inverse(math::SqrtOp::create(B, X));
  if (Exponent == -1)
    return Inverse(X);
  if (Exponent == -2)
    return Inverse(Square);
  return Value();
}

/// x^n by squaring, modulo 2^width. Exponents from 64 on only matter by their
/// parity: other bases than -1, 0 and 1 have overflowed. x^-n is 0 but for
/// x = 1 and x = -1.
Value ElementBuilder::integerPower(Value X, Value N, bool ExponentUnsigned) {
  Type T = X.getType();
  // The exponent in i64 whatever its width.
  Type I64 = ScalarMath::shaped(T, B.getI64Type());
  Type From = IntegerType::get(
      B.getContext(), getElementTypeOrSelf(N).getIntOrFloatBitWidth(),
      ExponentUnsigned ? IntegerType::Unsigned : IntegerType::Signless);
  N = Math.convert(N, From, B.getI64Type());
  auto Predicate = [&](bool UnsignedToo, arith::CmpIPredicate S,
                       arith::CmpIPredicate U) { return UnsignedToo ? U : S; };
  auto High =
      compareIntegers(Predicate(ExponentUnsigned, arith::CmpIPredicate::sgt,
                                arith::CmpIPredicate::ugt),
                      N, 63);
  Value Parity = arith::AndIOp::create(B, N, Math.integer(I64, 1));
  Value Count =
      select(High, arith::AddIOp::create(B, Parity, Math.integer(I64, 64)), N);

  Value Result = Math.integer(T, 1), Power = X;
  for (int Bit = 0; Bit < 7; ++Bit) {
    Value IsSet = compareIntegers(
        arith::CmpIPredicate::ne,
        arith::AndIOp::create(B, Count, Math.integer(I64, 1ll << Bit)), 0);
    Result = select(IsSet, arith::MulIOp::create(B, Result, Power), Result);
    Power = arith::MulIOp::create(B, Power, Power);
  }
  if (ExponentUnsigned)
    return Result;
  Value IsOne = compareIntegers(arith::CmpIPredicate::eq, X, 1);
  Value Inverse = select(IsOne, X, Math.integer(T, 0));
  if (!isUnsigned()) {
    Value IsMinusOne = compareIntegers(arith::CmpIPredicate::eq, X, -1);
    Value IsOdd = compareIntegers(arith::CmpIPredicate::ne, Parity, 0);
    Inverse = select(IsMinusOne, select(IsOdd, X, Math.integer(T, 1)), Inverse);
  }
  Value IsNegative = compareIntegers(arith::CmpIPredicate::slt, N, 0);
  return select(IsNegative, Inverse, Result);
}

Value ElementBuilder::power() {
  Type Exponent = getElementTypeOrSelf(Op->getOperand(1).getType());
  if (isFloat()) {
    Value X = operand(0);
    if (std::optional<double> Number = splatNumber(Op->getOperand(1)))
      if (Value Result = powerOfConstant(X, *Number))
        return rounded(Result);
    return rounded(Math.pow(X, Math.convert(Args[1], Exponent, Compute)));
  }
  if (isa<IntegerType>(Exponent))
    return integerPower(Args[0], Args[1],
                        Exponent.isUnsignedInteger() || Exponent.isInteger(1));
  Type F64 = B.getF64Type();
  Value Result = Math.pow(Math.convert(Args[0], Element, F64),
                          Math.convert(Args[1], Exponent, F64));
  return Math.convert(Result, F64, Element);
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

Value ElementBuilder::build() {
  if (auto Cast = dyn_cast<CastOp>(Op))
    return Math.convert(Args[0], Element, Cast.getTo(), Cast.getSaturate());
  if (auto Bits = dyn_cast<BitcastOp>(Op))
    return bitcast(Bits.getTo());
  if (isa<SelectOp>(Op))
    return select(Args[0], Args[1], Args[2]);
  if (isa<PowOp>(Op))
    return power();
  if (auto Compare = dyn_cast<CompareOp>(Op))
    return compare(operand(0), operand(1), Compare.getPredicate());
  if (isa<IsNaNOp>(Op)) {
    Value X = operand(0);
    return arith::CmpFOp::create(B, arith::CmpFPredicate::UNO, X, X);
  }
  if (auto Inf = dyn_cast<IsInfOp>(Op))
    return isInfinite(Inf);
  if (Args.size() == 1)
    return rounded(unary(operand(0)));
  return rounded(binary(operand(0), operand(1)));
}

Value dure::buildElementwise(Operation *Op, OpBuilder &Builder, Location Loc,
                             ValueRange Args) {
  return ElementBuilder(Op, Builder, Loc, Args).build();
}
