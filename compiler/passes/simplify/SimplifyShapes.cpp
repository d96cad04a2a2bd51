// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Removes data movement that moves nothing.
#include "compiler/passes/Passes.h"
#include "compiler/passes/simplify/ShapePatterns.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_SIMPLIFYSHAPES
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

struct SimplifyShapes : dure::impl::SimplifyShapesBase<SimplifyShapes> {
  void runOnOperation() override {
    RewritePatternSet Patterns(&getContext());
    populateTransposePatterns(Patterns);
    populateBroadcastPatterns(Patterns);
    populateSlicePatterns(Patterns);
    populateScatterPatterns(Patterns);
    populateDimValuesPatterns(Patterns);
    if (failed(applyPatterns(getOperation(), std::move(Patterns))))
      signalPassFailure();
  }
};

} // namespace
