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
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dure::io {

/// Memory that every device of this tree can bind as it is: one that is less
/// aligned is copied at each run.
inline constexpr size_t TensorAlignment = 64;

template <typename T> struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U> AlignedAllocator(const AlignedAllocator<U> &) {}
  T *allocate(size_t Count) {
    return static_cast<T *>(
        ::operator new(Count * sizeof(T), std::align_val_t(TensorAlignment)));
  }
  void deallocate(T *Memory, size_t) {
    ::operator delete(Memory, std::align_val_t(TensorAlignment));
  }
  bool operator==(const AlignedAllocator &) const { return true; }
};

using TensorBytes = std::vector<std::byte, AlignedAllocator<std::byte>>;

struct Tensor {
  /// The entry's name in an .npz, the proto's name in a .pb; may be empty.
  std::string Name;
  ElementType Type = ElementType::Undefined;
  std::vector<int64_t> Dims;
  /// storageBytes(Type, elementCount()) bytes; empty for strings.
  TensorBytes Bytes;
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
