// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weights of a module, found by what they are made of.
#include "compiler/passes/simplify/WeightRecipes.h"

using namespace mlir;

namespace dure {

static Attribute recipeOf(WeightOp Weight) {
  // No recipe and an empty one are the same content.
  if (ArrayAttr Recipe = Weight.getRecipeAttr())
    return Recipe;
  return ArrayAttr::get(Weight.getContext(), {});
}

WeightRecipes::WeightRecipes(ModuleOp Module) : Symbols(Module) {
  for (auto Weight : Module.getOps<WeightOp>())
    ByContent.try_emplace({Weight.getData(), recipeOf(Weight)}, Weight);
}

WeightOp WeightRecipes::lookup(StringRef Name) const {
  return Symbols.lookup<WeightOp>(Name);
}

WeightOp WeightRecipes::extend(WeightOp Base, RecipeKind Kind,
                               RankedTensorType Type, ArrayRef<int64_t> Ints,
                               StepOperand Other) {
  MLIRContext *Context = Base.getContext();
  FlatSymbolRefAttr OtherName;
  if (WeightOp Weight = Other.Weight) {
    // The name that stands for its content, so that equal recipes compare
    // equal.
    Weight = ByContent.lookup({Weight.getData(), recipeOf(Weight)});
    OtherName = FlatSymbolRefAttr::get(Weight.getSymNameAttr());
  }
  SmallVector<Attribute> Steps(cast<ArrayAttr>(recipeOf(Base)).getValue());
  Steps.push_back(
      StepAttr::get(Context, Kind, Type, Ints, OtherName, Other.Constant));
  auto Recipe = ArrayAttr::get(Context, Steps);

  std::string Name =
      (Base.getSymName() + "." + stringifyRecipeKind(Kind)).str();
  return findOrMake(Base, Name, Recipe, std::next(Base->getIterator()));
}

WeightOp WeightRecipes::prefix(WeightOp Of, size_t Steps) {
  ArrayRef<Attribute> All = cast<ArrayAttr>(recipeOf(Of)).getValue();
  StringRef Name = Of.getSymName();
  // Steps are a name's last parts (`extend`).
  for (size_t I = Steps; I < All.size(); ++I)
    if (StringRef Shorter = Name.rsplit('.').first; !Shorter.empty())
      Name = Shorter;
  return findOrMake(Of, Name,
                    ArrayAttr::get(Of.getContext(), All.take_front(Steps)),
                    Of->getIterator());
}

WeightOp WeightRecipes::findOrMake(WeightOp Like, StringRef Name,
                                   ArrayAttr Recipe, Block::iterator At) {
  WeightOp &Found = ByContent[{Like.getData(), Recipe}];
  if (!Found) {
    RankedTensorType Type =
        Recipe.empty() ? Like.getData().getType()
                       : cast<StepAttr>(Recipe.getValue().back()).getType();
    OpBuilder Builder(Like.getContext());
    Found = WeightOp::create(
        Builder, Like.getLoc(), Builder.getStringAttr(Name), Like.getData(),
        Recipe, TypeAttr::get(Type), Like.getSymVisibilityAttr());
    Symbols.insert(Found, At);
  }
  return Found;
}

void eraseUnreadWeights(ModuleOp Module) {
  Module.walk([](GetWeightOp Get) {
    if (Get.use_empty())
      Get.erase();
  });
  llvm::DenseMap<StringRef, WeightOp> ByName;
  for (auto Weight : Module.getOps<WeightOp>())
    ByName[Weight.getSymName()] = Weight;

  // Everything reachable from code, through recipes.
  llvm::DenseSet<Operation *> Read;
  SmallVector<StringRef> Queue;
  Module.walk([&](GetWeightOp Get) { Queue.push_back(Get.getWeight()); });
  while (!Queue.empty()) {
    WeightOp Weight = ByName.lookup(Queue.pop_back_val());
    if (!Weight || !Read.insert(Weight).second)
      continue;
    if (ArrayAttr Recipe = Weight.getRecipeAttr())
      for (auto Step : Recipe.getAsRange<StepAttr>())
        if (FlatSymbolRefAttr Other = Step.getOther())
          Queue.push_back(Other.getValue());
  }
  for (auto Weight : llvm::make_early_inc_range(Module.getOps<WeightOp>()))
    if (!Read.contains(Weight))
      Weight.erase();
}

} // namespace dure
