// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Activations of feed-forward layers as ops, and back.
//
// Included by the passes that raise and decompose such layers.
#ifndef DURE_COMPILER_PASSES_RAISE_ACTIVATIONS_H
#define DURE_COMPILER_PASSES_RAISE_ACTIVATIONS_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// The activation that makes V of another value, and that value. None where V
/// is no activation: `identity` is for the caller to say.
std::optional<std::pair<GluActivation, mlir::Value>>
matchActivation(mlir::Value V);

/// Builds the op of an activation; nothing for `identity`.
mlir::Value buildActivation(mlir::OpBuilder &Builder, mlir::Location Loc,
                            GluActivation Kind, mlir::Value X);

/// What an expert of `Moe` multiplies by w_down: of rows of any shape, what
/// w_gate makes, which is not read where there is none, and what w_up makes.
mlir::Value buildHidden(mlir::OpBuilder &Builder, MoEOp Moe, mlir::Value Gate,
                        mlir::Value Up);

} // namespace dure

#endif // DURE_COMPILER_PASSES_RAISE_ACTIVATIONS_H
