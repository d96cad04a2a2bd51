// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes elementwise ops on constants.
//
// Included by passes that fold. Numbers come from `dure::buildElementwise`, the
// family's one definition, folded by the arith and math dialects: there is no
// second table of semantics here.
#ifndef DURE_COMPILER_PASSES_SUPPORT_EVALUATE_H
#define DURE_COMPILER_PASSES_SUPPORT_EVALUATE_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// The value of an elementwise op whose operands are the constants `Operands`.
/// Null when the result has more than 64 elements or some number cannot be
/// computed here (a division by zero, a function that nobody folds).
mlir::DenseElementsAttr
evaluateElementwise(mlir::Operation *Op,
                    llvm::ArrayRef<mlir::DenseElementsAttr> Operands);

/// The numbers of an integer or float constant, rounded to another float type.
mlir::DenseElementsAttr convertConstant(mlir::DenseElementsAttr Constant,
                                        mlir::FloatType To);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SUPPORT_EVALUATE_H
