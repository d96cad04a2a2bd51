// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading files that a model or package names, and writing files whole.
//
// Included by the package loader and writer and by the ONNX front end for
// external data. Depends on runtime/base and Linux only; throws nothing.
//
// Why not std::filesystem: a name inside a model is hostile input. It must not
// lead outside the model's folder, and checking a path and then opening it
// leaves a gap. So the kernel resolves and contains in one call (openat2), and
// every check is made on the file that was opened.
#ifndef DURE_RUNTIME_IO_SAFEFILE_H
#define DURE_RUNTIME_IO_SAFEFILE_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dure {

/// Which links the files of a folder may go through. By default none: no
/// symbolic link on the way and no file that has a second name elsewhere.
struct LinkPolicy {
  /// Admits links that end at a file below Root (folders of the Hugging Face
  /// cache are links into another folder).
  bool AllowLinks = false;
  std::string Root = "/";
};

/// What identifies the content of a file without reading it.
struct FileIdentity {
  uint64_t Device = 0;
  uint64_t Inode = 0;
  uint64_t Size = 0;
  int64_t ModifiedNs = 0;
  int64_t ChangedNs = 0;
  uint32_t Owner = 0; // user id
  uint32_t Mode = 0;  // permission bits

  friend bool operator==(const FileIdentity &, const FileIdentity &) = default;
};

/// A file mapped read-only. Movable. The bytes change if somebody writes the
/// file meanwhile, and reading past a truncation raises SIGBUS: what is checked
/// must not be read a second time where that matters.
class MappedFile {
public:
  MappedFile() = default;
  MappedFile(MappedFile &&Other) noexcept { swap(Other); }
  MappedFile &operator=(MappedFile &&Other) noexcept {
    swap(Other);
    return *this;
  }
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  /// Maps a file that the user named: links are followed. Only regular files.
  static Result<MappedFile> open(const std::string &Path);

  std::span<const std::byte> bytes() const { return {Data, Size}; }
  const std::byte *data() const { return Data; }
  size_t size() const { return Size; }
  const FileIdentity &identity() const { return Id; }

  /// Tells the kernel that the range was used and may leave memory; it is read
  /// again when touched. Keeps streaming over a large file from counting as
  /// resident memory.
  void dropPages(size_t Offset, size_t Length) const;

private:
  friend class SafeFolder;
  static Result<MappedFile> fromDescriptor(int Fd, const std::string &Name);
  void swap(MappedFile &Other) noexcept {
    std::swap(Data, Other.Data);
    std::swap(Size, Other.Size);
    std::swap(Id, Other.Id);
  }

  const std::byte *Data = nullptr;
  size_t Size = 0;
  FileIdentity Id;
};

/// A folder whose files are opened by names that came from elsewhere. Movable;
/// open() may be called from several threads.
class SafeFolder {
public:
  SafeFolder() = default;
  SafeFolder(SafeFolder &&Other) noexcept { swap(Other); }
  SafeFolder &operator=(SafeFolder &&Other) noexcept {
    swap(Other);
    return *this;
  }
  SafeFolder(const SafeFolder &) = delete;
  SafeFolder &operator=(const SafeFolder &) = delete;
  ~SafeFolder();

  /// Opens the folder PATH, which the user named.
  static Result<SafeFolder> open(const std::string &Path,
                                 const LinkPolicy &Policy = {});

  /// Maps the regular file NAME, relative to the folder. Refused with
  /// PermissionDenied: absolute names, "..", links that the policy does not
  /// admit (the message names --allow-links), other kinds of files.
  Result<MappedFile> map(const std::string &Name) const;

  const std::string &path() const { return Path; }

private:
  Result<int> openFile(const std::string &Name) const;
  Status checkOpened(int Fd, const std::string &Name) const;
  void swap(SafeFolder &Other) noexcept {
    std::swap(Fd, Other.Fd);
    std::swap(Path, Other.Path);
    std::swap(Policy, Other.Policy);
  }

  int Fd = -1;
  std::string Path;
  LinkPolicy Policy;
};

/// OK if NAME is relative, has no ".." and no NUL. What SafeFolder::map checks
/// first; for checking names before any file is at hand.
Status checkRelativeName(std::string_view Name);

/// A file that appears at its path whole or not at all: written under no name
/// (or a temporary one, where the file system knows no other way), synced, then
/// renamed. Without commit() nothing remains.
class AtomicFile {
public:
  AtomicFile() = default;
  AtomicFile(AtomicFile &&Other) noexcept { swap(Other); }
  AtomicFile &operator=(AtomicFile &&Other) noexcept {
    swap(Other);
    return *this;
  }
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  ~AtomicFile();

  /// The file gets the permission bits MODE less those that the umask takes.
  static Result<AtomicFile> create(const std::string &Path,
                                   unsigned Mode = 0666);

  /// Appends.
  Status write(const void *Bytes, size_t Size);
  /// Overwrites bytes already written.
  Status writeAt(const void *Bytes, size_t Size, uint64_t Offset);
  /// Makes the file, which is empty, share the blocks of the file at PATH;
  /// false where the file system cannot, or the file there is not the one
  /// meant. It is then still empty.
  bool clone(const std::string &Path, const FileIdentity &Meant);
  /// Gives the file its name. No other call is allowed afterwards.
  Status commit();

private:
  void swap(AtomicFile &Other) noexcept {
    std::swap(Fd, Other.Fd);
    std::swap(Path, Other.Path);
    std::swap(TemporaryPath, Other.TemporaryPath);
  }

  int Fd = -1;
  std::string Path;
  std::string TemporaryPath; // empty: the file has no name yet
};

} // namespace dure

#endif // DURE_RUNTIME_IO_SAFEFILE_H
