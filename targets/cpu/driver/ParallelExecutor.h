// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs submissions on the CPU: OpenMP, one parallel region each.
#ifndef DURE_TARGETS_CPU_DRIVER_PARALLELEXECUTOR_H
#define DURE_TARGETS_CPU_DRIVER_PARALLELEXECUTOR_H

#include "runtime/drivers/support/Backend.h"
#include "targets/cpu/driver/Team.h"

namespace dure::cpu {

/// Workgroups are dealt out in equal contiguous ranges, decided by their number
/// and the number of threads alone; kernels do not see which thread runs them,
/// so results do not depend on either.
class ParallelExecutor final : public driver::Executor {
public:
  /// To be made on the thread that will call run. The other threads of the
  /// team spin for IDLESPIN milliseconds after a submission before they sleep.
  ParallelExecutor(const driver::Host &H, unsigned Threads, unsigned IdleSpin);
  ~ParallelExecutor() override { H.free(Scratch); }

  driver::Status run(driver::Work &W) override;

private:
  /// Commands between two barriers.
  struct Group {
    size_t Begin, End;
    bool Serial; ///< All on thread 0: too little work to share.
  };

  uint64_t plan(const driver::Work &W);
  driver::Status reserveScratch(uint64_t BytesPerThread);
  void runTeam(driver::Work &W, unsigned Thread, unsigned Count);
  void runOp(driver::Work &W, const driver::Op &O, bool Serial, unsigned Thread,
             unsigned Count);
  void runDispatch(driver::Work &W, const driver::Op &O, uint64_t Begin,
                   uint64_t End, void *Memory);
  void recordFault(const driver::Op &O, uint64_t Workgroup, int32_t Code);
  driver::Status faultStatus(const driver::Work &W) const;

  driver::Host H;
  unsigned Threads;
  std::vector<Group> Groups;
  uint8_t *Scratch = nullptr;
  uint64_t ScratchSize = 0;
  uint64_t ScratchStride = 0;

  TeamBarrier Barrier;
  std::atomic<bool> Stopped{false};
  /// The first fault to be met; guarded by winning FaultTaken.
  std::atomic<bool> FaultTaken{false};
  uint64_t FaultOp = 0, FaultWorkgroup = 0;
  int32_t FaultCode = 0;
};

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_DRIVER_PARALLELEXECUTOR_H
