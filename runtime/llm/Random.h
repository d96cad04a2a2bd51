// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random numbers by counter: the n-th is computed without those before it.
//
// Included by the sampler. Depends on the C++ library only.
#ifndef DURE_RUNTIME_LLM_RANDOM_H
#define DURE_RUNTIME_LLM_RANDOM_H

#include <array>
#include <cstdint>

namespace dure {

/// Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011, section 4.3.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> Counter,
                                      std::array<uint32_t, 2> Key) {
  for (int Round = 0; Round != 10; ++Round) {
    const uint64_t A = uint64_t(0xD2511F53) * Counter[0];
    const uint64_t B = uint64_t(0xCD9E8D57) * Counter[2];
    Counter = {static_cast<uint32_t>(B >> 32) ^ Counter[1] ^ Key[0],
               static_cast<uint32_t>(B),
               static_cast<uint32_t>(A >> 32) ^ Counter[3] ^ Key[1],
               static_cast<uint32_t>(A)};
    Key[0] += 0x9E3779B9;
    Key[1] += 0xBB67AE85;
  }
  return Counter;
}

/// A number in [0, 1), the same for the same seed and position.
inline double uniform(uint64_t Seed, uint64_t Position) {
  const std::array<uint32_t, 4> Bits =
      philox({static_cast<uint32_t>(Position),
              static_cast<uint32_t>(Position >> 32), 0, 0},
             {static_cast<uint32_t>(Seed), static_cast<uint32_t>(Seed >> 32)});
  const uint64_t Whole = (uint64_t(Bits[0]) << 32 | Bits[1]) >> 11;
  return static_cast<double>(Whole) * 0x1p-53;
}

} // namespace dure

#endif // DURE_RUNTIME_LLM_RANDOM_H
