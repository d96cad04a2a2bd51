// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Getting from what the user named to a package with a session.
#include "tools/dure/Checkpoints.h"
#include "tools/dure/Commands.h"
#include "tools/dure/TemporaryFolder.h"

#include "tools/io/File.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace dure {
namespace {

std::string folderOf(const std::string &Path) {
  const std::string Folder = std::filesystem::path(Path).parent_path().string();
  return Folder.empty() ? "." : Folder;
}

/// Compiles into a file; gives the exit status.
int compileTo(const Console &Out, const Options &O,
              const Compiler::CompileSettings &Settings) {
  std::optional<Compiler> Opened = Compiler::open(Out);
  if (!Opened)
    return ExitFailed;
  const CompilerResult Compiled = Opened->compile(O, Settings, Out);
  const int Exit = Compiler::report(Compiled, Out);
  // Programs want the list of what was refused.
  if (Exit != ExitOk && O.Json && Compiled)
    Out.printJson(std::string(Compiled->json) + "\n");
  return Exit;
}

/// The same in a process of its own. There are no threads yet, so that all of
/// the process goes on in the child.
int compileInChild(const Console &Out, const Options &O,
                   const Compiler::CompileSettings &Settings) {
  const pid_t Child = ::fork();
  if (Child < 0)
    return compileTo(Out, O, Settings);
  if (Child == 0) {
    // What it leaves behind is the parent's to remove.
    setTemporaryFile("");
    ::_exit(compileTo(Out, O, Settings));
  }
  bool Told = false;
  int Status = 0;
  for (;;) {
    const pid_t Ended = ::waitpid(Child, &Status, WNOHANG);
    if (Ended == Child || (Ended < 0 && errno != EINTR))
      break;
    // Ctrl-C reaches both; other requests to stop only this process.
    if (interrupted() && !std::exchange(Told, true))
      ::kill(Child, SIGTERM);
    ::usleep(5000);
  }
  if (WIFEXITED(Status))
    return WEXITSTATUS(Status);
  return interrupted()
             ? Out.failCancelled()
             : Out.fail(Message::CompilerDied,
                        {std::to_string(WIFSIGNALED(Status) ? WTERMSIG(Status)
                                                            : 0)});
}

} // namespace

bool makeTemporaryFolder(const Console &Out,
                         std::optional<TemporaryFolder> &Folder,
                         const char *FileName) {
  Folder.emplace(FileName);
  if (!Folder->Path.empty())
    return true;
  Out.fail(Message::NoTemporaryFolder,
           {Folder->Place, io::systemError(Folder->Error, Out.language())});
  return false;
}

bool mayBeModel(const Console &Out, const std::string &Path) {
  if (looksLikePackage(Path)) {
    Out.fail(Message::NotAModel, {Path});
    return false;
  }
  const io::Result<io::MappedFile> File = io::MappedFile::open(Path);
  if (!File)
    return true;
  // IR starts with an op, an attribute's alias or a comment. ONNX starts with a
  // field's number, which is no printing character.
  std::string_view Text(reinterpret_cast<const char *>(File->bytes().data()),
                        File->bytes().size());
  Text.remove_prefix(std::min(Text.find_first_not_of(" \t\r\n"), Text.size()));
  for (const std::string_view Start :
       {"module", "builtin.module", "\"builtin.module", "#", "//"})
    if (Text.starts_with(Start)) {
      Out.fail(Message::NotOnnx, {Path});
      return false;
    }
  return true;
}

Prepared compileAndLoad(const Console &Out, const Options &O,
                        const TemporaryCompile &How) {
  Prepared Result;
  const bool FromCheckpoint = isCheckpoint(O.Path);
  if (!FromCheckpoint && !mayBeModel(Out, O.Path))
    return Result;
  // Gone at return: the package is mapped by then.
  std::optional<TemporaryFolder> Folder;
  std::vector<CarriedFile> Texts;
  Options Model = O;
  if (!makeTemporaryFolder(Out, Folder, "model.dure") ||
      (FromCheckpoint && !placeGraph(Out, O, *Folder, Model, Texts)))
    return Result;
  Compiler::CompileSettings Settings;
  Settings.OutputPath = Folder->file();
  Settings.EmbedWeights = false;
  Settings.DebugValues = How.DebugValues;
  Settings.Target = How.Target;
  auto Files = readCarriedFiles(Out, O, std::move(Texts));
  if (!Files)
    return Result;
  Settings.Files = std::move(*Files);
  Result.Exit = How.InChild ? compileInChild(Out, Model, Settings)
                            : compileTo(Out, Model, Settings);
  if (Result.Exit != ExitOk)
    return Result;
  Result.Exit = ExitFailed;
  Options Loading = Model;
  Loading.ModelFolder = folderOf(Model.Path);
  // What was compiled a moment ago needs no second reading.
  Loading.Verify = DURE_VERIFY_STRUCTURE;
  std::optional<LoadedPackage> Package =
      LoadedPackage::load(Out, Settings.OutputPath, Loading);
  if (Package && Package->openSession(Out, Loading, ""))
    Result.Package = std::move(Package);
  return Result;
}

/// The name of an option that was given and does not go with the file; null
/// when there is none.
static const char *misplacedOption(const Options &O, bool IsPackage) {
  const struct {
    const char *Name;
    bool Used, ForPackages;
  } All[] = {{"--cpu", !O.Cpus.empty(), false},
             {"--load-target", !O.LoadTargets.empty(), false},
             {"--bucket", !O.Buckets.empty(), false},
             {"--no-raise", O.NoRaise, false},
             {"--no-fallback", O.NoFallback, false},
             {"--text-folder", !O.TextFolder.empty(), false},
             {"--model-folder", !O.ModelFolder.empty(), true},
             {"--verify", O.HasVerify, true},
             {"--trust-code", O.TrustCode, true}};
  for (const auto &Option : All)
    if (Option.Used && Option.ForPackages != IsPackage)
      return Option.Name;
  return nullptr;
}

Prepared preparePackage(const Console &Out, const Options &O, bool InChild) {
  Prepared Result;
  const bool FromCheckpoint = isCheckpoint(O.Path);
  if (io::Result<io::MappedFile> File = io::MappedFile::open(O.Path);
      !File && !FromCheckpoint) {
    Out.fail(File.failure());
    return Result;
  }
  const bool IsPackage = !FromCheckpoint && looksLikePackage(O.Path);
  if (const char *Option = misplacedOption(O, IsPackage)) {
    Result.Exit = Out.usage(IsPackage ? Message::UsageCompileOnly
                                      : Message::UsagePackageOnly,
                            {std::string(Option), O.Path});
    return Result;
  }
  if (!IsPackage) {
    TemporaryCompile How;
    How.InChild = InChild;
    return compileAndLoad(Out, O, How);
  }
  std::optional<LoadedPackage> Package = LoadedPackage::load(Out, O.Path, O);
  if (Package &&
      Package->openSession(Out, O, O.Targets.empty() ? "" : O.Targets[0]))
    Result.Package = std::move(Package);
  return Result;
}

} // namespace dure
