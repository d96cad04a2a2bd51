// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Peak memory, as Linux counts it.
#include "tools/dure/Memory.h"

#include <cstdio>

namespace dure {

int64_t peakMemory() {
  std::FILE *File = std::fopen("/proc/self/status", "r");
  if (!File)
    return 0;
  char Line[256];
  long long KiB = 0;
  while (std::fgets(Line, sizeof(Line), File))
    if (std::sscanf(Line, "VmHWM: %lld kB", &KiB) == 1)
      break;
  std::fclose(File);
  return KiB * 1024;
}

void resetPeakMemory() {
  if (std::FILE *File = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", File);
    std::fclose(File);
  }
}

} // namespace dure
