// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Phase lower: code objects and host programs of one target into the package.
#ifndef DURE_COMPILER_PACKAGE_PACKAGING_H
#define DURE_COMPILER_PACKAGE_PACKAGING_H

#include "compiler/package/HostProgram.h"

namespace dure {

struct LowerOptions {
  std::vector<std::string> VariantNames;
  std::string SaveTemps;
  unsigned Threads = 1;
};

/// Emits every dispatch function of a module that has been through
/// form-dispatches for `T`, once a variant, and adds the variants with their
/// host programs to `Content`. Entries and symbols are added at the first call
/// and must agree at later ones. Emits diagnostics and fails otherwise.
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
