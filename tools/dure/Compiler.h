// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The compiler, opened when a command needs it.
//
// Included by the commands. The only place that knows of libDureCompiler.so: a
// command that does not construct a Compiler maps neither it nor LLVM.
#ifndef DURE_TOOLS_DURE_COMPILER_H
#define DURE_TOOLS_DURE_COMPILER_H

#include "tools/dure/CarriedFiles.h"
#include "tools/dure/Console.h"
#include "tools/dure/Options.h"

#include <dure/compiler.h>
#include <memory>
#include <optional>
#include <string>

namespace dure {

/// A result that releases itself.
using CompilerResult = std::unique_ptr<const dure_compiler_result,
                                       void (*)(const dure_compiler_result *)>;

class Compiler {
public:
  /// Nothing, having said why, when the library does not load.
  static std::optional<Compiler> open(const Console &Out);

  struct CompileSettings {
    std::string OutputPath;
    bool EmbedWeights = true;
    bool DebugValues = false;
    /// Instead of the options' targets, when not empty.
    std::string Target;
    int32_t Threads = 0;
    /// Those of `dure compile` only: phases, temporaries, report.
    bool Everything = false;
    /// For the package to carry.
    std::vector<CarriedFile> Files;
    /// A vendor's tool that kernels' text is for.
    std::string Oracle;
  };
  CompilerResult compile(const Options &O, const CompileSettings &Settings,
                         const Console &Out) const;
  CompilerResult explain(const Options &O) const;
  CompilerResult targets(const Options &O) const;

  /// Says what a result that is not OK says, and gives the exit status for it.
  static int report(const CompilerResult &Result, const Console &Out);

private:
  explicit Compiler(const dure_compiler_api *Api) : Api(Api) {}
  const dure_compiler_api *Api;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_COMPILER_H
