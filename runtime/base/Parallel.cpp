// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One loop over independent pieces of work, on several threads.

#include "runtime/base/Parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

using namespace dure;

namespace {

constexpr unsigned MostThreads = 16;

Status guarded(const std::function<Status(size_t)> &Work, size_t I) {
  try {
    return Work(I);
  } catch (const std::bad_alloc &) {
    return outOfMemory();
  }
}

} // namespace

unsigned dure::workerThreads(unsigned Requested) {
  unsigned Processors = std::max(std::thread::hardware_concurrency(), 1u);
  return std::min(Requested != 0 ? Requested : Processors, MostThreads);
}

Status dure::parallelFor(size_t Count, unsigned Threads,
                         const std::function<Status(size_t)> &Work) {
  std::atomic<size_t> Next = 0;
  std::mutex Guard;
  Status First;
  size_t FirstIndex = Count;
  auto Run = [&] {
    for (size_t I = Next++; I < Count; I = Next++) {
      Status Done = guarded(Work, I);
      if (Done.ok())
        continue;
      std::lock_guard<std::mutex> Lock(Guard);
      if (I < FirstIndex) {
        FirstIndex = I;
        First = std::move(Done);
      }
    }
  };
  std::vector<std::thread> Others;
  Threads = static_cast<unsigned>(std::min<size_t>(Threads, Count));
  try {
    Others.reserve(Threads);
    while (Others.size() + 1 < Threads)
      Others.emplace_back(Run);
  } catch (const std::bad_alloc &) {
    // Those that there are do the work.
  } catch (const std::system_error &) {
  }
  Run();
  for (std::thread &Other : Others)
    Other.join();
  return First;
}
