// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the package verifier and weight recipes. The input is the metadata;
// the container around it is right, hash included, as an attacker would make
// it. Whatever is accepted must verify its weights and evaluate its recipes
// without harm.
#include "runtime/base/Hash.h"
#include "runtime/host/LoadedPackage.h"
#include "runtime/package/Container.h"
#include "runtime/package/Reader.h"
#include "runtime/weights/Recipe.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace dure;

namespace {

constexpr uint64_t CodeBytes = 4096, WeightsBytes = 8192;
constexpr uint64_t LargestFile = 1 << 16, LargestRead = 1 << 12;

std::vector<std::byte> makePackage(const uint8_t *Data, size_t Size) {
  ContainerHeader Header;
  Header.CodeOffset = ContainerHeaderSize;
  Header.CodeSize = CodeBytes;
  Header.WeightsOffset = Header.CodeOffset + CodeBytes;
  Header.WeightsSize = WeightsBytes;
  Header.MetadataOffset = Header.WeightsOffset + WeightsBytes;
  Header.MetadataSize = Size;
  Header.TotalSize = Header.MetadataOffset + Size;
  std::vector<std::byte> File(Header.TotalSize);
  // What the seeds' code objects hold.
  std::memcpy(File.data() + Header.CodeOffset, "fake", 4);
  if (Size != 0)
    std::memcpy(File.data() + Header.MetadataOffset, Data, Size);
  if (!sha256(std::span(File).subspan(Header.MetadataOffset),
              Header.MetadataHash)
           .ok())
    std::abort();
  auto Page = encodeHeader(Header);
  std::memcpy(File.data(), Page.data(), Page.size());
  return File;
}

void evaluateRecipes(const PackageImage &Image,
                     std::span<const std::span<const std::byte>> Files) {
  const Package &P = Image.Content;
  std::vector<std::byte> Out(LargestRead);
  for (uint32_t I = 0; I != P.Weights.size(); ++I) {
    if (P.Weights[I].Source == WeightSource::None)
      continue;
    Result<Recipe> Made = Recipe::create(P, I, Files, Image.Weights);
    if (!Made)
      continue; // the file is too large for here
    uint64_t Length = std::min<uint64_t>(Made->size(), LargestRead);
    Made->read(0, std::span(Out).first(Length));
    uint64_t Last = (Made->size() - Length) / 8 * 8;
    Made->read(Last, std::span(Out).first(
                         std::min<uint64_t>(Made->size() - Last, LargestRead)));
  }
}

/// What a session does with the weights of each variant, in files of zeros.
void verifyWeights(const LoadedPackage &Loaded) {
  const Package &P = Loaded.content();
  ModelFiles Model;
  std::vector<std::vector<std::byte>> Files;
  bool AllThere = true;
  for (const ModelFile &File : P.Files) {
    AllThere = AllThere && File.Size <= LargestFile;
    Files.emplace_back(File.Size <= LargestFile ? File.Size : 0);
  }
  for (const auto &File : Files)
    Model.Bytes.emplace_back(File);
  for (const Variant &V : P.Variants)
    if (AllThere)
      (void)Loaded.verifyWeights(V.Weights, Model);
  evaluateRecipes(Loaded.image(), Model.Bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  std::vector<std::byte> File = makePackage(Data, Size);
  PackageLoadOptions Options;
  Options.Verify = VerifyWeights::Full;
  Result<std::shared_ptr<const LoadedPackage>> Loaded =
      LoadedPackage::fromMemory(File, Options);
  if (!Loaded) {
    if (Loaded.status().message().empty())
      std::abort();
    return 0;
  }
  verifyWeights(**Loaded);
  return 0;
}
