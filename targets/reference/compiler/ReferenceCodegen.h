// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels by the canonical lowering: loops, nothing fused, nothing fast.
//
// Contract: included by the reference target, by tests of lowerings, and by CPU
// targets that fall back to it for single ops. Depends on MLIR and on the CPU
// code generation.
#ifndef DURE_TARGETS_REFERENCE_COMPILER_REFERENCECODEGEN_H
#define DURE_TARGETS_REFERENCE_COMPILER_REFERENCECODEGEN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

#include "llvm/ADT/SmallVector.h"

#include <string>

namespace dure::reference {

/// How a kernel wants to be called.
struct KernelInfo {
  std::string Name;
  /// Expressions over the dispatch function's symbols.
  llvm::SmallVector<std::string> Constants;
  /// An expression too; the reference has one workgroup always.
  std::string WorkgroupCount = "1";
  int64_t ScratchBytes = 0;
};

/// Dialects and interfaces that `lowerDispatch` needs in the context.
void registerDialects(mlir::DialectRegistry &Registry);

/// Whether tensors of these elements have a storage in kernels: whole bytes, in
/// types that conversions exist for.
bool isSupportedElement(mlir::Type Element);

/// The first element type among the op's operands and results that has none,
/// or null.
mlir::Type findUnsupportedElement(mlir::Operation *Op);

/// Adds a kernel to `Kernels` that computes the dispatch function: an entry of
/// its name in the kernel ABI of CPU code objects, ready for
/// cpu::emitObjectCode. The function itself stays as it is. Fails with a
/// diagnostic at the op that cannot be lowered.
mlir::FailureOr<KernelInfo> lowerDispatch(mlir::func::FuncOp Dispatch,
                                          mlir::ModuleOp Kernels);

} // namespace dure::reference

#endif // DURE_TARGETS_REFERENCE_COMPILER_REFERENCECODEGEN_H
