// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Moves arithmetic on weights into the weights' recipes.
#include "compiler/passes/Passes.h"
#include "compiler/passes/simplify/WeightExpressions.h"
#include "compiler/passes/simplify/WeightRecipes.h"
#include "compiler/passes/support/Evaluate.h"
#include "compiler/passes/support/Matching.h"

#include "llvm/ADT/TypeSwitch.h"

namespace dure {
#define GEN_PASS_DEF_FOLDWEIGHTS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// The step that `Op` is, when it is one.
std::optional<RecipeKind> stepKindOf(Operation *Op) {
  return llvm::TypeSwitch<Operation *, std::optional<RecipeKind>>(Op)
      .Case<CastOp>([](auto) { return RecipeKind::Cast; })
      .Case<TransposeOp>([](auto) { return RecipeKind::Transpose; })
      .Case<ReshapeOp>([](auto) { return RecipeKind::Reshape; })
      .Case<SliceOp>([](auto) { return RecipeKind::Slice; })
      .Case<MulOp>([](auto) { return RecipeKind::Multiply; })
      .Case<AddOp>([](auto) { return RecipeKind::Add; })
      .Case<SubOp>([](auto) { return RecipeKind::Subtract; })
      .Default(std::nullopt);
}

/// The integers of a step; empty when a slice is not static, or goes backwards.
std::optional<SmallVector<int64_t>> stepInts(Operation *Op) {
  SmallVector<int64_t> Ints;
  if (auto Transpose = dyn_cast<TransposeOp>(Op))
    llvm::append_range(Ints, Transpose.getPermutation());
  if (auto Slice = dyn_cast<SliceOp>(Op)) {
    for (DimsAttr Dims : {Slice.getStarts(), Slice.getSizes()})
      for (const DimExpr &Expr : Dims.exprs()) {
        std::optional<int64_t> Value = Expr.constant();
        if (!Value)
          return std::nullopt;
        Ints.push_back(*Value);
      }
    if (llvm::any_of(Slice.getSteps(), [](int64_t Step) { return Step < 1; }))
      return std::nullopt;
    llvm::append_range(Ints, Slice.getSteps());
  }
  return Ints;
}

/// Folds one op whose operands are weights, or one a weight and the other a
/// small constant. A greedy rewrite would do as well; a walk in program order
/// needs no second visit, since operands come first.
class Folder {
public:
  explicit Folder(ModuleOp Module) : Weights(Module) {}

  void fold(Operation *Op) {
    if (auto Reshape = dyn_cast<ReshapeOp>(Op))
      return foldReshape(Reshape);
    WeightOp New;
    if (auto Dequantize = dyn_cast<DequantizeOp>(Op))
      New = foldBlocks(Dequantize);
    else if (std::optional<RecipeKind> Kind = stepKindOf(Op))
      New = foldStep(Op, *Kind);
    replace(Op, New);
  }

private:
  /// A reshaped constant is one: a scale that was unsqueezed, say.
  void foldReshape(ReshapeOp Op) {
    DenseElementsAttr Constant = constantOf(Op.getX());
    if (!Constant || !Op.getType().hasStaticShape())
      return replace(Op, foldStep(Op, RecipeKind::Reshape));
    OpBuilder Builder(Op);
    Value New = ConstantOp::create(Builder, Op.getLoc(),
                                   Constant.reshape(Op.getType()));
    Op.replaceAllUsesWith(New);
    Op->erase();
  }

  void replace(Operation *Op, WeightOp New) {
    if (!New)
      return;
    OpBuilder Builder(Op);
    auto Get =
        GetWeightOp::create(Builder, Op->getLoc(), New.getType(),
                            FlatSymbolRefAttr::get(New.getSymNameAttr()));
    Op->getResult(0).replaceAllUsesWith(Get);
    Op->erase();
  }

  WeightOp foldStep(Operation *Op, RecipeKind Kind);
  WeightOp foldBlocks(DequantizeOp Op);

  WeightOp weightOf(Value V) {
    auto Get = V.getDefiningOp<GetWeightOp>();
    return Get ? Weights.lookup(Get.getWeight()) : WeightOp();
  }

  /// A splat is the number that it repeats.
  StepOperand operandOf(Value V) {
    DenseElementsAttr Constant = constantOf(V);
    if (Constant && Constant.isSplat() && Constant.getNumElements() > 0)
      Constant = DenseElementsAttr::get(
          RankedTensorType::get({}, Constant.getElementType()),
          Constant.getSplatValue<Attribute>());
    return {weightOf(V), Constant};
  }

  WeightOp cast(WeightOp Weight, Type Element) {
    auto Type = mlir::cast<RankedTensorType>(Weight.getType());
    if (Type.getElementType() == Element)
      return Weight;
    return Weights.extend(Weight, RecipeKind::Cast,
                          RankedTensorType::get(Type.getShape(), Element), {});
  }

  WeightRecipes Weights;
};

} // namespace

WeightOp Folder::foldStep(Operation *Op, RecipeKind Kind) {
  // Casts that lose bits are worth folding, too: a recipe is evaluated once.
  auto Type = mlir::cast<RankedTensorType>(Op->getResult(0).getType());
  std::optional<SmallVector<int64_t>> Ints = stepInts(Op);
  if (!Type.hasStaticShape() || !Ints)
    return {};
  if (Op->getNumOperands() == 1) {
    WeightOp Base = weightOf(Op->getOperand(0));
    return Base ? Weights.extend(Base, Kind, Type, *Ints) : WeightOp();
  }
  // A step keeps its operand's shape: the weight that has the result's is the
  // base, the other operand is broadcast.
  bool CanSwap = Op->hasTrait<OpTrait::IsCommutative>();
  for (unsigned At : {0u, 1u}) {
    WeightOp Base = weightOf(Op->getOperand(At));
    StepOperand Other = operandOf(Op->getOperand(1 - At));
    if (Base && Other && (At == 0 || CanSwap) &&
        typeOf(Op->getOperand(At)).getShape() == Type.getShape())
      return Weights.extend(Base, Kind, Type, *Ints, Other);
  }
  return {};
}

/// A parameter of blocked dequantization has the value's rank, each dimension
/// its size or one, but the blocks along the axis.
static bool fitsBlocks(RankedTensorType Parameter, DequantizeOp Op) {
  RankedTensorType X = typeOf(Op.getX());
  int64_t Axis = Op.getAxis(), Block = Op.getBlock();
  if (Parameter.getRank() != X.getRank())
    return false;
  for (int64_t D = 0; D < X.getRank(); ++D) {
    int64_t Size = X.getDimSize(D), Have = Parameter.getDimSize(D);
    if (D == Axis ? Have != (Size + Block - 1) / Block
                  : Have != 1 && Have != Size)
      return false;
  }
  return true;
}

/// (cast(w) - zero point) * scale by blocks.
WeightOp Folder::foldBlocks(DequantizeOp Op) {
  WeightOp Base = weightOf(Op.getX());
  StepOperand Scale = operandOf(Op.getScale()), Zero;
  RankedTensorType X = typeOf(Op.getX());
  if (Op.getBlock() <= 0 || !Base || !Scale || !X.hasStaticShape() ||
      !fitsBlocks(typeOf(Op.getScale()), Op))
    return {};
  if (Value ZeroPoint = Op.getZeroPoint()) {
    Zero = operandOf(ZeroPoint);
    // The op subtracts integers as i32; floats do that exactly when narrow.
    bool IsWide =
        X.getElementType().isInteger() && X.getElementTypeBitWidth() > 16;
    if (!Zero || !fitsBlocks(typeOf(ZeroPoint), Op) || IsWide)
      return {};
  }
  auto Element = mlir::cast<FloatType>(typeOf(Op.getScale()).getElementType());
  FloatType Compute = Element.getWidth() < 32
                          ? FloatType(Float32Type::get(Op.getContext()))
                          : Element;
  WeightOp Out = cast(Base, Compute);
  auto Step = [&](RecipeKind Kind, StepOperand Other) {
    if (Other.Weight)
      Other.Weight = cast(Other.Weight, Compute);
    else
      Other.Constant = convertConstant(Other.Constant, Compute);
    SmallVector<int64_t> Blocks;
    // One number for all has no blocks.
    if (Other.Weight || Other.Constant.getType().getRank() > 0)
      Blocks = {static_cast<int64_t>(Op.getAxis()),
                static_cast<int64_t>(Op.getBlock())};
    Out = Weights.extend(
        Out, Kind, RankedTensorType::get(X.getShape(), Compute), Blocks, Other);
  };
  if (Zero)
    Step(RecipeKind::Subtract, Zero);
  Step(RecipeKind::Multiply, Scale);
  return cast(Out, Element);
}

namespace {

struct FoldWeights : dure::impl::FoldWeightsBase<FoldWeights> {
  void runOnOperation() override {
    // First what must not be folded: tables that are only gathered from.
    RewritePatternSet Patterns(&getContext());
    populateDequantizeOfWeight(Patterns);
    populateGatherBeforeDequantize(Patterns);
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      return signalPassFailure();

    Folder Fold(getOperation());
    SmallVector<Operation *> Ops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *Op) {
      if (!Op->use_empty())
        Ops.push_back(Op);
    });
    for (Operation *Op : Ops)
      Fold.fold(Op);
    eraseUnreadWeights(getOperation());
  }
};

} // namespace
