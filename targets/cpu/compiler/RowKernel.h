// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RowKernel: a dispatch function as a pass over rows: elementwise ops with
// broadcasting, norms, softmax and reductions over the last axis, and whatever
// else the evaluator computes, several rows a workgroup.
//
// A row is one choice of all coordinates but the last, which all results
// share. Ops that reduce a row are stages: their operand is computed once,
// kept (in the result that it is, or in scratch) and swept from L1. Where all
// ops are elementwise on one shape there are no rows, only elements.
#ifndef DURE_TARGETS_CPU_COMPILER_ROWKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_ROWKERNEL_H

#include "targets/cpu/compiler/Evaluator.h"

namespace dure::cpu {

/// Elements of a row that a stage's operand may have to be kept; longer ones,
/// and those whose length is known only at run time, are computed for each
/// sweep.
inline constexpr int64_t kMaxKeptRow = 16384;

struct RowKernelInfo {
  DimExpr workgroups;
  int64_t scratchBytes = 0;
};

/// Whether emitRowKernel can compute the function.
bool isRowKernel(mlir::func::FuncOp function);

/// Emits the entry `name` into the module.
RowKernelInfo emitRowKernel(mlir::ModuleOp module, KernelBuilder &builder,
                            mlir::func::FuncOp function, llvm::StringRef name,
                            DimSlots &slots);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_ROWKERNEL_H
