// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opens GGUF files.

#include "frontends/checkpoint/GgufCheckpoint.h"

#include "frontends/checkpoint/GgufFamilies.h"
#include "frontends/checkpoint/GgufTokenizer.h"

#include <cstdio>

namespace dure::checkpoint {
namespace {

/// Five digits name a part.
constexpr int64_t MaxParts = 99'999;

/// "-00002-of-00003.gguf"
std::string partEnding(int64_t Part, int64_t Count) {
  char Text[64];
  std::snprintf(Text, sizeof(Text), "-%05d-of-%05d.gguf", int(Part),
                int(Count));
  return Text;
}

class Opener {
public:
  Opener(Checkpoint &C, const LinkPolicy &Links, Refusals &Problems)
      : C(C), Links(Links), Problems(Problems) {}

  void open(const std::string &Name) {
    // The user names this file: links are followed.
    if (!addFile(Name, MappedFile::open(C.Path)) || !openParts(Name))
      return;
    const GgufFile &First = Parts.front();
    const auto Architecture = First.text("general.architecture", Problems);
    const GgufFamily *Family = findGgufFamily(Architecture.value_or(""));
    if (!Family)
      return Problems.add(
          RefusalCode::GgufArchitecture, First.place(),
          {std::string(Architecture.value_or("")), knownGgufArchitectures()});
    if (!index())
      return;
    configure(*Family);
    if (!Problems.empty())
      return;
    for (const auto &[Each, Stored] : Tensors)
      convert(*Family, Each, Stored);
    for (auto &[Each, Text] : makeTokenizerFiles(First, Problems))
      C.Texts[Each].Made = std::move(Text);
  }

private:
  bool addFile(const std::string &Name, Result<MappedFile> File) {
    const std::string Place = C.Folder + "/" + Name;
    C.Looked.insert(Name);
    if (!File) {
      Problems.add(RefusalCode::FileOpen, Place, {File.status().message()});
      return false;
    }
    C.Files.push_back({Name, File.take()});
    auto Read = GgufFile::read(C.Files.back().Mapping.bytes(), Place, Problems);
    if (Read)
      Parts.push_back(std::move(*Read));
    return bool(Read);
  }

  bool openParts(const std::string &Name);
  bool isPart(const GgufFile &File, int64_t Part, int64_t Count);
  bool index();
  void configure(const GgufFamily &Family);
  void convert(const GgufFamily &Family, std::string_view Name,
               const StoredTensor &Stored);
  void add(const std::string &Name, const GgufTensor &From, uint32_t File,
           const GgufChange &Change, const std::string &Place);
  bool addBoth(const std::string &Name, GgufTensor From, uint32_t File,
               const GgufChange &Change, const std::string &Place);
  bool isHalf(const GgufFamily &Family, std::string_view Name,
              const StoredTensor &Stored, const std::string &Place);

  Checkpoint &C;
  const LinkPolicy &Links;
  Refusals &Problems;
  std::vector<GgufFile> Parts;
  StoredTensors Tensors;
  int64_t QueryHeads = 1, KeyHeads = 1, LayerEnd = INT64_MAX;
};

} // namespace

bool Opener::isPart(const GgufFile &File, int64_t Part, int64_t Count) {
  return File.integer("split.no", Problems) == Part &&
         File.integer("split.count", Problems) == Count;
}

/// Opens the files beside the first one, where it says that there are some.
bool Opener::openParts(const std::string &Name) {
  const GgufFile &First = Parts.front();
  const size_t Before = Problems.list().size();
  const int64_t Count = First.integer("split.count", Problems).value_or(1);
  const int64_t Number = First.integer("split.no", Problems).value_or(0);
  if (Problems.list().size() != Before)
    return false;
  if (Count <= 1)
    return true;
  const std::string Ending = partEnding(Number + 1, Count);
  if (Count > MaxParts || Number >= Count || !Name.ends_with(Ending)) {
    Problems.add(RefusalCode::GgufPartName, First.place(),
                 {std::to_string(Count), Ending});
    return false;
  }
  const std::string Stem = Name.substr(0, Name.size() - Ending.size());
  if (Number != 0) {
    Problems.add(RefusalCode::GgufPart, First.place(),
                 {std::to_string(Number + 1), std::to_string(Count),
                  Stem + partEnding(1, Count)});
    return false;
  }
  Result<SafeFolder> Folder = SafeFolder::open(C.Folder, Links);
  if (!Folder) {
    Problems.add(RefusalCode::FileOpen, C.Folder, {Folder.status().message()});
    return false;
  }
  for (int64_t Part = 1; Part < Count; ++Part) {
    const std::string Each = Stem + partEnding(Part + 1, Count);
    if (!addFile(Each, Folder->map(Each)))
      return false;
    if (!isPart(Parts.back(), Part, Count)) {
      Problems.add(RefusalCode::GgufPartOther, Parts.back().place(),
                   {std::to_string(Part + 1), std::to_string(Count)});
      return false;
    }
  }
  return true;
}

/// Finds the tensors of all parts; one that is in two of them is refused.
bool Opener::index() {
  for (uint32_t File = 0; File < Parts.size(); ++File)
    for (const GgufTensor &T : Parts[File].tensors()) {
      const auto Bytes =
          C.Files[File].Mapping.bytes().subspan(T.Offset, T.Bytes);
      const auto [It, IsNew] =
          Tensors.emplace(T.Name, StoredTensor{&T, File, Bytes});
      if (IsNew)
        continue;
      Problems.add(RefusalCode::TensorTwice, std::string(T.Name),
                   {C.Files[It->second.File].Name, C.Files[File].Name});
      return false;
    }
  return true;
}

void Opener::configure(const GgufFamily &Family) {
  GgufConfigMaker M(Parts.front(), Tensors, Problems);
  M.set("architectures", Json::Array{Json(std::string(Family.Class))});
  M.set("model_type", std::string(Family.ModelType));
  Family.Configure(M);
  const std::pair<const char *, const char *> Ids[] = {
      {"tokenizer.ggml.bos_token_id", "bos_token_id"},
      {"tokenizer.ggml.eos_token_id", "eos_token_id"},
      {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
  for (const auto &[Key, Name] : Ids)
    if (const auto Id = Parts.front().integer(Key, Problems))
      M.set(Name, *Id);
  M.finish();
  if (const Json *Heads = M.Config.find("num_attention_heads"))
    QueryHeads = *Heads->integer();
  if (const Json *Heads = M.Config.find("num_key_value_heads"))
    KeyHeads = *Heads->integer();
  LayerEnd = M.LayerEnd;
  C.Config = std::move(M.Config);
}

void Opener::convert(const GgufFamily &Family, std::string_view Name,
                     const StoredTensor &Stored) {
  // The configuration has taken it up.
  if (Name == "rope_freqs.weight")
    return;
  const std::string Place =
      Parts[Stored.File].place() + ": " + std::string(Name);
  // Names of layers that are left out need not be known.
  if (layerOf(Name) >= LayerEnd)
    return;
  if (isHalf(Family, Name, Stored, Place))
    return;
  const auto Meaning = meaningOf(Family, Name, QueryHeads, KeyHeads);
  if (!Meaning)
    return Problems.add(RefusalCode::GgufTensorUnknown, Place);
  const size_t Hole = Meaning->Name.find("{}");
  GgufTensor From = *Stored.Tensor;
  if (Hole == std::string::npos)
    return add(Meaning->Name, From, Stored.File, Meaning->Change, Place);
  if (From.Shape.size() < 2 ||
      uint64_t(From.Shape[0]) > MaxTensors - C.Tensors.size())
    return Problems.add(RefusalCode::TooManyTensors, Place,
                        {std::to_string(MaxTensors)});
  const uint64_t Count = uint64_t(From.Shape[0]);
  From.Shape.erase(From.Shape.begin());
  From.Bytes /= Count;
  for (uint64_t I = 0; I < Count; ++I, From.Offset += From.Bytes) {
    std::string Each = Meaning->Name;
    Each.replace(Hole, 2, std::to_string(I));
    if (!addBoth(Each, From, Stored.File, Meaning->Change, Place))
      add(Each, From, Stored.File, Meaning->Change, Place);
  }
}

/// Of a matrix that is two here, one's rows above the other's.
bool Opener::addBoth(const std::string &Name, GgufTensor From, uint32_t File,
                     const GgufChange &Change, const std::string &Place) {
  constexpr std::string_view Both = ".gate_up_proj.";
  const size_t At = Name.find(Both);
  if (At == std::string::npos || From.Shape.size() < 2 || From.Shape[0] % 2)
    return false;
  From.Shape[0] /= 2;
  From.Bytes /= 2;
  for (const char *Each : {".gate_proj.", ".up_proj."}) {
    std::string Half = Name;
    add(Half.replace(At, Both.size(), Each), From, File, Change, Place);
    From.Offset += From.Bytes;
  }
  return true;
}

/// Whether it is one of two tensors that are one matrix here; with the keys'
/// half that is made.
bool Opener::isHalf(const GgufFamily &Family, std::string_view Name,
                    const StoredTensor &Stored, const std::string &Place) {
  constexpr std::string_view Keys = ".attn_k_b.weight",
                             Values = ".attn_v_b.weight",
                             Whole = ".attn_kv_b.weight";
  const bool IsKeys = Name.ends_with(Keys);
  if (!Family.HasSplitLatents || (!IsKeys && !Name.ends_with(Values)))
    return false;
  const std::string Layer(Name.substr(0, Name.size() - Keys.size()));
  const std::string Other = Layer + std::string(IsKeys ? Values : Keys);
  const auto Found = Tensors.find(Other);
  if (Found == Tensors.end()) {
    Problems.add(RefusalCode::GgufHalf, Place, {Other});
    return true;
  }
  const auto Meaning =
      meaningOf(Family, Layer + std::string(Whole), QueryHeads, KeyHeads);
  if (!Meaning || !IsKeys)
    return bool(Meaning);
  // Of other widths, the rows of keys and values would mix.
  if (const Json *Width = C.Config.find("qk_nope_head_dim");
      !Width || Stored.Tensor->Shape.back() != *Width->integer()) {
    Problems.add(RefusalCode::GgufLatents, Place);
    return true;
  }
  if (auto T = joinLatents({*Stored.Tensor, Stored.Bytes},
                           {*Found->second.Tensor, Found->second.Bytes},
                           Found->second.File, Place, Problems))
    C.Tensors.emplace(Meaning->Name, std::move(*T));
  return true;
}

void Opener::add(const std::string &Name, const GgufTensor &From, uint32_t File,
                 const GgufChange &Change, const std::string &Place) {
  if (auto T = convertTensor(From, File, Change, Place, Problems))
    C.Tensors.emplace(Name, std::move(*T));
}

void openGguf(Checkpoint &C, const std::string &Name, const LinkPolicy &Links,
              Refusals &Problems) {
  Opener(C, Links, Problems).open(Name);
}

} // namespace dure::checkpoint
