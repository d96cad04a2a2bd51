// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// AttentionBench: the attention kernel, prefill and decode, with its forms.
#ifndef DURE_TEST_BENCHMARK_KERNELS_ATTENTIONBENCH_H
#define DURE_TEST_BENCHMARK_KERNELS_ATTENTIONBENCH_H

#include "targets/cpu/compiler/AttentionKernel.h"
#include "test/benchmark/kernels/Harness.h"

#include <string>

namespace dure::bench {

struct AttentionCase {
  std::string name;
  int64_t heads, keyHeads, dim;
  bool causal = false;
  cpu::AttentionMask mask = cpu::AttentionMask::None;
  int64_t window = 0;
};

void emitAttention(mlir::ModuleOp module, cpu::KernelBuilder &builder,
                   const AttentionCase &c);

/// Checks the kernel for batch 1; with `rounds`, returns its GFLOP/s, which
/// count what is seen only.
double measureAttention(const Library &library, const AttentionCase &c,
                        int64_t queries, int64_t keys, int rounds);

} // namespace dure::bench

#endif // DURE_TEST_BENCHMARK_KERNELS_ATTENTIONBENCH_H
