// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Device memory kept between runs.
//
// Internal to libdure. Why: fresh memory costs a page fault for every 4 KiB
// that a run touches, which for small models is much of the run.
#ifndef DURE_RUNTIME_HOST_BUFFERPOOL_H
#define DURE_RUNTIME_HOST_BUFFERPOOL_H

#include "runtime/host/Driver.h"

#include <memory>
#include <mutex>
#include <vector>

namespace dure {

/// Any thread may use it. Buffers given out may be larger than asked for.
class BufferPool {
public:
  explicit BufferPool(std::shared_ptr<Device> Owner)
      : Owner(std::move(Owner)) {}

  Result<std::shared_ptr<DeviceBuffer>> acquire(uint64_t Size);
  /// Takes a buffer back that nothing uses any more.
  void release(std::shared_ptr<DeviceBuffer> Buffer);

private:
  std::shared_ptr<DeviceBuffer> reuse(uint64_t Size);
  std::shared_ptr<DeviceBuffer> takeOutgrown(uint64_t Size);
  void clear();

  std::shared_ptr<Device> Owner;
  std::mutex Guard;
  std::vector<std::shared_ptr<DeviceBuffer>> Free; // oldest first
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_BUFFERPOOL_H
