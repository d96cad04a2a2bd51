// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums and extremes over neighbouring dimensions. Of the last ones, rows are
// divided among slices, and a row is summed within its slice; of others,
// columns too, and packets of a column are added up as they come. The extreme
// of a whole tensor is that of what slices find.
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

static bool isExtreme(ReduceOp op) {
  return op.getKind() == ReduceKind::Max || op.getKind() == ReduceKind::Min;
}

/// Whether it is the extreme of a whole tensor, which all slices look for.
static bool isOfAll(ReduceOp op, const Extents &e) {
  return isExtreme(op) && e.outer == 1 && e.inner == 1;
}

Refusal reduceRefusal(ReduceOp op) {
  if (!isStaticF32(op.getX()) || elementsOf(op.getX()) == 0)
    return "rows here are of f32 and fixed sizes";
  switch (op.getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
  case ReduceKind::SumSquare:
  case ReduceKind::L2:
  case ReduceKind::Max:
  case ReduceKind::Min:
    break;
  default:
    return "the vector engine's steps do not make it";
  }
  std::optional<Extents> e = extentsOf(op);
  if (!e)
    return "it runs over dimensions that others lie between";
  if (isOfAll(op, *e))
    return e->count % 2 == 0 ? Refusal() : "DMA moves multiples of 8 bytes";
  if ((e->inner > 1 ? e->inner : e->count) % 2 != 0)
    return "its rows are no multiple of 8 bytes";
  if (isExtreme(op) && e->inner == 1 && leavesLanesOpen(e->count))
    return "its rows are no multiple of 16 bytes";
  if (elementsOf(op.getResult()) % 2 != 0)
    return "DMA moves multiples of 8 bytes";
  if (2 * (e->inner > 1 ? acrossBytes(*e, 8) : rowBytes(e->count)) > DmBudget)
    return "two rows do not fit a slice's data memory";
  return std::nullopt;
}

namespace {

/// What a sum is of, and what becomes of it; or an extreme.
struct Form {
  bool squares, root;
  float divisor;
  std::optional<Reduction> extreme;
};

/// Between the words of infinities of a sign and of the last of what is no
/// number with it.
constexpr int32_t NoNumbers = 0x7fffff;

} // namespace

/// f32 as words that integers are ordered as: of those with a sign all bits but
/// that are turned. What is no number lies at both ends. Its own inverse.
static Value orderedWords(KernelBuilder &k, Value words) {
  Value kept = k.stash(words);
  Value sign = k.stepInt(VectorKind::ShiftRightArith, kept, 31);
  sign = k.stepInt(VectorKind::BitAnd, sign, INT32_MAX);
  return k.stepStash(VectorKind::BitXor, sign);
}

/// What is added to such words, which wrap, so that all that is no number lies
/// at the end that is looked for: units alone pass over it.
static int32_t turnOf(Reduction extreme) {
  return extreme == Reduction::Max ? -NoNumbers : NoNumbers;
}

/// The words of f32 in `x`, as an extreme compares them.
static Value compared(KernelBuilder &k, Reduction extreme, Value x) {
  return k.stepInt(VectorKind::AddFxp, orderedWords(k, x), turnOf(extreme));
}

/// Back to f32, of `time` and `packet`.
static Value fromWords(KernelBuilder &k, Reduction extreme, Value words,
                       const DigitList &time, const DigitList &packet) {
  auto of = cast<DmType>(words.getType());
  DigitList element(of.getElement().getDigits());
  Value out = k.part(words, element, 0, k.f32());
  k.exec(Context::Main, [&] {
    Value x = k.collect(k.fetch(words, time, packet));
    k.commit(k.stepInt(VectorKind::AddFxp, x, -turnOf(extreme)), words);
  });
  Value back = k.part(words, element, 0);
  k.exec(Context::Main, [&] {
    k.commit(orderedWords(k, k.collect(k.fetch(back, time, packet))), back);
  });
  return out;
}

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
    DigitList local = localOf(k, space, box);
    Value out = k.dm(form.extreme ? k.i32() : k.f32(), grid, local);
    if (form.extreme)
      x = k.part(x, around(outer, inner), 0, k.i32());
    k.exec(Context::Main, [&] {
      DigitList all = time;
      all.push_back(summed);
      if (form.extreme) {
        Value wide =
            compared(k, *form.extreme, k.collect(k.fetch(x, all, packet)));
        Value y = k.reduce(*form.extreme, k.narrow(wide), "c", e.count);
        return k.commit(k.widen(y, wide, "c"), out);
      }
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
    if (form.extreme)
      out = fromWords(k, *form.extreme, out, time, packet);
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
    Value sums;
    if (form.extreme) {
      Value words = k.part(x, with(local, k.digit("c", columns)), 0, k.i32()),
            found = k.dm(k.i32(), grid, rows.statDigits());
      k.exec(Context::Main, [&] {
        Value y =
            compared(k, *form.extreme,
                     k.collect(k.fetch(words, rows.time(), rows.packet())));
        y = k.reduce(*form.extreme, k.narrow(y), "c", columns);
        k.commit(k.widenReduced(y), found);
      });
      sums = fromWords(k, *form.extreme, found, local, {k.digit("x", 8)});
    } else {
      sums = rows.statistic(Reduction::Add, x, form.squares, form.divisor);
    }
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

/// Of all elements: those of each slice, then of what slices find.
static void emitOfAll(KernelBuilder &k, int64_t count, Reduction extreme,
                      const KernelOperands &at) {
  int64_t slices = 1;
  while (slices < SlicesPerCluster && slices * 2 * 8 <= count)
    slices *= 2;
  // Of fewer than a flit has, all; else whole flits.
  int64_t each = std::min<int64_t>(count, 8);
  if (count > 8)
    each = std::min(count / slices, DmStep / 4) & -8;
  // The last one overlaps, which finds no other extreme.
  SmallVector<int64_t> parts = starts(count, slices * each);
  auto number = static_cast<int64_t>(parts.size());
  Grid grid;
  grid.slice = {k.digit("s", slices)};
  Digit e = k.digit("e", each), x = k.digit("x", 8), p = k.digit("p", number);
  Value found = k.dm(k.i32(), grid, {p, x});
  k.pin(found);
  for (auto [i, first] : llvm::enumerate(parts)) {
    k.releaseAll();
    Value in = k.dm(k.f32(), grid, {e});
    k.copy(k.hbm(at.inputs[0], {grid.slice[0], e}, first), in);
    Value words = k.part(in, {e}, 0, k.i32()),
          to = k.part(found, {x}, static_cast<int64_t>(i) * FlitBytes);
    k.exec(Context::Main, [&] {
      DigitList flits = {k.digit("e", llvm::divideCeil(each, 8), 8)};
      Value y =
          k.fetch(words, flits, {k.digit("e", std::min<int64_t>(each, 8))});
      y = k.narrow(compared(k, extreme, k.collect(y)));
      k.commit(k.widenReduced(k.reduce(extreme, y, "e", each)), to);
    });
  }
  Value most = k.dm(k.i32(), k.reduced(grid, slices, true), {x});
  k.exec(Context::Main, [&] {
    Value wide = k.collect(k.fetch(found, {p}, {x}));
    Value y =
        k.widen(k.reduce(extreme, k.narrow(wide), "p", number), wide, "p");
    k.commit(k.reduceSlices(extreme, y, slices, true), most);
  });
  fromWords(k, extreme, most, {}, {x});
  // All slices have it. What ends within 8 bytes moves with what follows.
  Digit two = k.digit("x", 2);
  k.copy(k.dmOver(most, k.f32(), k.reduced(grid, slices, false), {two}),
         k.hbm(at.result, {two}));
}

void emitReduce(KernelBuilder &k, ReduceOp op, const KernelOperands &at) {
  Extents e = *extentsOf(op);
  bool root = op.getKind() == ReduceKind::L2;
  Form form{root || op.getKind() == ReduceKind::SumSquare, root, 1, {}};
  if (isExtreme(op))
    form.extreme =
        op.getKind() == ReduceKind::Max ? Reduction::Max : Reduction::Min;
  if (isOfAll(op, e))
    return emitOfAll(k, e.count, *form.extreme, at);
  if (op.getKind() == ReduceKind::Mean)
    form.divisor = static_cast<float>(e.count);
  if (e.inner > 1)
    emitAcross(k, e, form, at);
  else
    emitWithin(k, e.count, e.outer, form, at);
}

} // namespace dure::rngd
