// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opens checkpoint folders.

#include "frontends/checkpoint/Checkpoint.h"

#include "frontends/checkpoint/GgufCheckpoint.h"
#include "frontends/checkpoint/Safetensors.h"
#include "frontends/onnx/Refusal.h"
#include "runtime/base/Checked.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

namespace dure::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char *ConfigFile = "config.json";
constexpr const char *OneFile = "model.safetensors";
constexpr const char *IndexFile = "model.safetensors.index.json";
/// For the index, which has a line for each tensor.
constexpr JsonLimits IndexLimits = {uint64_t(100) << 20, 2 * MaxTensors, 4};
constexpr size_t MaxWeightFiles = 10'000;

std::string_view viewOf(const MappedFile &File) {
  return {reinterpret_cast<const char *>(File.data()), File.size()};
}

/// What opens a folder, for as long as that takes.
class FolderReader {
public:
  FolderReader(Checkpoint &C, SafeFolder Folder, Refusals &Problems)
      : C(C), Folder(std::move(Folder)), Problems(Problems) {}

  void read() {
    // A folder of something else gets one reason, not one for each file that it
    // lacks.
    if (!has(ConfigFile) && !has(IndexFile) && !has(OneFile))
      return Problems.add(RefusalCode::NoCheckpoint, C.Folder);
    if (std::optional<MappedFile> File = map(ConfigFile)) {
      const std::string Place = placeOf(ConfigFile);
      std::optional<Json> Config =
          parseJson(viewOf(*File), Place, {}, Problems);
      if (Config && !Config->object())
        Problems.add(RefusalCode::JsonKind, Place, {ConfigFile, "{...}"});
      else if (Config)
        C.Config = std::move(*Config);
    }
    if (has(IndexFile))
      readIndex();
    else if (has(OneFile))
      readWeights(OneFile);
    else
      refuseMissingWeights();
    for (std::string_view Name : textFileNames())
      if (has(Name))
        if (std::optional<MappedFile> File = map(std::string(Name)))
          C.Texts[std::string(Name)].Mapping = std::move(*File);
  }

private:
  std::string placeOf(std::string_view Name) const {
    return (fs::path(C.Folder) / Name).string();
  }

  bool has(std::string_view Name) const {
    C.Looked.emplace(Name);
    std::error_code Ignored;
    return fs::exists(fs::symlink_status(placeOf(Name), Ignored));
  }

  std::optional<MappedFile> map(const std::string &Name) {
    C.Looked.insert(Name);
    Result<MappedFile> File = Folder.map(Name);
    if (File)
      return File.take();
    Problems.add(RefusalCode::FileOpen, placeOf(Name),
                 {File.status().message()});
    return std::nullopt;
  }

  void readWeights(const std::string &Name) {
    std::optional<MappedFile> File = map(Name);
    if (!File)
      return;
    C.Files.push_back({Name, std::move(*File)});
    readSafetensors(C.Files.back().Mapping.bytes(),
                    uint32_t(C.Files.size() - 1), placeOf(Name), C, Problems);
  }

  void readIndex() {
    const std::string Place = placeOf(IndexFile);
    std::optional<MappedFile> File = map(IndexFile);
    std::optional<Json> Index;
    if (File)
      Index = parseJson(viewOf(*File), Place, IndexLimits, Problems);
    if (!Index)
      return;
    const Json *Map = Index->find("weight_map");
    if (!Map || !Map->object())
      return Problems.add(RefusalCode::JsonKind, Place,
                          {"weight_map", "{...}"});
    std::set<std::string> Names;
    for (const auto &[Name, Where] : *Map->object()) {
      if (!Where.string())
        return Problems.add(RefusalCode::JsonKind, Place, {Name, "\"...\""});
      Names.insert(*Where.string());
    }
    if (Names.size() > MaxWeightFiles)
      return Problems.add(RefusalCode::JsonTooMany, Place,
                          {std::to_string(MaxWeightFiles)});
    const bool WasWhole = Problems.empty();
    for (const std::string &Name : Names)
      readWeights(Name);
    if (WasWhole && !Problems.empty())
      return;
    for (const auto &[Name, Where] : *Map->object()) {
      const Tensor *T = C.find(Name);
      if (!T || C.Files[T->File].Name != *Where.string())
        Problems.add(RefusalCode::TensorElsewhere, Place + ": " + Name,
                     {*Where.string()});
    }
  }

  void refuseMissingWeights() {
    std::error_code Ignored;
    for (const auto &Entry : fs::directory_iterator(C.Folder, Ignored)) {
      const std::string End = Entry.path().extension().string();
      for (const char *Pickled : {".bin", ".pt", ".pth", ".ckpt", ".pkl"})
        if (End == Pickled)
          return Problems.add(RefusalCode::Pickle, Entry.path().string());
    }
    Problems.add(RefusalCode::NoWeights, C.Folder);
  }

  Checkpoint &C;
  SafeFolder Folder;
  Refusals &Problems;
};

} // namespace

uint64_t Tensor::elements() const {
  uint64_t Count = 1;
  for (int64_t Each : Shape)
    Count *= uint64_t(Each);
  return Count;
}

uint64_t Tensor::bytes() const { return *tensorBytes(Type, Shape); }

std::string_view TextFile::text() const {
  return Made.empty() ? viewOf(Mapping) : std::string_view(Made);
}

std::span<const std::string_view> textFileNames() {
  static constexpr auto Names = std::to_array<std::string_view>(
      {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
       "chat_template.jinja", "chat_template.json", "generation_config.json"});
  return Names;
}

std::optional<uint64_t> tensorBytes(DataType Type,
                                    std::span<const int64_t> Shape) {
  // Bits first: elements of 4 bits share bytes.
  uint64_t Bits = onnx::bitWidth(Type);
  for (int64_t Each : Shape)
    if (Each < 0 || !checkedMul(Bits, uint64_t(Each), Bits))
      return std::nullopt;
  if (Bits > uint64_t(INT64_MAX))
    return std::nullopt;
  return (Bits + 7) / 8;
}

std::unique_ptr<Checkpoint> Checkpoint::open(const std::string &Path,
                                             const LinkPolicy &Links,
                                             Refusals &Problems) {
  auto C = std::make_unique<Checkpoint>();
  C->Path = Path;
  std::error_code Ignored;
  if (fs::is_regular_file(Path, Ignored)) {
    const fs::path File(Path);
    C->Folder = File.parent_path().empty() ? "." : File.parent_path().string();
    openGguf(*C, File.filename().string(), Links, Problems);
    return Problems.empty() ? std::move(C) : nullptr;
  }
  C->Folder = Path;
  while (C->Folder.size() > 1 && C->Folder.ends_with('/'))
    C->Folder.pop_back();
  Result<SafeFolder> Folder = SafeFolder::open(C->Folder, Links);
  if (!Folder) {
    Problems.add(RefusalCode::FileOpen, Path, {Folder.status().message()});
    return nullptr;
  }
  FolderReader(*C, Folder.take(), Problems).read();
  return Problems.empty() ? std::move(C) : nullptr;
}

} // namespace dure::checkpoint
