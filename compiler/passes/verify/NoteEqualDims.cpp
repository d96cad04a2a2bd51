// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sizes that ops demand to be equal become checks of the function.
#include "compiler/passes/Passes.h"

#include "llvm/ADT/SetVector.h"

namespace dure {
#define GEN_PASS_DEF_NOTEEQUALDIMS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

/// Two sizes as the pair to be checked where `Op` runs: both are 0 elsewhere.
static std::pair<DimExpr, DimExpr> whereRun(Operation *Op, DimExpr L,
                                            DimExpr R) {
  DimExpr Runs(1);
  for (Operation *Inner = Op; Operation *Outer = Inner->getParentOp();
       Inner = Outer)
    if (auto Branch = dyn_cast<BranchOp>(Outer))
      Runs = Runs * branchRuns(Branch.getCondition().expr(0),
                               Inner->getParentRegion() != &Branch.getThen());
  DimExpr Left = L * Runs, Right = R * Runs;
  return Left.valid() && Right.valid() ? std::pair(Left, Right)
                                       : std::pair(L, R);
}

static void noteEqualDims(func::FuncOp Function) {
  MLIRContext *Context = Function.getContext();
  llvm::SmallSetVector<Attribute, 16> Pairs;
  if (auto Known =
          Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr))
    Pairs.insert_range(Known);
  Function.walk([&](Operation *Op) {
    for (const SizeRule &Rule : sizeRulesOf(Op)) {
      auto [Left, Right] = Rule.asEquality();
      auto [L, R] = whereRun(Op, Left, Right);
      // A pair is the same from either side.
      if (!Pairs.contains(DimsAttr::get(Context, {R, L})))
        Pairs.insert(DimsAttr::get(Context, {L, R}));
    }
  });
  if (!Pairs.empty())
    Function->setAttr(DureDialect::EqualDimsAttr,
                      ArrayAttr::get(Context, Pairs.getArrayRef()));
}

namespace {

struct NoteEqualDims : dure::impl::NoteEqualDimsBase<NoteEqualDims> {
  void runOnOperation() override {
    for (auto Function : getOperation().getOps<func::FuncOp>())
      noteEqualDims(Function);
  }
};

} // namespace
