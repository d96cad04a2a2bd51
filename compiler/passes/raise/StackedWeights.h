// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights of several like parts of a model as one.
//
// Included by passes that make one op of parts that the model repeats.
#ifndef DURE_COMPILER_PASSES_RAISE_STACKEDWEIGHTS_H
#define DURE_COMPILER_PASSES_RAISE_STACKEDWEIGHTS_H

#include "compiler/passes/simplify/WeightRecipes.h"

namespace dure {

/// A weight [n, ..] of the values, which are weights of one type: what they
/// were sliced from one after another, if so. Builds its get_weight; null when
/// they lie otherwise.
mlir::Value stackWeights(WeightRecipes &Weights,
                         llvm::ArrayRef<mlir::Value> Values,
                         mlir::OpBuilder &Builder);

} // namespace dure

#endif // DURE_COMPILER_PASSES_RAISE_STACKEDWEIGHTS_H
