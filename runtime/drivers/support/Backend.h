// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a driver whose device memory is host memory has to write itself.
//
// Contract: the null driver, the CPU driver and simulators derive from Backend
// and Executor and hand the backend to makeDriver (HostDriver.h), which
// supplies devices, buffers, timelines, queues and every check of arguments.
// C++20, no exceptions, no LLVM. Not part of the ABI.
#ifndef DURE_RUNTIME_DRIVERS_SUPPORT_BACKEND_H
#define DURE_RUNTIME_DRIVERS_SUPPORT_BACKEND_H

#include "runtime/drivers/support/Host.h"

#include <atomic>
#include <string>
#include <vector>

namespace dure::driver {

/// Something that submissions hold on to while they are unfinished.
struct Resource {
  std::atomic<uint32_t> Uses{0};
};

/// A loaded code object.
class Executable : public Resource {
public:
  virtual ~Executable() = default;
  virtual uint32_t entryCount() const = 0;
  virtual const char *entryName(uint32_t Entry) const = 0;
  virtual uint64_t workspaceBytes(uint32_t Entry) const = 0;
};

/// One command, checked and resolved to host addresses.
struct Op {
  dure_drv_command_kind Kind;
  uint64_t Tag;
  uint64_t Index; ///< In the submission's array.
  // Dispatch. Bindings and constants are ranges of the submission's.
  Executable *Exe;
  uint32_t Entry;
  uint32_t GridRank;
  uint64_t Grid[3]; ///< Dimensions beyond GridRank are 1.
  size_t FirstBinding, BindingCount;
  size_t FirstConstant, ConstantCount;
  // Copy and fill.
  uint8_t *Target;
  const uint8_t *Source;
  uint64_t Length;
  uint8_t Pattern[16];
  uint32_t PatternLength;

  /// Workgroups of a dispatch; a dispatch without a grid is one.
  uint64_t groups() const { return Grid[0] * Grid[1] * Grid[2]; }
};

/// What a simulator says about a submission (dure_drv_simulated).
struct Simulated {
  dure_drv_simulated_kind Kind;
  std::string Name, Label;
  uint64_t BeginNs = 0, EndNs = 0;
  double Value = 0, Limit = 0;
};

/// The commands of one submission while they run.
class Work {
public:
  std::vector<Op> Ops;
  std::vector<void *> Bindings;
  std::vector<uint64_t> BindingBytes; ///< One for each of Bindings.
  std::vector<int64_t> Constants;
  uint64_t Deadline = DURE_DRV_NO_DEADLINE;
  bool WantsTimings = false;
  bool WantsSimulated = false;

  /// Set from any thread when a timeline that would be signalled has failed.
  std::atomic<bool> Stop{false};
  /// Filled in by the executor if WantsTimings.
  std::vector<dure_drv_command_timing> Timings;
  /// Filled in by a simulator if WantsSimulated. MODEL is a constant.
  const char *Model = "";
  std::vector<Simulated> Said;

  /// To be asked between commands: true once there is no point in going on.
  bool shouldStop(const Host &H) const {
    return Stop.load(std::memory_order_relaxed) ||
           (Deadline != DURE_DRV_NO_DEADLINE && H.now() >= Deadline);
  }
};

/// Runs submissions of one queue, one at a time, always on that queue's own
/// thread.
class Executor {
public:
  virtual ~Executor() = default;
  /// Returns when all that was started has ended. Stops early, with success,
  /// when shouldStop; the queue then knows what to report.
  virtual Status run(Work &W) = 0;
};

/// Runs commands one after another; a derived class says what a dispatch does.
class SerialExecutor : public Executor {
public:
  explicit SerialExecutor(const Host &H) : H(H) {}
  Status run(Work &W) final;

protected:
  virtual Status dispatch(Work &W, const Op &O) = 0;
  Host H;
};

/// Fills LENGTH bytes of O's target, starting at byte BEGIN, a multiple of the
/// pattern's length.
void fillRange(const Op &O, uint64_t Begin, uint64_t Length);

/// The driver's own half. One per driver instance; every member is called from
/// any thread.
class Backend {
public:
  explicit Backend(const Host &H) : H(H) {}
  virtual ~Backend() = default;

  virtual uint32_t deviceCount() const { return 1; }
  /// Fills in what differs from the defaults that INFO holds.
  virtual void describe(uint32_t Index, dure_drv_device_info &Info) const = 0;
  virtual Status validate(const char *Compatibility,
                          dure_drv_compatibility &Result) const = 0;
  /// PARAMS has passed the checks that every driver makes.
  virtual Status load(const dure_drv_executable_params &Params,
                      std::unique_ptr<Executable> &Result) = 0;
  virtual std::unique_ptr<Executor> createExecutor() = 0;
  /// Bytes that all buffers of a device may take together.
  virtual uint64_t memoryLimit() const = 0;
  /// False: dispatches only take their time. Asked once, after configuration.
  virtual bool computes() const { return true; }
  /// True: new buffers read as zero, so that results do not depend on chance.
  virtual bool zeroBuffers() const { return false; }

protected:
  Host H;
};

} // namespace dure::driver

#endif // DURE_RUNTIME_DRIVERS_SUPPORT_BACKEND_H
