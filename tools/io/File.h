// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files that are mapped to read and written all or nothing.
//
// Included by the readers and writers of tools/io and by the commands. POSIX.
#ifndef DURE_TOOLS_IO_FILE_H
#define DURE_TOOLS_IO_FILE_H

#include "tools/io/Result.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace dure::io {

/// A regular file mapped read-only for the object's life. A file that another
/// process shortens meanwhile faults, as with every mapping: CutOff.h says what
/// a program can do.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &Path);
  MappedFile(MappedFile &&Other) noexcept;
  MappedFile &operator=(MappedFile &&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {Data, Size}; }

private:
  MappedFile(const std::byte *Data, size_t Size) : Data(Data), Size(Size) {}
  const std::byte *Data;
  size_t Size;
};

/// Writes a file beside its place and renames it at `commit`: a reader sees the
/// old file or the whole new one, and an error leaves the old one. Destroyed
/// without commit, it leaves nothing.
class AtomicFile {
public:
  static Result<AtomicFile> create(const std::string &Path);
  AtomicFile(AtomicFile &&Other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  Status write(std::span<const std::byte> Bytes);
  Status write(std::string_view Text);
  Status commit();

private:
  AtomicFile(std::string Path, std::string Temporary, int Descriptor)
      : Path(std::move(Path)), Temporary(std::move(Temporary)),
        Descriptor(Descriptor) {}
  std::string Path;
  std::string Temporary;
  int Descriptor;
};

/// Writes `Bytes` to `Path` at once, all or nothing.
Status writeFile(const std::string &Path, std::span<const std::byte> Bytes);
Status writeFile(const std::string &Path, std::string_view Text);

/// The text of errno value `Error`; in Korean for the common ones.
std::string systemError(int Error, Language Lang = Language::English);

} // namespace dure::io

#endif // DURE_TOOLS_IO_FILE_H
