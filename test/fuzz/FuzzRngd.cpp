// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes the decoder of RNGD's code objects, and the schedule of what it
// accepts. A refusal says why.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Schedule.h"

#include <cstdlib>

using namespace dure;
using namespace dure::rngd;

namespace {

struct Chip {
  Limits L;
  std::optional<Timing> T;

  Chip() {
    Result<Machine> Read = Machine::parse(machineText(), "rngd.json");
    if (!Read)
      std::abort();
    L = *Limits::of(*Read);
    T.emplace(Timing{*BookTiming::of(*Read), *TccTiming::of(*Read)});
  }
};

/// A transfer's requests are counted one by one: what takes seconds is right,
/// but nothing for here.
bool isSmall(const ProgramPlan &P) {
  int64_t Work = 0;
  for (const CommandPlan &C : P.Commands)
    Work += C.Dma ? C.Dma->Packets * (C.Dma->PacketBytes / 256 + 1)
                  : C.Exec->Stream.Packets;
  return Work < 1 << 16;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  static const Chip Rngd;
  ModulePlan Module;
  std::string Why = decode(Data, Size, Rngd.L, "rngd", Module);
  if (!Why.empty())
    return 0;
  for (const ProgramPlan &P : Module.Programs)
    for (Profile By : {Profile::Book, Profile::Tcc})
      if (isSmall(P))
        (void)schedule(P, Rngd.L, *Rngd.T, By, [] { return false; });
  return 0;
}
