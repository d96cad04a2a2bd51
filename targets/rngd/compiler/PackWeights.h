// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights as RNGD's products read them.
#ifndef DURE_TARGETS_RNGD_COMPILER_PACKWEIGHTS_H
#define DURE_TARGETS_RNGD_COMPILER_PACKWEIGHTS_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::rngd {

/// On a module, once ops are placed: a weight that a product of this target
/// reads becomes [n, k] in bf16, when the package is made. Products round it to
/// bf16 in any case; half of the bytes are stored and read, and a slice's
/// columns lie together. The product reads it through a dure.cast back to f32,
/// which makes no code.
std::unique_ptr<mlir::Pass> createPackWeights();

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_PACKWEIGHTS_H
