// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices, buffers, timelines and queues of a HostDriver.
//
// Contract: internal to this folder. One mutex a device guards everything that
// changes: submissions come a few thousand times a second at most, and one lock
// makes in-use counts, timelines and queues agree with each other. It is never
// held while commands run or callbacks are called.
#ifndef DURE_RUNTIME_DRIVERS_SUPPORT_OBJECTS_H
#define DURE_RUNTIME_DRIVERS_SUPPORT_OBJECTS_H

#include "runtime/drivers/support/Backend.h"

#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace dure::driver {

struct Driver;
struct Timeline;
class Queue;

struct Device {
  Driver &Owner;
  Host H;
  Backend &B;
  uint32_t Index;
  dure_drv_device_info Info; ///< Limits that arguments are checked against.

  std::mutex M;
  uint32_t Objects = 0;   ///< Buffers, executables, timelines and queues.
  uint64_t LiveBytes = 0; ///< Of allocated buffers.
  std::vector<Queue *> Queues;

  /// With the lock held: timelines changed, so queues may find work.
  void wakeQueues();
};

struct Buffer : Resource {
  Device &D;
  uint8_t *Data;
  uint64_t Size;
  bool Imported;
  bool ReadOnly;
  uint32_t Maps = 0;

  Buffer(Device &D, uint8_t *Data, uint64_t Size, bool Imported, bool ReadOnly)
      : D(D), Data(Data), Size(Size), Imported(Imported), ReadOnly(ReadOnly) {}
};

/// An executable and the device that it was loaded for.
struct LoadedExecutable {
  Device &D;
  std::unique_ptr<Executable> Exe;
};

struct Timeline : Resource {
  Device &D;
  uint64_t Value;
  Status Failure;
  std::condition_variable Changed;

  Timeline(Device &D, uint64_t Value) : D(D), Value(Value) {}

  // All with the lock held.
  void reach(uint64_t NewValue);
  void fail(Status S);
};

/// A submission: what runs, and what it waits for and signals.
struct Submission {
  Work W;
  std::vector<dure_drv_timeline_point> Waits;
  std::vector<dure_drv_timeline_point> Signals;
  /// Each use of a buffer, executable or timeline; given back at the end.
  std::vector<Resource *> Used;
  void *ProfileUser = nullptr;
  void (*OnCommand)(void *, const dure_drv_command_timing *) = nullptr;
  void (*OnSimulated)(void *, const dure_drv_simulated *) = nullptr;
};

/// Runs submissions on a thread of its own, in the order of the calls among
/// those whose waits are reached.
class Queue {
public:
  Queue(Device &D, const char *Name);
  /// Only when idle.
  ~Queue();

  Status submit(const dure_drv_command *Commands, size_t CommandCount,
                const dure_drv_timeline_point *Waits, size_t WaitCount,
                const dure_drv_timeline_point *Signals, size_t SignalCount,
                uint64_t Deadline, const dure_drv_extension *Extensions);
  Status waitIdle(uint64_t Deadline);

  // With the device's lock held.
  bool idle() const { return Pending.empty() && !Running; }
  void wake() { Changed.notify_all(); }
  /// Marks the submissions that would signal T.
  void stopSignallersOf(const Timeline &T);

  Device &D;

private:
  void main();
  /// Takes the first submission that can run or has failed out of Pending.
  /// Null if there is none; EARLIEST is then the next deadline to look at.
  std::unique_ptr<Submission> pick(Status &Failure, uint64_t &Earliest);
  Status failureOf(const Submission &S, bool AfterRun) const;
  void finish(Submission &S, Status Failure);

  std::string Name;
  std::condition_variable Changed;
  std::condition_variable Idle;
  std::list<std::unique_ptr<Submission>> Pending;
  Submission *Running = nullptr;
  bool Quit = false;
  std::thread Thread;
};

/// Checks COMMANDS and resolves them into S. Nothing is marked as used yet.
Status recordCommands(Device &D, const dure_drv_command *Commands, size_t Count,
                      Submission &S);

/// Waits on CV for at most until DEADLINE of the host's clock.
void waitUntil(const Host &H, std::condition_variable &Cv,
               std::unique_lock<std::mutex> &Lock, uint64_t Deadline);

// The opaque C types are these classes.
inline Device *unwrap(dure_drv_device *D) {
  return reinterpret_cast<Device *>(D);
}
inline Buffer *unwrap(dure_drv_buffer *B) {
  return reinterpret_cast<Buffer *>(B);
}
inline LoadedExecutable *unwrap(dure_drv_executable *E) {
  return reinterpret_cast<LoadedExecutable *>(E);
}
inline Timeline *unwrap(dure_drv_timeline *T) {
  return reinterpret_cast<Timeline *>(T);
}
inline Queue *unwrap(dure_drv_queue *Q) { return reinterpret_cast<Queue *>(Q); }

extern const dure_drv_timeline_api TimelineTable;
extern const dure_drv_queue_api QueueTable;
extern const dure_drv_memory_api MemoryTable;
extern const dure_drv_executable_api ExecutableTable;

} // namespace dure::driver

#endif // DURE_RUNTIME_DRIVERS_SUPPORT_OBJECTS_H
