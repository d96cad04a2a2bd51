// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model, compiled through the compiler's C API and run through libdure's.
//
// Included by the runners of test/onnx and test/models. What is tested is the
// road that every user's model takes: the two public C APIs and nothing else.
#ifndef DURE_TEST_ONNX_COMPILEDMODEL_H
#define DURE_TEST_ONNX_COMPILEDMODEL_H

#include "test/onnx/Json.h"
#include "test/onnx/Outcome.h"
#include "tools/dure/Package.h"
#include "tools/io/Compare.h"

#include <dure/compiler.h>
#include <functional>
#include <string>
#include <vector>

namespace dure::modeltest {

struct RunData;

struct CompileSettings {
  std::string Target = "cpu";
  /// A plug-in that brings the target; empty: an installed one.
  std::string LoadTarget = {};
  /// As --cpu names it; empty: the target's usual one.
  std::string Variant = {};
  bool NoRaise = false;
  /// The model is IR, of the phase before this one.
  std::string StartFrom = {};
  /// Refuse what the target itself does not compute.
  bool NoFallback = false;
  /// As the compiler's API takes them.
  std::vector<std::string> Buckets = {};
  /// Floats: the least cosine between result and reference, whose lengths are
  /// within 2 %; 0: by tolerance.
  double Cosine = 0;
  /// Threads for the compiler and for running; 0: as they choose.
  int32_t Threads = 1;
  /// When the model is refused because inputs must be constants, those get the
  /// values that this has for them. Null: the refusal stands.
  const RunData *Values = nullptr;
};

/// The compiler's table, loaded from `Folder`/libDureCompiler.so. Null, having
/// said why on stderr, when it does not load.
const dure_compiler_api *loadCompiler(const std::string &Folder);

/// Inputs and expected outputs of one run.
struct RunData {
  /// In the order of the graph's inputs, or named after them.
  std::vector<io::Tensor> Inputs;
  /// Output by index.
  std::vector<std::pair<size_t, io::Tensor>> Expected;
  std::map<std::string, ValidPart> Valid;
};

/// input_N.pb and output_N.pb of `Folder`; what is wrong with them in Problem.
std::optional<RunData> readRunData(const std::string &Folder,
                                   std::string &Problem);

/// How far results are from references, over all floats of all outputs.
struct Figures {
  double MaxAbsolute = 0;
  /// Of one output.
  double LeastCosine = 1;
};

using TolerancePolicy = std::function<io::Tolerance(io::ElementType)>;

/// A package that was compiled in a temporary file, which goes with it.
class CompiledModel {
public:
  /// Compiles `Model` to `PackagePath`, and opens a session. `Result` says why
  /// there is none, and otherwise how long compiling took.
  static std::optional<CompiledModel> create(const dure_compiler_api *Compiler,
                                             const std::string &Model,
                                             const std::string &PackagePath,
                                             const CompileSettings &Settings,
                                             Outcome &Result);

  /// What the inputs' symbolic dims are for `Data`, as a bucket: "batch=2,...";
  /// empty when there are none.
  std::string bucketOf(const RunData &Data) const;

  /// Runs on `Data` and compares. Adds the time to `Result`; its kind, code and
  /// detail are set when something is not right. `Measured` is widened to what
  /// is found, right or not.
  bool check(const RunData &Data, const TolerancePolicy &Allowed,
             Outcome &Result, Figures *Measured = nullptr) const;

private:
  bool open(const std::string &PackagePath, const CompileSettings &Settings,
            Outcome &Result);
  bool readNames(int32_t Kind, size_t Count, std::vector<std::string> &Names,
                 Outcome &Result) const;
  bool isGiven(const io::Tensor &Input, bool &Differs) const;
  bool bind(dure_call *Call, const std::vector<io::Tensor> &Inputs,
            Outcome &Result) const;

  PackagePointer Package;
  SessionPointer Session;
  size_t Entry = 0;
  double Cosine = 0;
  std::vector<std::string> Inputs, Outputs;
  /// Inputs that were given a value when the model was compiled.
  std::vector<io::Tensor> Given;
};

} // namespace dure::modeltest

#endif // DURE_TEST_ONNX_COMPILEDMODEL_H
