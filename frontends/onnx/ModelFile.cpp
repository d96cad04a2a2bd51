// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Maps a model and the files that it names.

#include "frontends/onnx/ModelFile.h"

namespace dure::onnx {
namespace {

std::string folderOf(const std::string &Path) {
  size_t Slash = Path.rfind('/');
  if (Slash == std::string::npos)
    return ".";
  return Slash == 0 ? "/" : Path.substr(0, Slash);
}

std::string_view viewOf(const MappedFile &File) {
  return {reinterpret_cast<const char *>(File.data()), File.size()};
}

/// The folder is opened at the first external tensor: most models have none.
class FolderSource : public ExternalFileSource {
public:
  FolderSource(std::string Folder, const LinkPolicy &Links,
               std::vector<MappedFile> &Opened)
      : Path(std::move(Folder)), Links(Links), Opened(Opened) {}

  bool open(std::string_view Location, ExternalFile &File,
            std::string &Error) override {
    if (!Folder) {
      Result<SafeFolder> Found = SafeFolder::open(Path, Links);
      if (!Found) {
        Error = Found.status().message();
        return false;
      }
      Folder = Found.take();
    }
    Result<MappedFile> Mapped = Folder->map(std::string(Location));
    if (!Mapped) {
      Error = Mapped.status().message();
      return false;
    }
    File.Path = Path + "/" + std::string(Location);
    File.Size = Mapped->size();
    Opened.push_back(Mapped.take());
    return true;
  }

private:
  std::string Path;
  LinkPolicy Links;
  std::vector<MappedFile> &Opened;
  std::optional<SafeFolder> Folder;
};

} // namespace

std::unique_ptr<ModelFile> ModelFile::open(const std::string &Path,
                                           const LinkPolicy &Links,
                                           const ReadLimits &Limits,
                                           std::optional<Refusal> &Error) {
  std::unique_ptr<ModelFile> File(new ModelFile);
  File->Path = Path;
  Result<MappedFile> Mapped = MappedFile::open(Path);
  if (!Mapped) {
    Refusal R{};
    R.Code = RefusalCode::FileOpen;
    R.Place = Path;
    R.Arguments = {Mapped.status().message()};
    Error = std::move(R);
    return nullptr;
  }
  File->Mapping = Mapped.take();
  FolderSource Source(folderOf(Path), Links, File->External);
  ReadResult Read = readModel(viewOf(File->Mapping), Path, &Source, Limits);
  if (!Read.M) {
    Error = std::move(Read.Error);
    return nullptr;
  }
  File->Content = std::move(Read.M);
  return File;
}

std::string_view ModelFile::bytes(const Tensor &T) const {
  if (T.Kind == Tensor::Storage::Inline)
    return T.Bytes;
  const MappedFile &File =
      T.Range.File == 0 ? Mapping : External[T.Range.File - 1];
  return viewOf(File).substr(T.Range.Offset, T.Range.Size);
}

const std::string &ModelFile::pathOf(uint32_t File) const {
  return File == 0 ? Path : Content->ExternalFiles[File - 1].Path;
}

} // namespace dure::onnx
