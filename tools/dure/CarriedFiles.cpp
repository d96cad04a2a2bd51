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

} // namespace

std::optional<std::vector<CarriedFile>>
readCarriedFiles(const Console &Out, const Options &O,
                 std::vector<CarriedFile> Made) {
  namespace fs = std::filesystem;
  std::vector<CarriedFile> Files;
  if (O.TextFolder == "none")
    return Files;
  if (O.TextFolder.empty() && !Made.empty())
    return Made;
  std::string Place = O.TextFolder;
  std::error_code Ignored;
  if (Place.empty())
    Place = fs::is_directory(O.Path, Ignored)
                ? O.Path
                : fs::path(O.Path).parent_path().string();
  Result<SafeFolder> Folder =
      SafeFolder::open(Place.empty() ? "." : Place,
                       {O.AllowLinks, O.LinksRoot.empty() ? "/" : O.LinksRoot});
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

} // namespace dure
