// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Remembers which files were hashed in full.

#include "runtime/host/VerifiedOnce.h"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

/// The folder, made if MAKE; empty if there is none to trust.
std::string cacheFolder(bool Make) {
  // secure_getenv: a setuid program must not be told where to look.
  const char *Cache = ::secure_getenv("XDG_CACHE_HOME");
  const char *Home = ::secure_getenv("HOME");
  std::string Folder;
  if (Cache && Cache[0] == '/')
    Folder = Cache;
  else if (Home && Home[0] == '/')
    Folder = std::string(Home) + "/.cache";
  else
    return "";
  for (const char *Part : {"", "/dure", "/verified"}) {
    Folder += Part;
    if (Make)
      ::mkdir(Folder.c_str(), 0700);
  }
  struct stat Info;
  if (::stat(Folder.c_str(), &Info) != 0 || !S_ISDIR(Info.st_mode) ||
      Info.st_uid != ::geteuid() || (Info.st_mode & 022) != 0)
    return "";
  return Folder;
}

} // namespace

bool dure::wasVerified(const std::string &Key) {
  std::string Folder = cacheFolder(false);
  return !Folder.empty() && ::access((Folder + "/" + Key).c_str(), F_OK) == 0;
}

void dure::rememberVerified(const std::string &Key) {
  std::string Folder = cacheFolder(true);
  if (Folder.empty())
    return;
  int Fd = ::open((Folder + "/" + Key).c_str(),
                  O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (Fd >= 0)
    ::close(Fd);
}
