// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// KernelAbi: a function on memrefs becomes an entry of the CPU kernel ABI.
//
// Contract: included by targets whose kernels come out of bufferization, rather
// than being built on raw pointers with KernelBuilder. Depends on MLIR and the
// dure dialect's expressions. See targets/cpu/abi/CpuLibrary.h for the ABI.
#ifndef DURE_TARGETS_REFERENCE_COMPILER_KERNELABI_H
#define DURE_TARGETS_REFERENCE_COMPILER_KERNELABI_H

#include "dialects/dure/DimExpr.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"

#include "llvm/ADT/SmallVector.h"

#include <string>

namespace dure::reference {

/// What an entry's bindings and constants are.
struct KernelSignature {
  /// Operands, then results; dynamic sizes are expressions over `symbols`.
  llvm::SmallVector<mlir::RankedTensorType> bindings;
  /// Names of the values that the kernel gets as constants, in order.
  llvm::SmallVector<std::string> symbols;
  /// Static scratch memory that the inner function takes as a memref of bytes.
  int64_t scratchBytes = 0;
};

/// Adds the entry `name` after `inner`, which it calls with
///
///   (a memref for each binding..., an index for each symbol...,
///    memref<scratchBytes x i8> if there are any) -> i32
///
/// and whose result, a fault code, it returns. Bindings are contiguous and
/// row-major. The entry runs everything in workgroup 0 and nothing in others.
mlir::func::FuncOp wrapKernel(mlir::func::FuncOp inner, llvm::StringRef name,
                              const KernelSignature &signature);

} // namespace dure::reference

#endif // DURE_TARGETS_REFERENCE_COMPILER_KERNELABI_H
