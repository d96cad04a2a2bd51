// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the dispatches of one run ran, and what simulators say of them.
//
// Internal to libdure; belongs to one run, on all its devices.
#ifndef DURE_RUNTIME_HOST_DISPATCHTIMES_H
#define DURE_RUNTIME_HOST_DISPATCHTIMES_H

#include "runtime/host/Run.h"

#include <mutex>
#include <optional>

namespace dure {

/// Times of dispatches, written by the driver's threads. Slots exist before
/// their command is submitted and do not move.
class DispatchTimes : public CommandTimer {
public:
  void ran(uint64_t Tag, uint64_t BeginNs, uint64_t EndNs) override {
    std::lock_guard<std::mutex> Lock(Guard);
    if (Tag >= Records.size())
      return;
    Records[Tag].BeginNs = BeginNs;
    Records[Tag].EndNs = EndNs;
  }
  void add(const DispatchRecord &Record) {
    std::lock_guard<std::mutex> Lock(Guard);
    if (Records.size() < MaxRecords)
      Records.push_back(Record);
  }
  void setHostTimes(uint64_t Tag, uint64_t BeginNs) {
    ran(Tag, BeginNs, monotonicNs());
  }
  void simulated(const dure_drv_simulated &What) override;
  std::vector<DispatchRecord> take(SimulatedRun &Said) {
    std::lock_guard<std::mutex> Lock(Guard);
    Said = std::move(Model);
    return std::move(Records);
  }

private:
  // A loop may dispatch without end; so many are recorded, the first.
  static constexpr size_t MaxRecords = 1 << 20;
  static constexpr size_t MaxCounters = 256;

  std::mutex Guard;
  std::vector<DispatchRecord> Records;
  SimulatedRun Model;
  std::optional<uint64_t> FirstNs;
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_DISPATCHTIMES_H
