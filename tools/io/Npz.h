// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// numpy's .npz format: a zip archive of .npy files, stored or deflated.
//
// Included by tools and tests. Input is not trusted: an entry is read only as
// far as its own header says, and a size that deflate cannot reach is refused
// before anything is allocated.
#ifndef DURE_TOOLS_IO_NPZ_H
#define DURE_TOOLS_IO_NPZ_H

#include "tools/io/Tensor.h"

namespace dure::io {

/// All arrays in the order of the archive; Tensor::Name is the entry's name
/// without ".npy".
Result<std::vector<Tensor>> readNpz(const std::string &Path);

/// As numpy.savez writes it: entries stored, not compressed. The same tensors
/// give the same bytes.
Status writeNpz(const std::string &Path, std::span<const Tensor> Tensors);

} // namespace dure::io

#endif // DURE_TOOLS_IO_NPZ_H
