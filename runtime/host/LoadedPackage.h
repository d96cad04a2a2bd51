// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A verified package with its bytes and the options it was loaded with.
//
// Internal to libdure. Immutable after loading; shared by sessions.
#ifndef DURE_RUNTIME_HOST_LOADEDPACKAGE_H
#define DURE_RUNTIME_HOST_LOADEDPACKAGE_H

#include "runtime/base/Status.h"
#include "runtime/io/SafeFile.h"
#include "runtime/package/Reader.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dure {

enum class VerifyWeights { Once, Full, Structure };

struct PackageLoadOptions {
  VerifyWeights Verify = VerifyWeights::Once;
  bool TrustCode = false;
  std::string ModelFolder; // empty: the package's own folder
  LinkPolicy Links;
};

/// The model's files that a set of weights needs, mapped.
struct ModelFiles {
  std::vector<MappedFile> Files; // in the order of Package::Files
  std::vector<std::span<const std::byte>> Bytes;
};

class LoadedPackage {
public:
  static Result<std::shared_ptr<const LoadedPackage>>
  open(const std::string &Path, PackageLoadOptions Options);
  /// BYTES stay the caller's and must outlive the result.
  static Result<std::shared_ptr<const LoadedPackage>>
  fromMemory(std::span<const std::byte> Bytes, PackageLoadOptions Options);

  const Package &content() const { return Image.Content; }
  const PackageImage &image() const { return Image; }
  const std::string &path() const { return Path; }
  std::span<const std::byte> bytes() const { return Bytes; }
  VerifyWeights verify() const { return Options.Verify; }

  /// OK if native code of this package may run: it is a file of this user (or
  /// of root) that nobody else can write, or trust was given.
  Status checkTrust() const;

  /// Maps the model's files that WEIGHTS and their recipes read, and checks
  /// that they have the sizes that they had.
  Result<ModelFiles> openModelFiles(const std::vector<uint32_t> &Weights) const;

  /// Compares WEIGHTS with their leaf hashes as Options.Verify says, on THREADS
  /// threads (0: the processors).
  Status verifyWeights(const std::vector<uint32_t> &Weights,
                       const ModelFiles &Model, unsigned Threads = 0) const;

private:
  LoadedPackage() = default;
  std::string onceKey(const std::vector<uint32_t> &Weights,
                      const ModelFiles &Model) const;

  PackageLoadOptions Options;
  std::string Path; // empty: from memory
  MappedFile File;
  std::span<const std::byte> Bytes;
  PackageImage Image;
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_LOADEDPACKAGE_H
