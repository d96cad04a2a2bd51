// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a function of dispatches to the package's host program.
#ifndef DURE_COMPILER_PACKAGE_HOSTPROGRAM_H
#define DURE_COMPILER_PACKAGE_HOSTPROGRAM_H

#include "compiler/Target.h"
#include "runtime/package/Package.h"

#include "llvm/ADT/StringMap.h"

namespace dure {

/// Where a dispatch function's code is, and how it is called.
struct KernelPlace {
  uint32_t CodeObject = 0;
  uint32_t Export = 0;
  const KernelEntry *Entry = nullptr;
};

/// Gives the package's index of a weight in a layout (plain when `Layout` is
/// null), adding it at first use.
class WeightTable {
public:
  WeightTable(mlir::ModuleOp Module, Package &Content)
      : Module(Module), Symbols(Module), Content(Content) {}

  /// Fails with a diagnostic when the recipe cannot be written down.
  mlir::FailureOr<uint32_t> weight(mlir::Operation *User, llvm::StringRef Name,
                                   StepAttr Layout);
  /// The numbers of a constant that a program needs as a buffer.
  mlir::FailureOr<uint32_t> constant(ConstantOp Op);
  /// The same of numbers without an op; `User` is where a failure is told.
  mlir::FailureOr<uint32_t> constant(mlir::Operation *User,
                                     mlir::DenseElementsAttr Value);
  /// Indices handed out since the last call, ascending: a variant's weights.
  std::vector<uint32_t> takeUsed();

private:
  mlir::ModuleOp Module;
  mlir::SymbolTable Symbols;
  Package &Content;
  llvm::StringMap<uint32_t> Known;
  std::set<uint32_t> Used;
};

/// Translates one function whose body is dispatches, reshapes, weights,
/// constants and define_dims. Transient values share one arena (MemoryPlan.h);
/// barriers stand only where a dispatch depends on one before it.
///
/// `Entry` is the function's signature in the package. Emits a diagnostic and
/// fails when a dimension's symbols are bound nowhere.
///
/// `Targets` are those that the function's dispatches may have; a target's
/// place there is the number of its device.
mlir::FailureOr<Program>
buildHostProgram(mlir::func::FuncOp Function, const Entry &Signature,
                 llvm::ArrayRef<llvm::StringRef> Targets,
                 const llvm::StringMap<KernelPlace> &Kernels,
                 WeightTable &Weights);

/// The signature that a function's arguments and results describe.
mlir::FailureOr<Entry> buildSignature(mlir::func::FuncOp Function);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_HOSTPROGRAM_H
