// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Activations of feed-forward layers as ops, and back.
#include "compiler/passes/raise/Activations.h"

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
