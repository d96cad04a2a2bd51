// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The memories of a slice and what has been written to them.
//
// Included by the driver only. A granule is 8 bytes: the least that any engine
// writes (the book's moving-tensors/commit-engine.md and dma-engine.md).
#ifndef DURE_TARGETS_RNGD_DRIVER_MEMORY_H
#define DURE_TARGETS_RNGD_DRIVER_MEMORY_H

#include "runtime/drivers/support/Host.h"
#include "targets/rngd/machine/Limits.h"

#include <atomic>
#include <cstring>

namespace dure::rngd {

/// One bit a granule; whoever owns the words shares them with nobody meanwhile.
class Written {
public:
  explicit Written(uint64_t *Words) : Words(Words) {}

  void set(int64_t Byte, int64_t Bytes) {
    forWords(Byte, Bytes, [](uint64_t &Word, uint64_t Mask) {
      Word |= Mask;
      return true;
    });
  }
  /// Beside other threads that do the same.
  void setShared(int64_t Byte, int64_t Bytes) {
    forWords(Byte, Bytes, [](uint64_t &Word, uint64_t Mask) {
      std::atomic_ref<uint64_t>(Word).fetch_or(Mask, std::memory_order_relaxed);
      return true;
    });
  }
  bool has(int64_t Byte, int64_t Bytes) const {
    return forWords(Byte, Bytes, [](uint64_t &Word, uint64_t Mask) {
      return (Word & Mask) == Mask;
    });
  }
  uint64_t *words() const { return Words; }

private:
  template <typename Fn>
  bool forWords(int64_t Byte, int64_t Bytes, Fn Each) const {
    int64_t Begin = Byte / 8, End = (Byte + Bytes + 7) / 8;
    while (Begin < End) {
      int64_t Stop = std::min(End, (Begin / 64 + 1) * 64);
      uint64_t Mask = ~uint64_t(0) >> (64 - (Stop - Begin)) << Begin % 64;
      if (!Each(Words[Begin / 64], Mask))
        return false;
      Begin = Stop;
    }
    return true;
  }

  uint64_t *Words;
};

/// A memory of every slice.
struct SliceMemory {
  uint8_t *Data = nullptr;
  uint64_t *Bits = nullptr;
  int64_t Bytes = 0; ///< Of a slice.

  uint8_t *data(int64_t Slice) const { return Data + Slice * Bytes; }
  Written written(int64_t Slice) const {
    return Written(Bits + Slice * (Bytes / 512));
  }
};

/// Data memory and register files of the chip, allocated once and forgotten
/// (not cleared) between dispatches.
class Memories {
public:
  Memories(const driver::Host &H, const Limits &L) : H(H), L(L) {}
  Memories(const Memories &) = delete;
  ~Memories() {
    for (SliceMemory *Each : {&Dm, &Trf, &Vrf}) {
      H.free(Each->Data);
      H.free(Each->Bits);
    }
  }

  /// False if the host has no more memory.
  bool allocate() {
    return make(Dm, L.DmBytes) && make(Trf, L.trfBytes()) &&
           make(Vrf, L.VrfBytes);
  }
  /// Nothing has been written any more.
  void forget() {
    for (SliceMemory *Each : {&Dm, &Trf, &Vrf})
      std::memset(Each->Bits, 0,
                  static_cast<size_t>(L.slices() * (Each->Bytes / 64)));
  }

  SliceMemory Dm, Trf, Vrf;

private:
  bool make(SliceMemory &M, int64_t Bytes) {
    if (M.Bits)
      return true;
    M.Bytes = Bytes;
    if (!M.Data)
      M.Data = static_cast<uint8_t *>(
          H.alloc(static_cast<size_t>(Bytes * L.slices()), 4096));
    if (!M.Data)
      return false;
    M.Bits = static_cast<uint64_t *>(
        H.alloc(static_cast<size_t>(Bytes / 64 * L.slices()), 4096));
    return M.Bits != nullptr;
  }

  driver::Host H;
  const Limits &L;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_MEMORY_H
