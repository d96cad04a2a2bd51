// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// TiedWeights: a table that a decoder looks tokens up in and multiplies with is
// stored once.
//
// Contract: included by the CPU target's plug-in, which runs the pass in
// form-dispatches, after what rewrites matmuls.
#ifndef DURE_TARGETS_CPU_COMPILER_TIEDWEIGHTS_H
#define DURE_TARGETS_CPU_COMPILER_TIEDWEIGHTS_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::cpu {

/// A matmul wants its right operand in panels, which are a copy of the weight.
/// Where rows of the same tensor are gathered (the embedding that is tied to
/// the output projection), columns of the matmul's operand are gathered
/// instead, so that nothing reads the tensor as it lies in the model's files.
/// A gathered row takes a cache line an element then, which is little beside
/// the matmul that reads all of them.
std::unique_ptr<mlir::Pass> createTiedWeights();

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_TIEDWEIGHTS_H
