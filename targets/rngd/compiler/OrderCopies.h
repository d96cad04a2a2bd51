// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which of a program's copies DMA engines meet first.
#ifndef DURE_TARGETS_RNGD_COMPILER_ORDERCOPIES_H
#define DURE_TARGETS_RNGD_COMPILER_ORDERCOPIES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dure::rngd {

/// Engines run their commands in order. Copies of what is there when a program
/// starts, weights before all, go ahead of copies that wait for a kernel, as
/// far as the data memory that they fill is free, and no further than keeps HBM
/// busy: those that wait would come too late.
void orderCopies(mlir::func::FuncOp program);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ORDERCOPIES_H
