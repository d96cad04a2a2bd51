// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX models into the dure dialect.
//
// Included by the compiler and by tools. The result is one module with a
// function `main` of the model's signature (argument and result attribute
// `dure.name`), weights by reference (`dure.weight`, files in `dure.files`) and
// symbolic dims on every type. What cannot be imported is reported all at once.

#ifndef DURE_FRONTENDS_ONNX_IMPORTER_H
#define DURE_FRONTENDS_ONNX_IMPORTER_H

#include "frontends/onnx/Model.h"
#include "frontends/onnx/Reader.h"
#include "frontends/onnx/Refusal.h"
#include "runtime/io/SafeFile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <map>
#include <string>
#include <vector>

namespace dure::onnx {

/// A value for an input: row-major, little-endian. A list of int64 also serves
/// an int32 input, and one of a single element a scalar.
struct InputValue {
  DataType Type = DataType::Undefined;
  std::vector<int64_t> Dims;
  std::string Bytes;
};

struct ImportOptions {
  /// Which links lead to external data.
  LinkPolicy Links;
  ReadLimits Limits;
  /// Nodes after model-local functions are inlined.
  uint64_t MaxInlinedNodes = 500'000;
  /// Bytes of nodes and constants that inlined calls repeat.
  uint64_t MaxRepeatedBytes = uint64_t(1) << 26;
  /// Depth of calls between model-local functions.
  unsigned MaxCallDepth = 64;
  /// Inputs that are given a value now, by name, and leave the signature: how a
  /// model whose axes or steps are inputs becomes compilable.
  std::map<std::string, InputValue, std::less<>> InputValues;
};

struct ImportResult {
  /// Null when there is any refusal.
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  /// Everything that stands in the way, in the order of the file.
  std::vector<Refusal> Refusals;
  /// Domain ("" is ONNX's own) and version of the operator sets that the model
  /// names; empty when it cannot be read.
  std::vector<std::pair<std::string, int64_t>> Opsets;
};

/// Reads and imports the model at `Path`. The dure dialect is loaded into
/// `Context`. Nothing of the file stays mapped; weights are named by path.
ImportResult importOnnx(llvm::StringRef Path, mlir::MLIRContext &Context,
                        const ImportOptions &Options = {});

/// One row of the table of operators.
struct SupportedOp {
  llvm::StringRef Domain;
  llvm::StringRef Name;
  /// The schema versions that the importer knows, ascending.
  std::vector<int64_t> Since;
  /// The opset that took it out of the standard; 0: none has.
  int64_t RemovedIn = 0;
};

/// Every operator with an importer, sorted by domain and name.
std::vector<SupportedOp> supportedOps();

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_IMPORTER_H
