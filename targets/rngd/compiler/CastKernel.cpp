// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Casts between f32 or i32 and types that the vector engine has not: f16, bf16,
// bytes and words of 16 bits, and of f32 to integers. Engines widen bf16 and
// integers and narrow to bf16; the rest is made of the bits, to the last one:
// numbers that are less than f16's normal ones, infinities, and what is no
// number.
#include "targets/rngd/compiler/Kernels.h"

#include <bit>
#include <limits>
#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// Bits of f32.
constexpr int32_t Size = INT32_MAX, Sign = INT32_MIN, FirstNaN = 0x7f800001;
/// Places by which f16's fraction is shorter, and what exponents differ by.
constexpr int32_t Places = 13, Bias = 112 << 23;
/// The first of f16's normal numbers and the first that it lacks, in f32; the
/// first normal one and the infinity of f16.
constexpr int32_t FirstNormal = 0x38800000, TooLarge = 0x47800000;
constexpr int32_t FirstNormalHalf = 0x400, InfinityHalf = 0x7c00;

bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

bool isNarrowInteger(Type type) {
  return type.isSignlessInteger(8) || type.isUnsignedInteger(8) ||
         type.isSignlessInteger(16) || type.isUnsignedInteger(16);
}

int64_t bytesOf(Type type) { return type.getIntOrFloatBitWidth() / 8; }

/// The type under which memory has it: f16 is a word of 16 bits.
Type inMemory(KernelBuilder &k, Type type) {
  return type.isBF16() || type.isF32()
             ? type
             : k.b.getIntegerType(type.getIntOrFloatBitWidth());
}

/// One share of elements, one after the other.
class Casts {
public:
  Casts(KernelBuilder &k, Type from, Type to, const Share &share)
      : k(k), from(from), to(to), grid(k.grid("e", share)) {
    int64_t extent = llvm::alignTo(share.each, FlitBytes),
            width = std::min<int64_t>(share.each, 8);
    local = {k.digit("e", share.each, 1, extent)};
    time = {k.digit("e", llvm::divideCeil(share.each, 8), 8)};
    packet = {k.digit("e", width, 1, 8)};
  }

  Value load(Value source, const Share &share);
  Value compute(Value x);
  void store(Value y, Value target, const Share &share);

private:
  using Steps = function_ref<Value(Value)>;

  Value pass(Steps steps, Value first, Value second = {}, Type type = {});
  Value as(Value words, Type type) { return k.part(words, local, 0, type); }
  Value fromHalf(Value h);
  Value toHalf(Value x);
  Value whole(Value size, float factor);
  Value withSign(Value size, Value sign);
  Value toWords(Value x);
  Value toLongWords(Value x);
  Value interleaved(Value low, Value high);
  Value toNarrow(Value words);

  KernelBuilder &k;
  const Type from, to;
  const Grid grid;
  DigitList local, time, packet;
};

Value Casts::load(Value source, const Share &share) {
  Type type = inMemory(k, from);
  Value here = k.dm(type, grid, local);
  k.copy(k.hbm(source, {k.digit("e", share.rows())}, share.first, type), here);
  return here;
}

void Casts::store(Value y, Value target, const Share &share) {
  Type type = inMemory(k, to);
  k.copy(k.dmOver(y, type, grid, local),
         k.hbm(target, {k.digit("e", share.rows())}, share.first, type));
}

/// One instruction; its result in data memory, of i32 if no type is given.
Value Casts::pass(Steps steps, Value first, Value second, Type type) {
  Value out = k.dm(type ? type : k.i32(), grid, local);
  k.exec(Context::Main, [&] {
    Value x = second ? k.fetchPair(first, second, time, packet)
                     : k.fetch(first, time, packet);
    Type element = cast<StreamType>(x.getType()).getElementType();
    if (element.isBF16())
      x = k.fetchCast(x, k.f32());
    else if (element.getIntOrFloatBitWidth() < 32)
      x = k.fetchCast(x, k.i32());
    k.commit(steps(k.collect(x)), out);
  });
  return out;
}

/// A normal number and a difference that is 0 but for smaller ones.
Value Casts::fromHalf(Value h) {
  Value beyond = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, INT16_MAX);
        s = k.stepInt(VectorKind::AddFxp, s, -InfinityHalf);
        s = k.stepInt(VectorKind::FxpShiftRightLogic, s, 31);
        s = k.stepInt(VectorKind::MulInt, s, -Bias);
        return k.stepInt(VectorKind::ClipAdd, s, Bias);
      },
      h);
  Value normal = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, INT16_MAX);
        s = k.stepInt(VectorKind::ShiftLeft, s, Places);
        s = k.stepInt(VectorKind::AddFxp, s, Bias);
        return k.stepInt(VectorKind::Max, s, FirstNormal);
      },
      h);
  normal = pass([&](Value s) { return k.zip(VectorKind::AddFxp, s); }, normal,
                beyond);
  Value less = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, INT16_MAX);
        s = k.toFloat(k.stepInt(VectorKind::AddFxp, s, -FirstNormalHalf));
        s = k.widen(k.stepImm(VectorKind::Mul0, k.narrow(s), 0x1p-24f), s);
        return k.stepImm(VectorKind::Min, s, 0);
      },
      h, {}, k.f32());
  Value size = pass(
      [&](Value s) { return k.widen(k.zip(VectorKind::AddF, k.narrow(s)), s); },
      as(normal, k.f32()), less, k.f32());
  Value sign =
      pass([&](Value s) { return k.stepInt(VectorKind::BitAnd, s, Sign); }, h);
  return pass([&](Value s) { return k.zip(VectorKind::BitOr, s); },
              as(size, k.i32()), sign);
}

/// Rounded to even: of normal numbers what is cut off is, with the last place
/// that stays, less than half or not; of smaller ones the sum with a half has
/// their last place in its own.
Value Casts::toHalf(Value x) {
  Value bits = as(x, k.i32());
  Value size = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, Size);
        s = k.stepInt(VectorKind::Max, s, FirstNormal);
        return k.stepInt(VectorKind::Min, s, TooLarge);
      },
      bits);
  constexpr int32_t Half = (1 << (Places - 1)) - 1;
  Value round = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::ShiftRightLogic, s, Places);
        s = k.stepInt(VectorKind::BitAnd, s, 1);
        return k.stepInt(VectorKind::AddFxp, s, Half - Bias);
      },
      size);
  Value normal = pass(
      [&](Value s) {
        s = k.zip(VectorKind::AddFxp, s);
        s = k.stepInt(VectorKind::FxpShiftRightLogic, s, Places);
        return k.stepInt(VectorKind::ClipAdd, s, -FirstNormalHalf);
      },
      size, round);
  Value small = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, Size);
        return k.stepInt(VectorKind::Min, s, FirstNormal);
      },
      bits);
  small = pass(
      [&](Value s) {
        return k.widen(k.stepImm(VectorKind::AddF, k.narrow(s), 0.5f), s);
      },
      as(small, k.f32()), {}, k.f32());
  Value number = pass(
      [&](Value s) {
        s = k.zip(VectorKind::AddFxp, s);
        return k.stepInt(VectorKind::ClipAdd, s, -std::bit_cast<int32_t>(0.5f));
      },
      normal, as(small, k.i32()));
  // What is no number is an infinity so far.
  Value none = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::BitAnd, s, Size);
        s = k.stepInt(VectorKind::AddFxp, s, -FirstNaN);
        s = k.stepInt(VectorKind::FxpShiftRightLogic, s, 31);
        s = k.stepInt(VectorKind::MulInt, s, -0x200);
        return k.stepInt(VectorKind::ClipAdd, s, 0x200);
      },
      bits);
  number =
      pass([&](Value s) { return k.zip(VectorKind::AddFxp, s); }, number, none);
  Value sign = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::ShiftRightArith, s, 31);
        return k.stepInt(VectorKind::BitAnd, s, INT16_MIN);
      },
      bits);
  Type word = k.b.getIntegerType(16);
  return pass(
      [&](Value s) { return k.castFlits(k.zip(VectorKind::AddFxp, s), word); },
      number, sign, word);
}

/// The whole part of a size times a power of two. The unit rounds halves away
/// from zero: of what is less by a little under a half it makes the whole part,
/// and of what has no fraction itself.
Value Casts::whole(Value size, float factor) {
  return pass(
      [&](Value s) {
        Value y = k.stepFma(k.narrow(s), factor, -0x1.fffffep-2f);
        return k.convert(VectorKind::F32ToI32, k.widen(y, s), k.i32());
      },
      size);
}

/// A size, or what is below it where `sign` is -1.
Value Casts::withSign(Value size, Value sign) {
  Value turned =
      pass([&](Value s) { return k.zip(VectorKind::BitXor, s); }, size, sign);
  return pass([&](Value s) { return k.zip(VectorKind::SubFxp, s); }, turned,
              sign);
}

/// Towards zero.
Value Casts::toWords(Value x) {
  Value bits = as(x, k.i32());
  Value size = pass(
      [&](Value s) { return k.stepInt(VectorKind::BitAnd, s, Size); }, bits);
  Value sign = pass(
      [&](Value s) { return k.stepInt(VectorKind::ShiftRightArith, s, 31); },
      bits);
  return withSign(whole(as(size, k.f32()), 1), sign);
}

/// Both words of i64: a size in parts of 32, 16 and 16 bits, each taken away
/// before the next, which leaves no more bits than f32 has.
Value Casts::toLongWords(Value x) {
  Value bits = as(x, k.i32());
  Value size =
      as(pass([&](Value s) { return k.stepInt(VectorKind::BitAnd, s, Size); },
              bits),
         k.f32());
  auto less = [&](Value of, Value part, float worth) {
    Value taken = pass(
        [&](Value s) {
          s = k.toFloat(s);
          return k.widen(k.stepImm(VectorKind::Mul0, k.narrow(s), worth), s);
        },
        part, {}, k.f32());
    return pass(
        [&](Value s) {
          return k.widen(k.zip(VectorKind::SubF, k.narrow(s)), s);
        },
        of, taken, k.f32());
  };
  Value high = whole(size, 0x1p-32f);
  size = less(size, high, 0x1p32f);
  Value middle = whole(size, 0x1p-16f);
  Value rest = whole(less(size, middle, 0x1p16f), 1);
  Value low = pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::ShiftLeft, s, 16, 1);
        return k.zip(VectorKind::AddFxp, s);
      },
      middle, rest);
  Value sign = pass(
      [&](Value s) { return k.stepInt(VectorKind::ShiftRightArith, s, 31); },
      bits);
  // Below zero the high word is one less, but where the low one is 0.
  Value some =
      pass([&](Value s) { return k.stepInt(VectorKind::AbsMin, s, 1); }, low);
  Value borrowed =
      pass([&](Value s) { return k.zip(VectorKind::MulInt, s); }, some, sign);
  high = pass([&](Value s) { return k.zip(VectorKind::AddFxp, s); },
              withSign(high, sign), borrowed);
  return interleaved(withSign(low, sign), high);
}

Value Casts::interleaved(Value low, Value high) {
  int64_t extent = local.front().extent;
  DigitList both = {k.digit("w", 2), local.front()};
  Value apart = k.dm(k.i32(), grid, both);
  auto copyTo = [&](int64_t which, Value plane) {
    Value to = k.part(apart, local, which * extent * 4);
    k.exec(Context::Main,
           [&] { k.commit(k.collect(k.fetch(plane, time, packet)), to); });
  };
  copyTo(0, low);
  copyTo(1, high);
  DigitList words = {local.front(), k.digit("w", 2)};
  Value out = k.dm(k.i32(), grid, words);
  int64_t some = std::gcd<int64_t>(local.front().size, 4);
  k.exec(Context::Main, [&] {
    DigitList steps = {k.digit("e", local.front().size / some, some)};
    k.commit(
        k.collect(k.fetch(apart, steps, {k.digit("e", some), k.digit("w", 2)})),
        out);
  });
  return out;
}

/// The low bits, which the cast engine takes for no more than they are.
Value Casts::toNarrow(Value words) {
  int32_t above = 32 - static_cast<int32_t>(to.getIntOrFloatBitWidth());
  Type type = inMemory(k, to);
  return pass(
      [&](Value s) {
        s = k.stepInt(VectorKind::ShiftLeft, s, above);
        s = k.stepInt(VectorKind::ShiftRightArith, s, above);
        return k.castFlits(s, type);
      },
      words, {}, type);
}

Value Casts::compute(Value x) {
  auto same = [](Value s) { return s; };
  if (from.isF16())
    return fromHalf(x);
  if (from.isBF16())
    return pass(same, x, {}, k.f32());
  if (to.isF16())
    return toHalf(x);
  if (to.isBF16())
    return pass([&](Value s) { return k.castFlits(s, to); }, x, {}, to);
  if (isNarrowInteger(to))
    return toNarrow(x);
  if (from.isF32())
    return to.isInteger(64) ? toLongWords(x) : toWords(x);
  auto widened = [&](Value s) {
    if (from.isUnsignedInteger())
      s = k.stepInt(VectorKind::BitAnd, s,
                    (1 << from.getIntOrFloatBitWidth()) - 1);
    return to.isF32() ? k.convert(VectorKind::I32ToF32, s, to) : s;
  };
  return pass(widened, x, {}, to);
}

/// Words of data memory that steps take for an element.
constexpr int64_t Temporaries = 32;

} // namespace

bool isNarrowCast(Operation *op) {
  auto each = dyn_cast<dure::CastOp>(op);
  if (!each)
    return false;
  Type from = getElementTypeOrSelf(each.getX()),
       to = getElementTypeOrSelf(each.getResult());
  if (from.isF32())
    return isHalf(to) || to.isSignlessInteger(32) || to.isSignlessInteger(64);
  if (from.isSignlessInteger(32))
    return isNarrowInteger(to);
  if (isHalf(from))
    return to.isF32();
  return isNarrowInteger(from) && (to.isF32() || to.isSignlessInteger(32));
}

Refusal narrowCastRefusal(Operation *op) {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return "its sizes are not fixed";
  return std::nullopt;
}

void emitNarrowCast(KernelBuilder &k, Operation *op, const KernelOperands &at) {
  Type from = getElementTypeOrSelf(op->getOperand(0).getType()),
       to = getElementTypeOrSelf(op->getResult(0).getType());
  int64_t bytes = std::min(bytesOf(from), bytesOf(to));
  int64_t count =
      llvm::alignTo(elementsOf(op->getResult(0)), DmaAlignment / bytes);
  int64_t most = DmBudget / 2 / (Temporaries * 4) / FlitBytes * FlitBytes;
  for (const Share &share : unitShares(count, most, HbmUnit / bytes)) {
    k.releaseAll();
    Casts casts(k, from, to, share);
    casts.store(casts.compute(casts.load(at.inputs[0], share)), at.result,
                share);
  }
}

} // namespace dure::rngd
