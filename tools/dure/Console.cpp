// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Terminal output and interrupts.
#include "tools/dure/Console.h"
#include "runtime/io/TemporaryFiles.h"

#include "tools/dure/Utf8.h"

#include "tools/io/CutOff.h"
#include "tools/io/File.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

namespace dure {

std::string Console::text(Message Id,
                          std::initializer_list<std::string> Arguments) const {
  std::vector<std::string> Visible;
  for (const std::string &Argument : Arguments)
    Visible.push_back(escapeControls(Argument, /*KeepLines=*/false));
  return message(Lang, Id, Visible);
}

bool Console::print(std::string_view Text) const {
  return write(escapeControls(Text, /*KeepLines=*/true));
}

bool Console::printText(std::string_view Text) const {
  if (::isatty(STDOUT_FILENO) != 1)
    return write(std::string(Text));
  std::string Visible;
  while (!Text.empty()) {
    const std::string_view Part = Text.substr(0, Text.find('\t'));
    Visible += escapeControls(Part, /*KeepLines=*/true);
    Text.remove_prefix(Part.size());
    if (!Text.empty()) {
      Visible += '\t';
      Text.remove_prefix(1);
    }
  }
  return write(Visible);
}

bool Console::printJson(std::string_view Json) const {
  return write(escapeJsonControls(Json));
}

bool Console::write(const std::string &Visible) const {
  if (std::fwrite(Visible.data(), 1, Visible.size(), stdout) ==
          Visible.size() &&
      std::fflush(stdout) == 0)
    return true;
  if (errno != EPIPE)
    fail(Message::CannotPrint, {io::systemError(errno, Lang)});
  return false;
}

int Console::fail(const io::Failure &Why) const {
  io::Failure Visible = Why;
  for (std::string &Argument : Visible.Arguments)
    Argument = escapeControls(Argument, /*KeepLines=*/false);
  return fail(Visible.text(Lang));
}

int Console::fail(std::string_view Text) const {
  std::string Line = text(Message::ErrorPrefix);
  Line += escapeControls(Text, /*KeepLines=*/true);
  if (!Line.ends_with('\n'))
    Line += '\n';
  if (Problems)
    *Problems += Line;
  else
    std::fwrite(Line.data(), 1, Line.size(), stderr);
  return ExitFailed;
}

void Console::warn(Message Id,
                   std::initializer_list<std::string> Arguments) const {
  const std::string Line =
      text(Message::WarningPrefix) + text(Id, Arguments) + "\n";
  std::fwrite(Line.data(), 1, Line.size(), stderr);
}

void Console::note(Message Id) const {
  const std::string Line = text(Id) + "\n";
  std::fwrite(Line.data(), 1, Line.size(), stderr);
}

int Console::usage(Message Id,
                   std::initializer_list<std::string> Arguments) const {
  fail(Id, Arguments);
  return ExitUsage;
}

ProgressBar::ProgressBar(const Console &Out, Message Title)
    : Title(Out.text(Title)), Enabled(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::update(std::string_view What, double Fraction) {
  if (!Enabled)
    return;
  constexpr int Width = 30;
  Fraction = std::clamp(Fraction, 0.0, 1.0);
  std::string Line = Title + " [";
  for (int I = 0; I < Width; ++I)
    Line += I < int(Fraction * Width) ? '#' : '.';
  char Percent[16];
  std::snprintf(Percent, sizeof(Percent), "] %3d %% ", int(Fraction * 100));
  Line += Percent;
  Line += What;
  if (Line == Shown)
    return;
  Shown = Line;
  // Carriage return, the line, and erase what an older, longer one left.
  std::fprintf(stderr, "\r%s\x1b[K", Line.c_str());
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!Shown.empty()) {
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
  }
  Shown.clear();
}

std::string TextTable::text() {
  std::vector<size_t> Widths;
  for (auto &Cells : Rows) {
    for (std::string &Cell : Cells)
      Cell = escapeControls(Cell, /*KeepLines=*/false);
    Widths.resize(std::max(Widths.size(), Cells.size()));
    for (size_t I = 0; I < Cells.size(); ++I)
      Widths[I] = std::max(Widths[I], displayWidth(Cells[I]));
  }
  std::string Out;
  for (const auto &Cells : Rows) {
    for (size_t I = 0; I < Cells.size(); ++I) {
      const std::string Pad(Widths[I] - displayWidth(Cells[I]), ' ');
      const bool Last = I + 1 == Cells.size();
      if (I)
        Out += "  ";
      if (I == 0)
        Out += Cells[I] + (Last ? "" : Pad);
      else
        Out += Last ? Cells[I] : Pad + Cells[I];
    }
    Out += '\n';
  }
  return Out;
}

namespace {
std::string formatDouble(const char *Format, double Value) {
  char Buffer[48];
  std::snprintf(Buffer, sizeof(Buffer), Format, Value);
  return Buffer;
}
} // namespace

std::string formatSeconds(double Seconds) {
  if (Seconds < 1e-3)
    return formatDouble("%.4g µs", Seconds * 1e6);
  if (Seconds < 1)
    return formatDouble("%.4g ms", Seconds * 1e3);
  return formatDouble("%.4g s", Seconds);
}

std::string formatBytes(double Bytes) {
  constexpr const char *Formats[] = {"%.0f B", "%.1f KiB", "%.1f MiB",
                                     "%.2f GiB", "%.2f TiB"};
  size_t Unit = 0;
  for (; Bytes >= 1024 && Unit + 1 < std::size(Formats); ++Unit)
    Bytes /= 1024;
  return formatDouble(Formats[Unit], Bytes);
}

std::string formatNumber(double Number) { return formatDouble("%.4g", Number); }

namespace {
volatile int Interrupted = 0;
std::atomic<dure_call *> InterruptedCall = nullptr;

// Read where nothing may be allocated: plain characters, made ready before.
char TemporaryFile[4096], TemporaryFolder[4096], OutOfMemoryText[256];

std::atomic<void (*)()> TemporaryRemover = nullptr;

void removeTemporary() {
  if (void (*Call)() = TemporaryRemover.load())
    Call();
  removeTemporaryFiles();
  if (!*TemporaryFile)
    return;
  ::unlink(TemporaryFile);
  ::rmdir(TemporaryFolder);
}

[[noreturn]] void onOutOfMemory() {
  const ssize_t Written =
      ::write(STDERR_FILENO, OutOfMemoryText, std::strlen(OutOfMemoryText));
  (void)Written;
  removeTemporary();
  ::_exit(ExitFailed);
}

void onInterrupt(int Signal) {
  if (Interrupted) {
    // Asked twice: the default action, at once.
    removeTemporary();
    std::signal(Signal, SIG_DFL);
    std::raise(Signal);
    return;
  }
  Interrupted = 1;
  // dure_call_cancel only sets a flag.
  if (dure_call *Call = InterruptedCall.load())
    dure_call_cancel(Call);
}
} // namespace

void handleInterrupts() {
  for (const int Signal : {SIGINT, SIGTERM, SIGHUP}) {
    // nohup and background jobs of a shell start with some of them ignored.
    struct sigaction Old = {};
    if (sigaction(Signal, nullptr, &Old) == 0 && Old.sa_handler == SIG_IGN)
      continue;
    struct sigaction Action = {};
    Action.sa_handler = onInterrupt;
    sigemptyset(&Action.sa_mask);
    Action.sa_flags = SA_RESTART;
    sigaction(Signal, &Action, nullptr);
  }
  // `dure inspect ... | head`, and a file that passes the limit of `ulimit -f`,
  // end with a failed write that is reported and cleaned up, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void handleOutOfMemory(Language Lang) {
  const std::string Text = message(Lang, Message::ErrorPrefix) +
                           message(Lang, Message::OutOfMemory) + "\n";
  Text.copy(OutOfMemoryText, sizeof(OutOfMemoryText) - 1);
  std::set_new_handler(onOutOfMemory);
}

void handleCutOffFiles(Language Lang) {
  // The name is known when it happens.
  constexpr const char *Name = "\x01";
  const std::string Text = message(Lang, Message::ErrorPrefix) +
                           message(Lang, Message::FileCutOff, {Name});
  const std::string_view Whole = Text;
  const size_t At = Whole.find(Name);
  io::endWhenFileIsCutOff(Whole.substr(0, At), Whole.substr(At + 1),
                          removeTemporary);
}

void setTemporaryFile(const std::string &Path) {
  *TemporaryFile = '\0';
  const size_t Slash = Path.rfind('/');
  if (Slash == std::string::npos || Path.size() >= sizeof(TemporaryFile))
    return;
  TemporaryFolder[Path.copy(TemporaryFolder, Slash)] = '\0';
  // The first character last: a signal in between finds nothing to remove.
  TemporaryFile[Path.size()] = '\0';
  Path.copy(TemporaryFile + 1, Path.size() - 1, 1);
  *TemporaryFile = Path[0];
}

void setTemporaryRemover(void (*Call)()) { TemporaryRemover.store(Call); }

void occupyStandardStreams() {
  for (const int Stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct stat Ignored;
    if (::fstat(Stream, &Ignored) == 0 || errno != EBADF)
      continue;
    // The lowest free number is given out, which is this one.
    const int Opened =
        ::open("/dev/null", Stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    (void)Opened;
  }
}

const volatile int *interruptFlag() { return &Interrupted; }
bool interrupted() { return Interrupted != 0; }
void forgetInterrupt() { Interrupted = 0; }
void setInterruptedCall(dure_call *Call) { InterruptedCall.store(Call); }

} // namespace dure
