// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lays out and writes package files.

#include "runtime/package/PackageWriter.h"

#include "runtime/base/Checked.h"
#include "runtime/base/Hash.h"
#include "runtime/base/Parallel.h"
#include "runtime/io/SafeFile.h"
#include "runtime/package/Container.h"
#include "runtime/package/Encoder.h"
#include "runtime/package/Verifier.h"
#include "runtime/weights/Recipe.h"

#include <algorithm>
#include <cstring>
#include <map>

using namespace dure;

namespace {

/// Where the bytes go: appended, but for the header, which is known last.
class Sink {
public:
  virtual ~Sink() = default;
  virtual Status append(const void *Bytes, size_t Size) = 0;
  virtual Status setHeader(const void *Bytes, size_t Size) = 0;
};

class FileSink : public Sink {
public:
  explicit FileSink(AtomicFile &File) : File(File) {}
  Status append(const void *Bytes, size_t Size) override {
    return File.write(Bytes, Size);
  }
  Status setHeader(const void *Bytes, size_t Size) override {
    return File.writeAt(Bytes, Size, 0);
  }

private:
  AtomicFile &File;
};

class MemorySink : public Sink {
public:
  Status append(const void *Bytes, size_t Size) override {
    Memory.append(static_cast<const char *>(Bytes), Size);
    return Status::success();
  }
  Status setHeader(const void *Bytes, size_t Size) override {
    std::memcpy(Memory.data(), Bytes, Size);
    return Status::success();
  }

  std::string Memory;
};

/// Leaves made at one time; bounds the memory that writing takes.
constexpr size_t GroupLeaves = 32;

/// Others may not write a package: whoever runs its native code checks that,
/// and many systems let the user's group write by default (umask 002).
constexpr unsigned PackageMode = 0644;

class Writer {
public:
  Writer(const Package &Content, const PackageWriteOptions &Options, Sink &Out)
      : From(Content), To(Content), Options(Options), Out(Out) {}

  /// Of the whole file, once run() has succeeded.
  uint64_t size() const { return Header.TotalSize; }

  Status run() {
    DURE_RETURN_IF_ERROR(verifyPackage(From, {0, 0, /*BeforeWriting=*/true}));
    setFeatures();
    DURE_RETURN_IF_ERROR(layOutCode());
    DURE_RETURN_IF_ERROR(layOutWeights());
    DURE_RETURN_IF_ERROR(openModelFiles());
    // Progress counts everything but the metadata, which is small.
    DURE_RETURN_IF_ERROR(pad(ContainerHeaderSize));
    DURE_RETURN_IF_ERROR(writeCode());
    DURE_RETURN_IF_ERROR(pad(Header.WeightsOffset));
    DURE_RETURN_IF_ERROR(writeWeights());
    DURE_RETURN_IF_ERROR(pad(Header.MetadataOffset));
    return writeMetadata();
  }

private:
  void setFeatures() {
    To.FormatVersion = PackageFormatVersion;
    for (const Entry &E : To.Entries)
      if (!E.States.empty())
        To.RequiredFeatures |= PackageFeatureState;
    for (const Variant &V : To.Variants)
      if (!V.Devices.empty())
        To.RequiredFeatures |= PackageFeatureDevices;
  }

  //===--------------------------------------------------------------------===//
  // Layout
  //===--------------------------------------------------------------------===//

  Status layOutCode() {
    uint64_t Offset = 0;
    std::map<Sha256, uint64_t> Known; // equal code is stored once
    for (Variant &V : To.Variants)
      for (CodeObject &Code : V.CodeObjects) {
        Code.Size = Code.Bytes->size();
        DURE_RETURN_IF_ERROR(
            sha256(std::as_bytes(std::span(*Code.Bytes)), Code.Hash));
        auto [At, New] = Known.try_emplace(Code.Hash, Offset);
        Code.Offset = At->second;
        if (!New)
          continue;
        CodeOrder.push_back(&Code);
        if (!checkedAdd(Offset, Code.Size, Offset) ||
            !checkedAlign(Offset, PackageAlignment, Offset))
          return invalidArgument("code objects are too large");
      }
    Header.CodeOffset = ContainerHeaderSize;
    Header.CodeSize = Offset;
    Header.WeightsOffset = ContainerHeaderSize + Offset;
    return Status::success();
  }

  /// Weights that programs use, or with weights left in the model's files also
  /// the operands of their recipes.
  std::vector<bool> neededWeights() const {
    std::vector<bool> Needed(From.Weights.size());
    for (const Variant &V : From.Variants)
      for (uint32_t Index : V.Weights)
        Needed[Index] = true;
    if (Options.EmbedWeights)
      return Needed;
    for (size_t I = Needed.size(); I-- != 0;)
      if (Needed[I] && From.Weights[I].Source == WeightSource::File)
        for (const Step &S : From.Weights[I].Steps)
          if (usesOperand(S.Kind))
            Needed[S.Operand] = true;
    return Needed;
  }

  Status layOutWeights() {
    std::vector<bool> Needed = neededWeights();
    uint64_t Offset = 0;
    for (size_t I = 0; I != To.Weights.size(); ++I) {
      Weight &W = To.Weights[I];
      bool Embed = Needed[I] &&
                   (Options.EmbedWeights || W.Source == WeightSource::Inline);
      if (Needed[I] && !Embed) {
        To.RequiredFeatures |= PackageFeatureModelFiles;
        continue;
      }
      W.Source = Embed ? WeightSource::Package : WeightSource::None;
      W.File = -1;
      W.StoredType = ElementType::None;
      W.StoredShape.clear();
      W.Steps.clear();
      W.Inline.reset();
      W.Offset = Embed ? Offset : 0;
      W.Size = 0;
      if (!Embed)
        continue;
      uint64_t Count = 0;
      if (!elementCount(W.Shape, Count) ||
          !elementBytes(W.Type, Count, W.Size) ||
          !checkedAdd(Offset, W.Size, Offset) ||
          !checkedAlign(Offset, PackageAlignment, Offset))
        return invalidArgument("weights are too large");
    }
    Header.WeightsSize = Offset;
    if (!checkedAdd(Header.WeightsOffset, Offset, Header.MetadataOffset))
      return invalidArgument("weights are too large");
    if (!(To.RequiredFeatures & PackageFeatureModelFiles))
      To.Files.clear();
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Writing
  //===--------------------------------------------------------------------===//

  Status append(const void *Bytes, size_t Size) {
    if (Options.Cancel && *Options.Cancel)
      return Status(StatusCode::Cancelled, "writing was cancelled");
    DURE_RETURN_IF_ERROR(Out.append(Bytes, Size));
    Written += Size;
    if (Options.Progress)
      Options.Progress(Written, std::max(Header.MetadataOffset, Written));
    return Status::success();
  }

  Status pad(uint64_t End) {
    static constexpr char Zeros[PackageAlignment] = {};
    while (Written < End)
      DURE_RETURN_IF_ERROR(
          append(Zeros, std::min<uint64_t>(End - Written, sizeof(Zeros))));
    return Status::success();
  }

  Status writeCode() {
    for (const CodeObject *Code : CodeOrder) {
      DURE_RETURN_IF_ERROR(pad(Header.CodeOffset + Code->Offset));
      DURE_RETURN_IF_ERROR(append(Code->Bytes->data(), Code->Size));
    }
    return Status::success();
  }

  /// Maps the model's files that are evaluated or hashed.
  Status openModelFiles() {
    Files.resize(From.Files.size());
    FileBytes.resize(From.Files.size());
    std::vector<bool> Wanted(From.Files.size());
    for (size_t I = 0; I != To.Weights.size(); ++I)
      if (To.Weights[I].Source != WeightSource::None)
        wantFiles(I, Wanted);
    if (std::find(Wanted.begin(), Wanted.end(), true) == Wanted.end())
      return Status::success();
    Result<SafeFolder> Folder = SafeFolder::open(
        Options.ModelFolder, {Options.AllowLinks, Options.LinksRoot});
    if (!Folder)
      return Folder.status();
    for (size_t I = 0; I != Files.size(); ++I) {
      if (!Wanted[I])
        continue;
      Result<MappedFile> File = Folder->map(From.Files[I].Path);
      if (!File)
        return File.status();
      if (File->size() != From.Files[I].Size)
        return Status(StatusCode::FailedPrecondition,
                      "'" + From.Files[I].Path +
                          "' changed its size while it was compiled");
      Files[I] = File.take();
      FileBytes[I] = Files[I].bytes();
    }
    return Status::success();
  }

  /// Files that weight INDEX and its operands read. Recipes are bounded by
  /// the verifier, and so is this.
  void wantFiles(size_t Index, std::vector<bool> &Wanted) const {
    const Weight &W = From.Weights[Index];
    if (W.Source == WeightSource::File)
      Wanted[W.File] = true;
    for (const Step &S : W.Steps)
      if (usesOperand(S.Kind))
        wantFiles(static_cast<size_t>(S.Operand), Wanted);
  }

  Status writeWeights() {
    for (size_t I = 0; I != To.Weights.size(); ++I) {
      if (To.Weights[I].Source == WeightSource::File)
        DURE_RETURN_IF_ERROR(hashInFile(To.Weights[I]));
      if (To.Weights[I].Source != WeightSource::Package)
        continue;
      DURE_RETURN_IF_ERROR(pad(Header.WeightsOffset + To.Weights[I].Offset));
      DURE_RETURN_IF_ERROR(writeWeight(static_cast<uint32_t>(I)));
      const Weight &W = From.Weights[I];
      if (W.Source == WeightSource::File)
        Files[W.File].dropPages(W.Offset, W.Size);
    }
    return Status::success();
  }

  /// Leaves of a weight that stays in its file.
  Status hashInFile(Weight &W) {
    if (!rangeFits(W.Offset, W.Size, FileBytes[W.File].size()))
      return Status(StatusCode::Internal, "weight '" + W.Name + "' moved");
    W.Leaves.clear();
    for (uint64_t Offset = 0; Offset != W.Size;) {
      if (Options.Cancel && *Options.Cancel)
        return Status(StatusCode::Cancelled, "writing was cancelled");
      size_t Length = std::min<uint64_t>(LeafSize, W.Size - Offset);
      W.Leaves.emplace_back();
      DURE_RETURN_IF_ERROR(
          sha256(FileBytes[W.File].subspan(W.Offset + Offset, Length),
                 W.Leaves.back()));
      Offset += Length;
    }
    Files[W.File].dropPages(W.Offset, W.Size);
    return Status::success();
  }

  Status writeWeight(uint32_t Index) {
    Result<Recipe> Made = Recipe::create(From, Index, FileBytes, {});
    if (!Made)
      return Made.status();
    Weight &W = To.Weights[Index];
    if (Made->size() != W.Size)
      return Status(StatusCode::Internal,
                    "weight '" + W.Name + "' has another size than planned");
    W.Leaves.resize(W.Size / LeafSize + (W.Size % LeafSize != 0));
    for (size_t First = 0; First < W.Leaves.size(); First += GroupLeaves) {
      size_t Count = std::min(GroupLeaves, W.Leaves.size() - First);
      DURE_RETURN_IF_ERROR(makeLeaves(*Made, W, First, Count));
      for (size_t I = 0; I != Count; ++I)
        DURE_RETURN_IF_ERROR(append(Group[I].data(), Group[I].size()));
    }
    return Status::success();
  }

  /// Evaluates and hashes leaves [FIRST, FIRST + COUNT) into Group, on all
  /// processors: this is most of the time that writing takes.
  Status makeLeaves(const Recipe &From, Weight &W, size_t First, size_t Count) {
    Group.resize(GroupLeaves);
    LeafBuffers.resize(GroupLeaves);
    return parallelFor(Count, workerThreads(), [&](size_t I) {
      uint64_t Offset = (First + I) * LeafSize;
      size_t Length = std::min<uint64_t>(LeafSize, W.Size - Offset);
      if (!From.identity().empty()) {
        Group[I] = From.identity().subspan(Offset, Length);
      } else {
        LeafBuffers[I].resize(LeafSize);
        std::span<std::byte> Target = std::span(LeafBuffers[I]).first(Length);
        From.read(Offset, Target);
        Group[I] = Target;
      }
      return sha256(Group[I], W.Leaves[First + I]);
    });
  }

  Status writeMetadata() {
    // What the loader will check, on what it will see.
    DURE_RETURN_IF_ERROR(
        verifyPackage(To, {Header.CodeSize, Header.WeightsSize, false}));
    Result<std::string> Metadata = encodeMetadata(To);
    if (!Metadata)
      return Metadata.status();
    Header.MetadataSize = Metadata->size();
    Header.TotalSize = Header.MetadataOffset + Header.MetadataSize;
    DURE_RETURN_IF_ERROR(
        sha256(std::as_bytes(std::span(*Metadata)), Header.MetadataHash));
    DURE_RETURN_IF_ERROR(append(Metadata->data(), Metadata->size()));
    auto Page = encodeHeader(Header);
    return Out.setHeader(Page.data(), Page.size());
  }

  const Package &From;
  Package To;
  const PackageWriteOptions &Options;
  Sink &Out;
  ContainerHeader Header;
  uint64_t Written = 0;
  std::vector<const CodeObject *> CodeOrder;
  std::vector<MappedFile> Files;
  std::vector<std::span<const std::byte>> FileBytes;
  // Leaves being made: where they are, and memory for those that are computed.
  std::vector<std::span<const std::byte>> Group;
  std::vector<std::vector<std::byte>> LeafBuffers;
};

} // namespace

Status dure::writePackage(const Package &Content, const std::string &Path,
                          const PackageWriteOptions &Options) {
  Result<AtomicFile> File = AtomicFile::create(Path, PackageMode);
  if (!File)
    return File.status();
  FileSink Out(*File);
  Writer Made(Content, Options, Out);
  DURE_RETURN_IF_ERROR(Made.run());
  if (Options.BeforeCommit)
    DURE_RETURN_IF_ERROR(Options.BeforeCommit(Made.size()));
  return File->commit();
}

Result<std::string>
dure::writePackageToMemory(const Package &Content,
                           const PackageWriteOptions &Options) {
  MemorySink Out;
  DURE_RETURN_IF_ERROR(Writer(Content, Options, Out).run());
  return std::move(Out.Memory);
}
