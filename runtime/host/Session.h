// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A package variant ready to run on its devices: code loaded, weights resident.
//
// Internal to libdure. After creation a session is immutable but for its
// buffer pools and the lock that runs take in turn.
#ifndef DURE_RUNTIME_HOST_SESSION_H
#define DURE_RUNTIME_HOST_SESSION_H

#include "runtime/host/BufferPool.h"
#include "runtime/host/Driver.h"
#include "runtime/host/LoadedPackage.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dure {

struct SessionOptions {
  std::string Variant;      // empty: the best
  std::string Driver;       // of the variant's own device; empty: what it names
  std::string DriverFolder; // empty: beside libdure
  uint32_t Device = 0;
  unsigned Threads = 0; // for loading; 0: the processors
  DriverSetup Setup;
  /// For drivers linked into the program (tests): used instead of files.
  dure_driver_query_fn Query = nullptr;
};

class Session {
public:
  static Result<std::shared_ptr<Session>>
  create(std::shared_ptr<const LoadedPackage> Package,
         const SessionOptions &Options);

  const LoadedPackage &package() const { return *Source; }
  const Package &content() const { return Source->content(); }
  const Variant &variant() const { return content().Variants[VariantIndex]; }
  size_t variantIndex() const { return VariantIndex; }
  /// The variant's own device comes first.
  size_t deviceCount() const { return Places.size(); }
  const std::shared_ptr<Device> &device(DeviceIndex Index = 0) const {
    return Places[Index].Target;
  }
  BufferPool &pool(DeviceIndex Index) { return *Places[Index].Pool; }

  /// The program of entry INDEX, or NotFound.
  Result<const Program *> program(size_t Index) const;
  const Executable &executable(uint32_t CodeObject) const {
    return *Executables[CodeObject];
  }
  /// A weight of the variant on a device whose programs use it, read only.
  const std::shared_ptr<DeviceBuffer> &weight(DeviceIndex On,
                                              uint32_t Index) const {
    return Places[On].Weights[Index];
  }
  /// Where each tensor of an entry's state is, by the entry's program.
  std::vector<DeviceIndex> stateDevices(size_t EntryIndex) const;

  /// Held by the run under way.
  std::timed_mutex &runLock() { return RunLock; }
  /// Set when a device did not come back from a run.
  std::atomic<bool> Broken = false;

  uint64_t weightBytes() const { return WeightBytes; }
  uint64_t loadNs() const { return LoadNs; }
  uint64_t weightLoadNs() const { return WeightLoadNs; }
  const std::string &rejected() const { return Rejected; }

private:
  /// A device with what the session holds on it.
  struct Place {
    std::shared_ptr<Device> Target;
    std::unique_ptr<BufferPool> Pool;
    std::vector<std::shared_ptr<DeviceBuffer>> Weights; // by package index
  };

  Session() = default;
  Status choose(const SessionOptions &Options);
  Status checkTrust() const;
  Status loadCode();
  Status loadWeights(unsigned Threads);
  /// Whether a device's dispatches read what is in buffers.
  bool computes(DeviceIndex On) const;
  Status loadWeight(DeviceIndex On, uint32_t Index);

  std::shared_ptr<const LoadedPackage> Source;
  ModelFiles Model; // outlives the weights that are read in place
  size_t VariantIndex = 0;
  std::vector<std::shared_ptr<Executable>> Executables;
  std::vector<Place> Places;
  std::timed_mutex RunLock;
  uint64_t WeightBytes = 0;
  uint64_t LoadNs = 0;
  uint64_t WeightLoadNs = 0;
  std::string Rejected;
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_SESSION_H
