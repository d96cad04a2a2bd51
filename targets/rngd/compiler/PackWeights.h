// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights as RNGD's products read them.
#ifndef DURE_TARGETS_RNGD_COMPILER_PACKWEIGHTS_H
#define DURE_TARGETS_RNGD_COMPILER_PACKWEIGHTS_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::rngd {

/// On a module, once ops are placed: a weight that a product of this target
/// reads becomes [n, k], when the package is made, so that a slice's columns
/// lie together.
///
/// * One that is stored in 8 bits or 4 stays so: the product reads it through a
///   dure.dequantize, whose integers are signed, as the chip's are.
/// * Others become bf16, to which products round them in any case: half of the
///   bytes are stored and read. The product reads them through a dure.cast back
///   to f32.
///
/// Matrices of experts become bf16, too; what reads them turns them back.
///
/// None of these ops makes code of its own.
std::unique_ptr<mlir::Pass> createPackWeights();

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_PACKWEIGHTS_H
