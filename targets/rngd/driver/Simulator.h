// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs programs: the executor of a queue.
//
// Values are computed in the program's order, which is one of those that the
// chip may take: a command waits for earlier ones only, and Schedule.h refuses
// programs in which the order of two conflicting commands is left to chance.
#ifndef DURE_TARGETS_RNGD_DRIVER_SIMULATOR_H
#define DURE_TARGETS_RNGD_DRIVER_SIMULATOR_H

#include "runtime/drivers/support/Backend.h"
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Engines.h"
#include "targets/rngd/driver/Schedule.h"
#include "targets/rngd/driver/Workers.h"

namespace dure::rngd {

/// A loaded code object.
class RngdExecutable final : public driver::Executable {
public:
  uint32_t entryCount() const override {
    return static_cast<uint32_t>(Module.Programs.size());
  }
  const char *entryName(uint32_t Entry) const override {
    return Module.Programs[Entry].Name.c_str();
  }
  uint64_t workspaceBytes(uint32_t Entry) const override {
    return static_cast<uint64_t>(Module.Programs[Entry].WorkspaceBytes);
  }

  ModulePlan Module;

  /// The schedule of an entry, made when it is first asked for; null if STOP
  /// said so.
  std::shared_ptr<const Schedule> schedule(uint32_t Entry, const Limits &L,
                                           const Timing &T, Profile By,
                                           const std::function<bool()> &Stop);

private:
  std::mutex M;
  std::vector<std::shared_ptr<const Schedule>> Schedules;
};

/// What all executors of a driver instance share.
struct Settings {
  Limits L = {};
  std::optional<Timing> T;
  Profile By = Profile::Book;
  bool TimingOnly = false;
  unsigned Threads = 1;
};

class Simulator final : public driver::SerialExecutor {
public:
  Simulator(const driver::Host &H, const Settings &Given)
      : SerialExecutor(H), Given(Given), L(Given.L), Memory(H, L),
        Team(Given.TimingOnly ? 1 : Given.Threads) {}
  ~Simulator() override { H.free(Workspace); }

private:
  driver::Status dispatch(driver::Work &W, const driver::Op &O) override;
  driver::Status prepare(const driver::Work &W, const driver::Op &O,
                         const ProgramPlan &P, Places &To);
  driver::Status fault(const driver::Op &O, const ProgramPlan &P,
                       size_t Command, const std::string &Why) const;
  void report(driver::Work &W, const ProgramPlan &P, const Schedule &S);
  driver::Status runValues(driver::Work &W, const driver::Op &O,
                           const ProgramPlan &P, Places Where);
  std::string runExec(const ExecPlan &E);
  /// Fetch to the reducer over slices, or to the end.
  std::string runSlice(const ExecPlan &E, int64_t Cluster, int64_t Slice,
                       Words &Data);
  std::string finishSlice(const ExecPlan &E, int64_t Cluster, int64_t Slice,
                          Words &Data);
  std::string forSlices(
      const ExecPlan &E, int64_t Step,
      const std::function<std::string(int64_t Cluster, int64_t Slice)> &Each);

  /// The submission under way, null between them.
  const driver::Work *Current = nullptr;
  const Settings &Given;
  const Limits &L;
  Memories Memory;
  Workers Team;
  /// Simulated time of the queue.
  double NowNs = 0;
  uint8_t *Workspace = nullptr;
  uint64_t WorkspaceSize = 0;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_SIMULATOR_H
