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

static void noteEqualDims(func::FuncOp Function) {
  MLIRContext *Context = Function.getContext();
  llvm::SmallSetVector<Attribute, 16> Pairs;
  if (auto Known =
          Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr))
    Pairs.insert_range(Known);
  Function.walk([&](Operation *Op) {
    for (const SizeRule &Rule : sizeRulesOf(Op)) {
      auto [L, R] = Rule.asEquality();
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
