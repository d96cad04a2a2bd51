// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One tensor that several kernels divide otherwise: its elements by number.
//
// Included by KernelBuilder, kernels and tests. Pure functions. Element number
// i is the i-th of the tensor, row by row. A kernel names places by axes of its
// own; a view of the tensor, digits whose positions are numbers, says which
// element each of them is. Maps whose only axis is the number can be compared
// across kernels.
#ifndef DURE_TARGETS_RNGD_COMPILER_NUMBERING_H
#define DURE_TARGETS_RNGD_COMPILER_NUMBERING_H

#include "dialects/tcp/Map.h"

namespace dure::rngd {

/// Axis of numbers.
mlir::StringAttr numberAxis(mlir::MLIRContext *context);

/// `map` over the axes of `view`, by numbers; what `view` lacks repeats. None
/// where one divides the other unevenly.
std::optional<llvm::SmallVector<tcp::Digit, 4>>
numbered(tcp::Digits map, tcp::Digits view, mlir::StringAttr axis);

/// The other way: a map by numbers over the axes of `view`.
std::optional<llvm::SmallVector<tcp::Digit, 4>>
named(tcp::Digits map, tcp::Digits view, mlir::StringAttr axis);

/// Of each digit of `memory`, a map by numbers, the position of element number
/// `at`, from which `wanted`, also by numbers, begins; none where `memory` does
/// not hold all of it, or numbers would carry from digit to digit.
std::optional<llvm::SmallVector<int64_t, 8>>
startIn(tcp::Digits memory, tcp::Digits wanted, int64_t at);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_NUMBERING_H
