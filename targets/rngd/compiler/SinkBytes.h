// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Casts of bytes beside the products that read them.
#ifndef DURE_TARGETS_RNGD_COMPILER_SINKBYTES_H
#define DURE_TARGETS_RNGD_COMPILER_SINKBYTES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::rngd {

/// On a module, once ops are placed: a product of integers of this target gets
/// casts and subtractions of its own for what its operands are of bytes. Ops of
/// the host that stand between it and those that were shared would leave it
/// with words, which the contraction engine does not take.
std::unique_ptr<mlir::Pass> createSinkBytes();

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_SINKBYTES_H
