// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Getting from what the user named to a package with a session.
#include "tools/dure/Commands.h"

#include "tools/io/File.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace dure {
namespace {

/// A private folder that goes with its content.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::error_code Ignored;
    std::string Pattern =
        (std::filesystem::temp_directory_path(Ignored) / "dure-XXXXXX")
            .string();
    if (::mkdtemp(Pattern.data()))
      Path = Pattern;
  }
  ~TemporaryFolder() {
    std::error_code Ignored;
    if (!Path.empty())
      std::filesystem::remove_all(Path, Ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::string Path;
};

std::string folderOf(const std::string &Path) {
  const std::string Folder = std::filesystem::path(Path).parent_path().string();
  return Folder.empty() ? "." : Folder;
}

} // namespace

Prepared compileAndLoad(const Console &Out, const Compiler &Opened,
                        const Options &O, const std::string &Target,
                        bool DebugValues) {
  Prepared Result;
  // Gone at return: the package is mapped by then.
  TemporaryFolder Folder;
  if (Folder.Path.empty()) {
    Out.fail(Message::CannotMakeFolder, {"TMPDIR", "mkdtemp"});
    return Result;
  }
  Compiler::CompileSettings Settings;
  Settings.OutputPath = Folder.Path + "/model.dure";
  Settings.EmbedWeights = false;
  Settings.DebugValues = DebugValues;
  Settings.Target = Target;
  CompilerResult Compiled = Opened.compile(O, Settings, Out);
  Result.Exit = Compiler::report(Compiled, Out);
  if (Result.Exit != ExitOk)
    return Result;
  Result.Exit = ExitFailed;
  Options Loading = O;
  Loading.ModelFolder = folderOf(O.Path);
  // What was compiled a moment ago needs no second reading.
  Loading.Verify = DURE_VERIFY_STRUCTURE;
  std::optional<LoadedPackage> Package =
      LoadedPackage::load(Out, Settings.OutputPath, Loading);
  if (Package && Package->openSession(Out, Loading, ""))
    Result.Package = std::move(Package);
  return Result;
}

Prepared preparePackage(const Console &Out, const Options &O) {
  Prepared Result;
  if (io::Result<io::MappedFile> File = io::MappedFile::open(O.Path); !File) {
    Out.fail(File.failure());
    return Result;
  }
  if (!looksLikePackage(O.Path)) {
    std::optional<Compiler> Opened = Compiler::open(Out);
    return Opened ? compileAndLoad(Out, *Opened, O, "", false)
                  : std::move(Result);
  }
  const std::pair<const char *, bool> CompileOnly[] = {
      {"--cpu", !O.Cpus.empty()},
      {"--load-target", !O.LoadTargets.empty()},
      {"--no-raise", O.NoRaise},
      {"--no-fallback", O.NoFallback}};
  for (const auto &[Name, Used] : CompileOnly)
    if (Used) {
      Result.Exit =
          Out.usage(Message::UsageCompileOnly, {std::string(Name), O.Path});
      return Result;
    }
  std::optional<LoadedPackage> Package = LoadedPackage::load(Out, O.Path, O);
  if (Package &&
      Package->openSession(Out, O, O.Targets.empty() ? "" : O.Targets[0]))
    Result.Package = std::move(Package);
  return Result;
}

} // namespace dure
