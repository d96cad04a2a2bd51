// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory, loading and timing of kernels on one thread.

#include "test/benchmark/kernels/Harness.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace dure::cpu;

namespace dure::bench {

void fail(const llvm::Twine &message) {
  llvm::outs().flush();
  llvm::errs() << "dure-kernel-bench: " << message << "\n";
  std::exit(1);
}

double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Floats::Floats(int64_t count) : count(count) {
  size_t bytes = (std::max<int64_t>(count, 1) * 4 + 63) / 64 * 64;
  data = static_cast<float *>(std::aligned_alloc(64, bytes));
  std::memset(data, 0, bytes);
}

Floats::~Floats() { std::free(data); }

void Floats::randomize(unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  for (int64_t i = 0; i < count; ++i)
    data[i] = distribution(generator);
}

Library::Library(llvm::ArrayRef<char> bytes) {
  descriptor = memfd_create("dure-kernels", MFD_CLOEXEC);
  if (write(descriptor, bytes.data(), bytes.size()) != ssize_t(bytes.size()))
    fail("cannot write the memory file");
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail(dlerror());
  auto query = reinterpret_cast<dure_cpu_library_fn>(
      dlsym(handle, DURE_CPU_LIBRARY_SYMBOL));
  if (!query)
    fail(dlerror());
  table = query();
}

Library::~Library() {
  dlclose(handle);
  close(descriptor);
}

const dure_cpu_entry &Library::entry(llvm::StringRef name) const {
  for (uint32_t i = 0; i < table->entry_count; ++i)
    if (name == table->entries[i].name)
      return table->entries[i];
  fail("no entry " + name);
}

void run(const dure_cpu_entry &entry, llvm::ArrayRef<void *> bindings,
         llvm::ArrayRef<int64_t> constants, int64_t workgroups,
         Floats &scratch) {
  for (int64_t i = 0; i < workgroups; ++i)
    if (entry.function(bindings.data(), constants.data(), i, workgroups,
                       scratch.data))
      fail(llvm::Twine(entry.name) + " failed");
}

std::vector<double> bestTimes(llvm::ArrayRef<std::function<void()>> calls,
                              int rounds) {
  auto sample = [](const std::function<void()> &call, int repeats) {
    double start = seconds();
    for (int i = 0; i < repeats; ++i)
      call();
    return (seconds() - start) / repeats;
  };
  std::vector<int> repeats;
  for (const auto &call : calls) {
    call();
    double once = std::max(sample(call, 1), 1e-7);
    repeats.push_back(std::max(1, int(2e-3 / once)));
  }
  std::vector<double> best(calls.size(), 1e30);
  for (int round = 0; round < rounds; ++round)
    for (size_t i = 0; i < calls.size(); ++i)
      best[i] = std::min(best[i], sample(calls[i], repeats[i]));
  return best;
}

MatMulKernel::GetValue constantSlot(int64_t slot) {
  return [slot](KernelBuilder &, KernelFrame &frame) {
    return frame.constant(slot);
  };
}

MatMulKernel::GetValue number(int64_t value) {
  return [value](KernelBuilder &b, KernelFrame &) { return b.constant(value); };
}

} // namespace dure::bench
