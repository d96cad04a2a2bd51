// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of matmul and gated_mlp.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace dure;

/// What products of `Element`s are summed in: f32 at least, i32 at least.
static Type sumType(LoweringBuilder &B, Type Element) {
  if (isa<FloatType>(Element))
    return ScalarMath::computeType(Element);
  return Element.getIntOrFloatBitWidth() > 32 ? signlessElement(Element)
                                              : Type(B.getI32Type());
}

/// sum over k of L(k) * R(k), the factors given as elements of the operands.
static Value dot(LoweringBuilder &B, Type Element, Value Count,
                 function_ref<Value(Value)> L, function_ref<Value(Value)> R) {
  Type Sum = sumType(B, Element);
  return B.fold(Count, B.zero(Sum), [&](ValueRange K, Value S) -> Value {
    Value A = B.math().convert(L(K[0]), Element, Sum);
    Value C = B.math().convert(R(K[0]), Element, Sum);
    if (isa<FloatType>(Sum))
      return B.addF(S, B.mulF(A, C));
    return B.add(S, B.mul(A, C));
  });
}

/// result[b.., m, n] = sum over k of lhs[b.., m, k] * rhs[b.., k, n]
static Value lowerMatMul(MatMulOp Op, MatMulOp::Adaptor Operands,
                         LoweringBuilder &B) {
  auto L = cast<RankedTensorType>(Op.getLhs().getType());
  auto R = cast<RankedTensorType>(Op.getRhs().getType());
  auto Type = cast<RankedTensorType>(Op.getType());
  mlir::Type Element = Type.getElementType();
  int64_t LRank = L.getRank();
  Value Count = B.dim(L, Op.getTransposeLhs() ? LRank - 2 : LRank - 1);

  // An operand's element: batch dimensions broadcast, rows and columns do not.
  auto Get = [&](Value Tensor, RankedTensorType Of, ValueRange Batch, Value Row,
                 Value Column, bool Transposed) -> Value {
    int64_t Leading = Of.getRank() - 2;
    Values At(Batch.take_back(Leading));
    for (int64_t I = 0; I < Leading; ++I)
      if (Of.getDimSize(I) == 1)
        At[I] = B.index(0);
    At.push_back(Transposed ? Column : Row);
    At.push_back(Transposed ? Row : Column);
    return B.get(Tensor, At);
  };
  return B.generate(Type, [&](ValueRange At) {
    ValueRange Batch = At.drop_back(2);
    Value M = At[At.size() - 2], N = At.back();
    Value Sum = dot(
        B, Element, Count,
        [&](Value K) {
          return Get(Operands.getLhs(), L, Batch, M, K, Op.getTransposeLhs());
        },
        [&](Value K) {
          return Get(Operands.getRhs(), R, Batch, K, N, Op.getTransposeRhs());
        });
    return B.math().convert(Sum, sumType(B, Element), Element);
  });
}

static Value activate(LoweringBuilder &B, GluActivation Kind, Value X) {
  switch (Kind) {
  case GluActivation::Silu:
    return B.math().silu(X);
  case GluActivation::GeluErf:
    return B.math().geluErf(X);
  case GluActivation::GeluTanh:
    return B.math().geluTanh(X);
  case GluActivation::Relu:
    return B.maxF(X, B.zero(X.getType()));
  case GluActivation::Sigmoid:
    return B.math().sigmoid(X);
  }
  return Value();
}

/// result[.., n] = sum over i of act(x w_gate)[i] (x w_up)[i] w_down[i, n]: one
/// hidden unit after another, added to a block of the row.
static Value lowerGatedMLP(GatedMLPOp Op, GatedMLPOp::Adaptor Operands,
                           LoweringBuilder &B) {
  auto X = cast<RankedTensorType>(Op.getX().getType());
  auto Gate = cast<RankedTensorType>(Op.getWGate().getType());
  auto Type = cast<RankedTensorType>(Op.getType());
  mlir::Type Element = Type.getElementType();
  mlir::Type Compute = ScalarMath::computeType(Element);
  Value Inputs = B.dim(Gate, 0), Hidden = B.dim(Gate, 1);
  Values Rows = B.sizes(Type);
  Value Columns = Rows.pop_back_val();

  return B.fold(Rows, B.empty(Type), [&](ValueRange Row, Value Result) {
    auto HiddenSum = [&](Value Weights, Value I) {
      return dot(
          B, Element, Inputs,
          [&](Value K) {
            Values At(Row);
            At.push_back(K);
            return B.get(Operands.getX(), At);
          },
          [&](Value K) {
            return B.get(Weights, {K, I});
          });
    };
    auto AddUnit = [&](Value I, Value Acc, LoweringBuilder::Block Block) {
      Value Unit = B.mulF(
          activate(B, Op.getActivation(), HiddenSum(Operands.getWGate(), I)),
          HiddenSum(Operands.getWUp(), I));
      return B.fold(Block.Size, Acc, [&](ValueRange J, Value Sums) {
        Value Weight = B.math().convert(
            B.get(Operands.getWDown(), {I, B.add(Block.Begin, J[0])}), Element,
            Compute);
        return B.set(B.addF(B.get(Sums, J), B.mulF(Unit, Weight)), Sums, J);
      });
    };
    return B.blocks(
        Columns, Type.getDimSize(X.getRank() - 1), Compute, Result,
        [&](Value Acc, LoweringBuilder::Block Block) {
          return B.fold(Hidden, Acc, [&](ValueRange I, Value Sums) {
            return AddUnit(I[0], Sums, Block);
          });
        },
        [&](Value Sum, Value At, Value Out) {
          Values Index(Row);
          Index.push_back(At);
          return B.set(B.rounded(Sum, Element), Out, Index);
        });
  });
}

void dure::addMatMulLowerings(LoweringPatterns &Patterns) {
  Patterns.add<MatMulOp>(lowerMatMul);
  Patterns.add<GatedMLPOp>(lowerGatedMLP);
}
