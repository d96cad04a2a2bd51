// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recognizes products of quantized matrices in dure.
#include "targets/rngd/compiler/IntegerProduct.h"

#include "targets/rngd/compiler/ElementwiseKernel.h"

using namespace mlir;

namespace dure::rngd {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static bool isByte(Value value) {
  Type type = typeOf(value).getElementType();
  return type.isSignlessInteger(8) || type.isUnsignedInteger(8);
}

static bool isWord(Value value) {
  return typeOf(value).getElementType().isSignlessInteger(32);
}

/// The integer that all elements of a constant are.
static std::optional<int64_t> integerOf(DenseElementsAttr constant) {
  if (!constant || !constant.isSplat() ||
      !isa<IntegerType>(constant.getElementType()))
    return std::nullopt;
  auto number = constant.getSplatValue<APInt>();
  return constant.getElementType().isUnsignedInteger()
             ? static_cast<int64_t>(number.getZExtValue())
             : number.getSExtValue();
}

static std::optional<int64_t> integerOf(Value value) {
  auto constant = value.getDefiningOp<dure::ConstantOp>();
  return constant ? integerOf(dyn_cast<DenseElementsAttr>(constant.getValue()))
                  : std::nullopt;
}

/// Whether a byte may be it.
static bool isOfBytes(int64_t zero, bool isUnsigned) {
  return isUnsigned ? zero >= 0 && zero <= 255 : zero >= -128 && zero <= 127;
}

SmallVector<Value> NarrowProduct::reads() const {
  SmallVector<Value> all = {left.x, right.x};
  if (scale)
    all.push_back(scale);
  if (left.zeroAt)
    all.push_back(left.zeroAt);
  return all;
}

std::optional<ByteWeight> byteWeightOf(Value value) {
  auto get = value.getDefiningOp<GetWeightOp>();
  if (!get || !isWord(value) || typeOf(value).getRank() != 2)
    return std::nullopt;
  ByteWeight found;
  found.weight =
      SymbolTable::lookupNearestSymbolFrom<WeightOp>(get, get.getWeightAttr());
  if (!found.weight || !found.weight.getRecipeAttr())
    return std::nullopt;
  found.stored = found.weight.getData().getType();
  SmallVector<StepAttr> steps(
      found.weight.getRecipeAttr().getAsRange<StepAttr>());
  Type element = found.stored.getElementType();
  if (steps.size() > 1 && steps.back().getKind() == RecipeKind::Pad)
    found.pad = steps.pop_back_val();
  if (!element.isInteger(8) || found.stored.getRank() != 2 || steps.empty() ||
      steps.size() > 2 || steps[0].getKind() != RecipeKind::Cast)
    return std::nullopt;
  if (steps.size() == 2) {
    std::optional<int64_t> zero = integerOf(steps[1].getConstant());
    if (steps[1].getKind() != RecipeKind::Subtract || !zero ||
        !isOfBytes(*zero, element.isUnsignedInteger()))
      return std::nullopt;
    found.zero = *zero;
  }
  return found;
}

/// A byte by itself of which `value` is a cast.
static Value byteBehind(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  auto cast = value.getDefiningOp<dure::CastOp>();
  if (!cast || !isByte(cast.getX()) || !typeOf(cast.getX()).hasStaticShape() ||
      elementsOf(cast.getX()) != 1)
    return {};
  return cast.getX();
}

std::optional<NarrowOperand> bytesBehind(Value value) {
  NarrowOperand found;
  Value less;
  if (auto difference = value.getDefiningOp<SubOp>()) {
    if (difference.getLhs().getType() != difference.getType())
      return std::nullopt;
    less = difference.getRhs();
    value = difference.getLhs();
  }
  auto read = value.getDefiningOp<dure::CastOp>();
  if (!read || !isByte(read.getX()))
    return std::nullopt;
  found.x = read.getX();
  found.isUnsigned = typeOf(found.x).getElementType().isUnsignedInteger();
  if (!less)
    return found;
  if (std::optional<int64_t> zero = integerOf(less)) {
    if (!isOfBytes(*zero, found.isUnsigned))
      return std::nullopt;
    found.zero = *zero;
    return found;
  }
  found.zeroAt = byteBehind(less);
  return found.zeroAt ? std::optional(found) : std::nullopt;
}

/// Sums of integers.
static std::optional<NarrowProduct> ofWords(MatMulOp op) {
  std::optional<NarrowOperand> left = bytesBehind(op.getLhs());
  if (!left)
    return std::nullopt;
  NarrowProduct found;
  found.left = *left;
  if (auto weight = byteWeightOf(op.getRhs())) {
    found.right.x = op.getRhs();
    found.right.isUnsigned =
        weight->stored.getElementType().isUnsignedInteger();
    found.right.zero = weight->zero;
    return found;
  }
  std::optional<NarrowOperand> right = bytesBehind(op.getRhs());
  if (!right || right->zeroAt)
    return std::nullopt;
  found.right = *right;
  return found;
}

/// Of a dequantize by one number and one zero point, or by a scale of each of
/// `columns`, the operand; scales are noted in `product`.
static std::optional<NarrowOperand>
dequantizedBehind(DequantizeOp read, int64_t columns, NarrowProduct &product) {
  if (!read || read.getBlock() != 0)
    return std::nullopt;
  NarrowOperand found;
  found.x = read.getX();
  found.isUnsigned = typeOf(found.x).getElementType().isUnsignedInteger();
  if (std::optional<float> factor = splatOf(read.getScale()))
    product.factor *= *factor;
  else if (columns > 0 && elementsOf(read.getScale()) == columns)
    product.scale = read.getScale();
  else
    return std::nullopt;
  if (Value zero = read.getZeroPoint()) {
    std::optional<int64_t> number = integerOf(zero);
    if (!number || !isByte(found.x))
      return std::nullopt;
    found.zero = *number;
  }
  return found;
}

/// The size of products of bytes less a zero point at most.
static constexpr int64_t MostProduct = int64_t(255) * 255;

static std::optional<NarrowProduct> ofDequantized(MatMulOp op) {
  auto read = op.getRhs().getDefiningOp<DequantizeOp>();
  if (!read)
    return std::nullopt;
  // A weight's columns may have scales of their own.
  int64_t columns = isWidenedByProducts(read) && op.getTransposeRhs()
                        ? shapeOf(op.getRhs())[0]
                        : 0;
  NarrowProduct found;
  found.isScaled = true;
  auto left =
      dequantizedBehind(op.getLhs().getDefiningOp<DequantizeOp>(), 0, found);
  auto right = dequantizedBehind(read, columns, found);
  if (!left || !right)
    return std::nullopt;
  found.left = *left;
  found.right = *right;
  Type a = typeOf(left->x).getElementType(),
       b = typeOf(right->x).getElementType();
  found.isFloat = a == b && isa<Float8E4M3FNType, Float8E5M2Type>(a);
  bool areBytes = isByte(left->x) && isByte(right->x) &&
                  shapeOf(op.getLhs()).back() * MostProduct <= INT32_MAX;
  return found.isFloat || areBytes ? std::optional(found) : std::nullopt;
}

std::optional<NarrowProduct> narrowProductOf(MatMulOp op) {
  if (!typeOf(op.getLhs()).hasStaticShape() ||
      !typeOf(op.getRhs()).hasStaticShape() || op.getTransposeLhs() ||
      shapeOf(op.getLhs()).empty())
    return std::nullopt;
  // Whole packets.
  constexpr int64_t flit = FlitBytes;
  int64_t k = shapeOf(op.getLhs()).back();
  if (k % flit != 0 || (k > TrfBytes / Lanes && k % (2 * flit) != 0))
    return std::nullopt;
  return isWord(op.getResult()) ? ofWords(op) : ofDequantized(op);
}

/// Steps from a cast to a product at most: a subtraction, and shapes of what is
/// subtracted.
static constexpr unsigned MostSteps = 3;

/// Whether all uses of `value` lead to narrow products, through what takes a
/// zero point.
static bool leadsToProducts(Value value, unsigned depth = 0) {
  if (depth > MostSteps)
    return false;
  return !value.use_empty() &&
         llvm::all_of(value.getUses(), [&](OpOperand &use) {
           Operation *user = use.getOwner();
           if (auto product = dyn_cast<MatMulOp>(user)) {
             return narrowProductOf(product) && !matMulRefusal(product);
           }
           return isa<SubOp, ReshapeOp>(user) && isWord(user->getResult(0)) &&
                  leadsToProducts(user->getResult(0), depth + 1);
         });
}

bool isReadByNarrowProducts(Operation *op) {
  if (auto read = dyn_cast<dure::CastOp>(op))
    return isByte(read.getX()) && isWord(read.getResult()) &&
           leadsToProducts(read.getResult());
  if (isa<DequantizeOp>(op))
    return leadsToProducts(op->getResult(0));
  return isa<SubOp>(op) && isWord(op->getResult(0)) &&
         bytesBehind(op->getResult(0)) && leadsToProducts(op->getResult(0));
}

} // namespace dure::rngd
