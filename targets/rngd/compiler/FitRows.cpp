// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions, softmax and norms along any axes, of rows of any length.
#include "targets/rngd/compiler/FitOps.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;

namespace dure::rngd {

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t all = 1;
  for (int64_t size : sizes)
    all *= size;
  return all;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Of an element count of one result more than these are reduced in two steps,
/// so that all slices have a part.
static constexpr int64_t MostOfOne = 4096;

/// What changes no result of a kind.
static double neutral(ReduceKind kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (kind == ReduceKind::Max)
    return -infinity;
  return kind == ReduceKind::Min ? infinity : 0;
}

static Value reduced(FitBuilder &f, Value x, ReduceKind kind, int64_t axis) {
  return f.make<ReduceOp>(x, ReduceKindAttr::get(f.b.getContext(), kind),
                          f.b.getDenseI64ArrayAttr({axis}),
                          f.b.getBoolAttr(false));
}

/// x [outer, count, inner] over `count`, of sizes that kernels take: a sum, or
/// one of squares, or an extreme.
static Value reducedWhole(FitBuilder &f, Value x, ReduceKind kind) {
  SmallVector<int64_t> shape(shapeOf(x));
  if (shape[0] == 1 && shape[2] == 1 && shape[1] > MostOfOne &&
      kind != ReduceKind::Max && kind != ReduceKind::Min) {
    int64_t parts = 512, each = llvm::divideCeil(shape[1], parts);
    each += each % 2;
    x = f.pad(f.reshape(x, {shape[1]}), {parts * each}, neutral(kind));
    x = reduced(f, f.reshape(x, {parts, each}), kind, 1);
    kind = ReduceKind::Sum;
    shape = {1, parts, 1};
    x = f.reshape(x, shape);
  }
  SmallVector<int64_t> whole(shape);
  bool across = shape[2] > 1;
  int64_t &row = whole[across ? 2 : 1];
  const bool isExtreme = kind == ReduceKind::Max || kind == ReduceKind::Min;
  row = llvm::alignTo(row, isExtreme && !across ? 4 : 2);
  // Two results are moved at least.
  if (!across)
    whole[0] += whole[0] % 2;
  x = reduced(f, f.pad(x, whole, neutral(kind)), kind, 1);
  return f.slice(x, {shape[0], shape[2]});
}

/// ln(sum(e^x)) by way of the largest, as far as that is finite.
static Value logSumExp(FitBuilder &f, Value x) {
  SmallVector<int64_t> shape(shapeOf(x));
  constexpr double largest = std::numeric_limits<float>::max();
  Value most = reducedWhole(f, x, ReduceKind::Max);
  most = f.make<dure::MaxOp>(most, f.number(-largest));
  most = f.make<dure::MinOp>(most, f.number(largest));
  Value column = f.reshape(most, {shape[0], 1, shape[2]});
  Value each = f.make<ExpOp>(f.make<SubOp>(x, column));
  Value sum = reducedWhole(f, each, ReduceKind::Sum);
  return f.make<AddOp>(f.make<LogOp>(sum), most);
}

/// Halves with each other until one is left: for what no kernel reduces.
static Value reducedByHalves(FitBuilder &f, Value x, ReduceKind kind) {
  SmallVector<int64_t> shape(shapeOf(x));
  auto join = [&](Value a, Value b) -> Value {
    switch (kind) {
    case ReduceKind::Sum:
      return f.make<AddOp>(a, b);
    case ReduceKind::Prod:
      return f.make<MulOp>(a, b);
    case ReduceKind::Max:
      return f.make<dure::MaxOp>(a, b);
    case ReduceKind::Min:
      return f.make<dure::MinOp>(a, b);
    default:
      return {};
    }
  };
  for (int64_t count = shape[1]; count > 1; count = shapeOf(x)[1]) {
    int64_t half = count / 2;
    SmallVector<int64_t> some = {shape[0], half, shape[2]};
    Value both = join(f.slice(x, some), f.slice(x, some, {0, half, 0}));
    if (!both || count == 2 * half) {
      x = both;
    } else {
      some[1] = 1;
      x = f.concat({both, f.slice(x, some, {0, count - 1, 0})}, 1);
    }
    if (!x)
      return {};
  }
  return f.reshape(x, {shape[0], shape[2]});
}

/// By any kind, over `count`.
static Value reducedBy(FitBuilder &f, Value x, ReduceKind kind) {
  if (!isStaticF32(x))
    return reducedByHalves(f, x, kind);
  double count = static_cast<double>(shapeOf(x)[1]);
  switch (kind) {
  case ReduceKind::Mean:
    return f.make<DivOp>(reducedWhole(f, x, ReduceKind::Sum), f.number(count));
  case ReduceKind::L1:
    return reducedWhole(f, f.make<AbsOp>(x), ReduceKind::Sum);
  case ReduceKind::L2:
    return f.make<SqrtOp>(reducedWhole(f, x, ReduceKind::SumSquare));
  case ReduceKind::LogSum:
    return f.make<LogOp>(reducedWhole(f, x, ReduceKind::Sum));
  case ReduceKind::LogSumExp:
    return logSumExp(f, x);
  case ReduceKind::Prod:
    return reducedByHalves(f, x, kind);
  default:
    return reducedWhole(f, x, kind);
  }
}

Value fitReduce(FitBuilder &f, Operation *op) {
  auto reduce = dyn_cast<ReduceOp>(op);
  if (!reduce)
    return {};
  ArrayRef<int64_t> shape = shapeOf(reduce.getX());
  // Sizes of 1 lie wherever it suits.
  SmallVector<int64_t> order, axes, kept;
  int64_t outer = 1, count = 1, inner = 1;
  bool apart = false;
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool reduces =
        llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(i));
    (reduces ? axes : kept).push_back(static_cast<int64_t>(i));
    apart |= reduces && size > 1 && inner > 1;
    (reduces ? count : count > 1 ? inner : outer) *= size;
  }
  Value x = reduce.getX();
  if (apart) {
    order = kept;
    llvm::append_range(order, axes);
    x = f.transpose(x, order);
    outer *= inner;
    inner = 1;
  }
  Value result =
      reducedBy(f, f.reshape(x, {outer, count, inner}), reduce.getKind());
  return result ? f.reshape(result, shapeOf(reduce.getResult())) : Value();
}

/// Sums of 2, 4, 8, .. neighbours, each made of two of those before.
Value fitCumSum(FitBuilder &f, Operation *op) {
  auto sums = dyn_cast<CumSumOp>(op);
  if (!sums)
    return {};
  Value x = sums.getX();
  auto axis = static_cast<int64_t>(sums.getAxis());
  ArrayRef<int64_t> shape = shapeOf(x);
  int64_t count = shape[static_cast<size_t>(axis)];
  bool isReverse = sums.getReverse();
  // Places along the axis, zeros where there were none.
  auto moved = [&](Value from, int64_t by) {
    SmallVector<int64_t> some(shape), more(shape), starts(shape.size(), 0);
    some[static_cast<size_t>(axis)] = count - by;
    more[static_cast<size_t>(axis)] = by;
    starts[static_cast<size_t>(axis)] = isReverse ? by : 0;
    Value zeros =
        f.broadcast(f.number(0, getElementTypeOrSelf(from.getType())), more);
    if (by == count)
      return zeros;
    Value part = f.slice(from, some, starts);
    return isReverse ? f.concat({part, zeros}, axis)
                     : f.concat({zeros, part}, axis);
  };
  if (sums.getExclusive())
    x = moved(x, 1);
  for (int64_t by = 1; by < count; by *= 2)
    x = f.make<AddOp>(x, moved(x, by));
  return x;
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

static Value overRows(FitBuilder &f, Value x, ReduceKind kind) {
  return f.make<ReduceOp>(x, ReduceKindAttr::get(f.b.getContext(), kind),
                          f.b.getDenseI64ArrayAttr({1}), f.b.getBoolAttr(true));
}

/// x - max - ln(sum(e^(x - max))), of rows.
static Value logSoftmax(FitBuilder &f, Value rows) {
  Value less = f.make<SubOp>(rows, overRows(f, rows, ReduceKind::Max));
  Value sum = overRows(f, f.make<ExpOp>(less), ReduceKind::Sum);
  return f.make<SubOp>(less, f.make<LogOp>(sum));
}

Value fitSoftmax(FitBuilder &f, Operation *op) {
  auto softmax = dyn_cast<SoftmaxOp>(op);
  if (!softmax || !isStaticF32(softmax.getX()))
    return {};
  auto axis = static_cast<int64_t>(softmax.getAxis());
  Value x = f.axisLast(softmax.getX(), axis);
  SmallVector<int64_t> shape(shapeOf(x));
  int64_t columns = shape.back(), rows = product(shape) / columns;
  x = f.reshape(x, {rows, columns});
  if (softmax.getLog()) {
    x = logSoftmax(f, x);
  } else {
    auto whole = static_cast<int64_t>(llvm::alignTo(columns, 4));
    x = f.pad(x, {rows, whole}, -std::numeric_limits<double>::infinity());
    x = f.make<SoftmaxOp>(x, f.b.getI64IntegerAttr(1), f.b.getBoolAttr(false));
    x = f.slice(x, {rows, columns});
  }
  return f.axisBack(f.reshape(x, shape), axis);
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// A factor or addend of each column; none where rows differ.
static Value ofColumns(FitBuilder &f, Value x, ArrayRef<int64_t> row) {
  ArrayRef<int64_t> shape = shapeOf(x);
  while (shape.size() > row.size() && shape.front() == 1)
    shape = shape.drop_front();
  if (shape.size() > row.size())
    return {};
  x = f.broadcast(f.reshape(x, shape), row);
  return f.reshape(x, {product(row)});
}

/// Rows less their mean, or as they are, filled up with zeros: the mean of
/// squares of n columns as one of more is n / more of it, and so is epsilon.
Value fitNorm(FitBuilder &f, Operation *op) {
  auto layer = dyn_cast<LayerNormOp>(op);
  auto rms = dyn_cast<RMSNormOp>(op);
  if ((!layer && !rms) || !isStaticF32(op->getOperand(0)))
    return {};
  for (Value operand : op->getOperands())
    if (!isStaticF32(operand))
      return {};
  auto axis = static_cast<size_t>(layer ? layer.getAxis() : rms.getAxis());
  Value x = op->getOperand(0);
  SmallVector<int64_t> shape(shapeOf(x));
  ArrayRef<int64_t> row = ArrayRef(shape).drop_front(axis);
  int64_t columns = product(row), rows = product(shape) / columns;
  int64_t whole = columns + columns % 2;
  x = f.reshape(x, {rows, columns});
  if (layer)
    x = f.make<SubOp>(x, overRows(f, x, ReduceKind::Mean));
  x = f.pad(x, {rows, whole});
  double part = static_cast<double>(columns) / static_cast<double>(whole);
  Value scale = ofColumns(f, op->getOperand(1), row);
  if (!scale)
    return {};
  scale = f.pad(scale, {whole});
  if (part != 1)
    scale = f.make<MulOp>(scale, f.number(std::sqrt(part)));
  double epsilon =
      (layer ? layer.getEpsilon() : rms.getEpsilon()).convertToFloat();
  x = f.make<RMSNormOp>(
      x, scale, f.b.getI64IntegerAttr(1),
      f.b.getF32FloatAttr(static_cast<float>(epsilon * part)));
  if (Value bias = layer ? layer.getBias() : Value()) {
    bias = ofColumns(f, bias, row);
    if (!bias)
      return {};
    x = f.make<AddOp>(x, f.pad(bias, {whole}));
  }
  return f.reshape(f.slice(x, {rows, columns}), shape);
}

} // namespace dure::rngd
