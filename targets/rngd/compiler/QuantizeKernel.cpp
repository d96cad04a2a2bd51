// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers to integers of 8 bits or fp8 and back, each in one pass of the vector
// engine. What ONNX's QuantizeLinear is made of, a division, a rounding to even
// and the sum with a zero point, has no code of its own before the cast.
#include "targets/rngd/compiler/ElementwiseKernel.h"

#include <bit>
#include <cmath>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// A sum of this and a number below 2^22 in size has units in its last place:
/// what rounds the sum, to nearest even, rounds the number.
constexpr float RoundsSums = 0x1.8p23f;
constexpr auto RoundsSumsBits = std::bit_cast<int32_t>(RoundsSums);

bool isFp8(Type type) { return isa<Float8E4M3FNType, Float8E5M2Type>(type); }

/// Whether the cast engine rounds to fp8 as `cast` says: what is too large is
/// the largest number of f8e4m3, which has no infinity, and f8e5m2's infinity.
bool isRoundedAlike(dure::CastOp cast) {
  Type to = getElementTypeOrSelf(cast.getResult());
  return isa<Float8E4M3FNType>(to) == cast.getSaturate();
}

/// saturate(round(x / divisor) + zero); of fp8 the cast rounds.
struct Quantize {
  std::optional<float> divisor;
  int32_t zero = 0;
  /// Or numbers that only a run tells, the zero point a byte.
  Value divisorAt, zeroAt;
  /// The ops before the cast that are computed with it.
  SmallVector<Operation *, 3> before;
};

bool isByte(Type type) {
  return type.isSignlessInteger(8) || type.isUnsignedInteger(8);
}

/// A byte that `value` is a cast of, for the sums of `reader` alone.
Value zeroPointOf(Value value, Operation *reader) {
  auto cast = value.getDefiningOp<dure::CastOp>();
  if (!cast || !isByte(getElementTypeOrSelf(cast.getX())) ||
      !isStaticF32(value) || elementsOf(value) != 1 ||
      llvm::any_of(cast->getUsers(), [&](Operation *user) {
        return !isa<AddOp>(user) || user->getBlock() != reader->getBlock();
      }))
    return {};
  return cast.getX();
}

/// The op that makes `value`, if it is a `T` that nobody else reads. Right
/// before its reader, but for a zero point of that, so that no op of the host
/// parts them.
template <typename T> T only(Value value, Operation *reader) {
  auto op = value.getDefiningOp<T>();
  if (!op || !op->hasOneUse())
    return T();
  auto isApart = [&](Operation *next) {
    return isa_and_nonnull<dure::ConstantOp, GetWeightOp>(next) ||
           (isa_and_nonnull<dure::CastOp>(next) && next->hasOneUse() &&
            *next->user_begin() == reader &&
            zeroPointOf(next->getResult(0), reader));
  };
  Operation *next = op->getNextNode();
  while (isApart(next))
    next = next->getNextNode();
  return next == reader ? op : T();
}

/// The number that all elements of `op.lhs` are joined with.
template <typename T> std::optional<float> numberOf(T op) {
  if (op.getLhs().getType() != op.getResult().getType())
    return std::nullopt;
  return splatOf(op.getRhs());
}

/// A division by one number before `reader`.
void noteQuotient(Value x, Operation *reader, Quantize &found) {
  auto quotient = only<DivOp>(x, reader);
  if (!quotient)
    return;
  found.divisor = numberOf(quotient);
  bool isOne = isStaticF32(quotient.getRhs()) &&
               elementsOf(quotient.getRhs()) == 1 &&
               quotient.getLhs().getType() == quotient.getType();
  if (!found.divisor && isOne)
    found.divisorAt = quotient.getRhs();
  if (found.divisor || found.divisorAt)
    found.before.push_back(quotient);
}

std::optional<Quantize> quantizeOf(dure::CastOp cast) {
  Type to = getElementTypeOrSelf(cast.getResult());
  if (!isStaticF32(cast.getX()) || elementsOf(cast.getX()) == 0)
    return std::nullopt;
  Quantize found;
  Value x = cast.getX();
  if (isFp8(to)) {
    noteQuotient(x, cast, found);
    return isRoundedAlike(cast) ? std::optional(found) : std::nullopt;
  }
  if (!isByte(to))
    return std::nullopt;
  Operation *reader = cast;
  if (auto sum = only<AddOp>(x, cast)) {
    std::optional<float> zero = numberOf(sum);
    if (sum.getLhs().getType() == sum.getType())
      found.zeroAt = zeroPointOf(sum.getRhs(), sum);
    if (found.zeroAt)
      zero = 0;
    if (!zero || *zero != std::trunc(*zero) || std::abs(*zero) > 255)
      return std::nullopt;
    found.zero = static_cast<int32_t>(*zero);
    found.before.push_back(sum);
    x = sum.getLhs();
    reader = sum;
  }
  auto round = only<RoundOp>(x, reader);
  if (!round)
    return std::nullopt;
  found.before.push_back(round);
  noteQuotient(round.getX(), round, found);
  return found;
}

/// A number that is the same for all elements.
std::optional<int32_t> zeroOf(DequantizeOp op) {
  if (!op.getZeroPoint())
    return 0;
  auto constant = op.getZeroPoint().getDefiningOp<dure::ConstantOp>();
  auto all = constant ? dyn_cast<SplatElementsAttr>(constant.getValue())
                      : SplatElementsAttr();
  if (!all || !isByte(all.getElementType()))
    return std::nullopt;
  auto zero = all.getSplatValue<APInt>();
  return all.getElementType().isUnsignedInteger()
             ? static_cast<int32_t>(zero.getZExtValue())
             : static_cast<int32_t>(zero.getSExtValue());
}

/// What is added to the bits of a sum with RoundsSums, less its zero point.
int32_t wordsOfUnits(bool isUnsigned) {
  return -RoundsSumsBits - (isUnsigned ? 128 : 0);
}

/// What only a run tells, in the vector register file.
struct RunTimeNumbers {
  Value divisor, zero;
};

/// In steps of one instruction; numbers without a sign less 128, since what
/// makes bytes saturates to those with one.
Value quantized(KernelBuilder &k, const Quantize &of, const RunTimeNumbers &at,
                Type to, bool isUnsigned, Value x) {
  Value y = k.narrow(x);
  if (of.divisor)
    y = k.stepImm(VectorKind::DivFpu, y, *of.divisor);
  if (at.divisor)
    y = k.stepVrf(VectorKind::DivFpu, y, at.divisor);
  if (isFp8(to))
    return k.castFlits(k.widen(y, x), to);
  y = k.widen(k.stepImm(VectorKind::AddF, y, RoundsSums), x);
  // Units apart, such sums are as far apart as their bits. Larger numbers are
  // out of range as bits too, in which order is that of the numbers.
  y = k.convert(VectorKind::Reinterpret, y, k.i32());
  y = at.zero ? k.stepVrf(VectorKind::ClipAddSat, y, at.zero)
              : k.stepInt(VectorKind::ClipAddSat, y,
                          of.zero + wordsOfUnits(isUnsigned));
  return k.castFlits(y, k.b.getI8Type());
}

/// The first number at `place`, as `steps` make it, for all packets.
Value registered(KernelBuilder &k, const Grid &grid, Value place,
                 function_ref<Value(Value)> steps) {
  Type type = cast<HbmType>(place.getType()).getElementType();
  int64_t count = DmaAlignment * 8 / type.getIntOrFloatBitWidth();
  Digit all = k.digit("z", count), alike = k.digit("z", 8);
  Type wide = type.isF32() ? k.f32() : k.i32();
  Value local = k.dm(type, grid, {all}), out = k.dm(wide, grid, {alike});
  k.copy(k.hbm(place, {all}), local);
  Value first = k.part(local, {k.digit("_", 1)}, 0);
  k.exec(Context::Main, [&] {
    Value x = k.fetch(first, {}, {alike});
    k.commit(steps(k.collect(k.fetchCast(x, wide))), out);
  });
  Value file = k.vrf(wide, grid, {alike});
  k.exec(Context::Sub,
         [&] { k.toVrf(k.collect(k.fetch(out, {}, {alike})), file); });
  return file;
}

/// `inputs`: of quantizationReads.
RunTimeNumbers registeredOf(KernelBuilder &k, const Grid &grid,
                            const Quantize &of, bool isUnsigned,
                            ArrayRef<Value> inputs) {
  RunTimeNumbers at;
  if (of.divisorAt)
    at.divisor = registered(k, grid, inputs[1], [](Value x) { return x; });
  bool hasSign =
      !of.zeroAt || !getElementTypeOrSelf(of.zeroAt).isUnsignedInteger();
  if (of.zeroAt)
    at.zero = registered(k, grid, inputs.back(), [&](Value x) {
      if (!hasSign)
        x = k.stepInt(VectorKind::BitAnd, x, 255);
      return k.stepInt(VectorKind::AddFxp, x, wordsOfUnits(isUnsigned));
    });
  return at;
}

Value dequantized(KernelBuilder &k, DequantizeOp op, Value x) {
  if (getElementTypeOrSelf(op.getX()).isUnsignedInteger())
    x = k.stepInt(VectorKind::BitAnd, x, 255);
  if (int32_t zero = *zeroOf(op))
    x = k.stepInt(VectorKind::SubFxp, x, zero);
  Value wide = isFp8(getElementTypeOrSelf(op.getX())) ? x : k.toFloat(x);
  float scale = *splatOf(op.getScale());
  return k.widen(k.stepImm(VectorKind::Mul0, k.narrow(wide), scale), wide);
}

} // namespace

bool isQuantization(Operation *op) {
  if (auto cast = dyn_cast<dure::CastOp>(op)) {
    Type to = getElementTypeOrSelf(cast.getResult());
    return (isByte(to) || isFp8(to)) && isStaticF32(cast.getX());
  }
  return isa<DequantizeOp, RoundOp>(op);
}

SmallVector<Value> quantizationReads(Operation *op) {
  SmallVector<Value> reads = {op->getOperand(0)};
  auto cast = dyn_cast<dure::CastOp>(op);
  std::optional<Quantize> of = cast ? quantizeOf(cast) : std::nullopt;
  if (of && of->divisorAt)
    reads.push_back(of->divisorAt);
  if (of && of->zeroAt)
    reads.push_back(of->zeroAt);
  return reads;
}

/// Whether sums with a zero point, computed with casts, are all that reads it.
static bool isZeroPoint(dure::CastOp op) {
  return !op->use_empty() && llvm::all_of(op->getUsers(), [&](Operation *user) {
    return isa<AddOp>(user) && user->getOperand(1) == op.getResult() &&
           zeroPointOf(op.getResult(), user) && isOfQuantization(user);
  });
}

bool isOfQuantization(Operation *op) {
  if (auto cast = dyn_cast<dure::CastOp>(op))
    return isByte(getElementTypeOrSelf(cast.getX())) && isZeroPoint(cast);
  Operation *reader = op;
  while (isa<DivOp, RoundOp, AddOp>(reader) && reader->hasOneUse())
    reader = *reader->user_begin();
  auto cast = reader == op ? dure::CastOp() : dyn_cast<dure::CastOp>(reader);
  std::optional<Quantize> found = cast ? quantizeOf(cast) : std::nullopt;
  return found && llvm::is_contained(found->before, op);
}

Refusal quantizationRefusal(Operation *op) {
  if (isa<RoundOp>(op))
    return isOfQuantization(op)
               ? Refusal()
               : "it rounds to even what no cast to 8 bits follows";
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return "its sizes are not fixed";
  if (auto cast = dyn_cast<dure::CastOp>(op)) {
    if (isFp8(getElementTypeOrSelf(cast.getResult())) && !quantizeOf(cast))
      return "it rounds what is too large for f8e5m2 to its largest number, "
             "or for f8e4m3 to none";
    return quantizeOf(cast)
               ? Refusal()
               : "it casts to 8 bits what is not rounded to even before";
  }
  auto read = cast<DequantizeOp>(op);
  if (!(isByte(type.getElementType()) || isFp8(type.getElementType())) ||
      !isStaticF32(read.getResult()) || !splatOf(read.getScale()) ||
      !zeroOf(read))
    return "its scale or zero point are no constants of the whole tensor, or "
           "its numbers are not of 8 bits";
  return std::nullopt;
}

void emitQuantization(KernelBuilder &k, Operation *op,
                      const KernelOperands &at) {
  auto read = dyn_cast<DequantizeOp>(op);
  std::optional<Quantize> of;
  if (!read)
    of = quantizeOf(cast<dure::CastOp>(op));
  Type byte = k.b.getI8Type(),
       stored =
           getElementTypeOrSelf(read ? op->getOperand(0) : op->getResult(0));
  bool isFloat = isFp8(stored);
  if (!isFloat)
    stored = byte;
  Type from = read ? stored : k.f32(), to = read ? k.f32() : stored;
  bool isUnsigned = getElementTypeOrSelf(op->getResult(0)).isUnsignedInteger(8);
  // Two buffers of 5 bytes an element in all.
  int64_t most = DmStep / 8 / HbmUnit * HbmUnit;
  // With some of the rest of the buffers: DMA moves 8 bytes.
  auto count =
      static_cast<int64_t>(llvm::alignTo(elementsOf(op->getResult(0)), 8));
  for (const Share &share : unitShares(count, most, HbmUnit)) {
    k.releaseAll();
    Grid grid = k.grid("e", share);
    DigitList all = {k.digit("e", share.rows())},
              local = {k.digit("e", share.each)};
    Value in = k.dm(from, grid, local), out = k.dm(to, grid, local);
    RunTimeNumbers registers;
    if (of)
      registers = registeredOf(k, grid, *of, isUnsigned, at.inputs);
    k.copy(k.hbm(at.inputs[0], all, share.first), in);
    auto stream = [&](Value of) {
      Value x =
          k.fetch(of, {k.digit("e", share.each / 8, 8)}, {k.digit("e", 8)});
      return k.collect(
          of == in && !read ? x : k.fetchCast(x, isFloat ? k.f32() : k.i32()));
    };
    k.exec(Context::Main, [&] {
      Value x = stream(in);
      k.commit(read ? dequantized(k, read, x)
                    : quantized(k, *of, registers, to, isUnsigned, x),
               out);
    });
    if (!read && isUnsigned)
      k.exec(Context::Main, [&] {
        Value x = k.stepInt(VectorKind::BitXor, stream(out), -128);
        k.commit(k.castFlits(x, byte), out);
      });
    k.copy(out, k.hbm(at.result, all, share.first));
  }
}

} // namespace dure::rngd
