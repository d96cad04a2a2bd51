// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Saving outputs.
#include "tools/dure/Outputs.h"

#include "tools/dure/Utf8.h"
#include "tools/io/File.h"
#include "tools/io/Npy.h"
#include "tools/io/TensorProto.h"

#include <filesystem>
#include <set>

namespace dure {
namespace {

// File systems take 255 bytes; the ending and a number need a few.
constexpr size_t MaxStem = 200;

std::string fileStem(std::string_view Name) {
  std::string Stem;
  while (!Name.empty() && Stem.size() < MaxStem) {
    const Utf8Character C = firstCharacter(Name);
    const bool Plain = (C.Code >= 'A' && C.Code <= 'Z') ||
                       (C.Code >= 'a' && C.Code <= 'z') ||
                       (C.Code >= '0' && C.Code <= '9') || C.Code == '.' ||
                       C.Code == '_' || C.Code == '-';
    Stem += Plain ? char(C.Code) : '_';
    Name.remove_prefix(C.Bytes);
  }
  return Stem.empty() ? "_" : Stem;
}

} // namespace

std::vector<std::string>
outputFileStems(const std::vector<std::string> &Names) {
  std::vector<std::string> Stems;
  std::set<std::string> Taken;
  for (const std::string &Name : Names) {
    const std::string Base = fileStem(Name);
    std::string Stem = Base;
    for (int Number = 2; !Taken.insert(Stem).second; ++Number)
      Stem = Base + "__" + std::to_string(Number);
    Stems.push_back(std::move(Stem));
  }
  return Stems;
}

bool makeFolder(const Console &Out, const std::string &Path) {
  std::error_code Error;
  std::filesystem::create_directories(Path, Error);
  if (!Error)
    return true;
  Out.fail(Message::CannotMakeFolder,
           {Path, io::systemError(Error.value(), Out.language())});
  return false;
}

std::optional<std::vector<std::string>>
writeOutputs(const Console &Out, const std::string &Folder,
             const std::vector<io::Tensor> &Tensors) {
  std::vector<std::string> Names;
  for (const io::Tensor &T : Tensors)
    Names.push_back(T.Name);
  std::vector<std::string> Files = outputFileStems(Names);
  for (size_t I = 0; I < Tensors.size(); ++I) {
    const bool Npy = !io::elementTypeInfo(Tensors[I].Type).Npy.empty();
    Files[I] += Npy ? ".npy" : ".pb";
    const std::string Path = Folder + "/" + Files[I];
    io::Status Written = Npy ? io::writeNpy(Path, Tensors[I])
                             : io::writeTensorProto(Path, Tensors[I]);
    if (!Written) {
      Out.fail(Written.failure());
      return std::nullopt;
    }
  }
  return Files;
}

} // namespace dure
