// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// top_k, and gather_elements of what it picks. The vector engine does not sort:
// an element's rank is the number of those that come before it, which slices
// count for a few elements each; a second kernel looks for the elements of the
// first ranks.
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/WordMove.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// Rows of [rows, length], of each of which `picks` elements are picked.
struct Picks {
  int64_t rows, length, picks;
};

/// What half of the vector register file holds of words.
constexpr int64_t MostLength = VrfBytes / 2 / 4;

Picks picksOf(Value x, Value picked) {
  int64_t length = shapeOf(x).back();
  return {elementsOf(x) / length, length, shapeOf(picked).back()};
}

bool isLast(int64_t axis, Value x) {
  return axis == static_cast<int64_t>(shapeOf(x).size()) - 1;
}

/// Why rows are not taken.
Refusal rowsRefusal(Value x, int64_t axis) {
  if (!isStaticF32(x) || elementsOf(x) == 0)
    return "rows here are of f32 and fixed sizes";
  if (!isLast(axis, x))
    return "it runs along another axis than the last";
  if (shapeOf(x).back() % 8 != 0)
    return "rows are no multiple of 32 bytes";
  if (shapeOf(x).back() > MostLength)
    return "a row does not fit half of the vector register file";
  return std::nullopt;
}

/// Bits of the first f32 that is no number, its sign aside.
constexpr int32_t FirstNaN = 0x7f800001;

/// What kernels over boxes of [rows, y] have in common, where each (row, y) is
/// held against all of a row.
class Ranks {
public:
  Ranks(KernelBuilder &k, const Picks &of, const Space &space, const Box &box)
      : k(k), of(of), space(space), box(box), grid(gridOf(k, space, box)),
        rows(localOf(k, space, box, isRow)), some(localOf(k, space, box, isY)),
        both(localOf(k, space, box)) {}

  /// For each (row, y) how many of the row come before y.
  void count(Value x, Value ranks, TopKOp op);
  /// For each (row, y) the place of the element with rank y.
  void find(Value ranks, Value places);
  /// For each (row, y) the element at the place that y says.
  void take(Value x, Value places, Value taken, bool asWords);

  static bool isRow(unsigned axis) { return axis == 0; }
  static bool isY(unsigned axis) { return axis == 1; }

private:
  using Steps = function_ref<Value(Value)>;

  DigitList with(DigitList digits, const Digit &inner) {
    digits.push_back(inner);
    return digits;
  }
  Digit length() { return k.digit("j", of.length); }
  /// Packets of 8 along a row, after `outer`.
  DigitList along(const DigitList &outer) {
    return with(outer, k.digit("j", of.length / 8, 8));
  }
  DigitList packet() { return {k.digit("j", 8)}; }
  /// Of a layout whose innermost digit is an even number.
  DigitList packetOf(const DigitList &layout, int64_t most = 8);
  DigitList packets(const DigitList &layout, int64_t most = 8);

  Value loadRows(Value place, Type type);
  Value counters(const DigitList &digits, bool ofBox);
  Value lowWords(Value both, const DigitList &digits);
  Value pass(Value in, const DigitList &time, const DigitList &packet,
             const DigitList &layout, Steps steps);
  Value keys(Value x, const DigitList &layout);
  Value registers(Value words, const DigitList &layout);
  Value sum(Value words, Steps toFloats);
  void storeWords(Value firsts, bool asNumbers, Value place);

  KernelBuilder &k;
  const Picks &of;
  const Space &space;
  const Box &box;
  Grid grid;
  DigitList rows, some, both;
};

} // namespace

DigitList Ranks::packetOf(const DigitList &layout, int64_t most) {
  const Digit &inner = layout.back();
  return {k.digit(inner.axis.getValue(), std::gcd(inner.size, most))};
}

DigitList Ranks::packets(const DigitList &layout, int64_t most) {
  DigitList time(layout);
  Digit inner = time.pop_back_val();
  int64_t width = std::gcd(inner.size, most);
  return with(time, k.digit(inner.axis.getValue(), inner.size / width, width));
}

/// All of each row of the box, in every slice that has an element of it.
Value Ranks::loadRows(Value place, Type type) {
  Value here = k.dm(type, grid, with(rows, length()));
  k.copy(k.hbm(place, with(wholeOf(k, space, box, isRow), length()),
               box.first[0] * of.length, type),
         here);
  return here;
}

/// 0, 1, 2, ... along a row; or, with `ofBox`, the box's part of them along y.
/// In memory they are i64, so that DMA can cut them anywhere.
Value Ranks::counters(const DigitList &digits, bool ofBox) {
  SmallVector<int64_t> numbers(of.length);
  std::iota(numbers.begin(), numbers.end(), 0);
  Type i64 = k.b.getI64Type();
  Value all =
      k.constant(DenseElementsAttr::get(RankedTensorType::get({of.length}, i64),
                                        ArrayRef(numbers)),
                 {length()});
  Value here = k.dm(i64, grid, digits);
  k.copy(ofBox ? k.hbm(all, wholeOf(k, space, box, isY), box.first[1])
               : k.hbm(all, digits),
         here);
  return lowWords(here, digits);
}

/// Of i64 the low words, side by side.
Value Ranks::lowWords(Value both, const DigitList &digits) {
  Value low =
      k.part(k.dmOver(both, k.i32(), grid, with(digits, k.digit("w", 2))),
             with(digits, k.digit("w", 1, 1, 2)), 0);
  return pass(low, packets(digits), packetOf(digits), digits,
              [](Value s) { return s; });
}

Value Ranks::pass(Value in, const DigitList &time, const DigitList &packet,
                  const DigitList &layout, Steps steps) {
  Value out = k.dm(k.i32(), grid, layout);
  k.exec(Context::Main,
         [&] { k.commit(steps(k.collect(k.fetch(in, time, packet))), out); });
  return out;
}

/// Words in `layout`, of which the last digit is innermost, in the register
/// file.
Value Ranks::registers(Value words, const DigitList &layout) {
  DigitList time = packets(layout), packet = packetOf(layout);
  Digit flit = packet.front();
  flit.extent = 8;
  Value made = k.vrf(k.i32(), grid, with(time, flit));
  k.exec(Context::Sub,
         [&] { k.toVrf(k.collect(k.fetch(words, time, packet)), made); });
  return made;
}

/// A word for each f32 that orders them: both zeros alike, and above all others
/// what is no number.
Value Ranks::keys(Value x, const DigitList &layout) {
  DigitList time = packets(layout), packet = packetOf(layout);
  Value plain = k.dm(k.f32(), grid, layout);
  k.exec(Context::Main, [&] {
    // The zero with a sign, and 0, make the one without.
    k.commit(
        k.stepImm(VectorKind::ClipAdd, k.collect(k.fetch(x, time, packet)), 0),
        plain);
  });
  Value bits = k.part(plain, layout, 0, k.i32());
  Value ordered = pass(bits, time, packet, layout, [&](Value s) {
    Value kept = k.stash(s);
    Value sign = k.stepInt(VectorKind::ShiftRightArith, kept, 31);
    sign = k.stepInt(VectorKind::BitAnd, sign, INT32_MAX);
    return k.stepStash(VectorKind::BitXor, sign);
  });
  // 0 for a number, else -1.
  Value isNone = pass(bits, time, packet, layout, [&](Value s) {
    s = k.stepInt(VectorKind::BitAnd, s, INT32_MAX);
    s = k.stepInt(VectorKind::AddFxp, s, -FirstNaN);
    s = k.stepInt(VectorKind::FxpShiftRightLogic, s, 31);
    return k.stepInt(VectorKind::ClipAdd, s, -1);
  });
  Value out = k.dm(k.i32(), grid, layout);
  k.exec(Context::Main, [&] {
    Value s = k.collect(k.fetchPair(ordered, isNone, time, packet));
    s = k.stepInt(VectorKind::BitXor, s, INT32_MIN, 2);
    k.commit(k.zip(VectorKind::Max, s), out);
  });
  return out;
}

/// Of words for each (row, y) and element of the row, as floats, the sums: one
/// for each (row, y), the first of 8.
Value Ranks::sum(Value words, Steps toFloats) {
  Value sums = k.dm(k.f32(), grid, with(both, k.digit("x", 8)));
  k.exec(Context::Main, [&] {
    Value s = toFloats(k.collect(k.fetch(words, along(both), packet())));
    s = k.reduce(Reduction::Add, k.narrow(s), "j", of.length);
    k.commit(k.widenReduced(s), sums);
  });
  return k.part(sums, with(both, k.digit("x", 1, 1, 8)), 0);
}

void Ranks::count(Value x, Value ranks, TopKOp op) {
  Value row = loadRows(x, k.f32()), own = k.dm(k.f32(), grid, both);
  k.copy(k.hbm(x, wholeOf(k, space, box), startOf(space, box)), own);
  Value all = keys(row, with(rows, length()));
  Value each = registers(keys(own, both), both);
  Value number = registers(counters(some, true), some);
  DigitList layout = with(both, length()), time = along(both);
  auto places = [](bool swap) {
    return swap ? Arguments::OperandStream : Arguments::StreamOperand;
  };
  // 1 where the row's element comes before by its value, -1 where behind; of
  // equal ones, 1 where by its place.
  Value byValue = pass(all, time, packet(), layout, [&](Value s) {
    s = k.stepVrf(VectorKind::SubFxpSat, s, each, places(op.getSmallest()));
    s = k.stepInt(VectorKind::Min, s, 1);
    return k.stepInt(VectorKind::Max, s, -1);
  });
  Value byPlace =
      pass(counters({length()}, false), time, packet(), layout, [&](Value s) {
        s = k.stepVrf(VectorKind::SubFxp, s, number,
                      places(!op.getLastFirst()));
        s = k.stepInt(VectorKind::Min, s, 1);
        return k.stepInt(VectorKind::Max, s, 0);
      });
  Value before = k.dm(k.i32(), grid, layout);
  k.exec(Context::Main, [&] {
    Value s = k.collect(k.fetchPair(byValue, byPlace, time, packet()));
    s = k.stepInt(VectorKind::Min, k.zip(VectorKind::AddFxp, s), 1);
    k.commit(k.stepInt(VectorKind::Max, s, 0), before);
  });
  Value sums = sum(before, [&](Value s) { return k.toFloat(s); });
  Value out = pass(sums, packets(both), packetOf(both), both, [&](Value s) {
    return k.convert(VectorKind::F32ToI32, s, k.i32());
  });
  k.copy(out,
         k.hbm(ranks, wholeOf(k, space, box), startOf(space, box), k.i32()));
}

void Ranks::find(Value ranks, Value places) {
  Value row = loadRows(ranks, k.i32());
  Value number = registers(counters(some, true), some);
  DigitList whole = {length()};
  Value place = registers(counters(whole, false), whole);
  Value differs =
      pass(row, along(both), packet(), with(both, length()), [&](Value s) {
        s = k.stepVrf(VectorKind::SubFxp, s, number);
        return k.stepInt(VectorKind::AbsMin, s, 1);
      });
  storeWords(sum(differs,
                 [&](Value s) {
                   s = k.stepInt(VectorKind::BitXor, s, 1);
                   return k.toFloat(k.stepVrf(VectorKind::MulInt, s, place));
                 }),
             true, places);
}

/// Words side by side with 0: whole numbers in f32 as i64, other words as they
/// are.
void Ranks::storeWords(Value firsts, bool asNumbers, Value place) {
  DigitList two = {k.digit("w", 2)};
  llvm::append_range(two, both);
  Value words = k.dm(k.i32(), grid, two);
  for (bool isHigh : {false, true}) {
    Value half = k.part(words, both, isHigh ? positions(both) * 4 : 0);
    k.exec(Context::Main, [&] {
      Value s = k.collect(k.fetch(firsts, packets(both), packetOf(both)));
      s = k.convert(asNumbers && !isHigh ? VectorKind::F32ToI32
                                         : VectorKind::Reinterpret,
                    s, k.i32());
      if (isHigh)
        s = k.stepInt(VectorKind::BitAnd, s, 0);
      k.commit(s, half);
    });
  }
  Value out = k.dm(k.i32(), grid, with(both, k.digit("w", 2)));
  k.exec(Context::Main, [&] {
    k.commit(k.collect(k.fetch(words, packets(both, 4),
                               with(packetOf(both, 4), k.digit("w", 2)))),
             out);
  });
  k.copy(k.dmOver(out, k.b.getI64Type(), grid, both),
         k.hbm(place, wholeOf(k, space, box), startOf(space, box)));
}

void Ranks::take(Value x, Value places, Value taken, bool asWords) {
  Value row = loadRows(x, k.f32());
  DigitList layout = with(rows, length());
  Value bits = registers(k.part(row, layout, 0, k.i32()), layout);
  Value here = k.dm(k.b.getI64Type(), grid, both);
  k.copy(k.hbm(places, wholeOf(k, space, box), startOf(space, box)), here);
  Value place = registers(lowWords(here, both), both);
  Value differs = pass(counters({length()}, false), along(both), packet(),
                       with(both, length()), [&](Value s) {
                         s = k.stepVrf(VectorKind::SubFxp, s, place);
                         return k.stepInt(VectorKind::AbsMin, s, 1);
                       });
  // Of the bits all but those of one element become 0.
  Value firsts = sum(differs, [&](Value s) {
    s = k.stepInt(VectorKind::BitXor, s, 1);
    s = k.stepVrf(VectorKind::MulInt, s, bits);
    return k.convert(VectorKind::Reinterpret, s, k.f32());
  });
  if (asWords)
    return storeWords(firsts, false, taken);
  Value out = k.dm(k.f32(), grid, both);
  k.exec(Context::Main, [&] {
    k.commit(k.collect(k.fetch(firsts, packets(both), packetOf(both))), out);
  });
  k.copy(out, k.hbm(taken, wholeOf(k, space, box), startOf(space, box)));
}

/// Boxes of rows and of `count` y, `unit` at least to a slice.
static void overBoxes(KernelBuilder &k, const Picks &of, int64_t count,
                      int64_t unit, function_ref<void(Ranks)> body) {
  Space space;
  space.axes = {{"r", of.rows}, {"y", count, unit}};
  space.order = {0, 1};
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    int64_t both = each[0] * each[1];
    // Three tables, six of rows; flits of each (row, y).
    int64_t bytes =
        (both * 3 + each[0] * 6) * of.length * 4 + both * 4 * FlitBytes;
    // Of each row its bits or, of all, their places; a flit for each (row, y).
    bool files = each[0] * of.length * 4 > VrfBytes / 2 ||
                 (both + each[1]) * FlitBytes > VrfBytes / 2;
    return bytes > DmBudget || files ? longest(space, each) : std::nullopt;
  };
  for (const Box &box : divide(space, tooMuch)) {
    k.releaseAll();
    body(Ranks(k, of, space, box));
  }
}

/// The vector engine fetches two words at least: of an odd number of picks it
/// computes one more.
static int64_t computed(const Picks &of) { return llvm::alignTo(of.picks, 2); }

/// Words of [rows, from] as [rows, to]: without the last ones, or with the
/// first ones again at the end.
static void moveWords(KernelBuilder &k, Value source, int64_t from,
                      Value target, int64_t to, int64_t rows) {
  auto columns = [&](int64_t count, int64_t place) {
    for (const Share &share : divide(rows, DmStep / 8 / count)) {
      k.releaseAll();
      Value here = k.dm(k.b.getI64Type(), k.grid("r", share),
                        {k.digit("r", share.each), k.digit("y", count)});
      auto some = [&](int64_t of) {
        return DigitList{k.digit("r", share.rows()),
                         k.digit("y", count, 1, of)};
      };
      k.copy(k.hbm(source, some(from), share.first * from), here);
      k.copy(here, k.hbm(target, some(to), share.first * to + place));
    }
  };
  columns(std::min(from, to), 0);
  if (to > from)
    columns(to - from, from);
}

Refusal topKRefusal(TopKOp op) {
  if (!cast<RankedTensorType>(op.getType()).hasStaticShape() ||
      elementsOf(op.getResult()) == 0)
    return "its sizes are not fixed";
  return rowsRefusal(op.getX(), op.getAxis());
}

SmallVector<int64_t> topKScratch(TopKOp op) {
  Picks of = picksOf(op.getX(), op.getResult());
  return {of.rows * of.length / 2, of.rows * computed(of)};
}

void emitTopK(KernelBuilder &k, TopKOp op, const KernelOperands &at) {
  Picks of = picksOf(op.getX(), op.getResult());
  overBoxes(k, of, of.length, 8,
            [&](Ranks ranks) { ranks.count(at.inputs[0], at.scratch[0], op); });
  bool isOdd = computed(of) != of.picks;
  Value places = isOdd ? at.scratch[1] : at.result;
  overBoxes(k, of, computed(of), 2,
            [&](Ranks ranks) { ranks.find(at.scratch[0], places); });
  if (isOdd)
    moveWords(k, places, computed(of), at.result, of.picks, of.rows);
}

Refusal pickedRefusal(GatherElementsOp op) {
  if (Refusal refusal = rowsRefusal(op.getX(), op.getAxis()))
    return refusal;
  // What lies outside of a row would be no fault here.
  auto places = op.getIndices().getDefiningOp<TopKOp>();
  if (!places || !isLast(places.getAxis(), places.getX()) ||
      shapeOf(places.getX()) != shapeOf(op.getX()))
    return "its indices are not top_k's of a tensor of the same shape";
  return std::nullopt;
}

SmallVector<int64_t> pickedScratch(GatherElementsOp op) {
  Picks of = picksOf(op.getX(), op.getResult());
  int64_t words = of.rows * computed(of);
  return {words, words};
}

void emitPicked(KernelBuilder &k, GatherElementsOp op,
                const KernelOperands &at) {
  Picks of = picksOf(op.getX(), op.getResult());
  bool isOdd = computed(of) != of.picks;
  Value places = at.inputs[1], taken = at.result;
  if (isOdd) {
    moveWords(k, places, of.picks, at.scratch[0], computed(of), of.rows);
    places = at.scratch[0], taken = at.scratch[1];
  }
  overBoxes(k, of, computed(of), 2, [&](Ranks ranks) {
    ranks.take(at.inputs[0], places, taken, isOdd);
  });
  if (!isOdd)
    return;
  moveWords(k, taken, computed(of), at.scratch[0], of.picks, of.rows);
  narrowWords(k, at.scratch[0], at.result, of.rows * of.picks);
}

} // namespace dure::rngd
