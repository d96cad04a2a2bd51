// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trigonometric and hyperbolic functions and their inverses, out of a few
// elementwise ops. Computed in f64, which the formulas' cancellations cost less
// digits than narrower types have, and rounded once.

#include "frontends/onnx/OpImport.h"

#include <cmath>

using namespace mlir;

namespace dure::onnx {

namespace {

/// Arithmetic on f64 tensors, written as formulas.
class Wide {
public:
  explicit Wide(OpImport &C) : C(C) {}

  Value number(double V) { return C.scalar(C.builder().getF64Type(), V); }
  Value add(Value L, Value R) { return C.create<AddOp>({L, R}); }
  Value sub(Value L, Value R) { return C.create<SubOp>({L, R}); }
  Value mul(Value L, Value R) { return C.create<MulOp>({L, R}); }
  Value div(Value L, Value R) { return C.create<DivOp>({L, R}); }
  Value sqrt(Value X) { return C.create<SqrtOp>({X}); }
  Value exp(Value X) { return C.create<ExpOp>({X}); }
  Value log(Value X) { return C.create<LogOp>({X}); }
  Value abs(Value X) { return C.create<AbsOp>({X}); }
  Value neg(Value X) { return C.create<NegOp>({X}); }
  Value atan(Value X) { return C.create<AtanOp>({X}); }
  Value select(Value Is, Value L, Value R) {
    return C.create<SelectOp>({Is, L, R});
  }

  /// ln(1 + y). For small y the rounding of 1 + y is made up for by the ratio
  /// of y to what was really added (Kahan).
  Value log1p(Value Y) {
    Value One = number(1), U = add(One, Y);
    Value Ratio = div(Y, sub(U, One));
    Value IsTiny = C.compare(U, One, ComparePredicate::EQ);
    Value Small = select(IsTiny, Y, mul(log(U), Ratio));
    Value IsSmall = C.compare(Y, One, ComparePredicate::LT);
    return select(IsSmall, Small, log(U));
  }
  /// Even f(|x|) made odd; keeps the sign of zero.
  Value withSignOf(Value X, Value Y) { return mul(Y, C.create<SignOp>({X})); }
  Value cosh(Value X) { return mul(number(0.5), add(exp(X), exp(neg(X)))); }

private:
  OpImport &C;
};

} // namespace

/// x in f64; refuses what is not floating point.
static Value wideOperand(OpImport &C) {
  Value X = C.in(0);
  if (!X)
    return {};
  if (!isa<FloatType>(elementOf(X)))
    return C.refuse(RefusalCode::OperandsBad, {"x must be floating point"});
  return C.cast(X, C.builder().getF64Type());
}

template <typename Fn> static LogicalResult importWide(OpImport &C, Fn &&F) {
  Value X = wideOperand(C);
  if (!X)
    return failure();
  Wide W(C);
  return C.result(C.cast(F(W, X), elementOf(C.in(0))));
}

/// y = sin x / cos x
static LogicalResult importTan(OpImport &C) {
  return importWide(C, [&](Wide &W, Value X) {
    return W.div(C.create<SinOp>({X}), C.create<CosOp>({X}));
  });
}

static LogicalResult importAtan(OpImport &C) {
  return C.result(C.create<AtanOp>({C.in(0)}));
}

/// y = arctan(x / sqrt((1 - x) (1 + x)))
static LogicalResult importAsin(OpImport &C) {
  return importWide(C, [](Wide &W, Value X) {
    Value One = W.number(1);
    Value Cosine = W.sqrt(W.mul(W.sub(One, X), W.add(One, X)));
    return W.atan(W.div(X, Cosine));
  });
}

/// y = 2 arctan(sqrt((1 - x) / (1 + x)))
static LogicalResult importAcos(OpImport &C) {
  return importWide(C, [](Wide &W, Value X) {
    Value One = W.number(1);
    Value Half = W.sqrt(W.div(W.sub(One, X), W.add(One, X)));
    return W.mul(W.number(2), W.atan(Half));
  });
}

/// y = (e^x + e^-x) / 2
static LogicalResult importCosh(OpImport &C) {
  return importWide(C, [](Wide &W, Value X) { return W.cosh(X); });
}

/// y = tanh x cosh x, which keeps the digits of small x
static LogicalResult importSinh(OpImport &C) {
  return importWide(C, [&](Wide &W, Value X) {
    return W.mul(C.create<TanhOp>({X}), W.cosh(X));
  });
}

/// y = sign x ln(|x| + sqrt(x^2 + 1)), by ln(1 + ..) where x is not large
static LogicalResult importAsinh(OpImport &C) {
  return importWide(C, [&](Wide &W, Value X) {
    Value Size = W.abs(X), One = W.number(1), Square = W.mul(X, X);
    Value Root = W.sqrt(W.add(One, Square));
    Value Near = W.log1p(W.add(Size, W.div(Square, W.add(One, Root))));
    Value Far = W.add(W.log(Size), W.number(std::log(2.0)));
    Value IsFar = C.compare(Size, W.number(1e9), ComparePredicate::GT);
    return W.withSignOf(X, W.select(IsFar, Far, Near));
  });
}

/// y = ln(x + sqrt(x^2 - 1)) = ln(1 + t + sqrt(t) sqrt(t + 2)), t = x - 1
static LogicalResult importAcosh(OpImport &C) {
  return importWide(C, [](Wide &W, Value X) {
    Value T = W.sub(X, W.number(1));
    Value Root = W.mul(W.sqrt(T), W.sqrt(W.add(T, W.number(2))));
    return W.log1p(W.add(T, Root));
  });
}

/// y = ln((1 + x) / (1 - x)) / 2
static LogicalResult importAtanh(OpImport &C) {
  return importWide(C, [](Wide &W, Value X) {
    Value Size = W.abs(X);
    Value Excess = W.div(W.mul(W.number(2), Size), W.sub(W.number(1), Size));
    return W.withSignOf(X, W.mul(W.number(0.5), W.log1p(Excess)));
  });
}

ArrayRef<OpEntry> trigonometryOps() {
  static const OpEntry Table[] = {
      {"Tan", {7, 22}, 1, 1, importTan},
      {"Asin", {7, 22}, 1, 1, importAsin},
      {"Acos", {7, 22}, 1, 1, importAcos},
      {"Atan", {7, 22}, 1, 1, importAtan},
      {"Sinh", {9, 22}, 1, 1, importSinh},
      {"Cosh", {9, 22}, 1, 1, importCosh},
      {"Asinh", {9, 22}, 1, 1, importAsinh},
      {"Acosh", {9, 22}, 1, 1, importAcosh},
      {"Atanh", {9, 22}, 1, 1, importAtanh},
  };
  return Table;
}

} // namespace dure::onnx
