// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Comparing the places that a command reads and writes.
#include "tools/dure/OutputPaths.h"

#include "tools/dure/JsonText.h"
#include "tools/io/File.h"

#include <filesystem>
#include <sys/stat.h>

namespace dure {
namespace {

namespace fs = std::filesystem;

/// What makes two paths one file: where there is a file, which; else the folder
/// and the name in it.
struct Place {
  dev_t Device = 0;
  ino_t Inode = 0;
  std::string Name;

  bool operator==(const Place &) const = default;
};

/// Nothing where not even the folder is there; opening it says so later.
std::optional<Place> placeOf(const std::string &Path) {
  struct stat Info;
  if (::stat(Path.c_str(), &Info) == 0)
    return Place{Info.st_dev, Info.st_ino, ""};
  const fs::path Parent = fs::path(Path).parent_path();
  if (::stat(Parent.empty() ? "." : Parent.c_str(), &Info) != 0)
    return std::nullopt;
  return Place{Info.st_dev, Info.st_ino, fs::path(Path).filename().string()};
}

} // namespace

int checkOutputPaths(const Console &Out, const Options &O,
                     const std::vector<std::string> &Files) {
  std::vector<std::pair<std::string, std::string>> Read = {
      {Out.text(Message::TheModel), O.Path}};
  for (const auto &[Name, File] : O.Inputs)
    Read.emplace_back("--input " + Name, File);
  if (!O.InputsFile.empty())
    Read.emplace_back("--inputs", O.InputsFile);
  for (const std::string &File : Files)
    Read.emplace_back(Out.text(Message::AModelFile), File);
  const std::pair<const char *, const std::string &> Written[] = {
      {"--output", O.Output}, {"--report", O.Report}, {"--trace", O.Trace}};
  for (const auto &[Option, Path] : Written) {
    const std::optional<Place> At = Path.empty() ? std::nullopt : placeOf(Path);
    if (!At)
      continue;
    for (const auto &[Name, Other] : Read)
      if (placeOf(Other) == At)
        return Out.usage(Message::UsageSamePath, {Name, Option, Path});
    Read.emplace_back(Option, Path);
  }
  // A run is not wasted on a trace that has no place. Creating one leaves
  // nothing behind.
  if (!O.Trace.empty())
    if (auto Tried = io::AtomicFile::create(O.Trace); !Tried)
      return Out.fail(Tried.failure());
  return ExitOk;
}

int checkTracePath(const Console &Out, const Options &O,
                   const LoadedPackage &Package) {
  if (O.Trace.empty())
    return ExitOk;
  const std::optional<std::string> Description = Package.describe(Out);
  if (!Description)
    return ExitFailed;
  const fs::path Folder = O.ModelFolder.empty() ? fs::path(O.Path).parent_path()
                                                : fs::path(O.ModelFolder);
  std::vector<std::string> Files;
  for (const ReferencedFile &File : referencedFiles(*Description))
    Files.push_back((Folder / File.Path).string());
  return checkOutputPaths(Out, O, Files);
}

} // namespace dure
