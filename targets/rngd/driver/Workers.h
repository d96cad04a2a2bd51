// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threads of one executor, which share out the slices of a command.
//
// They stay between commands, of which a program has thousands; parallelFor of
// runtime/base makes its threads anew.
#ifndef DURE_TARGETS_RNGD_DRIVER_WORKERS_H
#define DURE_TARGETS_RNGD_DRIVER_WORKERS_H

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dure::rngd {

class Workers {
public:
  explicit Workers(unsigned Threads) {
    for (unsigned I = 1; I < Threads; ++I)
      Pool.emplace_back([this] { main(); });
  }
  ~Workers() {
    {
      std::lock_guard<std::mutex> Lock(M);
      Quit = true;
    }
    Start.notify_all();
    for (std::thread &Each : Pool)
      Each.join();
  }

  /// Calls EACH for 0 to COUNT - 1 and returns when all calls have.
  void run(int64_t Count, const std::function<void(int64_t)> &Each) {
    if (Pool.empty() || Count < 2) {
      for (int64_t I = 0; I != Count; ++I)
        Each(I);
      return;
    }
    {
      std::lock_guard<std::mutex> Lock(M);
      Work = &Each;
      Total = Count;
      Next.store(0, std::memory_order_relaxed);
      Busy = Pool.size();
      ++Round;
    }
    Start.notify_all();
    take(Each, Count);
    std::unique_lock<std::mutex> Lock(M);
    Done.wait(Lock, [this] { return Busy == 0; });
  }

private:
  void take(const std::function<void(int64_t)> &Each, int64_t Count) {
    for (int64_t I; (I = Next.fetch_add(1, std::memory_order_relaxed)) < Count;)
      Each(I);
  }

  void main() {
    std::unique_lock<std::mutex> Lock(M);
    for (uint64_t Seen = 0;;) {
      Start.wait(Lock, [&] { return Quit || Round != Seen; });
      if (Quit)
        return;
      Seen = Round;
      const std::function<void(int64_t)> &Each = *Work;
      int64_t Count = Total;
      Lock.unlock();
      take(Each, Count);
      Lock.lock();
      if (--Busy == 0)
        Done.notify_one();
    }
  }

  std::mutex M;
  std::condition_variable Start, Done;
  const std::function<void(int64_t)> *Work = nullptr;
  int64_t Total = 0;
  std::atomic<int64_t> Next{0};
  size_t Busy = 0;
  uint64_t Round = 0;
  bool Quit = false;
  std::vector<std::thread> Pool;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_WORKERS_H
