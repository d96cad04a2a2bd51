// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of RNGD, by family. Included by the compiler target.
//
// Each takes a dure op with static shapes and where its operands and result lie
// in HBM, row by row; writes a program's commands; fails with a diagnostic at
// the op when it does not fit. `...Refusal` says beforehand, in words, what is
// the matter, or nothing.
#ifndef DURE_TARGETS_RNGD_COMPILER_KERNELS_H
#define DURE_TARGETS_RNGD_COMPILER_KERNELS_H

#include "dialects/dure/DureOps.h"
#include "targets/rngd/compiler/KernelBuilder.h"

#include <optional>
#include <string>

namespace dure::rngd {

/// Why a kernel does not take an op.
using Refusal = std::optional<std::string>;

/// Where an op's operands and result are.
struct KernelOperands {
  llvm::SmallVector<mlir::Value> inputs;
  mlir::Value result;
};

Refusal elementwiseRefusal(mlir::Operation *op);
mlir::LogicalResult emitElementwise(KernelBuilder &k, mlir::Operation *op,
                                    const KernelOperands &at);

/// layer_norm, rms_norm and softmax over the last dimensions.
Refusal rowRefusal(mlir::Operation *op);
mlir::LogicalResult emitRow(KernelBuilder &k, mlir::Operation *op,
                            const KernelOperands &at);

Refusal matMulRefusal(MatMulOp op);
mlir::LogicalResult emitMatMul(KernelBuilder &k, MatMulOp op,
                               const KernelOperands &at);

Refusal attentionRefusal(AttentionOp op);
mlir::LogicalResult emitAttention(KernelBuilder &k, AttentionOp op,
                                  const KernelOperands &at);

/// transpose, slice, concat, gather by constant strides: DMA alone.
Refusal moveRefusal(mlir::Operation *op);
mlir::LogicalResult emitMove(KernelBuilder &k, mlir::Operation *op,
                             const KernelOperands &at);

/// Sizes of a static dure tensor.
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
int64_t elementsOf(mlir::Value value);
/// True for a static tensor of f32.
bool isStaticF32(mlir::Value value);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_KERNELS_H
