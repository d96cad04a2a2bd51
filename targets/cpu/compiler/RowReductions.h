// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RowReductions: rewrites ops that join several dimensions into ops on the last
// one, which row kernels compute fast.
//
// Contract: included by the CPU target's plug-in, which runs the pass at the
// start of form-dispatches. Reshapes cost nothing: the elements stay in place.
#ifndef DURE_TARGETS_CPU_COMPILER_ROWREDUCTIONS_H
#define DURE_TARGETS_CPU_COMPILER_ROWREDUCTIONS_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::cpu {

/// A reduction over the last dimensions becomes one over a row that keeps its
/// dimension; over others as well, one of rows and then one of their results;
/// over everything likewise, so that several workgroups share it. A norm over
/// several dimensions becomes one over a row.
std::unique_ptr<mlir::Pass> createRowReductions();

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_ROWREDUCTIONS_H
