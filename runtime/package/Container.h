// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The header of a package file and the order of its parts.
//
// Internal to the runtime. All integers are little endian; the parts follow
// each other in the order code, weights, metadata, each at the next multiple of
// 4096 after the one before, and the file ends where the metadata ends.
#ifndef DURE_RUNTIME_PACKAGE_CONTAINER_H
#define DURE_RUNTIME_PACKAGE_CONTAINER_H

#include "runtime/base/Status.h"
#include "runtime/package/Package.h"

#include <cstddef>
#include <span>

namespace dure {

inline constexpr uint32_t ContainerVersion = 1;
inline constexpr uint64_t ContainerHeaderSize = 4096;

struct ContainerHeader {
  uint64_t TotalSize = 0;
  uint64_t CodeOffset = 0;
  uint64_t CodeSize = 0;
  uint64_t WeightsOffset = 0;
  uint64_t WeightsSize = 0;
  uint64_t MetadataOffset = 0;
  uint64_t MetadataSize = 0;
  Sha256 MetadataHash = {};
};

/// The header page of a file with these parts; rest zero.
std::array<std::byte, ContainerHeaderSize>
encodeHeader(const ContainerHeader &Header);

/// Reads and checks the header of FILE: magic, version, the order and the ends
/// of the parts, and the hash of the metadata.
Result<ContainerHeader> decodeHeader(std::span<const std::byte> File);

} // namespace dure

#endif // DURE_RUNTIME_PACKAGE_CONTAINER_H
