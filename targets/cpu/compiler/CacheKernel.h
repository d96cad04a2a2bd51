// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CacheKernel: new rows written behind the old of a cache, where it lies.
//
// Contract: included by DispatchLowering. Only the new rows are touched: what a
// step of a decoder costs does not grow with the capacity.
#ifndef DURE_TARGETS_CPU_COMPILER_CACHEKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_CACHEKERNEL_H

#include "targets/cpu/compiler/Evaluator.h"

namespace dure::cpu {

/// Whether the function is a cache_update alone, in place.
bool isCacheKernel(mlir::func::FuncOp function);

/// Emits the entry `name` into the module. Returns the number of workgroups.
/// Rows beyond the capacity, or before the first, are a fault and not written.
DimExpr emitCacheKernel(mlir::ModuleOp module, KernelBuilder &builder,
                        mlir::func::FuncOp function, llvm::StringRef name,
                        DimSlots &slots);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_CACHEKERNEL_H
