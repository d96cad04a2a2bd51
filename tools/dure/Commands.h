// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The commands of `dure`, one file each; each gives the exit status.
#ifndef DURE_TOOLS_DURE_COMMANDS_H
#define DURE_TOOLS_DURE_COMMANDS_H

#include "tools/dure/Compiler.h"
#include "tools/dure/Options.h"
#include "tools/dure/Package.h"
#include "tools/dure/TemporaryFolder.h"

namespace dure {

int runExport(const Console &Out, const Options &O);
int runCompile(const Console &Out, const Options &O);
int runRun(const Console &Out, const Options &O);
int runGenerate(const Console &Out, const Options &O);
int runChat(const Console &Out, const Options &O);
int runScore(const Console &Out, const Options &O);
int runEmbed(const Console &Out, const Options &O);
int runCheck(const Console &Out, const Options &O);
/// check --oracle.
int runOracle(const Console &Out, const Options &O);
/// check --against-logits.
int runLogitsCheck(const Console &Out, const Options &O);
int runBench(const Console &Out, const Options &O);
int runInspect(const Console &Out, const Options &O);
int runTargets(const Console &Out, const Options &O);
int runExplain(const Console &Out, const Options &O);
int runCache(const Console &Out, const Options &O);

/// A package to run: the given one, or the given model compiled into a
/// temporary one that leaves its weights in the model's files.
struct Prepared {
  std::optional<LoadedPackage> Package;
  /// The exit status, when there is no package.
  int Exit = ExitFailed;
};
/// `InChild`: the compiler runs in a process of its own.
Prepared preparePackage(const Console &Out, const Options &O,
                        bool InChild = false);

/// How compileAndLoad compiles.
struct TemporaryCompile {
  /// Instead of the options' targets, when not empty.
  std::string Target;
  bool DebugValues = false;
  bool InChild = false;
};

/// Compiles O.Path into a temporary package and opens a session on it.
Prepared compileAndLoad(const Console &Out, const Options &O,
                        const TemporaryCompile &How);

/// A temporary folder for that file; false, having said why, when there is
/// none.
bool makeTemporaryFolder(const Console &Out,
                         std::optional<TemporaryFolder> &Folder,
                         const char *FileName);

/// Why the file cannot be an ONNX model, said; true when it may be one. A file
/// that cannot be read is left to who reads it.
bool mayBeModel(const Console &Out, const std::string &Path);

} // namespace dure

#endif // DURE_TOOLS_DURE_COMMANDS_H
