// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The folder where compiled packages are kept for the next call.
#include "tools/dure/CacheFolder.h"

#include "tools/io/File.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <linux/fs.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dure {
namespace {

namespace fs = std::filesystem;

/// Names of entries are hashes, and of those under way this and six letters:
/// whatever else lies in the folder is not touched.
constexpr std::string_view UnderWay = "new-";
constexpr size_t EntryNameLength = 64;
/// What is under way for so long was left by a process that is no more.
constexpr int64_t AbandonedNs = int64_t(24) * 3600 * 1000000000;

bool isEntryName(std::string_view Name) {
  return Name.size() == EntryNameLength &&
         Name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Whether nobody else can write what the status is of.
bool isPrivate(const struct stat &Info) {
  return S_ISDIR(Info.st_mode) && Info.st_uid == ::geteuid() &&
         (Info.st_mode & 022) == 0;
}

/// "500M", "20G": a number and what it counts.
std::optional<uint64_t> readSize(std::string_view Text) {
  uint64_t Number = 0;
  const auto [End, Error] =
      std::from_chars(Text.data(), Text.data() + Text.size(), Number);
  Text.remove_prefix(size_t(End - Text.data()));
  const size_t Unit =
      std::string_view("KMGT").find(Text.empty() ? '?' : Text[0]);
  if (Error != std::errc() || Text.size() != 1 ||
      Unit == std::string_view::npos || Number >> (54 - 10 * Unit) != 0)
    return std::nullopt;
  return Number << (10 * (Unit + 1));
}

/// Makes a folder for what is under way below `Path`; false with errno.
bool makeUnderWay(const std::string &Path, std::string &Made) {
  Made = Path + "/" + std::string(UnderWay) + "XXXXXX";
  return ::mkdtemp(Made.data()) != nullptr;
}

/// Copies a file's content; 0 or the errno.
int copyFile(const fs::path &From, const fs::path &To) {
  const int In = ::open(From.c_str(), O_RDONLY | O_CLOEXEC);
  if (In < 0)
    return errno;
  const int Made =
      ::open(To.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  int Error = Made < 0 ? errno : 0;
  // In pieces, so that Ctrl-C need not wait for gigabytes.
  while (!Error) {
    const ssize_t Done = ::sendfile(Made, In, nullptr, size_t(32) << 20);
    if (Done == 0)
      break;
    if (Done < 0 && errno != EINTR)
      Error = errno;
    if (interrupted())
      Error = EINTR;
  }
  ::close(In);
  if (Made >= 0 && ::close(Made) != 0 && !Error)
    Error = errno;
  return Error;
}

/// Copies a folder's files and links; 0 or the errno.
int copyFolder(const fs::path &From, const fs::path &To) {
  std::error_code Error;
  for (fs::recursive_directory_iterator At(From, Error), End; At != End;
       At.increment(Error)) {
    if (Error)
      return Error.value();
    const fs::path Place = To / At->path().lexically_relative(From);
    if (At->is_symlink(Error)) {
      fs::copy_symlink(At->path(), Place, Error);
    } else if (At->is_directory(Error)) {
      fs::create_directory(Place, Error);
    } else if (const int Failed = copyFile(At->path(), Place)) {
      return Failed;
    }
    if (Error)
      return Error.value();
  }
  return Error.value();
}

/// Gives a folder its name, in the place of one that has it; 0 or the errno.
int renameOver(const std::string &Made, const std::string &Entry) {
  if (::rename(Made.c_str(), Entry.c_str()) == 0)
    return 0;
  if (errno != ENOTEMPTY && errno != EEXIST)
    return errno;
  std::error_code Ignored;
  if (::renameat2(AT_FDCWD, Made.c_str(), AT_FDCWD, Entry.c_str(),
                  RENAME_EXCHANGE) == 0) {
    fs::remove_all(Made, Ignored);
    return 0;
  }
  // Some file systems cannot exchange.
  fs::remove_all(Entry, Ignored);
  return ::rename(Made.c_str(), Entry.c_str()) == 0 ? 0 : errno;
}

} // namespace

uint64_t bytesBelow(const std::string &Folder) {
  uint64_t Bytes = 0;
  std::error_code Error;
  for (fs::recursive_directory_iterator At(Folder, Error), End; At != End;
       At.increment(Error)) {
    struct stat Info;
    if (Error || ::lstat(At->path().c_str(), &Info) != 0)
      break;
    Bytes += uint64_t(Info.st_blocks) * 512;
  }
  return Bytes;
}

CacheFolder::CacheFolder() {
  // secure_getenv: a setuid program must not be told where to look.
  const auto variable = [](const char *Name) {
    const char *Value = ::secure_getenv(Name);
    return std::string(Value ? Value : "");
  };
  const std::string Given = variable("DURE_CACHE"),
                    Caches = variable("XDG_CACHE_HOME"),
                    Home = variable("HOME");
  std::error_code Ignored;
  if (Given == "off")
    return;
  if (!Given.empty())
    Path = fs::absolute(Given, Ignored).string();
  else if (Caches.starts_with('/'))
    Path = Caches + "/dure/compiled";
  else if (Home.starts_with('/'))
    Path = Home + "/.cache/dure/compiled";
  const std::string Size = variable("DURE_CACHE_SIZE");
  if (const auto Bytes = readSize(Size))
    Limit = *Bytes;
  else
    WrongSize = Size;
}

std::string CacheFolder::problem(const Console &Out) const {
  if (!WrongSize.empty())
    return Out.text(Message::CacheSize, {WrongSize});
  struct stat Info;
  if (::stat(Path.c_str(), &Info) != 0)
    return errno == ENOENT ? "" : io::systemError(errno, Out.language());
  return isPrivate(Info) ? "" : Out.text(Message::CacheNotPrivate);
}

std::string CacheFolder::find(const std::string &Name) const {
  const std::string Entry = Path + "/" + Name;
  struct stat Info;
  return ::lstat(Entry.c_str(), &Info) == 0 && isPrivate(Info) ? Entry : "";
}

bool CacheFolder::make() const {
  for (size_t Slash = 0; Slash != std::string::npos;) {
    Slash = Path.find('/', Slash + 1);
    if (::mkdir(Path.substr(0, Slash).c_str(), 0700) != 0 && errno != EEXIST &&
        Slash == std::string::npos)
      return false;
  }
  return true;
}

int CacheFolder::bring(const std::string &Made, std::string &Brought) const {
  std::string Place;
  if (!makeUnderWay(Path, Place))
    return errno;
  int Error = ::rename(Made.c_str(), Place.c_str()) == 0 ? 0 : errno;
  if (Error == EXDEV)
    Error = copyFolder(Made, Place);
  std::error_code Ignored;
  if (Error)
    fs::remove_all(Place, Ignored);
  else
    Brought = std::move(Place);
  return Error;
}

int CacheFolder::publish(const std::string &Brought,
                         const std::string &Name) const {
  const int Error = renameOver(Brought, Path + "/" + Name);
  std::error_code Ignored;
  if (Error)
    fs::remove_all(Brought, Ignored);
  return Error;
}

void CacheFolder::touch(const std::string &Entry) const {
  ::utimensat(AT_FDCWD, (Entry + "/" + CacheRecordName).c_str(), nullptr, 0);
}

std::vector<CacheEntry> CacheFolder::list() const {
  std::vector<CacheEntry> Entries;
  std::error_code Error;
  for (fs::directory_iterator At(Path, Error), End; At != End;
       At.increment(Error)) {
    if (Error)
      break;
    if (!isEntryName(At->path().filename().string()))
      continue;
    CacheEntry Entry{At->path().string(), bytesBelow(At->path().string()), 0};
    struct stat Info;
    if (::stat((Entry.Path + "/" + CacheRecordName).c_str(), &Info) == 0)
      Entry.UsedNs = nanoseconds(Info.st_mtim);
    Entries.push_back(std::move(Entry));
  }
  std::sort(Entries.begin(), Entries.end(),
            [](const CacheEntry &A, const CacheEntry &B) {
              return A.UsedNs > B.UsedNs;
            });
  return Entries;
}

void CacheFolder::evict(const std::string &Kept) const {
  timespec Now;
  ::clock_gettime(CLOCK_REALTIME, &Now);
  std::error_code Error, Ignored;
  for (fs::directory_iterator At(Path, Error), End; At != End;
       At.increment(Error)) {
    struct stat Info;
    if (Error)
      break;
    if (At->path().filename().string().starts_with(UnderWay) &&
        ::lstat(At->path().c_str(), &Info) == 0 && isPrivate(Info) &&
        nanoseconds(Now) - nanoseconds(Info.st_mtim) > AbandonedNs)
      fs::remove_all(At->path(), Ignored);
  }
  std::vector<CacheEntry> Entries = list();
  uint64_t Bytes = 0;
  for (const CacheEntry &Entry : Entries)
    Bytes += Entry.Bytes;
  for (; !Entries.empty() && Bytes > Limit; Entries.pop_back()) {
    const CacheEntry &Oldest = Entries.back();
    if (Oldest.Path != Path + "/" + Kept && remove(Oldest.Path))
      Bytes -= Oldest.Bytes;
  }
}

bool CacheFolder::remove(const std::string &Entry) const {
  // Under another name first: half an entry must not be found.
  std::string Place;
  std::error_code Error;
  if (!makeUnderWay(Path, Place))
    return false;
  const bool Moved = ::rename(Entry.c_str(), Place.c_str()) == 0;
  fs::remove_all(Place, Error);
  return Moved && !Error;
}

} // namespace dure
