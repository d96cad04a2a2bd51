// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loading packages: trust, model files, weight hashes.

#include "runtime/host/LoadedPackage.h"

#include "runtime/base/Hash.h"
#include "runtime/base/Parallel.h"
#include "runtime/host/VerifiedOnce.h"

#include <algorithm>
#include <unistd.h>

using namespace dure;

namespace {

// Below this a thread costs more than it saves.
constexpr uint64_t ParallelBytes = 16 << 20;

/// One leaf to compare.
struct LeafWork {
  uint32_t Weight;
  uint32_t Leaf;
  std::span<const std::byte> Bytes;
};

Status compareLeaf(const Package &P, const LeafWork &Work) {
  const Weight &W = P.Weights[Work.Weight];
  Sha256 Hash;
  DURE_RETURN_IF_ERROR(sha256(Work.Bytes, Hash));
  if (Hash == W.Leaves[Work.Leaf])
    return Status::success();
  bool InFile = W.Source == WeightSource::File;
  return dataLoss(
      "weight '" + W.Name + "' has another hash at byte " +
      std::to_string(Work.Leaf * LeafSize) +
      (InFile ? ": '" + P.Files[W.File].Path +
                    "' is not the file that was compiled; compile again"
              : ": the package is damaged; get or compile it again"));
}

Status compareLeaves(const Package &P, const std::vector<LeafWork> &Work,
                     unsigned Threads) {
  uint64_t Bytes = 0;
  for (const LeafWork &Leaf : Work)
    Bytes += Leaf.Bytes.size();
  return parallelFor(Work.size(), Bytes < ParallelBytes ? 1 : Threads,
                     [&](size_t I) { return compareLeaf(P, Work[I]); });
}

void appendIdentity(std::string &Text, const FileIdentity &Id) {
  for (uint64_t Part :
       {Id.Device, Id.Inode, Id.Size, static_cast<uint64_t>(Id.ModifiedNs),
        static_cast<uint64_t>(Id.ChangedNs)})
    Text += std::to_string(Part) + " ";
}

std::string folderOf(const std::string &Path) {
  size_t Slash = Path.rfind('/');
  if (Slash == std::string::npos)
    return ".";
  return Slash == 0 ? "/" : Path.substr(0, Slash);
}

} // namespace

Result<std::shared_ptr<const LoadedPackage>>
LoadedPackage::open(const std::string &Path, PackageLoadOptions Options) {
  Result<MappedFile> File = MappedFile::open(Path);
  if (!File)
    return File.status();
  std::shared_ptr<LoadedPackage> Made(new LoadedPackage);
  Made->File = File.take();
  Made->Path = Path;
  Made->Options = std::move(Options);
  if (Made->Options.ModelFolder.empty())
    Made->Options.ModelFolder = folderOf(Path);
  Made->Bytes = Made->File.bytes();
  Result<PackageImage> Image = readPackage(Made->Bytes);
  if (!Image)
    return Image.status().at("'" + Path + "'");
  Made->Image = Image.take();
  return std::shared_ptr<const LoadedPackage>(std::move(Made));
}

Result<std::shared_ptr<const LoadedPackage>>
LoadedPackage::fromMemory(std::span<const std::byte> Bytes,
                          PackageLoadOptions Options) {
  std::shared_ptr<LoadedPackage> Made(new LoadedPackage);
  Made->Options = std::move(Options);
  Made->Bytes = Bytes;
  Result<PackageImage> Image = readPackage(Bytes);
  if (!Image)
    return Image.status();
  Made->Image = Image.take();
  return std::shared_ptr<const LoadedPackage>(std::move(Made));
}

Status LoadedPackage::checkTrust() const {
  if (Options.TrustCode)
    return Status::success();
  if (Path.empty())
    return Status(StatusCode::PermissionDenied,
                  "a package in memory holds native code, which runs like any "
                  "program; load it with trust_code if you trust its source");
  const FileIdentity &Id = File.identity();
  bool Own = Id.Owner == ::geteuid() || Id.Owner == 0;
  if (Own && (Id.Mode & 022) == 0)
    return Status::success();
  return Status(StatusCode::PermissionDenied,
                "'" + Path +
                    "' holds native code, which runs like any "
                    "program, and " +
                    (Own ? "others can write the file"
                         : "the file belongs to another user") +
                    "; give --trust-code if you trust its source");
}

Result<ModelFiles>
LoadedPackage::openModelFiles(const std::vector<uint32_t> &Weights) const {
  const Package &P = content();
  ModelFiles Model;
  Model.Files.resize(P.Files.size());
  Model.Bytes.resize(P.Files.size());
  std::vector<bool> Wanted(P.Weights.size());
  for (uint32_t Index : Weights)
    Wanted[Index] = true;
  // Operands have smaller indices: one pass downwards reaches them all.
  std::vector<bool> WantedFiles(P.Files.size());
  bool Any = false;
  for (size_t I = P.Weights.size(); I-- != 0;) {
    const Weight &W = P.Weights[I];
    if (!Wanted[I] || W.Source != WeightSource::File)
      continue;
    Any = WantedFiles[W.File] = true;
    for (const Step &S : W.Steps)
      if (usesOperand(S.Kind))
        Wanted[S.Operand] = true;
  }
  if (!Any)
    return Model;
  if (Options.ModelFolder.empty())
    return Status(StatusCode::FailedPrecondition,
                  "the package left its weights in the model's files; say "
                  "where they are (model_folder)");
  Result<SafeFolder> Folder =
      SafeFolder::open(Options.ModelFolder, Options.Links);
  if (!Folder)
    return Folder.status();
  for (size_t I = 0; I != P.Files.size(); ++I) {
    if (!WantedFiles[I])
      continue;
    Result<MappedFile> Mapped = Folder->map(P.Files[I].Path);
    if (!Mapped)
      return Mapped.status().at("weights of the model");
    if (Mapped->size() != P.Files[I].Size)
      return dataLoss("'" + P.Files[I].Path + "' in '" + Folder->path() +
                      "' has " + std::to_string(Mapped->size()) +
                      " bytes, the model was compiled from one with " +
                      std::to_string(P.Files[I].Size) +
                      "; compile again or restore it");
    Model.Files[I] = Mapped.take();
    Model.Bytes[I] = Model.Files[I].bytes();
  }
  return Model;
}

std::string LoadedPackage::onceKey(const std::vector<uint32_t> &Weights,
                                   const ModelFiles &Model) const {
  if (Path.empty())
    return "";
  std::string Text = "dure-verified-1 ";
  appendIdentity(Text, File.identity());
  for (const MappedFile &Mapped : Model.Files)
    appendIdentity(Text, Mapped.identity());
  for (uint32_t Index : Weights)
    Text += std::to_string(Index) + " ";
  Result<std::string> Hash = sha256Hex(Text);
  return Hash ? Hash.take() : "";
}

Status LoadedPackage::verifyWeights(const std::vector<uint32_t> &Weights,
                                    const ModelFiles &Model,
                                    unsigned Threads) const {
  if (Options.Verify == VerifyWeights::Structure)
    return Status::success();
  std::string Key = onceKey(Weights, Model);
  if (Options.Verify == VerifyWeights::Once && !Key.empty() && wasVerified(Key))
    return Status::success();
  const Package &P = content();
  std::vector<bool> Wanted(P.Weights.size());
  for (uint32_t Index : Weights)
    Wanted[Index] = true;
  std::vector<LeafWork> Work;
  for (uint32_t I = static_cast<uint32_t>(P.Weights.size()); I-- != 0;) {
    const Weight &W = P.Weights[I];
    if (!Wanted[I])
      continue;
    for (const Step &S : W.Steps)
      if (usesOperand(S.Kind))
        Wanted[S.Operand] = true;
    std::span<const std::byte> Stored =
        W.Source == WeightSource::Package
            ? weightBytes(Image, W)
            : Model.Bytes[W.File].subspan(W.Offset, W.Size);
    for (uint32_t Leaf = 0; Leaf != W.Leaves.size(); ++Leaf)
      Work.push_back({I, Leaf,
                      Stored.subspan(Leaf * LeafSize,
                                     std::min<uint64_t>(
                                         LeafSize, W.Size - Leaf * LeafSize))});
  }
  Status Compared = compareLeaves(P, Work, workerThreads(Threads));
  if (!Compared.ok())
    return Path.empty() ? Compared : Compared.at("'" + Path + "'");
  if (!Key.empty())
    rememberVerified(Key);
  return Status::success();
}
