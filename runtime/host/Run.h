// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One run of a host program.
//
// Internal to libdure. The program has passed verifyProgram, so indices and
// registers need no check here; values (offsets, sizes, shapes) are checked as
// they are used.
#ifndef DURE_RUNTIME_HOST_RUN_H
#define DURE_RUNTIME_HOST_RUN_H

#include "runtime/host/CommandBatch.h"
#include "runtime/host/Session.h"
#include "runtime/host/State.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dure {

/// A caller's input. Shape and size agree (checked when bound).
struct InputValue {
  std::vector<int64_t> Dims;
  const void *Data = nullptr;
  uint64_t Size = 0;
};

/// A result in host-readable memory. Movable; owns what it shows.
struct OutputValue {
  std::vector<int64_t> Dims;
  std::span<std::byte> Bytes;
  // Where the bytes are: a mapped device buffer, or a copy.
  std::shared_ptr<DeviceBuffer> Buffer;
  DeviceIndex On = 0;
  BufferMap Map;
  std::vector<std::byte> Copy;
};

/// A value right after the dispatch that defined it.
struct CapturedValue {
  const TraceInfo *Row;
  const TraceValue *Value;
  uint64_t Dispatch; // in this run
  DeviceIndex On;    // of the dispatch
  std::vector<int64_t> Dims;
  std::vector<std::byte> Bytes;
};

struct DispatchRecord {
  const TraceInfo *Row = nullptr; // may be null
  const Export *Callee = nullptr;
  DeviceIndex On = 0;
  uint64_t BeginNs = 0;
  uint64_t EndNs = 0;
  int64_t Flops = -1;
  int64_t Bytes = -1;
};

struct RunSettings {
  RunLimits Limits;
  uint64_t Fuel = uint64_t(1) << 28;
  uint64_t MemoryLimit = ~uint64_t(0);
  bool Profile = false;
  bool DriverSpans = false;
  /// Not 0 ends the run.
  std::function<int(const CapturedValue &)> OnValue;
};

/// What the model of a simulated chip says about a run.
struct SimulatedSpan {
  std::string Lane, Label;
  uint64_t BeginNs, EndNs; ///< Simulated, since the first of the run.
};
struct SimulatedCounter {
  std::string Name, Unit;
  double Value, Limit;
};
struct SimulatedRun {
  std::string Model;
  std::vector<SimulatedSpan> Spans;
  std::vector<SimulatedCounter> Counters;
};

struct RunStats {
  uint64_t BeginNs = 0;
  uint64_t EndNs = 0;
  uint64_t Instructions = 0;
  uint64_t Dispatches = 0;
  uint64_t Submissions = 0;
  uint64_t CrossCopies = 0; // between devices
  uint64_t CrossBytes = 0;
  uint64_t PeakTransient = 0;
  uint64_t OutputBytes = 0;
  const std::string *Bucket = nullptr;        // of shapes, of the program
  std::vector<DispatchRecord> Records;        // with Profile
  SimulatedRun Simulated;                     // with Profile
  std::vector<std::vector<DriverSpan>> Spans; // with DriverSpans, by device
};

/// Runs P, the program of entry E, on SESSION, whose lock the caller holds.
/// STATE is null for entries without state, else grows when the run succeeds.
/// On failure OUTPUTS is empty. STATS are of what was done in either case.
Status runProgram(Session &Owner, const Entry &E, const Program &P,
                  std::span<const InputValue> Inputs, State *Cache,
                  const RunSettings &Settings,
                  std::vector<OutputValue> &Outputs, RunStats &Stats);

} // namespace dure

#endif // DURE_RUNTIME_HOST_RUN_H
