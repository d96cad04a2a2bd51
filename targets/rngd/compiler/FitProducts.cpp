// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products, attention and gather of whatever sizes: filled up to what kernels
// divide, and cut afterwards.
#include "targets/rngd/compiler/FitOps.h"

#include <limits>
#include <numeric>

using namespace mlir;

namespace dure::rngd {

static SmallVector<int64_t> swappedLast(size_t rank) {
  SmallVector<int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[rank - 2], order[rank - 1]);
  return order;
}

/// Along an inner size kernels take packets: of two registers' worth where it
/// goes on through several parts.
static int64_t wholeDepth(int64_t k) {
  int64_t depth = llvm::alignTo(k, 16);
  return depth > LaneElements ? llvm::alignTo(depth, 32) : depth;
}

Value fitMatMul(FitBuilder &f, Operation *op) {
  auto product = dyn_cast<MatMulOp>(op);
  if (!product || !isStaticF32(product.getResult()))
    return {};
  Value lhs = product.getLhs(), rhs = product.getRhs();
  ArrayRef<int64_t> left = shapeOf(lhs), right = shapeOf(rhs),
                    to = shapeOf(product.getResult());
  if (left.size() < 2 || right.size() < 2)
    return {};
  if (product.getTransposeLhs())
    lhs = f.transpose(lhs, swappedLast(left.size()));
  // Each row of the left operand's batches with one matrix, or each batch with
  // its own.
  auto whole = [&](Value x) {
    SmallVector<int64_t> shape(to.drop_back(2));
    llvm::append_range(shape, shapeOf(x).take_back(2));
    return f.broadcast(x, shape);
  };
  bool isOne =
      llvm::all_of(right.drop_back(2), [](int64_t n) { return n == 1; });
  if (!isOne) {
    lhs = whole(lhs);
    rhs = whole(rhs);
  }
  bool turned = product.getTransposeRhs();
  SmallVector<int64_t> a(shapeOf(lhs)), c(shapeOf(rhs)), wide(to);
  a.back() = wholeDepth(a.back());
  wide.back() = llvm::alignTo(wide.back(), 8);
  c[c.size() - 2] = turned ? wide.back() : a.back();
  c.back() = turned ? a.back() : wide.back();
  Value sums =
      f.make<MatMulOp>(f.pad(lhs, a), f.pad(rhs, c), f.b.getBoolAttr(false),
                       f.b.getBoolAttr(turned));
  wide.assign(shapeOf(sums).begin(), shapeOf(sums).end());
  wide.back() = to.back();
  return f.reshape(f.slice(sums, wide), to);
}

Value fitExperts(FitBuilder &f, Operation *op) {
  auto product = dyn_cast<ExpertMatMulOp>(op);
  if (!product || !isStaticF32(product.getResult()))
    return {};
  SmallVector<int64_t> x(shapeOf(product.getX())), w(shapeOf(product.getW())),
      to(shapeOf(product.getResult())), wide(to);
  x.back() = w[1] = wholeDepth(w[1]);
  wide.back() = w[2] = llvm::alignTo(w[2], 8);
  Value sums = f.make<ExpertMatMulOp>(
      RankedTensorType::get(wide, f.b.getF32Type()), f.pad(product.getX(), x),
      product.getExperts(), f.pad(product.getW(), w));
  return f.slice(sums, to);
}

Value fitAttention(FitBuilder &f, Operation *op) {
  auto attention = dyn_cast<AttentionOp>(op);
  if (!attention)
    return {};
  auto widened = [&](Value x, int64_t unit) {
    SmallVector<int64_t> shape(shapeOf(x));
    shape.back() = llvm::alignTo(shape.back(), unit);
    return f.pad(x, shape);
  };
  IRMapping now;
  now.map(attention.getQ(), widened(attention.getQ(), 2));
  now.map(attention.getK(), widened(attention.getK(), 2));
  // One value may be both.
  Value v = widened(attention.getV(), 8), mask = attention.getMask();
  if (mask) {
    SmallVector<int64_t> shape(shapeOf(mask));
    if (shape.empty())
      shape.push_back(1);
    shape.back() = shapeOf(attention.getK())[2];
    mask = f.broadcast(mask, shape);
  }
  SmallVector<int64_t> to(shapeOf(attention.getResult())), wide(to);
  wide.back() = shapeOf(v).back();
  Value result = f.make<AttentionOp>(
      RankedTensorType::get(wide, f.b.getF32Type()),
      now.lookup(attention.getQ()), now.lookup(attention.getK()), v, mask,
      attention.getSinks(), attention.getScaleAttr(), attention.getCausalAttr(),
      attention.getWindowAttr(), attention.getSoftcapAttr(),
      attention.getEmptyRowAttr());
  return f.slice(result, to);
}

/// Of another axis than the first, by words, of rows that DMA does not move.
Value fitGather(FitBuilder &f, Operation *op) {
  auto gather = dyn_cast<GatherOp>(op);
  if (!gather)
    return {};
  Value x = gather.getX();
  auto axis = static_cast<size_t>(gather.getAxis());
  SmallVector<int64_t> shape(shapeOf(x)), indices(shapeOf(gather.getIndices())),
      order;
  order.push_back(static_cast<int64_t>(axis));
  SmallVector<int64_t> inner;
  int64_t row = 1;
  for (size_t i = 0; i < shape.size(); ++i)
    if (i != axis) {
      order.push_back(static_cast<int64_t>(i));
      inner.push_back(shape[i]);
      row *= shape[i];
    }
  // Truth values in words, of which kernels make any shape.
  const bool areBools = getElementTypeOrSelf(x.getType()).isInteger(1);
  x = f.transpose(areBools ? f.cast(x, f.b.getI32Type()) : x, order);
  Type element = getElementTypeOrSelf(x.getType());
  auto bytes = static_cast<int64_t>(element.getIntOrFloatBitWidth()) / 8;
  if (bytes == 0)
    return {};
  int64_t whole = llvm::alignTo(row * bytes, 8) / bytes;
  x = f.pad(f.reshape(x, {shape[axis], row}), {shape[axis], whole});
  int64_t count = elementsOf(gather.getIndices());
  Value at = f.cast(f.reshape(gather.getIndices(), {count}), f.b.getI64Type());
  Value rows = f.make<GatherOp>(x, at, f.b.getI64IntegerAttr(0));
  // [J.., I.., K..] becomes [I.., J.., K..].
  SmallVector<int64_t> found(indices);
  llvm::append_range(found, inner);
  rows = f.reshape(f.slice(rows, {count, row}), found);
  SmallVector<int64_t> back;
  for (size_t i = 0; i < axis; ++i)
    back.push_back(static_cast<int64_t>(indices.size() + i));
  for (size_t i = 0; i < indices.size(); ++i)
    back.push_back(static_cast<int64_t>(i));
  for (size_t i = axis; i < inner.size(); ++i)
    back.push_back(static_cast<int64_t>(indices.size() + i));
  rows = f.transpose(rows, back);
  return areBools ? f.cast(rows, f.b.getI1Type()) : rows;
}

/// Tuples of indices become row numbers: as many tensors of rows, one after the
/// other, as batches have.
Value fitGatherND(FitBuilder &f, Operation *op) {
  auto gather = dyn_cast<GatherNDOp>(op);
  if (!gather)
    return {};
  ArrayRef<int64_t> x = shapeOf(gather.getX()),
                    at = shapeOf(gather.getIndices());
  auto batches = static_cast<size_t>(gather.getBatchDims());
  auto tuple = static_cast<size_t>(at.back());
  int64_t batch = 1, rows = 1, inner = 1;
  for (auto [i, size] : llvm::enumerate(x))
    (i < batches ? batch : i < batches + tuple ? rows : inner) *= size;
  int64_t count = elementsOf(gather.getIndices()) / at.back() / batch;
  constexpr int64_t MostRows = 1 << 30;
  if (tuple == 0 || batch * rows > MostRows || batch > (1 << 16))
    return {};
  Type word = f.b.getI32Type();
  Value tuples =
      f.cast(f.reshape(gather.getIndices(), {batch * count, at.back()}), word);
  // Each batch begins where the one before ends.
  SmallVector<int32_t> starts;
  for (int64_t i = 0; i < batch; ++i)
    starts.push_back(static_cast<int32_t>(i * rows));
  Value row = f.make<dure::ConstantOp>(DenseElementsAttr::get(
      RankedTensorType::get({batch, 1}, word), ArrayRef(starts)));
  int64_t stride = rows;
  for (size_t i = 0; i < tuple; ++i) {
    int64_t size = x[batches + i];
    stride /= size;
    Value index =
        f.slice(tuples, {batch * count, 1}, {0, static_cast<int64_t>(i)});
    index = f.reshape(index, {batch, count});
    Value fromEnd = f.make<AddOp>(index, f.number(double(size), word));
    Value isBelow = f.compare(ComparePredicate::LT, index, f.number(0, word));
    index = f.make<SelectOp>(isBelow, fromEnd, index);
    if (stride != 1)
      index = f.make<MulOp>(index, f.number(double(stride), word));
    row = f.make<AddOp>(row, index);
  }
  Value numbers = f.cast(f.reshape(row, {batch * count}), f.b.getI64Type());
  Value table = f.reshape(gather.getX(), {batch * rows, inner});
  return f.reshape(f.make<GatherOp>(table, numbers, f.b.getI64IntegerAttr(0)),
                   shapeOf(gather.getResult()));
}

/// Rows of so many are ranked, a flit.
static constexpr int64_t RankUnit = 8;

/// Filled up with what comes last, behind what is like it.
Value fitTopK(FitBuilder &f, Operation *op) {
  auto top = dyn_cast<TopKOp>(op);
  if (!top || !isStaticF32(top.getX()) || top.getSmallest() ||
      top.getLastFirst())
    return {};
  auto axis = static_cast<int64_t>(top.getAxis());
  Value x = f.axisLast(top.getX(), axis);
  SmallVector<int64_t> shape(shapeOf(x));
  shape.back() = llvm::alignTo(shape.back(), RankUnit);
  x = f.pad(x, shape, -std::numeric_limits<double>::infinity());
  Value places = f.make<TopKOp>(
      x, f.b.getI64IntegerAttr(static_cast<int64_t>(shape.size()) - 1),
      top.getK(), top.getSmallestAttr(), top.getLastFirstAttr());
  return f.axisBack(places, axis);
}

/// Of what was filled up before its places were ranked.
Value fitPicked(FitBuilder &f, Operation *op) {
  auto picked = dyn_cast<GatherElementsOp>(op);
  auto top = picked ? picked.getIndices().getDefiningOp<TopKOp>() : TopKOp();
  if (!top || !isStaticF32(picked.getX()))
    return {};
  ArrayRef<int64_t> has = shapeOf(picked.getX()), shape = shapeOf(top.getX());
  if (has.size() != shape.size() || has.drop_back() != shape.drop_back() ||
      has.back() >= shape.back())
    return {};
  return f.make<GatherElementsOp>(f.pad(picked.getX(), shape),
                                  picked.getIndices(), picked.getAxisAttr());
}

} // namespace dure::rngd
