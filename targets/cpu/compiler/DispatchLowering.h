// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DispatchLowering: one dispatch function of dure ops to one kernel entry.
//
// Contract: included by the CPU target's plug-in. The function is marked
// `dure.dispatch_fn`; it is read, never changed. Entries of one module share
// the micro kernels, so lower all dispatches of a variant into one module.
#ifndef DURE_TARGETS_CPU_COMPILER_DISPATCHLOWERING_H
#define DURE_TARGETS_CPU_COMPILER_DISPATCHLOWERING_H

#include "targets/cpu/compiler/CpuVariant.h"

#include "dialects/dure/DureOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"

#include <optional>
#include <string>

namespace dure::cpu {

struct KernelInfo {
  std::string name;
  /// Expressions over the function's symbols, in the order in which the
  /// kernel reads their values.
  llvm::SmallVector<DimExpr> constants;
  DimExpr workgroups;
  int64_t scratchBytes = 0;
};

/// Dialects and interfaces that lowerDispatch needs in the context.
void registerKernelDialects(mlir::DialectRegistry &registry);

/// Whether lowerDispatch computes the op, alone or fused.
bool isSupportedOp(mlir::Operation *op);

/// The first element type among the op's operands and results that kernels do
/// not have, or null. Four-bit integers, two a byte, are read and never
/// written: neighbours in one byte may belong to two workgroups.
mlir::Type findUnsupportedElement(mlir::Operation *op);

/// The layout of a matrix, a weight, that matmuls multiply with, or of experts'
/// matrices: panels of columns, as they and gathers of columns read it.
StepAttr panelLayout(mlir::RankedTensorType weight);

/// Whether each row has an expert of its own, rather than a token's rows one.
bool choosesByRow(ExpertMatMulOp experts);

/// Whether a kernel family computes the function as a whole. What none does is
/// left to the canonical lowering, which takes one op at a time.
bool hasKernel(mlir::func::FuncOp dispatch);

/// Emits the kernel of a dispatch function into `kernelModule` as an entry of
/// the function's name. What no kernel family computes becomes the loops of
/// its canonical lowering. Emits a diagnostic at the function and fails when
/// the function holds an op that the CPU target does not compute, or an
/// argument in a layout that its users do not read.
mlir::FailureOr<KernelInfo> lowerDispatch(mlir::func::FuncOp dispatch,
                                          mlir::ModuleOp kernelModule,
                                          const CpuVariant &variant);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_DISPATCHLOWERING_H
