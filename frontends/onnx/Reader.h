// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads an ONNX file into Model structs without copying its weights.
//
// Any byte string may be given: files come from strangers. The reader checks
// what follows from the file alone (well-formed messages, bounded depth and
// counts, names, dims and sizes of tensors, containment of external data,
// unique names, every used value defined) and puts nodes in execution order.
// What an operator accepts is the importer's business. It depends on the
// standard library and, inside, on protozero; no exception leaves it.

#ifndef DURE_FRONTENDS_ONNX_READER_H
#define DURE_FRONTENDS_ONNX_READER_H

#include "frontends/onnx/Model.h"
#include "frontends/onnx/Refusal.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dure::onnx {

/// Opens the files that a model names. The reader asks once per location.
class ExternalFileSource {
public:
  virtual ~ExternalFileSource();
  /// Checks that `Location` is a file inside the model's folder and gives the
  /// path and size of what was opened; or says why not, as a clause.
  virtual bool open(std::string_view Location, ExternalFile &File,
                    std::string &Error) = 0;
};

/// Bounds on what is read. A file beyond one is refused, never cut short.
struct ReadLimits {
  /// Nesting of messages: graphs in attributes in nodes in graphs.
  unsigned MaxDepth = 100;
  uint64_t MaxNodes = 500'000;
  uint64_t MaxInitializers = 500'000;
  /// Bytes of the structs and lists that the file asks for, weights aside.
  uint64_t MaxMemory = uint64_t(1) << 30;
  uint64_t MaxAttributes = 10'000; ///< Of one node or function.
  uint64_t MaxOpsets = 10'000;     ///< Of the model, and of one function.
  uint64_t MaxExternalFiles = 10'000;
  uint64_t MaxRank = 64;
  uint64_t MaxNameBytes = 16'384;
  /// Protobuf's own limit; larger models keep their weights outside.
  uint64_t MaxFileBytes = (uint64_t(1) << 31) - 1;
};

/// A model or the reason why there is none.
struct ReadResult {
  std::unique_ptr<Model> M;
  std::optional<Refusal> Error;
};

/// Reads the model in `Bytes`, which must outlive the result. `FileName` is
/// used in messages alone. Without `Files`, external data is refused.
ReadResult readModel(std::string_view Bytes, std::string_view FileName,
                     ExternalFileSource *Files = nullptr,
                     const ReadLimits &Limits = {});

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_READER_H
