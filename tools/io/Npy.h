// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// numpy's .npy format, versions 1 to 3.
//
// Included by tools and tests. Input is not trusted: sizes are checked against
// the bytes that are there before anything is allocated.
// Format: numpy.lib.format in the numpy manual.
#ifndef DURE_TOOLS_IO_NPY_H
#define DURE_TOOLS_IO_NPY_H

#include "tools/io/Tensor.h"

namespace dure::io {

/// What the head of an .npy says.
struct NpyHeader {
  ElementType Type;
  bool BigEndian;
  bool FortranOrder;
  std::vector<int64_t> Dims;
  /// Where the data starts.
  size_t DataOffset;
};

/// Reads the head from the first bytes of a file. `Where` names the file, or
/// the file and the entry in it.
Result<NpyHeader> parseNpyHeader(const std::string &Where,
                                 std::span<const std::byte> Bytes);

/// Bytes of a file that tell how long its head is, and the end of the head that
/// they tell of: at most 64 KiB and a few bytes, 0 when they are no .npy's.
constexpr size_t NpyPrefixSize = 12;
size_t npyHeaderEnd(std::span<const std::byte> Prefix);
/// The size of the tensor, if `DataBytes` after the head is what it takes.
Result<Extent> checkNpyData(const std::string &Where, const NpyHeader &Header,
                            uint64_t DataBytes);
/// The tensor of a head and its data, which has the size checked above.
Tensor makeNpyTensor(NpyHeader Header, TensorBytes Data);

/// Big-endian and column-major arrays are converted.
Result<Tensor> parseNpy(const std::string &Where,
                        std::span<const std::byte> Bytes);
Result<Tensor> readNpy(const std::string &Path);

/// The header that belongs before `T.Bytes`; refused for types that numpy
/// lacks.
Result<std::string> formatNpyHeader(const std::string &Where, const Tensor &T);
Status writeNpy(const std::string &Path, const Tensor &T);

} // namespace dure::io

#endif // DURE_TOOLS_IO_NPY_H
