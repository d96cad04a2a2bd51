// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What products of plain and of quantized tensors share.

#ifndef DURE_FRONTENDS_ONNX_OPS_PRODUCTS_H
#define DURE_FRONTENDS_ONNX_OPS_PRODUCTS_H

#include "frontends/onnx/OpImport.h"

namespace dure::onnx {

/// a b, batched; a vector is a row on the left and a column on the right, and
/// the dim it lacks leaves the result. (MatMul.cpp)
mlir::Value matMul(OpImport &C, mlir::Value A, mlir::Value B);

/// Input `X` as i32 less its zero point, input `Zero` if there is one; a zero
/// point of rank 1 is one for each place of `Axis`. (Quantization.cpp)
mlir::Value centered(OpImport &C, unsigned X, unsigned Zero, int64_t Axis);

/// A parameter of rank 1 along an axis of a tensor of rank `Rank`, shaped to
/// broadcast to it; one of a single element as a scalar.
mlir::Value alongAxis(OpImport &C, mlir::Value Parameter, int64_t Rank,
                      int64_t Axis);

/// What of sums in i32 becomes quantized again: round(sum * factor) + input
/// `Zero`, saturated to the type of that input.
mlir::Value requantized(OpImport &C, mlir::Value Sum, mlir::Value Factor,
                        unsigned Zero);

/// A float tensor in 8 bits, with the scale and zero point that its range, 0
/// being part of it, gives. (Quantization.cpp)
struct Quantized {
  mlir::Value Numbers; ///< ui8
  mlir::Value Scale;   ///< f32, rank 0
  mlir::Value Zero;    ///< ui8, rank 0
};
/// Null values when refused.
Quantized dynamicallyQuantized(OpImport &C, mlir::Value X);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_OPS_PRODUCTS_H
