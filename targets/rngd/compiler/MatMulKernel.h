// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One product as commands. Included by its own sources: what is a product, and
// how it is computed.
#ifndef DURE_TARGETS_RNGD_COMPILER_MATMULKERNEL_H
#define DURE_TARGETS_RNGD_COMPILER_MATMULKERNEL_H

#include "targets/rngd/compiler/IntegerProduct.h"
#include "targets/rngd/compiler/Kernels.h"
#include "targets/rngd/compiler/MatMulPlan.h"

namespace dure::rngd {

/// A right operand that is (x - zero) * scale, both numbers or tensors.
struct FewBits {
  int64_t zeroNumber = 0;
  float factor = 1;
  bool zero = false, scale = false;
};

/// Right operands that an index picks: batch b has number index[b] of so many.
struct Picked {
  mlir::Value index; // i64
  int64_t matrices;
  /// Products one after the other, each of all its batches; where rows are
  /// shared, those of a product are its batches' alike.
  int64_t products = 1;
  bool sharesRows = false;
};

/// Writes the product of at.inputs[0] and at.inputs[1], divided as `plan` says.
void emitProduct(KernelBuilder &k, const Product &p, const MatMulPlan &plan,
                 const KernelOperands &at, std::optional<FewBits> few,
                 std::optional<Picked> picked = std::nullopt,
                 std::optional<NarrowProduct> narrow = std::nullopt);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_MATMULKERNEL_H
