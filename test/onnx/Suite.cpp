// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finding tests, running them all, reporting.
#include "test/onnx/Suite.h"

#include "test/onnx/Workers.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <regex.h>
#include <unistd.h>

namespace dure::modeltest {
namespace {

namespace fs = std::filesystem;

/// A POSIX extended regular expression; std::regex throws on a bad one.
class Pattern {
public:
  explicit Pattern(const std::string &Text)
      : Error(::regcomp(&Compiled, Text.c_str(), REG_EXTENDED | REG_NOSUB)) {}
  Pattern(const Pattern &) = delete;
  Pattern &operator=(const Pattern &) = delete;
  ~Pattern() {
    if (!Error)
      ::regfree(&Compiled);
  }
  bool good() const { return !Error; }
  bool finds(const std::string &Name) const {
    return ::regexec(&Compiled, Name.c_str(), 0, nullptr, 0) == 0;
  }

private:
  ::regex_t Compiled;
  int Error;
};

/// A folder of the run's own, removed with what is in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::error_code Ignored;
    Path = (fs::temp_directory_path(Ignored) / "dure-tests-XXXXXX").string();
    if (!::mkdtemp(Path.data()))
      Path.clear();
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder() {
    std::error_code Ignored;
    if (!Path.empty())
      fs::remove_all(Path, Ignored);
  }
  std::string Path;
};

void collect(const std::string &Folder, int Depth, const Pattern &Wanted,
             std::vector<Test> &Tests) {
  std::error_code Error;
  for (fs::directory_iterator I(Folder, Error), End; !Error && I != End;
       I.increment(Error)) {
    std::error_code Ignored;
    if (I->is_symlink(Ignored) || !I->is_directory(Ignored))
      continue;
    const std::string Name = I->path().filename().string();
    if (!fs::exists(I->path() / "model.onnx", Ignored)) {
      if (Depth > 1)
        collect(I->path().string(), Depth - 1, Wanted, Tests);
    } else if (Wanted.finds(Name)) {
      Tests.push_back({Name, I->path().string()});
    }
  }
}

/// One line on a terminal, one line a tenth elsewhere.
class Progress {
public:
  explicit Progress(size_t Total)
      : Total(Total), Terminal(::isatty(STDERR_FILENO)) {}
  ~Progress() {
    if (Terminal)
      std::fprintf(stderr, "\r\033[K");
  }
  void ended(const std::string &Name) {
    ++Done;
    if (Terminal)
      std::fprintf(stderr, "\r\033[K[%zu/%zu] %s", Done, Total, Name.c_str());
    else if (Done == Total || Done * 10 / Total != (Done - 1) * 10 / Total)
      std::fprintf(stderr, "[%zu/%zu]\n", Done, Total);
  }

private:
  size_t Total, Done = 0;
  bool Terminal;
};

} // namespace

std::optional<std::vector<Test>> findTests(const SuiteOptions &Options) {
  const Pattern Wanted(Options.Filter.empty() ? "." : Options.Filter);
  if (!Wanted.good()) {
    std::fprintf(stderr, "--filter: '%s' is no regular expression\n",
                 Options.Filter.c_str());
    return std::nullopt;
  }
  std::vector<Test> Tests;
  for (const std::string &Folder : Options.Data)
    collect(Folder, 2, Wanted, Tests);
  std::sort(Tests.begin(), Tests.end(),
            [](const Test &A, const Test &B) { return A.Name < B.Name; });
  for (size_t I = 1; I < Tests.size(); ++I)
    if (Tests[I].Name == Tests[I - 1].Name) {
      std::fprintf(stderr, "two tests have one name: %s and %s\n",
                   Tests[I - 1].Folder.c_str(), Tests[I].Folder.c_str());
      return std::nullopt;
    }
  return Tests;
}

std::optional<TestResults>
runTests(const SuiteOptions &Options, const std::vector<Test> &Tests,
         const std::function<Outcome(const Test &, const std::string &)> &Run) {
  const TemporaryFolder Folder;
  if (Folder.Path.empty()) {
    std::fprintf(stderr, "cannot make a temporary folder: %s\n",
                 std::strerror(errno));
    return std::nullopt;
  }
  TestResults Results;
  Progress Line(Tests.size());
  const auto end = [&](size_t Index, Outcome Got) {
    const std::string &Name = Tests[Index].Name;
    Line.ended(Name);
    if (Options.Verbose)
      std::printf("%s: %s %s (%.2f s + %.3f s)\n", Name.c_str(),
                  std::string(kindName(Got.Kind)).c_str(), Got.reason().c_str(),
                  Got.CompileSeconds, Got.RunSeconds);
    Results[Name] = std::move(Got);
  };
  const bool Started = runInWorkers(
      Tests.size(), {.Workers = Options.Jobs, .Timeout = Options.Timeout},
      [&](size_t Index) {
        Outcome Got = Run(Tests[Index],
                          Folder.Path + "/" + std::to_string(Index) + ".dure");
        if (!Got.passed())
          Got.Detail += takeStderr();
        return Got.encode();
      },
      [&](size_t Index, std::string Text) {
        std::optional<Outcome> Got = Outcome::decode(Text);
        if (!Got) {
          Got.emplace();
          Got->Kind = OutcomeKind::Failed;
          Got->Code = "runner";
          Got->Detail = "the worker's answer is too long";
        }
        end(Index, std::move(*Got));
      },
      [&](size_t Index, Death How) {
        Outcome Got;
        Got.Kind = OutcomeKind::Crashed;
        Got.Code = How.Cause;
        Got.Detail = How.LastWords;
        end(Index, std::move(Got));
      });
  if (!Started)
    return std::nullopt;
  return Results;
}

std::string libraryFolder() {
  std::error_code Ignored;
  const fs::path Self = fs::read_symlink("/proc/self/exe", Ignored);
  return (Self.parent_path().parent_path() / DURE_LIBRARY_FOLDER).string();
}

} // namespace dure::modeltest
