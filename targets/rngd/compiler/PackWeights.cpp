// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/PackWeights.h"

#include "compiler/passes/simplify/WeightRecipes.h"
#include "targets/rngd/compiler/IntegerProduct.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace dure::rngd {
namespace {

RankedTensorType typeOf(WeightOp weight) {
  return cast<RankedTensorType>(weight.getType());
}

/// A weight that its recipe makes of few bits: (stored - zero) * scale, each of
/// them one number, one of each column, or one of so many neighbours of a
/// column. Columns are a product's.
struct FewBits {
  RankedTensorType stored;
  /// Of its recipe's steps the first that is not of what is stored, which may
  /// be filled up.
  size_t first = 0;
  /// One number or a weight.
  StepOperand zero, scale;
  int64_t block = 0;
  /// Of what is stored.
  int64_t columnsAxis = 0;
};

/// The one number of a constant.
std::optional<double> numberOf(DenseElementsAttr constant) {
  if (!constant || !constant.isSplat() ||
      !isa<FloatType>(constant.getElementType()))
    return std::nullopt;
  return constant.getSplatValue<APFloat>().convertToDouble();
}

/// Steps of a recipe, one after the other.
class Steps {
public:
  explicit Steps(WeightOp weight) {
    if (ArrayAttr all = weight.getRecipeAttr())
      llvm::append_range(steps, all.getAsRange<StepAttr>());
  }
  /// The next one, if it is of that kind.
  StepAttr take(RecipeKind kind) {
    return at < steps.size() && steps[at].getKind() == kind ? steps[at++]
                                                            : StepAttr();
  }
  bool isDone() const { return at == steps.size(); }

private:
  SmallVector<StepAttr> steps;
  size_t at = 0;
};

/// Reads recipes of weights in few bits.
class FewBitsReader {
public:
  FewBitsReader(MatMulOp product, const WeightRecipes &recipes)
      : product(product), recipes(recipes) {}

  /// What cast and multiply, with a subtraction between them at most and a
  /// transposition behind, make of `weight`; none of another recipe, or where
  /// parameters differ along the sum in other ways than by blocks.
  std::optional<FewBits> read(WeightOp weight);

private:
  std::optional<int64_t> operand(StepAttr step, StepOperand &to);

  MatMulOp product;
  const WeightRecipes &recipes;
  FewBits found;
};

} // namespace

/// A step's operand, if it is one number or has one of each column and block;
/// the block, or 0 for whole columns.
std::optional<int64_t> FewBitsReader::operand(StepAttr step, StepOperand &to) {
  if (numberOf(step.getConstant())) {
    to.Constant = step.getConstant();
    return 0;
  }
  if (FlatSymbolRefAttr other = step.getOther())
    to.Weight = recipes.lookup(other.getValue());
  if (!to.Weight)
    return std::nullopt;
  SmallVector<int64_t> shape(typeOf(to.Weight).getShape());
  while (shape.size() < 2)
    shape.insert(shape.begin(), 1);
  int64_t sumAxis = 1 - found.columnsAxis, block = 0, parts = 1,
          sum = found.stored.getDimSize(sumAxis);
  if (ArrayRef<int64_t> ints = step.getInts(); !ints.empty()) {
    block = ints[1];
    parts = llvm::divideCeil(sum, block);
    // Packets of 16 are of one block, and DMA moves two scales at least.
    if (ints[0] != sumAxis ||
        (parts > 1 && (block % 16 != 0 || sum % (2 * block) != 0)))
      return std::nullopt;
  }
  if (shape.size() != 2 || shape[sumAxis] != parts ||
      shape[found.columnsAxis] != found.stored.getDimSize(found.columnsAxis))
    return std::nullopt;
  return parts > 1 ? block : 0;
}

std::optional<FewBits> FewBitsReader::read(WeightOp weight) {
  Steps steps(weight);
  found = {};
  found.stored = weight.getData().getType();
  if (StepAttr pad = steps.take(RecipeKind::Pad)) {
    found.stored = pad.getType();
    found.first = 1;
  }
  Type element = found.stored.getElementType();
  bool isFew = element.isInteger(4) || element.isInteger(8) ||
               isa<Float8E4M3FNType, Float8E5M2Type>(element);
  StepAttr cast = steps.take(RecipeKind::Cast),
           subtract = steps.take(RecipeKind::Subtract),
           multiply = steps.take(RecipeKind::Multiply),
           turn = steps.take(RecipeKind::Transpose);
  if (!isFew || found.stored.getRank() != 2 || !cast ||
      !cast.getType().getElementType().isF32() || !multiply || !steps.isDone())
    return std::nullopt;
  bool turns = turn && turn.getInts() == ArrayRef<int64_t>{1, 0};
  found.columnsAxis = product.getTransposeRhs() != turns ? 0 : 1;
  std::optional<int64_t> block = operand(multiply, found.scale);
  if (!block)
    return std::nullopt;
  found.block = *block;
  if (!subtract)
    return found;
  // A tensor of zero points comes with a scale of its shape.
  block = operand(subtract, found.zero);
  if (!block ||
      (found.zero.Weight && (!found.scale.Weight || *block != found.block)))
    return std::nullopt;
  if (std::optional<double> zero = numberOf(found.zero.Constant);
      zero && (*zero != std::trunc(*zero) || !isa<IntegerType>(element) ||
               std::abs(*zero) > 255))
    return std::nullopt;
  return found;
}

/// With the last two dimensions exchanged.
static WeightOp turned(WeightRecipes &recipes, WeightOp from) {
  RankedTensorType type = typeOf(from);
  SmallVector<int64_t> shape(type.getShape()), order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 2], order.back());
  std::swap(shape[shape.size() - 2], shape.back());
  return recipes.extend(from, RecipeKind::Transpose,
                        RankedTensorType::get(shape, type.getElementType()),
                        order);
}

static WeightOp castTo(WeightRecipes &recipes, WeightOp from, Type element) {
  auto type = RankedTensorType::get(typeOf(from).getShape(), element);
  return recipes.extend(from, RecipeKind::Cast, type, {});
}

namespace {

/// Makes the weights of a product as it reads them.
class Packer {
public:
  Packer(MatMulOp product, GetWeightOp get, WeightRecipes &recipes)
      : product(product), get(get), recipes(recipes), builder(get),
        weight(recipes.lookup(get.getWeight())) {}

  void run();
  void runBytes(const ByteWeight &of);

private:
  Value read(WeightOp from);
  WeightOp withSign(WeightOp stored);
  WeightOp filledUp(WeightOp bytes, StepAttr pad, int32_t zero);
  WeightOp less(WeightOp from, float number);
  Value few(const FewBits &of);
  Value parameter(WeightOp by, const FewBits &of);
  Value zeroOf(const FewBits &of, Type element, RankedTensorType scale);

  MatMulOp product;
  GetWeightOp get;
  WeightRecipes &recipes;
  OpBuilder builder;
  WeightOp weight;
};

Value Packer::read(WeightOp from) {
  return GetWeightOp::create(builder, get.getLoc(), typeOf(from),
                             from.getSymNameAttr());
}

/// A scale or zero point of each column, or each of its blocks.
Value Packer::parameter(WeightOp by, const FewBits &of) {
  SmallVector<int64_t> shape = {of.stored.getDimSize(of.columnsAxis)};
  if (of.block > 0) {
    shape.push_back(of.stored.getDimSize(1 - of.columnsAxis) / of.block);
    if (of.columnsAxis == 1)
      by = turned(recipes, by);
  }
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  if (typeOf(by) != type)
    by = recipes.extend(by, RecipeKind::Reshape, type, {});
  return read(by);
}

/// What to subtract from unsigned numbers that makes them signed ones.
static float halfOf(Type element) {
  return element.isUnsignedInteger()
             ? static_cast<float>(1u << (element.getIntOrFloatBitWidth() - 1))
             : 0.0f;
}

/// The zero point of signed numbers: none where it is 0.
Value Packer::zeroOf(const FewBits &of, Type element, RankedTensorType scale) {
  float half = halfOf(of.stored.getElementType());
  if (WeightOp by = of.zero.Weight)
    return parameter(half != 0 ? less(by, half) : by, of);
  auto zero = static_cast<int64_t>(numberOf(of.zero.Constant).value_or(0) -
                                   double(half));
  if (zero == 0)
    return {};
  auto type = RankedTensorType::get(scale.getShape(), element);
  auto number = builder.getIntegerAttr(element, zero);
  return dure::ConstantOp::create(builder, get.getLoc(), type,
                                  DenseElementsAttr::get(type, number));
}

WeightOp Packer::less(WeightOp from, float number) {
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  return recipes.extend(from, RecipeKind::Subtract, typeOf(from), {},
                        {{}, DenseElementsAttr::get(scalar, number)});
}

/// Numbers that have no sign, less half of their range.
WeightOp Packer::withSign(WeightOp stored) {
  Type element = typeOf(stored).getElementType();
  float half = halfOf(element);
  if (half == 0)
    return stored;
  return castTo(recipes,
                less(castTo(recipes, stored, builder.getF32Type()), half),
                builder.getIntegerType(element.getIntOrFloatBitWidth()));
}

/// Through a dequantize of signed numbers, which the chip has.
Value Packer::few(const FewBits &of) {
  WeightOp stored = withSign(recipes.prefix(weight, of.first));
  Type element = typeOf(stored).getElementType();
  if (of.columnsAxis == 1)
    stored = turned(recipes, stored);
  Value scale;
  if (of.scale.Weight) {
    scale = parameter(of.scale.Weight, of);
  } else {
    auto type = RankedTensorType::get({}, builder.getF32Type());
    auto number = static_cast<float>(*numberOf(of.scale.Constant));
    scale = dure::ConstantOp::create(builder, get.getLoc(), type,
                                     DenseElementsAttr::get(type, number));
  }
  Value zero = zeroOf(of, element, cast<RankedTensorType>(scale.getType()));
  Value x = read(stored);
  builder.setInsertionPoint(product);
  return DequantizeOp::create(builder, product.getLoc(), x, scale, zero,
                              /*axis=*/of.block > 0 ? 1 : 0, of.block);
}

/// Signed bytes with more of their zero point behind.
WeightOp Packer::filledUp(WeightOp bytes, StepAttr pad, int32_t zero) {
  Type byte = typeOf(bytes).getElementType(), real = builder.getF32Type();
  auto number = static_cast<float>(zero);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(get.getType()).getShape();
  auto padded = [&](WeightOp from, Type element) {
    return recipes.extend(from, RecipeKind::Pad,
                          RankedTensorType::get(shape, element), pad.getInts());
  };
  if (zero == 0)
    return padded(bytes, byte);
  WeightOp more = padded(less(castTo(recipes, bytes, real), number), real);
  return castTo(recipes, less(more, -number), byte);
}

/// Signed bytes, of which the product is less their zero point.
void Packer::runBytes(const ByteWeight &of) {
  auto zero = static_cast<int32_t>(of.zero) -
              static_cast<int32_t>(halfOf(of.stored.getElementType()));
  WeightOp stored = withSign(recipes.prefix(weight, 0));
  if (of.pad)
    stored = filledUp(stored, of.pad, zero);
  if (!product.getTransposeRhs())
    stored = turned(recipes, stored);
  Value bytes = read(stored);
  Location loc = product.getLoc();
  Type word = builder.getI32Type();
  auto scalar = RankedTensorType::get({}, word);
  Value less = zero == 0
                   ? Value()
                   : dure::ConstantOp::create(
                         builder, loc, DenseElementsAttr::get(scalar, zero));
  builder.setInsertionPoint(product);
  Value x = dure::CastOp::create(builder, loc, bytes, word);
  if (less)
    x = SubOp::create(builder, loc, x.getType(), x, less);
  product.getRhsMutable().assign(x);
  product.setTransposeRhs(true);
}

void Packer::run() {
  if (auto of = FewBitsReader(product, recipes).read(weight)) {
    product.getRhsMutable().assign(few(*of));
  } else {
    WeightOp packed =
        product.getTransposeRhs() ? weight : turned(recipes, weight);
    Value narrow = read(castTo(recipes, packed, builder.getBF16Type()));
    builder.setInsertionPoint(product);
    product.getRhsMutable().assign(dure::CastOp::create(
        builder, product.getLoc(), narrow,
        cast<RankedTensorType>(get.getType()).getElementType()));
  }
  product.setTransposeRhs(true);
}

/// Experts' matrices in bf16, each [n, k], which are [k, n] to the op.
void packExperts(ExpertMatMulOp experts, GetWeightOp get,
                 WeightRecipes &recipes) {
  OpBuilder builder(get);
  WeightOp packed =
      castTo(recipes, turned(recipes, recipes.lookup(get.getWeight())),
             builder.getBF16Type());
  Value read = GetWeightOp::create(builder, get.getLoc(), typeOf(packed),
                                   packed.getSymNameAttr());
  builder.setInsertionPoint(experts);
  Type element = builder.getF32Type();
  Value wide = dure::CastOp::create(builder, experts.getLoc(), read, element);
  experts.getWMutable().assign(dure::TransposeOp::create(
      builder, experts.getLoc(), wide, ArrayRef<int64_t>{0, 2, 1}));
}

/// The weight of f32 that `value` is.
GetWeightOp floatWeight(Value value) {
  auto get = value.getDefiningOp<GetWeightOp>();
  auto type = cast<RankedTensorType>(value.getType());
  return get && type.getRank() >= 2 && type.getElementType().isF32()
             ? get
             : GetWeightOp();
}

struct PackWeights : PassWrapper<PackWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PackWeights)
  StringRef getArgument() const override { return "dure-rngd-pack-weights"; }
  StringRef getDescription() const override {
    return "Weights of products in bf16 or fewer bits, a column's numbers side "
           "by side";
  }

  void runOnOperation() override {
    WeightRecipes recipes(getOperation());
    getOperation().walk([&](RegionOp region) {
      if (region.getTarget() != "rngd")
        return;
      region.walk([&](MatMulOp product) {
        if (GetWeightOp get = floatWeight(product.getRhs()))
          Packer(product, get, recipes).run();
        if (auto bytes = byteWeightOf(product.getRhs()))
          Packer(product, product.getRhs().getDefiningOp<GetWeightOp>(),
                 recipes)
              .runBytes(*bytes);
      });
      region.walk([&](ExpertMatMulOp experts) {
        if (GetWeightOp get = floatWeight(experts.getW()))
          packExperts(experts, get, recipes);
      });
    });
    eraseUnreadWeights(getOperation());
  }
};

} // namespace

std::unique_ptr<Pass> createPackWeights() {
  return std::make_unique<PackWeights>();
}

} // namespace dure::rngd
