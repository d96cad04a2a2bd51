// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions, softmax, norms, scans and plain matrix products: what runs over
// many elements for one of the result. Row kernels use the same formulas with
// sweeps of their own.

#include "targets/cpu/compiler/EvaluatorOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace dure::cpu {
namespace {

/// Elements that are joined before they are added to the others.
constexpr int64_t kSumBlock = 1024;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

bool isUnsigned(Type element) {
  return element.isUnsignedInteger() || element.isInteger(1);
}

Value absolute(Evaluator &e, Value x) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return math::AbsFOp::create(e.b, x);
  return math::AbsIOp::create(e.b, x);
}

Value add(Evaluator &e, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return arith::AddFOp::create(e.b, x, y);
  return arith::AddIOp::create(e.b, x, y);
}

Value multiply(Evaluator &e, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return arith::MulFOp::create(e.b, x, y);
  return arith::MulIOp::create(e.b, x, y);
}

Value extremum(Evaluator &e, Type element, bool isMax, Value x, Value y) {
  KernelBuilder &b = e.b;
  if (isa<FloatType>(element))
    return isMax ? Value(arith::MaximumFOp::create(b, x, y))
                 : Value(arith::MinimumFOp::create(b, x, y));
  if (isUnsigned(element))
    return isMax ? Value(arith::MaxUIOp::create(b, x, y))
                 : Value(arith::MinUIOp::create(b, x, y));
  return isMax ? Value(arith::MaxSIOp::create(b, x, y))
               : Value(arith::MinSIOp::create(b, x, y));
}

/// The identity of max (or min): the lowest (highest) value of the type.
Value extremumIdentity(Evaluator &e, Type element, Type compute, bool isMax) {
  if (isa<FloatType>(compute))
    return e.number(compute, isMax ? -kInfinity : kInfinity);
  unsigned width = element.getIntOrFloatBitWidth();
  APInt bits = isUnsigned(element)
                   ? (isMax ? APInt::getZero(width) : APInt::getAllOnes(width))
               : isMax ? APInt::getSignedMinValue(width)
                       : APInt::getSignedMaxValue(width);
  VectorType type = e.vectorOf(element);
  return arith::ConstantOp::create(e.b, DenseElementsAttr::get(type, bits));
}

Value expOf(Evaluator &e, Value nonPositive) {
  if (getElementTypeOrSelf(nonPositive.getType()).isF32())
    return e.b.expNonPositive(nonPositive);
  return e.math().exp(nonPositive);
}

Value sumOf(Evaluator &e, Type compute, const Sweep &sweep,
            function_ref<Value(Value)> prepare) {
  auto plus = [&](Value x, Value y) { return add(e, x, y); };
  Value zero =
      arith::ConstantOp::create(e.b, e.b.getZeroAttr(e.vectorOf(compute)));
  return sweep(
      zero,
      [&](Value sum, Value x, const Point &) {
        return add(e, sum, prepare(x));
      },
      plus);
}

Value extremumOf(Evaluator &e, Type element, Type compute, bool isMax,
                 const Sweep &sweep, function_ref<Value(Value)> prepare) {
  auto combine = [&](Value x, Value y) {
    return extremum(e, element, isMax, x, y);
  };
  return sweep(
      extremumIdentity(e, element, compute, isMax),
      [&](Value best, Value x, const Point &) {
        return combine(best, prepare(x));
      },
      combine);
}

/// The largest of the elements that are numbers, in one instruction an element.
/// For sums of e^(x - maximum), in which NaN shows whatever the maximum is.
Value maximumOfNumbers(Evaluator &e, Type compute, const Sweep &sweep,
                       function_ref<Value(Value)> prepare) {
  KernelBuilder &b = e.b;
  auto combine = [&](Value best, Value x) -> Value {
    Value isLarger =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, best);
    return b.select(isLarger, x, best);
  };
  return sweep(
      extremumIdentity(e, compute, compute, true),
      [&](Value best, Value x, const Point &) {
        return combine(best, prepare(x));
      },
      combine);
}

/// ln(sum e^x), shifted by the maximum so that it does not overflow.
Value logSumExp(Evaluator &e, Type compute, const Sweep &sweep,
                function_ref<Value(Value)> prepare) {
  KernelBuilder &b = e.b;
  Value maximum = maximumOfNumbers(e, compute, sweep, prepare);
  // An infinite maximum is the result; shifting by it would give NaN.
  Value isFinite =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, absolute(e, maximum),
                            e.number(compute, kInfinity));
  Value shift = b.select(isFinite, maximum, e.number(compute, 0));
  Value sum = sumOf(e, compute, sweep, [&](Value x) {
    return e.math().exp(b.subF(prepare(x), shift));
  });
  return b.addF(e.math().log(sum), shift);
}

Value toFloat(Evaluator &e, Value count, Type compute) {
  Value scalar = arith::SIToFPOp::create(e.b, compute, count);
  return e.b.splat(scalar);
}

} // namespace

Value emitReduction(Evaluator &e, ReduceKind kind, Type element, Value count,
                    const Sweep &sweep) {
  KernelBuilder &b = e.b;
  bool isFloat = isa<FloatType>(element);
  Type compute =
      isFloat ? ScalarMath::computeType(element) : signlessElement(element);
  auto prepare = [&](Value x) {
    return isFloat ? e.math().convert(x, element, compute) : x;
  };
  auto square = [&](Value x) {
    Value wide = prepare(x);
    return multiply(e, wide, wide);
  };
  auto magnitude = [&](Value x) { return absolute(e, prepare(x)); };
  auto finish = [&](Value x) {
    return isFloat ? e.math().convert(x, compute, element) : x;
  };
  // Functions of integers go through f64.
  auto function = [&](Value x, function_ref<Value(Value)> apply) {
    if (isFloat)
      return finish(apply(x));
    Value wide = e.math().convert(x, element, b.getF64Type());
    return e.math().convert(apply(wide), b.getF64Type(), element);
  };
  switch (kind) {
  case ReduceKind::Sum:
    return finish(sumOf(e, compute, sweep, prepare));
  case ReduceKind::Mean: {
    Value sum = sumOf(e, compute, sweep, prepare);
    if (isFloat)
      return finish(b.divF(sum, toFloat(e, count, compute)));
    Value divisor = e.math().convert(b.splat(count), b.getI64Type(), element);
    Value one = e.math().integer(divisor.getType(), 1);
    divisor = isUnsigned(element)
                  ? Value(arith::MaxUIOp::create(b, divisor, one))
                  : Value(arith::MaxSIOp::create(b, divisor, one));
    return isUnsigned(element) ? Value(arith::DivUIOp::create(b, sum, divisor))
                               : Value(arith::DivSIOp::create(b, sum, divisor));
  }
  case ReduceKind::Max:
    return finish(extremumOf(e, element, compute, true, sweep, prepare));
  case ReduceKind::Min:
    return finish(extremumOf(e, element, compute, false, sweep, prepare));
  case ReduceKind::Prod: {
    auto times = [&](Value x, Value y) { return multiply(e, x, y); };
    Value one = isFloat ? e.number(compute, 1)
                        : e.math().integer(e.vectorOf(element), 1);
    return finish(sweep(
        one,
        [&](Value product, Value x, const Point &) {
          return times(product, prepare(x));
        },
        times));
  }
  case ReduceKind::SumSquare:
    return finish(sumOf(e, compute, sweep, square));
  case ReduceKind::L1:
    return finish(sumOf(e, compute, sweep, magnitude));
  case ReduceKind::L2:
    return function(sumOf(e, compute, sweep, square), [&](Value x) -> Value {
      return math::SqrtOp::create(b, x);
    });
  case ReduceKind::LogSum:
    return function(sumOf(e, compute, sweep, prepare),
                    [&](Value x) { return e.math().log(x); });
  case ReduceKind::LogSumExp: {
    if (isFloat)
      return finish(logSumExp(e, compute, sweep, prepare));
    Type wide = b.getF64Type();
    Value result = logSumExp(e, wide, sweep, [&](Value x) {
      return e.math().convert(x, element, wide);
    });
    return e.math().convert(result, wide, element);
  }
  }
  llvm_unreachable("all reductions are listed");
}

RowStats emitRowStats(Evaluator &e, Operation *op, Value count,
                      const Sweep &sweep,
                      const std::function<void(Value, const Point &)> &keep) {
  KernelBuilder &b = e.b;
  Type element = typeOf(op->getOperand(0)).getElementType();
  Type compute = ScalarMath::computeType(element);
  auto wide = [&](Value x) { return e.math().convert(x, element, compute); };
  Value one = e.number(compute, 1);
  if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
    Value maximum = maximumOfNumbers(e, compute, sweep, wide);
    Value sum = sweep(
        e.number(compute, 0),
        [&](Value current, Value x, const Point &at) {
          Value power = expOf(e, b.subF(wide(x), maximum));
          if (keep)
            keep(power, at);
          return b.addF(current, power);
        },
        [&](Value x, Value y) { return b.addF(x, y); });
    return {maximum, softmax.getLog() ? e.math().log(sum) : b.divF(one, sum)};
  }
  Value counts = toFloat(e, count, compute);
  Value mean;
  if (isa<LayerNormOp>(op))
    mean = b.divF(sumOf(e, compute, sweep, wide), counts);
  Value squares = sumOf(e, compute, sweep, [&](Value x) {
    Value centered = mean ? b.subF(wide(x), mean) : wide(x);
    return b.mulF(centered, centered);
  });
  APFloat epsilon = isa<LayerNormOp>(op) ? cast<LayerNormOp>(op).getEpsilon()
                                         : cast<RMSNormOp>(op).getEpsilon();
  Value variance = b.addF(b.divF(squares, counts),
                          e.number(compute, epsilon.convertToFloat()));
  Value deviation = math::SqrtOp::create(b, variance);
  return {mean, b.divF(one, deviation)};
}

Value emitNormalized(Evaluator &e, Operation *op, Value x,
                     const RowStats &stats, const Point &point) {
  KernelBuilder &b = e.b;
  RankedTensorType type = typeOf(op->getOperand(0));
  Type element = type.getElementType();
  Type compute = ScalarMath::computeType(element);
  Value wide = e.math().convert(x, element, compute);
  auto rounded = [&](Value v) { return e.math().convert(v, compute, element); };
  if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
    Value centered = b.subF(wide, stats.center);
    return rounded(softmax.getLog() ? b.subF(centered, stats.factor)
                                    : b.mulF(expOf(e, centered), stats.factor));
  }
  auto parameter = [&](Value tensor) {
    OpEvaluator at(e, point);
    return e.math().convert(at.evalBroadcast(tensor, dimsOf(type)),
                            typeOf(tensor).getElementType(), compute);
  };
  if (auto norm = dyn_cast<RMSNormOp>(op)) {
    // As the op says: the quotient is rounded before the product.
    Value quotient = rounded(b.mulF(wide, stats.factor));
    quotient = e.math().convert(quotient, element, compute);
    return rounded(b.mulF(quotient, parameter(norm.getScale())));
  }
  auto norm = cast<LayerNormOp>(op);
  Value result = b.mulF(b.subF(wide, stats.center), stats.factor);
  result = b.mulF(result, parameter(norm.getScale()));
  if (norm.getBias())
    result = b.addF(result, parameter(norm.getBias()));
  return rounded(result);
}

//===----------------------------------------------------------------------===//
// Evaluated where they are asked for
//===----------------------------------------------------------------------===//

Value OpEvaluator::reduce(ReduceOp op) {
  RankedTensorType x = typeOf(op.getX());
  SmallVector<DimExpr> reduced;
  for (int64_t axis : op.getAxes())
    reduced.push_back(dimOf(x, axis));
  DimExpr count = 1;
  for (const DimExpr &dim : reduced)
    count = count * dim;
  Value total = e.dim(count);
  // Coordinates of the operand that are given by the result.
  SmallVector<Index> given(x.getRank());
  size_t next = 0;
  for (int64_t i = 0; i < x.getRank(); ++i) {
    bool isReduced = llvm::is_contained(op.getAxes(), i);
    if (isReduced && !op.getKeepDims())
      continue;
    if (!isReduced)
      given[i] = point.at[next];
    ++next;
  }
  // A loop an axis; what an inner one joins is added to the outer one's sum,
  // and the innermost one is cut into blocks, so that rounding errors do not
  // grow with the number of elements.
  Sweep sweep = [&](Value init, Step step, Combine combine) {
    Point at{given, point.mask};
    std::function<Value(size_t)> joinFrom = [&](size_t depth) -> Value {
      int64_t axis = op.getAxes()[depth];
      Value extent = e.dim(reduced[depth]);
      bool isInnermost = depth + 1 == reduced.size();
      auto joinRange = [&](Value begin, Value end) {
        return b
            .forEach(begin, end, 1, ValueRange{init},
                     [&](Value i, ValueRange sum) {
                       Evaluator::Scope scope(e);
                       at.at[axis] = e.uniform(i);
                       if (isInnermost)
                         return Values{step(sum[0], e.eval(op.getX(), at), at)};
                       return Values{combine(sum[0], joinFrom(depth + 1))};
                     })
            .front();
      };
      std::optional<int64_t> fixed = reduced[depth].constant();
      if (!isInnermost || (fixed && *fixed <= kSumBlock))
        return joinRange(b.constant(0), extent);
      return b
          .forEach(b.constant(0), extent, kSumBlock, ValueRange{init},
                   [&](Value begin, ValueRange sum) {
                     Value end = b.min(b.add(begin, kSumBlock), extent);
                     return Values{combine(sum[0], joinRange(begin, end))};
                   })
          .front();
    };
    return reduced.empty() ? step(init, e.eval(op.getX(), at), at)
                           : joinFrom(0);
  };
  return emitReduction(e, op.getKind(), x.getElementType(), total, sweep);
}

/// Softmax over one axis, or a norm over all axes from one on.
Value OpEvaluator::normalize(Operation *op, unsigned axis) {
  Value x = op->getOperand(0);
  SmallVector<DimExpr> dims = dimsOf(typeOf(x));
  unsigned end = isa<SoftmaxOp>(op) ? axis + 1 : dims.size();
  ArrayRef<DimExpr> reduced = ArrayRef<DimExpr>(dims).slice(axis, end - axis);
  DimExpr count = 1;
  for (const DimExpr &dim : reduced)
    count = count * dim;
  Value total = e.dim(count);
  Sweep sweep = [&](Value init, Step step, Combine) {
    return e
        .loop(total, init,
              [&](Value i, ValueRange sum) {
                Point at = point;
                SmallVector<Index> inner = e.delinearize(i, reduced);
                llvm::copy(inner, at.at.begin() + axis);
                return Values{step(sum[0], e.eval(x, at), at)};
              })
        .front();
  };
  RowStats stats = emitRowStats(e, op, total, sweep);
  return emitNormalized(e, op, e.eval(x, point), stats, point);
}

Value OpEvaluator::cumsum(CumSumOp op) {
  RankedTensorType x = typeOf(op.getX());
  Type element = x.getElementType();
  bool isFloat = isa<FloatType>(element);
  Type compute =
      isFloat ? ScalarMath::computeType(element) : signlessElement(element);
  Value own = e.lanesOf(point.at[op.getAxis()]);
  using P = arith::CmpIPredicate;
  P predicate = op.getReverse() ? (op.getExclusive() ? P::sgt : P::sge)
                                : (op.getExclusive() ? P::slt : P::sle);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(e.vectorOf(compute)));
  Value sum = e.loop(e.dim(dimOf(x, op.getAxis())), zero,
                     [&](Value i, ValueRange current) {
                       Point at = point;
                       at.at[op.getAxis()] = e.uniform(i);
                       Value value = e.eval(op.getX(), at);
                       if (isFloat)
                         value = e.math().convert(value, element, compute);
                       Value isPart =
                           arith::CmpIOp::create(b, predicate, b.splat(i), own);
                       return Values{b.select(isPart, add(e, current[0], value),
                                              current[0])};
                     })
                  .front();
  return isFloat ? e.math().convert(sum, compute, element) : sum;
}

/// Any element type and layout; f32 products of size have a kernel family of
/// their own.
Value OpEvaluator::matmul(MatMulOp op) {
  RankedTensorType lhs = typeOf(op.getLhs()), rhs = typeOf(op.getRhs());
  Type element = lhs.getElementType();
  bool isFloat = isa<FloatType>(element);
  Type compute =
      isFloat ? ScalarMath::computeType(element) : signlessElement(element);
  size_t rank = point.at.size();
  SmallVector<DimExpr> dims = dimsOf(typeOf(op.getResult()));
  auto operandPoint = [&](RankedTensorType type, Index row, Index column,
                          bool isTransposed) {
    Point at{{}, point.mask};
    size_t missing = rank - type.getRank();
    for (int64_t i = 0; i + 2 < type.getRank(); ++i) {
      bool isOne =
          dimOf(type, i).isConstant(1) && !dims[missing + i].isConstant(1);
      at.at.push_back(isOne ? e.uniform(int64_t(0)) : point.at[missing + i]);
    }
    if (isTransposed)
      std::swap(row, column);
    at.at.push_back(row);
    at.at.push_back(column);
    return at;
  };
  unsigned inner = lhs.getRank() - (op.getTransposeLhs() ? 2 : 1);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(e.vectorOf(compute)));
  auto wide = [&](Value x) {
    return isFloat ? e.math().convert(x, element, compute) : x;
  };
  Value sum =
      e.loop(e.dim(dimOf(lhs, inner)), zero, [&](Value k, ValueRange current) {
         Index at = e.uniform(k);
         Value x =
             wide(e.eval(op.getLhs(), operandPoint(lhs, point.at[rank - 2], at,
                                                   op.getTransposeLhs())));
         Value y =
             wide(e.eval(op.getRhs(), operandPoint(rhs, at, point.at[rank - 1],
                                                   op.getTransposeRhs())));
         return Values{isFloat ? b.fma(x, y, current[0])
                               : add(e, current[0], multiply(e, x, y))};
       }).front();
  return isFloat ? e.math().convert(sum, compute, element) : sum;
}

} // namespace dure::cpu
