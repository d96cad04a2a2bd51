// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over the last dimensions: rows over slices, a row within its slice.
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/RowKernel.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

/// Elements of a row, if the axes are the last ones but for sizes of 1.
static std::optional<int64_t> columnsOf(ReduceOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getX());
  int64_t columns = 1;
  bool kept = false;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1)
      continue;
    bool reduces = llvm::is_contained(op.getAxes(), static_cast<int64_t>(i));
    if (reduces && kept)
      return std::nullopt;
    kept |= !reduces;
    columns *= reduces ? shape[i] : 1;
  }
  return columns;
}

/// Bytes of a slice that a row takes: its elements, flits of its sum before and
/// after the root, and the sum.
static int64_t rowBytes(int64_t columns) {
  return columns * 4 + 2 * FlitBytes + 4;
}

Refusal reduceRefusal(ReduceOp op) {
  if (!isStaticF32(op.getX()) || elementsOf(op.getX()) == 0)
    return "rows here are of f32 and fixed sizes";
  switch (op.getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
  case ReduceKind::SumSquare:
  case ReduceKind::L2:
    break;
  default:
    // Maximum and minimum pass over what is no number.
    return "the vector engine's steps do not make it";
  }
  std::optional<int64_t> columns = columnsOf(op);
  if (!columns)
    return "it runs over other dimensions than the last";
  if (*columns % 8 != 0)
    return "rows are no multiple of 32 bytes";
  if (elementsOf(op.getResult()) % 2 != 0)
    return "DMA moves multiples of 8 bytes";
  if (2 * rowBytes(*columns) > DmBudget)
    return "two rows do not fit a slice's data memory";
  return std::nullopt;
}

void emitReduce(KernelBuilder &k, ReduceOp op, const KernelOperands &at) {
  int64_t columns = *columnsOf(op), count = elementsOf(op.getResult());
  bool root = op.getKind() == ReduceKind::L2;
  bool squares = root || op.getKind() == ReduceKind::SumSquare;
  float divisor =
      op.getKind() == ReduceKind::Mean ? static_cast<float>(columns) : 1;
  // DMA moves two sums at least; HBM is written in whole units where slices
  // have as many rows anyway.
  int64_t unit =
      llvm::PowerOf2Ceil(llvm::divideCeil(count, Clusters * SlicesPerCluster));
  unit = std::clamp<int64_t>(unit, 2, HbmUnit / 4);
  while (unit > 2 && unit * rowBytes(columns) > DmBudget)
    unit /= 2;
  Space space;
  space.axes = {{"r", count, unit}};
  space.order = {0};
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    return each[0] * rowBytes(columns) > DmBudget ? longest(space, each)
                                                  : std::nullopt;
  };
  for (const Box &box : divide(space, tooMuch)) {
    k.releaseAll();
    Grid grid = gridOf(k, space, box);
    DigitList local = localOf(k, space, box), whole = wholeOf(k, space, box);
    int64_t each = box.each[0], first = box.first[0];
    RowWork rows{k, grid, local, columns};
    auto with = [](DigitList digits, Digit inner) {
      digits.push_back(inner);
      return digits;
    };
    Value x = k.dm(k.f32(), grid, with(local, k.digit("c", columns)));
    k.copy(k.hbm(at.inputs[0], with(whole, k.digit("c", columns)),
                 first * columns),
           x);
    Value sums = rows.statistic(Reduction::Add, x, squares, divisor);
    if (root)
      sums = rows.mapStatistic(
          sums, [&](Value s) { return k.step(VectorKind::Sqrt, s); });
    // The first of each flit, side by side.
    int64_t width = std::gcd<int64_t>(each, 8);
    Value firsts = k.part(sums, with(local, k.digit("x", 1, 1, 8)), 0);
    Value out = k.dm(k.f32(), grid, local);
    k.exec(Context::Main, [&] {
      k.commit(k.collect(k.fetch(firsts, {k.digit("r", each / width, width)},
                                 {k.digit("r", width)})),
               out);
    });
    k.copy(out, k.hbm(at.result, whole, first));
  }
}

} // namespace dure::rngd
