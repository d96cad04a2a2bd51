// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parsing of the command line, with help and errors in the user's language.
//
// Included by main and its tests. CLI11, which throws, stays in Arguments.cpp.
#ifndef DURE_TOOLS_DURE_ARGUMENTS_H
#define DURE_TOOLS_DURE_ARGUMENTS_H

#include "tools/dure/Options.h"

#include <span>
#include <string>
#include <variant>

namespace dure {

/// Nothing is left to do: help or the version was asked for, or the command
/// line is wrong.
struct Finished {
  /// 0 with `Text` for stdout, or 2 with `Text` for stderr.
  int ExitCode;
  std::string Text;
  Language Lang = Language::English;
};

/// `Arguments` without the program's name.
std::variant<Options, Finished>
parseArguments(std::span<const std::string> Arguments, const char *Version);

} // namespace dure

#endif // DURE_TOOLS_DURE_ARGUMENTS_H
