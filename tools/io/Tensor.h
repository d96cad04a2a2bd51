// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tensor in host memory, as read from or written to a file.
//
// Included by tools and tests. Row-major, little-endian, packed as
// ElementType.h says. Depends on the standard library only.
#ifndef DURE_TOOLS_IO_TENSOR_H
#define DURE_TOOLS_IO_TENSOR_H

#include "tools/io/ElementType.h"
#include "tools/io/Result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dure::io {

struct Tensor {
  /// The entry's name in an .npz, the proto's name in a .pb; may be empty.
  std::string Name;
  ElementType Type = ElementType::Undefined;
  std::vector<int64_t> Dims;
  /// storageBytes(Type, elementCount()) bytes; empty for strings.
  std::vector<std::byte> Bytes;
  /// One entry an element, for Type == String only.
  std::vector<std::string> Strings;

  /// The readers have checked that this does not overflow.
  int64_t elementCount() const;
};

/// The number of elements; nothing when a dim is negative or the product
/// exceeds 2^63 - 1. A zero among the dims gives 0 whatever the others are.
std::optional<int64_t> countElements(std::span<const int64_t> Dims);

/// "[2, 3]"
std::string formatDims(std::span<const int64_t> Dims);

/// Number of elements and bytes of `Type` and `Dims`, or what is wrong with
/// them at `Where`.
struct Extent {
  int64_t Elements;
  int64_t Bytes;
};
Result<Extent> checkExtent(const std::string &Where, ElementType Type,
                           std::span<const int64_t> Dims);

} // namespace dure::io

#endif // DURE_TOOLS_IO_TENSOR_H
