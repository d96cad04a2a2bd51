// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conformance of calls from several threads at the same time.
#include "tools/dure-conformance/Dispatch.h"
#include "tools/dure-conformance/Tests.h"

#include <functional>
#include <thread>

using namespace dure::conformance;

static void inThreads(int Count, const std::function<void(int)> &Body) {
  std::vector<std::thread> Threads;
  for (int I = 0; I != Count; ++I)
    Threads.emplace_back(Body, I);
  for (std::thread &T : Threads)
    T.join();
}

static bool allBytes(const std::vector<uint8_t> &Bytes, uint8_t Value) {
  for (uint8_t B : Bytes)
    if (B != Value)
      return false;
  return true;
}

static void ownQueues(Session &S) {
  inThreads(4, [&](int Thread) {
    for (int I = 0; I != 30 && !S.failed(); ++I) {
      auto Value = static_cast<uint8_t>(Thread * 50 + I);
      dure_drv_buffer *A = S.buffer(10000), *B = S.buffer(10000);
      CONFORM(S, A && B);
      dure_drv_command C[] = {fill(A, 0, 10000, Value, 1), barrier(),
                              copy(A, 0, B, 0, 10000)};
      CONFORM(S, S.run(C).ok());
      CONFORM(S, allBytes(S.read(B), Value));
      S.forget(A);
      S.forget(B);
      CONFORM_OK(S, S.Mem->free(A));
      CONFORM_OK(S, S.Mem->free(B));
    }
  });
}

static void oneQueue(Session &S) {
  dure_drv_queue *Q = S.queue();
  CONFORM(S, Q);
  inThreads(4, [&](int Thread) {
    dure_drv_timeline *T = S.timeline();
    dure_drv_buffer *B = S.buffer(4096);
    CONFORM(S, T && B);
    for (uint64_t I = 1; I <= 100; ++I) {
      auto Value = static_cast<uint8_t>(static_cast<uint64_t>(Thread) + I);
      dure_drv_command C = fill(B, 0, 4096, Value, 1);
      CONFORM(S, S.submit(Q, {&C, 1}, T, I).ok());
      CONFORM_OK(S, S.Time->wait(T, I, S.Host.after(20000)));
      CONFORM(S, allBytes(S.read(B), Value));
    }
  });
}

static void handOver(Session &S) {
  // Threads pass one buffer round, each waiting for the one before.
  constexpr int Threads = 3;
  constexpr uint64_t Rounds = 60;
  dure_drv_timeline *T = S.timeline();
  dure_drv_buffer *A = S.buffer(64), *B = S.buffer(64);
  CONFORM(S, T && A && B);
  dure_drv_queue *Q[Threads];
  for (dure_drv_queue *&X : Q)
    CONFORM(S, (X = S.queue()) != nullptr);
  inThreads(Threads, [&](int Thread) {
    for (uint64_t Step = static_cast<uint64_t>(Thread); Step < Threads * Rounds;
         Step += Threads) {
      dure_drv_command C =
          Step % 2 ? copy(A, 0, B, 0, 64) : fill(A, 0, 64, Step + 1, 1);
      CONFORM(S, S.submit(Q[Thread], {&C, 1}, T, Step + 1, T, Step).ok());
    }
  });
  CONFORM_OK(S, S.Time->wait(T, Threads * Rounds, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), static_cast<uint8_t>(Threads * Rounds - 1)));
}

static void failuresRace(Session &S) {
  // Whoever wins, every waiter is told and nothing hangs.
  dure_drv_queue *Q = S.queue();
  CONFORM(S, Q);
  for (int I = 0; I != 50 && !S.failed(); ++I) {
    dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
    CONFORM(S, Gate && Done);
    inThreads(4, [&](int Thread) {
      if (Thread == 0) {
        CONFORM(S, S.submit(Q, {}, Done, 1, Gate, 1).ok());
      } else if (Thread == 1) {
        Result(S.Time->signal(Gate, 1));
      } else if (Thread == 2) {
        Result(
            S.Time->fail(Gate, S.Host.makeStatus(DURE_DRV_ABORTED, "raced")));
      } else {
        int32_t Code =
            Result(S.Time->wait(Done, 1, S.Host.after(20000))).code();
        CONFORM(S, Code == DURE_DRV_OK || Code == DURE_DRV_ABORTED);
      }
    });
    CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  }
}

static void loads(Session &S) {
  CONFORM(S, S.executable());
  inThreads(3, [&](int) {
    for (int I = 0; I != 10 && !S.failed(); ++I) {
      dure_drv_executable *E = S.executable(static_cast<size_t>(I % 2));
      dure_drv_buffer *B = S.buffer(4);
      CONFORM(S, E && B);
      Dispatch D(S, E, "identify", 1, {B}, {});
      CONFORM(S, S.run({&D.Command, 1}).ok());
      if (S.has(DURE_DRV_CAP_COMPUTES)) {
        int32_t Id = 0;
        std::memcpy(&Id, S.read(B).data(), 4);
        CONFORM(S, Id == I % 2 + 1);
      }
      S.forget(E);
      CONFORM_OK(S, S.Exe->unload(E));
    }
  });
}

static void devices(Session &S) {
  inThreads(4, [&](int) {
    for (int I = 0; I != 10 && !S.failed(); ++I) {
      Session Other(S.Lib, S.Opts);
      CONFORM(S, Other.ready());
      dure_drv_buffer *B = Other.buffer(64);
      dure_drv_command C = fill(B, 0, 64, 1, 1);
      CONFORM(S, Other.run({&C, 1}).ok());
      Other.close();
      CONFORM(S, !Other.failed());
    }
  });
}

const std::vector<TestCase> dure::conformance::ConcurrencyTests = {
    {"concurrency.own-queues", 0, ownQueues},
    {"concurrency.one-queue", 0, oneQueue},
    {"concurrency.hand-over", 0, handOver},
    {"concurrency.failures-race", 0, failuresRace},
    {"concurrency.loads", DURE_DRV_CAP_EXECUTABLES, loads},
    {"concurrency.instances", 0, devices},
};
