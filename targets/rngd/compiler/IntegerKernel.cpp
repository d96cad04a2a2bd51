// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Integers and truth values: positions, masks, what they become in f32, and
// what depends on the bits of f32. The vector engine knows i32; an i64 is two
// words of it, a truth value a byte.
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/Kernels.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

enum class Number { Truth, I32, I64, F32, Other };

Number numberOf(Value value) {
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  if (type.isF32())
    return Number::F32;
  if (type.isInteger(1))
    return Number::Truth;
  if (type.isSignlessInteger(32))
    return Number::I32;
  return type.isSignlessInteger(64) ? Number::I64 : Number::Other;
}

int64_t bytesOf(Value value) {
  Number number = numberOf(value);
  return number == Number::Truth ? 1 : number == Number::I64 ? 8 : 4;
}

/// Words of data memory that an op's steps take for an element, beside what it
/// reads and writes.
constexpr int64_t TemporaryWords = 12;

/// Dimensions of the result, neighbours joined along which each operand varies
/// or repeats as a whole.
struct Shape {
  Space space;
  SmallVector<SmallVector<bool, 4>, 2> varies;
  int64_t columns() const { return space.axes.back().size; }
  int64_t width() const { return std::gcd<int64_t>(columns(), 8); }
};

/// The bits of a constant that is one number all over.
std::optional<int64_t> splatBits(Value value) {
  auto constant = value.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !dense.isSplat() || numberOf(value) == Number::Other)
    return std::nullopt;
  if (numberOf(value) == Number::F32)
    return dense.getSplatValue<APFloat>().bitcastToAPInt().getSExtValue();
  if (numberOf(value) == Number::Truth)
    return dense.getSplatValue<bool>();
  return dense.getSplatValue<APInt>().getSExtValue();
}

/// Elements that DMA moves at least, a truth value being a byte.
int64_t alignmentOf(Operation *op) {
  bool isTruth = numberOf(op->getResult(0)) == Number::Truth ||
                 llvm::any_of(op->getOperands(), [](Value operand) {
                   return numberOf(operand) == Number::Truth;
                 });
  return isTruth ? DmaAlignment : DmaAlignment / 4;
}

/// `isWhole`: all operands have the result's shape by then.
Shape shapeFor(Operation *op, bool isWhole) {
  Value result = op->getResult(0);
  ArrayRef<int64_t> to = shapeOf(result);
  Shape shape;
  shape.varies.resize(op->getNumOperands());
  for (auto [i, size] : llvm::enumerate(to)) {
    if (size == 1)
      continue;
    SmallVector<bool> along;
    for (Value operand : op->getOperands()) {
      ArrayRef<int64_t> from = shapeOf(operand);
      size_t missing = to.size() - from.size();
      along.push_back((isWhole || (i >= missing && from[i - missing] != 1)) &&
                      !splatBits(operand));
    }
    auto &axes = shape.space.axes;
    bool same = !axes.empty();
    for (auto [varies, now] : llvm::zip(shape.varies, along))
      same = same && varies.back() == now;
    if (same) {
      axes.back().size *= size;
      continue;
    }
    shape.space.order.push_back(axes.size());
    axes.push_back({"d" + std::to_string(axes.size()), size});
    for (auto [varies, now] : llvm::zip(shape.varies, along))
      varies.push_back(now);
  }
  auto &axes = shape.space.axes;
  if (axes.empty()) {
    axes.push_back({"d0", 1});
    shape.space.order.push_back(0);
    for (auto &varies : shape.varies)
      varies.push_back(true);
  }
  // What follows a tensor in the last unit of its buffer is computed with it.
  bool repeats = false;
  for (auto [operand, varies] : llvm::zip(op->getOperands(), shape.varies))
    repeats |= !varies.front() && !splatBits(operand);
  if (axes.size() == 1 && !repeats)
    axes[0].size = llvm::alignTo(axes[0].size, alignmentOf(op));
  // HBM is written in whole units, of whatever result.
  Space::Axis &last = axes.back();
  int64_t bytes = last.size * bytesOf(result);
  int64_t unit = std::gcd(last.size, HbmUnit);
  bool cut = unit == HbmUnit ||
             (unit >= 8 && last.size > (axes.size() > 1 ? 4096 : HbmUnit));
  last.unit = cut ? unit : last.size;
  // Where there are no rows, what units leave is a share by itself.
  if (!cut && axes.size() == 1 && last.size > 4 * HbmUnit)
    last.unit = HbmUnit;
  if (axes.size() > 1 && last.unit == last.size) {
    Space::Axis &rows = axes[axes.size() - 2];
    rows.unit = std::min(HbmUnit / std::gcd(HbmUnit, bytes), rows.size);
  }
  return shape;
}

int64_t elementBytes(Operation *op) {
  int64_t bytes = TemporaryWords * 4 + bytesOf(op->getResult(0));
  for (Value operand : op->getOperands())
    bytes += bytesOf(operand);
  return bytes;
}

/// Commands for one box.
class Integers {
public:
  Integers(KernelBuilder &k, Operation *op, const KernelOperands &at,
           const Shape &shape, const Box &box)
      : k(k), op(op), shape(shape), box(box), grid(gridOf(k, shape.space, box)),
        local(localOf(k, shape.space, box)), time(local) {
    Digit columns = time.pop_back_val();
    axis = columns.axis.getValue();
    time.push_back(k.digit(axis, columns.size / shape.width(), shape.width()));
    packet = {k.digit(axis, shape.width())};
    for (auto [i, place] : llvm::enumerate(at.inputs))
      inputs.push_back(splatBits(op->getOperand(i)) ? Value() : load(i, place));
    store(at.result);
  }

private:
  using Steps = function_ref<Value(Value)>;

  DigitList withWords(DigitList digits, int64_t some = 2) {
    digits.push_back(k.digit("w", some, 1, 2));
    return digits;
  }
  Value load(unsigned number, Value place);
  void store(Value place);
  Value word(Value both, int64_t which) {
    return k.part(both, withWords(local, 1), which * 4);
  }
  Value plane(unsigned number, int64_t which = 0);
  Value everywhere(int32_t bits);
  Value apart(Value plane);
  Value asFloats(Value words) { return k.part(words, local, 0, k.f32()); }
  Value stream(Value first, Value second = {});
  void passInto(Value out, Steps steps, Value first, Value second = {});
  Value pass(Steps steps, Value first, Value second = {}, Type type = {});
  Value truth(Value stream) { return k.castFlits(stream, k.b.getI8Type()); }
  Value zip(VectorKind kind, Value x) { return k.zip(kind, x); }

  Value compute();
  Value fromCast();
  Value compare(CompareOp compare);
  Value order(Value a, Value b);
  Value orderOf(unsigned a, unsigned b);
  Value key(unsigned number);
  Value areNumbers();
  Value extreme(bool larger);
  Value select();
  Value choose(Value mask, unsigned a, unsigned b);
  Value sum(bool minus);
  Value twoWords();
  Value interleaved(Value words);

  KernelBuilder &k;
  Operation *op;
  const Shape &shape;
  const Box &box;
  Grid grid;
  DigitList local, time, packet;
  StringRef axis;
  SmallVector<Value, 2> inputs;
};

/// Of an i64 both words of each element.
Value Integers::load(unsigned number, Value place) {
  Value operand = op->getOperand(number);
  auto has = [&](unsigned axis) { return shape.varies[number][axis]; };
  DigitList from = wholeOf(k, shape.space, box, has), to(local);
  int64_t start = startOf(shape.space, box, has);
  Type type = cast<HbmType>(place.getType()).getElementType();
  if (from.empty())
    from.push_back(k.digit("_", 1));
  if (numberOf(operand) == Number::I64) {
    // DMA copies elements, of which the vector engine reads words.
    Value here = k.dm(type, grid, to);
    k.copy(k.hbm(place, from, start), here);
    return k.dmOver(here, k.i32(), grid, withWords(to));
  }
  Value here = k.dm(type, grid, to);
  k.copy(k.hbm(place, from, start), here);
  return here;
}

Value Integers::stream(Value first, Value second) {
  Value x = second ? k.fetchPair(first, second, time, packet)
                   : k.fetch(first, time, packet);
  if (cast<StreamType>(x.getType()).getElementType().isInteger(8))
    x = k.fetchCast(x, k.i32());
  return k.collect(x);
}

/// A word of each element, of an i64 the low or the high one; what is no splat
/// lies where it was loaded.
Value Integers::plane(unsigned number, int64_t which) {
  Value operand = op->getOperand(number);
  if (auto bits = splatBits(operand))
    return everywhere(static_cast<int32_t>(*bits >> (which * 32)));
  if (numberOf(operand) == Number::I64)
    return word(inputs[number], which);
  if (numberOf(operand) == Number::F32)
    return k.part(inputs[number], local, 0, k.i32());
  return inputs[number];
}

/// The same word for each element, which a pass over any others makes.
Value Integers::everywhere(int32_t bits) {
  unsigned other = 0;
  while (!inputs[other])
    ++other;
  return pass(
      [&](Value s) {
        return k.stepInt(VectorKind::BitOr, k.stepInt(VectorKind::BitAnd, s, 0),
                         bits);
      },
      plane(other));
}

/// A word of an i64, or a truth value, as a word by itself.
Value Integers::apart(Value plane) {
  auto type = cast<DmType>(plane.getType());
  if (!type.getElementType().isInteger(8) &&
      type.getElement().getDigits().size() == local.size())
    return plane;
  return pass([](Value s) { return s; }, plane);
}

/// One instruction; its result in `out`. Two tensors come in one layout.
void Integers::passInto(Value out, Steps steps, Value first, Value second) {
  if (second && first.getType() != second.getType()) {
    first = apart(first);
    second = apart(second);
  }
  k.exec(Context::Main, [&] { k.commit(steps(stream(first, second)), out); });
}

/// One instruction; its result in data memory, of i32 if no type is given.
Value Integers::pass(Steps steps, Value first, Value second, Type type) {
  Value out = k.dm(type ? type : k.i32(), grid, local);
  passInto(out, steps, first, second);
  return out;
}

/// An i64 is put together of its words, which `compute` leaves side by side.
void Integers::store(Value place) {
  Value out = compute();
  Type type = cast<HbmType>(place.getType()).getElementType();
  if (numberOf(op->getResult(0)) == Number::I64)
    out = k.dmOver(out, type, grid, local);
  else
    out = k.part(out, local, 0, type);
  k.copy(out,
         k.hbm(place, wholeOf(k, shape.space, box), startOf(shape.space, box)));
}

Value Integers::fromCast() {
  Number from = numberOf(op->getOperand(0)), to = numberOf(op->getResult(0));
  auto toFloat = [&](Value s) {
    return k.convert(VectorKind::I32ToF32, s, k.f32());
  };
  if (to == Number::Truth) {
    // The smaller in size of x and 1.
    auto isSome = [&](Value s) {
      return truth(k.stepInt(VectorKind::AbsMin, s, 1));
    };
    Type byte = k.b.getI8Type();
    if (from == Number::I64)
      return pass([&](Value s) { return isSome(zip(VectorKind::BitOr, s)); },
                  plane(0), plane(0, 1), byte);
    if (from == Number::I32)
      return pass(isSome, plane(0), {}, byte);
    // 0 of either sign has no other bits.
    return pass(
        [&](Value s) {
          return isSome(k.stepInt(VectorKind::BitAnd, s, 0x7fffffff));
        },
        plane(0), {}, byte);
  }
  if (to == Number::I32)
    return pass([](Value s) { return s; }, plane(0));
  if (to == Number::I64) {
    Value words = twoWords();
    passInto(
        k.part(words, local, 0), [](Value s) { return s; }, plane(0));
    passInto(
        k.part(words, local, positions(local) * 4),
        [&](Value s) { return k.stepInt(VectorKind::ShiftRightArith, s, 31); },
        plane(0));
    return interleaved(words);
  }
  if (from != Number::I64)
    return pass(toFloat, plane(0), {}, k.f32());
  // The low word as a signed number; the high one with what that lacks.
  Value high = pass(
      [&](Value s) {
        Value sign = k.stepInt(VectorKind::ShiftRightLogic, s, 31, 1);
        Value f = toFloat(zip(VectorKind::AddFxp, sign));
        return k.widen(k.stepImm(VectorKind::Mul0, k.narrow(f), 0x1p32f), f);
      },
      plane(0), plane(0, 1), k.f32());
  Value low = pass(toFloat, plane(0), {}, k.f32());
  return pass(
      [&](Value s) { return k.widen(k.zip(VectorKind::AddF, k.narrow(s)), s); },
      high, low, k.f32());
}

/// -1, 0 or 1 as a is below, equal to or above b, both i32.
Value Integers::order(Value a, Value b) {
  return pass(
      [&](Value s) {
        Value less = k.zip(VectorKind::SubFxpSat, s);
        less = k.stepInt(VectorKind::Min, less, 1);
        return k.stepInt(VectorKind::Max, less, -1);
      },
      a, b);
}

/// A word for each f32 that orders them as numbers are, both zeros alike.
Value Integers::key(unsigned number) {
  // The zero with a sign, and 0, make the one without.
  Value plain =
      pass([&](Value s) { return k.stepImm(VectorKind::ClipAdd, s, 0); },
           asFloats(plane(number)), {}, k.f32());
  return pass(
      [&](Value s) {
        Value kept = k.stash(s);
        Value sign = k.stepInt(VectorKind::ShiftRightArith, kept, 31);
        sign = k.stepInt(VectorKind::BitAnd, sign, INT32_MAX);
        return k.stepStash(VectorKind::BitXor, sign);
      },
      k.part(plain, local, 0, k.i32()));
}

/// -1, 0 or 1 as operand a is below, equal to or above b.
Value Integers::orderOf(unsigned a, unsigned b) {
  Number number = numberOf(op->getOperand(a));
  if (number == Number::F32)
    return order(key(a), key(b));
  if (number != Number::I64)
    return order(plane(a), plane(b));
  // The high words decide before the low ones, which have no sign.
  Value high = order(plane(a, 1), plane(b, 1));
  Value low = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitXor, s, INT32_MIN);
        s = k.zip(VectorKind::SubFxpSat, s);
        s = k.stepInt(VectorKind::Min, s, 1);
        return k.stepInt(VectorKind::Max, s, -1);
      },
      plane(a), plane(b));
  return pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::ShiftLeft, s, 1, 1);
        s = k.zip(VectorKind::AddFxp, s);
        s = k.stepInt(VectorKind::Min, s, 1);
        return k.stepInt(VectorKind::Max, s, -1);
      },
      high, low);
}

/// Bits of the first f32 that is no number, its sign aside.
constexpr int32_t FirstNaN = 0x7f800001;

/// 1 where both f32 operands are numbers, else 0.
Value Integers::areNumbers() {
  return pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, INT32_MAX);
        s = k.stepInt(VectorKind::AddFxp, s, -FirstNaN);
        s = k.stepInt(VectorKind::FxpShiftRightLogic, s, 31);
        return zip(VectorKind::Min, s);
      },
      plane(0), plane(1));
}

Value Integers::compare(CompareOp compare) {
  ComparePredicate kind = compare.getPredicate();
  // a < b if b > a: what is left is > and >=.
  bool swap = kind == ComparePredicate::LT || kind == ComparePredicate::LE;
  bool equal = kind == ComparePredicate::EQ,
       differ = kind == ComparePredicate::NE;
  bool allows = kind == ComparePredicate::GE || kind == ComparePredicate::LE;
  Value found = orderOf(swap, !swap);
  // 0 or 1 of -1, 0 or 1.
  auto verdict = [&](Value s, int64_t groups) {
    if (equal || differ) {
      s = k.stepInt(VectorKind::BitAnd, s, 1, groups);
      return equal ? k.stepInt(VectorKind::BitXor, s, 1, groups) : s;
    }
    s = k.stepInt(VectorKind::AddFxp, s, allows ? 2 : 1, groups);
    return k.stepInt(VectorKind::FxpShiftRightLogic, s, 1, groups);
  };
  Type byte = k.b.getI8Type();
  if (numberOf(compare.getLhs()) != Number::F32)
    return pass([&](Value s) { return truth(verdict(s, 3)); }, found, {}, byte);
  // What is no number differs from all, and compares as nothing else.
  return pass(
      [&](Value s) {
        if (differ)
          s = k.stepInt(VectorKind::BitXor, s, 1, 2);
        s = verdict(s, 1);
        return truth(zip(differ ? VectorKind::Max : VectorKind::Min, s));
      },
      found, areNumbers(), byte);
}

/// Room for both words of each element, the low ones first.
Value Integers::twoWords() {
  DigitList two = {k.digit("w", 2)};
  llvm::append_range(two, local);
  return k.dm(k.i32(), grid, two);
}

/// Both words of each element side by side.
Value Integers::interleaved(Value words) {
  Value out = k.dm(k.i32(), grid, withWords(local));
  int64_t some = std::gcd<int64_t>(shape.width(), 4);
  DigitList steps(local);
  Digit columns = steps.pop_back_val();
  steps.push_back(k.digit(axis, columns.size / some, some));
  k.exec(Context::Main, [&] {
    k.commit(k.collect(
                 k.fetch(words, steps, {k.digit(axis, some), k.digit("w", 2)})),
             out);
  });
  return out;
}

/// Operand a where `mask` is 0, b where it is -1.
Value Integers::choose(Value mask, unsigned a, unsigned b) {
  Number number = numberOf(op->getResult(0));
  auto both = [&](Value s) { return zip(VectorKind::BitXor, s); };
  auto some = [&](int64_t which) {
    Value apart = pass(both, plane(a, which), plane(b, which));
    return pass([&](Value s) { return zip(VectorKind::BitAnd, s); }, apart,
                mask);
  };
  if (number == Number::Truth)
    return pass([&](Value s) { return truth(both(s)); }, some(0), plane(a),
                k.b.getI8Type());
  if (number != Number::I64)
    return pass(both, some(0), plane(a));
  Value words = twoWords();
  for (int64_t which : {0, 1})
    passInto(k.part(words, local, which * positions(local) * 4), both,
             some(which), plane(a, which));
  return interleaved(words);
}

Value Integers::select() {
  Value mask = pass(
      [&](Value s) { return k.stepInt(VectorKind::AddFxp, s, -1); }, plane(0));
  return choose(mask, 1, 2);
}

/// The smaller or the larger operand.
Value Integers::extreme(bool larger) {
  VectorKind kind = larger ? VectorKind::Max : VectorKind::Min;
  auto plain = [&](Value s) { return zip(kind, s); };
  Number number = numberOf(op->getResult(0));
  if (number == Number::I32)
    return pass(plain, plane(0), plane(1));
  if (number == Number::I64) {
    // -1 where the first is larger.
    Value mask = pass(
        [&](Value s) {
          s = k.stepInt(VectorKind::AddFxp, s, 1);
          s = k.stepInt(VectorKind::FxpShiftRightLogic, s, 1);
          return k.stepInt(VectorKind::MulInt, s, -1);
        },
        orderOf(0, 1));
    return choose(mask, larger, !larger);
  }
  // The unit passes over what is no number: of it and the words that stand for
  // one here, the larger.
  constexpr uint32_t NaN = 0x7fc00000, Least = 0x80000000;
  Value found = pass(plain, asFloats(plane(0)), asFloats(plane(1)), k.f32());
  return pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::MulInt, s, static_cast<int32_t>(Least - NaN),
                      2);
        s = k.stepInt(VectorKind::AddFxp, s, NaN, 2);
        return zip(VectorKind::Max, s);
      },
      k.part(found, local, 0, k.i32()), areNumbers());
}

/// a + b or a - b, of two words with what the low one carries or borrows.
Value Integers::sum(bool minus) {
  VectorKind kind = minus ? VectorKind::SubFxp : VectorKind::AddFxp;
  auto plain = [&](Value s) { return k.zip(kind, s); };
  if (numberOf(op->getResult(0)) == Number::I32)
    return pass(plain, plane(0), plane(1));
  Value words = twoWords();
  Value low = k.part(words, local, 0),
        high = k.part(words, local, positions(local) * 4);
  Value lowA = plane(0), lowB = plane(1);
  passInto(low, plain, lowA, lowB);
  passInto(high, plain, plane(0, 1), plane(1, 1));
  // Without their sign: a sum below a carries, a below b borrows. -1 then.
  Value carried = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitXor, s, INT32_MIN);
        s = k.zip(VectorKind::SubFxpSat, s);
        s = k.stepInt(VectorKind::Min, s, 0);
        return k.stepInt(VectorKind::Max, s, -1);
      },
      minus ? lowA : low, minus ? lowB : lowA);
  passInto(
      high,
      [&](Value s) {
        return k.zip(minus ? VectorKind::AddFxp : VectorKind::SubFxp, s);
      },
      high, carried);
  return interleaved(words);
}

Value Integers::compute() {
  Type byte = k.b.getI8Type();
  bool isTruth = numberOf(op->getResult(0)) == Number::Truth;
  auto logic = [&](VectorKind kind) {
    return pass(
        [&](Value s) {
          return isTruth ? truth(k.zip(kind, s)) : k.zip(kind, s);
        },
        plane(0), plane(1), isTruth ? byte : k.i32());
  };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](CompareOp each) { return compare(each); })
      .Case([&](AddOp) { return sum(false); })
      .Case([&](SubOp) { return sum(true); })
      .Case([&](AndOp) { return logic(VectorKind::BitAnd); })
      .Case([&](OrOp) { return logic(VectorKind::BitOr); })
      .Case([&](XorOp) { return logic(VectorKind::BitXor); })
      .Case([&](ShiftLeftOp) { return logic(VectorKind::ShiftLeft); })
      .Case([&](ShiftRightOp) { return logic(VectorKind::ShiftRightArith); })
      .Case([&](NotOp) {
        return pass(
            [&](Value s) { return truth(k.stepInt(VectorKind::BitXor, s, 1)); },
            plane(0), {}, byte);
      })
      .Case([&](SelectOp) { return select(); })
      .Case([&](MinOp) { return extreme(false); })
      .Case([&](MaxOp) { return extreme(true); })
      .Case([&](MulOp) {
        return pass([&](Value s) { return zip(VectorKind::MulInt, s); },
                    plane(0), plane(1));
      })
      .Case([&](IsNaNOp) {
        return pass(
            [&](Value s) {
              s = k.stepInt(VectorKind::BitAnd, s, INT32_MAX);
              s = k.stepInt(VectorKind::AddFxp, s, -FirstNaN);
              s = k.stepInt(VectorKind::FxpShiftRightLogic, s, 31);
              // 1 for a number.
              s = k.stepInt(VectorKind::ClipAdd, s, -1);
              return truth(k.stepInt(VectorKind::AbsMin, s, 1));
            },
            plane(0), {}, byte);
      })
      .Default([&](Operation *) { return fromCast(); });
}

/// Whether a count of places is less than 32: units take no more of its bits.
bool isShort(Value count) {
  if (auto least = count.getDefiningOp<MinOp>())
    count = least.getRhs();
  std::optional<int64_t> most = splatBits(count);
  return most && *most >= 0 && *most < 32;
}

/// Whether the steps above make it.
bool isKnown(Operation *op) {
  Number to = numberOf(op->getResult(0));
  Number from = numberOf(op->getOperand(0));
  bool whole = from == Number::I32 || from == Number::I64;
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](CompareOp) { return from != Number::Other; })
      .Case<MinOp, MaxOp>(
          [&](Operation *) { return whole || from == Number::F32; })
      .Case([&](MulOp) { return from == Number::I32; })
      .Case([&](IsNaNOp) { return from == Number::F32; })
      .Case([&](SelectOp) { return to != Number::Other; })
      .Case<AddOp, SubOp>([&](Operation *) { return whole; })
      .Case([&](NotOp) { return to == Number::Truth; })
      .Case<AndOp, OrOp, XorOp>(
          [&](Operation *) { return to == Number::Truth || to == Number::I32; })
      .Case<ShiftLeftOp, ShiftRightOp>([&](Operation *shift) {
        return to == Number::I32 && isShort(shift->getOperand(1));
      })
      .Case([&](dure::CastOp) {
        if (to == Number::F32)
          return whole || from == Number::Truth;
        if (to == Number::Truth)
          return whole || from == Number::F32;
        if (to == Number::I64)
          return from == Number::I32 || from == Number::Truth;
        return to == Number::I32 &&
               (from == Number::I64 || from == Number::Truth);
      })
      .Default([](Operation *) { return false; });
}

} // namespace

bool isInteger(Operation *op) {
  if (isa<CompareOp, SelectOp, MinOp, MaxOp, AndOp, OrOp, XorOp, NotOp, IsNaNOp,
          ShiftLeftOp, ShiftRightOp, dure::CastOp>(op))
    return true;
  return isa<AddOp, SubOp, MulOp>(op) &&
         numberOf(op->getResult(0)) != Number::F32;
}

/// Why boxes of it are not taken.
static Refusal shapeRefusal(Operation *op, bool isWhole) {
  if (isWhole)
    if (Refusal refusal = repeatRefusal(op))
      return refusal;
  Shape shape = shapeFor(op, isWhole);
  if (shape.space.axes.size() > 4)
    return "its operands repeat along too many dimensions by turns";
  // What repeats within a row is copied by elements of 8 bytes.
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (!shape.varies[i].back() && !splatBits(operand) &&
        numberOf(operand) != Number::I64)
      return "DMA moves multiples of 8 bytes";
  if (shape.columns() % alignmentOf(op) != 0)
    return "DMA moves multiples of 8 bytes";
  int64_t rows = shape.space.axes.size() > 1
                     ? shape.space.axes[shape.space.axes.size() - 2].unit
                     : 1;
  if (shape.space.axes.back().unit * rows * elementBytes(op) > DmBudget / 2)
    return "a row does not fit a slice's data memory";
  return std::nullopt;
}

/// Whether what repeats is brought to the result's shape by a copy before.
static bool repeatsApart(Operation *op) {
  return shapeRefusal(op, false) && !shapeRefusal(op, true);
}

Refusal integerRefusal(Operation *op) {
  for (Value value :
       {op->getOperand(0), op->getOperands().back(), Value(op->getResult(0))}) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.hasStaticShape() || type.getNumElements() == 0)
      return "its sizes are not fixed";
  }
  if (!isKnown(op))
    return "the vector engine's steps do not make it";
  if (llvm::all_of(op->getOperands(), splatBits))
    return "no operand has the result's shape";
  return shapeRefusal(op, repeatsApart(op));
}

SmallVector<int64_t> integerScratch(Operation *op) {
  return repeatsApart(op) ? repeatScratch(op) : SmallVector<int64_t>();
}

void emitInteger(KernelBuilder &k, Operation *op, KernelOperands at) {
  bool isWhole = repeatsApart(op);
  if (isWhole)
    emitRepeat(k, op, at);
  Shape shape = shapeFor(op, isWhole);
  auto tooMuch = [&](ArrayRef<int64_t> each) -> std::optional<unsigned> {
    int64_t bytes = elementBytes(op);
    for (int64_t size : each)
      bytes *= size;
    return bytes > DmBudget / 2 ? longest(shape.space, each) : std::nullopt;
  };
  for (const Box &box : divide(shape.space, tooMuch)) {
    k.releaseAll();
    Integers(k, op, at, shape, box);
  }
}

} // namespace dure::rngd
