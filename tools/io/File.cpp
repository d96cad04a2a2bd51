// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mapped files and atomic files.
#include "tools/io/File.h"

#include "runtime/base/Korean.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dure::io {

std::string systemError(int Error, Language Lang) {
  const std::string Text = std::generic_category().message(Error);
  return Lang == Language::Korean ? inKorean(Text) : Text;
}

Result<MappedFile> MappedFile::open(const std::string &Path) {
  // Not blocking: a named pipe must be refused, not waited for.
  const int Descriptor =
      ::open(Path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (Descriptor < 0)
    return Failure{ErrorId::CannotOpen, {Path}, errno};
  struct stat Info;
  if (::fstat(Descriptor, &Info) != 0 || !S_ISREG(Info.st_mode)) {
    ::close(Descriptor);
    return Failure{ErrorId::NotAFile, {Path}};
  }
  const size_t Size = size_t(Info.st_size);
  if (Size == 0) {
    ::close(Descriptor);
    return MappedFile(nullptr, 0);
  }
  void *Data = ::mmap(nullptr, Size, PROT_READ, MAP_PRIVATE, Descriptor, 0);
  const int Error = errno;
  ::close(Descriptor);
  if (Data == MAP_FAILED)
    return Failure{ErrorId::CannotRead, {Path}, Error};
  return MappedFile(static_cast<const std::byte *>(Data), Size);
}

MappedFile::MappedFile(MappedFile &&Other) noexcept
    : Data(std::exchange(Other.Data, nullptr)),
      Size(std::exchange(Other.Size, 0)) {}

MappedFile::~MappedFile() {
  if (Data)
    ::munmap(const_cast<std::byte *>(Data), Size);
}

Result<AtomicFile> AtomicFile::create(const std::string &Path) {
  std::string Temporary = Path + ".XXXXXX";
  const int Descriptor = ::mkostemp(Temporary.data(), O_CLOEXEC);
  if (Descriptor < 0)
    return Failure{ErrorId::CannotWrite, {Path}, errno};
  // mkostemp makes files private; outputs follow the umask like any other.
  const mode_t Mask = ::umask(0);
  ::umask(Mask);
  ::fchmod(Descriptor, 0666 & ~Mask);
  return AtomicFile(Path, std::move(Temporary), Descriptor);
}

AtomicFile::AtomicFile(AtomicFile &&Other) noexcept
    : Path(std::move(Other.Path)),
      Temporary(std::exchange(Other.Temporary, std::string())),
      Descriptor(std::exchange(Other.Descriptor, -1)) {}

AtomicFile::~AtomicFile() {
  if (Descriptor >= 0)
    ::close(Descriptor);
  if (!Temporary.empty())
    ::unlink(Temporary.c_str());
}

Status AtomicFile::write(std::span<const std::byte> Bytes) {
  while (!Bytes.empty()) {
    const ssize_t Written = ::write(Descriptor, Bytes.data(), Bytes.size());
    if (Written < 0 && errno == EINTR)
      continue;
    if (Written < 0)
      return Failure{ErrorId::CannotWrite, {Path}, errno};
    Bytes = Bytes.subspan(size_t(Written));
  }
  return success();
}

Status AtomicFile::write(std::string_view Text) {
  return write(std::as_bytes(std::span(Text.data(), Text.size())));
}

Status AtomicFile::commit() {
  // close() is where a full disk or a network file system may still fail.
  const int Closed = ::close(std::exchange(Descriptor, -1));
  if (Closed != 0 || ::rename(Temporary.c_str(), Path.c_str()) != 0)
    return Failure{ErrorId::CannotWrite, {Path}, errno};
  Temporary.clear();
  return success();
}

Status writeFile(const std::string &Path, std::span<const std::byte> Bytes) {
  Result<AtomicFile> File = AtomicFile::create(Path);
  if (!File)
    return File.failure();
  if (Status Written = File->write(Bytes); !Written)
    return Written;
  return File->commit();
}

Status writeFile(const std::string &Path, std::string_view Text) {
  return writeFile(Path, std::as_bytes(std::span(Text.data(), Text.size())));
}

} // namespace dure::io
