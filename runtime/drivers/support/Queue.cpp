// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Queues: submissions that wait on timelines, run and signal them.
#include "runtime/drivers/support/Objects.h"

#include <pthread.h>

#include <cinttypes>

using namespace dure::driver;

//===-- Running commands --------------------------------------------------===//

void dure::driver::fillRange(const Op &O, uint64_t Begin, uint64_t Length) {
  uint8_t *Out = O.Target + Begin;
  if (O.PatternLength == 1) {
    std::memset(Out, O.Pattern[0], Length);
    return;
  }
  for (uint64_t I = 0; I < Length; I += O.PatternLength)
    std::memcpy(Out + I, O.Pattern, O.PatternLength);
}

Status SerialExecutor::run(Work &W) {
  for (const Op &O : W.Ops) {
    if (W.shouldStop(H))
      return nullptr;
    uint64_t Begin = W.WantsTimings ? H.now() : 0;
    switch (O.Kind) {
    case DURE_DRV_COMMAND_DISPATCH:
      if (Status Failure = dispatch(W, O))
        return Failure;
      break;
    case DURE_DRV_COMMAND_COPY:
      if (O.Length)
        std::memcpy(O.Target, O.Source, O.Length);
      break;
    case DURE_DRV_COMMAND_FILL:
      if (O.Length)
        fillRange(O, 0, O.Length);
      break;
    case DURE_DRV_COMMAND_BARRIER:
      continue;
    }
    if (W.WantsTimings)
      W.Timings.push_back(
          {sizeof(dure_drv_command_timing), O.Tag, O.Index, Begin, H.now()});
  }
  return nullptr;
}

//===-- The queue's thread ------------------------------------------------===//

Queue::Queue(Device &D, const char *GivenName)
    : D(D), Name(GivenName ? GivenName : "queue") {
  // After everything else is made: main reads it all.
  Thread = std::thread([this] { main(); });
}

Queue::~Queue() {
  {
    std::lock_guard<std::mutex> Lock(D.M);
    Quit = true;
    Changed.notify_all();
  }
  Thread.join();
}

void Queue::stopSignallersOf(const Timeline &T) {
  auto Mark = [&](Submission &S) {
    for (const dure_drv_timeline_point &P : S.Signals)
      if (unwrap(P.timeline) == &T)
        S.W.Stop.store(true, std::memory_order_relaxed);
  };
  if (Running)
    Mark(*Running);
  for (std::unique_ptr<Submission> &S : Pending)
    Mark(*S);
}

/// What keeps S from succeeding, or null: a failed timeline, on either side,
/// or its deadline.
Status Queue::failureOf(const Submission &S, bool AfterRun) const {
  for (const dure_drv_timeline_point &P : S.Signals)
    if (const Status &F = unwrap(P.timeline)->Failure;
        F && S.W.Stop.load(std::memory_order_relaxed))
      return D.H.clone(*F);
  if (!AfterRun)
    for (const dure_drv_timeline_point &P : S.Waits) {
      Timeline &T = *unwrap(P.timeline);
      if (T.Failure && T.Value < P.value)
        return D.H.clone(*T.Failure);
    }
  if (S.W.Deadline != DURE_DRV_NO_DEADLINE && D.H.now() >= S.W.Deadline)
    return D.H.error(DURE_DRV_DEADLINE_EXCEEDED, DURE_DRV_SCOPE_CALL,
                     DURE_DRV_STATUS_RETRYABLE,
                     "the deadline of the submission passed %s",
                     AfterRun ? "while it ran" : "before it could start");
  return nullptr;
}

std::unique_ptr<Submission> Queue::pick(Status &Failure, uint64_t &Earliest) {
  for (auto It = Pending.begin(); It != Pending.end(); ++It) {
    Submission &S = **It;
    Failure = failureOf(S, /*AfterRun=*/false);
    bool Ready = true;
    for (const dure_drv_timeline_point &P : S.Waits)
      Ready &= unwrap(P.timeline)->Value >= P.value;
    if (Failure || Ready) {
      std::unique_ptr<Submission> Picked = std::move(*It);
      Pending.erase(It);
      return Picked;
    }
    if (S.W.Deadline != DURE_DRV_NO_DEADLINE &&
        (Earliest == DURE_DRV_NO_DEADLINE || S.W.Deadline < Earliest))
      Earliest = S.W.Deadline;
  }
  return nullptr;
}

void Queue::finish(Submission &S, Status Failure) {
  // First give everything back: who sees the signal may free it at once.
  for (Resource *R : S.Used)
    --R->Uses;
  for (const dure_drv_timeline_point &P : S.Signals) {
    Timeline &T = *unwrap(P.timeline);
    if (Failure)
      T.fail(D.H.clone(*Failure));
    else
      T.reach(P.value);
  }
  D.wakeQueues();
  if (idle())
    Idle.notify_all();
}

static void reportSimulated(const Submission &S) {
  for (const Simulated &Each : S.W.Said) {
    dure_drv_simulated What = {sizeof(What),
                               static_cast<uint32_t>(Each.Kind),
                               0,
                               S.W.Model,
                               Each.Name.c_str(),
                               Each.Label.c_str(),
                               Each.BeginNs,
                               Each.EndNs,
                               Each.Value,
                               Each.Limit};
    S.OnSimulated(S.ProfileUser, &What);
  }
}

void Queue::main() {
  // The kernel keeps 15 characters.
  pthread_setname_np(pthread_self(), ("dure-" + Name).substr(0, 15).c_str());
  // Made here: an executor may bind its threads to the thread that makes it.
  std::unique_ptr<Executor> Runner = D.B.createExecutor();
  std::unique_lock<std::mutex> Lock(D.M);
  while (true) {
    Status Failure;
    uint64_t Earliest = DURE_DRV_NO_DEADLINE;
    std::unique_ptr<Submission> S = pick(Failure, Earliest);
    if (!S) {
      if (Quit)
        break;
      waitUntil(D.H, Changed, Lock, Earliest);
      continue;
    }
    Running = S.get();
    if (!Failure) {
      Lock.unlock();
      Failure = Runner->run(S->W);
      for (const dure_drv_command_timing &T : S->W.Timings)
        S->OnCommand(S->ProfileUser, &T);
      reportSimulated(*S);
      Lock.lock();
      if (!Failure)
        Failure = failureOf(*S, /*AfterRun=*/true);
    }
    Running = nullptr;
    finish(*S, std::move(Failure));
  }
}

//===-- Calls -------------------------------------------------------------===//

static Status copyPoints(const Host &H, const char *What,
                         const dure_drv_timeline_point *Points, size_t Count,
                         std::vector<dure_drv_timeline_point> &Out) {
  if (Count && !Points)
    return H.error(DURE_DRV_INVALID_ARGUMENT,
                   "submit: %zu %s, but the array is null", Count, What);
  Out.assign(Points, Points + Count);
  for (size_t I = 0; I != Count; ++I)
    if (!Points[I].timeline)
      return H.error(DURE_DRV_INVALID_ARGUMENT,
                     "submit: element %zu of %s has no timeline", I, What);
  return nullptr;
}

Status Queue::submit(const dure_drv_command *Commands, size_t CommandCount,
                     const dure_drv_timeline_point *Waits, size_t WaitCount,
                     const dure_drv_timeline_point *Signals, size_t SignalCount,
                     uint64_t Deadline, const dure_drv_extension *Extensions) {
  const Host &H = D.H;
  auto S = std::make_unique<Submission>();
  const dure_drv_extension *Profile = nullptr;
  if (Status F = H.readExtensions(Extensions, DURE_DRV_EXTENSION_TYPE_PROFILE,
                                  &Profile))
    return F;
  if (Profile) {
    constexpr size_t Least = offsetof(dure_drv_profile_extension, on_simulated);
    if (Profile->struct_size < Least)
      return H.error(DURE_DRV_INVALID_ARGUMENT,
                     "submit: the profile extension has struct_size %zu, at "
                     "least %zu is needed",
                     Profile->struct_size, Least);
    const auto *P =
        reinterpret_cast<const dure_drv_profile_extension *>(Profile);
    S->ProfileUser = P->user;
    S->OnCommand = P->on_command;
    S->W.WantsTimings = P->on_command != nullptr;
    if (Profile->struct_size >= sizeof(*P))
      S->OnSimulated = P->on_simulated;
    S->W.WantsSimulated = S->OnSimulated != nullptr;
  }
  if (Status F = copyPoints(H, "waits", Waits, WaitCount, S->Waits))
    return F;
  if (Status F = copyPoints(H, "signals", Signals, SignalCount, S->Signals))
    return F;
  if (Status F = recordCommands(D, Commands, CommandCount, *S))
    return F;
  S->W.Deadline = Deadline;
  for (const dure_drv_timeline_point &P : S->Waits)
    S->Used.push_back(unwrap(P.timeline));
  for (const dure_drv_timeline_point &P : S->Signals)
    S->Used.push_back(unwrap(P.timeline));

  std::lock_guard<std::mutex> Lock(D.M);
  for (Resource *R : S->Used)
    ++R->Uses;
  for (const dure_drv_timeline_point &P : S->Signals)
    if (unwrap(P.timeline)->Failure)
      S->W.Stop.store(true, std::memory_order_relaxed);
  Pending.push_back(std::move(S));
  Changed.notify_all();
  return nullptr;
}

Status Queue::waitIdle(uint64_t Deadline) {
  std::unique_lock<std::mutex> Lock(D.M);
  while (!idle()) {
    if (Deadline != DURE_DRV_NO_DEADLINE && D.H.now() >= Deadline)
      return D.H.error(DURE_DRV_DEADLINE_EXCEEDED, DURE_DRV_SCOPE_CALL,
                       DURE_DRV_STATUS_RETRYABLE,
                       "queue.wait_idle: the deadline passed with %zu "
                       "submissions waiting",
                       Pending.size());
    waitUntil(D.H, Idle, Lock, Deadline);
  }
  return nullptr;
}

static dure_drv_status *create(dure_drv_device *Dev,
                               const dure_drv_queue_params *Params,
                               dure_drv_queue **Out) {
  Device &D = *unwrap(Dev);
  auto P = readStruct(Params);
  if (!P || !Out)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "queue.create: null argument or struct_size too small")
        .release();
  if (Status F = D.H.readExtensions(P->next, 0, nullptr))
    return F.release();
  auto *Q = new Queue(D, P->name);
  std::lock_guard<std::mutex> Lock(D.M);
  ++D.Objects;
  D.Queues.push_back(Q);
  *Out = reinterpret_cast<dure_drv_queue *>(Q);
  return nullptr;
}

static dure_drv_status *destroy(dure_drv_queue *Handle) {
  Queue *Q = unwrap(Handle);
  Device &D = Q->D;
  {
    std::lock_guard<std::mutex> Lock(D.M);
    if (!Q->idle())
      return D.H
          .error(DURE_DRV_BUSY,
                 "queue.destroy: a submission is unfinished; call "
                 "queue.wait_idle first")
          .release();
    std::erase(D.Queues, Q);
    --D.Objects;
  }
  delete Q;
  return nullptr;
}

static dure_drv_status *
submit(dure_drv_queue *Handle, const dure_drv_command *Commands,
       size_t CommandCount, const dure_drv_timeline_point *Waits,
       size_t WaitCount, const dure_drv_timeline_point *Signals,
       size_t SignalCount, uint64_t Deadline,
       const dure_drv_extension *Extensions) {
  return unwrap(Handle)
      ->submit(Commands, CommandCount, Waits, WaitCount, Signals, SignalCount,
               Deadline, Extensions)
      .release();
}

static dure_drv_status *waitIdle(dure_drv_queue *Handle, uint64_t Deadline) {
  return unwrap(Handle)->waitIdle(Deadline).release();
}

const dure_drv_queue_api dure::driver::QueueTable = {
    sizeof(dure_drv_queue_api), create, destroy, submit, waitIdle};
