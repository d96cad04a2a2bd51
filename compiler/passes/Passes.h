// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes on the dure dialect and the pipelines of the phases that they make.
//
// Included by the phases, by dure-opt and by targets that want a pass of ours
// in their own phases. Depends on MLIR and the dure dialect only. Passes work
// on any op that holds functions, except those declared on modules.
#ifndef DURE_COMPILER_PASSES_PASSES_H
#define DURE_COMPILER_PASSES_PASSES_H

#include "dialects/dure/DureOps.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace dure {

#define GEN_PASS_DECL
#include "compiler/passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compiler/passes/Passes.h.inc"

/// Argument attributes of a `step` function: a cache, and the lengths of its
/// rows before the step.
inline constexpr llvm::StringLiteral StateAttr = "dure.state";
inline constexpr llvm::StringLiteral StateLengthsAttr = "dure.state_lengths";
/// Function attributes of `step`: the symbols that stand for the state's length
/// and capacity, and by how many positions a step grows it.
inline constexpr llvm::StringLiteral StateLengthSymbolAttr =
    "dure.state_length_symbol";
inline constexpr llvm::StringLiteral StateCapacitySymbolAttr =
    "dure.state_capacity_symbol";
inline constexpr llvm::StringLiteral StateGrowthAttr = "dure.state_growth";

/// Phase simplify: shape arithmetic folded, weights' recipes formed. Runs on a
/// module.
void buildSimplifyPipeline(mlir::OpPassManager &Passes);

/// Phase raise: patterns become transformer ops. Runs on a simplified module.
/// Leaving it out changes speed only, never results.
void buildRaisePipeline(mlir::OpPassManager &Passes);

/// Phase specialize for a target that needs static shapes: entries become
/// tables of functions of such shapes. `Buckets` is what --bucket gives,
/// several behind ';'.
void buildSpecializePipeline(mlir::OpPassManager &Passes,
                             llvm::StringRef Buckets);

/// Checks what must hold after the phase that `dure.phase` names, beyond what
/// ops verify by themselves. Every phase from import to form-dispatches ends
/// with it.
mlir::LogicalResult verifyPhase(mlir::ModuleOp Module);

/// Checks that a module has the function `main`, which packages are made of.
mlir::LogicalResult verifyEntry(mlir::ModuleOp Module);

/// Registers `--dure-simplify` and `--dure-raise` beside the single passes.
void registerCompilerPipelines();

} // namespace dure

#endif // DURE_COMPILER_PASSES_PASSES_H
