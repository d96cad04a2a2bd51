// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Device memory kept between runs.

#include "runtime/host/BufferPool.h"

#include <bit>

using namespace dure;

namespace {

constexpr size_t MaxFree = 32;
// What a reused buffer may waste, beside as much as it is used.
constexpr uint64_t Slack = 1 << 16;

/// What is allocated for a size: up to an eighth more, so that what grows with
/// a sequence, step by step, seldom needs another buffer.
uint64_t rounded(uint64_t Size) {
  if (Size <= Slack)
    return Size;
  const uint64_t Step = std::bit_floor(Size) / 8;
  const uint64_t Over = Size % Step;
  return Over == 0 || Size > UINT64_MAX - Step ? Size : Size + (Step - Over);
}

} // namespace

std::shared_ptr<DeviceBuffer> BufferPool::reuse(uint64_t Size) {
  std::lock_guard<std::mutex> Lock(Guard);
  size_t Best = Free.size();
  for (size_t I = 0; I != Free.size(); ++I) {
    uint64_t Have = Free[I]->size();
    if (Have < Size || Have - Size > Size + Slack)
      continue;
    if (Best == Free.size() || Have < Free[Best]->size())
      Best = I;
  }
  if (Best == Free.size())
    return nullptr;
  std::shared_ptr<DeviceBuffer> Found = std::move(Free[Best]);
  Free.erase(Free.begin() + static_cast<ptrdiff_t>(Best));
  return Found;
}

/// Takes out the largest buffer that is too small by less than itself: what
/// used it before asks for more now.
std::shared_ptr<DeviceBuffer> BufferPool::takeOutgrown(uint64_t Size) {
  std::lock_guard<std::mutex> Lock(Guard);
  auto Best = Free.end();
  for (auto I = Free.begin(); I != Free.end(); ++I) {
    uint64_t Have = (*I)->size();
    if (Have < Size && Size - Have < Have &&
        (Best == Free.end() || Have > (*Best)->size()))
      Best = I;
  }
  if (Best == Free.end())
    return nullptr;
  std::shared_ptr<DeviceBuffer> Found = std::move(*Best);
  Free.erase(Best);
  return Found;
}

void BufferPool::clear() {
  std::lock_guard<std::mutex> Lock(Guard);
  Free.clear();
}

Result<std::shared_ptr<DeviceBuffer>> BufferPool::acquire(uint64_t Size) {
  if (std::shared_ptr<DeviceBuffer> Found = reuse(Size))
    return Found;
  // Its memory is given back before there is more.
  takeOutgrown(Size).reset();
  Result<std::shared_ptr<DeviceBuffer>> Fresh = Owner->allocate(rounded(Size));
  if (Fresh || Fresh.status().code() != StatusCode::ResourceExhausted)
    return Fresh;
  // What is kept may be what is missing.
  clear();
  return Owner->allocate(Size);
}

void BufferPool::release(std::shared_ptr<DeviceBuffer> Buffer) {
  // Destroyed outside the lock.
  std::shared_ptr<DeviceBuffer> Oldest;
  std::lock_guard<std::mutex> Lock(Guard);
  if (Free.size() == MaxFree) {
    Oldest = std::move(Free.front());
    Free.erase(Free.begin());
  }
  Free.push_back(std::move(Buffer));
}
