// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One compilation: from a model's path to a package, or to the IR of a phase.
//
// Between the C entry (Api.cpp) and the phases. Plain C++ structs in and out;
// no MLIR type is needed to use it.
#ifndef DURE_COMPILER_COMPILATION_H
#define DURE_COMPILER_COMPILATION_H

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dure {

enum class Outcome { Ok, Refused, Failed, Cancelled, InvalidRequest };

/// One thing that stands in the way of compiling a model.
struct RefusalReport {
  std::string Node, Op, Domain;
  int64_t Opset = 0;
  std::string Code, Reason, Remedy;
};

struct TensorReport {
  std::string Name, Type;
  std::vector<std::string> Dims;
};

/// A number that may depend on dimensions: its expression, and its value when
/// it has one.
struct SizeReport {
  std::string Expression;
  std::optional<int64_t> Value;
};

/// Ops that a target does not take, and the fallback does, for one reason.
struct FallenReport {
  std::string Code, Reason;
  uint64_t Ops = 0;
  /// Which ops: their names in the dure dialect, each once.
  std::vector<std::string> Kinds;
};

/// What a target says of a dispatch function, or of an op in it.
struct NoteReport {
  std::string Dispatch, Node, Op, Text;
};

struct TargetReport {
  std::string Name;
  std::vector<std::string> Variants;
  /// Unknown when the target refuses the model.
  std::optional<uint64_t> Dispatches, Functions;
  /// The target that takes what this one does not, and how many ops and
  /// dispatches that are. The number of ops is not known of a module that was
  /// placed before.
  std::string Fallback;
  std::optional<uint64_t> FallbackOps;
  uint64_t FallbackDispatches = 0, Copies = 0;
  std::vector<FallenReport> Fallen;
  /// Bytes of memory for values between dispatches, at most.
  std::optional<SizeReport> Transient;
  /// The target's own estimate of one run, when it has one.
  std::optional<double> Seconds;
  /// Shape buckets of `main`, smallest first, and the one that --dims takes.
  std::vector<std::string> Buckets;
  std::optional<std::string> Bucket;
  /// Explain only.
  std::vector<NoteReport> Notes;
};

struct NodeReport {
  std::string Name, Op, Target, Reason;
  std::vector<std::string> Sources;
};

/// A dispatch function in a text form: the text, or why there is none.
struct KernelReport {
  std::string Name, Target;
  std::vector<std::string> Ops;
  std::string Text, Code, Reason, Remedy;
  /// By the target's own model; asked for an oracle only.
  std::optional<int64_t> Cycles;
};

/// The tool that kernels are to be compared with (Target.h, Oracle).
struct OracleReport {
  std::string Name, Variable, Extension, Remedy, Model;
  std::vector<std::string> Arguments;
};

/// All that is said of a compilation, whatever its outcome.
struct CompilationReport {
  Outcome Result = Outcome::Ok;
  std::string Message;
  std::vector<RefusalReport> Refusals;
  std::string Model, Output;
  /// What the model was read from: its own file, then external data.
  std::vector<std::string> Files;
  std::optional<uint64_t> OutputBytes;
  std::vector<TargetReport> Targets;
  std::vector<std::pair<std::string, double>> PhaseSeconds;
  std::optional<uint64_t> Parameters, WeightBytes;
  std::optional<SizeReport> PeakTransient;
  /// Of --emit and --oracle.
  std::string TextForm;
  std::vector<KernelReport> Kernels;
  std::optional<OracleReport> Oracle;
  // Explain only.
  std::optional<SizeReport> InputBytes, ResultBytes, Flops;
  std::vector<std::pair<std::string, int64_t>> Opsets;
  std::vector<TensorReport> Inputs, Outputs;
  std::map<std::string, uint64_t> Ops;
  std::vector<NodeReport> Nodes;
};

/// A value that an input of the model always has.
struct InputValue {
  int32_t Type = 0; ///< As ONNX numbers element types.
  std::vector<int64_t> Dims;
  std::string Bytes;
};

struct CompilationRequest {
  std::string ModelPath;
  std::map<std::string, InputValue> InputValues;
  std::vector<std::string> Targets, Cpus, LoadTargets;
  std::map<std::string, int64_t> Dims;
  /// Explain only: the function that is explained.
  std::string Entry = "main";
  /// Texts of --bucket: "batch=1,sequence=32,128".
  std::vector<std::string> Buckets;
  bool AllowLinks = false;
  std::string LinksRoot = "/";
  bool Korean = false;
  bool ForbidFallback = false;
  bool NoRaise = false;

  std::string OutputPath;
  /// Other files that the caller is about to write, which must not be the
  /// model's either.
  std::vector<std::string> OtherOutputs;
  /// Called when the output is written but for its name, with what the report
  /// will be; false with the reason gives up, and leaves no output.
  std::function<bool(const CompilationReport &, std::string &Error)>
      BeforeCommit;
  bool EmbedWeights = true;
  /// For the package to carry: names and bytes.
  std::vector<std::pair<std::string, std::string>> Files;
  std::string StopAfter, StartFrom;
  /// Kernels as text instead of a package: the form's name, or the oracle's.
  std::string Emit, Oracle;
  std::vector<std::string> PrintAfter;
  std::function<void(const std::string &)> Print;
  std::string SaveTemps;
  unsigned Threads = 0;
  std::function<void(const std::string &Phase, double Fraction)> Progress;
  const volatile int *Cancel = nullptr;
};

/// Compiles; writes nothing on failure. Thread safe: each call has a context of
/// its own.
CompilationReport compileModel(const CompilationRequest &Request);

/// Runs the phases up to form-dispatches for each target and reports what would
/// run where, and how much memory a run would take.
CompilationReport explainModel(const CompilationRequest &Request);

/// The report as JSON (keys: compiler.h) and as text for people.
std::string reportToJson(const CompilationReport &Report, bool Explain);
std::string reportToText(const CompilationReport &Report, bool Explain,
                         bool Korean);

/// The installed targets and those of `LoadTargets`, as JSON and text.
CompilationReport listTargets(const CompilationRequest &Request,
                              std::string &Json, std::string &Text);

} // namespace dure

#endif // DURE_COMPILER_COMPILATION_H
