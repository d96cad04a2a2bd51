// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of the vector engine over whole tensors. Included by kernels only.
#ifndef DURE_TARGETS_RNGD_COMPILER_ELEMENTWISEKERNEL_H
#define DURE_TARGETS_RNGD_COMPILER_ELEMENTWISEKERNEL_H

#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/Kernels.h"

#include <numeric>

namespace dure::rngd {

/// A splat constant operand's number.
std::optional<float> splatOf(mlir::Value value);

/// Dimensions of a result, neighbours joined along which each operand varies or
/// repeats as a whole; none repeats along all of them.
struct Repetition {
  Space space;
  /// Of each operand, splats included, and axis: whether it varies along it.
  llvm::SmallVector<llvm::SmallVector<bool, 4>, 2> varies;
  /// The operand that repeats along the last axis, and so has one number for
  /// each row.
  std::optional<unsigned> scalar;

  int64_t columns() const { return space.axes.back().size; }
  /// Elements of a packet: columns are a multiple.
  int64_t width() const { return std::gcd<int64_t>(columns(), 8); }
  /// Axes but the last.
  size_t outer() const { return space.axes.size() - 1; }
};

/// None where operands that are no splats have the result's elements.
std::optional<Repetition> repetitionOf(mlir::Operation *op);

/// An operand in the vector register file.
struct Registered {
  unsigned operand;
  mlir::Value file;
};

/// `op` on packets of `in`, one tensor or two of one layout, beside an operand
/// in registers or an immediate.
void elementwisePass(KernelBuilder &k, mlir::Operation *op,
                     llvm::ArrayRef<mlir::Value> in,
                     std::optional<Registered> registered, mlir::Value out,
                     const DigitList &time, const DigitList &packet);

/// `op` in the layout in which an operand lies in data memory, which nothing
/// moves then; false where none does that it could use.
bool emitWhereItLies(KernelBuilder &k, mlir::Operation *op,
                     const KernelOperands &at);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ELEMENTWISEKERNEL_H
