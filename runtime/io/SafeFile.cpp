// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contained reading with openat2, and writing whole files.

#include "runtime/io/SafeFile.h"

#include "runtime/io/TemporaryFiles.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace dure;

namespace {

Status systemError(int Error, const std::string &What) {
  StatusCode Code = StatusCode::Unavailable;
  if (Error == ENOENT || Error == ENOTDIR)
    Code = StatusCode::NotFound;
  else if (Error == EACCES || Error == EPERM || Error == EROFS)
    Code = StatusCode::PermissionDenied;
  else if (Error == ENOSPC || Error == EDQUOT || Error == ENOMEM ||
           Error == EMFILE || Error == ENFILE || Error == EFBIG)
    Code = StatusCode::ResourceExhausted;
  return Status(Code, What + ": " + std::strerror(Error));
}

/// A message must stay readable whatever a file names.
constexpr size_t LongName = 200;

std::string quoted(std::string_view Name) {
  Name = Name.substr(0, Name.find('\0'));
  if (Name.size() <= LongName)
    return "'" + std::string(Name) + "'";
  size_t End = LongName;
  // Not within a character: a byte 10xxxxxx goes on with one.
  while (End > 0 && (Name[End] & 0xC0) == 0x80)
    --End;
  return "'" + std::string(Name.substr(0, End)) + "...'";
}

Status linkRefused(const std::string &Name) {
  return Status(StatusCode::PermissionDenied,
                quoted(Name) + " is or goes through a link, which the model's "
                               "files may not; give --allow-links (or "
                               "--allow-links=ROOT) if the link is wanted");
}

std::vector<std::string> components(const std::string &Name) {
  std::vector<std::string> Parts;
  for (size_t Begin = 0; Begin <= Name.size();) {
    size_t End = std::min(Name.find('/', Begin), Name.size());
    if (std::string Part = Name.substr(Begin, End - Begin);
        !Part.empty() && Part != ".")
      Parts.push_back(std::move(Part));
    Begin = End + 1;
  }
  return Parts;
}

/// What openat2 does, for kernels and sandboxes without it: one component at a
/// time, following nothing. Negative errno on failure.
int openWithoutLinks(int Folder, const std::string &Name, int Flags) {
  std::vector<std::string> Parts = components(Name);
  if (Parts.empty())
    return -EISDIR;
  int Current = Folder;
  for (size_t I = 0; I != Parts.size(); ++I) {
    bool Last = I + 1 == Parts.size();
    int PartFlags = Last ? Flags : O_PATH | O_DIRECTORY | O_CLOEXEC;
    int Next = ::openat(Current, Parts[I].c_str(), PartFlags | O_NOFOLLOW);
    int Error = errno;
    // O_DIRECTORY on a link says ENOTDIR: find out which it was.
    if (Next < 0 && Error == ENOTDIR) {
      struct stat Info;
      if (::fstatat(Current, Parts[I].c_str(), &Info, AT_SYMLINK_NOFOLLOW) ==
              0 &&
          S_ISLNK(Info.st_mode))
        Error = ELOOP;
    }
    if (Current != Folder)
      ::close(Current);
    if (Next < 0)
      return -Error;
    Current = Next;
  }
  return Current;
}

int openBeneath(int Folder, const std::string &Name, int Flags) {
  struct open_how How = {};
  How.flags = static_cast<uint64_t>(Flags);
  How.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  long Fd = ::syscall(SYS_openat2, Folder, Name.c_str(), &How, sizeof(How));
  if (Fd >= 0)
    return static_cast<int>(Fd);
  // Sandboxes answer unknown calls with EPERM; a real EPERM fails again below.
  if (errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == EAGAIN)
    return openWithoutLinks(Folder, Name, Flags);
  return -errno;
}

/// Canonical path of an open file, empty if /proc is not there.
std::string pathOf(int Fd) {
  std::string Link = "/proc/self/fd/" + std::to_string(Fd);
  char Buffer[PATH_MAX];
  ssize_t Size = ::readlink(Link.c_str(), Buffer, sizeof(Buffer));
  if (Size <= 0 || Size == static_cast<ssize_t>(sizeof(Buffer)))
    return "";
  return std::string(Buffer, static_cast<size_t>(Size));
}

bool isBelow(const std::string &Path, const std::string &Root) {
  if (Root == "/")
    return !Path.empty() && Path[0] == '/';
  return Path.size() > Root.size() && Path.starts_with(Root) &&
         Path[Root.size()] == '/';
}

} // namespace

//===----------------------------------------------------------------------===//
// MappedFile
//===----------------------------------------------------------------------===//

MappedFile::~MappedFile() {
  if (Data)
    ::munmap(const_cast<std::byte *>(Data), Size);
}

Result<MappedFile> MappedFile::fromDescriptor(int Fd, const std::string &Name) {
  struct stat Info;
  if (::fstat(Fd, &Info) != 0)
    return systemError(errno, "cannot read " + quoted(Name));
  if (!S_ISREG(Info.st_mode))
    return Status(StatusCode::PermissionDenied,
                  quoted(Name) + " is not a regular file");
  MappedFile File;
  File.Size = static_cast<size_t>(Info.st_size);
  File.Id.Device = Info.st_dev;
  File.Id.Inode = Info.st_ino;
  File.Id.Size = File.Size;
  File.Id.ModifiedNs =
      Info.st_mtim.tv_sec * int64_t(1000000000) + Info.st_mtim.tv_nsec;
  File.Id.ChangedNs =
      Info.st_ctim.tv_sec * int64_t(1000000000) + Info.st_ctim.tv_nsec;
  File.Id.Owner = Info.st_uid;
  File.Id.Mode = Info.st_mode & 07777;
  if (File.Size == 0)
    return File;
  void *Memory = ::mmap(nullptr, File.Size, PROT_READ, MAP_PRIVATE, Fd, 0);
  if (Memory == MAP_FAILED) {
    File.Size = 0;
    return systemError(errno, "cannot map " + quoted(Name));
  }
  File.Data = static_cast<const std::byte *>(Memory);
  return File;
}

Result<MappedFile> MappedFile::open(const std::string &Path) {
  // O_NONBLOCK: a FIFO must be refused, not waited for.
  int Fd = ::open(Path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (Fd < 0)
    return systemError(errno, "cannot open " + quoted(Path));
  Result<MappedFile> File = fromDescriptor(Fd, Path);
  ::close(Fd);
  return File;
}

void MappedFile::dropPages(size_t Offset, size_t Length) const {
  static const size_t PageSize = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  if (Offset >= Size)
    return;
  size_t End = Offset + std::min(Length, Size - Offset);
  size_t Begin = (Offset + PageSize - 1) / PageSize * PageSize;
  End = End / PageSize * PageSize;
  if (Begin < End)
    ::madvise(const_cast<std::byte *>(Data) + Begin, End - Begin,
              MADV_DONTNEED);
}

//===----------------------------------------------------------------------===//
// SafeFolder
//===----------------------------------------------------------------------===//

Status dure::checkRelativeName(std::string_view Name) {
  if (Name.empty())
    return invalidArgument("a file name is empty");
  if (Name.find('\0') != std::string_view::npos)
    return Status(StatusCode::PermissionDenied,
                  "a file name holds a NUL byte: " + quoted(Name));
  if (Name.front() == '/')
    return Status(StatusCode::PermissionDenied,
                  quoted(Name) + " is absolute; files of a model are named "
                                 "relative to its folder");
  for (const std::string &Part : components(std::string(Name)))
    if (Part == "..")
      return Status(StatusCode::PermissionDenied,
                    quoted(Name) + " leaves the model's folder");
  return Status::success();
}

SafeFolder::~SafeFolder() {
  if (Fd >= 0)
    ::close(Fd);
}

Result<SafeFolder> SafeFolder::open(const std::string &Path,
                                    const LinkPolicy &Policy) {
  SafeFolder Folder;
  Folder.Path = Path.empty() ? "." : Path;
  Folder.Policy = Policy;
  if (Policy.AllowLinks) {
    char *Real = ::realpath(Policy.Root.c_str(), nullptr);
    if (!Real)
      return systemError(errno, "links root " + quoted(Policy.Root));
    Folder.Policy.Root = Real;
    std::free(Real);
  }
  Folder.Fd = ::open(Folder.Path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (Folder.Fd < 0)
    return systemError(errno, "cannot open the folder " + quoted(Folder.Path));
  return Folder;
}

Result<int> SafeFolder::openFile(const std::string &Name) const {
  constexpr int Flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  int File = openBeneath(Fd, Name, Flags);
  bool IsLink = File == -ELOOP || File == -EXDEV;
  if (IsLink && Policy.AllowLinks) {
    File = ::openat(Fd, Name.c_str(), Flags);
    if (File < 0)
      File = -errno;
    IsLink = false;
  }
  if (IsLink)
    return linkRefused(Name);
  if (File < 0)
    return systemError(-File,
                       "cannot open " + quoted(Name) + " in " + quoted(Path));
  return File;
}

Status SafeFolder::checkOpened(int File, const std::string &Name) const {
  struct stat Info;
  if (::fstat(File, &Info) != 0)
    return systemError(errno, "cannot read " + quoted(Name));
  if (!S_ISREG(Info.st_mode))
    return Status(StatusCode::PermissionDenied,
                  quoted(Name) + " is not a regular file");
  if (!Policy.AllowLinks)
    return Info.st_nlink > 1 ? linkRefused(Name) : Status::success();
  std::string Real = pathOf(File);
  std::string Folder = pathOf(Fd);
  // What lies in the folder itself needs no root.
  if (!isBelow(Real, Policy.Root) && !isBelow(Real, Folder))
    return Status(StatusCode::PermissionDenied,
                  quoted(Name) + " leads to " + quoted(Real) +
                      ", outside the links root " + quoted(Policy.Root) +
                      "; give --allow-links=ROOT with a folder that holds it");
  return Status::success();
}

Result<MappedFile> SafeFolder::map(const std::string &Name) const {
  DURE_RETURN_IF_ERROR(checkRelativeName(Name));
  Result<int> File = openFile(Name);
  if (!File)
    return File.status();
  Status Checked = checkOpened(*File, Name);
  Result<MappedFile> Mapped = Checked.ok()
                                  ? MappedFile::fromDescriptor(*File, Name)
                                  : Result<MappedFile>(Checked);
  ::close(*File);
  return Mapped;
}

//===----------------------------------------------------------------------===//
// AtomicFile
//===----------------------------------------------------------------------===//

namespace {

std::string folderOf(const std::string &Path) {
  size_t Slash = Path.rfind('/');
  if (Slash == std::string::npos)
    return ".";
  return Slash == 0 ? "/" : Path.substr(0, Slash);
}

/// A name beside PATH that no other AtomicFile of this process uses.
std::string temporaryName(const std::string &Path) {
  static std::atomic<unsigned> Counter = 0;
  size_t Slash = Path.rfind('/');
  size_t Base = Slash == std::string::npos ? 0 : Slash + 1;
  return Path.substr(0, Base) + "." + Path.substr(Base) + "." +
         std::to_string(::getpid()) + "." + std::to_string(Counter++) + ".tmp";
}

} // namespace

AtomicFile::~AtomicFile() {
  if (Fd >= 0)
    ::close(Fd);
  if (!TemporaryPath.empty()) {
    ::unlink(TemporaryPath.c_str());
    dropTemporaryFile(TemporaryPath);
  }
}

Result<AtomicFile> AtomicFile::create(const std::string &Path, unsigned Mode) {
  struct stat Info;
  if (::stat(Path.c_str(), &Info) == 0 && !S_ISREG(Info.st_mode))
    return invalidArgument("cannot write " + quoted(Path) +
                           ": it exists and is not a regular file");
  AtomicFile File;
  File.Path = Path;
  // A file without a name vanishes even when the process is killed.
  File.Fd =
      ::open(folderOf(Path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, Mode);
  if (File.Fd >= 0)
    return File;
  std::string Temporary = temporaryName(Path);
  addTemporaryFile(Temporary);
  File.Fd =
      ::open(Temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, Mode);
  if (File.Fd < 0) {
    int Error = errno;
    dropTemporaryFile(Temporary);
    return systemError(Error, "cannot write " + quoted(Path));
  }
  File.TemporaryPath = std::move(Temporary);
  return File;
}

Status AtomicFile::write(const void *Bytes, size_t Size) {
  const char *Next = static_cast<const char *>(Bytes);
  while (Size != 0) {
    ssize_t Written = ::write(Fd, Next, std::min(Size, size_t(1) << 30));
    if (Written < 0 && errno == EINTR)
      continue;
    if (Written < 0)
      return systemError(errno, "cannot write " + quoted(Path));
    Next += Written;
    Size -= static_cast<size_t>(Written);
  }
  return Status::success();
}

Status AtomicFile::writeAt(const void *Bytes, size_t Size, uint64_t Offset) {
  const char *Next = static_cast<const char *>(Bytes);
  while (Size != 0) {
    ssize_t Written = ::pwrite(Fd, Next, Size, static_cast<off_t>(Offset));
    if (Written < 0 && errno == EINTR)
      continue;
    if (Written < 0)
      return systemError(errno, "cannot write " + quoted(Path));
    Next += Written;
    Size -= static_cast<size_t>(Written);
    Offset += static_cast<uint64_t>(Written);
  }
  return Status::success();
}

bool AtomicFile::clone(const std::string &Path, const FileIdentity &Meant) {
  int From = ::open(Path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (From < 0)
    return false;
  struct stat Info;
  bool IsMeant = ::fstat(From, &Info) == 0 && Info.st_dev == Meant.Device &&
                 Info.st_ino == Meant.Inode &&
                 static_cast<uint64_t>(Info.st_size) == Meant.Size;
  bool Cloned = IsMeant && ::ioctl(Fd, FICLONE, From) == 0;
  ::close(From);
  return Cloned;
}

Status AtomicFile::commit() {
  if (::fsync(Fd) != 0)
    return systemError(errno, "cannot write " + quoted(Path));
  if (TemporaryPath.empty()) {
    // linkat does not replace, so the file gets a temporary name first.
    std::string Temporary = temporaryName(Path);
    std::string Source = "/proc/self/fd/" + std::to_string(Fd);
    addTemporaryFile(Temporary);
    if (::linkat(AT_FDCWD, Source.c_str(), AT_FDCWD, Temporary.c_str(),
                 AT_SYMLINK_FOLLOW) != 0) {
      int Error = errno;
      dropTemporaryFile(Temporary);
      return systemError(Error, "cannot write " + quoted(Path));
    }
    TemporaryPath = std::move(Temporary);
  }
  if (::rename(TemporaryPath.c_str(), Path.c_str()) != 0)
    return systemError(errno, "cannot write " + quoted(Path));
  dropTemporaryFile(TemporaryPath);
  TemporaryPath.clear();
  // The new name must survive a power cut, too; not every file system lets a
  // folder be synced, and the file itself is safe already.
  int Folder =
      ::open(folderOf(Path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (Folder >= 0) {
    (void)::fsync(Folder);
    ::close(Folder);
  }
  ::close(Fd);
  Fd = -1;
  return Status::success();
}
