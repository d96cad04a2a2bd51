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
  /// The ops before the cast that are computed with it.
  SmallVector<Operation *, 3> before;
};

bool isByte(Type type) {
  return type.isSignlessInteger(8) || type.isUnsignedInteger(8);
}

/// The op that makes `value`, if it is a `T` that nobody else reads. Right
/// before its reader, so that no op of the host parts them.
template <typename T> T only(Value value, Operation *reader) {
  auto op = value.getDefiningOp<T>();
  if (!op || !op->hasOneUse())
    return T();
  Operation *next = op->getNextNode();
  while (isa_and_nonnull<dure::ConstantOp, GetWeightOp>(next))
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
  found.divisor = quotient ? numberOf(quotient) : std::nullopt;
  if (found.divisor)
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

/// In steps of one instruction; numbers without a sign less 128, since what
/// makes bytes saturates to those with one.
Value quantized(KernelBuilder &k, const Quantize &of, Type to, bool isUnsigned,
                Value x) {
  Value y = k.narrow(x);
  if (of.divisor)
    y = k.stepImm(VectorKind::DivFpu, y, *of.divisor);
  if (isFp8(to))
    return k.castFlits(k.widen(y, x), to);
  y = k.widen(k.stepImm(VectorKind::AddF, y, RoundsSums), x);
  // Units apart, such sums are as far apart as their bits. Larger numbers are
  // out of range as bits too, in which order is that of the numbers.
  y = k.convert(VectorKind::Reinterpret, y, k.i32());
  y = k.stepInt(VectorKind::ClipAddSat, y,
                of.zero - RoundsSumsBits - (isUnsigned ? 128 : 0));
  return k.castFlits(y, k.b.getI8Type());
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

bool isOfQuantization(Operation *op) {
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
                    : quantized(k, *of, to, isUnsigned, x),
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
