// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ending plainly when a file that is mapped becomes shorter.
//
// Included by the programs, not by libraries: what a signal does belongs to the
// program. Linux; depends on nothing.
//
// Why a signal handler: weights are read where they are mapped, by kernels and
// by the compiler, gigabytes of them. A copy or a lock of each file would cost
// what mapping saves, and nothing else hears of another process that cuts the
// file off than the read that fails.
#ifndef DURE_TOOLS_IO_CUTOFF_H
#define DURE_TOOLS_IO_CUTOFF_H

#include <string_view>

namespace dure::io {

/// From now on a read beyond the end of a mapped file writes one line to
/// stderr, `Before` + the file's path + `After`, calls `CleanUp` (which must be
/// safe in a signal handler) and ends the process with status 1. The kernel's
/// list of mappings names the file, so that it does not matter which library
/// mapped it. SIGBUS for any other reason does what it did before. Call it
/// once.
void endWhenFileIsCutOff(std::string_view Before, std::string_view After,
                         void (*CleanUp)() = nullptr);

} // namespace dure::io

#endif // DURE_TOOLS_IO_CUTOFF_H
