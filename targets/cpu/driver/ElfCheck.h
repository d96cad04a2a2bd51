// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks the ELF of a CPU code object before the dynamic loader sees it.
//
// Contract: reads untrusted bytes and never outside them. It shows that opening
// the object runs no code, opens no other file and binds to nothing outside.
// It does not show that the kernels are harmless: they are native code, run
// only under the trust rule for packages.
#ifndef DURE_TARGETS_CPU_DRIVER_ELFCHECK_H
#define DURE_TARGETS_CPU_DRIVER_ELFCHECK_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace dure::cpu {

struct ElfExtent {
  uint64_t Begin = 0, End = 0; ///< Addresses of the image, before relocation.
};

/// Empty if the SIZE bytes at DATA may be handed to dlopen; otherwise why not.
/// EXTENT receives the span of the loaded segments.
std::string checkElf(const void *Data, size_t Size, ElfExtent &Extent);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_DRIVER_ELFCHECK_H
