// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure inspect.
#include "tools/dure/Commands.h"
#include "tools/dure/JsonText.h"
#include "tools/io/File.h"

#include <filesystem>

namespace dure {
namespace {

/// Whether the model's files that the package's weights stay in are there, with
/// the sizes that they had: they are not read before the package runs.
bool checkFiles(const Console &Out, const Options &O,
                const std::string &Description) {
  namespace fs = std::filesystem;
  const fs::path Folder = O.ModelFolder.empty() ? fs::path(O.Path).parent_path()
                                                : fs::path(O.ModelFolder);
  bool Good = true;
  for (const ReferencedFile &File : referencedFiles(Description)) {
    const std::string Path = (Folder / File.Path).string();
    io::Result<io::MappedFile> Opened = io::MappedFile::open(Path);
    if (!Opened) {
      Out.fail(Opened.failure());
      Good = false;
    } else if (int64_t(Opened->bytes().size()) != File.Bytes) {
      Out.fail(Message::ModelFileSize,
               {Path, std::to_string(Opened->bytes().size()),
                std::to_string(File.Bytes)});
      Good = false;
    }
  }
  return Good;
}

} // namespace

int runInspect(const Console &Out, const Options &O) {
  // A file that cannot be read is not said to be no package.
  if (io::Result<io::MappedFile> File = io::MappedFile::open(O.Path); !File)
    return Out.fail(File.failure());
  if (!looksLikePackage(O.Path))
    return Out.fail(Message::NotAPackage, {O.Path});
  std::optional<LoadedPackage> Package = LoadedPackage::load(Out, O.Path, O);
  if (!Package)
    return ExitFailed;
  const std::optional<std::string> Json = Package->describe(Out);
  if (!Json)
    return ExitFailed;
  if (O.HasVerify && O.Verify != DURE_VERIFY_STRUCTURE &&
      !checkFiles(Out, O, *Json))
    return ExitFailed;
  std::string Text = O.Json ? *Json : renderJson(*Json);
  if (!Text.ends_with('\n'))
    Text += '\n';
  return (O.Json ? Out.printJson(Text) : Out.print(Text)) ? ExitOk : ExitFailed;
}

} // namespace dure
