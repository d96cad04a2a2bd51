// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The most this machine can do: multiply-adds by type, and memory read.
//
// Included by bench and its tests. Measured, not looked up: clocks, steal time
// and cgroup limits are in the figures, as they are in the run they are
// compared with. Depends on the standard library and the CPU's intrinsics.
#ifndef DURE_TOOLS_DURE_ROOF_H
#define DURE_TOOLS_DURE_ROOF_H

#include <string>
#include <vector>

namespace dure {

struct RoofEntry {
  /// Type of the operands: "float32", "bfloat16", "int8".
  std::string Type;
  /// What executed it: "avx512f", "avx512_vnni", "amx-bf16", ...
  std::string Instructions;
  /// 1e9 operations a second; a multiply-add counts two.
  double Gflops;
};

struct Roof {
  int Threads;
  /// The fastest instructions of each type that this CPU has.
  std::vector<RoofEntry> Compute;
  /// 1e9 bytes a second, all threads reading more than the caches hold.
  double ReadGbytes;
};

/// Measures with `Threads` threads, spending about `Seconds` on each figure:
/// the best of several tries. Once `Stop` is not 0 it ends at once, with
/// figures that mean nothing.
Roof probeRoof(int Threads, double Seconds = 0.3,
               const volatile int *Stop = nullptr);

/// CPUs that this process may run on.
int availableThreads();

} // namespace dure

#endif // DURE_TOOLS_DURE_ROOF_H
