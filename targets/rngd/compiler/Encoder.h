// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From tcp to what the driver reads: sequencers, addresses, dependences.
//
// Included by RNGD's compiler target and its tests.
#ifndef DURE_TARGETS_RNGD_COMPILER_ENCODER_H
#define DURE_TARGETS_RNGD_COMPILER_ENCODER_H

#include "dialects/tcp/TcpOps.h"
#include "targets/rngd/schema/program_generated.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dure::rngd {

/// On scatters, a number: those with the same one touch no byte in common.
inline constexpr llvm::StringLiteral BesideAttr = "tcp.beside";

/// Appends the program of `function`, whose arguments are tensors in HBM, to
/// `module`. Commands keep the order of the ops; each waits for those before it
/// on other engines that touch the same memory. Emits diagnostics at the ops
/// and fails where a layout needs more than the engines have.
mlir::LogicalResult encode(mlir::func::FuncOp function, fb::ModuleT &module);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ENCODER_H
