// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a target's groups of ops to dispatch functions and dure.dispatch ops.
#ifndef DURE_COMPILER_DISPATCH_OUTLINEDISPATCHES_H
#define DURE_COMPILER_DISPATCH_OUTLINEDISPATCHES_H

#include "compiler/Target.h"

namespace dure {

/// Attribute of a dispatch function: its symbols' names, in the order of a
/// dispatch op's bindings.
inline constexpr llvm::StringLiteral SymbolsAttr = "dure.symbols";
/// Argument and result attribute of a dispatch function: a #dure.step saying
/// how the bytes lie when they are not plain row-major. The type stays logical.
inline constexpr llvm::StringLiteral LayoutAttr = "dure.layout";

/// Result attribute of a dispatch function: the index of the argument whose
/// memory the result is written to (a cache update).
inline constexpr llvm::StringLiteral InPlaceAttr = "dure.in_place";

/// For every dure.region of `Target` in the module: forms dispatches, moves
/// each group into a private function marked `dure.dispatch_fn`, puts a
/// dure.dispatch in its place and dissolves the region. Functions that are
/// equal but for the names of their symbols are made once: a layer is compiled
/// once, however often it is repeated. Emits a diagnostic and fails when the
/// target's groups do not cover the region.
mlir::LogicalResult outlineDispatches(mlir::ModuleOp Module, const Target &T);

} // namespace dure

#endif // DURE_COMPILER_DISPATCH_OUTLINEDISPATCHES_H
