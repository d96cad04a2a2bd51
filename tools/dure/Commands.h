// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The commands of `dure`, one file each; each gives the exit status.
#ifndef DURE_TOOLS_DURE_COMMANDS_H
#define DURE_TOOLS_DURE_COMMANDS_H

#include "tools/dure/Compiler.h"
#include "tools/dure/Options.h"
#include "tools/dure/Package.h"

namespace dure {

int runCompile(const Console &Out, const Options &O);
int runRun(const Console &Out, const Options &O);
int runCheck(const Console &Out, const Options &O);
int runBench(const Console &Out, const Options &O);
int runInspect(const Console &Out, const Options &O);
int runTargets(const Console &Out, const Options &O);
int runExplain(const Console &Out, const Options &O);

/// A package to run: the given one, or the given model compiled into a
/// temporary one that leaves its weights in the model's files.
struct Prepared {
  std::optional<LoadedPackage> Package;
  /// The exit status, when there is no package.
  int Exit = ExitFailed;
};
Prepared preparePackage(const Console &Out, const Options &O);

/// Compiles O.Path for `Target` (the options' targets: empty) into a temporary
/// package and opens a session on it.
Prepared compileAndLoad(const Console &Out, const Compiler &Opened,
                        const Options &O, const std::string &Target,
                        bool DebugValues);

} // namespace dure

#endif // DURE_TOOLS_DURE_COMMANDS_H
