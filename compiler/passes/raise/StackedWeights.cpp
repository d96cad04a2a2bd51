// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights of several like parts of a model as one.
#include "compiler/passes/raise/StackedWeights.h"

#include "compiler/passes/support/Matching.h"

using namespace mlir;

namespace dure {
namespace {

ArrayRef<Attribute> stepsOf(WeightOp Weight) {
  ArrayAttr Recipe = Weight.getRecipeAttr();
  return Recipe ? Recipe.getValue() : ArrayRef<Attribute>();
}

/// Number `At` of a step `slice` that takes one row and the whole of it.
bool takesRow(StepAttr Step, ArrayRef<int64_t> From, int64_t At) {
  ArrayRef<int64_t> Ints = Step.getInts();
  size_t Rank = From.size();
  if (Step.getKind() != RecipeKind::Slice || Rank == 0 ||
      Ints.size() != 3 * Rank || Ints[0] != At || Ints[Rank] != 1)
    return false;
  for (size_t I = 1; I < Rank; ++I)
    if (Ints[I] != 0 || Ints[Rank + I] != From[I] || Ints[2 * Rank + I] != 1)
      return false;
  return true;
}

/// A step on rows as one on all of them: integers with a dimension more.
std::optional<SmallVector<int64_t>> onAllRows(StepAttr Step, int64_t Rows) {
  SmallVector<int64_t> Ints;
  switch (Step.getKind()) {
  case RecipeKind::Cast:
  case RecipeKind::Reshape:
    return Ints;
  case RecipeKind::Transpose:
    Ints.push_back(0);
    for (int64_t From : Step.getInts())
      Ints.push_back(From + 1);
    return Ints;
  case RecipeKind::Slice: {
    size_t Rank = Step.getInts().size() / 3;
    for (auto [Part, First] : {std::pair(0, int64_t(0)), {1, Rows}, {2, 1}}) {
      Ints.push_back(First);
      llvm::append_range(Ints, Step.getInts().slice(Part * Rank, Rank));
    }
    return Ints;
  }
  default:
    return std::nullopt;
  }
}

RankedTensorType onAllRows(RankedTensorType Type, int64_t Rows) {
  SmallVector<int64_t> Shape = {Rows};
  llvm::append_range(Shape, Type.getShape());
  return RankedTensorType::get(Shape, Type.getElementType());
}

Value read(OpBuilder &Builder, Location Loc, WeightOp Weight) {
  return GetWeightOp::create(Builder, Loc, Weight.getType(),
                             FlatSymbolRefAttr::get(Weight.getSymNameAttr()));
}

/// `All`, whose rows the parts have been taken from, after the steps that each
/// of its parts went through from then on.
WeightOp extendAll(WeightRecipes &Weights, WeightOp All,
                   ArrayRef<Attribute> Steps, int64_t Rows) {
  for (Attribute Each : Steps) {
    auto Step = cast<StepAttr>(Each);
    All = Weights.extend(All, Step.getKind(), onAllRows(Step.getType(), Rows),
                         *onAllRows(Step, Rows));
  }
  return All;
}

bool canBeOnAllRows(ArrayRef<Attribute> Steps, int64_t Rows) {
  return llvm::all_of(Steps, [&](Attribute Each) {
    return onAllRows(cast<StepAttr>(Each), Rows).has_value();
  });
}

/// Weights of one type behind each other, as rows of one. Halves of halves: a
/// recipe then reads others a few levels deep however many there are.
WeightOp concatRows(WeightRecipes &Weights, ArrayRef<WeightOp> Parts) {
  WeightOp First = Parts.front();
  RankedTensorType Type = onAllRows(First.getType(), Parts.size());
  if (Parts.size() == 1)
    return Weights.extend(First, RecipeKind::Reshape, Type, {});
  size_t Half = Parts.size() / 2;
  WeightOp Upper = concatRows(Weights, Parts.take_front(Half));
  WeightOp Lower = concatRows(Weights, Parts.drop_front(Half));
  return Weights.extend(Upper, RecipeKind::Concat, Type, {0},
                        {Lower, DenseElementsAttr()});
}

/// Weights that are stored each by itself and went through the same steps: as
/// they are stored, one behind the other, and then the steps.
Value stackSeparate(WeightRecipes &Weights, ArrayRef<WeightOp> Parts,
                    Location Loc, OpBuilder &Builder) {
  WeightOp First = Parts.front();
  ArrayRef<Attribute> Steps = stepsOf(First);
  int64_t Rows = Parts.size();
  if (!canBeOnAllRows(Steps, Rows))
    return {};
  for (WeightOp Part : Parts)
    if (Part.getData().getType() != First.getData().getType() ||
        stepsOf(Part) != Steps)
      return {};
  SmallVector<WeightOp> Stored;
  for (WeightOp Part : Parts)
    Stored.push_back(Weights.prefix(Part, 0));
  return read(Builder, Loc,
              extendAll(Weights, concatRows(Weights, Stored), Steps, Rows));
}

} // namespace

/// Value i is row i of one weight, with that dimension taken off, or a weight
/// of its own, and then all went through the same steps.
Value stackWeights(WeightRecipes &Weights, ArrayRef<Value> Values,
                   OpBuilder &Builder) {
  SmallVector<WeightOp> Parts;
  for (Value V : Values) {
    auto Get = V.getDefiningOp<GetWeightOp>();
    WeightOp Weight = Get ? Weights.lookup(Get.getWeight()) : nullptr;
    if (!Weight)
      return {};
    Parts.push_back(Weight);
  }
  int64_t Rows = Parts.size();
  WeightOp First = Parts.front();
  ArrayRef<Attribute> Steps = stepsOf(First);
  // The step at which they part; what they have in common comes before.
  size_t Parting = 0;
  RankedTensorType From = First.getData().getType();
  while (Parting < Steps.size() &&
         !takesRow(cast<StepAttr>(Steps[Parting]), From.getShape(), 0))
    From = cast<StepAttr>(Steps[Parting++]).getType();
  if (Parting == Steps.size())
    return stackSeparate(Weights, Parts, Values.front().getLoc(), Builder);
  if (Parting + 1 >= Steps.size() || From.getDimSize(0) != Rows ||
      cast<StepAttr>(Steps[Parting + 1]).getKind() != RecipeKind::Reshape ||
      cast<StepAttr>(Steps[Parting + 1]).getType().getShape() !=
          From.getShape().drop_front())
    return {};
  for (auto [I, Part] : llvm::enumerate(Parts)) {
    ArrayRef<Attribute> Own = stepsOf(Part);
    if (Part.getData() != First.getData() || Own.size() != Steps.size() ||
        Own.take_front(Parting) != Steps.take_front(Parting) ||
        Own.drop_front(Parting + 1) != Steps.drop_front(Parting + 1) ||
        !takesRow(cast<StepAttr>(Own[Parting]), From.getShape(), I))
      return {};
  }
  Steps = Steps.drop_front(Parting + 2);
  if (!canBeOnAllRows(Steps, Rows))
    return {};
  return read(Builder, Values.front().getLoc(),
              extendAll(Weights, Weights.prefix(First, Parting), Steps, Rows));
}

} // namespace dure
