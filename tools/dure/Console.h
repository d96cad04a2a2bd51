// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the command says to the user, and hearing that the user wants it to end.
//
// Included by the commands. Results go to stdout; problems and progress to
// stderr.
#ifndef DURE_TOOLS_DURE_CONSOLE_H
#define DURE_TOOLS_DURE_CONSOLE_H

#include "tools/dure/Messages.h"
#include "tools/io/Result.h"

#include <dure/dure.h>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// Exit statuses of the command.
enum ExitCode : int { ExitOk = 0, ExitFailed = 1, ExitUsage = 2 };

class Console {
public:
  /// Problems go to stderr, or are added to `Problems` when that is given.
  explicit Console(Language Lang, std::string *Problems = nullptr)
      : Lang(Lang), Problems(Problems) {}

  Language language() const { return Lang; }
  std::string text(Message Id,
                   std::initializer_list<std::string> Arguments = {}) const {
    return message(Lang, Id, Arguments);
  }

  /// Writes to stdout as it is; false when that fails (a closed pipe, a full
  /// disk).
  bool print(std::string_view Text) const;
  /// One problem on stderr, "error: " in front. Returns ExitFailed, so that
  /// commands can end with it.
  int fail(std::string_view Text) const;
  int fail(Message Id,
           std::initializer_list<std::string> Arguments = {}) const {
    return fail(text(Id, Arguments));
  }
  int fail(const io::Failure &Why) const { return fail(Why.text(Lang)); }
  /// As fail, for what is wrong with the command line.
  int usage(Message Id,
            std::initializer_list<std::string> Arguments = {}) const;

private:
  Language Lang;
  std::string *Problems;
};

/// A progress bar on stderr when that is a terminal, else nothing. Erased when
/// destroyed.
class ProgressBar {
public:
  explicit ProgressBar(const Console &Out);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;

  void update(std::string_view What, double Fraction);
  void clear();

private:
  std::string Title;
  bool Enabled;
  std::string Shown;
};

/// Rows under a heading row, columns aligned; the first is left-aligned, the
/// others right-aligned but the last.
class TextTable {
public:
  void row(std::vector<std::string> Cells) { Rows.push_back(std::move(Cells)); }
  std::string text() const;

private:
  std::vector<std::vector<std::string>> Rows;
};

/// "1.25 ms": seconds with a fitting unit, four digits.
std::string formatSeconds(double Seconds);
/// "12.3 MiB"
std::string formatBytes(double Bytes);
/// printf's %.4g
std::string formatNumber(double Number);

/// Makes Ctrl-C and SIGTERM ask the work under way to stop cleanly; a second
/// one ends the process.
void handleInterrupts();
/// Nonzero once asked to stop.
const volatile int *interruptFlag();
bool interrupted();
/// The call to cancel when asked to stop; NULL for none.
void setInterruptedCall(dure_call *Call);

} // namespace dure

#endif // DURE_TOOLS_DURE_CONSOLE_H
