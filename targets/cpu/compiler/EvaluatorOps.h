// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// OpEvaluator: what each dure op means for one vector of its result. Private
// to the evaluator.
#ifndef DURE_TARGETS_CPU_COMPILER_EVALUATOROPS_H
#define DURE_TARGETS_CPU_COMPILER_EVALUATOROPS_H

#include "targets/cpu/compiler/Evaluator.h"

namespace dure::cpu {

class OpEvaluator {
public:
  OpEvaluator(Evaluator &e, const Point &point) : e(e), b(e.b), point(point) {}

  static bool isSupported(mlir::Operation *op);
  mlir::Value eval(mlir::Operation *op);
  /// An operand that broadcasts to a value of `dims`, of which this is a point.
  mlir::Value evalBroadcast(mlir::Value operand, llvm::ArrayRef<DimExpr> dims);

private:
  mlir::Value elementwise(mlir::Operation *op);
  mlir::Value iota(IotaOp op);
  mlir::Value dimValues(DimValuesOp op);
  mlir::Value broadcast(BroadcastOp op);
  mlir::Value transpose(TransposeOp op);
  mlir::Value slice(SliceOp op);
  mlir::Value concat(ConcatOp op);
  mlir::Value pad(PadOp op);
  mlir::Value gather(GatherOp op);
  mlir::Value gatherElements(GatherElementsOp op);
  mlir::Value gatherND(GatherNDOp op);
  mlir::Value reduce(ReduceOp op);
  mlir::Value normalize(mlir::Operation *op, unsigned axis);
  mlir::Value cumsum(CumSumOp op);
  mlir::Value matmul(MatMulOp op);
  mlir::Value rope(RopeOp op);
  mlir::Value cacheUpdate(CacheUpdateOp op);
  mlir::Value dequantize(DequantizeOp op);

  /// The point of an operand that broadcasts to a result of `dims`.
  Point broadcastPoint(mlir::RankedTensorType operand,
                       llvm::ArrayRef<DimExpr> dims);
  /// A user's index into `extent` elements: negative ones count from the end.
  /// Others outside are a fault and must not be read: `isInside` is one bit for
  /// all lanes (i1) where the index is uniform, else one a lane.
  struct CheckedIndex {
    Index index;
    mlir::Value isInside;
  };
  CheckedIndex checkedIndex(mlir::Value tensor, const Point &at,
                            const DimExpr &extent);
  /// Evaluates `tensor` at a point some of whose coordinates are checked
  /// indices; zero where one of those is outside.
  mlir::Value evalInside(mlir::Value tensor, Point at,
                         llvm::ArrayRef<CheckedIndex> checked);
  /// One bit a lane: index < bound, signed.
  mlir::Value isBelow(const Index &index, mlir::Value bound);
  mlir::Value maskAnd(mlir::Value a, mlir::Value c);
  void checkDivisor(mlir::Operation *op, mlir::Value divisor);

  Evaluator &e;
  KernelBuilder &b;
  const Point &point;
};

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_EVALUATOROPS_H
