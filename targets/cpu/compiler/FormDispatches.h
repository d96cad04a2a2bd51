// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU target's fusion: which ops one launch computes.
//
// Contract: included by the CPU target's plug-in only. Pure function of the
// block; changes nothing.
#ifndef DURE_TARGETS_CPU_COMPILER_FORMDISPATCHES_H
#define DURE_TARGETS_CPU_COMPILER_FORMDISPATCHES_H

#include "compiler/Target.h"

#include "dialects/dure/DureOps.h"

namespace dure::cpu {

/// Whether a matmul reads its right operand in panels, a copy of a weight.
bool wantsPanels(MatMulOp matmul);
/// Whether experts' matrices, a weight, are read in panels.
bool wantsPanels(ExpertMatMulOp experts);

/// Cuts a region into launches:
///
/// * a matmul, of experts too, takes the elementwise ops that follow it (its
///   epilogue);
/// * an attention takes the transposes around it, which become strides, and of
///   its operands what they are the beginning of;
/// * elementwise ops, norms, softmax and reductions of one row space, and the
///   ops that only move data for them, share a pass over the rows;
/// * anything else is a launch of its own.
///
/// A matmul whose right operand is a weight asks for it in panels; so does a
/// gather of that operand's columns, which then takes the transpose of what it
/// found.
std::vector<DispatchGroup> formDispatches(mlir::Block &region);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_FORMDISPATCHES_H
