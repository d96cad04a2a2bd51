// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finding a model's small files.
#include "tools/dure/CarriedFiles.h"

#include "runtime/io/SafeFile.h"
#include "tools/dure/LanguageModel.h"

#include <filesystem>

namespace dure {
namespace {

/// As the tools of Hugging Face name them.
constexpr const char *Names[] = {
    "tokenizer.json", "tokenizer_config.json",  "chat_template.jinja",
    "config.json",    "generation_config.json", "special_tokens_map.json",
    "modules.json",   "1_Pooling/config.json",  "sentence_bert_config.json"};

/// A tokenizer of a quarter of a million tokens takes 40 MB.
constexpr size_t MaxBytes = size_t(128) << 20;

/// The folder that has them.
std::string placeOf(const Options &O) {
  namespace fs = std::filesystem;
  if (!O.TextFolder.empty())
    return O.TextFolder;
  std::error_code Ignored;
  const std::string Place = fs::is_directory(O.Path, Ignored)
                                ? O.Path
                                : fs::path(O.Path).parent_path().string();
  return Place.empty() ? "." : Place;
}

} // namespace

std::optional<std::vector<CarriedFile>>
readCarriedFiles(const Console &Out, const Options &O,
                 std::vector<CarriedFile> Made) {
  std::vector<CarriedFile> Files;
  if (O.TextFolder == "none")
    return Files;
  if (O.TextFolder.empty() && !Made.empty())
    return Made;
  const std::string Place = placeOf(O);
  Result<SafeFolder> Folder = SafeFolder::open(
      Place, {O.AllowLinks, O.LinksRoot.empty() ? "/" : O.LinksRoot});
  if (!Folder) {
    fail(Out, Folder.status());
    return std::nullopt;
  }
  for (const char *Name : Names) {
    Result<MappedFile> File = Folder->map(Name);
    if (!File && File.status().code() == StatusCode::NotFound)
      continue;
    if (!File) {
      fail(Out, File.status());
      return std::nullopt;
    }
    if (File->size() > MaxBytes) {
      Out.fail(Message::CarriedTooLarge,
               {Place + "/" + Name, formatBytes(double(File->size())),
                formatBytes(double(MaxBytes))});
      return std::nullopt;
    }
    Files.push_back(
        {Name, std::string(reinterpret_cast<const char *>(File->data()),
                           File->size())});
  }
  return Files;
}

std::vector<std::string> carriedFilePaths(const Options &O) {
  std::vector<std::string> Paths;
  if (O.TextFolder != "none")
    for (const char *Name : Names)
      Paths.push_back(placeOf(O) + "/" + Name);
  return Paths;
}

} // namespace dure
