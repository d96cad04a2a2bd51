// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recipes that widen a weight, taken apart into what is stored and what widens
// it.

#include "targets/cpu/compiler/NarrowWeights.h"

#include "targets/cpu/compiler/MatMulKernel.h"
#include "targets/cpu/compiler/WidenedOperand.h"

#include "compiler/passes/simplify/WeightRecipes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <numeric>

using namespace mlir;

namespace dure::cpu {
namespace {

using Shape = SmallVector<int64_t>;

RankedTensorType typeOf(WeightOp weight) {
  return cast<RankedTensorType>(weight.getType());
}

SmallVector<StepAttr> stepsOf(WeightOp weight) {
  SmallVector<StepAttr> out;
  if (ArrayAttr recipe = weight.getRecipeAttr())
    llvm::append_range(out, recipe.getAsRange<StepAttr>());
  return out;
}

bool isHalf(Type element) { return isa<Float16Type, BFloat16Type>(element); }

//===----------------------------------------------------------------------===//
// Floats of 16 bits
//===----------------------------------------------------------------------===//

/// Recipes nest in concatenations; real ones do so once.
constexpr unsigned kMaxDepth = 8;

/// Makes the weight that a cast to f32 gives `weight`: with the same steps but
/// the cast. Null where other steps compute.
WeightOp withoutCast(WeightRecipes &recipes, WeightOp weight, unsigned depth) {
  SmallVector<StepAttr> steps = stepsOf(weight);
  Type stored = weight.getData().getType().getElementType();
  if (depth == 0 || !isHalf(stored))
    return {};
  WeightOp out = recipes.prefix(weight, 0);
  bool isCast = false;
  for (StepAttr step : steps) {
    StepOperand other;
    switch (step.getKind()) {
    case RecipeKind::Cast:
      if (isCast || !step.getType().getElementType().isF32())
        return {};
      isCast = true;
      continue;
    case RecipeKind::Concat:
      // Parts that are cast before they come together.
      other.Weight = recipes.lookup(step.getOther().getValue());
      if (isCast)
        other.Weight = withoutCast(recipes, other.Weight, depth - 1);
      if (!other.Weight || typeOf(other.Weight).getElementType() != stored)
        return {};
      break;
    case RecipeKind::Transpose:
    case RecipeKind::Reshape:
    case RecipeKind::Slice:
    case RecipeKind::Pad:
      break;
    default:
      return {};
    }
    auto type = RankedTensorType::get(step.getType().getShape(), stored);
    out = recipes.extend(out, step.getKind(), type, step.getInts(), other);
  }
  return isCast ? out : WeightOp();
}

//===----------------------------------------------------------------------===//
// Integers of 4 and 8 bits
//===----------------------------------------------------------------------===//

/// Weights that widenedOperand() speaks of; scales and offsets in 16 bits where
/// they are stored so.
struct FewBits {
  WeightOp stored, scales, zeroPoints, offsets;
  int64_t block = 0;
};

/// The steps of a recipe, which follow each other in one order.
class StepReader {
public:
  explicit StepReader(WeightOp weight) : steps(stepsOf(weight)) {}

  /// The next step if it is of this kind, else null.
  StepAttr take(RecipeKind kind) {
    if (next == steps.size() || steps[next].getKind() != kind)
      return {};
    return steps[next++];
  }
  bool isDone() const { return next == steps.size(); }

private:
  SmallVector<StepAttr> steps;
  size_t next = 0;
};

/// Takes the recipe of one weight of integers apart:
///   reshape?, cast, subtract?, multiply, (reshape, add, reshape)?,
///   (reshape, slice?)?, transpose?
class FewBitsReader {
public:
  FewBitsReader(WeightRecipes &recipes, WeightOp weight)
      : recipes(recipes), weight(weight) {}

  std::optional<FewBits> read();

private:
  bool readSteps();
  bool readOrder(StepAttr split, StepAttr turn);
  bool keepsColumns(StepAttr slice);
  bool chooseBlock();
  WeightOp parameter(StepAttr step);
  WeightOp offsets();
  WeightOp repeated(const StepOperand &number);
  StepOperand operandOf(StepAttr step);
  WeightOp reshaped(WeightOp from, ArrayRef<int64_t> to);
  WeightOp sliced(WeightOp from);
  WeightOp ordered(WeightOp from);
  /// The shape of a parameter that lies as the stored does.
  Shape parameterShape() const {
    Shape out = shape;
    out[sumAxis] /= block;
    return out;
  }

  WeightRecipes &recipes;
  WeightOp weight;
  StepAttr subtract, multiply, cut, add, whole, rows;
  /// What is cast, and its shape.
  WeightOp stored;
  Shape shape;
  /// The axis of it that products sum over, and its block.
  int64_t sumAxis = 0, block = 0;
  /// What the dimensions before the last become, where that is not what they
  /// were; and whether the last two are exchanged then.
  std::optional<Shape> leading;
  bool turns = false;
};

StepOperand FewBitsReader::operandOf(StepAttr step) {
  StepOperand out;
  if (step.getOther())
    out.Weight = recipes.lookup(step.getOther().getValue());
  out.Constant = step.getConstant();
  return out;
}

WeightOp FewBitsReader::reshaped(WeightOp from, ArrayRef<int64_t> to) {
  auto type = RankedTensorType::get(to, typeOf(from).getElementType());
  return typeOf(from) == type
             ? from
             : recipes.extend(from, RecipeKind::Reshape, type, {});
}

/// The rows of the last dimension that the recipe slices out.
WeightOp FewBitsReader::sliced(WeightOp from) {
  RankedTensorType type = typeOf(from);
  size_t last = type.getRank() - 1;
  Shape ints(rows.getInts());
  Shape to(rows.getType().getShape());
  ints[2 * last + 1] = to[last] = type.getDimSize(last);
  return recipes.extend(from, RecipeKind::Slice,
                        RankedTensorType::get(to, type.getElementType()), ints);
}

/// What lies as the stored does, as the product reads it.
WeightOp FewBitsReader::ordered(WeightOp from) {
  if (leading) {
    Shape to = *leading;
    to.push_back(typeOf(from).getShape().back());
    from = reshaped(from, to);
  }
  if (rows)
    from = sliced(from);
  if (!turns)
    return from;
  RankedTensorType type = typeOf(from);
  Shape to(type.getShape()), order(to.size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 2], order.back());
  std::swap(to[to.size() - 2], to.back());
  return recipes.extend(from, RecipeKind::Transpose,
                        RankedTensorType::get(to, type.getElementType()),
                        order);
}

/// A parameter that all elements share, for each block and column. There is no
/// step that repeats a number: rows of the stored give the shape, times 0.
WeightOp FewBitsReader::repeated(const StepOperand &number) {
  Type f32 = Float32Type::get(weight.getContext());
  Shape rows = parameterShape();
  Shape ints(shape.size(), 0);
  ints.append(rows);
  ints.append(Shape(shape.size(), 1));
  Type element = typeOf(stored).getElementType();
  auto type = RankedTensorType::get(rows, f32);
  auto zero = DenseElementsAttr::get(RankedTensorType::get({}, f32), 0.0f);
  WeightOp out = recipes.extend(stored, RecipeKind::Slice,
                                RankedTensorType::get(rows, element), ints);
  out = recipes.extend(out, RecipeKind::Cast, type, {});
  out = recipes.extend(out, RecipeKind::Multiply, type, {}, {{}, zero});
  return recipes.extend(out, RecipeKind::Add, type, {}, number);
}

/// The block of the sum's axis that has one scale.
bool FewBitsReader::chooseBlock() {
  ArrayRef<int64_t> ints = multiply.getInts();
  block = shape[sumAxis];
  if (!ints.empty()) {
    if (ints[0] != sumAxis || ints[1] <= 0 || block % ints[1] != 0)
      return false;
    block = ints[1];
  }
  return isScaledBlock(shape[sumAxis], block);
}

/// The operand of a multiplication or a subtraction as [.., blocks, columns],
/// ordered as the stored is; null where it varies otherwise.
WeightOp FewBitsReader::parameter(StepAttr step) {
  StepOperand from = operandOf(step);
  Shape to = parameterShape();
  auto type = from.Weight ? typeOf(from.Weight)
                          : cast<RankedTensorType>(from.Constant.getType());
  if (!step.getInts().empty()) {
    if (step.getInts() != ArrayRef<int64_t>{sumAxis, block} || !from.Weight ||
        type.getShape() != ArrayRef<int64_t>(to))
      return {};
    return ordered(from.Weight);
  }
  if (type.getNumElements() == 1)
    return ordered(repeated(from));
  // Broadcast from the last dimension on: ones but for the columns.
  int64_t rank = shape.size(), own = type.getRank();
  if (block != shape[sumAxis] || !from.Weight || own > rank)
    return {};
  for (int64_t i = 0; i < rank; ++i) {
    int64_t size = i < rank - own ? 1 : type.getDimSize(i - (rank - own));
    if (size != (i == sumAxis ? 1 : shape[i]))
      return {};
  }
  return ordered(reshaped(from.Weight, to));
}

/// What is added to each block: reshape, add, reshape in the recipe.
WeightOp FewBitsReader::offsets() {
  StepOperand from = operandOf(add);
  Shape blocks = shape, ones;
  blocks[sumAxis] /= block;
  ones = blocks;
  blocks.insert(blocks.begin() + sumAxis + 1, block);
  ones.insert(ones.begin() + sumAxis + 1, 1);
  if (!from.Weight || cut.getType().getShape() != ArrayRef<int64_t>(blocks) ||
      whole.getType().getShape() != ArrayRef<int64_t>(shape) ||
      typeOf(from.Weight).getShape() != ArrayRef<int64_t>(ones))
    return {};
  return ordered(reshaped(from.Weight, parameterShape()));
}

/// What becomes of the order once all is widened.
bool FewBitsReader::readOrder(StepAttr split, StepAttr turn) {
  int64_t rank = shape.size();
  if (split) {
    Shape to(split.getType().getShape());
    if (to.size() < 2 || to.back() != shape.back())
      return false;
    to.pop_back();
    leading = to;
    rank = to.size() + 1;
  }
  if (turn) {
    Shape order(rank);
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[rank - 2], order[rank - 1]);
    turns = turn.getInts() == ArrayRef<int64_t>(order);
  }
  // Columns that a reshape mixes with batches stay columns only if they are not
  // last.
  sumAxis = shape.size() - (turns ? 1 : 2);
  return (!turn || turns) && (!split || turns);
}

/// Whether a slice takes whole rows of the last dimension.
bool FewBitsReader::keepsColumns(StepAttr slice) {
  ArrayRef<int64_t> ints = slice.getInts();
  size_t rank = ints.size() / 3;
  return ints[rank - 1] == 0 && ints[2 * rank - 1] == shape.back() &&
         ints[3 * rank - 1] == 1;
}

bool FewBitsReader::readSteps() {
  StepReader steps(weight);
  stored = recipes.prefix(weight, steps.take(RecipeKind::Reshape) ? 1 : 0);
  shape.assign(typeOf(stored).getShape().begin(),
               typeOf(stored).getShape().end());
  auto element = dyn_cast<IntegerType>(typeOf(stored).getElementType());
  if (!element || (element.getWidth() != 4 && element.getWidth() != 8) ||
      shape.size() < 2 || llvm::is_contained(shape, 0))
    return false;
  StepAttr cast = steps.take(RecipeKind::Cast);
  subtract = steps.take(RecipeKind::Subtract);
  multiply = steps.take(RecipeKind::Multiply);
  StepAttr split = steps.take(RecipeKind::Reshape);
  if (split && (add = steps.take(RecipeKind::Add))) {
    cut = std::exchange(split, {});
    if (!(whole = steps.take(RecipeKind::Reshape)))
      return false;
    split = steps.take(RecipeKind::Reshape);
  }
  if (split && (rows = steps.take(RecipeKind::Slice)) && !keepsColumns(rows))
    return false;
  StepAttr turn = steps.take(RecipeKind::Transpose);
  return cast && cast.getType().getElementType().isF32() && multiply &&
         steps.isDone() && readOrder(split, turn);
}

/// A parameter as it is stored.
static WeightOp asStored(WeightRecipes &recipes, WeightOp parameter) {
  WeightOp half =
      parameter ? withoutCast(recipes, parameter, kMaxDepth) : WeightOp();
  return half ? half : parameter;
}

std::optional<FewBits> FewBitsReader::read() {
  if (!readSteps() || !chooseBlock())
    return std::nullopt;
  FewBits out;
  out.block = block;
  out.scales = asStored(recipes, parameter(multiply));
  if (subtract)
    out.zeroPoints = parameter(subtract);
  if (add)
    out.offsets = asStored(recipes, offsets());
  if (!out.scales || (subtract && !out.zeroPoints) || (add && !out.offsets))
    return std::nullopt;
  out.stored = ordered(stored);
  return out;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// Puts narrow weights in the place of one that is read.
class Narrower {
public:
  Narrower(WeightRecipes &recipes, OpOperand &use)
      : recipes(recipes), use(use), get(use.get().getDefiningOp<GetWeightOp>()),
        builder(use.getOwner()) {}

  void turn();
  void narrowProduct();
  void narrowGather();

private:
  WeightOp weight() { return recipes.lookup(get.getWeight()); }
  Value read(WeightOp from);
  /// In f32.
  Value readWide(WeightOp from);
  Value widen(const FewBits &of);
  Value reshape(Value x, ArrayRef<int64_t> to);

  WeightRecipes &recipes;
  OpOperand &use;
  GetWeightOp get;
  OpBuilder builder;
};

/// Where the wide one is read, so that it can be shared as that is.
Value Narrower::read(WeightOp from) {
  OpBuilder before(get);
  return GetWeightOp::create(before, get.getLoc(), typeOf(from),
                             from.getSymNameAttr());
}

Value Narrower::readWide(WeightOp from) {
  Value stored = read(from);
  return isHalf(typeOf(from).getElementType())
             ? CastOp::create(builder, get.getLoc(), stored,
                              builder.getF32Type())
                   .getResult()
             : stored;
}

Value Narrower::reshape(Value x, ArrayRef<int64_t> to) {
  Type element = cast<RankedTensorType>(x.getType()).getElementType();
  return ReshapeOp::create(builder, get.getLoc(),
                           RankedTensorType::get(to, element), x);
}

Value Narrower::widen(const FewBits &of) {
  Location loc = get.getLoc();
  auto type = cast<RankedTensorType>(get.getType());
  int64_t rows = type.getRank() - 2;
  Value zero = of.zeroPoints ? read(of.zeroPoints) : Value();
  Value out = DequantizeOp::create(
      builder, loc, type, read(of.stored), readWide(of.scales), zero,
      builder.getI64IntegerAttr(rows), builder.getI64IntegerAttr(of.block));
  if (!of.offsets)
    return out;
  Shape blocks(type.getShape());
  blocks[rows] /= of.block;
  Shape ones = blocks;
  blocks.insert(blocks.begin() + rows + 1, of.block);
  ones.insert(ones.begin() + rows + 1, 1);
  Value cut = reshape(out, blocks);
  Value sum = AddOp::create(builder, loc, cut.getType(), cut,
                            reshape(readWide(of.offsets), ones));
  return reshape(sum, type.getShape());
}

/// The weight of a product with its transpose as the product reads it.
void Narrower::turn() {
  auto matmul = dyn_cast<MatMulOp>(use.getOwner());
  if (!matmul || !matmul.getTransposeRhs())
    return;
  auto type = cast<RankedTensorType>(get.getType());
  auto turned = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)},
                                      type.getElementType());
  Value read = this->read(
      recipes.extend(weight(), RecipeKind::Transpose, turned, {1, 0}));
  use.set(read);
  matmul.setTransposeRhs(false);
  get = read.getDefiningOp<GetWeightOp>();
}

void Narrower::narrowProduct() {
  turn();
  WeightOp wide = weight();
  if (WeightOp half = withoutCast(recipes, wide, kMaxDepth))
    use.set(CastOp::create(builder, get.getLoc(), read(half),
                           builder.getF32Type()));
  else if (auto few = FewBitsReader(recipes, wide).read())
    use.set(widen(*few));
}

/// Rows are found first and widened then.
void Narrower::narrowGather() {
  auto gather = cast<GatherOp>(use.getOwner());
  WeightOp half = withoutCast(recipes, weight(), kMaxDepth);
  if (!half)
    return;
  Location loc = gather.getLoc();
  Value found = GatherOp::create(
      builder, loc,
      tensorOf(dimsOf(gather.getType()), typeOf(half).getElementType()),
      read(half), gather.getIndices(), gather.getAxis());
  Value wide = CastOp::create(builder, loc, found, builder.getF32Type());
  gather.getResult().replaceAllUsesWith(wide);
  gather.erase();
}

struct NarrowWeights : PassWrapper<NarrowWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NarrowWeights)
  StringRef getArgument() const override { return "dure-cpu-narrow-weights"; }
  StringRef getDescription() const override {
    return "Widen weights of few bits where they are multiplied with";
  }

  void runOnOperation() override {
    WeightRecipes recipes(getOperation());
    SmallVector<OpOperand *> products, gathers;
    getOperation().walk([&](GetWeightOp get) {
      auto type = cast<RankedTensorType>(get.getType());
      if (!type.getElementType().isF32())
        return;
      for (OpOperand &use : get->getUses()) {
        Operation *user = use.getOwner();
        auto matmul = dyn_cast<MatMulOp>(user);
        bool isMatrices =
            matricesOf(user) == use.get() && use.getOperandNumber() != 0 &&
            type.getRank() >= 2 &&
            !(matmul && matmul.getTransposeRhs() && type.getRank() != 2);
        auto gather = dyn_cast<GatherOp>(user);
        if (isMatrices)
          products.push_back(&use);
        else if (gather && &use == &gather.getXMutable())
          gathers.push_back(&use);
      }
    });
    for (OpOperand *use : products)
      Narrower(recipes, *use).narrowProduct();
    for (OpOperand *use : gathers)
      Narrower(recipes, *use).narrowGather();
    eraseUnreadWeights(getOperation());
  }
};

} // namespace

std::unique_ptr<Pass> createNarrowWeights() {
  return std::make_unique<NarrowWeights>();
}

} // namespace dure::cpu
