// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a package file's bytes into the plain structs.
//
// Included by the loader and tests. Nothing in the bytes is trusted: header,
// hash, FlatBuffers verifier and the semantic pass have all agreed when this
// returns.
#ifndef DURE_RUNTIME_PACKAGE_READER_H
#define DURE_RUNTIME_PACKAGE_READER_H

#include "runtime/base/Status.h"
#include "runtime/package/Container.h"
#include "runtime/package/Package.h"

#include <cstddef>
#include <span>

namespace dure {

/// A package's metadata and its parts, which are spans of the file.
struct PackageImage {
  ContainerHeader Header;
  Package Content;
  std::span<const std::byte> Code;
  std::span<const std::byte> Weights;
};

/// Reads and verifies structure and code hashes. Weight leaves are verified by
/// the loader, as its options say, since they may be most of the file.
Result<PackageImage> readPackage(std::span<const std::byte> File);

/// Bytes of a weight whose source is Package.
std::span<const std::byte> weightBytes(const PackageImage &Image,
                                       const Weight &W);
std::span<const std::byte> codeBytes(const PackageImage &Image,
                                     const CodeObject &Code);

} // namespace dure

#endif // DURE_RUNTIME_PACKAGE_READER_H
