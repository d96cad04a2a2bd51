// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of layer_norm and rms_norm.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace dure;

namespace {

/// Rows of a normalization: dimensions before the axis choose a row, those
/// from it on an element.
class Rows {
public:
  Rows(LoweringBuilder &B, Value X, RankedTensorType Type, int64_t Axis)
      : B(B), X(X), Type(Type),
        Compute(ScalarMath::computeType(Type.getElementType())) {
    Outer = B.sizes(Type);
    Inner.assign(Outer.begin() + Axis, Outer.end());
    Outer.truncate(Axis);
    Value Elements = B.index(1);
    for (Value Size : Inner)
      Elements = B.mul(Elements, Size);
    Count = B.fromIndex(Elements, Compute);
  }

  /// An element of `Row` as it is computed with.
  Value get(ValueRange Row, ValueRange At) {
    return B.getComputed(X, Type, index(Row, At));
  }
  static Values index(ValueRange Row, ValueRange At) {
    Values Index(Row);
    llvm::append_range(Index, At);
    return Index;
  }
  /// The mean of `Of` over a row.
  Value mean(function_ref<Value(ValueRange)> Of) {
    Value Sum = B.fold(Inner, B.zero(Compute), [&](ValueRange At, Value S) {
      return B.addF(S, Of(At));
    });
    return B.divF(Sum, Count);
  }
  /// sqrt(V + Epsilon)
  Value root(Value V, const APFloat &Epsilon) {
    Value E = B.number(Compute, Epsilon.convertToFloat());
    return math::SqrtOp::create(B, B.addF(V, E));
  }
  /// An operand that broadcasts to x, as it is computed with.
  Value parameter(Value Tensor, Value Original, ValueRange Index) {
    auto ParameterType = cast<RankedTensorType>(Original.getType());
    return B.math().convert(
        B.getComputed(Tensor, ParameterType, Index),
        ScalarMath::computeType(ParameterType.getElementType()), Compute);
  }

  LoweringBuilder &B;
  Value X;
  RankedTensorType Type;
  mlir::Type Compute;
  Values Outer, Inner;
  Value Count;
};

} // namespace

/// (x - mean) / sqrt(variance + epsilon) * scale + bias
static Value lowerLayerNorm(LayerNormOp Op, LayerNormOp::Adaptor Operands,
                            LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  Rows R(B, Operands.getX(), Type, Op.getAxis());
  return B.fold(R.Outer, B.empty(Type), [&](ValueRange Row, Value Result) {
    Value Mean = R.mean([&](ValueRange At) { return R.get(Row, At); });
    Value Variance = R.mean([&](ValueRange At) {
      Value Centred = B.subF(R.get(Row, At), Mean);
      return B.mulF(Centred, Centred);
    });
    Value Root = R.root(Variance, Op.getEpsilon());
    return B.fold(R.Inner, Result, [&](ValueRange At, Value Out) {
      Values Index = Rows::index(Row, At);
      Value Y = B.divF(B.subF(R.get(Row, At), Mean), Root);
      Y = B.mulF(Y, R.parameter(Operands.getScale(), Op.getScale(), Index));
      if (Op.getBias())
        Y = B.addF(Y, R.parameter(Operands.getBias(), Op.getBias(), Index));
      return B.set(B.rounded(Y, Type.getElementType()), Out, Index);
    });
  });
}

/// x / sqrt(mean(x^2) + epsilon), rounded to x's type, * scale
static Value lowerRMSNorm(RMSNormOp Op, RMSNormOp::Adaptor Operands,
                          LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  mlir::Type Element = Type.getElementType();
  Rows R(B, Operands.getX(), Type, Op.getAxis());
  return B.fold(R.Outer, B.empty(Type), [&](ValueRange Row, Value Result) {
    Value Square = R.mean([&](ValueRange At) {
      Value X = R.get(Row, At);
      return B.mulF(X, X);
    });
    Value Root = R.root(Square, Op.getEpsilon());
    return B.fold(R.Inner, Result, [&](ValueRange At, Value Out) {
      Values Index = Rows::index(Row, At);
      Value Y = B.rounded(B.divF(R.get(Row, At), Root), Element);
      Y = B.mulF(B.math().convert(Y, Element, R.Compute),
                 R.parameter(Operands.getScale(), Op.getScale(), Index));
      return B.set(B.rounded(Y, Element), Out, Index);
    });
  });
}

void dure::addNormalizationLowerings(LoweringPatterns &Patterns) {
  Patterns.add<LayerNormOp>(lowerLayerNorm);
  Patterns.add<RMSNormOp>(lowerRMSNorm);
}
