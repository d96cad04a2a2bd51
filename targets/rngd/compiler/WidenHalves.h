// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Models of f16 and bf16 in f32, as the vector engine computes.
#ifndef DURE_TARGETS_RNGD_COMPILER_WIDENHALVES_H
#define DURE_TARGETS_RNGD_COMPILER_WIDENHALVES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::rngd {

/// On a module, once sizes are fixed and before ops are placed: ops of f16 and
/// bf16 become ops of f32. Inputs, outputs and caches keep their type, and so
/// do tables that rows are gathered from, which would take twice the memory;
/// casts stand where they meet the others. What is rounded in between no more
/// is nearer to what the model means.
std::unique_ptr<mlir::Pass> createWidenHalves();

/// On functions, before sizes are fixed: a mask that adds the lowest number of
/// f16 to scores hides keys, as that of other types does, so that causal order
/// can be read out of it. Of rows that see no key, whose results are of no use,
/// the chip makes the mean of all values.
std::unique_ptr<mlir::Pass> createHideByLowestHalf();

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_WIDENHALVES_H
