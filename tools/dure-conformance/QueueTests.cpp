// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conformance of submissions: order, failure propagation, deadlines, cancel.
#include "tools/dure-conformance/Tests.h"

#include <thread>

using namespace dure::conformance;

static uint64_t valueOf(Session &S, dure_drv_timeline *T) {
  uint64_t V = 0;
  Result(S.Time->query(T, &V));
  return V;
}

static bool allBytes(const std::vector<uint8_t> &Bytes, uint8_t Value) {
  for (uint8_t B : Bytes)
    if (B != Value)
      return false;
  return true;
}

static void emptyJoins(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *A = S.timeline(), *B = S.timeline(), *C = S.timeline();
  CONFORM(S, Q && A && B && C);
  dure_drv_timeline_point Waits[] = {{A, 1}, {B, 2}};
  dure_drv_timeline_point Signals[] = {{C, 7}};
  CONFORM_OK(S, S.Que->submit(Q, nullptr, 0, Waits, 2, Signals, 1,
                              DURE_DRV_NO_DEADLINE, nullptr));
  CONFORM_OK(S, S.Time->signal(A, 1));
  CONFORM_CODE(S, S.Time->wait(C, 7, S.Host.after(20)),
               DURE_DRV_DEADLINE_EXCEEDED);
  CONFORM_OK(S, S.Time->signal(B, 2));
  CONFORM_OK(S, S.Time->wait(C, 7, S.Host.after(20000)));
  CONFORM(S, valueOf(S, C) == 7);
}

static void submitDoesNotBlock(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && Gate && Done && B);
  dure_drv_command C = fill(B, 0, 64, 9, 1);
  for (uint64_t I = 1; I <= 20; ++I)
    CONFORM(S, S.submit(Q, {&C, 1}, Done, I, Gate, 1).ok());
  CONFORM(S, valueOf(S, Done) == 0);
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM(S, valueOf(S, Done) == 20);
  CONFORM(S, allBytes(S.read(B), 9));
}

static void barriersOrder(Session &S) {
  dure_drv_buffer *A = S.buffer(300000), *B = S.buffer(300000);
  CONFORM(S, A && B);
  std::vector<dure_drv_command> C;
  for (uint64_t I = 1; I <= 50; ++I) {
    C.push_back(fill(A, 0, 300000, I, 1));
    C.push_back(barrier());
    C.push_back(copy(A, 0, B, 0, 300000));
    C.push_back(barrier());
    C.push_back(barrier());
  }
  CONFORM(S, S.run(C).ok());
  CONFORM(S, allBytes(S.read(B), 50));
}

static void timelinesOrderQueues(Session &S) {
  dure_drv_queue *Q[2] = {S.queue(), S.queue()};
  dure_drv_timeline *T = S.timeline();
  dure_drv_buffer *A = S.buffer(4096), *B = S.buffer(4096);
  CONFORM(S, Q[0] && Q[1] && T && A && B);
  // Alternating between queues, each step reads what the step before wrote.
  for (uint64_t I = 0; I != 40; ++I) {
    dure_drv_command C =
        I % 2 ? copy(A, 0, B, 0, 4096) : fill(A, 0, 4096, I + 1, 1);
    CONFORM(S, S.submit(Q[I % 2], {&C, 1}, T, I + 1, T, I).ok());
  }
  CONFORM_OK(S, S.Time->wait(T, 40, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), 39));
}

static void waitFailurePropagates(Session &S) {
  dure_drv_queue *Q = S.queue(), *R = S.queue();
  dure_drv_timeline *T[4];
  for (dure_drv_timeline *&X : T)
    CONFORM(S, (X = S.timeline()) != nullptr);
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && R && B);
  dure_drv_command Clear = fill(B, 0, 64, 0, 1), Set = fill(B, 0, 64, 1, 1);
  CONFORM(S, S.run({&Clear, 1}).ok());
  // A chain over two queues: 0 -> 1 -> 2 -> 3.
  for (int I = 0; I != 3; ++I)
    CONFORM(S, S.submit(I % 2 ? Q : R, {&Set, 1}, T[I + 1], 1, T[I], 1).ok());
  CONFORM_OK(
      S, S.Time->fail(T[0], S.Host.makeStatus(DURE_DRV_DATA_LOSS, "bit rot")));
  for (int I = 1; I != 4; ++I) {
    Result Told = S.Time->wait(T[I], 1, S.Host.after(20000));
    CONFORM(S, Told.code() == DURE_DRV_DATA_LOSS);
    CONFORM(S, Told.message() == "bit rot");
  }
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM_OK(S, S.Que->wait_idle(R, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), 0));
}

static void failureAfterReachedIsNone(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *A = S.timeline(3), *B = S.timeline();
  CONFORM(S, Q && A && B);
  CONFORM_OK(S, S.Time->fail(A, S.Host.makeStatus(DURE_DRV_ABORTED, "late")));
  CONFORM(S, S.submit(Q, {}, B, 1, A, 3).ok());
  CONFORM_OK(S, S.Time->wait(B, 1, S.Host.after(20000)));
}

static void refusedTouchesNothing(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  uint64_t U = S.Info.transfer_alignment;
  dure_drv_buffer *B = S.buffer(64 * U);
  CONFORM(S, Q && T && B);
  dure_drv_command C[] = {fill(B, 0, 64 * U, 0, 1)};
  CONFORM(S, S.run(C).ok());
  dure_drv_command Bad[] = {fill(B, 0, 64 * U, 1, 1), fill(B, 0, 65 * U, 1, 1)};
  CONFORM(S, S.submit(Q, Bad, T, 1).code() == DURE_DRV_OUT_OF_RANGE);
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM(S, valueOf(S, T) == 0);
  CONFORM_OK(S, S.Time->query(T, nullptr));
  CONFORM(S, allBytes(S.read(B), 0));
}

static void badCommands(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && B);
  dure_drv_command C = barrier();
  C.kind = 0x7fff;
  CONFORM(S, S.submit(Q, {&C, 1}, nullptr, 0).code() == DURE_DRV_UNIMPLEMENTED);
  C = barrier();
  C.struct_size = sizeof(size_t);
  CONFORM(S,
          S.submit(Q, {&C, 1}, nullptr, 0).code() == DURE_DRV_INVALID_ARGUMENT);
  CONFORM_CODE(S,
               S.Que->submit(Q, nullptr, 1, nullptr, 0, nullptr, 0, 0, nullptr),
               DURE_DRV_INVALID_ARGUMENT);
  dure_drv_timeline_point None = {nullptr, 1};
  CONFORM_CODE(S,
               S.Que->submit(Q, nullptr, 0, &None, 1, nullptr, 0, 0, nullptr),
               DURE_DRV_INVALID_ARGUMENT);
  CONFORM_CODE(S,
               S.Que->submit(Q, nullptr, 0, nullptr, 0, &None, 1, 0, nullptr),
               DURE_DRV_INVALID_ARGUMENT);
  dure_drv_queue *Other = nullptr;
  dure_drv_queue_params P = {sizeof(size_t), nullptr, nullptr};
  CONFORM_CODE(S, S.Que->create(S.Dev, &P, &Other), DURE_DRV_INVALID_ARGUMENT);
}

static void newerCommands(Session &S) {
  // The commands of a newer host are larger; their size is the stride.
  struct Newer {
    dure_drv_command Known;
    uint64_t Later[3];
  };
  dure_drv_buffer *B = S.buffer(64);
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, B && Q && T);
  Newer C[3] = {{fill(B, 0, 64, 1, 1), {1, 2, 3}},
                {barrier(), {1, 2, 3}},
                {fill(B, 0, 64, 2, 1), {1, 2, 3}}};
  for (Newer &N : C)
    N.Known.struct_size = sizeof(Newer);
  dure_drv_timeline_point P = {T, 1};
  CONFORM_OK(S,
             S.Que->submit(Q, &C[0].Known, 3, nullptr, 0, &P, 1, 0, nullptr));
  CONFORM_OK(S, S.Time->wait(T, 1, S.Host.after(20000)));
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), 2));
}

static void arraysAreCopied(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && Gate && Done && B);
  {
    std::vector<dure_drv_command> C = {fill(B, 0, 64, 3, 1)};
    std::vector<dure_drv_timeline_point> W = {{Gate, 1}}, D = {{Done, 1}};
    CONFORM_OK(
        S, S.Que->submit(Q, C.data(), 1, W.data(), 1, D.data(), 1, 0, nullptr));
    std::memset(static_cast<void *>(C.data()), 0xee, sizeof(C[0]));
    std::memset(static_cast<void *>(W.data()), 0xee, sizeof(W[0]));
    std::memset(static_cast<void *>(D.data()), 0xee, sizeof(D[0]));
  }
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  CONFORM_OK(S, S.Time->wait(Done, 1, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), 3));
}

static void inUseIsBusy(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && Gate && Done && B);
  dure_drv_command C = fill(B, 0, 64, 3, 1);
  CONFORM(S, S.submit(Q, {&C, 1}, Done, 1, Gate, 1).ok());
  CONFORM_CODE(S, S.Mem->free(B), DURE_DRV_BUSY);
  CONFORM_CODE(S, S.Time->destroy(Gate), DURE_DRV_BUSY);
  CONFORM_CODE(S, S.Time->destroy(Done), DURE_DRV_BUSY);
  CONFORM_CODE(S, S.Que->destroy(Q), DURE_DRV_BUSY);
  CONFORM_CODE(S, S.Que->wait_idle(Q, S.Host.after(10)),
               DURE_DRV_DEADLINE_EXCEEDED);
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  CONFORM_OK(S, S.Time->wait(Done, 1, S.Host.after(20000)));
  // Who has seen the signal may free the buffer at once.
  CONFORM_OK(S, S.Mem->free(B));
  S.forget(B);
}

static void signalsTakeTheMaximum(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline(10);
  CONFORM(S, Q && T);
  CONFORM(S, S.submit(Q, {}, T, 4).ok());
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM_OK(S, S.Time->query(T, nullptr));
  CONFORM(S, valueOf(S, T) == 10);
}

static void deadlineBeforeStart(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && Gate && Done && B);
  dure_drv_command Clear = fill(B, 0, 64, 0, 1), Set = fill(B, 0, 64, 1, 1);
  CONFORM(S, S.run({&Clear, 1}).ok());
  CONFORM(S, S.submit(Q, {&Set, 1}, Done, 1, Gate, 1, S.Host.after(20)).ok());
  CONFORM_CODE(S, S.Time->wait(Done, 1, S.Host.after(20000)),
               DURE_DRV_DEADLINE_EXCEEDED);
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), 0));
  // The queue goes on.
  dure_drv_timeline *Next = S.timeline();
  CONFORM(S, Next && S.submit(Q, {&Set, 1}, Next, 1, nullptr, 0,
                              S.Host.after(60000))
                         .ok());
  CONFORM_OK(S, S.Time->wait(Next, 1, S.Host.after(20000)));
  CONFORM(S, allBytes(S.read(B), 1));
}

static void cancelBeforeStart(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline(),
                    *Also = S.timeline();
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, Q && Gate && Done && Also && B);
  dure_drv_command Clear = fill(B, 0, 64, 0, 1), Set = fill(B, 0, 64, 1, 1);
  CONFORM(S, S.run({&Clear, 1}).ok());
  dure_drv_timeline_point W = {Gate, 1}, D[] = {{Done, 1}, {Also, 1}};
  CONFORM_OK(S, S.Que->submit(Q, &Set, 1, &W, 1, D, 2, 0, nullptr));
  CONFORM_OK(
      S, S.Time->fail(Done, S.Host.makeStatus(DURE_DRV_CANCELLED, "enough")));
  // It ends without its wait, and all its signals fail.
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(20000)));
  CONFORM_CODE(S, S.Time->wait(Also, 1, S.Host.after(20000)),
               DURE_DRV_CANCELLED);
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  CONFORM(S, allBytes(S.read(B), 0));
}

static void cancelWhileRunning(Session &S) {
  // Long enough that the cancel comes in the middle on any machine.
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Done = S.timeline();
  dure_drv_buffer *A = S.buffer(8 << 20), *B = S.buffer(8 << 20);
  CONFORM(S, Q && Done && A && B);
  std::vector<dure_drv_command> C;
  for (int I = 0; I != 20000; ++I) {
    C.push_back(copy(A, 0, B, 0, 8 << 20));
    C.push_back(barrier());
  }
  CONFORM(S, S.submit(Q, C, Done, 1).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CONFORM_OK(
      S, S.Time->fail(Done, S.Host.makeStatus(DURE_DRV_CANCELLED, "enough")));
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(2000)));
  CONFORM_CODE(S, S.Time->wait(Done, 1, DURE_DRV_NO_DEADLINE),
               DURE_DRV_CANCELLED);
}

static void deadlineWhileRunning(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Done = S.timeline();
  dure_drv_buffer *A = S.buffer(8 << 20), *B = S.buffer(8 << 20);
  CONFORM(S, Q && Done && A && B);
  std::vector<dure_drv_command> C;
  for (int I = 0; I != 20000; ++I) {
    C.push_back(copy(A, 0, B, 0, 8 << 20));
    C.push_back(barrier());
  }
  uint64_t Begin = S.Host.now();
  CONFORM(S, S.submit(Q, C, Done, 1, nullptr, 0, S.Host.after(30)).ok());
  CONFORM_CODE(S, S.Time->wait(Done, 1, S.Host.after(20000)),
               DURE_DRV_DEADLINE_EXCEEDED);
  // At the latest between commands: far from the seconds that all would take.
  CONFORM(S, S.Host.now() - Begin < 1000 * 1000000ull);
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(2000)));
}

static void unorderedGoesAround(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Blocked = S.timeline(),
                    *Free = S.timeline();
  CONFORM(S, Q && Gate && Blocked && Free);
  CONFORM(S, S.submit(Q, {}, Blocked, 1, Gate, 1).ok());
  CONFORM(S, S.submit(Q, {}, Free, 1).ok());
  CONFORM_OK(S, S.Time->wait(Free, 1, S.Host.after(20000)));
  CONFORM(S, valueOf(S, Blocked) == 0);
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  CONFORM_OK(S, S.Time->wait(Blocked, 1, S.Host.after(20000)));
}

static void extensions(Session &S) {
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  CONFORM(S, Q && T);
  dure_drv_timeline_point P = {T, 1};
  dure_drv_extension E = {sizeof(E), 0x7fffffffu, 0, nullptr};
  CONFORM_OK(S, S.Que->submit(Q, nullptr, 0, nullptr, 0, &P, 1, 0, &E));
  CONFORM_OK(S, S.Time->wait(T, 1, S.Host.after(20000)));
  E.flags = DURE_DRV_EXTENSION_MUST_UNDERSTAND;
  CONFORM_CODE(S, S.Que->submit(Q, nullptr, 0, nullptr, 0, &P, 1, 0, &E),
               DURE_DRV_UNIMPLEMENTED);
}

static void timestamps(Session &S) {
  struct Seen {
    std::mutex M;
    std::vector<dure_drv_command_timing> Timings;
  } Record;
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  dure_drv_buffer *B = S.buffer(1 << 20);
  CONFORM(S, Q && T && B);
  std::vector<dure_drv_command> C;
  for (uint64_t I = 0; I != 8; ++I) {
    C.push_back(fill(B, 0, 1 << 20, I, 1));
    C.back().tag = 100 + I;
    C.push_back(barrier());
  }
  dure_drv_profile_extension E = {};
  E.header = {sizeof(E), DURE_DRV_EXTENSION_TYPE_PROFILE,
              DURE_DRV_EXTENSION_MUST_UNDERSTAND, nullptr};
  E.user = &Record;
  E.on_command = [](void *User, const dure_drv_command_timing *Timing) {
    auto &R = *static_cast<Seen *>(User);
    std::lock_guard<std::mutex> Lock(R.M);
    R.Timings.push_back(*Timing);
  };
  dure_drv_timeline_point P = {T, 1};
  uint64_t Begin = S.Host.now();
  CONFORM_OK(
      S, S.Que->submit(Q, C.data(), C.size(), nullptr, 0, &P, 1, 0, &E.header));
  CONFORM_OK(S, S.Time->wait(T, 1, S.Host.after(20000)));
  uint64_t End = S.Host.now();
  std::lock_guard<std::mutex> Lock(Record.M);
  std::vector<bool> Fills(8);
  for (const dure_drv_command_timing &X : Record.Timings) {
    CONFORM(S,
            Begin <= X.begin_ns && X.begin_ns <= X.end_ns && X.end_ns <= End);
    CONFORM(S, X.index < C.size() && X.tag == C[X.index].tag);
    if (X.tag >= 100)
      Fills[X.tag - 100] = true;
  }
  for (bool Found : Fills)
    CONFORM(S, Found);
}

const std::vector<TestCase> dure::conformance::QueueTests = {
    {"queue.empty-joins", 0, emptyJoins},
    {"queue.submit-does-not-block", 0, submitDoesNotBlock},
    {"queue.barriers-order", 0, barriersOrder},
    {"queue.timelines-order", 0, timelinesOrderQueues},
    {"queue.wait-failure-propagates", 0, waitFailurePropagates},
    {"queue.failure-after-reached", 0, failureAfterReachedIsNone},
    {"queue.refused-touches-nothing", 0, refusedTouchesNothing},
    {"queue.bad-commands", 0, badCommands},
    {"queue.newer-commands", 0, newerCommands},
    {"queue.arrays-are-copied", 0, arraysAreCopied},
    {"queue.in-use-is-busy", 0, inUseIsBusy},
    {"queue.signals-take-maximum", 0, signalsTakeTheMaximum},
    {"queue.extensions", 0, extensions},
    {"queue.deadline-before-start", DURE_DRV_CAP_DEADLINES,
     deadlineBeforeStart},
    {"queue.deadline-while-running", DURE_DRV_CAP_DEADLINES,
     deadlineWhileRunning},
    {"queue.cancel-before-start", DURE_DRV_CAP_CANCEL, cancelBeforeStart},
    {"queue.cancel-while-running", DURE_DRV_CAP_CANCEL, cancelWhileRunning},
    {"queue.unordered", DURE_DRV_CAP_UNORDERED, unorderedGoesAround},
    {"queue.timestamps", DURE_DRV_CAP_TIMESTAMPS, timestamps},
};
