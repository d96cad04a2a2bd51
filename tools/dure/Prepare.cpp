// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Getting from what the user named to a package with a session.
#include "tools/dure/Checkpoints.h"
#include "tools/dure/Commands.h"
#include "tools/dure/CompileCache.h"
#include "tools/dure/JsonText.h"
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

constexpr const char *PackageName = "model.dure";

std::string folderOf(const std::string &Path) {
  const std::string Folder = std::filesystem::path(Path).parent_path().string();
  return Folder.empty() ? "." : Folder;
}

/// Notes beside a package what it was compiled from: what the compiler names,
/// unless `Known` says it better.
void noteSources(const CompileCache &Cache, const std::string &Package,
                 const CompilerResult &Compiled, const CompileSources *Known) {
  CompileSources Sources;
  if (Known)
    Sources = *Known;
  else
    for (std::string &File : compiledFiles(Compiled->json))
      Sources.Files.insert(std::move(File));
  Cache.note(folderOf(Package), std::move(Sources));
}

/// A model on its way to a package.
struct Work {
  Compiler::CompileSettings Settings;
  /// Of a checkpoint; null for other models.
  const CompileSources *Sources = nullptr;
  const CompileCache &Cache;
};

/// Compiles into a file; gives the exit status.
int compileTo(const Console &Out, const Options &O, const Work &W) {
  std::optional<Compiler> Opened = Compiler::open(Out);
  if (!Opened)
    return ExitFailed;
  const CompilerResult Compiled = Opened->compile(O, W.Settings, Out);
  const int Exit = Compiler::report(Compiled, Out);
  // Programs want the list of what was refused.
  if (Exit != ExitOk && O.Json && Compiled)
    Out.printJson(std::string(Compiled->json) + "\n");
  if (Exit == ExitOk)
    noteSources(W.Cache, W.Settings.OutputPath, Compiled, W.Sources);
  return Exit;
}

/// The same in a process of its own. There are no threads yet, so that all of
/// the process goes on in the child.
int compileInChild(const Console &Out, const Options &O, const Work &W) {
  const pid_t Child = ::fork();
  if (Child < 0)
    return compileTo(Out, O, W);
  if (Child == 0) {
    // What it leaves behind is the parent's to remove.
    setTemporaryFile("");
    ::_exit(compileTo(Out, O, W));
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

/// Opens a session on the package in a folder. Its model's files lie there,
/// too, where it was made of a checkpoint.
static std::optional<LoadedPackage> loadCompiled(const Console &Out,
                                                 const Options &O,
                                                 const std::string &Folder,
                                                 bool FromCheckpoint) {
  Options Loading = O;
  Loading.ModelFolder = FromCheckpoint ? Folder : folderOf(O.Path);
  if (FromCheckpoint) {
    // Where they lead was asked when the checkpoint was opened.
    Loading.AllowLinks = true;
    Loading.LinksRoot.clear();
  }
  // What this program compiled needs no second reading.
  Loading.Verify = DURE_VERIFY_STRUCTURE;
  std::optional<LoadedPackage> Package =
      LoadedPackage::load(Out, Folder + "/" + PackageName, Loading);
  if (Package && !Package->openSession(Out, Loading, ""))
    Package.reset();
  return Package;
}

/// The package of an earlier call; nothing where there is none that serves.
static std::optional<LoadedPackage> loadCached(const Console &Out,
                                               const Options &O,
                                               const CompileCache &Cache,
                                               bool FromCheckpoint) {
  const std::string Entry = Cache.find();
  if (Entry.empty())
    return std::nullopt;
  // What is wrong with it is no news: it is made anew.
  std::string Ignored;
  std::optional<LoadedPackage> Package =
      loadCompiled(Console(Out.language(), &Ignored), O, Entry, FromCheckpoint);
  if (Package)
    Out.note(Message::CacheTaken);
  return Package;
}

Prepared compileAndLoad(const Console &Out, const Options &O,
                        const TemporaryCompile &How) {
  Prepared Result;
  const bool FromCheckpoint = isCheckpoint(O.Path);
  if (!FromCheckpoint && !mayBeModel(Out, O.Path))
    return Result;
  const CompileCache Cache(Out, O, How.Target, How.DebugValues);
  if ((Result.Package = loadCached(Out, O, Cache, FromCheckpoint))) {
    Result.Package->setCacheUse(CacheUse::Taken);
    return Result;
  }
  // Gone at return, if it was not kept: the package is mapped by then.
  std::optional<TemporaryFolder> Folder;
  if (!makeTemporaryFolder(Out, Folder, PackageName))
    return Result;
  PlacedGraph Graph{O, {}, {}};
  if (FromCheckpoint) {
    auto Placed = placeGraph(Out, O, *Folder);
    if (!Placed)
      return Result;
    Graph = std::move(*Placed);
  }
  Work W{{}, FromCheckpoint ? &Graph.Sources : nullptr, Cache};
  W.Settings.OutputPath = Folder->file();
  W.Settings.EmbedWeights = false;
  W.Settings.DebugValues = How.DebugValues;
  W.Settings.Target = How.Target;
  auto Files = readCarriedFiles(Out, O, std::move(Graph.Texts));
  if (!Files)
    return Result;
  W.Settings.Files = std::move(*Files);
  Folder->announce(CacheRecordName);
  Result.Exit = How.InChild ? compileInChild(Out, Graph.Model, W)
                            : compileTo(Out, Graph.Model, W);
  if (Result.Exit != ExitOk)
    return Result;
  Result.Exit = ExitFailed;
  Result.Package = loadCompiled(Out, O, Folder->Path, FromCheckpoint);
  if (Result.Package && Cache.keep(Folder->Path)) {
    Result.Package->setCacheUse(CacheUse::Kept);
    Out.note(Message::CacheKept);
  }
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
