// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Header of a package file.

#include "runtime/package/Container.h"

#include "runtime/base/Checked.h"
#include "runtime/base/Hash.h"

#include <cstring>
#include <string>

using namespace dure;

namespace {

constexpr char Magic[8] = {'D', 'U', 'R', 'E', 'P', 'K', 'G', '\0'};

// Byte offsets of the fields; the list is the format.
constexpr size_t VersionAt = 8;     // u32
constexpr size_t HeaderSizeAt = 12; // u32
constexpr size_t TotalSizeAt = 16;  // u64, and so on
constexpr size_t CodeAt = 24;       // offset, size
constexpr size_t WeightsAt = 40;    // offset, size
constexpr size_t MetadataAt = 56;   // offset, size
constexpr size_t HashAt = 72;       // 32 bytes
constexpr size_t FieldsEnd = 104;

template <typename T> void put(std::byte *Page, size_t At, T Value) {
  for (size_t I = 0; I != sizeof(T); ++I)
    Page[At + I] = static_cast<std::byte>(Value >> (8 * I));
}

template <typename T> T get(const std::byte *Page, size_t At) {
  T Value = 0;
  for (size_t I = 0; I != sizeof(T); ++I)
    Value |= static_cast<T>(Page[At + I]) << (8 * I);
  return Value;
}

Status damaged(const std::string &What) {
  return dataLoss("the package is damaged: " + What +
                  "; get or compile it again");
}

} // namespace

std::array<std::byte, ContainerHeaderSize>
dure::encodeHeader(const ContainerHeader &Header) {
  std::array<std::byte, ContainerHeaderSize> Page = {};
  std::memcpy(Page.data(), Magic, sizeof(Magic));
  put<uint32_t>(Page.data(), VersionAt, ContainerVersion);
  put<uint32_t>(Page.data(), HeaderSizeAt, ContainerHeaderSize);
  put<uint64_t>(Page.data(), TotalSizeAt, Header.TotalSize);
  put<uint64_t>(Page.data(), CodeAt, Header.CodeOffset);
  put<uint64_t>(Page.data(), CodeAt + 8, Header.CodeSize);
  put<uint64_t>(Page.data(), WeightsAt, Header.WeightsOffset);
  put<uint64_t>(Page.data(), WeightsAt + 8, Header.WeightsSize);
  put<uint64_t>(Page.data(), MetadataAt, Header.MetadataOffset);
  put<uint64_t>(Page.data(), MetadataAt + 8, Header.MetadataSize);
  std::memcpy(Page.data() + HashAt, Header.MetadataHash.data(),
              Header.MetadataHash.size());
  return Page;
}

Result<ContainerHeader> dure::decodeHeader(std::span<const std::byte> File) {
  const std::byte *Page = File.data();
  if (File.size() < sizeof(Magic) ||
      std::memcmp(Page, Magic, sizeof(Magic)) != 0)
    return invalidArgument("this is not a Dure package (no DUREPKG at its "
                           "start)");
  if (File.size() < ContainerHeaderSize)
    return damaged("it ends within its header");
  if (uint32_t Version = get<uint32_t>(Page, VersionAt);
      Version != ContainerVersion)
    return Status(StatusCode::Incompatible,
                  "the package has container version " +
                      std::to_string(Version) + ", this runtime reads " +
                      std::to_string(ContainerVersion) +
                      "; use the Dure that wrote it or compile it again");
  ContainerHeader Header;
  Header.TotalSize = get<uint64_t>(Page, TotalSizeAt);
  Header.CodeOffset = get<uint64_t>(Page, CodeAt);
  Header.CodeSize = get<uint64_t>(Page, CodeAt + 8);
  Header.WeightsOffset = get<uint64_t>(Page, WeightsAt);
  Header.WeightsSize = get<uint64_t>(Page, WeightsAt + 8);
  Header.MetadataOffset = get<uint64_t>(Page, MetadataAt);
  Header.MetadataSize = get<uint64_t>(Page, MetadataAt + 8);
  std::memcpy(Header.MetadataHash.data(), Page + HashAt,
              Header.MetadataHash.size());

  if (Header.TotalSize != File.size())
    return damaged("it has " + std::to_string(File.size()) +
                   " bytes and says that it has " +
                   std::to_string(Header.TotalSize));
  if (get<uint32_t>(Page, HeaderSizeAt) != ContainerHeaderSize)
    return damaged("its header has another size");
  for (size_t I = FieldsEnd; I != ContainerHeaderSize; ++I)
    if (Page[I] != std::byte(0))
      return damaged("the unused part of its header is not zero");
  uint64_t CodeEnd = 0, WeightsEnd = 0, End = 0;
  bool InOrder =
      Header.CodeOffset == ContainerHeaderSize &&
      checkedAdd(Header.CodeOffset, Header.CodeSize, CodeEnd) &&
      checkedAlign(CodeEnd, PackageAlignment, CodeEnd) &&
      Header.WeightsOffset == CodeEnd &&
      checkedAdd(Header.WeightsOffset, Header.WeightsSize, WeightsEnd) &&
      checkedAlign(WeightsEnd, PackageAlignment, WeightsEnd) &&
      Header.MetadataOffset == WeightsEnd &&
      checkedAdd(Header.MetadataOffset, Header.MetadataSize, End) &&
      End == Header.TotalSize;
  if (!InOrder)
    return damaged("its parts do not follow each other");
  Sha256 Hash;
  DURE_RETURN_IF_ERROR(
      sha256(File.subspan(Header.MetadataOffset, Header.MetadataSize), Hash));
  if (Hash != Header.MetadataHash)
    return damaged("the hash of its metadata is wrong");
  return Header;
}
