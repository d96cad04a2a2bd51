// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a target's groups of ops to dispatch functions and dure.dispatch ops.
#ifndef DURE_COMPILER_DISPATCH_OUTLINEDISPATCHES_H
#define DURE_COMPILER_DISPATCH_OUTLINEDISPATCHES_H

#include "compiler/Target.h"

namespace dure {

/// For every dure.region of `Target` in the module: forms dispatches, moves
/// each group into a private function marked `dure.dispatch_fn`, puts a
/// dure.dispatch in its place and dissolves the region. Functions that are
/// equal but for the names of their symbols are made once: a layer is compiled
/// once, however often it is repeated. Emits a diagnostic and fails when the
/// target's groups do not cover the region. `Kernels`: the groups are single
/// kernels (Target::formKernels).
mlir::LogicalResult outlineDispatches(mlir::ModuleOp Module, const Target &T,
                                      bool Kernels);

} // namespace dure

#endif // DURE_COMPILER_DISPATCH_OUTLINEDISPATCHES_H
