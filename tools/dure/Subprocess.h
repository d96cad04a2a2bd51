// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program of the user's, run for a bounded time.
//
// Included by check --oracle. No shell is involved: arguments arrive as they
// are.
#ifndef DURE_TOOLS_DURE_SUBPROCESS_H
#define DURE_TOOLS_DURE_SUBPROCESS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dure {

struct ProcessResult {
  enum class End {
    Exited,      ///< Code is its status.
    Signalled,   ///< Code is the signal.
    TimedOut,    ///< It and what it started were killed.
    Interrupted, ///< So they were when the user stopped Dure.
    NotStarted,  ///< Code is an errno.
  };
  End How = End::NotStarted;
  int Code = 0;
  /// As much as the limit allows, from the end.
  std::string Output, Errors;
};

/// Runs `Program`, a path, with `Arguments` behind its name, with nothing on
/// its standard input and in a process group of its own. Keeps the last
/// `MostBytes` of what it writes.
ProcessResult runProcess(const std::string &Program,
                         const std::vector<std::string> &Arguments,
                         int64_t Seconds, size_t MostBytes);

/// A file that may be executed; "" where there is none. A name without '/' is
/// looked for in PATH.
std::string findProgram(const std::string &Name);

} // namespace dure

#endif // DURE_TOOLS_DURE_SUBPROCESS_H
