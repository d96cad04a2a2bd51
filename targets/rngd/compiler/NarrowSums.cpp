// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/NarrowSums.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

void giveSigns(KernelBuilder &k, Value bytes, int64_t count, int64_t first) {
  Value all = k.part(bytes, {k.digit("x", count)}, first);
  k.exec(Context::Main, [&] {
    Value x = k.fetch(all, {k.digit("x", count / 8, 8)}, {k.digit("x", 8)});
    x = k.collect(k.fetchCast(x, k.i32()));
    x = k.stepInt(VectorKind::BitXor, x, -128);
    k.commit(k.castFlits(x, k.b.getI8Type()), all);
  });
}

void NarrowSums::prepare(const Grid &on, ArrayRef<Value> inputs) {
  grid = on;
  if (!of.isCorrected())
    return;
  Digit d = k.digit("k", plan.depth);
  Type byte = k.b.getI8Type();
  auto type = RankedTensorType::get({plan.depth}, byte);
  Value all = k.constant(DenseElementsAttr::get(type, int8_t(1)), {d});
  ones = k.dm(byte, grid, {d});
  k.pin(ones);
  k.copy(all, ones);
  if (!of.left.zeroAt)
    return;
  Digit bytes = k.digit("z", DmaAlignment), alike = k.digit("y", Lanes);
  Value zero = k.dm(byte, grid, {bytes});
  zeroWords = k.dm(k.i32(), grid, {alike});
  k.pin(zeroWords);
  k.copy(k.hbm(inputs.back(), {bytes}), zero);
  // Of what DMA moves the first byte counts.
  Value first = k.part(zero, {k.digit("z", 1)}, 0);
  k.exec(Context::Main, [&] {
    Value x = k.fetch(first, {}, {alike});
    x = k.collect(k.fetchCast(x, k.i32()));
    if (of.left.isUnsigned)
      x = k.stepInt(VectorKind::AddFxp, k.stepInt(VectorKind::BitAnd, x, 255),
                    -128);
    k.commit(k.stepInt(VectorKind::MulInt, x, -1), zeroWords);
  });
}

void NarrowSums::layOut() {
  if (of.left.zeroAt)
    columnSums = k.dm(k.i32(), grid, {k.digit("n", plan.columns)});
  if (addsRows())
    for (Value &each : rowSums)
      each = k.dm(k.i32(), grid, {k.digit("x", halfOfRegisters() / 4)});
}

Value NarrowSums::fetched(Value stream) {
  int64_t zero = of.left.zeroAt ? 0 : of.left.signedZero();
  return hasWords() && zero != 0 ? k.fetchLess(stream, zero) : stream;
}

void NarrowSums::follow(Value file, int64_t depth) {
  if (addsRows()) {
    Digit d = k.digit("k", depth), chunk = k.digit("k", p.flit()),
          chunks = k.digit("k", depth / p.flit(), p.flit());
    onesFile = k.trf(k.b.getI8Type(), grid, {lanes}, {d});
    Value some = k.part(ones, {d}, 0);
    k.exec(Context::Main, [&] {
      k.toTrf(k.collect(k.fetch(some, {lanes, chunks}, {chunk})), onesFile);
    });
  }
  if (of.left.zeroAt)
    sumColumns(file, depth);
}

/// What a row of ones makes of the columns, times the left operand's zero
/// point: to be taken from their sums.
void NarrowSums::sumColumns(Value file, int64_t depth) {
  int64_t flit = p.flit();
  Digit alike = k.digit("y", Lanes);
  k.releaseVrf();
  columnFile =
      k.vrf(k.i32(), grid, {groups, k.digit("n", plan.lanes, 1, Lanes)});
  Value zero = k.vrf(k.i32(), grid, {alike});
  k.exec(Context::Sub,
         [&] { k.toVrf(k.collect(k.fetch(zeroWords, {}, {alike})), zero); });
  Value row = k.part(ones, {k.digit("k", depth)}, 0);
  k.exec(Context::Main, [&] {
    Value x = k.collect(
        k.fetch(row, {k.digit("k", depth / flit, flit)}, {k.digit("k", flit)}));
    Value sum = k.contract(x, file, pack(depth), {groups}, "k");
    if (int64_t less = of.right.signedZero() * depth)
      sum = k.stepInt(VectorKind::AddFxp, sum, static_cast<int32_t>(-less));
    k.commit(k.stepVrf(VectorKind::MulInt, sum, zero), columnSums);
  });
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(columnSums, {groups}, {lanes})), columnFile);
  });
}

Value NarrowSums::sumRows(Digit some, int64_t depth,
                          function_ref<Value()> rows) {
  if (!addsRows())
    return {};
  int64_t half = nextHalf();
  Value sums = k.part(rowSums[turn % 2], {some, ring, lanes}, 0);
  k.exec(Context::Main, [&] {
    Value sum = k.contract(rows(), onesFile, pack(depth), {}, "k");
    k.commit(k.stepInt(VectorKind::MulInt, sum,
                       static_cast<int32_t>(-of.right.signedZero())),
             sums);
  });
  // One number a row, whatever the column.
  k.releaseVrf(half);
  Digit alike = k.digit("y", plan.lanes);
  sums = k.part(sums, {some, ring, alike}, 0);
  Value taken =
      k.vrf(k.i32(), grid, {some, ring, k.digit("y", plan.lanes, 1, Lanes)});
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(sums, {some, ring}, {alike})), taken);
  });
  return taken;
}

Value NarrowSums::joined(Value sum, Value before, Value ofRows, bool isLast) {
  if (!hasWords()) {
    if (isLast)
      return scaled(sum, before);
    return before ? k.stepVrf(VectorKind::ClipAdd, sum, before) : sum;
  }
  // Sums that are corrected have no others before them (MatMulPlan).
  if (before || ofRows)
    sum = k.stepVrf(VectorKind::AddFxp, sum, before ? before : ofRows);
  if (columnFile)
    sum = k.stepVrf(VectorKind::ClipAdd, sum, columnFile);
  return isLast ? scaled(sum) : sum;
}

Value NarrowSums::scaled(Value sum, Value before) {
  if (!of.isScaled)
    return sum;
  Value wide = hasWords() ? k.toFloat(sum) : sum;
  if (!before && !scaleFile && of.factor == 1)
    return wide;
  Value y = k.narrow(wide);
  if (before)
    y = k.stepVrf(VectorKind::AddF, y, before);
  if (scaleFile)
    y = k.stepVrf(VectorKind::Mul0, y, scaleFile);
  if (of.factor != 1)
    y = k.stepImm(VectorKind::Mul1, y, of.factor);
  return k.widen(y, wide);
}

} // namespace dure::rngd
