// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gathers commands into submissions and waits for them.
//
// Internal to libdure; belongs to one run. Straight-line stretches of a host
// program become one submission, since a device (and an OpenMP team) starts
// faster once than many times.
#ifndef DURE_RUNTIME_HOST_COMMANDBATCH_H
#define DURE_RUNTIME_HOST_COMMANDBATCH_H

#include "runtime/host/Driver.h"
#include "runtime/package/Package.h"

#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace dure {

/// Bytes of a buffer as host programs see them.
struct BufferView {
  std::shared_ptr<DeviceBuffer> Buffer;
  uint64_t Offset = 0;
  uint64_t Size = 0;
  bool Writable = false;
  DeviceIndex On = 0; // which of the session's devices

  dure_drv_buffer_ref ref(uint64_t At, uint64_t Length) const {
    return {Buffer->handle(), Offset + At, Length};
  }
};

/// When and why a run has to end early.
struct RunLimits {
  uint64_t DeadlineNs = DURE_DRV_NO_DEADLINE;
  std::atomic<bool> *Cancel = nullptr; // cleared by whoever reports it

  /// Cancelled or DeadlineExceeded, if it is time.
  Status check() const;
};

/// Told when a command with this tag ran, and what a simulator says about the
/// submission; from any thread, before wait ends.
class CommandTimer {
public:
  virtual ~CommandTimer() = default;
  virtual void ran(uint64_t Tag, uint64_t BeginNs, uint64_t EndNs) = 0;
  virtual void simulated(const dure_drv_simulated &What) = 0;
};

class CommandBatch {
public:
  /// TIMER may be null.
  CommandBatch(std::shared_ptr<Device> Target, const RunLimits &Limits,
               CommandTimer *Timer)
      : Target(std::move(Target)), Limits(Limits), Timer(Timer) {}
  ~CommandBatch();
  CommandBatch(const CommandBatch &) = delete;
  CommandBatch &operator=(const CommandBatch &) = delete;

  /// SOURCE, which may be null, says in a failure what the dispatch was made
  /// from. Tags rise.
  void dispatch(const Executable &Code, uint32_t Entry,
                std::span<const uint64_t> Grid,
                std::span<const BufferView *const> Bindings,
                std::span<const int64_t> Constants, uint64_t Tag,
                const TraceInfo *Source);
  /// Empty ranges are left out.
  void copy(const BufferView &Source, uint64_t SourceOffset,
            const BufferView &Target, uint64_t TargetOffset, uint64_t Size);
  void fill(const BufferView &Target, uint64_t Offset, uint64_t Size,
            uint64_t Pattern, uint32_t PatternSize);
  void barrier();

  /// Submits what was gathered and waits until it is done. On failure nothing
  /// uses the buffers any more, unless stuck().
  Status flush();
  /// The device did not come back: buffers must not be used again.
  bool stuck() const { return Stuck; }
  const Device &device() const { return *Target; }
  uint64_t submissions() const { return Submissions; }
  /// Flushes when enough is gathered that one submission more does not matter:
  /// a loop must not gather without end. Also ends the run when it is time.
  Status flushIfFull();

private:
  dure_drv_command &add(uint32_t Kind);
  void keep(const BufferView &View) { Kept.push_back(View.Buffer); }
  Status submit();
  Status wait();
  Status waitIdle();
  Status namingSource(const Status &Failure, std::optional<uint64_t> Tag) const;

  std::shared_ptr<Device> Target;
  const RunLimits &Limits;
  CommandTimer *Timer;
  dure_drv_timeline *Timeline = nullptr;
  uint64_t Value = 0;
  uint64_t Submissions = 0;
  bool Stuck = false;
  std::vector<dure_drv_command> Commands;
  // Arrays of all dispatches; the commands point into them once complete.
  std::vector<dure_drv_buffer_ref> Bindings;
  std::vector<int64_t> Constants;
  std::vector<std::shared_ptr<DeviceBuffer>> Kept;
  struct Source {
    uint64_t Tag;
    const TraceInfo *Row;
  };
  std::vector<Source> Sources; // of the dispatches that have one
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_COMMANDBATCH_H
