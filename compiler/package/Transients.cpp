// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lifetimes of a function's transient values.
#include "compiler/package/Transients.h"

#include "compiler/Target.h"
#include "compiler/package/ElementTypes.h"
#include "compiler/passes/Passes.h"

using namespace mlir;
using namespace dure;

Value dure::memoryOwner(Value V) {
  while (auto Reshape = V.getDefiningOp<ReshapeOp>())
    V = Reshape.getX();
  return V;
}

/// What control flow reads, it reads until its end. What a block yields as it
/// is, or a loop begins with, is the result itself: its memory is kept.
static void noteBlockUses(Operation &Op, unsigned Step, TransientPlan &Plan) {
  auto Note = [&](Value V, unsigned Last) {
    auto Found = Plan.Uses.find(memoryOwner(V));
    if (Found != Plan.Uses.end())
      Found->second.Last = std::max(Found->second.Last, Last);
  };
  constexpr unsigned End = ~0u - 1;
  Op.walk([&](Operation *Inner) {
    bool IsKept = isa<YieldOp, IterateOp>(Inner);
    for (Value Operand : Inner->getOperands())
      Note(Operand, IsKept ? End : Step);
  });
}

static void findLifetimes(func::FuncOp Function, TransientPlan &Plan) {
  unsigned Step = 0;
  for (Operation &Op : Function.getBody().front()) {
    ++Step;
    for (Value Operand : Op.getOperands()) {
      auto Found = Plan.Uses.find(memoryOwner(Operand));
      if (Found == Plan.Uses.end())
        continue;
      Found->second.Last = std::max(Found->second.Last, Step);
      if (isa<func::ReturnOp>(Op))
        Found->second.Returned = true;
    }
    if (Op.getNumRegions())
      noteBlockUses(Op, Step, Plan);
    if (auto Transfer = dyn_cast<TransferOp>(Op))
      Plan.Uses[Transfer] = {Step, Step, false, std::nullopt,
                             Transfer.getTarget()};
    auto Dispatch = dyn_cast<CallDispatchOp>(Op);
    if (!Dispatch)
      continue;
    auto Callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        Dispatch, Dispatch.getCalleeAttr());
    for (auto [I, Result] : llvm::enumerate(Op.getResults()))
      if (!Callee.getResultAttr(I, InPlaceAttr))
        Plan.Uses[Result] = {Step, Step, false, std::nullopt,
                             Dispatch.getTarget()};
  }
}

std::set<std::string> dure::boundSymbols(func::FuncOp Function) {
  std::set<std::string> Bound;
  for (StringRef Attribute : {StateLengthSymbolAttr, StateCapacitySymbolAttr})
    if (auto Name = Function->getAttrOfType<StringAttr>(Attribute))
      Bound.insert(Name.str());
  for (Type Each : Function.getArgumentTypes())
    for (const DimExpr &Dim : dimsOf(cast<RankedTensorType>(Each)))
      if (std::optional<std::string> Name = Dim.asSymbol())
        Bound.insert(*Name);
  return Bound;
}

TransientPlan dure::planTransients(func::FuncOp Function) {
  std::set<std::string> Bound = boundSymbols(Function);
  auto IsBound = [&](const DimExpr &Bytes) {
    std::set<std::string> Needed;
    Bytes.collectSymbols(Needed);
    return llvm::all_of(
        Needed, [&](const std::string &Name) { return Bound.count(Name); });
  };
  TransientPlan Plan;
  findLifetimes(Function, Plan);
  // By target: each has memory of its own.
  llvm::MapVector<StringRef,
                  std::pair<std::vector<Lifetime>, std::vector<Value>>>
      Planned;
  for (auto &[Value, Life] : Plan.Uses) {
    if (Life.Returned)
      continue;
    DimExpr Bytes = byteSize(cast<RankedTensorType>(Value.getType()));
    if (!IsBound(Bytes)) {
      Plan.Peak = Plan.Peak + Bytes;
      continue;
    }
    auto &[Lives, Owners] = Planned[Life.Target];
    Lives.push_back({Bytes, Life.First, Life.Last});
    Owners.push_back(Value);
  }
  for (auto &[Target, OfTarget] : Planned) {
    MemoryPlan Slots = planMemory(OfTarget.first);
    for (auto [Value, Slot] : llvm::zip(OfTarget.second, Slots.SlotOf))
      Plan.Uses[Value].Slot = Plan.Slots.size() + Slot;
    for (const DimExpr &Bytes : Slots.Slots) {
      Plan.Slots.push_back({Target, Bytes});
      Plan.Peak = Plan.Peak + Bytes;
    }
  }
  return Plan;
}
