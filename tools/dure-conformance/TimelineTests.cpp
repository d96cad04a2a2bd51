// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conformance of timelines: values, failures and waits.
#include "tools/dure-conformance/Tests.h"

#include <thread>

using namespace dure::conformance;

static void values(Session &S) {
  dure_drv_timeline *T = S.timeline(5);
  CONFORM(S, T);
  uint64_t V = 0;
  CONFORM_OK(S, S.Time->query(T, &V));
  CONFORM(S, V == 5);
  CONFORM_CODE(S, S.Time->signal(T, 5), DURE_DRV_INVALID_ARGUMENT);
  CONFORM_CODE(S, S.Time->signal(T, 4), DURE_DRV_INVALID_ARGUMENT);
  CONFORM_OK(S, S.Time->signal(T, UINT64_MAX - 1));
  CONFORM_OK(S, S.Time->query(T, &V));
  CONFORM(S, V == UINT64_MAX - 1);
}

static void waitForReached(Session &S) {
  dure_drv_timeline *T = S.timeline(5);
  CONFORM(S, T);
  CONFORM_OK(S, S.Time->wait(T, 0, DURE_DRV_NO_DEADLINE));
  CONFORM_OK(S, S.Time->wait(T, 5, DURE_DRV_NO_DEADLINE));
  // A value that is reached is reached, however late it is asked for.
  CONFORM_OK(S, S.Time->wait(T, 5, 1));
}

static void waitMeetsDeadline(Session &S) {
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, T);
  uint64_t Begin = S.Host.now();
  Result R = S.Time->wait(T, 1, S.Host.after(20));
  uint64_t Waited = S.Host.now() - Begin;
  CONFORM(S, R.code() == DURE_DRV_DEADLINE_EXCEEDED);
  CONFORM(S, R.flags() & DURE_DRV_STATUS_RETRYABLE);
  CONFORM(S, Waited >= 20 * 1000000ull);
  CONFORM_CODE(S, S.Time->wait(T, 1, 1), DURE_DRV_DEADLINE_EXCEEDED);
  // The timeline itself has not failed.
  CONFORM_OK(S, S.Time->signal(T, 1));
}

static void signalWakesWaiters(Session &S) {
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, T);
  std::vector<std::thread> Threads;
  std::atomic<int> Woken{0};
  for (uint64_t I = 1; I <= 4; ++I)
    Threads.emplace_back([&, I] {
      if (Result(S.Time->wait(T, I, S.Host.after(20000))).ok())
        ++Woken;
    });
  for (uint64_t I = 1; I <= 4; ++I) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    Result(S.Time->signal(T, I));
  }
  for (std::thread &Th : Threads)
    Th.join();
  CONFORM(S, Woken == 4);
}

static void failureReachesAllWaiters(Session &S) {
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, T);
  std::vector<std::thread> Threads;
  std::atomic<int> Told{0};
  for (int I = 0; I != 4; ++I)
    Threads.emplace_back([&] {
      Result R = S.Time->wait(T, 1, S.Host.after(20000));
      Told += R.code() == DURE_DRV_DATA_LOSS && R.message() == "bit rot";
    });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  Result(S.Time->fail(T, S.Host.makeStatus(DURE_DRV_DATA_LOSS, "bit rot")));
  for (std::thread &Th : Threads)
    Th.join();
  CONFORM(S, Told == 4);
  // And those who come later.
  CONFORM_CODE(S, S.Time->wait(T, 1, DURE_DRV_NO_DEADLINE), DURE_DRV_DATA_LOSS);
}

static void reachedStaysReached(Session &S) {
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, T);
  CONFORM_OK(S, S.Time->signal(T, 3));
  CONFORM_OK(S,
             S.Time->fail(T, S.Host.makeStatus(DURE_DRV_ABORTED, "stopped")));
  CONFORM_OK(S, S.Time->wait(T, 3, DURE_DRV_NO_DEADLINE));
  CONFORM_CODE(S, S.Time->wait(T, 4, DURE_DRV_NO_DEADLINE), DURE_DRV_ABORTED);
  uint64_t V = 0;
  CONFORM_CODE(S, S.Time->query(T, &V), DURE_DRV_ABORTED);
  CONFORM(S, V == 3);
}

static void firstFailureStays(Session &S) {
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, T);
  CONFORM_OK(S, S.Time->fail(T, S.Host.makeStatus(DURE_DRV_ABORTED, "first")));
  CONFORM_OK(S, S.Time->fail(T, S.Host.makeStatus(DURE_DRV_UNKNOWN, "second")));
  CONFORM_CODE(S, S.Time->wait(T, 1, DURE_DRV_NO_DEADLINE), DURE_DRV_ABORTED);
  CONFORM_CODE(S, S.Time->signal(T, 1), DURE_DRV_FAILED_PRECONDITION);
  CONFORM_CODE(S, S.Time->fail(T, nullptr), DURE_DRV_INVALID_ARGUMENT);
}

static void destroyWhileWaitingIsBusy(Session &S) {
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, T);
  std::thread Waiter([&] { Result(S.Time->wait(T, 1, S.Host.after(20000))); });
  // The thread may need a moment to get there; a wait that has begun must be
  // noticed, so it is enough that it is in the end. Until then destroy would
  // succeed, and so it is not called before the waiter has had ample time.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  Result R = S.Time->destroy(T);
  if (R.ok())
    S.forget(T);
  else
    Result(S.Time->signal(T, 1));
  Waiter.join();
  CONFORM(S, R.code() == DURE_DRV_BUSY);
}

const std::vector<TestCase> dure::conformance::TimelineTests = {
    {"timeline.values", 0, values},
    {"timeline.wait-reached", 0, waitForReached},
    {"timeline.wait-deadline", 0, waitMeetsDeadline},
    {"timeline.signal-wakes", 0, signalWakesWaiters},
    {"timeline.failure-reaches-waiters", 0, failureReachesAllWaiters},
    {"timeline.reached-stays-reached", 0, reachedStaysReached},
    {"timeline.first-failure-stays", 0, firstFailureStays},
    {"timeline.destroy-busy", 0, destroyWhileWaitingIsBusy},
};
