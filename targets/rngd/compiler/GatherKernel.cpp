// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows that indices name: fetched by DMA, or written where they say.
#include "targets/rngd/compiler/Kernels.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

Refusal gatherRefusal(GatherOp op) {
  auto type = cast<RankedTensorType>(op.getX().getType());
  auto indices = cast<RankedTensorType>(op.getIndices().getType());
  if (!type.hasStaticShape() || !indices.hasStaticShape() ||
      elementsOf(op.getResult()) == 0)
    return "its sizes are not fixed";
  if (op.getAxis() != 0)
    return "it takes from another axis than the first";
  Type element = type.getElementType();
  int64_t bits = element.getIntOrFloatBitWidth();
  int64_t row = elementsOf(op.getX()) / type.getDimSize(0);
  if (bits % 8 != 0 || row * bits / 8 % 8 != 0 || element.isInteger(1))
    return "its rows are no multiple of 8 bytes";
  if (row * bits / 8 + indices.getNumElements() * 8 > DmBudget)
    return "a row does not fit a slice's data memory";
  if (!indices.getElementType().isInteger(64))
    return "its indices are not i64";
  if (indices.getNumElements() > MostIndices)
    return "it has more than 32768 indices";
  return std::nullopt;
}

/// Words of i64, where those below 0 count from the end of `rows`: right in the
/// first of each pair, which alone is read.
static void countFromEnd(KernelBuilder &k, Value pairs, int64_t count,
                         int64_t rows) {
  int64_t width = std::gcd<int64_t>(count, 4);
  k.exec(Context::Main, [&] {
    Value kept =
        k.stash(k.collect(k.fetch(pairs, {k.digit("i", count / width, width)},
                                  {k.digit("i", width), k.digit("w", 2)})));
    Value sign = k.stepInt(VectorKind::ShiftRightArith, kept, 31);
    sign = k.stepInt(VectorKind::BitAnd, sign, static_cast<int32_t>(rows));
    k.commit(k.stepStash(VectorKind::AddFxp, sign), pairs);
  });
}

/// Row numbers of i64 as pairs of i32, of which the first counts: DMA takes a
/// number outside of the axis for a fault.
static Value loadIndices(KernelBuilder &k, Value numbers, int64_t count,
                         int64_t rows) {
  Grid one{{}, {k.digit("_", 1)}};
  DigitList words = {k.digit("i", count), k.digit("w", 2)};
  Value index = k.dm(k.i32(), one, words);
  k.copy(k.hbm(numbers, words, 0, k.i32()), index);
  countFromEnd(k, index, count, rows);
  return index;
}

void emitGather(KernelBuilder &k, GatherOp op, const KernelOperands &at) {
  int64_t rows = cast<RankedTensorType>(op.getX().getType()).getDimSize(0);
  int64_t row = elementsOf(op.getX()) / rows,
          count = elementsOf(op.getIndices());
  Type element = cast<tcp::HbmType>(at.inputs[0].getType()).getElementType();
  int64_t bytes = row * element.getIntOrFloatBitWidth() / 8;
  for (const Share &share :
       divide(count, std::max<int64_t>(1, (DmBudget - count * 8) / bytes))) {
    k.releaseAll();
    Value index = loadIndices(k, at.inputs[1], count, rows);
    Grid grid = k.grid("i", share);
    Digit columns = k.digit("c", row);
    Value local = k.dm(element, grid, {k.digit("i", share.each), columns});
    // The first number of each pair, from the share's first on.
    Value some =
        k.part(index, {k.digit("i", share.rows()), k.digit("w", 1, 1, 2)},
               share.first * 8);
    k.gather(k.hbm(at.inputs[0], {k.digit("key", rows), columns}), some, "key",
             local);
    k.copy(local, k.hbm(at.result, {k.digit("i", share.rows()), columns},
                        share.first * row));
  }
}

/// Rows of a scatter: elements of each, and how many there are.
static std::pair<int64_t, int64_t> rowsOf(ScatterNDOp op) {
  int64_t rows = shapeOf(op.getX())[0];
  return {elementsOf(op.getX()) / rows, rows};
}

Refusal scatterRefusal(ScatterNDOp op) {
  for (Value value : op->getOperands()) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.hasStaticShape() || type.getNumElements() == 0)
      return "its sizes are not fixed";
  }
  if (op.getReduction() != ScatterReduction::None)
    return "it joins what comes with what is there";
  if (shapeOf(op.getIndices()).back() != 1)
    return "its indices name less than rows of the first dimension";
  if (!getElementTypeOrSelf(op.getIndices()).isInteger(64))
    return "its indices are not i64";
  int64_t count = elementsOf(op.getIndices());
  if (count > MostIndices)
    return "it has more than 32768 indices";
  Type element = getElementTypeOrSelf(op.getX());
  auto [row, rows] = rowsOf(op);
  if (element.isInteger(1) || row * element.getIntOrFloatBitWidth() % 64 != 0)
    return "its rows are no multiple of 8 bytes";
  return std::nullopt;
}

bool isUnread(Operation *constant) {
  return llvm::all_of(constant->getUses(), [](OpOperand &use) {
    return isa<ScatterNDOp>(use.getOwner()) && use.getOperandNumber() == 0 &&
           use.getOwner()->hasAttr(UnreadAttr);
  });
}

/// Rows [r, 1, ..] that become [r, times, ..].
static bool repeatsRows(BroadcastOp op) {
  ArrayRef<int64_t> from = shapeOf(op.getX()), to = shapeOf(op.getResult());
  return from.size() == to.size() && to.size() > 2 && from[0] == to[0] &&
         from[1] == 1 && from.drop_front(2) == to.drop_front(2);
}

bool isScattered(BroadcastOp op) {
  return repeatsRows(op) && llvm::all_of(op->getUsers(), [&](Operation *user) {
           auto rows = dyn_cast<ReshapeOp>(user);
           return rows && llvm::all_of(rows->getUses(), [&](OpOperand &use) {
                    auto scatter = dyn_cast<ScatterNDOp>(use.getOwner());
                    return scatter && scatter->hasAttr(UnreadAttr) &&
                           use == scatter.getUpdatesMutable() &&
                           elementsOf(scatter.getIndices()) ==
                               shapeOf(op.getResult())[0] *
                                   shapeOf(op.getResult())[1];
                  });
         });
}

/// Places that each row of `op`'s updates, as they lie in memory, goes to.
static int64_t timesOf(ScatterNDOp op) {
  auto rows = op.getUpdates().getDefiningOp<ReshapeOp>();
  auto repeated =
      rows ? rows.getX().getDefiningOp<BroadcastOp>() : BroadcastOp();
  return repeated && isScattered(repeated) ? shapeOf(repeated.getResult())[1]
                                           : 1;
}

/// By way of data memory: commands beside each other write a part of each row,
/// in whole units, in the rows' order: of several for one place the last stays.
void emitScatter(KernelBuilder &k, ScatterNDOp op, const KernelOperands &at) {
  auto [row, rows] = rowsOf(op);
  int64_t count = elementsOf(op.getIndices()), times = timesOf(op);
  Type element = cast<tcp::HbmType>(at.result.getType()).getElementType();
  int64_t width = element.getIntOrFloatBitWidth() / 8, unit = HbmUnit / width;
  int64_t parts = row % unit == 0 ? std::gcd(row / unit, DmaEngines) : 1;
  Digit column = k.digit("c", row / parts, 1, row);
  k.releaseAll();
  if (at.inputs[0] != at.result && !op->hasAttr(UnreadAttr)) {
    DigitList all = {k.digit("e", wholeElements(at.result))};
    k.copy(k.hbm(at.inputs[0], all), k.hbm(at.result, all));
  }
  for (const Share &share :
       divide(count / times,
              std::max<int64_t>(1, (DmBudget - count * 8) / (row * width)))) {
    k.releaseAll();
    Value pairs = loadIndices(k, at.inputs[1], count, rows);
    Digit i = k.digit("i", share.rows());
    Value local = k.dm(element, k.grid("i", share),
                       {k.digit("i", share.each), k.digit("c", row)});
    k.copy(k.hbm(at.inputs[2], {i, k.digit("c", row)}, share.first * row),
           local);
    for (int64_t time = 0; time < times; ++time)
      for (int64_t part = 0; part < parts; ++part) {
        int64_t first = part * column.size;
        k.scatter(
            k.part(local, {k.digit("i", share.each), column}, first * width),
            k.hbm(at.result, {k.digit("key", rows), column}, first),
            k.part(pairs, {i, k.digit("w", 1, 1, 2 * times)},
                   (share.first * times + time) * 8),
            "key", part > 0);
      }
  }
}

} // namespace dure::rngd
