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

void OtherRegionsHidden::hide(RegionOp Region) {
  llvm::SetVector<Value> Read;
  getUsedValuesDefinedAbove(Region.getBody(), Read);
  OpBuilder Builder(Region);
  auto Standing = CallDispatchOp::create(
      Builder, Region.getLoc(), Region.getResultTypes(), "hidden_region",
      Region.getTarget(),
      DimsAttr::get(Module.getContext(), ArrayRef<DimExpr>()),
      Read.getArrayRef());
  Standing->setAttr(NumberAttr, Builder.getI64IntegerAttr(Hidden.size()));
  Region->replaceAllUsesWith(Standing);
  Region->remove();
  Hidden.push_back(Region);
}

OtherRegionsHidden::~OtherRegionsHidden() {
  SmallVector<CallDispatchOp> Standing;
  Module.walk([&](CallDispatchOp Op) {
    if (Op->hasAttr(NumberAttr))
      Standing.push_back(Op);
  });
  for (CallDispatchOp Op : Standing) {
    int64_t Number = Op->getAttrOfType<IntegerAttr>(NumberAttr).getInt();
    Operation *Region = Hidden[Number];
    // Where a pass made two of one, each gets its own.
    Region = Region->getBlock() ? Region->clone() : Region;
    Op->getBlock()->getOperations().insert(Op->getIterator(), Region);
    Op->replaceAllUsesWith(Region);
    Op->erase();
  }
  // One whose results nobody wants any more is gone.
  for (RegionOp Each : Hidden)
    if (!Each->getBlock())
      Each->destroy();
}
