// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of bytes of whatever sizes, filled up where they are bytes still,
// and what dequantizes by more than one number.
#include "targets/rngd/compiler/FitOps.h"
#include "targets/rngd/compiler/IntegerProduct.h"

#include "compiler/passes/support/Matching.h"

#include <algorithm>
#include <limits>

using namespace mlir;

namespace dure::rngd {
namespace {

/// The shapes of a product's operands in whole packets, of two registers' worth
/// where sums go on through parts, and whole columns.
struct Whole {
  explicit Whole(MatMulOp product)
      : left(shapeOf(product.getLhs())), right(shapeOf(product.getRhs())) {
    constexpr int64_t flit = 32;
    int64_t depth = llvm::alignTo(left.back(), flit),
            columns = llvm::alignTo(shapeOf(product.getResult()).back(), 8);
    if (depth > 2 * LaneElements)
      depth = llvm::alignTo(depth, 2 * flit);
    left.back() = depth;
    right.back() = columns;
    right[right.size() - 2] = depth;
    if (product.getTransposeRhs())
      std::swap(right.back(), right[right.size() - 2]);
  }
  static bool fits(MatMulOp product) {
    return shapeOf(product.getLhs()).size() >= 2 &&
           shapeOf(product.getRhs()).size() >= 2 && !product.getTransposeLhs();
  }
  bool isOf(MatMulOp product) const {
    return ArrayRef(left) == shapeOf(product.getLhs()) &&
           ArrayRef(right) == shapeOf(product.getRhs());
  }

  SmallVector<int64_t> left, right;
};

} // namespace

/// Bytes filled up to a shape, in i32, less their zero point; `words` is what
/// they were in i32.
static Value wordsOf(FitBuilder &f, const NarrowOperand &bytes, Value words,
                     ArrayRef<int64_t> shape) {
  Value filled =
      f.cast(f.pad(bytes.x, shape, double(bytes.zero)), f.b.getI32Type());
  if (!bytes.zeroAt && bytes.zero == 0)
    return filled;
  Value less = bytes.zeroAt
                   ? f.reshape(words.getDefiningOp<SubOp>().getRhs(), {})
                   : f.number(double(bytes.zero), f.b.getI32Type());
  return f.make<SubOp>(filled.getType(), filled, less);
}

/// A small matrix whose numbers are bytes less one number.
static std::optional<NarrowOperand> bytesOf(FitBuilder &f, Value matrix) {
  auto constant = matrix.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || dense.empty())
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (const APInt &each : dense.getValues<APInt>())
    numbers.push_back(each.getSExtValue());
  auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  constexpr int64_t low = std::numeric_limits<int8_t>::min(),
                    high = std::numeric_limits<int8_t>::max();
  NarrowOperand found;
  found.zero = *least >= low && *most <= high ? 0 : low - *least;
  if (found.zero < low || found.zero > high || *most + found.zero > high)
    return std::nullopt;
  SmallVector<int8_t> bytes;
  for (int64_t each : numbers)
    bytes.push_back(static_cast<int8_t>(each + found.zero));
  auto type = RankedTensorType::get(shapeOf(matrix), f.b.getI8Type());
  found.x =
      f.make<dure::ConstantOp>(DenseElementsAttr::get(type, ArrayRef(bytes)));
  return found;
}

/// Products of bytes, of whatever sizes: the right operand is filled up with
/// its zero point, so that nothing is added.
Value fitWordProduct(FitBuilder &f, Operation *op) {
  auto product = dyn_cast<MatMulOp>(op);
  if (!product ||
      !getElementTypeOrSelf(product.getResult()).isSignlessInteger(32))
    return {};
  std::optional<NarrowOperand> lhs = bytesBehind(product.getLhs());
  std::optional<ByteWeight> weight = byteWeightOf(product.getRhs());
  std::optional<NarrowOperand> rhs = bytesBehind(product.getRhs());
  if (!lhs || (rhs && rhs->zeroAt) || !Whole::fits(product))
    return {};
  const Whole whole(product);
  // What is refused for another reason stays so.
  if (whole.isOf(product) && (weight || rhs))
    return {};
  if (!weight && !rhs && !(rhs = bytesOf(f, product.getRhs())))
    return {};
  Value x = wordsOf(f, *lhs, product.getLhs(), whole.left);
  Value y = weight ? f.pad(product.getRhs(), whole.right)
                   : wordsOf(f, *rhs, product.getRhs(), whole.right);
  Value sums = f.make<MatMulOp>(x, y, product.getTransposeLhsAttr(),
                                product.getTransposeRhsAttr());
  return f.slice(sums, shapeOf(product.getResult()));
}

/// A weight of f32 that its recipe makes of a matrix of 8 bits, by one zero
/// point and one scale or one a column, filled up before it is made; null for
/// others.
static Value fillStored(FitBuilder &f, GetWeightOp get,
                        ArrayRef<int64_t> shape) {
  WeightOp weight = f.recipes.lookup(get.getWeight());
  RankedTensorType stored = weight.getData().getType();
  ArrayAttr recipe = weight.getRecipeAttr();
  Type element = stored.getElementType();
  if (!recipe || stored.getRank() != 2 || element.getIntOrFloatBitWidth() != 8)
    return {};
  SmallVector<StepAttr> steps(recipe.getAsRange<StepAttr>());
  // Of what is stored, where a transposition comes last.
  SmallVector<int64_t> now(shape);
  const bool turns = steps.back().getKind() == RecipeKind::Transpose;
  if (turns)
    std::swap(now[0], now[1]);
  auto filled = [&](WeightOp from, ArrayRef<int64_t> to) {
    auto type = cast<RankedTensorType>(from.getType());
    SmallVector<int64_t> ends(to.size(), 0);
    for (auto [has, wants] : llvm::zip(type.getShape(), to))
      ends.push_back(wants - has);
    return f.recipes.extend(from, RecipeKind::Pad,
                            RankedTensorType::get(to, type.getElementType()),
                            ends);
  };
  WeightOp made = filled(f.recipes.prefix(weight, 0), now);
  for (StepAttr step : steps) {
    if (step.getKind() == RecipeKind::Transpose)
      now.assign(shape);
    else if (!llvm::is_contained(
                 {RecipeKind::Cast, RecipeKind::Subtract, RecipeKind::Multiply},
                 step.getKind()) ||
             !step.getInts().empty() ||
             (step.getConstant() && !step.getConstant().isSplat()))
      return {};
    StepOperand other{{}, step.getConstant()};
    if (FlatSymbolRefAttr by = step.getOther()) {
      other.Weight = f.recipes.lookup(by.getValue());
      // Numbers of the columns go along with them.
      SmallVector<int64_t> to(
          cast<RankedTensorType>(other.Weight.getType()).getShape());
      for (size_t i = 0; i < to.size(); ++i)
        if (to[i] != 1)
          to[i] = now[now.size() - to.size() + i];
      other.Weight = filled(other.Weight, to);
    }
    made = f.recipes.extend(
        made, step.getKind(),
        RankedTensorType::get(now, step.getType().getElementType()),
        step.getInts(), other);
  }
  return f.make<GetWeightOp>(made.getType(), made.getSymNameAttr());
}

/// Dequantized bytes, filled up with what becomes 0.
static Value fillDequantized(FitBuilder &f, DequantizeOp read,
                             ArrayRef<int64_t> shape) {
  double filler = 0;
  if (Value zero = read.getZeroPoint()) {
    auto constant = zero.getDefiningOp<dure::ConstantOp>();
    auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                          : DenseElementsAttr();
    if (!dense || !dense.isSplat())
      return {};
    if (isa<FloatType>(dense.getElementType())) {
      if (!dense.getSplatValue<APFloat>().isZero())
        return {};
    } else {
      auto number = dense.getSplatValue<APInt>();
      filler = dense.getElementType().isUnsignedInteger()
                   ? double(number.getZExtValue())
                   : double(number.getSExtValue());
    }
  }
  auto to =
      RankedTensorType::get(shape, getElementTypeOrSelf(read.getResult()));
  return f.make<DequantizeOp>(to, f.pad(read.getX(), shape, filler),
                              read.getScale(), read.getZeroPoint(),
                              read.getAxisAttr(), read.getBlockAttr());
}

/// Whether an op is made of 8 bits, all of them by one scale and zero point.
static DequantizeOp wholeDequantize(Value value) {
  auto read = value.getDefiningOp<DequantizeOp>();
  return read && read.getBlock() == 0 && elementsOf(read.getScale()) == 1 &&
                 getElementTypeOrSelf(read.getX()).getIntOrFloatBitWidth() == 8
             ? read
             : DequantizeOp();
}

bool isOddScaledProduct(Operation *op) {
  auto product = dyn_cast<MatMulOp>(op);
  if (!product || !isStaticF32(product.getResult()) || !Whole::fits(product) ||
      Whole(product).isOf(product))
    return false;
  DequantizeOp left = wholeDequantize(product.getLhs());
  Value right = product.getRhs();
  return left && (wholeDequantize(right) || right.getDefiningOp<GetWeightOp>());
}

/// Products of dequantized bytes, which then are of the bytes.
Value fitScaledProduct(FitBuilder &f, Operation *op) {
  if (!isOddScaledProduct(op))
    return {};
  auto product = cast<MatMulOp>(op);
  const Whole whole(product);
  Value x = fillDequantized(f, wholeDequantize(product.getLhs()), whole.left);
  auto get = product.getRhs().getDefiningOp<GetWeightOp>();
  Value y =
      get ? fillStored(f, get, whole.right)
          : fillDequantized(f, wholeDequantize(product.getRhs()), whole.right);
  if (!x || !y)
    return {};
  Value sums = f.make<MatMulOp>(x, y, product.getTransposeLhsAttr(),
                                product.getTransposeRhsAttr());
  return f.slice(sums, shapeOf(product.getResult()));
}

/// By a scale and a zero point of each index of an axis, or what a run tells.
Value fitDequantize(FitBuilder &f, Operation *op) {
  auto read = dyn_cast<DequantizeOp>(op);
  if (!read || read.getBlock() != 0 || !isStaticF32(read.getResult()))
    return {};
  auto widened = [&](Value x) -> Value {
    if (isStaticF32(x))
      return x;
    return f.make<DequantizeOp>(
        RankedTensorType::get(shapeOf(x), f.b.getF32Type()), x, f.number(1),
        Value(), f.b.getI64IntegerAttr(1), f.b.getI64IntegerAttr(0));
  };
  auto along = [&](Value of) {
    SmallVector<int64_t> shape(shapeOf(read.getX()).size(), 1);
    if (!shapeOf(of).empty())
      shape[read.getAxis()] = elementsOf(of);
    return f.reshape(of, shape);
  };
  Value x = read.getX();
  const bool isPlain =
      !read.getZeroPoint() && splatNumber(read.getScale()) == 1.0;
  if (isPlain)
    return {};
  x = widened(x);
  if (Value zero = read.getZeroPoint())
    x = f.make<SubOp>(x.getType(), x, along(widened(zero)));
  return f.make<MulOp>(x.getType(), x, along(read.getScale()));
}

} // namespace dure::rngd
