// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Placement of ops on targets, and regions.
#include "compiler/dispatch/Place.h"

using namespace mlir;
using namespace dure;

/// What belongs to the host program rather than to a target.
static bool staysOutside(Operation &Op) {
  return isa<GetWeightOp, ConstantOp, DefineDimsOp, BindDimsOp, BranchOp,
             IterateOp>(Op) ||
         Op.hasTrait<OpTrait::IsTerminator>();
}

/// A size in an op's types or attributes that is no number.
static std::optional<DimExpr> openSize(Operation *Op) {
  SmallVector<DimExpr> All;
  for (TypeRange Types :
       {TypeRange(Op->getOperandTypes()), TypeRange(Op->getResultTypes())})
    for (Type Each : Types)
      llvm::append_range(All, dimsOf(cast<RankedTensorType>(Each)));
  for (NamedAttribute Each : Op->getAttrs())
    if (auto Dims = dyn_cast<DimsAttr>(Each.getValue()))
      llvm::append_range(All, Dims.exprs());
  auto Found =
      llvm::find_if(All, [](const DimExpr &Each) { return !Each.constant(); });
  return Found == All.end() ? std::nullopt : std::optional(*Found);
}

std::optional<Unsupported> dure::placementRefusal(Operation *Op,
                                                  const Target &On) {
  std::optional<DimExpr> Open =
      On.needsStaticShapes() ? openSize(Op) : std::nullopt;
  if (!Open)
    return On.supports(Op);
  return Unsupported{"dynamic-shape",
                     ("target '" + On.name() +
                      "' needs fixed sizes, and only a run tells '" +
                      Open->str() + "'")
                         .str(),
                     "Let the host compute it, or export the model so that "
                     "inputs alone say its sizes."};
}

/// The target of one op; null, with a refusal, when there is none.
static const Target *targetOf(Operation &Op, const Target &Preferred,
                              const Target *Fallback,
                              const std::optional<Unsupported> &State,
                              Placement &Found) {
  std::optional<Unsupported> Why =
      isa<CacheUpdateOp>(Op) ? State : placementRefusal(&Op, Preferred);
  if (!Why)
    return &Preferred;
  if (Fallback && Fallback != &Preferred && !Fallback->supports(&Op)) {
    Found.FellBack.push_back({&Op, *Why});
    return Fallback;
  }
  Found.Refusals.push_back({&Op, *Why});
  return nullptr;
}

/// Moves `Ops` into one region before the op that follows them.
static void wrap(ArrayRef<Operation *> Ops, const Target &On) {
  Operation *Last = Ops.back();
  llvm::SmallPtrSet<Operation *, 32> Inside(Ops.begin(), Ops.end());
  SmallVector<Value> Yielded;
  for (Operation *Op : Ops)
    for (Value Result : Op->getResults())
      if (llvm::any_of(Result.getUsers(),
                       [&](Operation *User) { return !Inside.contains(User); }))
        Yielded.push_back(Result);

  OpBuilder Builder(Last->getContext());
  Builder.setInsertionPointAfter(Last);
  auto Region =
      RegionOp::create(Builder, Last->getLoc(), TypeRange(ValueRange(Yielded)),
                       Builder.getStringAttr(On.name()));
  Block *Body = Builder.createBlock(&Region.getBody());
  for (Operation *Op : Ops)
    Op->moveBefore(Body, Body->end());
  for (auto [Inner, Outer] : llvm::zip(Yielded, Region.getResults()))
    Inner.replaceUsesWithIf(Outer, [&](OpOperand &Use) {
      return !Inside.contains(Use.getOwner());
    });
  Builder.setInsertionPointToEnd(Body);
  YieldOp::create(Builder, Last->getLoc(), Yielded);
}

/// An op without users would be a dispatch without results.
static void eraseDeadOps(mlir::Block &Body) {
  for (Operation &Op : llvm::make_early_inc_range(llvm::reverse(Body))) {
    if (isOpTriviallyDead(&Op)) {
      Op.erase();
      continue;
    }
    for (Region &Inner : Op.getRegions())
      for (mlir::Block &Each : Inner)
        eraseDeadOps(Each);
  }
}

/// Puts each run of neighbours on one target into a region.
static void wrapRuns(ArrayRef<std::pair<Operation *, const Target *>> Placed) {
  // Weights and constants first in their block, so that they part no
  // neighbours.
  for (auto [Op, On] : llvm::reverse(Placed))
    if (isa<GetWeightOp, ConstantOp>(Op))
      Op->moveBefore(&Op->getBlock()->front());

  SmallVector<Operation *> Run;
  const Target *RunOn = nullptr;
  auto Finish = [&] {
    if (!Run.empty())
      wrap(Run, *RunOn);
    Run.clear();
  };
  for (auto [Op, On] : Placed) {
    if (isa<GetWeightOp, ConstantOp>(Op))
      continue;
    if (!On || On != RunOn)
      Finish();
    RunOn = On;
    if (On)
      Run.push_back(Op);
  }
  Finish();
}

/// Why a tensor of the state cannot be updated on `Preferred`, if for any of
/// the module's updates it cannot: the state has one place, whichever bucket or
/// entry runs.
static std::optional<Unsupported> stateRefusal(ModuleOp Module,
                                               const Target &Preferred) {
  std::optional<Unsupported> Why;
  Module.walk([&](CacheUpdateOp Op) {
    if (!Why)
      Why = placementRefusal(Op, Preferred);
  });
  return Why;
}

void dure::placeOps(ModuleOp Module, const Target &Preferred,
                    const Target *Fallback, Placement &Found) {
  SmallVector<mlir::Block *> Blocks;
  for (auto Function : Module.getOps<func::FuncOp>()) {
    if (Function.isExternal())
      continue;
    eraseDeadOps(Function.getBody().front());
    Function.walk([&](mlir::Block *Each) { Blocks.push_back(Each); });
  }
  std::optional<Unsupported> State = stateRefusal(Module, Preferred);
  std::vector<SmallVector<std::pair<Operation *, const Target *>>> Placed;
  for (mlir::Block *Each : Blocks) {
    Placed.emplace_back();
    for (Operation &Op : *Each)
      Placed.back().push_back(
          {&Op, staysOutside(Op)
                    ? nullptr
                    : targetOf(Op, Preferred, Fallback, State, Found)});
  }
  if (!Found.Refusals.empty())
    return;
  for (const auto &Each : Placed)
    wrapRuns(Each);
}
