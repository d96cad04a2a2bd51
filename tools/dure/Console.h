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
  /// The text of `Id`. Arguments come from files and command lines: their
  /// control characters, newlines among them, are made visible.
  std::string text(Message Id,
                   std::initializer_list<std::string> Arguments = {}) const;

  /// Writes to stdout, control characters but newlines made visible; false,
  /// having said why, when that fails. A reader that went away is no news.
  bool print(std::string_view Text) const;
  /// The same for text of a model's or a user's: tabs are text, too, and what
  /// goes elsewhere than to a terminal stays as it is.
  bool printText(std::string_view Text) const;
  /// The same for JSON, which stays JSON.
  bool printJson(std::string_view Json) const;
  /// One problem on stderr, "error: " in front. Returns ExitFailed, so that
  /// commands can end with it.
  int fail(std::string_view Text) const;
  int fail(Message Id,
           std::initializer_list<std::string> Arguments = {}) const {
    return fail(text(Id, Arguments));
  }
  int fail(const io::Failure &Why) const;
  /// What does not end the work, on stderr: with "warning: " in front, or as
  /// news.
  void warn(Message Id, std::initializer_list<std::string> Arguments) const;
  void note(Message Id) const;
  /// For work that was interrupted.
  int failCancelled() const {
    return fail(Leaves ? Message::Cancelled : Message::Stopped);
  }
  /// Whether the command is one that leaves files, which a stop then has not.
  void setLeavesFiles(bool Does) { Leaves = Does; }
  /// As fail, for what is wrong with the command line.
  int usage(Message Id,
            std::initializer_list<std::string> Arguments = {}) const;

private:
  bool write(const std::string &Visible) const;

  Language Lang;
  std::string *Problems;
  bool Leaves = false;
};

/// A progress bar on stderr when that is a terminal, else nothing. Erased when
/// destroyed.
class ProgressBar {
public:
  ProgressBar(const Console &Out, Message Title);
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
  /// The cells' control characters are made visible.
  std::string text();

private:
  std::vector<std::vector<std::string>> Rows;
};

/// "1.25 ms": seconds with a fitting unit, four digits.
std::string formatSeconds(double Seconds);
/// "12.3 MiB"
std::string formatBytes(double Bytes);
/// printf's %.4g
std::string formatNumber(double Number);

/// Makes Ctrl-C, SIGTERM and a lost terminal ask the work under way to stop
/// cleanly; a second one ends the process.
void handleInterrupts();
/// Nonzero once asked to stop.
const volatile int *interruptFlag();
bool interrupted();
/// For who has stopped what the user wanted stopped and goes on.
void forgetInterrupt();
/// The call to cancel when asked to stop; NULL for none.
void setInterruptedCall(dure_call *Call);

/// Ends the process with ExitFailed and a plain message when memory runs out,
/// in this program or in a library that it loads.
void handleOutOfMemory(Language Lang);
/// Ends the process with ExitFailed and a message that names the file when one
/// that is mapped becomes shorter.
void handleCutOffFiles(Language Lang);
/// The file, and the folder that holds it alone, to remove when the process
/// ends at once: out of memory, a file cut off, or asked twice to stop. "" for
/// none.
void setTemporaryFile(const std::string &Path);
/// The call that removes more of them then, from a signal handler perhaps.
void setTemporaryRemover(void (*Call)());
/// A closed stdin, stdout or stderr would be given to the next file that is
/// opened, which messages would then be written into: puts something there that
/// refuses to be read or written.
void occupyStandardStreams();

} // namespace dure

#endif // DURE_TOOLS_DURE_CONSOLE_H
