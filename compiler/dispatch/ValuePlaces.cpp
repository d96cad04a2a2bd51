// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Places of values on targets' devices.
#include "compiler/dispatch/ValuePlaces.h"

#include "compiler/passes/Passes.h"

using namespace mlir;
using namespace dure;

std::optional<unsigned> dure::inPlaceArgument(CallDispatchOp Op,
                                              unsigned Result) {
  auto Callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      Op, Op.getCalleeAttr());
  auto Same = Callee.getResultAttrOfType<IntegerAttr>(Result, InPlaceAttr);
  return Same ? std::optional<unsigned>(Same.getInt()) : std::nullopt;
}

ValuePlaces::ValuePlaces(func::FuncOp Function, StringRef Preferred)
    : Function(Function), Preferred(Preferred) {
  for (BlockArgument Argument : Function.getArguments()) {
    if (!Function.getArgAttr(Argument.getArgNumber(), StateAttr))
      continue;
    StringRef &Home = Known[Argument];
    for (OpOperand &Use : Argument.getUses()) {
      auto Dispatch = dyn_cast<CallDispatchOp>(Use.getOwner());
      if (!Dispatch || !Home.empty())
        continue;
      for (unsigned I = 0; I < Dispatch.getNumResults(); ++I)
        if (inPlaceArgument(Dispatch, I) == Use.getOperandNumber())
          Home = Dispatch.getTarget();
    }
    if (Home.empty())
      Home = Preferred;
  }
}

StringRef ValuePlaces::of(Value V) {
  // Not by recursion: a module that was read may have any number in a row.
  while (auto Reshape = V.getDefiningOp<ReshapeOp>())
    V = Reshape.getX();
  auto [At, New] = Known.try_emplace(V, StringRef());
  // What is being looked for already says nothing of itself.
  if (!New)
    return At->second;
  StringRef Found = find(V);
  return Known[V] = Found;
}

/// Where the first of several values lies that lies anywhere.
StringRef ValuePlaces::firstOf(ValueRange Givers) {
  for (Value Each : Givers)
    if (StringRef Found = of(Each); !Found.empty())
      return Found;
  return {};
}

/// What a loop carries lies where its block makes it, which it does every time.
StringRef ValuePlaces::ofArgument(BlockArgument Argument) {
  auto Loop = dyn_cast<IterateOp>(Argument.getOwner()->getParentOp());
  if (!Loop)
    return {};
  unsigned Index = Argument.getArgNumber();
  StringRef Found = firstOf({Loop.nextValues()[Index], Loop.getInits()[Index]});
  return Found.empty() ? Preferred : Found;
}

StringRef ValuePlaces::find(Value V) {
  if (auto Argument = dyn_cast<BlockArgument>(V))
    return ofArgument(Argument);
  Operation *Op = V.getDefiningOp();
  unsigned Index = cast<OpResult>(V).getResultNumber();
  if (auto Dispatch = dyn_cast<CallDispatchOp>(Op))
    return Dispatch.getTarget();
  if (auto Transfer = dyn_cast<TransferOp>(Op))
    return Transfer.getTarget();
  StringRef Found;
  if (auto Choice = dyn_cast<BranchOp>(Op)) {
    auto Given = [&](Region &Body) {
      return Body.front().getTerminator()->getOperand(Index);
    };
    Found = firstOf({Given(Choice.getThen()), Given(Choice.getOtherwise())});
  } else if (auto Loop = dyn_cast<IterateOp>(Op)) {
    size_t Carried = Loop.getInits().size();
    Found = Index < Carried ? of(Loop.getBody().getArgument(Index))
                            : of(Loop.stackedValues()[Index - Carried]);
  } else {
    return {};
  }
  return Found.empty() ? Preferred : Found;
}
