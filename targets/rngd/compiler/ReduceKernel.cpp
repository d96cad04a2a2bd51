// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over neighbouring dimensions. Of the last ones, rows are divided among
// slices, and a row is summed within its slice; of others, columns too, and
// packets of a column are added up as they come.
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/RowKernel.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

namespace {

/// x as [outer, count, inner], of which `count` is summed.
struct Extents {
  int64_t outer = 1, count = 1, inner = 1;
};

} // namespace

/// None where sizes other than 1 lie between the axes.
static std::optional<Extents> extentsOf(ReduceOp op) {
  Extents e;
  for (auto [i, size] : llvm::enumerate(shapeOf(op.getX()))) {
    if (size == 1)
      continue;
    bool reduces = llvm::is_contained(op.getAxes(), static_cast<int64_t>(i));
    if (reduces && e.inner > 1)
      return std::nullopt;
    (reduces ? e.count : e.count > 1 ? e.inner : e.outer) *= size;
  }
  return e;
}

/// Bytes of a slice that a row takes: its elements, flits of its sum before and
/// after the root, and the sum.
static int64_t rowBytes(int64_t columns) {
  return columns * 4 + 2 * FlitBytes + 4;
}

/// Of so many columns: elements and sums.
static int64_t acrossBytes(const Extents &e, int64_t columns) {
  return (e.count + 1) * columns * 4;
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
  std::optional<Extents> e = extentsOf(op);
  if (!e)
    return "it runs over dimensions that others lie between";
  if ((e->inner > 1 ? e->inner : e->count) % 2 != 0)
    return "its rows are no multiple of 8 bytes";
  if (elementsOf(op.getResult()) % 2 != 0)
    return "DMA moves multiples of 8 bytes";
  if (2 * (e->inner > 1 ? acrossBytes(*e, 8) : rowBytes(e->count)) > DmBudget)
    return "two rows do not fit a slice's data memory";
  return std::nullopt;
}

namespace {

/// What a sum is of, and what becomes of it.
struct Form {
  bool squares, root;
  float divisor;
};

} // namespace

/// Columns of [outer, count, inner], a packet at a time.
static void emitAcross(KernelBuilder &k, const Extents &e, const Form &form,
                       const KernelOperands &at) {
  int64_t width = std::gcd<int64_t>(e.inner, 8);
  int64_t unit = e.inner % (HbmUnit / 4) == 0 ? HbmUnit / 4 : width;
  Space space;
  space.axes = {{"o", e.outer}, {"i", e.inner, unit}};
  space.order = {0, 1};
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    return acrossBytes(e, each[0] * each[1]) > DmStep ? longest(space, each)
                                                      : std::nullopt;
  };
  auto isOuter = [](unsigned axis) { return axis == 0; };
  auto isInner = [](unsigned axis) { return axis == 1; };
  Digit summed = k.digit("c", e.count);
  auto around = [&](DigitList outer, const DigitList &inner) {
    outer.push_back(summed);
    outer.append(inner);
    return outer;
  };
  for (const Box &box : divide(space, tooMuch)) {
    k.releaseAll();
    Grid grid = gridOf(k, space, box);
    DigitList outer = localOf(k, space, box, isOuter),
              inner = localOf(k, space, box, isInner);
    Value x = k.dm(k.f32(), grid, around(outer, inner));
    k.copy(k.hbm(at.inputs[0],
                 around(wholeOf(k, space, box, isOuter),
                        wholeOf(k, space, box, isInner)),
                 box.first[0] * e.count * e.inner + box.first[1]),
           x);
    DigitList time = outer, packet = {k.digit("i", width)};
    time.push_back(k.digit("i", box.each[1] / width, width));
    Value out = k.dm(k.f32(), grid, localOf(k, space, box));
    k.exec(Context::Main, [&] {
      DigitList all = time;
      all.push_back(summed);
      Value wide = k.collect(k.fetch(x, all, packet)), y = k.narrow(wide);
      if (form.squares)
        y = k.step(VectorKind::Mul0, y, Arguments::StreamStream);
      y = k.reduce(Reduction::Add, y, "c", e.count);
      if (form.divisor != 1)
        y = k.stepImm(VectorKind::Div, y, form.divisor);
      k.commit(k.widen(y, wide, "c"), out);
    });
    if (form.root)
      k.exec(Context::Main, [&] {
        Value wide = k.collect(k.fetch(out, time, packet));
        Value root = k.step(VectorKind::Sqrt, k.narrow(wide));
        k.commit(k.widen(root, wide), out);
      });
    k.copy(out, k.hbm(at.result, wholeOf(k, space, box), startOf(space, box)));
  }
}

static void emitWithin(KernelBuilder &k, int64_t columns, int64_t count,
                       const Form &form, const KernelOperands &at) {
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
    Value sums = rows.statistic(Reduction::Add, x, form.squares, form.divisor);
    if (form.root)
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

void emitReduce(KernelBuilder &k, ReduceOp op, const KernelOperands &at) {
  Extents e = *extentsOf(op);
  bool root = op.getKind() == ReduceKind::L2;
  Form form{root || op.getKind() == ReduceKind::SumSquare, root, 1};
  if (op.getKind() == ReduceKind::Mean)
    form.divisor = static_cast<float>(e.count);
  if (e.inner > 1)
    emitAcross(k, e, form, at);
  else
    emitWithin(k, e.count, e.outer, form, at);
}

} // namespace dure::rngd
