// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much memory the process has taken.
//
// Included by the commands that report it.
#ifndef DURE_TOOLS_DURE_MEMORY_H
#define DURE_TOOLS_DURE_MEMORY_H

#include <cstdint>

namespace dure {

/// Peak resident memory of this process in bytes; 0 when not known.
int64_t peakMemory();

/// Forgets the peak of what came before, such as compiling.
void resetPeakMemory();

} // namespace dure

#endif // DURE_TOOLS_DURE_MEMORY_H
