// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors that live between runs: KV caches and their lengths.
//
// Internal to libdure. Used by one thread at a time; runs change it only under
// the session's lock.
#ifndef DURE_RUNTIME_HOST_STATE_H
#define DURE_RUNTIME_HOST_STATE_H

#include "runtime/host/Session.h"

#include <memory>
#include <span>
#include <vector>

namespace dure {

class State {
public:
  /// All tensors zero, all rows empty.
  static Result<std::shared_ptr<State>> create(std::shared_ptr<Session> Owner,
                                               size_t EntryIndex, int64_t Batch,
                                               int64_t Capacity);

  const std::shared_ptr<Session> &session() const { return Owner; }
  size_t entry() const { return EntryIndex; }
  /// Whether calls of that entry work on it: the one that it was made for, or
  /// one of the same tensors in the same places.
  bool fits(size_t Entry) const;
  int64_t batch() const { return Batch; }
  int64_t capacity() const { return Capacity; }
  int64_t longest() const;
  const std::vector<int64_t> &lengths() const { return Lengths; }
  Status setLengths(std::span<const int64_t> New);
  /// Every row grows by COUNT, which was checked against the capacity.
  void append(int64_t Count);
  /// A run failed that may have changed it: what windows hold is of no length
  /// then, until lengths are set.
  void runFailed() { Lost = Lost || RowsMove; }
  bool isLost() const { return Lost; }

  const std::shared_ptr<DeviceBuffer> &tensor(size_t Index) const {
    return Tensors[Index];
  }
  /// The device that a tensor is on.
  const Device &device(size_t Index) const { return *Owner->device(On[Index]); }
  const std::vector<int64_t> &shape(size_t Index) const {
    return Shapes[Index];
  }
  /// The lengths on a device, as they are now: i64[batch].
  Result<std::shared_ptr<DeviceBuffer>> lengthsOnDevice(DeviceIndex Index);

private:
  State() = default;

  std::shared_ptr<Session> Owner;
  size_t EntryIndex = 0;
  int64_t Batch = 0;
  int64_t Capacity = 0;
  bool HasWindows = false; // tensors of the last positions
  bool RowsMove = false;   // in one that is shorter than the capacity
  bool Lost = false;
  std::vector<int64_t> Lengths;
  std::vector<std::vector<int64_t>> Shapes;
  std::vector<std::shared_ptr<DeviceBuffer>> Tensors;
  std::vector<DeviceIndex> On;                               // of each tensor
  std::vector<std::shared_ptr<DeviceBuffer>> LengthsBuffers; // by device
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_STATE_H
