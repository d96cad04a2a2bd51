// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Activations of feed-forward layers as ops, and back.
#include "compiler/passes/raise/Activations.h"

#include "compiler/passes/support/Evaluate.h"

using namespace mlir;
using namespace dure;

std::optional<std::pair<GluActivation, Value>> dure::matchActivation(Value V) {
  if (auto Silu = V.getDefiningOp<SiluOp>())
    return std::pair(GluActivation::Silu, Silu.getX());
  if (auto Gelu = V.getDefiningOp<GeluOp>())
    return std::pair(Gelu.getForm() == GeluForm::Erf ? GluActivation::GeluErf
                                                     : GluActivation::GeluTanh,
                     Gelu.getX());
  if (auto Relu = V.getDefiningOp<ReluOp>())
    return std::pair(GluActivation::Relu, Relu.getX());
  if (auto Sigmoid = V.getDefiningOp<SigmoidOp>())
    return std::pair(GluActivation::Sigmoid, Sigmoid.getX());
  return std::nullopt;
}

Value dure::buildActivation(OpBuilder &Builder, Location Loc,
                            GluActivation Kind, Value X) {
  Type Result = X.getType();
  switch (Kind) {
  case GluActivation::Silu:
    return SiluOp::create(Builder, Loc, Result, X);
  case GluActivation::GeluErf:
    return GeluOp::create(Builder, Loc, Result, X, GeluForm::Erf);
  case GluActivation::GeluTanh:
    return GeluOp::create(Builder, Loc, Result, X, GeluForm::Tanh);
  case GluActivation::Relu:
    return ReluOp::create(Builder, Loc, Result, X);
  case GluActivation::Sigmoid:
    return SigmoidOp::create(Builder, Loc, Result, X);
  case GluActivation::Identity:
    return X;
  }
  llvm_unreachable("the enum is closed");
}

Value dure::buildHidden(OpBuilder &Builder, MoEOp Moe, Value Gate, Value Up) {
  Location Loc = Moe.getLoc();
  Type Type = Up.getType();
  auto Number = [&](float Number) -> Value {
    auto Scalar = RankedTensorType::get({}, Builder.getF32Type());
    auto Value = DenseElementsAttr::get(Scalar, Number);
    return ConstantOp::create(
        Builder, Loc,
        convertConstant(Value, cast<FloatType>(getElementTypeOrSelf(Type))));
  };
  bool HasGate = static_cast<bool>(Moe.getWGate());
  if (!HasGate)
    Gate = Up;
  if (float Limit = Moe.getLimit().convertToFloat()) {
    Value Most = Number(Limit), Least = Number(-Limit);
    Gate = MinOp::create(Builder, Loc, Type, Gate, Most);
    Up = MinOp::create(Builder, Loc, Type, Up, Most);
    Up = MaxOp::create(Builder, Loc, Type, Up, Least);
  }
  float Alpha = Moe.getAlpha().convertToFloat();
  Value Hidden;
  if (Alpha == 1) {
    Hidden = buildActivation(Builder, Loc, Moe.getActivation(), Gate);
  } else {
    Hidden = MulOp::create(Builder, Loc, Type, Gate, Number(Alpha));
    Hidden = SigmoidOp::create(Builder, Loc, Type, Hidden);
    Hidden = MulOp::create(Builder, Loc, Type, Gate, Hidden);
  }
  if (!HasGate)
    return Hidden;
  if (float Offset = Moe.getOffset().convertToFloat())
    Up = AddOp::create(Builder, Loc, Type, Up, Number(Offset));
  return MulOp::create(Builder, Loc, Type, Hidden, Up);
}
