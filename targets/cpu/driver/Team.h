// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The barrier of a team of threads that also agrees on whether to go on.
//
// Why not `omp barrier`: all threads must leave the region at the same barrier
// when one of them meets a fault, or the rest wait for ever. The last thread
// to arrive decides for all, inside the barrier. It also costs less: a dispatch
// of a small model takes a few microseconds.
#ifndef DURE_TARGETS_CPU_DRIVER_TEAM_H
#define DURE_TARGETS_CPU_DRIVER_TEAM_H

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace dure::cpu {

/// Tells the core that this is a spin loop.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

class TeamBarrier {
public:
  void reset(unsigned Threads) {
    Size = Threads;
    Arrived.store(0, std::memory_order_relaxed);
    Go.store(true, std::memory_order_relaxed);
  }

  /// Waits for the whole team. STOPPED is asked by the last thread to arrive.
  /// True if the team goes on.
  template <typename Fn> bool arrive(Fn Stopped) {
    if (Size == 1)
      return !Stopped();
    uint64_t Before = Round.load(std::memory_order_acquire);
    if (Arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == Size) {
      if (Stopped())
        Go.store(false, std::memory_order_relaxed);
      Arrived.store(0, std::memory_order_relaxed);
      Round.store(Before + 1, std::memory_order_release);
      return Go.load(std::memory_order_relaxed);
    }
    // A thread that is missing may need this core. On a busy machine two
    // threads of the team often share one, and then each barrier costs the
    // whole spin: with 1000 turns 80 us were measured, with 100 some 5 us. On
    // an idle machine a yield returns at once.
    for (unsigned Spins = 0; Round.load(std::memory_order_acquire) == Before;) {
      relax();
      if (++Spins == SpinLimit) {
        sched_yield();
        Spins = SpinLimit - YieldSpins;
      }
    }
    return Go.load(std::memory_order_relaxed);
  }

private:
  static constexpr unsigned SpinLimit = 100;
  static constexpr unsigned YieldSpins = 20;

  // What all threads write and what all threads watch lie apart.
  alignas(64) std::atomic<uint32_t> Arrived{0};
  alignas(64) std::atomic<uint64_t> Round{0};
  std::atomic<bool> Go{true};
  unsigned Size = 1;
};

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_DRIVER_TEAM_H
