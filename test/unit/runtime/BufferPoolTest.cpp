// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests what memory is kept between runs, and what is not.

#include "runtime/host/BufferPool.h"

#include <gtest/gtest.h>

using namespace dure;

namespace {

std::shared_ptr<Device> openNull() {
  Result<std::shared_ptr<DriverInstance>> Driver =
      DriverInstance::create(DURE_NULL_DRIVER, {});
  EXPECT_TRUE(Driver) << Driver.status().message();
  Result<std::shared_ptr<Device>> Opened = Device::open(Driver.take(), 0);
  EXPECT_TRUE(Opened) << Opened.status().message();
  return Opened.take();
}

std::shared_ptr<DeviceBuffer> take(BufferPool &Pool, uint64_t Size) {
  Result<std::shared_ptr<DeviceBuffer>> Buffer = Pool.acquire(Size);
  EXPECT_TRUE(Buffer) << Buffer.status().message();
  EXPECT_GE((*Buffer)->size(), Size);
  return Buffer.take();
}

} // namespace

// Tests that what grows a little with each run needs a few buffers, not one a
// run, and that of those that it has outgrown none is kept.
TEST(BufferPool, GrowsSeldomAndKeepsOne) {
  BufferPool Pool(openNull());
  std::vector<std::weak_ptr<DeviceBuffer>> Seen;
  for (uint64_t Size = 1 << 20; Size < 4 << 20; Size += 4096) {
    std::shared_ptr<DeviceBuffer> Buffer = take(Pool, Size);
    EXPECT_LE(Buffer->size(), Size + Size / 8);
    if (Seen.empty() || Seen.back().lock() != Buffer)
      Seen.push_back(Buffer);
    Pool.release(std::move(Buffer));
  }
  // 16 steps of an eighth and the first one.
  EXPECT_LE(Seen.size(), 17u);
  for (size_t I = 0; I + 1 < Seen.size(); ++I)
    EXPECT_TRUE(Seen[I].expired()) << I;
  EXPECT_FALSE(Seen.back().expired());
}

// Tests that a buffer of another purpose, much smaller, stays.
TEST(BufferPool, KeepsWhatIsMuchSmaller) {
  BufferPool Pool(openNull());
  std::shared_ptr<DeviceBuffer> Small = take(Pool, 1000);
  std::weak_ptr<DeviceBuffer> Known = Small;
  Pool.release(std::move(Small));
  Pool.release(take(Pool, 1 << 20));
  EXPECT_FALSE(Known.expired());
  EXPECT_EQ(take(Pool, 1000), Known.lock());
}
