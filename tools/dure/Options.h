// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the user asked for: the parsed command line.
//
// Included by main and the commands. Plain data; defaults are the documented
// ones.
#ifndef DURE_TOOLS_DURE_OPTIONS_H
#define DURE_TOOLS_DURE_OPTIONS_H

#include "tools/io/Language.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dure {

enum class Command {
  Export,
  Compile,
  Run,
  Generate,
  Chat,
  Score,
  Embed,
  Check,
  Bench,
  Inspect,
  Targets,
  Explain,
  Cache
};

/// name=value pairs in the order given.
using NamedFiles = std::vector<std::pair<std::string, std::string>>;
using NamedSizes = std::vector<std::pair<std::string, int64_t>>;

/// For the commands that work on text. What is not given comes from the model's
/// own files.
struct TextOptions {
  std::optional<std::string> Prompt;
  std::string PromptFile;
  std::optional<std::vector<int64_t>> PromptIds;
  /// The prompt is a message to answer, by the model's chat template.
  bool IsChat = false;
  std::optional<std::string> System;
  /// For score and embed; "-": the standard input.
  std::string File;
  std::optional<int64_t> MaxTokens, Context, Stride, TopK, LogProbs;
  std::optional<double> Temperature, TopP, MinP, RepetitionPenalty,
      PresencePenalty, FrequencyPenalty;
  std::optional<uint64_t> Seed;
  std::vector<std::string> Stop;
};

struct Options {
  Command Which = Command::Compile;
  Language Lang = Language::English;
  bool Json = false;

  /// MODEL.onnx or PACKAGE.
  std::string Path;

  // For targets: also what only tests use.
  bool AllTargets = false;

  // For checkpoints.
  int64_t Opset = 23;
  bool IsGenai = false;
  bool Dequantize = false;
  bool DryRun = false;

  // For the compiler.
  std::vector<std::string> Targets;
  std::vector<std::string> Cpus;
  std::vector<std::string> LoadTargets;
  NamedSizes Dims;
  /// "batch=1,sequence=32,128", as the compiler reads them.
  std::vector<std::string> Buckets;
  bool AllowLinks = false;
  /// Empty: links may lead anywhere.
  std::string LinksRoot;
  bool NoFallback = false;
  bool NoRaise = false;
  /// NAME=FILE or NAME=INTS.
  NamedFiles InputValues;
  std::string Output;
  std::optional<bool> EmbedWeights;
  /// A text form of kernels; empty: a package.
  std::string Emit;
  std::string StopAfter;
  std::string StartFrom;
  std::vector<std::string> PrintIrAfter;
  std::string SaveTemps;
  std::string Report;
  /// Of the files that a package carries; empty: the model's. "none": none.
  std::string TextFolder;

  /// Neither take nor keep a compiled package.
  bool NoCache = false;

  // For running.
  NamedFiles Inputs;
  std::string InputsFile;
  std::string OutputDir;
  /// 0: all cores.
  int64_t Threads = 0;
  std::string Trace;
  /// dure_verify of the C API.
  int32_t Verify = 0;
  /// Whether --verify was given.
  bool HasVerify = false;
  bool TrustCode = false;
  std::string ModelFolder;
  /// Of `explain` and `bench`; empty stands for "main".
  std::string Entry;

  // For check.
  std::string Data;
  std::string Against;
  /// Of language models; instead of Data.
  std::string AgainstLogits;
  std::optional<double> LeastCosine;
  bool PerDispatch = false;
  std::optional<double> Atol;
  std::optional<double> Rtol;
  /// A vendor's tool to compare kernels' cycles with; empty: values are
  /// compared.
  std::string Oracle;
  /// Seconds that it may take for one kernel.
  int64_t OracleTimeout = 60;

  TextOptions Text;

  // For cache.
  bool Clear = false;

  // For bench. 0: by time.
  int64_t Repeat = 0;
  bool NoRoof = false;
  bool TimingOnly = false;
  /// Options of the driver, as its documentation names them.
  NamedFiles DriverOptions;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_OPTIONS_H
