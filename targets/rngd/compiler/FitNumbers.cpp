// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding, signs, powers and padding, of what the vector engine and DMA do.
#include "targets/rngd/compiler/FitOps.h"

#include <cmath>

using namespace mlir;

namespace dure::rngd {

static bool isF32(Operation *op) {
  return isStaticF32(op->getOperand(0)) && isStaticF32(op->getResult(0));
}

/// A sum with a number whose last place is units rounds to even. What is larger
/// is whole, and what is no number compares as nothing.
static Value rounded(FitBuilder &f, Value x) {
  constexpr double Units = 0x1p23;
  Value below = f.compare(ComparePredicate::LT, x, f.number(0));
  Value more = f.make<SelectOp>(below, f.number(-Units), f.number(Units));
  Value whole = f.make<SubOp>(f.make<AddOp>(x, more), more);
  Value isSmall =
      f.compare(ComparePredicate::LT, f.make<AbsOp>(x), f.number(Units));
  return f.make<SelectOp>(isSmall, whole, x);
}

Value fitRounding(FitBuilder &f, Operation *op) {
  if (!isa<RoundOp, FloorOp, CeilOp>(op) || !isF32(op))
    return {};
  Value x = op->getOperand(0), whole = rounded(f, x);
  if (isa<RoundOp>(op))
    return whole;
  bool down = isa<FloorOp>(op);
  Value isOver =
      f.compare(down ? ComparePredicate::GT : ComparePredicate::LT, whole, x);
  return f.make<AddOp>(
      whole, f.make<SelectOp>(isOver, f.number(down ? -1 : 1), f.number(0)));
}

/// 0 and what is no number are their own.
Value fitSign(FitBuilder &f, Operation *op) {
  if (!isa<SignOp>(op) || !isF32(op))
    return {};
  Value x = op->getOperand(0), zero = f.number(0);
  Value above = f.compare(ComparePredicate::GT, x, zero),
        below = f.compare(ComparePredicate::LT, x, zero);
  return f.make<SelectOp>(above, f.number(1),
                          f.make<SelectOp>(below, f.number(-1), x));
}

/// Larger powers have more factors than they are worth.
static constexpr double MostFactors = 16;

/// By a number all over: whole ones, and halves of them.
Value fitPower(FitBuilder &f, Operation *op) {
  auto power = dyn_cast<PowOp>(op);
  if (!power || !isF32(op) || power.getLhs().getType() != power.getType())
    return {};
  auto constant = power.getRhs().getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !dense.isSplat())
    return {};
  double by =
      isa<FloatType>(dense.getElementType())
          ? dense.getSplatValue<APFloat>().convertToDouble()
          : static_cast<double>(dense.getSplatValue<APInt>().getSExtValue());
  double size = std::abs(by);
  if (by == 0 || size > MostFactors || 2 * by != std::trunc(2 * by))
    return {};
  Value result, factor = power.getLhs();
  auto times = [&](Value y) { result = result ? f.make<MulOp>(result, y) : y; };
  if (size != std::trunc(size))
    times(f.make<SqrtOp>(factor));
  for (auto left = static_cast<int64_t>(size); left > 0; left /= 2) {
    if (left % 2 != 0)
      times(factor);
    if (left > 1)
      factor = f.make<MulOp>(factor, factor);
  }
  return by < 0 ? f.make<ReciprocalOp>(result) : result;
}

/// Sizes are fixed by now.
Value fitDimValues(FitBuilder &f, Operation *op) {
  auto dims = dyn_cast<DimValuesOp>(op);
  if (!dims)
    return {};
  SmallVector<int64_t> sizes;
  for (size_t i = 0; i < dims.getExprs().size(); ++i) {
    auto size = dims.getExprs().expr(i).constant();
    if (!size)
      return {};
    sizes.push_back(*size);
  }
  return f.make<dure::ConstantOp>(
      DenseIntElementsAttr::get(cast<ShapedType>(dims.getType()), sizes));
}

/// What a number of i64 is at most in size, where that shows.
static std::optional<int64_t> boundOf(Value value) {
  Operation *def = value.getDefiningOp();
  if (isa_and_nonnull<BroadcastOp, ReshapeOp>(def))
    return boundOf(def->getOperand(0));
  if (auto iota = dyn_cast_or_null<IotaOp>(def))
    return shapeOf(value)[static_cast<size_t>(iota.getAxis())];
  auto constant = dyn_cast_or_null<dure::ConstantOp>(def);
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !dense.isSplat() || !dense.getElementType().isInteger(64))
    return std::nullopt;
  int64_t number = dense.getSplatValue<APInt>().getSExtValue();
  return number == INT64_MIN ? INT64_MAX : std::abs(number);
}

/// Products of i64 that i32 holds.
Value fitIndexProduct(FitBuilder &f, Operation *op) {
  auto product = dyn_cast<MulOp>(op);
  if (!product ||
      !getElementTypeOrSelf(product.getType()).isSignlessInteger(64))
    return {};
  auto left = boundOf(product.getLhs()), right = boundOf(product.getRhs());
  if (!left || !right || *left > INT32_MAX || *right > INT32_MAX ||
      *left * *right > INT32_MAX)
    return {};
  Type word = f.b.getI32Type();
  return f.cast(f.make<MulOp>(f.cast(product.getLhs(), word),
                              f.cast(product.getRhs(), word)),
                f.b.getI64Type());
}

static bool isNarrowInteger(Value value) {
  Type type = getElementTypeOrSelf(value.getType());
  return isa<IntegerType>(type) && !type.isInteger(1) &&
         type.getIntOrFloatBitWidth() < 32;
}

/// Of bytes and words of 16 bits in i32, whose low bits are the result.
Value fitNarrow(FitBuilder &f, Operation *op) {
  if (!isa<AddOp, SubOp, MulOp, MinOp, MaxOp, CompareOp, SelectOp, AndOp, OrOp,
           XorOp, ShiftLeftOp, ShiftRightOp>(op))
    return {};
  Type word = f.b.getI32Type();
  IRMapping wide;
  bool hasNarrow = false;
  for (Value operand : op->getOperands()) {
    bool isNarrow = isNarrowInteger(operand);
    hasNarrow |= isNarrow;
    wide.map(operand, isNarrow ? f.cast(operand, word) : operand);
  }
  if (!hasNarrow)
    return {};
  // By more places than a word has nothing is left of it either.
  if (isa<ShiftLeftOp, ShiftRightOp>(op)) {
    Value count = wide.lookup(op->getOperand(1));
    wide.map(op->getOperand(1), f.make<dure::MinOp>(count, f.number(31, word)));
  }
  Operation *made = f.b.clone(*op, wide);
  Value result = made->getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (!isNarrowInteger(result))
    return result;
  result.setType(RankedTensorType::get(type.getShape(), word));
  return f.cast(result, type.getElementType());
}

/// By way of f32, or of i32 to i64.
Value fitCast(FitBuilder &f, Operation *op) {
  auto each = dyn_cast<dure::CastOp>(op);
  if (!each)
    return {};
  Type from = getElementTypeOrSelf(each.getX()),
       to = getElementTypeOrSelf(each.getResult());
  bool widens = (to.isSignlessInteger(64) && isa<IntegerType>(from) &&
                 from.getIntOrFloatBitWidth() < 32) ||
                (from.isF32() && isNarrowInteger(each.getResult()));
  Type by = widens ? Type(f.b.getI32Type()) : Type(f.b.getF32Type());
  bool isExact = widens || isa<FloatType>(from) || isa<FloatType>(to);
  if (from == by || to == by || !isExact)
    return {};
  Value x = f.cast(each.getX(), by);
  if (from.isF32()) {
    // What is too large becomes the largest number.
    unsigned bits = to.getIntOrFloatBitWidth();
    bool isUnsigned = to.isUnsignedInteger();
    double most = std::ldexp(1.0, static_cast<int>(bits - !isUnsigned)) - 1;
    x = f.make<dure::MinOp>(x, f.number(most, by));
    x = f.make<dure::MaxOp>(x, f.number(isUnsigned ? 0 : -most - 1, by));
  }
  return f.cast(x, to);
}

/// By a value, at both ends of dimensions.
Value fitPad(FitBuilder &f, Operation *op) {
  auto pad = dyn_cast<PadOp>(op);
  if (!pad || pad.getMode() != PadMode::Constant)
    return {};
  Value x = pad.getX(), filler = pad.getValue();
  Type element = getElementTypeOrSelf(x.getType());
  if (!filler)
    filler = f.number(0, element);
  filler = f.reshape(filler, {});
  if (!pad.getX().getType().hasStaticShape())
    return {};
  if (elementsOf(x) == 0)
    return f.broadcast(filler, shapeOf(pad.getResult()));
  for (size_t axis = 0; axis < shapeOf(x).size(); ++axis) {
    auto low = pad.getLow().expr(axis).constant(),
         high = pad.getHigh().expr(axis).constant();
    if (!low || !high)
      return {};
    auto grow = [&](int64_t by, bool before) {
      SmallVector<int64_t> shape(shapeOf(x));
      if (by < 0) {
        SmallVector<int64_t> starts(shape.size(), 0);
        starts[axis] = before ? -by : 0;
        shape[axis] += by;
        x = f.slice(x, shape, starts);
      } else if (by > 0) {
        shape[axis] = by;
        Value more = f.broadcast(filler, shape);
        x = f.concat(before ? ArrayRef<Value>{more, x}
                            : ArrayRef<Value>{x, more},
                     static_cast<int64_t>(axis));
      }
    };
    if (shapeOf(x)[axis] + std::min<int64_t>(*low, 0) +
            std::min<int64_t>(*high, 0) <=
        0)
      return {};
    grow(*low, true);
    grow(*high, false);
  }
  return x;
}

} // namespace dure::rngd
