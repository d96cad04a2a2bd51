// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops over a sequence that an importer writes itself.

#ifndef DURE_FRONTENDS_ONNX_OPS_LOOPS_H
#define DURE_FRONTENDS_ONNX_OPS_LOOPS_H

#include "frontends/onnx/OpImport.h"

namespace dure::onnx {

/// What one step makes of its number and of the states before: the next states,
/// then what is stacked up.
using StepFn = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::Value Time, mlir::ValueRange States)>;

/// A loop of `Length` steps. Gives the last states, then the stacked values
/// [Length, ...]; nothing when a step was refused.
std::optional<llvm::SmallVector<mlir::Value>>
overTime(OpImport &C, const DimExpr &Length, llvm::ArrayRef<mlir::Value> States,
         StepFn Step);

/// The elements of X at one place of an axis, which leaves.
mlir::Value atPlace(OpImport &C, mlir::Value X, mlir::Value Place,
                    int64_t Axis);

mlir::Value zeros(OpImport &C, llvm::ArrayRef<DimExpr> Shape,
                  mlir::Type Element);

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_OPS_LOOPS_H
