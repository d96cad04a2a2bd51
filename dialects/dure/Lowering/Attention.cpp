// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of attention and rope.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace dure;

static constexpr double Infinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Rope
//===----------------------------------------------------------------------===//

/// (a, b) becomes (a cos - b sin, b cos + a sin) for each pair of the first
/// `rotary_dim` elements of a row; the rest stays.
static Value lowerRope(RopeOp Op, RopeOp::Adaptor Operands,
                       LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  auto CosType = cast<RankedTensorType>(Op.getCos().getType());
  auto SinType = cast<RankedTensorType>(Op.getSin().getType());
  mlir::Type Element = Type.getElementType();
  mlir::Type Compute = ScalarMath::computeType(Element);
  int64_t Pairs = Op.getRotaryDim() / 2;
  bool IsHalf = Op.getLayout() == RopeLayout::Half;

  auto Rotate = [&](ValueRange At) -> Value {
    Value Column = At.back();
    Value Pair = IsHalf ? B.rem(Column, Pairs) : B.div(Column, 2);
    Value IsFirst = IsHalf ? B.less(Column, B.index(Pairs))
                           : B.compare(arith::CmpIPredicate::eq,
                                       B.rem(Column, 2), B.index(0));
    Values Angle(At), First(At), Second(At);
    Angle.back() = Pair;
    First.back() = IsHalf ? Pair : B.mul(Pair, B.index(2));
    Second.back() = B.add(First.back(), B.index(IsHalf ? Pairs : 1));
    auto Table = [&](Value Tensor, RankedTensorType TableType) {
      mlir::Type From = ScalarMath::computeType(TableType.getElementType());
      return B.math().convert(B.getComputed(Tensor, TableType, Angle), From,
                              Compute);
    };
    Value Cos = Table(Operands.getCos(), CosType);
    Value Sin = Table(Operands.getSin(), SinType);
    Value X = B.getComputed(Operands.getX(), Type, First);
    Value Y = B.getComputed(Operands.getX(), Type, Second);
    Value NewFirst = B.subF(B.mulF(X, Cos), B.mulF(Y, Sin));
    Value NewSecond = B.addF(B.mulF(Y, Cos), B.mulF(X, Sin));
    return B.rounded(B.select(IsFirst, NewFirst, NewSecond), Element);
  };
  return B.generate(Type, [&](ValueRange At) {
    return B.ifElse(
        B.less(At.back(), B.index(Op.getRotaryDim())),
        [&] { return Rotate(At); }, [&] { return B.get(Operands.getX(), At); });
  });
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// Attention as its description numbers the steps, for one row of queries at a
/// time. Scores are computed anew in each of the three passes over the keys:
/// no temporary grows with their number.
class Attention {
public:
  Attention(AttentionOp Op, AttentionOp::Adaptor Operands, LoweringBuilder &B)
      : Op(Op), Operands(Operands), B(B),
        Q(cast<RankedTensorType>(Op.getQ().getType())),
        K(cast<RankedTensorType>(Op.getK().getType())),
        V(cast<RankedTensorType>(Op.getV().getType())),
        Type(cast<RankedTensorType>(Op.getType())),
        Element(Type.getElementType()),
        Compute(ScalarMath::computeType(Element)), Depth(B.dim(Q, 3)),
        Keys(B.dim(K, 2)), Shift(B.sub(Keys, B.dim(Q, 2))) {}

  Value lower();

private:
  /// The score of one key, and whether the query sees it at all.
  struct Score {
    Value Number, Seen;
  };
  Score score(ValueRange Row, Value Key);
  Value product(ValueRange Row, Value Key);
  Value group(Value Head) {
    return B.div(Head, Q.getDimSize(1) / K.getDimSize(1));
  }
  Value sink(ValueRange Row) {
    auto SinkType = cast<RankedTensorType>(Op.getSinks().getType());
    Value Number = B.getComputed(Operands.getSinks(), SinkType, Row[1]);
    return B.math().convert(
        Number, ScalarMath::computeType(SinkType.getElementType()), Compute);
  }
  Value row(ValueRange Row, Value Result);
  Value emptyRow(Value Sum);
  Value value(ValueRange Row, Value Key, Value Column) {
    return B.math().convert(
        B.get(Operands.getV(), {Row[0], group(Row[1]), Key, Column}), Element,
        Compute);
  }

  AttentionOp Op;
  AttentionOp::Adaptor Operands;
  LoweringBuilder &B;
  RankedTensorType Q, K, V, Type;
  mlir::Type Element, Compute;
  Value Depth, Keys;
  /// S - T: queries are aligned with the last keys.
  Value Shift;
};

} // namespace

/// scale * (q . k)
Value Attention::product(ValueRange Row, Value Key) {
  Value Sum = B.fold(Depth, B.zero(Compute), [&](ValueRange D, Value S) {
    Value X =
        B.math().convert(B.get(Operands.getQ(), {Row[0], Row[1], Row[2], D[0]}),
                         Element, Compute);
    Value Y = B.math().convert(
        B.get(Operands.getK(), {Row[0], group(Row[1]), Key, D[0]}), Element,
        Compute);
    return B.addF(S, B.mulF(X, Y));
  });
  return B.mulF(Sum, B.number(Compute, Op.getScale().convertToFloat()));
}

/// Steps 1 to 3. A key whose score is -inf is not seen either, nor is one to
/// which the mask adds -inf, whatever the score: NaN and -inf make NaN.
Attention::Score Attention::score(ValueRange Row, Value Key) {
  auto IsNotLowest = [&](Value X) -> Value {
    return arith::CmpFOp::create(B, arith::CmpFPredicate::UNE, X,
                                 B.number(Compute, -Infinity));
  };
  Value S = product(Row, Key);
  Value Seen = B.truth(true);
  double Cap = Op.getSoftcap().convertToFloat();
  if (Cap > 0) {
    Value C = B.number(Compute, Cap);
    S = B.mulF(C, B.math().tanh(B.divF(S, C)));
  }
  if (Value Mask = Operands.getMask()) {
    auto MaskType = cast<RankedTensorType>(Op.getMask().getType());
    mlir::Type MaskElement = MaskType.getElementType();
    Value M = B.getBroadcast(Mask, MaskType, {Row[0], Row[1], Row[2], Key});
    if (MaskElement.isInteger(1)) {
      Seen = B.both(Seen, M);
    } else {
      M = B.math().convert(M, MaskElement, Compute);
      Seen = B.both(Seen, IsNotLowest(M));
      S = B.addF(S, M);
    }
  }
  Value Own = B.add(Row[2], Shift);
  if (Op.getCausal())
    Seen = B.both(Seen, B.compare(arith::CmpIPredicate::sle, Key, Own));
  if (int64_t Window = Op.getWindow(); Window > 0)
    Seen = B.both(Seen, B.less(B.sub(Own, B.index(Window)), Key));
  return {S, B.both(Seen, IsNotLowest(S))};
}

/// What a row without a seen key gives; `Sum` is the sum of its column of v.
/// Without any keys at all that is 0.
Value Attention::emptyRow(Value Sum) {
  Value Zero = B.zero(Compute), HasKeys = B.less(B.index(0), Keys);
  switch (Op.getEmptyRow()) {
  case EmptyRow::Zero:
    return Zero;
  case EmptyRow::Mean:
    return B.divF(Sum, B.fromIndex(B.max(Keys, B.index(1)), Compute));
  case EmptyRow::NaN:
    return B.select(HasKeys,
                    B.number(Compute, std::numeric_limits<double>::quiet_NaN()),
                    Zero);
  }
  return Value();
}

/// Steps 4 and 5.
Value Attention::row(ValueRange Row, Value Result) {
  Value Lowest = B.number(Compute, -Infinity);
  Values Found = B.loops(
      Keys, {Lowest, B.truth(false)}, [&](ValueRange Key, ValueRange Carried) {
        Score S = score(Row, Key[0]);
        Value Larger = B.maxF(Carried[0], S.Number);
        return Values{B.select(S.Seen, Larger, Carried[0]),
                      arith::OrIOp::create(B, Carried[1], S.Seen)};
      });
  Value Max = Found[0], AnySeen = Found[1];
  if (Op.getSinks())
    Max = B.maxF(Max, sink(Row));

  auto Weight = [&](const Score &S) -> Value {
    Value E = B.math().exp(B.subF(S.Number, Max));
    return B.select(S.Seen, E, B.zero(Compute));
  };
  Value Sum = B.fold(Keys, B.zero(Compute), [&](ValueRange Key, Value Total) {
    return B.addF(Total, Weight(score(Row, Key[0])));
  });
  if (Op.getSinks())
    Sum = B.addF(Sum, B.math().exp(B.subF(sink(Row), Max)));

  // Values of keys that are not seen are not read: they may be anything. In a
  // row that sees none, their plain sum is collected for the mean.
  bool IsMean = Op.getEmptyRow() == EmptyRow::Mean;
  auto AddKey = [&](Value Key, Value Acc, LoweringBuilder::Block Block) {
    Score S = score(Row, Key);
    Value P = B.divF(Weight(S), Sum);
    if (IsMean) {
      P = B.select(AnySeen, P, B.number(Compute, 1));
      Value NoneSeen = B.select(AnySeen, B.truth(false), B.truth(true));
      S.Seen = arith::OrIOp::create(B, S.Seen, NoneSeen);
    }
    return B.ifElse(
        S.Seen,
        [&] {
          return B.fold(Block.Size, Acc, [&](ValueRange J, Value Sums) {
            Value Y = value(Row, Key, B.add(Block.Begin, J[0]));
            return B.set(B.addF(B.get(Sums, J), B.mulF(P, Y)), Sums, J);
          });
        },
        [&] { return Acc; });
  };
  return B.blocks(
      B.dim(V, 3), V.getDimSize(3), Compute, Result,
      [&](Value Acc, LoweringBuilder::Block Block) {
        return B.fold(Keys, Acc, [&](ValueRange Key, Value Sums) {
          return AddKey(Key[0], Sums, Block);
        });
      },
      [&](Value Total, Value Column, Value Out) {
        Value Y = B.select(AnySeen, Total, emptyRow(Total));
        Values At(Row);
        At.push_back(Column);
        return B.set(B.rounded(Y, Element), Out, At);
      });
}

Value Attention::lower() {
  Values Rows = B.sizes(Type);
  Rows.pop_back();
  return B.fold(Rows, B.empty(Type),
                [&](ValueRange Row, Value Result) { return row(Row, Result); });
}

static Value lowerAttention(AttentionOp Op, AttentionOp::Adaptor Operands,
                            LoweringBuilder &B) {
  return Attention(Op, Operands, B).lower();
}

void dure::addAttentionLowerings(LoweringPatterns &Patterns) {
  Patterns.add<RopeOp>(lowerRope);
  Patterns.add<AttentionOp>(lowerAttention);
}
