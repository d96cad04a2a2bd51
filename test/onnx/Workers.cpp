// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Forked workers, one socket each; a message is a packet.
#include "test/onnx/Workers.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace dure::modeltest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t MaxMessage = 64 * 1024;
constexpr size_t MaxLastWords = 4096;

struct Worker {
  pid_t Process = -1;
  int Socket = -1;
  /// A memory file that is the worker's stderr.
  int Stderr = -1;
  std::optional<size_t> Job;
  Clock::time_point Deadline;
};

/// The last MaxLastWords bytes of the memory file.
std::string readTail(int File) {
  const off_t Size = ::lseek(File, 0, SEEK_END);
  if (Size <= 0)
    return "";
  const size_t Wanted =
      size_t(Size) < MaxLastWords ? size_t(Size) : MaxLastWords;
  std::string Text(Wanted, '\0');
  const ssize_t Read = ::pread(File, Text.data(), Wanted, Size - off_t(Wanted));
  Text.resize(Read < 0 ? 0 : size_t(Read));
  return Text;
}

[[noreturn]] void serve(int Socket, int Stderr,
                        const std::function<std::string(size_t)> &Job) {
  // A worker does not outlive a runner that was killed.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(Stderr, STDERR_FILENO);
  uint64_t Index;
  while (::recv(Socket, &Index, sizeof(Index), 0) == sizeof(Index)) {
    (void)!::ftruncate(Stderr, 0);
    ::lseek(Stderr, 0, SEEK_SET);
    std::string Result = Job(size_t(Index));
    if (Result.size() > MaxMessage)
      Result.resize(MaxMessage);
    if (::send(Socket, Result.data(), Result.size(), 0) < 0)
      break;
  }
  // No destructors: libraries and threads of the job are not shut down.
  ::_exit(0);
}

bool start(Worker &W, const std::function<std::string(size_t)> &Job) {
  std::array<int, 2> Sockets;
  W.Stderr = ::memfd_create("stderr", MFD_CLOEXEC);
  if (W.Stderr < 0 || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
                                   Sockets.data()) != 0) {
    std::fprintf(stderr, "cannot start a worker: %s\n", std::strerror(errno));
    return false;
  }
  // What is buffered must not be printed once by each fork.
  std::fflush(nullptr);
  W.Process = ::fork();
  if (W.Process < 0) {
    std::fprintf(stderr, "cannot fork a worker: %s\n", std::strerror(errno));
    return false;
  }
  if (W.Process == 0) {
    ::close(Sockets[0]);
    serve(Sockets[1], W.Stderr, Job);
  }
  ::close(Sockets[1]);
  W.Socket = Sockets[0];
  return true;
}

/// Waits for a worker that has ended or was killed, and says how it ended.
std::string bury(Worker &W) {
  int Status = 0;
  while (::waitpid(W.Process, &Status, 0) < 0 && errno == EINTR) {
  }
  ::close(W.Socket);
  ::close(W.Stderr);
  W = Worker();
  if (WIFEXITED(Status))
    return "exit " + std::to_string(WEXITSTATUS(Status));
  const char *Name = ::sigabbrev_np(WTERMSIG(Status));
  return Name ? std::string("SIG") + Name
              : "signal " + std::to_string(WTERMSIG(Status));
}

/// Hands out jobs and collects what comes back.
class Pool {
public:
  Pool(size_t Count, const WorkerSettings &Settings,
       const std::function<std::string(size_t)> &Job,
       const std::function<void(size_t, std::string)> &OnResult,
       const std::function<void(size_t, Death)> &OnDeath)
      : Count(Count), Settings(Settings), Job(Job), OnResult(OnResult),
        OnDeath(OnDeath), Workers(Settings.Workers ? Settings.Workers : 1) {}

  bool run() {
    while (true) {
      for (Worker &W : Workers)
        if (!W.Job && Next < Count && !assign(W))
          return false;
      if (!waitForOne())
        break;
    }
    for (Worker &W : Workers)
      if (W.Process >= 0) {
        // Closing the socket ends the worker's loop.
        ::shutdown(W.Socket, SHUT_RDWR);
        bury(W);
      }
    return true;
  }

private:
  bool assign(Worker &W) {
    if (W.Process < 0 && !start(W, Job))
      return false;
    const uint64_t Index = Next++;
    W.Job = size_t(Index);
    W.Deadline =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(Settings.Timeout));
    // A worker that died meanwhile is noticed when it is read from.
    (void)!::send(W.Socket, &Index, sizeof(Index), MSG_NOSIGNAL);
    return true;
  }

  /// False when no worker has a job.
  bool waitForOne() {
    std::vector<pollfd> Sockets;
    std::vector<Worker *> Busy;
    for (Worker &W : Workers)
      if (W.Job) {
        Sockets.push_back({W.Socket, POLLIN, 0});
        Busy.push_back(&W);
      }
    if (Busy.empty())
      return false;
    ::poll(Sockets.data(), nfds_t(Sockets.size()), 500);
    for (size_t I = 0; I < Busy.size(); ++I) {
      if (Sockets[I].revents)
        receive(*Busy[I]);
      else if (Clock::now() > Busy[I]->Deadline)
        kill(*Busy[I]);
    }
    return true;
  }

  void receive(Worker &W) {
    std::string Text(MaxMessage, '\0');
    const ssize_t Size = ::recv(W.Socket, Text.data(), Text.size(), 0);
    const size_t Index = *W.Job;
    if (Size > 0) {
      Text.resize(size_t(Size));
      W.Job.reset();
      OnResult(Index, std::move(Text));
      return;
    }
    Death How;
    How.LastWords = readTail(W.Stderr);
    How.Cause = bury(W);
    OnDeath(Index, std::move(How));
  }

  void kill(Worker &W) {
    ::kill(W.Process, SIGKILL);
    const size_t Index = *W.Job;
    Death How;
    How.LastWords = readTail(W.Stderr);
    bury(W);
    How.Cause = "timeout";
    OnDeath(Index, std::move(How));
  }

  size_t Count;
  WorkerSettings Settings;
  const std::function<std::string(size_t)> &Job;
  const std::function<void(size_t, std::string)> &OnResult;
  const std::function<void(size_t, Death)> &OnDeath;
  std::vector<Worker> Workers;
  size_t Next = 0;
};

} // namespace

bool runInWorkers(size_t Count, const WorkerSettings &Settings,
                  const std::function<std::string(size_t)> &Job,
                  const std::function<void(size_t, std::string)> &OnResult,
                  const std::function<void(size_t, Death)> &OnDeath) {
  return Pool(Count, Settings, Job, OnResult, OnDeath).run();
}

std::string takeStderr() {
  std::fflush(stderr);
  return readTail(STDERR_FILENO);
}

} // namespace dure::modeltest
