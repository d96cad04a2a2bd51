// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/SinkBytes.h"

#include "dialects/dure/DureOps.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace dure::rngd {
namespace {

bool isOfWords(Value value) {
  return getElementTypeOrSelf(value.getType()).isSignlessInteger(32);
}

/// A step from bytes to an operand of a product.
bool isStep(Operation *op) {
  return isa_and_nonnull<dure::CastOp, SubOp, ReshapeOp>(op) &&
         isOfWords(op->getResult(0));
}

/// What a region's result is within it.
Value within(Value value) {
  auto region = value.getDefiningOp<RegionOp>();
  if (!region)
    return value;
  Operation *yield = region.getBody().front().getTerminator();
  return yield->getOperand(cast<OpResult>(value).getResultNumber());
}

/// A region like `old` whose results are what `keep` says of the old ones, and
/// `more`.
RegionOp remade(RegionOp old, ArrayRef<unsigned> keep, ArrayRef<Value> more) {
  Operation *yield = old.getBody().front().getTerminator();
  SmallVector<Value> yielded;
  for (unsigned at : keep)
    yielded.push_back(yield->getOperand(at));
  llvm::append_range(yielded, more);
  OpBuilder builder(old);
  auto made =
      RegionOp::create(builder, old.getLoc(), TypeRange(ValueRange(yielded)),
                       old.getTargetAttr());
  made->setDiscardableAttrs(old->getDiscardableAttrDictionary());
  made.getBody().takeBody(old.getBody());
  yield->setOperands(yielded);
  for (auto [i, at] : llvm::enumerate(keep))
    old->getResult(at).replaceAllUsesWith(made->getResult(i));
  old.erase();
  return made;
}

/// `value` where others than its own region read it.
Value outside(Value value, Operation *reader) {
  Operation *def = value.getDefiningOp();
  auto region = def ? dyn_cast<RegionOp>(def->getParentOp()) : RegionOp();
  if (!region || region->isProperAncestor(reader))
    return value;
  Operation *yield = region.getBody().front().getTerminator();
  for (auto [i, each] : llvm::enumerate(yield->getOperands()))
    if (each == value)
      return region->getResult(i);
  SmallVector<unsigned> all =
      llvm::to_vector(llvm::seq<unsigned>(0, region->getNumResults()));
  return remade(region, all, {value})->getResults().back();
}

/// Steps to `value`, made anew before `reader`.
Value copied(Value value, Operation *reader) {
  Value inner = within(value);
  Operation *step = inner.getDefiningOp();
  if (!isStep(step))
    return outside(inner, reader);
  // By place: a region that is remade for one operand has others' results.
  SmallVector<Value> operands;
  for (unsigned i = 0; i < step->getNumOperands(); ++i)
    operands.push_back(copied(step->getOperand(i), reader));
  OpBuilder builder(reader);
  Operation *made = builder.clone(*step);
  made->setOperands(operands);
  return made->getResult(0);
}

/// Erases a region's results that are steps which nobody reads; whether there
/// were any.
bool eraseUnreadResults(RegionOp region) {
  SmallVector<unsigned> keep;
  for (OpResult each : region->getResults())
    if (!each.use_empty() || !isStep(within(each).getDefiningOp()))
      keep.push_back(each.getResultNumber());
  if (keep.size() == region->getNumResults())
    return false;
  // Without results it computes nothing.
  if (keep.empty())
    region.erase();
  else
    remade(region, keep, {});
  return true;
}

/// Erases steps that nobody reads any more.
void eraseUnread(ModuleOp module) {
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Operation *> steps;
    SmallVector<RegionOp> regions;
    module.walk([&](Operation *op) {
      if (isStep(op))
        steps.push_back(op);
      if (auto region = dyn_cast<RegionOp>(op))
        regions.push_back(region);
    });
    for (Operation *step : llvm::reverse(steps))
      if (step->use_empty())
        step->erase();
    for (RegionOp region : regions)
      changed |= eraseUnreadResults(region);
  }
}

struct SinkBytes : PassWrapper<SinkBytes, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SinkBytes)
  StringRef getArgument() const override { return "dure-rngd-sink-bytes"; }
  StringRef getDescription() const override {
    return "Products of integers get casts of bytes of their own";
  }

  void runOnOperation() override {
    SmallVector<MatMulOp> products;
    getOperation().walk([&](MatMulOp product) {
      auto region = product->getParentOfType<RegionOp>();
      if (region && region.getTarget() == "rngd" &&
          isOfWords(product.getResult()))
        products.push_back(product);
    });
    for (MatMulOp product : products)
      for (OpOperand &operand : product->getOpOperands()) {
        Value shared = operand.get();
        if (!isStep(within(shared).getDefiningOp()))
          continue;
        operand.set(copied(shared, product));
      }
    if (!products.empty())
      eraseUnread(getOperation());
  }
};

} // namespace

std::unique_ptr<Pass> createSinkBytes() {
  return std::make_unique<SinkBytes>();
}

} // namespace dure::rngd
