// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes a package file from the plain structs of Package.h.
//
// Included by the compiler's packaging and by tests. Needs no FlatBuffers and
// no LLVM header; throws nothing. May change with Package.h.
#ifndef DURE_RUNTIME_PACKAGE_PACKAGEWRITER_H
#define DURE_RUNTIME_PACKAGE_PACKAGEWRITER_H

#include "runtime/base/Status.h"
#include "runtime/package/Package.h"

#include <functional>
#include <string>

namespace dure {

/// What to write, and where. Everything is borrowed for the call.
struct PackageWriteOptions {
  /// The folder that Package::Files are relative to. Needed when a weight that
  /// is used has source File.
  std::string ModelFolder;
  /// Evaluates the recipes of File weights now and stores the results; weights
  /// that no variant uses are not stored. Otherwise such weights stay in the
  /// model's files with their recipes.
  bool EmbedWeights = true;
  /// Links are refused unless they lead to a file below LinksRoot ("/" admits
  /// all); see SafeFile.h.
  bool AllowLinks = false;
  std::string LinksRoot = "/";
  /// Told the bytes written and the bytes that the file will have.
  std::function<void(uint64_t Done, uint64_t Total)> Progress;
  /// Read often; nonzero stops the call with Cancelled. May be null.
  const volatile int *Cancel = nullptr;
  /// Called with the size of the file when all is written but its name; a
  /// failure is the call's, and PATH stays as it was.
  std::function<Status(uint64_t Bytes)> BeforeCommit;
};

/// Writes CONTENT to the file at PATH.
///
/// The bytes depend on CONTENT and on the bytes of the model's files alone.
/// Weights are evaluated and hashed piece by piece: memory use does not grow
/// with their size. The file is made beside PATH, synced and renamed: after a
/// failure PATH is as it was before. CONTENT is verified as the loader would,
/// before anything is written.
///
/// The writer sets Offset, Size, Hash, Leaves and the feature bits that the
/// content needs; what CONTENT holds there is ignored. A File or Inline weight
/// that is embedded becomes a Package weight.
Status writePackage(const Package &Content, const std::string &Path,
                    const PackageWriteOptions &Options = {});

/// The same, into memory; for tests and small packages.
Result<std::string>
writePackageToMemory(const Package &Content,
                     const PackageWriteOptions &Options = {});

} // namespace dure

#endif // DURE_RUNTIME_PACKAGE_PACKAGEWRITER_H
