// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Harness: memory, loading and timing of kernels on one thread. Included by
// the kernel benchmark only; errors end the process with a message.
#ifndef DURE_TEST_BENCHMARK_KERNELS_HARNESS_H
#define DURE_TEST_BENCHMARK_KERNELS_HARNESS_H

#include "targets/cpu/abi/CpuLibrary.h"
#include "targets/cpu/compiler/MatMulKernel.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace dure::bench {

/// Ends the process with exit status 1.
[[noreturn]] void fail(const llvm::Twine &message);

double seconds();

/// Memory as the driver gives it: aligned to DURE_CPU_ALIGNMENT, zero.
struct Floats {
  explicit Floats(int64_t count);
  Floats(const Floats &) = delete;
  ~Floats();
  /// Uniform in [-1, 1).
  void randomize(unsigned seed);
  int64_t count;
  float *data;
};

/// A loaded code object. The memory file stays open as long as the library.
class Library {
public:
  explicit Library(llvm::ArrayRef<char> bytes);
  Library(const Library &) = delete;
  ~Library();
  const dure_cpu_entry &entry(llvm::StringRef name) const;

private:
  int descriptor;
  void *handle;
  const dure_cpu_library *table;
};

/// Runs all workgroups on this thread.
void run(const dure_cpu_entry &entry, llvm::ArrayRef<void *> bindings,
         llvm::ArrayRef<int64_t> constants, int64_t workgroups,
         Floats &scratch);

/// Best seconds of one call of each, over `rounds` samples of at least 2 ms
/// each. They are sampled in turn, so that a slow moment of the machine hits
/// them alike.
std::vector<double> bestTimes(llvm::ArrayRef<std::function<void()>> calls,
                              int rounds);

/// A kernel's scalar: in a slot of the constants, or a number.
cpu::MatMulKernel::GetValue constantSlot(int64_t slot);
cpu::MatMulKernel::GetValue number(int64_t value);

} // namespace dure::bench

#endif // DURE_TEST_BENCHMARK_KERNELS_HARNESS_H
