// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a function may run on inputs that are padded to larger sizes.
//
// Included by phase specialize alone.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_PADDING_H
#define DURE_COMPILER_PASSES_SPECIALIZE_PADDING_H

#include "compiler/passes/specialize/BucketChoice.h"

namespace dure {

/// True when it is proven that a run with the sizes `Bucket`, on inputs padded
/// with zeros behind their last elements, has as the first elements of every
/// result, along all dimensions, what a run of the inputs' own sizes gives.
/// `Function` has dims over the symbols that are padded, and no others.
///
/// Conservative: what the analysis does not know is not proven.
bool isPaddingProven(mlir::func::FuncOp Function, const SymbolSizes &Bucket);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_PADDING_H
