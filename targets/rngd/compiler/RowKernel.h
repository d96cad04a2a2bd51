// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes over rows that lie in slices. Included by kernels only.
#ifndef DURE_TARGETS_RNGD_COMPILER_ROWKERNEL_H
#define DURE_TARGETS_RNGD_COMPILER_ROWKERNEL_H

#include "targets/rngd/compiler/Kernels.h"

#include <numeric>

namespace dure::rngd {

/// Whether packets of a row fill 2 of the 4 lanes that are reduced at a time:
/// an extreme would count the others, zeros, as columns of later packets.
inline bool leavesLanesOpen(int64_t columns) {
  return columns > 2 && columns % 4 != 0;
}

/// Rows of f32 in data memory: `rowDigits`, then columns of `axis`. Rows are a
/// multiple of 2 elements long; they are fastest where it is one of 8.
struct RowWork {
  KernelBuilder &k;
  Grid grid;
  DigitList rowDigits;
  int64_t columns;
  llvm::StringRef axis = "c";

  /// Elements of a packet.
  int64_t width() const { return std::gcd<int64_t>(columns, 8); }
  DigitList time() {
    DigitList digits(rowDigits);
    digits.push_back(k.digit(axis, columns / width(), width()));
    return digits;
  }
  DigitList packet() { return {k.digit(axis, width())}; }
  DigitList statDigits() {
    DigitList digits(rowDigits);
    digits.push_back(k.digit("x", 8));
    return digits;
  }

  /// One pass over all rows.
  void stream(llvm::function_ref<mlir::Value(mlir::Value)> steps,
              mlir::Value in, mlir::Value out);
  /// A number for each row (the first of 8): the reduction, divided.
  mlir::Value statistic(tcp::Reduction kind, mlir::Value in, bool squares,
                        float divisor);
  mlir::Value mapStatistic(mlir::Value in,
                           llvm::function_ref<mlir::Value(mlir::Value)> steps);
  mlir::Value toRegisters(mlir::Value statistic);
  void softmax(mlir::Value in, mlir::Value out);
  /// Columns [first, first + count) of rows.
  mlir::Value columnsOf(mlir::Value dm, int64_t first, int64_t count);
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ROWKERNEL_H
