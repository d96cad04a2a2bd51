// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of an encoded program: the simulator's own decoder and schedule, so
// that both say the same.
#include "targets/rngd/compiler/TccCycles.h"

#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/machine/Limits.h"
#include "targets/rngd/driver/Schedule.h"

namespace dure::rngd {

TccCycles tccCycles(const std::string &codeObject) {
  TccCycles out;
  Result<Machine> chip = Machine::parse(machineText(), "rngd.json");
  if (!chip)
    return {0, chip.status().message()};
  Result<Limits> limits = Limits::of(*chip);
  Result<BookTiming> book = BookTiming::of(*chip);
  Result<TccTiming> tcc = TccTiming::of(*chip);
  for (const Status &each : {limits.status(), book.status(), tcc.status()})
    if (!each.ok())
      return {0, each.message()};
  ModulePlan plan;
  out.problem =
      decode(codeObject.data(), codeObject.size(), *limits, chip->Name, plan);
  if (!out.problem.empty())
    return out;
  if (plan.Programs.size() != 1)
    return {0, "a kernel is one program"};
  Schedule made = schedule(plan.Programs.front(), *limits, {*book, *tcc},
                           Profile::Tcc, [] { return false; });
  out.cycles = made.Makespan;
  out.problem = made.Fault;
  return out;
}

} // namespace dure::rngd
