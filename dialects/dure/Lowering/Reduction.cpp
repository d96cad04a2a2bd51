// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of reduce, softmax and cumsum.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace dure;

static constexpr double Infinity = std::numeric_limits<double>::infinity();

namespace {

/// One dure.reduce: what it sums up in, and how.
class Reduction {
public:
  Reduction(LoweringBuilder &B, ReduceKind Kind, Type Element)
      : B(B), Kind(Kind), Element(Element) {
    bool NeedsFloat = Kind == ReduceKind::L2 || Kind == ReduceKind::LogSum ||
                      Kind == ReduceKind::LogSumExp;
    bool IsExtremum = Kind == ReduceKind::Max || Kind == ReduceKind::Min;
    // Sums of floats in f64: what other targets are checked against must not
    // lose digits with the number of elements.
    if (isa<FloatType>(Element))
      Compute =
          IsExtremum ? ScalarMath::computeType(Element) : Type(B.getF64Type());
    else
      Compute = NeedsFloat ? Type(B.getF64Type()) : signlessElement(Element);
    IsFloat = isa<FloatType>(Compute);
    IsUnsigned = Element.isUnsignedInteger() || Element.isInteger(1);
  }

  Value compute(Value X) {
    // Signless already, unless it becomes a float.
    return IsFloat ? B.math().convert(X, Element, Compute) : X;
  }
  Value initial();
  Value step(Value Sum, Value X);
  Value finish(Value Sum, Value Count);
  Value round(Value V) { return B.math().convert(V, Compute, Element); }

  Type compute() const { return Compute; }

private:
  Value sum(Value L, Value R) { return IsFloat ? B.addF(L, R) : B.add(L, R); }
  Value product(Value L, Value R) {
    return IsFloat ? B.mulF(L, R) : B.mul(L, R);
  }

  LoweringBuilder &B;
  ReduceKind Kind;
  Type Element, Compute;
  bool IsFloat, IsUnsigned;
};

} // namespace

/// What nothing reduces to.
Value Reduction::initial() {
  bool IsMax = Kind == ReduceKind::Max, IsMin = Kind == ReduceKind::Min;
  if (Kind == ReduceKind::Prod)
    return IsFloat ? B.number(Compute, 1) : B.math().integer(Compute, 1);
  if (!IsMax && !IsMin)
    return B.zero(Compute);
  if (IsFloat)
    return B.number(Compute, IsMax ? -Infinity : Infinity);
  unsigned Width = Compute.getIntOrFloatBitWidth();
  APInt Low = IsUnsigned ? APInt(Width, 0) : APInt::getSignedMinValue(Width);
  APInt High =
      IsUnsigned ? APInt::getMaxValue(Width) : APInt::getSignedMaxValue(Width);
  return arith::ConstantOp::create(
      B, B.getIntegerAttr(Compute, IsMax ? Low : High));
}

Value Reduction::step(Value Sum, Value X) {
  switch (Kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
  case ReduceKind::LogSum:
  case ReduceKind::LogSumExp:
    return sum(Sum, X);
  case ReduceKind::Prod:
    return product(Sum, X);
  case ReduceKind::SumSquare:
  case ReduceKind::L2:
    return sum(Sum, product(X, X));
  case ReduceKind::L1:
    if (IsFloat)
      return sum(Sum, math::AbsFOp::create(B, X));
    if (IsUnsigned)
      return sum(Sum, X);
    return sum(Sum, B.select(B.less(X, B.zero(Compute)),
                             B.sub(B.zero(Compute), X), X));
  case ReduceKind::Max:
    return IsFloat      ? B.maxF(Sum, X)
           : IsUnsigned ? Value(arith::MaxUIOp::create(B, Sum, X))
                        : B.max(Sum, X);
  case ReduceKind::Min:
    return IsFloat      ? Value(arith::MinimumFOp::create(B, Sum, X))
           : IsUnsigned ? Value(arith::MinUIOp::create(B, Sum, X))
                        : B.min(Sum, X);
  }
  return Value();
}

Value Reduction::finish(Value Sum, Value Count) {
  if (Kind == ReduceKind::Mean) {
    if (IsFloat)
      return B.divF(Sum, B.fromIndex(Count, Compute));
    Value Number = B.fromIndex(Count, Compute);
    Value Zero = B.zero(Compute);
    Value IsEmpty = B.compare(arith::CmpIPredicate::eq, Number, Zero);
    Number = B.select(IsEmpty, B.math().integer(Compute, 1), Number);
    return IsUnsigned ? Value(arith::DivUIOp::create(B, Sum, Number))
                      : Value(arith::DivSIOp::create(B, Sum, Number));
  }
  if (Kind == ReduceKind::L2)
    return math::SqrtOp::create(B, Sum);
  if (Kind == ReduceKind::LogSum || Kind == ReduceKind::LogSumExp)
    return B.math().log(Sum);
  return Sum;
}

/// ln sum e^x = m + ln sum e^(x - m), m the maximum, or 0 where that is
/// infinite.
static Value logSumExp(LoweringBuilder &B, Reduction &Sum, ValueRange Counts,
                       function_ref<Value(ValueRange)> At) {
  Type T = Sum.compute();
  Value Max = B.fold(Counts, B.number(T, -Infinity),
                     [&](ValueRange I, Value M) { return B.maxF(M, At(I)); });
  Value IsFinite = arith::CmpFOp::create(B, arith::CmpFPredicate::OLT,
                                         math::AbsFOp::create(B, Max),
                                         B.number(T, Infinity));
  Value Shift = B.select(IsFinite, Max, B.number(T, 0));
  Value Total = B.fold(Counts, B.zero(T), [&](ValueRange I, Value S) {
    return B.addF(S, B.math().exp(B.subF(At(I), Shift)));
  });
  return B.addF(Shift, B.math().log(Total));
}

static Value lowerReduce(ReduceOp Op, ReduceOp::Adaptor Operands,
                         LoweringBuilder &B) {
  auto X = cast<RankedTensorType>(Op.getX().getType());
  auto Type = cast<RankedTensorType>(Op.getType());
  Reduction R(B, Op.getKind(), X.getElementType());
  Values Counts;
  Value Count = B.index(1);
  for (int64_t Axis : Op.getAxes()) {
    Counts.push_back(B.dim(X, Axis));
    Count = B.mul(Count, Counts.back());
  }
  return B.generate(Type, [&](ValueRange Kept) {
    auto At = [&](ValueRange Reduced) -> Value {
      Values From;
      unsigned NextKept = 0, NextReduced = 0;
      for (int64_t I = 0; I < X.getRank(); ++I) {
        bool IsReduced = llvm::is_contained(Op.getAxes(), I);
        From.push_back(IsReduced ? Reduced[NextReduced++] : Kept[NextKept]);
        // A kept dimension of size 1 stands for a reduced one.
        NextKept += !IsReduced || Op.getKeepDims();
      }
      return R.compute(B.get(Operands.getX(), From));
    };
    if (Op.getKind() == ReduceKind::LogSumExp)
      return R.round(logSumExp(B, R, Counts, At));
    Value Sum = B.fold(Counts, R.initial(),
                       [&](ValueRange I, Value S) { return R.step(S, At(I)); });
    return R.round(R.finish(Sum, Count));
  });
}

/// The index of a row's element: `Row` runs over all dimensions but `Axis`.
static Values inRow(ValueRange Row, int64_t Axis, Value At) {
  Values Index(Row);
  Index.insert(Index.begin() + Axis, At);
  return Index;
}

/// e^(x - m) / sum e^(x - m), or x - m - ln sum e^(x - m).
static Value lowerSoftmax(SoftmaxOp Op, SoftmaxOp::Adaptor Operands,
                          LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  mlir::Type Element = Type.getElementType();
  mlir::Type Compute = ScalarMath::computeType(Element);
  int64_t Axis = Op.getAxis();
  Values Rows = B.sizes(Type);
  Value Size = Rows[Axis];
  Rows.erase(Rows.begin() + Axis);
  return B.fold(Rows, B.empty(Type), [&](ValueRange Row, Value Result) {
    auto At = [&](Value I) {
      return B.math().convert(B.get(Operands.getX(), inRow(Row, Axis, I)),
                              Element, Compute);
    };
    Value Max =
        B.fold(Size, B.number(Compute, -Infinity),
               [&](ValueRange I, Value M) { return B.maxF(M, At(I[0])); });
    Value Sum = B.fold(Size, B.zero(Compute), [&](ValueRange I, Value S) {
      return B.addF(S, B.math().exp(B.subF(At(I[0]), Max)));
    });
    Value Log = Op.getLog() ? B.math().log(Sum) : Value();
    return B.fold(Size, Result, [&](ValueRange I, Value Out) {
      Value Shifted = B.subF(At(I[0]), Max);
      Value Y = Log ? B.subF(Shifted, Log) : B.divF(B.math().exp(Shifted), Sum);
      return B.set(B.rounded(Y, Element), Out, inRow(Row, Axis, I[0]));
    });
  });
}

/// result[i] = sum or product of x[j] for j <= i (j < i when exclusive), from
/// the end when reversed.
template <typename OpTy>
static Value lowerRunning(OpTy Op, typename OpTy::Adaptor Operands,
                          LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  mlir::Type Element = Type.getElementType();
  int64_t Axis = Op.getAxis();
  Values Rows = B.sizes(Type);
  Value Size = Rows[Axis];
  Rows.erase(Rows.begin() + Axis);
  constexpr bool IsSum = std::is_same_v<OpTy, CumSumOp>;
  Reduction R(B, IsSum ? ReduceKind::Sum : ReduceKind::Prod, Element);
  return B.fold(Rows, B.empty(Type), [&](ValueRange Row, Value Result) {
    return B.loops(
        Size, {Result, R.initial()}, [&](ValueRange I, ValueRange Carried) {
          Value Step = I[0];
          if (Op.getReverse())
            Step = B.sub(B.sub(Size, B.index(1)), Step);
          Values At = inRow(Row, Axis, Step);
          Value Sum = R.step(Carried[1], R.compute(B.get(Operands.getX(), At)));
          Value Out = R.round(Op.getExclusive() ? Carried[1] : Sum);
          return Values{B.set(Out, Carried[0], At), Sum};
        })[0];
  });
}

namespace {

/// The order of dure.top_k: which of two elements comes first.
class SortOrder {
public:
  SortOrder(LoweringBuilder &B, TopKOp Op, Type Element)
      : B(B), Op(Op), Element(Element) {
    if (isa<FloatType>(Element))
      Compute = ScalarMath::computeType(Element);
    else
      Compute = signlessElement(Element);
  }

  Type compute() const { return Compute; }
  Value convert(Value X) {
    return isa<FloatType>(Element) ? B.math().convert(X, Element, Compute) : X;
  }
  /// L before R by their values alone.
  Value precedes(Value L, Value R) {
    return Op.getSmallest() ? isLess(L, R) : isLess(R, L);
  }
  /// (L, LAt) before (R, RAt).
  Value precedes(Value L, Value LAt, Value R, Value RAt) {
    Value IsFirst = Op.getLastFirst() ? B.less(RAt, LAt) : B.less(LAt, RAt);
    Value NotAfter = arith::XOrIOp::create(B, precedes(R, L), B.truth(true));
    return arith::OrIOp::create(B, precedes(L, R), B.both(NotAfter, IsFirst));
  }

private:
  Value isLess(Value L, Value R) {
    using P = arith::CmpIPredicate;
    if (!isa<FloatType>(Compute))
      return B.compare(Element.isUnsignedInteger() ? P::ult : P::slt, L, R);
    using F = arith::CmpFPredicate;
    Value IsNumber = arith::CmpFOp::create(B, F::ORD, L, L);
    // Less, or R is a NaN.
    return B.both(IsNumber, arith::CmpFOp::create(B, F::ULT, L, R));
  }

  LoweringBuilder &B;
  TopKOp Op;
  Type Element, Compute;
};

} // namespace

/// The j-th in order: the first of those that come after the one before. Needs
/// no memory of its own, and k is small.
static Value lowerTopK(TopKOp Op, TopKOp::Adaptor Operands,
                       LoweringBuilder &B) {
  auto X = cast<RankedTensorType>(Op.getX().getType());
  auto Type = cast<RankedTensorType>(Op.getType());
  SortOrder Order(B, Op, X.getElementType());
  int64_t Axis = Op.getAxis();
  Values Rows = B.sizes(Type);
  Value Count = Rows[Axis], Size = B.dim(X, Axis), None = B.index(-1);
  Rows.erase(Rows.begin() + Axis);
  Value Nothing = B.zero(Order.compute());
  return B.fold(Rows, B.empty(Type), [&](ValueRange Row, Value Result) {
    // Carried: the result, the element found last and its index.
    return B.loops(
        Count, {Result, Nothing, None}, [&](ValueRange J, ValueRange Last) {
          Value IsStart = B.less(Last[2], B.index(0));
          Values Found = B.loops(
              Size, {Nothing, None}, [&](ValueRange I, ValueRange Best) {
                Value At = I[0];
                Value Each =
                    Order.convert(B.get(Operands.getX(), inRow(Row, Axis, At)));
                Value IsLeft = arith::OrIOp::create(
                    B, IsStart, Order.precedes(Last[1], Last[2], Each, At));
                Value IsBetter = arith::OrIOp::create(
                    B, B.less(Best[1], B.index(0)),
                    Order.precedes(Each, At, Best[0], Best[1]));
                Value Takes = B.both(IsLeft, IsBetter);
                return Values{B.select(Takes, Each, Best[0]),
                              B.select(Takes, At, Best[1])};
              });
          Value Place = B.fromIndex(Found[1], Type.getElementType());
          Value Out = B.set(Place, Last[0], inRow(Row, Axis, J[0]));
          return Values{Out, Found[0], Found[1]};
        })[0];
  });
}

void dure::addReductionLowerings(LoweringPatterns &Patterns) {
  Patterns.add<ReduceOp>(lowerReduce);
  Patterns.add<SoftmaxOp>(lowerSoftmax);
  Patterns.add<CumSumOp>(lowerRunning<CumSumOp>);
  Patterns.add<CumProdOp>(lowerRunning<CumProdOp>);
  Patterns.add<TopKOp>(lowerTopK);
}
