// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An ONNX model on disk: the mapped file, its external data, and the Model.
//
// Included by the importer and by tools that look at ONNX files. Depends on
// runtime/io for contained file access; throws nothing. The mapping lives as
// long as the object.

#ifndef DURE_FRONTENDS_ONNX_MODELFILE_H
#define DURE_FRONTENDS_ONNX_MODELFILE_H

#include "frontends/onnx/Reader.h"
#include "runtime/io/SafeFile.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dure::onnx {

class ModelFile {
public:
  /// Maps and reads the model at `Path`. External data must lie in its folder;
  /// `Links` says whether links are followed. On failure returns null and fills
  /// `Error`.
  static std::unique_ptr<ModelFile> open(const std::string &Path,
                                         const LinkPolicy &Links,
                                         const ReadLimits &Limits,
                                         std::optional<Refusal> &Error);

  const Model &model() const { return *Content; }
  const std::string &path() const { return Path; }

  /// The elements of a tensor, as stored. Not for strings.
  std::string_view bytes(const Tensor &T) const;

  /// Path of FileRange::File.
  const std::string &pathOf(uint32_t File) const;

private:
  ModelFile() = default;

  std::string Path;
  MappedFile Mapping;
  std::vector<MappedFile> External; ///< By FileRange::File - 1.
  std::unique_ptr<Model> Content;
};

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_MODELFILE_H
