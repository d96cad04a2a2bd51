// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NarrowWeights: weights that are stored in few bits stay so in memory.
//
// Contract: included by the CPU target's plug-in, which runs the pass in
// form-dispatches, before what looks for panels.
#ifndef DURE_TARGETS_CPU_COMPILER_NARROWWEIGHTS_H
#define DURE_TARGETS_CPU_COMPILER_NARROWWEIGHTS_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::cpu {

/// A matmul with few rows takes as long as its weight takes to read. Where the
/// recipe of a matmul's or an expert_matmul's weight ends in f32 and begins
/// with f16, bf16, or with integers of 4 or 8 bits that are scaled by blocks of
/// rows, by columns or as a whole, the weight becomes what is stored, and its
/// widening (WidenedOperand.h) an op in front of the product. So does a table
/// of 16 bits that rows are gathered from.
std::unique_ptr<mlir::Pass> createNarrowWeights();

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_NARROWWEIGHTS_H
