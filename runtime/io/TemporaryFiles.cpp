// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The list of files under temporary names. A signal handler takes no lock: each
// entry belongs to whoever exchanges it for null.
#include "runtime/io/TemporaryFiles.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unistd.h>

using namespace dure;

namespace {

std::atomic<char *> Paths[64];
static_assert(std::atomic<char *>::is_always_lock_free);

/// Among threads, so that none reads a path that another one frees.
std::mutex Mutex;

} // namespace

void dure::addTemporaryFile(const std::string &Path) {
  char *Copy = ::strdup(Path.c_str());
  if (!Copy)
    return;
  std::lock_guard Lock(Mutex);
  for (std::atomic<char *> &Each : Paths) {
    char *Free = nullptr;
    if (Each.compare_exchange_strong(Free, Copy))
      return;
  }
  std::free(Copy);
}

void dure::dropTemporaryFile(const std::string &Path) {
  std::lock_guard Lock(Mutex);
  for (std::atomic<char *> &Each : Paths) {
    char *Known = Each.load();
    if (!Known || Path != Known)
      continue;
    if (Each.compare_exchange_strong(Known, nullptr))
      std::free(Known);
    return;
  }
}

void dure::removeTemporaryFiles() {
  // What is taken is never freed: that would be no call for a handler.
  for (std::atomic<char *> &Each : Paths)
    if (char *Path = Each.exchange(nullptr))
      ::unlink(Path);
}
