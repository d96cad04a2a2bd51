// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The handler of SIGBUS. Only what may be called in one is called in it.
#include "tools/io/CutOff.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <unistd.h>

namespace dure::io {
namespace {

// Nothing may be allocated in a handler; one thread alone uses these there.
char TextBefore[512], TextAfter[512], Path[PATH_MAX];
void (*CleanUpCall)() = nullptr;
struct sigaction Previous;
std::atomic_flag IsEnding;

/// /proc/self/maps, a character at a time.
class Mappings {
public:
  Mappings() : Descriptor(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~Mappings() { ::close(Descriptor); }
  Mappings(const Mappings &) = delete;
  Mappings &operator=(const Mappings &) = delete;

  /// The path of the file that is mapped at `Address`; empty for memory that is
  /// no file's.
  std::string_view fileAt(uintptr_t Address);

private:
  static constexpr int End = -1;

  int next();
  /// A hexadecimal number and the character behind it.
  uintptr_t number();
  std::string_view restOfLine();

  int Descriptor;
  char Buffer[1024];
  ssize_t At = 0, Size = 0;
  bool AtEnd = false;
};

int Mappings::next() {
  if (At == Size) {
    At = 0;
    do
      Size = ::read(Descriptor, Buffer, sizeof(Buffer));
    while (Size < 0 && errno == EINTR);
    if (Size <= 0) {
      Size = 0;
      AtEnd = true;
      return End;
    }
  }
  return static_cast<unsigned char>(Buffer[At++]);
}

uintptr_t Mappings::number() {
  uintptr_t Value = 0;
  for (;;) {
    const int C = next();
    if (C >= '0' && C <= '9')
      Value = Value * 16 + unsigned(C - '0');
    else if (C >= 'a' && C <= 'f')
      Value = Value * 16 + unsigned(C - 'a') + 10;
    else
      return Value;
  }
}

std::string_view Mappings::restOfLine() {
  size_t Length = 0;
  for (int C = next(); C != '\n' && C != End; C = next())
    if (Length < sizeof(Path))
      Path[Length++] = char(C);
  return {Path, Length};
}

std::string_view Mappings::fileAt(uintptr_t Address) {
  // Begin-End rwxp offset device inode       path
  while (!AtEnd) {
    const uintptr_t Begin = number(), Behind = number();
    std::string_view Line = restOfLine();
    if (Address < Begin || Address >= Behind)
      continue;
    const size_t Slash = Line.find('/');
    return Slash == Line.npos ? "" : Line.substr(Slash);
  }
  return "";
}

/// What would steer a terminal becomes '?'.
void hideControls(std::string_view Text) {
  char *Bytes = Path + (Text.data() - Path);
  for (size_t I = 0; I != Text.size(); ++I) {
    const auto Byte = static_cast<unsigned char>(Bytes[I]);
    const bool IsC1 = I != 0 &&
                      static_cast<unsigned char>(Bytes[I - 1]) == 0xC2 &&
                      Byte >= 0x80 && Byte < 0xA0;
    if (IsC1)
      Bytes[I - 1] = '?';
    if (IsC1 || Byte < 0x20 || Byte == 0x7F)
      Bytes[I] = '?';
  }
}

void print(std::string_view Text) {
  const ssize_t Written = ::write(STDERR_FILENO, Text.data(), Text.size());
  (void)Written;
}

void onBusError(int Signal, siginfo_t *Info, void *) {
  const int Error = errno;
  if (Info->si_code == BUS_ADRERR) {
    // Several threads may read the same file: the first one speaks.
    while (IsEnding.test_and_set())
      ::pause();
    Mappings Maps;
    std::string_view File =
        Maps.fileAt(reinterpret_cast<uintptr_t>(Info->si_addr));
    if (!File.empty()) {
      if (constexpr std::string_view Gone = " (deleted)"; File.ends_with(Gone))
        File.remove_suffix(Gone.size());
      hideControls(File);
      print(TextBefore);
      print(File);
      print(TextAfter);
      print("\n");
      if (CleanUpCall)
        CleanUpCall();
      ::_exit(1);
    }
  }
  // Not ours: a read that fails again, or a signal that is sent again, does
  // what it did before.
  ::sigaction(Signal, &Previous, nullptr);
  if (Info->si_code <= 0)
    ::raise(Signal);
  errno = Error;
}

} // namespace

void endWhenFileIsCutOff(std::string_view Before, std::string_view After,
                         void (*CleanUp)()) {
  TextBefore[Before.copy(TextBefore, sizeof(TextBefore) - 1)] = '\0';
  TextAfter[After.copy(TextAfter, sizeof(TextAfter) - 1)] = '\0';
  CleanUpCall = CleanUp;
  struct sigaction Action = {};
  Action.sa_sigaction = onBusError;
  sigemptyset(&Action.sa_mask);
  Action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &Action, &Previous);
}

} // namespace dure::io
