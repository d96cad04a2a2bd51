// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Regions of other targets, out of a module for a while.
#include "compiler/dispatch/OtherRegions.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace dure;

/// The number of the hidden region that a dispatch stands for.
static constexpr llvm::StringLiteral NumberAttr = "dure.hidden_region";

OtherRegionsHidden::OtherRegionsHidden(ModuleOp Module, const Target &Mine)
    : Module(Module) {
  SmallVector<RegionOp> Others;
  Module.walk([&](RegionOp Region) {
    if (Region.getTarget() != Mine.name())
      Others.push_back(Region);
  });
  for (RegionOp Each : Others)
    hide(Each);
}

void OtherRegionsHidden::hide(RegionOp Op) {
  llvm::SetVector<Value> Read;
  Region &Body = Op.getBody();
  getUsedValuesDefinedAbove(Body, Read);
  OpBuilder Builder(Op);
  auto Standing = CallDispatchOp::create(
      Builder, Op.getLoc(), Op.getResultTypes(), "hidden_region",
      Op.getTarget(), DimsAttr::get(Module.getContext(), ArrayRef<DimExpr>()),
      /*updates=*/!isMemoryEffectFree(Op), Read.getArrayRef());
  Standing->setAttr(NumberAttr, Builder.getI64IntegerAttr(Hidden.size()));
  // By arguments, so that only the dispatch says what is read: passes may
  // replace it there, or copy the dispatch to where other values are.
  for (Value Each : Read) {
    Value Argument = Body.addArgument(Each.getType(), Each.getLoc());
    replaceAllUsesInRegionWith(Each, Argument, Body);
  }
  Op->replaceAllUsesWith(Standing);
  Op->remove();
  Hidden.push_back(Op);
}

OtherRegionsHidden::~OtherRegionsHidden() {
  SmallVector<CallDispatchOp> Standing;
  Module.walk([&](CallDispatchOp Op) {
    if (Op->hasAttr(NumberAttr))
      Standing.push_back(Op);
  });
  for (CallDispatchOp Op : Standing) {
    int64_t Number = Op->getAttrOfType<IntegerAttr>(NumberAttr).getInt();
    OpBuilder Builder(Op);
    auto Shown = cast<RegionOp>(Builder.clone(*Hidden[Number]));
    Block &Body = Shown.getBody().front();
    for (auto [Argument, Value] : llvm::zip(Body.getArguments(), Op.getXs()))
      Argument.replaceAllUsesWith(Value);
    Body.eraseArguments(0, Body.getNumArguments());
    Op->replaceAllUsesWith(Shown);
    Op->erase();
  }
  for (RegionOp Each : Hidden)
    Each->destroy();
}
