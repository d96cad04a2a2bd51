// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writing exported models.

#include "frontends/checkpoint/WriteModel.h"

#include "frontends/checkpoint/JsonWriter.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace dure::checkpoint {
namespace {

namespace fs = std::filesystem;

std::string folderOf(const std::string &Path) {
  const std::string Folder = fs::path(Path).parent_path().string();
  return Folder.empty() ? "." : Folder;
}

/// Writes pieces, counting them and listening for a stop.
class Writer {
public:
  Writer(uint64_t Total, const WriteHooks &Hooks)
      : Total(std::max<uint64_t>(Total, 1)), Hooks(Hooks) {}

  Status write(AtomicFile &File, std::span<const std::byte> Bytes) {
    constexpr size_t Piece = size_t(8) << 20;
    for (size_t At = 0; At < Bytes.size(); At += Piece) {
      if (Hooks.Cancel && *Hooks.Cancel)
        return Status(StatusCode::Cancelled, "cancelled");
      const size_t Size = std::min(Piece, Bytes.size() - At);
      DURE_RETURN_IF_ERROR(File.write(Bytes.data() + At, Size));
      advance(Size);
    }
    return Status::success();
  }

  void advance(uint64_t Bytes) {
    Done += Bytes;
    if (Hooks.Progress)
      Hooks.Progress(double(Done) / double(Total));
  }

private:
  uint64_t Total, Done = 0;
  const WriteHooks &Hooks;
};

/// A file of the checkpoint, beside the graph.
Status copyFile(const Checkpoint &C, const WeightFile &From,
                const std::string &Folder, Writer &W) {
  // A weight may be named below a folder of the checkpoint's own.
  const fs::path To = fs::path(Folder) / From.Name;
  std::error_code Ignored;
  if (fs::path(From.Name).has_parent_path())
    fs::create_directories(To.parent_path(), Ignored);
  Result<AtomicFile> File = AtomicFile::create(To.string());
  if (!File)
    return File.status();
  const std::span<const std::byte> Bytes = From.Mapping.bytes();
  if (File->clone(C.Folder + "/" + From.Name, From.Mapping.identity())) {
    W.advance(Bytes.size());
  } else {
    DURE_RETURN_IF_ERROR(W.write(*File, Bytes));
    From.Mapping.dropPages(0, Bytes.size());
  }
  return File->commit();
}

Status writeConverted(const Checkpoint &C, const ExportedModel &M,
                      const std::string &Path, Writer &W) {
  Result<AtomicFile> File = AtomicFile::create(Path);
  if (!File)
    return File.status();
  uint64_t At = 0;
  for (const ExportedModel::Converted &Each : M.InDataFile) {
    const std::vector<std::byte> Gap(Each.Offset - At);
    DURE_RETURN_IF_ERROR(File->write(Gap.data(), Gap.size()));
    uint64_t Size = 0;
    DURE_RETURN_IF_ERROR(Each.From->Convert(
        C.stored(*Each.From), [&](std::span<const std::byte> Piece) {
          Size += Piece.size();
          return W.write(*File, Piece);
        }));
    if (Size != Each.From->bytes())
      return Status(StatusCode::Internal, "a conversion gave another size");
    const WeightFile &From = C.Files[Each.From->File];
    From.Mapping.dropPages(Each.From->Offset, Each.From->StoredBytes);
    At = Each.Offset + Size;
  }
  return File->commit();
}

Status writeText(const std::string &Path, std::string_view Text) {
  Result<AtomicFile> File = AtomicFile::create(Path);
  if (!File)
    return File.status();
  DURE_RETURN_IF_ERROR(File->write(Text.data(), Text.size()));
  return File->commit();
}

} // namespace

WritePlan planWrite(const Checkpoint &C, const ExportedModel &M,
                    const std::string &GraphPath) {
  WritePlan Plan;
  Plan.GraphPath = GraphPath;
  std::error_code Ignored;
  Plan.IsInPlace = fs::equivalent(folderOf(GraphPath), C.Folder, Ignored);
  if (!Plan.IsInPlace)
    for (uint32_t File : M.Files)
      Plan.CopiedBytes += C.Files[File].Mapping.size();
  if (!M.InDataFile.empty())
    Plan.ConvertedBytes =
        M.InDataFile.back().Offset + M.InDataFile.back().From->bytes();
  return Plan;
}

Status writeModel(const Checkpoint &C, const ExportedModel &M,
                  const WritePlan &Plan, const std::string &DataFile,
                  const WriteHooks &Hooks) {
  const std::string Folder = folderOf(Plan.GraphPath);
  Writer W(Plan.CopiedBytes + Plan.ConvertedBytes, Hooks);
  if (!Plan.IsInPlace)
    for (uint32_t File : M.Files)
      DURE_RETURN_IF_ERROR(copyFile(C, C.Files[File], Folder, W));
  if (!M.InDataFile.empty())
    DURE_RETURN_IF_ERROR(writeConverted(C, M, Folder + "/" + DataFile, W));
  if (!M.GenaiConfig.empty())
    DURE_RETURN_IF_ERROR(
        writeText(Folder + "/genai_config.json", M.GenaiConfig));
  Result<AtomicFile> Graph = AtomicFile::create(Plan.GraphPath);
  if (!Graph)
    return Graph.status();
  DURE_RETURN_IF_ERROR(Graph->write(M.Graph.data(), M.Graph.size()));
  return Graph->commit();
}

Status writeTexts(const Checkpoint &C, const std::string &Folder) {
  std::error_code Ignored;
  const bool IsFolder = fs::is_directory(C.Path, Ignored);
  if (IsFolder && fs::equivalent(Folder, C.Folder, Ignored))
    return Status::success();
  for (const auto &[Name, Text] : C.Texts)
    DURE_RETURN_IF_ERROR(writeText(Folder + "/" + Name, Text.text()));
  return writeText(Folder + "/config.json",
                   JsonWriter().value(C.Config).take());
}

} // namespace dure::checkpoint
