// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DotRows: products of few rows with many rows, each where it lies.
//
//   C[r, n] (+)= sum over k of A[r, k] * B[n, k]
//
// Why beside the micro kernels: those read B by columns, so that B's rows must
// be packed first, which for a few rows of A costs as much as multiplying. Here
// the lanes of a vector are neighbours in k, and the lanes of many sums are
// added up together at the end. Included by kernel families of the CPU target.
#ifndef DURE_TARGETS_CPU_COMPILER_DOTROWS_H
#define DURE_TARGETS_CPU_COMPILER_DOTROWS_H

#include "targets/cpu/compiler/KernelBuilder.h"

namespace dure::cpu {

/// Up to so many rows of A this is faster than packing B.
inline constexpr int64_t kDotRows = 16;
/// Columns of C are written in groups that divide this: C has room for them,
/// and those behind the last row of B may get anything.
inline constexpr int64_t kDotColumns = 16;

/// All i64 and pointers; strides count elements.
struct DotOperands {
  /// f32, contiguous in k, as C is in n.
  mlir::Value a, aRowStride;
  mlir::Type bElement;
  mlir::Value b, bRowStride;
  mlir::Value k;
  /// Rows of A, any number; of B, at least one.
  mlir::Value rows, columns;
  mlir::Value c, cRowStride;
  /// i1: adds to C.
  mlir::Value accumulate;
};

/// Emits the calls that cover all rows, and the functions that they call if the
/// module does not have them yet.
void callDotRows(mlir::ModuleOp module, KernelBuilder &builder,
                 const DotOperands &operands);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_DOTROWS_H
