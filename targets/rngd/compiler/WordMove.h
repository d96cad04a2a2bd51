// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements of less than 8 bytes as words of 8, which DMA moves one by one: it
// moves no less. Included by kernels only.
#ifndef DURE_TARGETS_RNGD_COMPILER_WORDMOVE_H
#define DURE_TARGETS_RNGD_COMPILER_WORDMOVE_H

#include "targets/rngd/compiler/Kernels.h"

namespace dure::rngd {

/// Each of `count` elements of `source`, of 1, 2 or 4 bytes, repeated in a word
/// of `words`.
void widenElements(KernelBuilder &k, mlir::Value source, mlir::Value words,
                   int64_t count);
/// The elements of such words.
void narrowWords(KernelBuilder &k, mlir::Value words, mlir::Value target,
                 int64_t count);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_WORDMOVE_H
