// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Insertion of copies between devices.
#include "compiler/dispatch/InsertTransfers.h"

#include "compiler/dispatch/ValuePlaces.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dure;

namespace {

/// Gives the users of one function copies of what lies elsewhere.
class Inserter {
public:
  Inserter(func::FuncOp Function, StringRef Preferred)
      : Function(Function), Places(Function, Preferred) {}

  LogicalResult insert();

private:
  /// Notes that an operand should lie on `On`, which may be empty.
  void want(OpOperand &Use, StringRef On);
  void wantAll(Operation *Op);
  LogicalResult checkInPlace(CallDispatchOp Op);
  Value copyOf(Value V, StringRef On, Operation *User);

  func::FuncOp Function;
  ValuePlaces Places;
  SmallVector<std::pair<OpOperand *, StringRef>> Wanted;
  llvm::DenseMap<std::pair<Value, StringRef>, SmallVector<TransferOp>> Copies;
};

} // namespace

void Inserter::want(OpOperand &Use, StringRef On) {
  StringRef At = Places.of(Use.get());
  if (!At.empty() && !On.empty() && At != On)
    Wanted.push_back({&Use, On});
}

void Inserter::wantAll(Operation *Op) {
  if (auto Dispatch = dyn_cast<CallDispatchOp>(Op)) {
    for (OpOperand &Use : Op->getOpOperands())
      want(Use, Dispatch.getTarget());
  } else if (auto Choice = dyn_cast<BranchOp>(Op)) {
    for (Region &Body : Op->getRegions())
      for (auto [Use, Result] : llvm::zip(
               Body.front().getTerminator()->getOpOperands(), Op->getResults()))
        want(Use, Places.of(Result));
  } else if (auto Loop = dyn_cast<IterateOp>(Op)) {
    Block &Body = Loop.getBody().front();
    unsigned First = Loop.isConditional();
    for (auto [I, Argument] : llvm::enumerate(Body.getArguments())) {
      want(Loop.getInitsMutable()[I], Places.of(Argument));
      want(Body.getTerminator()->getOpOperand(First + I), Places.of(Argument));
    }
  }
}

LogicalResult Inserter::checkInPlace(CallDispatchOp Op) {
  for (unsigned I = 0; I < Op.getNumResults(); ++I) {
    std::optional<unsigned> Same = inPlaceArgument(Op, I);
    StringRef At = Same ? Places.of(Op.getXs()[*Same]) : StringRef();
    if (!At.empty() && At != Op.getTarget())
      return Op.emitOpError("updates on target '")
             << Op.getTarget() << "' what lies on target '" << At
             << "': a tensor of the state is updated on one target only";
  }
  return success();
}

/// The op before which a copy for `User` stands: the outermost loop that the
/// value comes from outside of, else the user itself.
static Operation *placeFor(Value V, Operation *User) {
  Operation *At = User;
  for (Operation *Around = User->getParentOp();
       Around && Around->getParentRegion() &&
       V.getParentRegion()->isAncestor(Around->getParentRegion());
       Around = Around->getParentOp())
    if (isa<IterateOp>(Around))
      At = Around;
  return At;
}

Value Inserter::copyOf(Value V, StringRef On, Operation *User) {
  Operation *At = placeFor(V, User);
  SmallVector<TransferOp> &Made = Copies[{V, On}];
  for (TransferOp Each : Made) {
    Operation *Behind = Each->getBlock()->findAncestorOpInBlock(*At);
    if (Behind && Each->isBeforeInBlock(Behind))
      return Each;
  }
  OpBuilder Builder(At);
  auto Copy = TransferOp::create(Builder, V.getLoc(), V, On);
  Made.push_back(Copy);
  return Copy;
}

LogicalResult Inserter::insert() {
  // Places are asked for before anything changes.
  WalkResult Walk = Function.walk<WalkOrder::PreOrder>([&](Operation *Op) {
    if (auto Dispatch = dyn_cast<CallDispatchOp>(Op))
      if (failed(checkInPlace(Dispatch)))
        return WalkResult::interrupt();
    wantAll(Op);
    return WalkResult::advance();
  });
  if (Walk.wasInterrupted())
    return failure();
  for (auto [Use, On] : Wanted)
    Use->set(copyOf(Use->get(), On, Use->getOwner()));
  return success();
}

LogicalResult dure::insertTransfers(ModuleOp Module, const Target &Preferred) {
  llvm::StringSet<> Targets;
  Module.walk([&](CallDispatchOp Op) { Targets.insert(Op.getTarget()); });
  if (Targets.size() < 2)
    return success();
  for (auto Function : Module.getOps<func::FuncOp>())
    if (!Function.isExternal() &&
        !Function->hasAttr(DureDialect::DispatchFnAttr) &&
        failed(Inserter(Function, Preferred.name()).insert()))
      return failure();
  return success();
}
