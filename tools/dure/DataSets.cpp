// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading test data.
#include "tools/dure/DataSets.h"

#include "tools/dure/Outputs.h"
#include "tools/io/File.h"
#include "tools/io/Npz.h"
#include "tools/io/TensorProto.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace dure {
namespace {

namespace fs = std::filesystem;

/// N of "<Prefix>N<Suffix>", or -1.
int64_t numberIn(const std::string &Name, std::string_view Prefix,
                 std::string_view Suffix) {
  if (!Name.starts_with(Prefix) || !Name.ends_with(Suffix) ||
      Name.size() <= Prefix.size() + Suffix.size())
    return -1;
  int64_t Number = 0;
  const char *Begin = Name.data() + Prefix.size();
  const char *End = Name.data() + Name.size() - Suffix.size();
  const auto Read = std::from_chars(Begin, End, Number);
  return Read.ec == std::errc() && Read.ptr == End && *Begin != '-' ? Number
                                                                    : -1;
}

using NumberedFiles = std::vector<std::pair<int64_t, std::string>>;

/// Entries of `Folder` named "<Prefix>N<Suffix>", by N. Nothing, having said
/// why, when the folder cannot be read or two have one number.
std::optional<NumberedFiles> numbered(const Console &Out,
                                      const std::string &Folder,
                                      std::string_view Prefix,
                                      std::string_view Suffix) {
  NumberedFiles Found;
  std::error_code Error;
  for (fs::directory_iterator I(Folder, Error), End; !Error && I != End;
       I.increment(Error)) {
    const std::string Name = I->path().filename().string();
    if (const int64_t N = numberIn(Name, Prefix, Suffix); N >= 0)
      Found.emplace_back(N, I->path().string());
  }
  if (Error) {
    Out.fail(Message::CannotReadFolder,
             {Folder, io::systemError(Error.value(), Out.language())});
    return std::nullopt;
  }
  std::sort(Found.begin(), Found.end());
  const auto Same = std::adjacent_find(
      Found.begin(), Found.end(),
      [](const auto &A, const auto &B) { return A.first == B.first; });
  if (Same == Found.end())
    return Found;
  Out.fail(Message::CheckSameNumber, {Same->second, std::next(Same)->second});
  return std::nullopt;
}

std::optional<io::Tensor> readTensor(const Console &Out,
                                     const std::string &Path) {
  io::Result<io::Tensor> Read = io::readTensorFile(Path);
  if (Read)
    return std::move(*Read);
  Out.fail(Read.failure());
  return std::nullopt;
}

/// input_N.pb and output_N.pb.
bool readNumbered(const Console &Out, const std::string &Folder,
                  const Signature &Model, DataSet &Set) {
  const auto Inputs = numbered(Out, Folder, "input_", ".pb");
  const auto Outputs = numbered(Out, Folder, "output_", ".pb");
  if (!Inputs || !Outputs)
    return false;
  for (const auto &[Index, Path] : *Inputs) {
    if (size_t(Index) >= Model.Inputs.size()) {
      Out.fail(Message::CheckInputIndex,
               {Path, std::to_string(Model.Inputs.size())});
      return false;
    }
    std::optional<io::Tensor> T = readTensor(Out, Path);
    if (!T)
      return false;
    T->Name = Model.Inputs[size_t(Index)].Name;
    Set.Inputs.push_back(std::move(*T));
  }
  for (const auto &[Index, Path] : *Outputs) {
    if (size_t(Index) >= Model.Outputs.size()) {
      Out.fail(Message::CheckOutputIndex,
               {Path, std::to_string(Model.Outputs.size())});
      return false;
    }
    std::optional<io::Tensor> T = readTensor(Out, Path);
    if (!T)
      return false;
    T->Name = Model.Outputs[size_t(Index)].Name;
    Set.Expected.emplace_back(size_t(Index), std::move(*T));
  }
  return true;
}

/// NAME.npy or NAME.pb, named as `dure run` names its outputs.
bool readNamed(const Console &Out, const std::string &Folder,
               const Signature &Model, DataSet &Set) {
  std::vector<std::string> Names;
  for (const Port &P : Model.Inputs)
    Names.push_back(P.Name);
  const std::vector<std::string> Stems = outputFileStems(Names);
  for (size_t I = 0; I < Names.size(); ++I)
    for (const char *Ending : {".npy", ".pb"}) {
      const std::string Path = Folder + "/" + Stems[I] + Ending;
      std::error_code Ignored;
      if (!fs::exists(Path, Ignored))
        continue;
      std::optional<io::Tensor> T = readTensor(Out, Path);
      if (!T)
        return false;
      T->Name = Names[I];
      Set.Inputs.push_back(std::move(*T));
      break;
    }
  if (!Set.Inputs.empty())
    return true;
  Out.fail(Message::CheckNoData, {Folder});
  return false;
}

/// Expected outputs by name.
bool readAgainst(const Console &Out, const std::string &Path,
                 const Signature &Model, std::vector<DataSet> &Sets) {
  io::Result<std::vector<io::Tensor>> Read = io::readNpz(Path);
  if (!Read) {
    Out.fail(Read.failure());
    return false;
  }
  std::vector<std::pair<size_t, io::Tensor>> Expected;
  for (io::Tensor &T : *Read) {
    const auto Found =
        std::find_if(Model.Outputs.begin(), Model.Outputs.end(),
                     [&](const Port &P) { return P.Name == T.Name; });
    if (Found == Model.Outputs.end()) {
      std::string List;
      for (const Port &P : Model.Outputs)
        List += (List.empty() ? "" : ", ") + P.Name;
      Out.fail(Message::CheckUnknownOutput, {Path, T.Name, List});
      return false;
    }
    Expected.emplace_back(size_t(Found - Model.Outputs.begin()), std::move(T));
  }
  for (DataSet &Set : Sets)
    Set.Expected = Expected;
  return true;
}

} // namespace

std::vector<std::string>
DataSet::withoutExpected(const Signature &Model) const {
  std::vector<std::string> Names;
  for (size_t I = 0; I < Model.Outputs.size(); ++I)
    if (std::none_of(Expected.begin(), Expected.end(),
                     [&](const auto &E) { return E.first == I; }))
      Names.push_back(Model.Outputs[I].Name);
  return Names;
}

bool isFolder(const Console &Out, const std::string &Path) {
  std::error_code Ignored;
  if (fs::is_directory(Path, Ignored))
    return true;
  Out.fail(Message::NotAFolder, {Path});
  return false;
}

std::optional<std::vector<DataSet>> readDataSets(const Console &Out,
                                                 const std::string &Folder,
                                                 const std::string &Against,
                                                 const Signature &Model) {
  std::vector<DataSet> Sets;
  const auto Numbered = numbered(Out, Folder, "test_data_set_", "");
  if (!Numbered)
    return std::nullopt;
  for (const auto &[Index, Path] : *Numbered) {
    DataSet &Set = Sets.emplace_back();
    Set.Name = fs::path(Path).filename().string();
    if (!readNumbered(Out, Path, Model, Set))
      return std::nullopt;
  }
  if (Sets.empty()) {
    DataSet &Set = Sets.emplace_back();
    Set.Name = fs::path(Folder).filename().string();
    if (Set.Name.empty())
      Set.Name = fs::path(Folder).parent_path().filename().string();
    const auto Inputs = numbered(Out, Folder, "input_", ".pb");
    if (!Inputs)
      return std::nullopt;
    if (!Inputs->empty() ? !readNumbered(Out, Folder, Model, Set)
                         : !readNamed(Out, Folder, Model, Set))
      return std::nullopt;
  }
  if (!Against.empty() && !readAgainst(Out, Against, Model, Sets))
    return std::nullopt;
  return Sets;
}

} // namespace dure
