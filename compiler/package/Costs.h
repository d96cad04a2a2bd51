// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations and bytes of a dispatch, from the definitions of its ops.
//
// Included by packaging (traces) and by explain. What a target knows better of
// its own kernel it says in KernelEntry; these are the numbers otherwise.
#ifndef DURE_COMPILER_PACKAGE_COSTS_H
#define DURE_COMPILER_PACKAGE_COSTS_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// Floating-point operations of one op by its formula, none for integers and
/// for moving data: +, -, *, /, a comparison and a function such as exp count
/// one each, a product of matrices 2 M N K. Causal attention counts the pairs
/// that are seen; a window at most those in it. Empty for an op of another
/// dialect.
std::optional<DimExpr> flopsOf(mlir::Operation *Op);

/// The sum over a dispatch function's ops; empty when one of them has none.
std::optional<DimExpr> flopsOf(mlir::func::FuncOp Dispatch);

/// Bytes that a dispatch function must read and write at least: arguments and
/// results once, in their plain form. Of an argument that is only gathered or
/// sliced from, what is taken counts; of a cache updated in place, the update.
DimExpr bytesOf(mlir::func::FuncOp Dispatch);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_COSTS_H
