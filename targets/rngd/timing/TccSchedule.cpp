// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// In order within a context, side by side between contexts.
#include "targets/rngd/timing/TccSchedule.h"

#include <algorithm>

using namespace dure::rngd;

std::vector<Lifetime>
dure::rngd::schedule(std::span<const TccInstruction> Instructions) {
  std::vector<Lifetime> Out;
  int64_t Free[2] = {0, 0};
  for (const TccInstruction &Each : Instructions) {
    int64_t &Context = Free[Each.Context == TccContext::Main];
    int64_t Begin = Context;
    for (size_t Producer : Each.Producers)
      if (Producer < Out.size())
        Begin = std::max(Begin, Out[Producer].End);
    Context = Begin + Each.Cycles;
    Out.push_back({Begin, Context});
  }
  return Out;
}
