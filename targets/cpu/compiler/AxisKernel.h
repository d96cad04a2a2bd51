// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// AxisKernel: a dispatch function of one op along one axis that row kernels
// would compute anew for every element: reductions and softmax over another
// axis than the last, running sums along any.
//
// The operand is seen as [outer, axis, inner]. A workgroup takes one outer
// index and some columns of inner, a vector of which runs along the axis
// together; running sums of rows (no inner) are summed up within a vector.
#ifndef DURE_TARGETS_CPU_COMPILER_AXISKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_AXISKERNEL_H

#include "targets/cpu/compiler/Evaluator.h"

namespace dure::cpu {

/// Whether emitAxisKernel can compute the function.
bool isAxisKernel(mlir::func::FuncOp function);

/// Emits the entry `name` into the module. Returns the number of workgroups.
DimExpr emitAxisKernel(mlir::ModuleOp module, KernelBuilder &builder,
                       mlir::func::FuncOp function, llvm::StringRef name,
                       DimSlots &slots);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_AXISKERNEL_H
