// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Integers of 4 or 8 bits as com.microsoft packs them into bytes.

#ifndef DURE_FRONTENDS_ONNX_OPS_PACKEDNUMBERS_H
#define DURE_FRONTENDS_ONNX_OPS_PACKEDNUMBERS_H

#include "frontends/onnx/OpImport.h"

namespace dure::onnx {

/// Input `I`, bytes of packed numbers, as [Rows, Columns] of them. What the
/// model stores is read in place if asked for: its bytes are those of the
/// standard's uint4, which only dure.dequantize reads.
/// (MicrosoftQuantization.cpp)
mlir::Value packedInput(OpImport &C, unsigned I, int64_t Rows, int64_t Columns,
                        int64_t Bits, bool InPlace);

/// The first `Columns` of a matrix's columns. (MicrosoftQuantization.cpp)
mlir::Value firstColumns(OpImport &C, mlir::Value X, int64_t Columns);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_OPS_PACKEDNUMBERS_H
