// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which attention the kernel takes, and its sizes. Included by the kernel.
#ifndef DURE_TARGETS_RNGD_COMPILER_ATTENTIONOPS_H
#define DURE_TARGETS_RNGD_COMPILER_ATTENTIONOPS_H

#include "targets/rngd/compiler/AttentionPlan.h"
#include "targets/rngd/compiler/Kernels.h"

namespace dure::rngd {

/// Of a mask: [batches or 1, heads or 1, queries or 1, keys].
llvm::SmallVector<int64_t> maskShape(AttentionOp op);
/// Elements from row to row of the mask as the kernel reads it, which DMA can
/// move; whether it must be brought to that.
int64_t maskPitch(AttentionOp op);
bool hasShortMask(AttentionOp op);

AttentionShape shapeOfAttention(AttentionOp op);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ATTENTIONOPS_H
