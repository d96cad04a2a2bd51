// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix products.

#include "frontends/onnx/ops/Products.h"

using namespace mlir;

namespace dure::onnx {

Value matMul(OpImport &C, Value A, Value B) {
  if (!A || !B)
    return {};
  int64_t RankA = rankOf(A), RankB = rankOf(B);
  if (RankA == 0 || RankB == 0)
    return C.refuse(RefusalCode::ShapeRank, {"an operand is a scalar"});
  if (RankA == 1)
    A = C.reshape(A, {DimExpr(1), dimOf(typeOf(A), 0)});
  if (RankB == 1)
    B = C.reshape(B, {dimOf(typeOf(B), 0), DimExpr(1)});
  Value Y = C.create<MatMulOp>({A, B});
  if (!Y)
    return {};
  Dims Shape = dimsOf(typeOf(Y));
  if (RankB == 1)
    Shape.pop_back();
  if (RankA == 1)
    Shape.erase(Shape.end() - (RankB == 1 ? 1 : 2));
  return C.reshape(Y, Shape);
}

static LogicalResult importMatMul(OpImport &C) {
  return C.result(matMul(C, C.in(0), C.in(1)));
}

/// The places of rows of the left operand, and of columns of the right one,
/// along which zero points and scales of rank 1 lie.
static int64_t rowAxis(Value A) {
  return A ? std::max<int64_t>(rankOf(A) - 2, 0) : 0;
}
static int64_t columnAxis(Value B) {
  return B ? std::max<int64_t>(rankOf(B) - 1, 0) : 0;
}

/// y = (a - zero point) (b - zero point) in i32
static LogicalResult importMatMulInteger(OpImport &C) {
  Value A = centered(C, 0, 2, rowAxis(C.in(0)));
  return C.result(matMul(C, A, centered(C, 1, 3, columnAxis(C.in(1)))));
}

/// y = the product of two quantized matrices, quantized again
static LogicalResult importQLinearMatMul(OpImport &C) {
  Value A = C.in(0), B = C.in(3), ScaleA = C.in(1), ScaleB = C.in(4);
  if (!A || !B || !ScaleA || !ScaleB)
    return failure();
  Value Sum = matMul(C, centered(C, 0, 2, rowAxis(A)),
                     centered(C, 3, 5, columnAxis(B)));
  Type F32 = C.builder().getF32Type();
  ScaleA = alongAxis(C, C.cast(ScaleA, F32), rankOf(A), rowAxis(A));
  ScaleB = alongAxis(C, C.cast(ScaleB, F32), rankOf(B), columnAxis(B));
  Value Scale = alongAxis(C, C.cast(C.in(6), F32), 0, 0);
  Value Factor = C.create<DivOp>({C.create<MulOp>({ScaleA, ScaleB}), Scale});
  return C.result(requantized(C, Sum, Factor, 7));
}

/// Refuses a `Bias` that does not broadcast to the matrix `Y` without growing
/// it; notes the sizes that must be equal for that.
static LogicalResult checkBroadcasts(OpImport &C, Value Bias, Value Y) {
  if (!Bias || !Y)
    return failure();
  Dims Have = dimsOf(typeOf(Bias)), Want = dimsOf(typeOf(Y));
  if (Have.size() > Want.size())
    return C.refuse(RefusalCode::ShapeRank,
                    {"C does not broadcast to a matrix"});
  for (size_t I = 0; I < Have.size(); ++I)
    if (!Have[I].isConstant(1) &&
        !C.equal(Have[I], Want[Want.size() - Have.size() + I]))
      return failure();
  return success();
}

/// y = alpha a' b' + beta c
static LogicalResult importGemm(OpImport &C) {
  Value A = C.in(0), B = C.in(1);
  float Alpha = C.floatAttr("alpha", 1), Beta = C.floatAttr("beta", 1);
  bool TransA = C.boolAttr("transA", false);
  bool TransB = C.boolAttr("transB", false);
  if (!A || !B)
    return failure();
  if (rankOf(A) != 2 || rankOf(B) != 2)
    return C.refuse(RefusalCode::ShapeRank, {"its operands must be matrices"});
  Value Y = C.create<MatMulOp>({A, B}, {C.named("transpose_lhs", TransA),
                                        C.named("transpose_rhs", TransB)});
  if (Alpha != 1)
    Y = C.create<MulOp>({Y, C.scalarLike(Y, Alpha)});
  if (C.has(2) && Beta != 0) {
    Value Bias = C.in(2);
    if (failed(checkBroadcasts(C, Bias, Y)))
      return failure();
    if (Beta != 1)
      Bias = C.create<MulOp>({Bias, C.scalarLike(Bias, Beta)});
    Y = C.create<AddOp>({Y, Bias});
  }
  return C.result(Y);
}

ArrayRef<OpEntry> matMulOps() {
  static const OpEntry Table[] = {
      {"MatMul", {1, 9, 13}, 2, 2, importMatMul},
      {"Gemm", {7, 9, 11, 13}, 2, 3, importGemm},
      {"MatMulInteger", {10}, 2, 4, importMatMulInteger},
      {"QLinearMatMul", {10, 21}, 8, 8, importQLinearMatMul},
  };
  return Table;
}

} // namespace dure::onnx
