// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plain kernels of transformers for host programs that are written by hand.
//
// Linked into the fake driver, which runs them, and into the tests, whose
// packages name them: the table is the one place that says what they take.
#ifndef DURE_TEST_UNIT_RUNTIME_TRANSFORMERKERNELS_H
#define DURE_TEST_UNIT_RUNTIME_TRANSFORMERKERNELS_H

#include <cstdint>
#include <span>

namespace dure::test {

struct TransformerKernel {
  const char *Name;
  uint32_t Bindings, Constants;
  void (*Function)(void *const *Bindings, const int64_t *Constants);
};

std::span<const TransformerKernel> transformerKernels();

/// Columns of the layers compiled for a fixed number of rows.
inline constexpr int64_t StaticLayerWidth = 16;

} // namespace dure::test

#endif // DURE_TEST_UNIT_RUNTIME_TRANSFORMERKERNELS_H
