// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the commands of a program run, by published rules.
//
// Included by the driver only. A schedule depends on the program alone: HBM
// addresses are those of bindings laid one after the other, then workspace,
// then constants, and the indices of gathers are taken to count up from 0.
// Cycles are of 1 GHz.
#ifndef DURE_TARGETS_RNGD_DRIVER_SCHEDULE_H
#define DURE_TARGETS_RNGD_DRIVER_SCHEDULE_H

#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/timing/BookTiming.h"
#include "targets/rngd/timing/Profile.h"
#include "targets/rngd/timing/TccTiming.h"

#include <functional>

namespace dure::rngd {

/// The engines that reports are about.
enum class Engine {
  Fetch,
  Switch,
  Contraction,
  Vector,
  Transpose,
  Commit,
  Dma
};
constexpr int EngineCount = 7;
const char *nameOf(Engine E);

/// Busy cycles of an instruction's engines, and what they add up to.
struct ExecCost {
  int64_t Busy[EngineCount] = {};
  int64_t Cycles = 0;
};

struct Lasting {
  int64_t Begin = 0, End = 0;
};

struct Schedule {
  std::vector<Lasting> Commands;
  /// Busy[i] of command I; of DMA commands only their engine.
  std::vector<ExecCost> Costs;
  int64_t Makespan = 0;
  /// Of all engines of a kind, a second one of DMA counting as much as the
  /// first.
  int64_t Busy[EngineCount] = {};
  int64_t HbmBytesRead = 0, HbmBytesWritten = 0;
  /// Instructions beside which no transfer may run.
  int64_t OccupyingDma = 0;
  /// A rule that the program breaks, or nothing; then FAULTY is the command.
  std::string Fault;
  size_t Faulty = 0;
};

struct Timing {
  BookTiming Book;
  TccTiming Tcc;
};

/// Contexts 0 (main), 1 (sub) and 2 ff. (DMA engines).
int contextOf(const CommandPlan &C);

/// Lays out HBM for a program: the address of each binding, of the workspace
/// and of the constants.
struct HbmLayout {
  std::vector<int64_t> Bindings;
  int64_t Workspace = 0, Constants = 0;
  HbmLayout(const ProgramPlan &P, const Limits &L);
  int64_t addressOf(const AddressPlan &A) const;
};

/// STOP is asked now and then; the result is then not to be used.
Schedule schedule(const ProgramPlan &P, const Limits &L, const Timing &T,
                  Profile By, const std::function<bool()> &Stop);

/// Fills in Fault where two commands touch the same memory, one of them
/// writing, and the later one does not wait for the earlier (Hazards.cpp).
void checkHazards(const ProgramPlan &P, const Limits &L,
                  const std::function<bool()> &Stop, Schedule &S);

/// Cycles of one instruction by the book (ExecTiming.cpp).
std::string timeExec(const ExecPlan &E, const Limits &L, const BookTiming &T,
                     ExecCost &To);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_SCHEDULE_H
