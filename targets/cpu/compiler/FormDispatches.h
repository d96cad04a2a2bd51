// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU target's fusion: which ops one launch computes.
//
// Contract: included by the CPU target's plug-in only. Pure function of the
// block; changes nothing.
#ifndef DURE_TARGETS_CPU_COMPILER_FORMDISPATCHES_H
#define DURE_TARGETS_CPU_COMPILER_FORMDISPATCHES_H

#include "compiler/Target.h"

namespace dure::cpu {

/// Cuts a region into launches:
///
/// * a matmul takes the elementwise ops that follow it (its epilogue);
/// * an attention takes the transposes around it, which become strides;
/// * elementwise ops, norms, softmax and reductions of one row space, and the
///   ops that only move data for them, share a pass over the rows;
/// * anything else is a launch of its own.
///
/// A matmul whose right operand is a weight asks for it in panels.
std::vector<DispatchGroup> formDispatches(mlir::Block &region);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_FORMDISPATCHES_H
