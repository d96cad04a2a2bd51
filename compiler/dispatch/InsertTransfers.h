// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies between the devices of a program that runs on several.
#ifndef DURE_COMPILER_DISPATCH_INSERTTRANSFERS_H
#define DURE_COMPILER_DISPATCH_INSERTTRANSFERS_H

#include "compiler/Target.h"

namespace dure {

/// Where an op uses a value that lies on another target's device (ValuePlaces),
/// gives it a copy there with dure.transfer. A value is copied once for all
/// users behind the copy, and before a loop rather than in it. Does nothing to
/// a module whose dispatches all have one target.
///
/// Emits a diagnostic and fails when a dispatch updates in place what lies
/// elsewhere: a tensor of the state that two targets update.
mlir::LogicalResult insertTransfers(mlir::ModuleOp Module,
                                    const Target &Preferred);

} // namespace dure

#endif // DURE_COMPILER_DISPATCH_INSERTTRANSFERS_H
