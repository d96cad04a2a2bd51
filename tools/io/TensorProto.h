// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX TensorProto messages in files of their own (.pb).
//
// Included by tools and tests. Input is not trusted. protozero, which throws,
// stays inside TensorProto.cpp.
#ifndef DURE_TOOLS_IO_TENSORPROTO_H
#define DURE_TOOLS_IO_TENSORPROTO_H

#include "tools/io/Tensor.h"

namespace dure::io {

/// Reads every element type of ONNX, from raw_data and from the typed fields,
/// packed or not. Data in external files is refused.
Result<Tensor> parseTensorProto(const std::string &Where,
                                std::span<const std::byte> Bytes);
Result<Tensor> readTensorProto(const std::string &Path);

/// Writes raw_data, and string_data for strings.
Status writeTensorProto(const std::string &Path, const Tensor &T);

/// Reads a tensor by the ending of its file's name, .npy or .pb.
Result<Tensor> readTensorFile(const std::string &Path);

} // namespace dure::io

#endif // DURE_TOOLS_IO_TENSORPROTO_H
