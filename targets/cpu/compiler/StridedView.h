// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// StridedView: a tensor that is part of another one, read where that lies.
//
// Contract: included by the CPU target, where ops are grouped and where groups
// are matched with kernels. Reads ops, changes nothing.
#ifndef DURE_TARGETS_CPU_COMPILER_STRIDEDVIEW_H
#define DURE_TARGETS_CPU_COMPILER_STRIDEDVIEW_H

#include "dialects/dure/DureOps.h"

namespace dure::cpu {

/// Element (i, j, ..) is element `offset` + i * strides[0] + j * strides[1] ..
/// of `base`, whose elements lie row by row.
struct StridedView {
  mlir::Value base;
  DimExpr offset = 0;
  llvm::SmallVector<DimExpr> strides;
};

/// What `value` is behind transposes, slices that go forwards and broadcasts;
/// itself where there are none.
StridedView stridedView(mlir::Value value);

/// Row-major strides.
llvm::SmallVector<DimExpr> stridesOf(mlir::RankedTensorType type);

/// Whether stridedView() looks through the op.
bool isStridedView(mlir::Operation *op);

/// The parts of an attention's keys, from left to right: what a concat of their
/// columns joins, or the keys themselves.
llvm::SmallVector<mlir::Value> keyParts(AttentionOp attention);

/// The attention whose queries, keys or values alone what the op makes is, by
/// views and parts; null where anything else reads it.
AttentionOp readerInPlace(mlir::Operation *op);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_STRIDEDVIEW_H
