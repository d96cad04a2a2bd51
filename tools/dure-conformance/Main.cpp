// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-conformance: holds a driver to <dure/driver.h>.
#include "tools/dure-conformance/Tests.h"

#include <fnmatch.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

using namespace dure::conformance;

static const char Usage[] =
    R"(usage: dure-conformance DRIVER.so [options]

Holds a driver to the driver ABI, <dure/driver.h>. What a driver does not claim
(a capability bit that is off) is not tested and counted apart.

  --artifact FILE       a code object of the conformance kernels; give two, of
                        the builds with id 1 and id 2 (docs/driver-abi.md)
  --compatibility TEXT  their compatibility string
  --config KEY=VALUE    an option of the driver, such as threads=2; repeatable
  --filter GLOB         only tests whose name matches, such as 'queue.*'
  --list                print the names of the tests and stop
  --json                print the results as JSON
  --timeout SECONDS     for each test (default 120)

exit status: 0 all tests passed, 1 a test failed or the driver does not open,
2 wrong usage
)";

namespace {

struct CommandLine {
  const char *Driver = nullptr;
  Options Opts;
  std::string Filter = "*";
  bool List = false, Json = false;
  int Timeout = 120;
};

enum class Verdict { Passed, Failed, NotClaimed };

struct Outcome {
  const char *Name;
  Verdict V;
  std::string Message;
  double Milliseconds;
};

/// Ends the process when a test takes too long: its threads cannot be stopped.
class Watchdog {
public:
  Watchdog(const char *Test, int Seconds)
      : Thread([this, Test, Seconds] {
          std::unique_lock<std::mutex> Lock(M);
          if (Cv.wait_for(Lock, std::chrono::seconds(Seconds),
                          [this] { return Done; }))
            return;
          std::fprintf(stderr,
                       "FAIL %s: not finished after %d s; the driver hangs\n",
                       Test, Seconds);
          _exit(1);
        }) {}
  ~Watchdog() {
    {
      std::lock_guard<std::mutex> Lock(M);
      Done = true;
    }
    Cv.notify_all();
    Thread.join();
  }

private:
  std::mutex M;
  std::condition_variable Cv;
  bool Done = false;
  std::thread Thread;
};

} // namespace

static bool readFile(const char *Path, std::string &Bytes) {
  std::ifstream In(Path, std::ios::binary);
  if (!In)
    return false;
  Bytes.assign(std::istreambuf_iterator<char>(In), {});
  return true;
}

static int usageError(const std::string &Message) {
  std::fprintf(stderr, "dure-conformance: %s\n%s", Message.c_str(), Usage);
  return 2;
}

/// 0 if the command line can be used, else the exit status.
static int parse(int Argc, char **Argv, CommandLine &C) {
  for (int I = 1; I < Argc; ++I) {
    std::string_view Arg = Argv[I];
    if (Arg == "--list" || Arg == "--json") {
      (Arg == "--list" ? C.List : C.Json) = true;
      continue;
    }
    if (Arg.substr(0, 2) != "--") {
      if (C.Driver)
        return usageError("two drivers are given");
      C.Driver = Argv[I];
      continue;
    }
    if (I + 1 == Argc)
      return usageError("unknown option or missing value: " + std::string(Arg));
    std::string Value = Argv[++I];
    if (Arg == "--artifact") {
      Artifact A;
      if (!readFile(Value.c_str(), A.Bytes))
        return usageError("cannot read " + Value);
      C.Opts.Artifacts.push_back(std::move(A));
    } else if (Arg == "--compatibility") {
      C.Opts.Compatibility = Value;
    } else if (Arg == "--config") {
      size_t Equals = Value.find('=');
      if (Equals == 0 || Equals == std::string::npos)
        return usageError("--config takes KEY=VALUE, not '" + Value + "'");
      C.Opts.Config.emplace_back(Value.substr(0, Equals),
                                 Value.substr(Equals + 1));
    } else if (Arg == "--filter") {
      C.Filter = Value;
    } else if (Arg == "--timeout") {
      C.Timeout = std::atoi(Value.c_str());
      if (C.Timeout <= 0)
        return usageError("--timeout takes a number of seconds");
    } else {
      return usageError("unknown option " + std::string(Arg));
    }
  }
  if (!C.Driver && !C.List)
    return usageError("no driver is given");
  return 0;
}

static Outcome runTest(const Library &L, const CommandLine &C,
                       const TestCase &T) {
  auto Begin = std::chrono::steady_clock::now();
  Outcome O = {T.Name, Verdict::Passed, {}, 0};
  Watchdog W(T.Name, C.Timeout);
  Session S(L, C.Opts);
  if (S.ready() && !S.has(T.Needs)) {
    O.V = Verdict::NotClaimed;
    return O;
  }
  if (S.ready())
    T.Run(S);
  S.close();
  if (S.failed()) {
    O.V = Verdict::Failed;
    O.Message = S.failure();
  }
  O.Milliseconds = std::chrono::duration<double, std::milli>(
                       std::chrono::steady_clock::now() - Begin)
                       .count();
  return O;
}

static std::string quoted(std::string_view Text) {
  std::string Out = "\"";
  for (char Ch : Text) {
    char Escape[8];
    if (Ch == '"' || Ch == '\\')
      (Out += '\\') += Ch;
    else if (static_cast<unsigned char>(Ch) < 0x20)
      Out += (std::snprintf(Escape, sizeof(Escape), "\\u%04x", Ch), Escape);
    else
      Out += Ch;
  }
  return Out + '"';
}

static const char *label(Verdict V) {
  switch (V) {
  case Verdict::Passed:
    return "passed";
  case Verdict::Failed:
    return "failed";
  case Verdict::NotClaimed:
    return "not claimed";
  }
  return "";
}

static void printJson(const char *Driver, const std::vector<Outcome> &All,
                      const size_t (&Counts)[3]) {
  std::printf("{\n  \"driver\": %s,\n  \"tests\": [", quoted(Driver).c_str());
  for (size_t I = 0; I != All.size(); ++I)
    std::printf("%s\n    {\"name\": \"%s\", \"result\": \"%s\", \"message\": "
                "%s, \"ms\": %.3f}",
                I ? "," : "", All[I].Name, label(All[I].V),
                quoted(All[I].Message).c_str(), All[I].Milliseconds);
  std::printf("\n  ],\n  \"passed\": %zu,\n  \"failed\": %zu,\n"
              "  \"not_claimed\": %zu\n}\n",
              Counts[0], Counts[1], Counts[2]);
}

int main(int Argc, char **Argv) {
  CommandLine C;
  if (Argc == 2 && std::string_view(Argv[1]) == "--help") {
    std::fputs(Usage, stdout);
    return 0;
  }
  if (int Status = parse(Argc, Argv, C))
    return Status;
  std::vector<TestCase> Tests;
  for (const auto *Area : {&QueryTests, &MemoryTests, &TimelineTests,
                           &QueueTests, &ExecutableTests, &ConcurrencyTests})
    for (const TestCase &T : *Area)
      if (fnmatch(C.Filter.c_str(), T.Name, 0) == 0)
        Tests.push_back(T);
  if (C.List) {
    for (const TestCase &T : Tests)
      std::puts(T.Name);
    return 0;
  }
  if (Tests.empty())
    return usageError("no test matches '" + C.Filter + "'");
  Library L;
  if (std::string Why = L.open(C.Driver); !Why.empty()) {
    std::fprintf(stderr, "dure-conformance: %s\n", Why.c_str());
    return 1;
  }

  std::vector<Outcome> All;
  size_t Counts[3] = {};
  for (const TestCase &T : Tests) {
    All.push_back(runTest(L, C, T));
    const Outcome &O = All.back();
    ++Counts[static_cast<size_t>(O.V)];
    if (C.Json)
      continue;
    if (O.V == Verdict::Failed)
      std::printf("FAIL %s: %s\n", O.Name, O.Message.c_str());
    else
      std::printf("%s %s (%.1f ms)\n",
                  O.V == Verdict::Passed ? "PASS" : "NOT CLAIMED", O.Name,
                  O.Milliseconds);
    std::fflush(stdout);
  }
  if (C.Json)
    printJson(C.Driver, All, Counts);
  else
    std::printf("%zu passed, %zu failed, %zu not claimed\n", Counts[0],
                Counts[1], Counts[2]);
  return Counts[1] ? 1 : 0;
}
