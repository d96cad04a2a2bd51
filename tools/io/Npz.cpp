// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and writing .npz with libzip.
#include "tools/io/Npz.h"

#include "tools/io/File.h"
#include "tools/io/Npy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
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

/// Appends `Count` bytes of the entry to `Out`, step by step: the directory's
/// sizes may be lies, and what is never written takes no memory.
std::optional<Failure> readBytes(const std::string &Where, zip_file_t *Entry,
                                 uint64_t Count, TensorBytes &Out) {
  constexpr uint64_t Step = uint64_t(16) << 20;
  const uint64_t Wanted = Out.size() + Count;
  Out.reserve(Wanted);
  while (Out.size() < Wanted) {
    const size_t Old = Out.size();
    const uint64_t Part = std::min<uint64_t>(Step, Wanted - Old);
    Out.resize(Old + Part);
    const zip_int64_t Got = zip_fread(Entry, Out.data() + Old, Part);
    if (Got < 0)
      return Failure{ErrorId::NpzEntry, {Where, zip_file_strerror(Entry)}};
    Out.resize(Old + size_t(Got));
    if (Got == 0)
      return Failure{ErrorId::Truncated,
                     {Where, std::to_string(Wanted), std::to_string(Old)}};
  }
  return std::nullopt;
}

/// The data goes straight into the tensor, which is then the only copy.
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
  TensorBytes Head;
  const auto readHead = [&](uint64_t Upto) {
    return readBytes(Where, Entry.get(),
                     std::min<uint64_t>(Upto, Size) - Head.size(), Head);
  };
  // The first bytes tell how long the header is.
  if (std::optional<Failure> Wrong = readHead(NpyPrefixSize))
    return *Wrong;
  if (std::optional<Failure> Wrong = readHead(npyHeaderEnd(Head)))
    return *Wrong;
  Result<NpyHeader> Header = parseNpyHeader(Where, Head);
  if (!Header)
    return Header.failure();
  Result<Extent> Wanted = checkNpyData(Where, *Header, Size - Head.size());
  if (!Wanted)
    return Wanted.failure();
  TensorBytes Data;
  if (std::optional<Failure> Wrong =
          readBytes(Where, Entry.get(), uint64_t(Wanted->Bytes), Data))
    return *Wrong;
  // libzip checks the CRC when the end is read.
  std::byte Extra;
  if (zip_fread(Entry.get(), &Extra, 1) < 0)
    return Failure{ErrorId::NpzEntry, {Where, zip_file_strerror(Entry.get())}};
  return makeNpyTensor(std::move(*Header), std::move(Data));
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
  std::vector<TensorBytes> Files;
  Files.reserve(Tensors.size());
  const auto failed = [&] {
    return Failure{ErrorId::CannotWrite, {Path, zip_strerror(Archive.get())}};
  };
  for (const Tensor &T : Tensors) {
    Result<std::string> Header = formatNpyHeader(Path + ":" + T.Name, T);
    if (!Header)
      return Header.failure();
    TensorBytes &File = Files.emplace_back();
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
    return Failure{ErrorId::CannotWrite, {Path}, errno};
  return success();
}

} // namespace dure::io
