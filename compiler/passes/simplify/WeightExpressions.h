// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values that are computed from weights and constants alone.
//
// Included by the passes that make recipes of them, and by those that must not
// let a recipe be made.
#ifndef DURE_COMPILER_PASSES_SIMPLIFY_WEIGHTEXPRESSIONS_H
#define DURE_COMPILER_PASSES_SIMPLIFY_WEIGHTEXPRESSIONS_H

#include "dialects/dure/DureOps.h"

#include "mlir/IR/PatternMatch.h"

namespace dure {

/// True when V is a weight, or made of one by ops that are recipe steps.
bool isWeightExpression(mlir::Value V);

/// True when V is a second operand of a step: a weight expression or a small
/// constant.
bool isStepOperand(mlir::Value V);

/// dequantize(w, scale, zero point) -> (cast(w) - zero point) * scale, per
/// tensor and per axis: arithmetic that recipes and gathers know.
void populateDequantizeOfWeight(mlir::RewritePatternSet &Patterns);

/// gather(cast(w) * scale) -> cast(gather(w)) * gather(scale): a table of a
/// hundred thousand rows is widened for the few rows that are read. One row at
/// a known place becomes a slice.
void populateGatherBeforeDequantize(mlir::RewritePatternSet &Patterns);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SIMPLIFY_WEIGHTEXPRESSIONS_H
