// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An entry on state whose shapes do not depend on the state's length.
//
// Included by phase specialize and by the proof of padding.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_STEPSHAPES_H
#define DURE_COMPILER_PASSES_SPECIALIZE_STEPSHAPES_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// Unit attribute of a comparison that is false for everything behind the valid
/// elements of its last dimension. Lives within the pass.
inline constexpr llvm::StringLiteral FalseBehindAttr = "dure.false_behind";

/// Unit attribute of a gather all of whose indices are those of valid elements.
/// KeepWindows gives it, for the padding that follows.
inline constexpr llvm::StringLiteral WithinValidAttr = "dure.within_valid";

/// Computes what depends on the length of a state from the lengths' tensor,
/// where sizes in types said it: positions, starts of slices, which keys
/// attention sees. After that the length is in sizes alone. Fails, without a
/// diagnostic, where an op leaves no way to do so.
///
/// \pre `Step` has the attributes and arguments of a state.
mlir::LogicalResult readLengthAtRunTime(mlir::func::FuncOp Step);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_STEPSHAPES_H
