// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text that the user gives: on the command line, in a file, on stdin.
//
// Included by the commands that work on text.
#ifndef DURE_TOOLS_DURE_TEXTINPUT_H
#define DURE_TOOLS_DURE_TEXTINPUT_H

#include "tools/dure/Console.h"
#include "tools/dure/Options.h"

#include <optional>
#include <string>

namespace dure {

/// The whole of a file, or of stdin for "-". Nothing, having said why, when it
/// cannot be read or is larger than any model reads.
std::optional<std::string> readTextFile(const Console &Out,
                                        const std::string &Path);

/// --prompt, or what is in --prompt-file; nothing also where there is neither.
std::optional<std::string> readPrompt(const Console &Out, const Options &O);

/// The next line of stdin without its end; nothing at the end of the input, or
/// when the user wants to stop.
class LineReader {
public:
  std::optional<std::string> next();

private:
  std::string Held;
  bool Ended = false;
};

} // namespace dure

#endif // DURE_TOOLS_DURE_TEXTINPUT_H
