// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CanonicalKernel: a dispatch function by its canonical lowering, as loops.
//
// The whole code generation of the reference target, and what the CPU target
// does with ops that no kernel family of its own computes. One workgroup.
#ifndef DURE_TARGETS_CPU_COMPILER_CANONICALKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_CANONICALKERNEL_H

#include "targets/cpu/compiler/Evaluator.h"

#include "mlir/IR/DialectRegistry.h"

namespace dure::cpu {

/// Dialects and interfaces that the lowering needs in the context's registry.
void registerCanonicalKernelDialects(mlir::DialectRegistry &registry);

/// Whether the canonical lowering covers the op.
bool isCanonicalKernelOp(mlir::Operation *op);

/// Emits the entry `name`. Emits a diagnostic at the function and fails when a
/// lowering or the bufferization does.
mlir::LogicalResult emitCanonicalKernel(mlir::ModuleOp module,
                                        KernelBuilder &builder,
                                        mlir::func::FuncOp function,
                                        llvm::StringRef name, DimSlots &slots);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_CANONICALKERNEL_H
