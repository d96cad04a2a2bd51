// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ops that compute or move single elements. Reductions and what is built of
// them are in EvaluatorReductions.cpp.

#include "targets/cpu/compiler/EvaluatorOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dure::cpu {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

bool isUniform(const Index &index) { return !index.lanes && index.step == 0; }

} // namespace

bool OpEvaluator::isSupported(Operation *op) {
  if (auto pad = dyn_cast<PadOp>(op))
    return pad.getMode() == PadMode::Constant;
  if (packsResult(op))
    return false;
  return isElementwise(op) ||
         isa<ConstantOp, IotaOp, DimValuesOp, BroadcastOp, TransposeOp, SliceOp,
             ConcatOp, GatherOp, GatherElementsOp, GatherNDOp, ReduceOp,
             SoftmaxOp, LayerNormOp, RMSNormOp, CumSumOp, MatMulOp, RopeOp,
             CacheUpdateOp, DequantizeOp>(op);
}

Value OpEvaluator::eval(Operation *op) {
  if (isElementwise(op))
    return elementwise(op);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](IotaOp o) { return iota(o); })
      .Case([&](DimValuesOp o) { return dimValues(o); })
      .Case([&](BroadcastOp o) { return broadcast(o); })
      .Case([&](TransposeOp o) { return transpose(o); })
      .Case([&](SliceOp o) { return slice(o); })
      .Case([&](ConcatOp o) { return concat(o); })
      .Case([&](PadOp o) { return pad(o); })
      .Case([&](GatherOp o) { return gather(o); })
      .Case([&](GatherElementsOp o) { return gatherElements(o); })
      .Case([&](GatherNDOp o) { return gatherND(o); })
      .Case([&](ReduceOp o) { return reduce(o); })
      .Case([&](SoftmaxOp o) { return normalize(o, o.getAxis()); })
      .Case([&](LayerNormOp o) { return normalize(o, o.getAxis()); })
      .Case([&](RMSNormOp o) { return normalize(o, o.getAxis()); })
      .Case([&](CumSumOp o) { return cumsum(o); })
      .Case([&](MatMulOp o) { return matmul(o); })
      .Case([&](RopeOp o) { return rope(o); })
      .Case([&](CacheUpdateOp o) { return cacheUpdate(o); })
      .Case([&](DequantizeOp o) { return dequantize(o); });
}

//===----------------------------------------------------------------------===//
// Points, masks and user indices
//===----------------------------------------------------------------------===//

Point OpEvaluator::broadcastPoint(RankedTensorType operand,
                                  ArrayRef<DimExpr> dims) {
  if (e.layout != Evaluator::Layout::Full)
    return point;
  Point result{{}, point.mask};
  size_t missing = dims.size() - operand.getRank();
  for (int64_t i = 0; i < operand.getRank(); ++i) {
    bool isOne =
        dimOf(operand, i).isConstant(1) && !dims[missing + i].isConstant(1);
    result.at.push_back(isOne ? e.uniform(int64_t(0)) : point.at[missing + i]);
  }
  return result;
}

Value OpEvaluator::evalBroadcast(Value operand, ArrayRef<DimExpr> dims) {
  return e.eval(operand, broadcastPoint(typeOf(operand), dims));
}

Value OpEvaluator::maskAnd(Value a, Value c) {
  if (!a || !c)
    return a ? a : c;
  return arith::AndIOp::create(b, a, c);
}

Value OpEvaluator::isBelow(const Index &index, Value bound) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, e.lanesOf(index),
                               b.splat(bound));
}

OpEvaluator::CheckedIndex OpEvaluator::checkedIndex(Value tensor,
                                                    const Point &at,
                                                    const DimExpr &extent) {
  Value raw = e.eval(tensor, at);
  auto wide = b.vectorType(b.getI64Type());
  Type element = typeOf(tensor).getElementType();
  if (element.getIntOrFloatBitWidth() < 64)
    raw = element.isUnsignedInteger()
              ? Value(arith::ExtUIOp::create(b, wide, raw))
              : Value(arith::ExtSIOp::create(b, wide, raw));
  bool allUniform = llvm::all_of(at.at, isUniform);
  Value size = e.dim(extent);
  if (allUniform) {
    // One index for all lanes: plain integers.
    Value index = vector::ExtractOp::create(b, raw, ArrayRef<int64_t>{0});
    Value zero = b.constant(0);
    index = b.select(b.less(index, zero), b.add(index, size), index);
    Value isBad =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, index, size);
    e.frame.setFault(isBad, Fault::IndexOutOfRange);
    Value isInside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, size);
    return {e.uniform(index), isInside};
  }
  Value sizes = b.splat(size);
  Value zero = e.math().integer(wide, 0);
  Value isNegative =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, raw, zero);
  raw = b.select(isNegative, arith::AddIOp::create(b, raw, sizes), raw);
  Value isBad = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, raw, sizes);
  Value isInside =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, raw, sizes);
  Value anyBad =
      b.reduceLanes(maskAnd(isBad, at.mask), [&](Value x, Value y) -> Value {
        return arith::OrIOp::create(b, x, y);
      });
  e.frame.setFault(anyBad, Fault::IndexOutOfRange);
  // Lanes that are not read may still go through index arithmetic.
  return {{{}, 0, b.select(isBad, zero, raw)}, isInside};
}

Value OpEvaluator::evalInside(Value tensor, Point at,
                              ArrayRef<CheckedIndex> checked) {
  Value allInside, lanesInside;
  for (const CheckedIndex &each : checked)
    if (isUniform(each.index))
      allInside = maskAnd(allInside, each.isInside);
    else
      lanesInside = maskAnd(lanesInside, each.isInside);
  at.mask = maskAnd(at.mask, lanesInside);
  if (!allInside)
    return e.eval(tensor, at);
  // A branch, not another index: the operand may have no element at all.
  VectorType type = e.vectorOf(typeOf(tensor).getElementType());
  return b
      .ifElse(
          allInside, type,
          [&] {
            Evaluator::Scope scope(e);
            return Values{e.eval(tensor, at)};
          },
          [&]() -> Values {
            return {arith::ConstantOp::create(b, b.getZeroAttr(type))};
          })
      .front();
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

void OpEvaluator::checkDivisor(Operation *op, Value divisor) {
  Value zero = e.math().integer(divisor.getType(), 0);
  Value isZero =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, divisor, zero);
  Value any = b.reduceLanes(
      maskAnd(isZero, point.mask),
      [&](Value x, Value y) -> Value { return arith::OrIOp::create(b, x, y); });
  e.frame.setFault(any, Fault::DivisionByZero);
}

Value OpEvaluator::elementwise(Operation *op) {
  SmallVector<DimExpr> dims = dimsOf(typeOf(op->getResult(0)));
  Values operands;
  for (Value operand : op->getOperands())
    operands.push_back(evalBroadcast(operand, dims));
  if (isa<DivOp, ModOp>(op) &&
      !isa<FloatType>(typeOf(op->getOperand(1)).getElementType()))
    checkDivisor(op, operands[1]);
  return buildElementwise(op, b, b.getLoc(), operands);
}

Value OpEvaluator::iota(IotaOp op) {
  Value lanes = e.lanesOf(point.at[op.getAxis()]);
  Type element = typeOf(op.getResult()).getElementType();
  return e.math().convert(lanes, b.getI64Type(), element);
}

Value OpEvaluator::dimValues(DimValuesOp op) {
  SmallVector<DimExpr> exprs = op.getExprs().exprs();
  Value result = b.splat(e.dim(exprs.front()));
  for (size_t i = 1; i < exprs.size(); ++i) {
    // The value of the last expression whose number is not above the index.
    Value isEarlier = isBelow(point.at.front(), b.constant(i));
    result = b.select(isEarlier, result, b.splat(e.dim(exprs[i])));
  }
  return e.math().convert(result, b.getI64Type(),
                          typeOf(op.getResult()).getElementType());
}

Value OpEvaluator::dequantize(DequantizeOp op) {
  RankedTensorType x = typeOf(op.getX()), scale = typeOf(op.getScale());
  Point at{{}, point.mask};
  if (scale.getRank() == 1) {
    at.at.push_back(point.at[op.getAxis()]);
  } else if (scale.getRank() > 1) {
    at.at = point.at;
    Index &blocked = at.at[op.getAxis()];
    if (isUniform(blocked)) {
      blocked.base = b.div(blocked.base, b.constant(op.getBlock()));
    } else {
      Value lanes = e.lanesOf(blocked);
      blocked = {
          {},
          0,
          arith::DivUIOp::create(
              b, lanes, e.math().integer(lanes.getType(), op.getBlock()))};
    }
  }
  // Integers of up to 32 bits and their differences are exact in f64; for 8
  // bits f32 is enough.
  Type scaleElement = scale.getElementType();
  Type compute = ScalarMath::computeType(scaleElement);
  Type exact = x.getElementType().getIntOrFloatBitWidth() > 16
                   ? Type(b.getF64Type())
                   : compute;
  auto convert = [&](Value v, Type from, Type to) {
    return e.math().convert(v, from, to);
  };
  Value value = convert(e.eval(op.getX(), point), x.getElementType(), exact);
  if (op.getZeroPoint())
    value = b.subF(value,
                   convert(e.eval(op.getZeroPoint(), at),
                           typeOf(op.getZeroPoint()).getElementType(), exact));
  value = convert(value, exact, compute);
  Value factor = convert(e.eval(op.getScale(), at), scaleElement, compute);
  return convert(b.mulF(value, factor), compute, scaleElement);
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

Value OpEvaluator::broadcast(BroadcastOp op) {
  return evalBroadcast(op.getX(), dimsOf(typeOf(op.getResult())));
}

Value OpEvaluator::transpose(TransposeOp op) {
  Point at{SmallVector<Index>(point.at.size()), point.mask};
  for (auto [i, from] : llvm::enumerate(op.getPermutation()))
    at.at[from] = point.at[i];
  return e.eval(op.getX(), at);
}

Value OpEvaluator::slice(SliceOp op) {
  Point at = point;
  SmallVector<DimExpr> starts = op.getStarts().exprs();
  for (auto [i, step] : llvm::enumerate(op.getSteps())) {
    at.at[i] = e.scale(at.at[i], step);
    if (!starts[i].isConstant(0))
      at.at[i] = e.offset(at.at[i], e.dim(starts[i]));
  }
  return e.eval(op.getX(), at);
}

Value OpEvaluator::concat(ConcatOp op) {
  size_t axis = op.getAxis();
  const Index &index = point.at[axis];
  VectorType type = e.vectorOf(typeOf(op.getResult()).getElementType());
  DimExpr start = 0;
  SmallVector<DimExpr> starts;
  for (Value x : op.getXs()) {
    starts.push_back(start);
    start = start + dimOf(typeOf(x), axis);
  }
  auto operandPoint = [&](size_t i, Value mask) {
    Point at = point;
    at.mask = mask;
    if (!starts[i].isConstant(0))
      at.at[axis] = e.offset(index, b.mul(e.dim(starts[i]), int64_t(-1)));
    return at;
  };
  if (isUniform(index)) {
    // One operand for all lanes: a chain of branches.
    std::function<Value(size_t)> choose = [&](size_t i) -> Value {
      auto read = [&] {
        Evaluator::Scope scope(e);
        return e.eval(op.getXs()[i], operandPoint(i, point.mask));
      };
      if (i + 1 == op.getXs().size())
        return read();
      Value isHere = b.less(index.base, e.dim(starts[i + 1]));
      return b
          .ifElse(
              isHere, type, [&] { return Values{read()}; },
              [&] { return Values{choose(i + 1)}; })
          .front();
    };
    return choose(0);
  }
  Value result = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value isBefore;
  for (size_t i = 0; i < op.getXs().size(); ++i) {
    Value end = e.dim(starts[i] + dimOf(typeOf(op.getXs()[i]), axis));
    Value isBelowEnd = isBelow(index, end);
    Value isHere = isBelowEnd;
    if (isBefore)
      isHere = arith::AndIOp::create(
          b, isHere,
          arith::XOrIOp::create(b, isBefore,
                                e.math().integer(isBefore.getType(), 1)));
    Value x =
        e.eval(op.getXs()[i], operandPoint(i, maskAnd(isHere, point.mask)));
    result = b.select(isHere, x, result);
    isBefore = isBelowEnd;
  }
  return result;
}

Value OpEvaluator::pad(PadOp op) {
  RankedTensorType x = typeOf(op.getX());
  VectorType type = e.vectorOf(x.getElementType());
  Point at = point;
  Value isInside, lanesInside;
  for (int64_t i = 0; i < x.getRank(); ++i) {
    DimExpr low = op.getLow().expr(i);
    if (low.isConstant(0) && op.getHigh().expr(i).isConstant(0))
      continue;
    at.at[i] = e.offset(point.at[i], b.mul(e.dim(low), int64_t(-1)));
    Value extent = e.dim(dimOf(x, i));
    if (isUniform(at.at[i])) {
      // Unsigned: negative numbers are large.
      Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                           at.at[i].base, extent);
      isInside = maskAnd(isInside, inside);
      continue;
    }
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                         e.lanesOf(at.at[i]), b.splat(extent));
    lanesInside = maskAnd(lanesInside, inside);
  }
  at.mask = maskAnd(point.mask, lanesInside);
  Value filling =
      op.getValue() ? e.eval(op.getValue(), Point{{}, {}})
                    : Value(arith::ConstantOp::create(b, b.getZeroAttr(type)));
  auto read = [&]() -> Value {
    Evaluator::Scope scope(e);
    Value value = e.eval(op.getX(), at);
    return lanesInside ? b.select(lanesInside, value, filling) : value;
  };
  if (!isInside)
    return read();
  return b
      .ifElse(
          isInside, type, [&] { return Values{read()}; },
          [&] { return Values{filling}; })
      .front();
}

Value OpEvaluator::gather(GatherOp op) {
  RankedTensorType x = typeOf(op.getX()), indices = typeOf(op.getIndices());
  size_t axis = op.getAxis(), count = indices.getRank();
  ArrayRef<Index> all = point.at;
  Point rows{SmallVector<Index>(all.slice(axis, count)), point.mask};
  CheckedIndex row = checkedIndex(op.getIndices(), rows, dimOf(x, axis));
  Point at{SmallVector<Index>(all.take_front(axis)), point.mask};
  at.at.push_back(row.index);
  llvm::append_range(at.at, all.drop_front(axis + count));
  return evalInside(op.getX(), at, row);
}

Value OpEvaluator::gatherElements(GatherElementsOp op) {
  Point at = point;
  CheckedIndex index = checkedIndex(op.getIndices(), point,
                                    dimOf(typeOf(op.getX()), op.getAxis()));
  at.at[op.getAxis()] = index.index;
  return evalInside(op.getX(), at, index);
}

Value OpEvaluator::gatherND(GatherNDOp op) {
  RankedTensorType x = typeOf(op.getX()), indices = typeOf(op.getIndices());
  size_t batch = op.getBatchDims(), leading = indices.getRank() - 1;
  int64_t depth = indices.getDimSize(leading);
  ArrayRef<Index> all = point.at;
  Point tuple{SmallVector<Index>(all.take_front(leading)), point.mask};
  tuple.at.push_back({});
  Point at{SmallVector<Index>(all.take_front(batch)), point.mask};
  SmallVector<CheckedIndex> checked;
  for (int64_t i = 0; i < depth; ++i) {
    tuple.at.back() = e.uniform(i);
    checked.push_back(
        checkedIndex(op.getIndices(), tuple, dimOf(x, batch + i)));
    at.at.push_back(checked.back().index);
  }
  llvm::append_range(at.at, all.drop_front(leading));
  return evalInside(op.getX(), at, checked);
}

//===----------------------------------------------------------------------===//
// Transformer ops
//===----------------------------------------------------------------------===//

Value OpEvaluator::rope(RopeOp op) {
  RankedTensorType x = typeOf(op.getX());
  Type element = x.getElementType(), compute = ScalarMath::computeType(element);
  int64_t rotary = op.getRotaryDim(), half = rotary / 2;
  SmallVector<DimExpr> tableDims = dimsOf(x);
  tableDims.back() = half;
  const Index &index = point.at.back();

  // An element of x or of a table, at another last coordinate.
  auto read = [&](Value tensor, const Index &last, Value mask) {
    Point at = point;
    at.at.back() = last;
    at.mask = maskAnd(point.mask, mask);
    if (tensor != op.getX())
      at = OpEvaluator(e, at).broadcastPoint(typeOf(tensor), tableDims);
    return e.math().convert(e.eval(tensor, at), typeOf(tensor).getElementType(),
                            compute);
  };
  Value own = read(op.getX(), index, {});
  Value isRotated = isBelow(index, b.constant(rotary));
  Value isFirst, partner, cos, sin;
  if (op.getLayout() == RopeLayout::Half) {
    // Two masked reads rather than a gather: each half is contiguous.
    isFirst = isBelow(index, b.constant(half));
    Value isSecond = arith::AndIOp::create(
        b, isRotated,
        arith::XOrIOp::create(b, isFirst,
                              e.math().integer(isFirst.getType(), 1)));
    Index later = e.offset(index, b.constant(half));
    Index earlier = e.offset(index, b.constant(-half));
    auto either = [&](Value tensor, const Index &first, const Index &second) {
      return b.select(isFirst, read(tensor, first, isFirst),
                      read(tensor, second, isSecond));
    };
    partner = either(op.getX(), later, earlier);
    cos = either(op.getCos(), index, earlier);
    sin = either(op.getSin(), index, earlier);
  } else {
    Value lanes = e.lanesOf(index);
    Value one = e.math().integer(lanes.getType(), 1);
    Value odd = arith::AndIOp::create(b, lanes, one);
    isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, odd, one);
    partner = read(op.getX(), {{}, 0, arith::XOrIOp::create(b, lanes, one)},
                   isRotated);
    Index pair{{}, 0, arith::ShRUIOp::create(b, lanes, one)};
    cos = read(op.getCos(), pair, isRotated);
    sin = read(op.getSin(), pair, isRotated);
  }
  Value cross = b.mulF(partner, sin);
  Value straight = b.mulF(own, cos);
  Value rotated =
      b.select(isFirst, b.subF(straight, cross), b.addF(straight, cross));
  Value result = b.select(isRotated, rotated, own);
  return e.math().convert(result, compute, element);
}

Value OpEvaluator::cacheUpdate(CacheUpdateOp op) {
  RankedTensorType update = typeOf(op.getUpdate());
  VectorType type = e.vectorOf(update.getElementType());
  Point batch{{point.at[0]}, point.mask};
  Value lengths = e.eval(op.getLengths(), batch);
  Value length = vector::ExtractOp::create(b, lengths, ArrayRef<int64_t>{0});
  Value count = e.dim(dimOf(update, 2));
  Value capacity = e.dim(dimOf(typeOf(op.getCache()), 2));
  Value isFull = b.less(capacity, b.add(length, count));
  e.frame.setFault(isFull, Fault::CacheOverflow);
  Point at = point;
  at.at[2] = e.offset(point.at[2], b.mul(length, int64_t(-1)));
  if (isUniform(at.at[2])) {
    Value isNew = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                        at.at[2].base, count);
    auto read = [&](Value tensor, const Point &where) {
      Evaluator::Scope scope(e);
      return Values{e.eval(tensor, where)};
    };
    return b
        .ifElse(
            isNew, type, [&] { return read(op.getUpdate(), at); },
            [&] { return read(op.getCache(), point); })
        .front();
  }
  Value isNew = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                      e.lanesOf(at.at[2]), b.splat(count));
  at.mask = maskAnd(point.mask, isNew);
  return b.select(isNew, e.eval(op.getUpdate(), at),
                  e.eval(op.getCache(), point));
}

} // namespace dure::cpu
