// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and writing .npz with libzip.
#include "tools/io/Npz.h"

#include "tools/io/File.h"
#include "tools/io/Npy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <zip.h>

namespace dure::io {
namespace {

struct DiscardZip {
  void operator()(zip_t *Archive) const { zip_discard(Archive); }
};
struct CloseEntry {
  void operator()(zip_file_t *Entry) const { zip_fclose(Entry); }
};
using ZipPointer = std::unique_ptr<zip_t, DiscardZip>;
using EntryPointer = std::unique_ptr<zip_file_t, CloseEntry>;

// Deflate makes at most 1032 bytes of one; a little is added for the ends.
constexpr uint64_t MaxDeflateRatio = 1032;
constexpr uint64_t DeflateSlack = 1024;

std::string openError(int Code) {
  zip_error_t Error;
  zip_error_init_with_code(&Error, Code);
  std::string Text = zip_error_strerror(&Error);
  zip_error_fini(&Error);
  return Text;
}

Result<Tensor> readEntry(const std::string &Path, zip_t *Archive,
                         uint64_t Index, std::string_view Name,
                         const zip_stat_t &Info) {
  const std::string Where = Path + ":" + std::string(Name);
  const uint64_t Packed = Info.comp_size, Size = Info.size;
  if (Size > DeflateSlack && (Size - DeflateSlack) / MaxDeflateRatio > Packed)
    return Failure{ErrorId::NpzRatio,
                   {Where, std::to_string(Packed), std::to_string(Size)}};
  EntryPointer Entry(zip_fopen_index(Archive, Index, 0));
  if (!Entry)
    return Failure{ErrorId::NpzEntry, {Where, zip_strerror(Archive)}};
  std::vector<std::byte> Bytes;
  // Grown as the data comes, for the directory's sizes may be lies.
  constexpr uint64_t Step = uint64_t(16) << 20;
  while (Bytes.size() < Size) {
    const size_t Old = Bytes.size();
    const uint64_t Wanted = std::min<uint64_t>(Step, Size - Old);
    Bytes.resize(Old + Wanted);
    const zip_int64_t Got = zip_fread(Entry.get(), Bytes.data() + Old, Wanted);
    if (Got < 0)
      return Failure{ErrorId::NpzEntry,
                     {Where, zip_file_strerror(Entry.get())}};
    Bytes.resize(Old + size_t(Got));
    if (Got == 0)
      return Failure{ErrorId::Truncated,
                     {Where, std::to_string(Size), std::to_string(Old)}};
  }
  // libzip checks the CRC when the end is read.
  std::byte Extra;
  if (zip_fread(Entry.get(), &Extra, 1) < 0)
    return Failure{ErrorId::NpzEntry, {Where, zip_file_strerror(Entry.get())}};
  return parseNpy(Where, Bytes);
}

} // namespace

Result<std::vector<Tensor>> readNpz(const std::string &Path) {
  int Code = 0;
  ZipPointer Archive(zip_open(Path.c_str(), ZIP_RDONLY, &Code));
  if (!Archive)
    return Failure{ErrorId::NotNpz, {Path, openError(Code)}};
  const zip_int64_t Count = zip_get_num_entries(Archive.get(), 0);
  std::vector<Tensor> Tensors;
  for (zip_int64_t I = 0; I < Count; ++I) {
    zip_stat_t Info;
    zip_stat_init(&Info);
    constexpr uint64_t Needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    if (zip_stat_index(Archive.get(), zip_uint64_t(I), 0, &Info) != 0 ||
        (Info.valid & Needed) != Needed)
      return Failure{ErrorId::NotNpz, {Path, zip_strerror(Archive.get())}};
    std::string_view Name = Info.name;
    if (Name.ends_with('/'))
      continue;
    if (Name.ends_with(".npy"))
      Name.remove_suffix(4);
    if (std::any_of(Tensors.begin(), Tensors.end(),
                    [&](const Tensor &T) { return T.Name == Name; }))
      return Failure{ErrorId::NpzDuplicate, {Path, std::string(Name)}};
    Result<Tensor> T =
        readEntry(Path, Archive.get(), zip_uint64_t(I), Name, Info);
    if (!T)
      return T.failure();
    T->Name = Name;
    Tensors.push_back(std::move(*T));
  }
  return Tensors;
}

Status writeNpz(const std::string &Path, std::span<const Tensor> Tensors) {
  int Code = 0;
  const std::string Temporary = Path + ".tmp";
  ZipPointer Archive(
      zip_open(Temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &Code));
  if (!Archive)
    return Failure{ErrorId::CannotWrite, {Path, openError(Code)}};
  std::vector<std::vector<std::byte>> Files;
  Files.reserve(Tensors.size());
  const auto failed = [&] {
    return Failure{ErrorId::CannotWrite, {Path, zip_strerror(Archive.get())}};
  };
  for (const Tensor &T : Tensors) {
    Result<std::string> Header = formatNpyHeader(Path + ":" + T.Name, T);
    if (!Header)
      return Header.failure();
    std::vector<std::byte> &File = Files.emplace_back();
    File.resize(Header->size() + T.Bytes.size());
    std::memcpy(File.data(), Header->data(), Header->size());
    if (!T.Bytes.empty())
      std::memcpy(File.data() + Header->size(), T.Bytes.data(), T.Bytes.size());
    zip_source_t *Source =
        zip_source_buffer(Archive.get(), File.data(), File.size(), 0);
    if (!Source)
      return failed();
    const zip_int64_t Index = zip_file_add(
        Archive.get(), (T.Name + ".npy").c_str(), Source, ZIP_FL_ENC_UTF_8);
    if (Index < 0) {
      zip_source_free(Source);
      return failed();
    }
    zip_set_file_compression(Archive.get(), zip_uint64_t(Index), ZIP_CM_STORE,
                             0);
    // 1980-01-01, zip's first day: output depends on the input alone.
    zip_file_set_dostime(Archive.get(), zip_uint64_t(Index), 0, 0x21, 0);
  }
  // zip_close writes its own temporary file and renames it.
  if (zip_close(Archive.get()) != 0)
    return failed();
  Archive.release();
  if (std::rename(Temporary.c_str(), Path.c_str()) != 0)
    return Failure{ErrorId::CannotWrite, {Path, systemError(errno)}};
  return success();
}

} // namespace dure::io
