// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ObjectCode: a module of kernels in upstream dialects to a shared object.
//
// Contract: included by the CPU target and by the reference target. Input is a
// ModuleOp of func, scf, cf, arith, math, vector, memref, index, ub and llvm
// ops. A function with the unit attribute `dure.kernel` is an entry; it must
// have the C signature of dure_cpu_kernel_fn (targets/cpu/abi/CpuLibrary.h):
//   (!llvm.ptr, !llvm.ptr, i64, i64, !llvm.ptr) -> i32
// and may carry `dure.scratch_bytes` (i64). All other functions become
// internal. The object has no imports, no needed libraries, no constructors.
// The module is consumed: it holds the LLVM dialect afterwards. Same input,
// same bytes. Functions are reentrant on distinct contexts.
#ifndef DURE_TARGETS_CPU_COMPILER_OBJECTCODE_H
#define DURE_TARGETS_CPU_COMPILER_OBJECTCODE_H

#include "targets/cpu/compiler/CpuVariant.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

#include <functional>

namespace dure::cpu {

/// Attribute names of kernel entries.
inline constexpr llvm::StringLiteral kKernelAttr = "dure.kernel";
inline constexpr llvm::StringLiteral kScratchBytesAttr = "dure.scratch_bytes";

struct ObjectCodeOptions {
  /// a*b+c may become one fused operation. The only relaxation that there is.
  bool allowContraction = true;
  /// LLVM optimization level: 0 to 3.
  unsigned optimizationLevel = 3;
  /// When set: every stage is written here (.llvm.mlir, .ll, .s, .o).
  std::string saveTempsPrefix;
  /// Asked between stages; true ends the call with an error. May be empty.
  std::function<bool()> cancelled;
};

/// The dialects and translations that emitObjectCode needs in the context's
/// registry before the module is made.
void registerObjectCodeDialects(mlir::DialectRegistry &registry);

/// Compiles the module's entries into the bytes of an ELF shared object that
/// exports `dure_cpu_library` only. Errors say which stage failed and why.
llvm::Expected<llvm::SmallVector<char, 0>>
emitObjectCode(mlir::ModuleOp module, const CpuVariant &variant,
               const ObjectCodeOptions &options = {});

/// Links one relocatable object into a shared object with ld.lld. An undefined
/// symbol is an error that names it.
llvm::Expected<llvm::SmallVector<char, 0>>
linkSharedObject(llvm::ArrayRef<char> object);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_OBJECTCODE_H
