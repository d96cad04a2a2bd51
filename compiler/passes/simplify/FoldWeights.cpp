// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Moves arithmetic on weights into the weights' recipes.
#include "compiler/passes/Passes.h"
#include "compiler/passes/simplify/WeightRecipes.h"
#include "compiler/passes/support/Matching.h"

#include "llvm/ADT/TypeSwitch.h"

namespace dure {
#define GEN_PASS_DEF_FOLDWEIGHTS
#include "compiler/passes/Passes.h.inc"
void populateGatherBeforeDequantize(mlir::RewritePatternSet &Patterns);
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// The step that `Op` is, when it is one: `Other` receives the second weight.
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

/// The integers of a step; empty when a slice is not static.
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
    llvm::append_range(Ints, Slice.getSteps());
  }
  return Ints;
}

/// Folds one op whose operands are weights. A greedy rewrite would do as well;
/// a walk in program order needs no second visit, since operands come first.
class Folder {
public:
  explicit Folder(ModuleOp Module) : Weights(Module) {}

  void fold(Operation *Op) {
    std::optional<RecipeKind> Kind = stepKindOf(Op);
    if (!Kind)
      return;
    // Float casts that lose bits would be paid back nowhere: but the recipe is
    // evaluated once, so every cast is worth folding.
    auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
    std::optional<SmallVector<int64_t>> Ints = stepInts(Op);
    if (!Type.hasStaticShape() || !Ints)
      return;
    WeightOp Base = weightOf(Op->getOperand(0));
    WeightOp Other =
        Op->getNumOperands() == 2 ? weightOf(Op->getOperand(1)) : WeightOp();
    if (!Base || (Op->getNumOperands() == 2 && !Other))
      return;
    if (Other) {
      // A step keeps its operand's shape: the weight that has the result's is
      // the base, the other one is broadcast.
      if (typeOf(Op->getOperand(0)).getShape() != Type.getShape()) {
        if (!Op->hasTrait<OpTrait::IsCommutative>() ||
            typeOf(Op->getOperand(1)).getShape() != Type.getShape())
          return;
        std::swap(Base, Other);
      }
    }
    WeightOp New = Weights.extend(Base, *Kind, Type, *Ints, Other);
    OpBuilder Builder(Op);
    auto Get =
        GetWeightOp::create(Builder, Op->getLoc(), Type,
                            FlatSymbolRefAttr::get(New.getSymNameAttr()));
    Op->getResult(0).replaceAllUsesWith(Get);
    Op->erase();
  }

private:
  WeightOp weightOf(Value V) {
    auto Get = V.getDefiningOp<GetWeightOp>();
    return Get ? Weights.lookup(Get.getWeight()) : WeightOp();
  }

  WeightRecipes Weights;
};

struct FoldWeights : dure::impl::FoldWeightsBase<FoldWeights> {
  void runOnOperation() override {
    // First what must not be folded: tables that are only gathered from.
    RewritePatternSet Patterns(&getContext());
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
