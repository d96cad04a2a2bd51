// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Phase lower: code objects and host programs of one target, and of what takes
// the ops that it does not, into the package.
#ifndef DURE_COMPILER_PACKAGE_PACKAGING_H
#define DURE_COMPILER_PACKAGE_PACKAGING_H

#include "compiler/package/HostProgram.h"

namespace dure {

struct LowerOptions {
  /// What `T.variants` answered.
  std::vector<TargetVariant> Variants;
  /// The target that other dispatches of the module are on, and its variants.
  /// Needed only where there are some.
  const Target *Fallback = nullptr;
  std::vector<TargetVariant> FallbackVariants;
  /// Receives code objects and host programs as text. Empty: none.
  std::string SaveTemps;
  unsigned Threads = 1;
  /// True once the user has cancelled; lowering then fails.
  std::function<bool()> Cancelled = [] { return false; };
};

/// Emits every dispatch function of a module that has been through
/// form-dispatches for `T`, once a variant, verifies the host programs and adds
/// the variants to `Content`. Where some dispatches are on the fallback, there
/// is a variant for each of its variants, with a device more. Entries and
/// symbols are added by the first module that has them. A variant whose name
/// another target's variant has is named
/// "<target>-<name>"; `VariantNames` receives the names in the package. Emits
/// diagnostics and fails otherwise.
mlir::LogicalResult lowerToPackage(mlir::ModuleOp Module, const Target &T,
                                   const LowerOptions &Options,
                                   Package &Content,
                                   std::vector<std::string> &VariantNames);

/// Sets the package's model files from the module's `dure.files`, relative to
/// the folder of the first, which is returned. Files that are elsewhere are an
/// error.
mlir::FailureOr<std::string> setModelFiles(mlir::ModuleOp Module,
                                           Package &Content);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_PACKAGING_H
