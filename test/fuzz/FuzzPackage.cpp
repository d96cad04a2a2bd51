// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the package verifier and weight recipes. The input is the metadata;
// the container around it is right, hash included, as an attacker would make
// it. Whatever is accepted must evaluate its recipes without harm.
#include "runtime/base/Hash.h"
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

void evaluateRecipes(const PackageImage &Image) {
  const Package &P = Image.Content;
  std::vector<std::vector<std::byte>> Files;
  std::vector<std::span<const std::byte>> Spans;
  for (const ModelFile &File : P.Files)
    Files.emplace_back(File.Size <= LargestFile ? File.Size : 0);
  for (const auto &File : Files)
    Spans.emplace_back(File);
  std::vector<std::byte> Out(LargestRead);
  for (uint32_t I = 0; I != P.Weights.size(); ++I) {
    if (P.Weights[I].Source == WeightSource::None)
      continue;
    Result<Recipe> Made = Recipe::create(P, I, Spans, Image.Weights);
    if (!Made)
      continue; // the file is too large for here
    uint64_t Length = std::min<uint64_t>(Made->size(), LargestRead);
    Made->read(0, std::span(Out).first(Length));
    uint64_t Last = (Made->size() - Length) / 8 * 8;
    Made->read(Last, std::span(Out).first(
                         std::min<uint64_t>(Made->size() - Last, LargestRead)));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  std::vector<std::byte> File = makePackage(Data, Size);
  Result<PackageImage> Image = readPackage(File);
  if (!Image) {
    if (Image.status().message().empty())
      std::abort();
    return 0;
  }
  evaluateRecipes(*Image);
  return 0;
}
