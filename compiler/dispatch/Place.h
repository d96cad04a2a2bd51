// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses each op's target and joins neighbours into regions.
#ifndef DURE_COMPILER_DISPATCH_PLACE_H
#define DURE_COMPILER_DISPATCH_PLACE_H

#include "compiler/Phases.h"

namespace dure {

/// Why an op, if any, cannot be placed on a target: what the target says, and
/// before it is asked, sizes that are not fixed where it needs fixed ones.
std::optional<Unsupported> placementRefusal(mlir::Operation *Op,
                                            const Target &On);

/// Puts every op of every function with a body onto `Preferred`, or onto
/// `Fallback` (may be null) when `Preferred` does not support it, and wraps
/// each run of ops on one target into a dure.region. Weights, constants and
/// define_dims stay outside. Says in `Found` which ops nobody takes; the module
/// is then left without regions.
void placeOps(mlir::ModuleOp Module, const Target &Preferred,
              const Target *Fallback, Placement &Found);

} // namespace dure

#endif // DURE_COMPILER_DISPATCH_PLACE_H
