// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowering of linear_attention: the recurrence, token by token. The
// columns of the state do not depend on each other, so each is followed through
// all tokens in the rows of the result where its last value belongs.
#include "dialects/dure/Lowering/LoweringBuilder.h"

using namespace mlir;
using namespace dure;

static RankedTensorType typeOf(Value V) {
  return cast<RankedTensorType>(V.getType());
}

namespace {

/// One column e of the state of group g of batch row b.
class Column {
public:
  Column(LoweringBuilder &B, LinearAttentionOp Op,
         LinearAttentionOp::Adaptor Operands, ValueRange At)
      : B(B), Op(Op), Operands(Operands), Batch(At[0]), Group(At[1]), E(At[2]),
        Number(cast<RankedTensorType>(Op.getType()).getElementType()),
        Tokens(B.dim(typeOf(Op.getQ()), 2)), Depth(B.dim(typeOf(Op.getQ()), 3)),
        Heads(typeOf(Op.getQ()).getDimSize(1) /
              typeOf(Op.getK()).getDimSize(1)) {}

  /// The result with this column computed.
  Value run(Value Result) {
    Result = B.fold(Depth, Result, [&](ValueRange D, Value Out) {
      return setState(B.get(Operands.getState(), {Batch, Group, D[0], E}), Out,
                      D[0]);
    });
    return B.fold(Tokens, Result, [&](ValueRange T, Value Out) {
      return readHeads(T[0], update(T[0], decay(T[0], Out)));
    });
  }

private:
  Value stateRow(Value D) { return B.add(B.mul(B.index(Heads), Tokens), D); }
  Value state(Value Result, Value D) {
    return B.get(Result, {Batch, Group, stateRow(D), E});
  }
  Value setState(Value S, Value Result, Value D) {
    return B.set(S, Result, {Batch, Group, stateRow(D), E});
  }

  /// S[d] *= exp(decay[t, d])
  Value decay(Value T, Value Result) {
    if (!Op.getDecay())
      return Result;
    return B.fold(Depth, Result, [&](ValueRange D, Value Out) {
      Value Rate = B.getBroadcast(Operands.getDecay(), typeOf(Op.getDecay()),
                                  {Batch, Group, T, D[0]});
      return setState(B.mulF(state(Out, D[0]), B.math().exp(Rate)), Out, D[0]);
    });
  }

  Value key(Value T, Value D) {
    return B.get(Operands.getK(), {Batch, Group, T, D});
  }

  /// S[d] += k[t, d] u
  Value update(Value T, Value Result) {
    Value U = B.get(Operands.getV(), {Batch, Group, T, E});
    if (Op.getBeta()) {
      Value Found = B.fold(Depth, B.zero(Number), [&](ValueRange D, Value Sum) {
        return B.addF(Sum, B.mulF(state(Result, D[0]), key(T, D[0])));
      });
      Value Beta = B.getBroadcast(Operands.getBeta(), typeOf(Op.getBeta()),
                                  {Batch, Group, T, B.index(0)});
      U = B.mulF(Beta, B.subF(U, Found));
    }
    return B.fold(Depth, Result, [&](ValueRange D, Value Out) {
      Value Written = B.addF(state(Out, D[0]), B.mulF(key(T, D[0]), U));
      return setState(Written, Out, D[0]);
    });
  }

  /// o[t] = scale S^T q[t] of each query head of the group
  Value readHeads(Value T, Value Result) {
    Value Scale = B.number(Number, Op.getScale().convertToDouble());
    return B.fold(B.index(Heads), Result, [&](ValueRange R, Value Out) {
      Value Head = B.add(B.mul(Group, B.index(Heads)), R[0]);
      Value Sum = B.fold(Depth, B.zero(Number), [&](ValueRange D, Value Sum) {
        Value Q = B.get(Operands.getQ(), {Batch, Head, T, D[0]});
        return B.addF(Sum, B.mulF(state(Out, D[0]), Q));
      });
      return B.set(B.mulF(Scale, Sum), Out,
                   {Batch, Group, B.add(B.mul(R[0], Tokens), T), E});
    });
  }

  LoweringBuilder &B;
  LinearAttentionOp Op;
  LinearAttentionOp::Adaptor Operands;
  Value Batch, Group, E;
  Type Number;
  Value Tokens, Depth;
  int64_t Heads; ///< Query heads of a group.
};

} // namespace

static Value lowerLinearAttention(LinearAttentionOp Op,
                                  LinearAttentionOp::Adaptor Operands,
                                  LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  Value Counts[] = {B.dim(Type, 0), B.dim(Type, 1), B.dim(Type, 3)};
  return B.fold(Counts, B.empty(Type), [&](ValueRange At, Value Result) {
    return Column(B, Op, Operands, At).run(Result);
  });
}

void dure::addLinearAttentionLowering(LoweringPatterns &Patterns) {
  Patterns.add<LinearAttentionOp>(lowerLinearAttention);
}
