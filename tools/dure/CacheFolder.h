// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The folder where compiled packages are kept for the next call.
//
// Included by what compiles on the spot and by `dure cache`. Each entry is a
// folder of its own, made elsewhere and renamed to its place: it is there whole
// or not at all, and processes need no lock. Packages hold native code, so that
// a folder that others can write is not used.
#ifndef DURE_TOOLS_DURE_CACHEFOLDER_H
#define DURE_TOOLS_DURE_CACHEFOLDER_H

#include "tools/dure/Console.h"

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace dure {

/// The file of an entry that says what it was made of. Its time of change is
/// when the entry was used last.
constexpr const char *CacheRecordName = "record";

struct CacheEntry {
  std::string Path;
  /// On disk, without what links lead to.
  uint64_t Bytes = 0;
  /// Since 1970.
  int64_t UsedNs = 0;
};

class CacheFolder {
public:
  /// By DURE_CACHE and DURE_CACHE_SIZE, else below the user's folder of caches.
  CacheFolder();

  /// False where the user wants none, or has no home.
  bool isWanted() const { return !Path.empty(); }
  const std::string &path() const { return Path; }
  uint64_t limit() const { return Limit; }

  /// Why the folder cannot be used, in the user's language; "" when it can be,
  /// or is not there.
  std::string problem(const Console &Out) const;
  /// The entry of that name when there is one that only this user can write;
  /// "" otherwise.
  std::string find(const std::string &Name) const;
  /// Makes the folder if it is not there. False with errno when it cannot.
  bool make() const;
  /// Moves a folder of this user's, from whatever file system, to a place that
  /// no other process looks at, and says where. 0 or the errno.
  int bring(const std::string &Made, std::string &Brought) const;
  /// Makes what was brought the entry of that name, in the place of one that is
  /// there. 0 or the errno; nothing is left then.
  int publish(const std::string &Brought, const std::string &Name) const;
  void touch(const std::string &Entry) const;

  /// The one used last first.
  std::vector<CacheEntry> list() const;
  /// Removes what was used longest ago until the rest is within the limit, but
  /// not `Kept`, and what other processes left half done.
  void evict(const std::string &Kept) const;
  /// Removes an entry; false when that fails.
  bool remove(const std::string &Entry) const;

private:
  std::string Path;
  uint64_t Limit = uint64_t(20) << 30;
  /// DURE_CACHE_SIZE, when it is no size.
  std::string WrongSize;
};

/// Of a time of the kernel's, since 1970.
inline int64_t nanoseconds(const timespec &Time) {
  return int64_t(Time.tv_sec) * 1'000'000'000 + Time.tv_nsec;
}

/// Bytes on disk below a folder.
uint64_t bytesBelow(const std::string &Folder);

} // namespace dure

#endif // DURE_TOOLS_DURE_CACHEFOLDER_H
