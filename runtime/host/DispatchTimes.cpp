// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What simulators say, added up.

#include "runtime/host/DispatchTimes.h"

#include <algorithm>

using namespace dure;

void DispatchTimes::simulated(const dure_drv_simulated &What) {
  std::lock_guard<std::mutex> Lock(Guard);
  std::string Name = What.name ? What.name : "";
  std::string Label = What.label ? What.label : "";
  if (What.model)
    Model.Model = What.model;
  if (What.kind == DURE_DRV_SIMULATED_SPAN) {
    // The first to come need not be the earliest: of a queue's time only what
    // this run took is shown.
    if (!FirstNs)
      FirstNs = What.begin_ns;
    auto Since = [&](uint64_t Ns) { return Ns - std::min(Ns, *FirstNs); };
    if (Model.Spans.size() < MaxRecords)
      Model.Spans.push_back(
          {Name, Label, Since(What.begin_ns), Since(What.end_ns)});
    return;
  }
  if (What.kind != DURE_DRV_SIMULATED_COUNTER)
    return;
  auto Known = std::find_if(
      Model.Counters.begin(), Model.Counters.end(),
      [&](const SimulatedCounter &Each) { return Each.Name == Name; });
  if (Known == Model.Counters.end()) {
    if (Model.Counters.size() < MaxCounters)
      Model.Counters.push_back({Name, Label, What.value, What.limit});
    return;
  }
  Known->Value += What.value;
  Known->Limit += What.limit;
}
