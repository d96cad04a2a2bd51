// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Timeline semaphores in host memory.
#include "runtime/drivers/support/Objects.h"

#include <chrono>
#include <cinttypes>

using namespace dure::driver;

void dure::driver::waitUntil(const Host &H, std::condition_variable &Cv,
                             std::unique_lock<std::mutex> &Lock,
                             uint64_t Deadline) {
  if (Deadline == DURE_DRV_NO_DEADLINE) {
    Cv.wait(Lock);
    return;
  }
  uint64_t Now = H.now();
  if (Deadline <= Now)
    return;
  // Callers look again anyway; an hour keeps the sum within any clock's range.
  constexpr uint64_t Hour = 3600ull * 1000 * 1000 * 1000;
  Cv.wait_for(Lock, std::chrono::nanoseconds(std::min(Deadline - Now, Hour)));
}

void Device::wakeQueues() {
  for (Queue *Q : Queues)
    Q->wake();
}

void Timeline::reach(uint64_t NewValue) {
  if (Failure || NewValue <= Value)
    return;
  Value = NewValue;
  Changed.notify_all();
}

void Timeline::fail(Status S) {
  if (Failure)
    return;
  Failure = std::move(S);
  Changed.notify_all();
}

static dure_drv_status *create(dure_drv_device *Dev, uint64_t Initial,
                               dure_drv_timeline **Out) {
  Device &D = *unwrap(Dev);
  if (!Out)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "timeline.create: the result pointer is null")
        .release();
  auto *T = new Timeline(D, Initial);
  std::lock_guard<std::mutex> Lock(D.M);
  ++D.Objects;
  *Out = reinterpret_cast<dure_drv_timeline *>(T);
  return nullptr;
}

static dure_drv_status *destroy(dure_drv_timeline *Handle) {
  Timeline *T = unwrap(Handle);
  Device &D = T->D;
  {
    std::lock_guard<std::mutex> Lock(D.M);
    if (T->Uses != 0)
      return D.H
          .error(DURE_DRV_BUSY,
                 "timeline.destroy: an unfinished submission or a wait "
                 "uses the timeline")
          .release();
    --D.Objects;
  }
  delete T;
  return nullptr;
}

static dure_drv_status *query(dure_drv_timeline *Handle, uint64_t *Value) {
  Timeline &T = *unwrap(Handle);
  std::lock_guard<std::mutex> Lock(T.D.M);
  if (Value)
    *Value = T.Value;
  return T.Failure ? T.D.H.clone(*T.Failure).release() : nullptr;
}

static dure_drv_status *signal(dure_drv_timeline *Handle, uint64_t Value) {
  Timeline &T = *unwrap(Handle);
  Device &D = T.D;
  std::lock_guard<std::mutex> Lock(D.M);
  if (T.Failure)
    return D.H
        .error(DURE_DRV_FAILED_PRECONDITION,
               "timeline.signal: the timeline has failed: %s",
               T.Failure->message)
        .release();
  if (Value <= T.Value)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "timeline.signal: %" PRIu64 " is not greater than the "
               "value reached, %" PRIu64,
               Value, T.Value)
        .release();
  T.reach(Value);
  D.wakeQueues();
  return nullptr;
}

static dure_drv_status *fail(dure_drv_timeline *Handle,
                             dure_drv_status *Failure) {
  Timeline &T = *unwrap(Handle);
  Device &D = T.D;
  Status Owned(Failure);
  if (!Owned)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "timeline.fail: the failure is null, which means success")
        .release();
  std::lock_guard<std::mutex> Lock(D.M);
  T.fail(std::move(Owned));
  for (Queue *Q : D.Queues)
    Q->stopSignallersOf(T);
  D.wakeQueues();
  return nullptr;
}

static dure_drv_status *wait(dure_drv_timeline *Handle, uint64_t Value,
                             uint64_t Deadline) {
  Timeline &T = *unwrap(Handle);
  const Host &H = T.D.H;
  std::unique_lock<std::mutex> Lock(T.D.M);
  ++T.Uses;
  Status Result;
  while (T.Value < Value) {
    if (T.Failure) {
      Result = H.clone(*T.Failure);
      break;
    }
    if (Deadline != DURE_DRV_NO_DEADLINE && H.now() >= Deadline) {
      Result = H.error(DURE_DRV_DEADLINE_EXCEEDED, DURE_DRV_SCOPE_CALL,
                       DURE_DRV_STATUS_RETRYABLE,
                       "timeline.wait: the deadline passed at value %" PRIu64
                       ", waiting for %" PRIu64,
                       T.Value, Value);
      break;
    }
    waitUntil(H, T.Changed, Lock, Deadline);
  }
  --T.Uses;
  return Result.release();
}

const dure_drv_timeline_api dure::driver::TimelineTable = {
    sizeof(dure_drv_timeline_api), create, destroy, query, signal, fail, wait};
