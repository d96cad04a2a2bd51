// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sizes of tensors, in checked arithmetic.
#include "tools/io/Tensor.h"

#include <algorithm>

namespace dure::io {

std::optional<int64_t> countElements(std::span<const int64_t> Dims) {
  if (std::any_of(Dims.begin(), Dims.end(), [](int64_t D) { return D < 0; }))
    return std::nullopt;
  if (std::find(Dims.begin(), Dims.end(), 0) != Dims.end())
    return 0;
  int64_t Count = 1;
  for (int64_t Dim : Dims)
    if (__builtin_mul_overflow(Count, Dim, &Count))
      return std::nullopt;
  return Count;
}

int64_t Tensor::elementCount() const { return countElements(Dims).value_or(0); }

std::string formatDims(std::span<const int64_t> Dims) {
  std::string Out = "[";
  for (size_t I = 0; I < Dims.size(); ++I) {
    if (I)
      Out += ", ";
    Out += std::to_string(Dims[I]);
  }
  return Out + "]";
}

Result<Extent> checkExtent(const std::string &Where, ElementType Type,
                           std::span<const int64_t> Dims) {
  const std::optional<int64_t> Count = countElements(Dims);
  const std::optional<int64_t> Bytes =
      Count ? storageBytes(Type, *Count) : std::nullopt;
  if (!Bytes)
    return Failure{ErrorId::BadShape, {Where, formatDims(Dims)}};
  return Extent{*Count, *Bytes};
}

} // namespace dure::io
