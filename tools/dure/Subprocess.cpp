// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program of the user's, run for a bounded time.
#include "tools/dure/Subprocess.h"

#include "tools/dure/Console.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern char **environ;

namespace dure {
namespace {

/// Both ends of a pipe, which close with it.
class Pipe {
public:
  Pipe() {
    if (::pipe2(Ends, O_CLOEXEC) != 0)
      Ends[0] = Ends[1] = -1;
  }
  ~Pipe() {
    closeEnd(0);
    closeEnd(1);
  }
  Pipe(const Pipe &) = delete;
  Pipe &operator=(const Pipe &) = delete;

  void closeEnd(int I) {
    if (Ends[I] >= 0)
      ::close(std::exchange(Ends[I], -1));
  }
  int Ends[2] = {-1, -1};
};

/// Reads what is there into `Text`, of which the end is kept. False at the end
/// of the stream.
bool readSome(int From, std::string &Text, size_t Most) {
  char Buffer[4096];
  const ssize_t Count = ::read(From, Buffer, sizeof(Buffer));
  if (Count < 0)
    return errno == EINTR || errno == EAGAIN;
  Text.append(Buffer, size_t(Count));
  if (Text.size() > Most)
    Text.erase(0, Text.size() - Most);
  return Count > 0;
}

/// Starts it; 0 and an errno in `Error` when that fails.
pid_t start(const std::string &Program,
            const std::vector<std::string> &Arguments, const Pipe &Output,
            const Pipe &Errors, int &Error) {
  std::vector<char *> Argv = {const_cast<char *>(Program.c_str())};
  for (const std::string &Each : Arguments)
    Argv.push_back(const_cast<char *>(Each.c_str()));
  Argv.push_back(nullptr);
  posix_spawn_file_actions_t Actions;
  posix_spawnattr_t Attributes;
  posix_spawn_file_actions_init(&Actions);
  posix_spawnattr_init(&Attributes);
  posix_spawn_file_actions_addopen(&Actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&Actions, Output.Ends[1], 1);
  posix_spawn_file_actions_adddup2(&Actions, Errors.Ends[1], 2);
  // A group of its own: what it starts is ended with it, and Ctrl-C is Dure's
  // to handle. Signals are as a program expects them.
  posix_spawnattr_setpgroup(&Attributes, 0);
  sigset_t Defaults, None;
  sigemptyset(&Defaults);
  for (int Signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
    sigaddset(&Defaults, Signal);
  sigemptyset(&None);
  posix_spawnattr_setsigdefault(&Attributes, &Defaults);
  posix_spawnattr_setsigmask(&Attributes, &None);
  posix_spawnattr_setflags(&Attributes, POSIX_SPAWN_SETPGROUP |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETSIGMASK);
  pid_t Child = 0;
  Error = ::posix_spawn(&Child, Program.c_str(), &Actions, &Attributes,
                        Argv.data(), environ);
  posix_spawn_file_actions_destroy(&Actions);
  posix_spawnattr_destroy(&Attributes);
  return Error ? 0 : Child;
}

} // namespace

ProcessResult runProcess(const std::string &Program,
                         const std::vector<std::string> &Arguments,
                         int64_t Seconds, size_t MostBytes) {
  using Clock = std::chrono::steady_clock;
  ProcessResult Result;
  Pipe Output, Errors;
  if (Output.Ends[0] < 0 || Errors.Ends[0] < 0) {
    Result.Code = errno;
    return Result;
  }
  const pid_t Child = start(Program, Arguments, Output, Errors, Result.Code);
  if (!Child)
    return Result;
  Output.closeEnd(1);
  Errors.closeEnd(1);
  const auto Deadline = Clock::now() + std::chrono::seconds(Seconds);
  std::optional<ProcessResult::End> Killed;
  bool IsOpen[2] = {true, true};
  int Status = 0;
  for (bool Ended = false; !Ended;) {
    // Its end is looked for often, since something that it started may hold
    // the pipes open.
    pollfd Streams[2] = {{IsOpen[0] ? Output.Ends[0] : -1, POLLIN, 0},
                         {IsOpen[1] ? Errors.Ends[0] : -1, POLLIN, 0}};
    if (::poll(Streams, 2, 20) > 0) {
      if (Streams[0].revents)
        IsOpen[0] = readSome(Output.Ends[0], Result.Output, MostBytes);
      if (Streams[1].revents)
        IsOpen[1] = readSome(Errors.Ends[0], Result.Errors, MostBytes);
    }
    if (!Killed && (interrupted() || Clock::now() >= Deadline)) {
      Killed = interrupted() ? ProcessResult::End::Interrupted
                             : ProcessResult::End::TimedOut;
      ::kill(-Child, SIGKILL);
    }
    const pid_t Waited = ::waitpid(Child, &Status, WNOHANG);
    Ended = Waited == Child || (Waited < 0 && errno != EINTR);
  }
  // What it wrote last. Nothing is waited for.
  pollfd Rest[2] = {{IsOpen[0] ? Output.Ends[0] : -1, POLLIN, 0},
                    {IsOpen[1] ? Errors.Ends[0] : -1, POLLIN, 0}};
  while (::poll(Rest, 2, 0) > 0) {
    if (Rest[0].revents && !readSome(Output.Ends[0], Result.Output, MostBytes))
      Rest[0].fd = -1;
    if (Rest[1].revents && !readSome(Errors.Ends[0], Result.Errors, MostBytes))
      Rest[1].fd = -1;
    if (Clock::now() >= Deadline + std::chrono::seconds(1))
      break;
  }
  // Nothing that it left behind goes on.
  ::kill(-Child, SIGKILL);
  if (Killed) {
    Result.How = *Killed;
  } else if (WIFEXITED(Status)) {
    Result.How = ProcessResult::End::Exited;
    Result.Code = WEXITSTATUS(Status);
  } else {
    Result.How = ProcessResult::End::Signalled;
    Result.Code = WIFSIGNALED(Status) ? WTERMSIG(Status) : 0;
  }
  return Result;
}

static bool isProgram(const std::string &Path) {
  struct stat Info;
  return ::stat(Path.c_str(), &Info) == 0 && S_ISREG(Info.st_mode) &&
         ::access(Path.c_str(), X_OK) == 0;
}

std::string findProgram(const std::string &Name) {
  if (Name.empty())
    return "";
  if (Name.find('/') != std::string::npos)
    return isProgram(Name) ? Name : "";
  const char *Given = std::getenv("PATH");
  const std::string Folders = Given ? Given : "";
  for (size_t Begin = 0; Begin <= Folders.size();) {
    const size_t End = std::min(Folders.find(':', Begin), Folders.size());
    const std::string Folder = Folders.substr(Begin, End - Begin);
    // An empty one would be the folder that the user stands in.
    if (const std::string Path = Folder + "/" + Name;
        !Folder.empty() && isProgram(Path))
      return Path;
    Begin = End + 1;
  }
  return "";
}

} // namespace dure
