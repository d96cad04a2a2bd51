// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of an encoded program under the profile `tcc`, as the simulator counts
// them. Included by RNGD's compiler target.
#ifndef DURE_TARGETS_RNGD_COMPILER_TCCCYCLES_H
#define DURE_TARGETS_RNGD_COMPILER_TCCCYCLES_H

#include <cstdint>
#include <string>

namespace dure::rngd {

struct TccCycles {
  int64_t cycles = 0;
  /// Why there are none; else empty.
  std::string problem;
};

/// Of a code object with one program.
TccCycles tccCycles(const std::string &codeObject);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_TCCCYCLES_H
