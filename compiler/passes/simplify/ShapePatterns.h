// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pattern sets of the phase simplify.
//
// Included by the passes of this folder and by FoldTransposes. Each set has a
// file of its own and never changes a value's type, encoding included.
#ifndef DURE_COMPILER_PASSES_SIMPLIFY_SHAPEPATTERNS_H
#define DURE_COMPILER_PASSES_SIMPLIFY_SHAPEPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace dure {

/// Transposes that are reshapes, or that reshapes hide.
void populateTransposePatterns(mlir::RewritePatternSet &Patterns);
/// Transposes of concats of transposes, also of those that raise uncovers.
void populateTransposeOfConcatPatterns(mlir::RewritePatternSet &Patterns);
/// Broadcasts of broadcasts, broadcasts below elementwise ops.
void populateBroadcastPatterns(mlir::RewritePatternSet &Patterns);
/// Slices of slices and concats, concats of neighbouring slices.
void populateSlicePatterns(mlir::RewritePatternSet &Patterns);
/// Scatters and choices whose places are known.
void populateScatterPatterns(mlir::RewritePatternSet &Patterns);
/// Arithmetic on dimensions as tensors.
void populateDimValuesPatterns(mlir::RewritePatternSet &Patterns);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SIMPLIFY_SHAPEPATTERNS_H
