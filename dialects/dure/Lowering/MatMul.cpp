// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of matmul, gated_mlp and the products of experts.
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
  case GluActivation::Identity:
    return X;
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

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

/// The expert at a place of an index tensor; reports those that there are not.
namespace {
class ChosenExperts {
public:
  ChosenExperts(LoweringBuilder &B, Value Tensor, RankedTensorType Type,
                Value Count)
      : B(B), Tensor(Tensor), Type(Type), Count(Count) {
    B.faultIfAny(
        B.sizes(Type), Fault::IndexOutOfRange, [&](ValueRange At) -> Value {
          return arith::XOrIOp::create(B, at(At).InRange, B.truth(true));
        });
  }
  LoweringBuilder::Position at(ValueRange At) {
    return B.position(B.get(Tensor, At), Type.getElementType(), Count);
  }

private:
  LoweringBuilder &B;
  Value Tensor;
  RankedTensorType Type;
  Value Count;
};

/// `dure.moe` by its formula: token by token, one expert after another, one
/// hidden unit after another, added to a block of the row.
class Experts {
public:
  Experts(MoEOp Op, MoEOp::Adaptor Operands, LoweringBuilder &B)
      : Op(Op), Operands(Operands), B(B),
        Type(cast<RankedTensorType>(Op.getType())),
        Up(cast<RankedTensorType>(Op.getWUp().getType())),
        Element(Type.getElementType()),
        Compute(ScalarMath::computeType(Element)),
        Chosen(B, Operands.getExperts(),
               cast<RankedTensorType>(Op.getExperts().getType()),
               B.dim(Up, 0)) {}

  Value lower();

private:
  Value number(Value Tensor, ValueRange At) {
    return B.math().convert(B.get(Tensor, At), Element, Compute);
  }
  /// x[t] w[e] + bias[e], number `I`.
  Value linear(Value Token, Value Expert, Value I, Value W, Value Bias);
  Value hidden(Value Token, Value Expert, Value I);
  Value addExpert(Value Token, Value Slot, Value Sums,
                  LoweringBuilder::Block Block);

  MoEOp Op;
  MoEOp::Adaptor Operands;
  LoweringBuilder &B;
  RankedTensorType Type, Up;
  mlir::Type Element, Compute;
  ChosenExperts Chosen;
};
} // namespace

Value Experts::linear(Value Token, Value Expert, Value I, Value W, Value Bias) {
  Value Sum = dot(
      B, Element, B.dim(Up, 1),
      [&](Value K) {
        return B.get(Operands.getX(), {Token, K});
      },
      [&](Value K) {
        return B.get(W, {Expert, K, I});
      });
  return Bias ? B.addF(Sum, number(Bias, {Expert, I})) : Sum;
}

Value Experts::hidden(Value Token, Value Expert, Value I) {
  Value U = linear(Token, Expert, I, Operands.getWUp(), Operands.getBUp());
  Value G = U;
  if (Operands.getWGate())
    G = linear(Token, Expert, I, Operands.getWGate(), Operands.getBGate());
  double Limit = Op.getLimit().convertToFloat();
  auto AtMost = [&](Value X) -> Value {
    return arith::MinimumFOp::create(B, X, B.number(Compute, Limit));
  };
  if (Limit > 0) {
    G = AtMost(G);
    U = B.maxF(AtMost(U), B.number(Compute, -Limit));
  }
  double Alpha = Op.getAlpha().convertToFloat();
  Value H =
      Alpha == 1
          ? activate(B, Op.getActivation(), G)
          : B.mulF(G, B.math().sigmoid(B.mulF(G, B.number(Compute, Alpha))));
  if (!Operands.getWGate())
    return H;
  if (double Offset = Op.getOffset().convertToFloat())
    U = B.addF(U, B.number(Compute, Offset));
  return B.mulF(H, U);
}

/// Adds what the token's expert number `Slot` gives.
Value Experts::addExpert(Value Token, Value Slot, Value Sums,
                         LoweringBuilder::Block Block) {
  auto Weights = cast<RankedTensorType>(Op.getWeights().getType());
  auto Expert = Chosen.at({Token, Slot});
  auto AddRow = [&](Value Factor, Value Into, function_ref<Value(Value)> Row) {
    return B.fold(Block.Size, Into, [&](ValueRange J, Value Out) {
      Value Number = B.mulF(Factor, Row(B.add(Block.Begin, J[0])));
      return B.set(B.addF(B.get(Out, J), Number), Out, J);
    });
  };
  auto Add = [&]() -> Value {
    Value Weight = B.math().convert(
        B.getComputed(Operands.getWeights(), Weights, {Token, Slot}),
        ScalarMath::computeType(Weights.getElementType()), Compute);
    Value Out =
        B.fold(B.dim(Up, 2), Sums, [&](ValueRange I, Value Into) -> Value {
          Value Unit = B.mulF(Weight, hidden(Token, Expert.At, I[0]));
          return AddRow(Unit, Into, [&](Value N) {
            return number(Operands.getWDown(), {Expert.At, I[0], N});
          });
        });
    if (Value Bias = Operands.getBDown())
      Out = AddRow(Weight, Out, [&](Value N) {
        return number(Bias, {Expert.At, N});
      });
    return Out;
  };
  return B.ifElse(Expert.InRange, Add, [&] { return Sums; });
}

Value Experts::lower() {
  Value Slots = B.dim(cast<RankedTensorType>(Op.getExperts().getType()), 1);
  return B.fold(
      B.dim(Type, 0), B.empty(Type), [&](ValueRange Token, Value Result) {
        return B.blocks(
            B.dim(Type, 1), Type.getDimSize(1), Compute, Result,
            [&](Value Acc, LoweringBuilder::Block Block) {
              return B.fold(Slots, Acc, [&](ValueRange Slot, Value Sums) {
                return addExpert(Token[0], Slot[0], Sums, Block);
              });
            },
            [&](Value Sum, Value At, Value Out) {
              return B.set(B.rounded(Sum, Element), Out, {Token[0], At});
            });
      });
}

static Value lowerMoE(MoEOp Op, MoEOp::Adaptor Operands, LoweringBuilder &B) {
  return Experts(Op, Operands, B).lower();
}

/// result[t, s, n] = sum over k of x[t, s, k] * w[experts[t, s], k, n]
static Value lowerExpertMatMul(ExpertMatMulOp Op,
                               ExpertMatMulOp::Adaptor Operands,
                               LoweringBuilder &B) {
  auto X = cast<RankedTensorType>(Op.getX().getType());
  auto W = cast<RankedTensorType>(Op.getW().getType());
  mlir::Type Element = X.getElementType();
  auto Experts = cast<RankedTensorType>(Op.getExperts().getType());
  ChosenExperts Chosen(B, Operands.getExperts(), Experts, B.dim(W, 0));
  bool IsOne = !Experts.isDynamicDim(1) && Experts.getDimSize(1) == 1;
  return B.generate(
      cast<RankedTensorType>(Op.getType()), [&](ValueRange At) -> Value {
        auto Expert = Chosen.at({At[0], IsOne ? B.index(0) : At[1]});
        Value Count = B.select(Expert.InRange, B.dim(W, 1), B.index(0));
        Value Sum = dot(
            B, Element, Count,
            [&](Value K) {
              Values Place(At.take_front(X.getRank() - 1));
              Place.push_back(K);
              return B.get(Operands.getX(), Place);
            },
            [&](Value K) {
              return B.get(Operands.getW(), {Expert.At, K, At.back()});
            });
        return B.math().convert(Sum, sumType(B, Element), Element);
      });
}

void dure::addMatMulLowerings(LoweringPatterns &Patterns) {
  Patterns.add<MatMulOp>(lowerMatMul);
  Patterns.add<GatedMLPOp>(lowerGatedMLP);
  Patterns.add<MoEOp>(lowerMoE);
  Patterns.add<ExpertMatMulOp>(lowerExpertMatMul);
}
