// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The units of the vector engine, op by op.
#include "targets/rngd/machine/VectorUnits.h"

#include "targets/rngd/schema/program_generated.h"

using namespace dure::rngd;
using enum VectorStage;

std::optional<VectorUnit> dure::rngd::vectorUnitOf(uint8_t Op) {
  switch (static_cast<fb::VectorOp>(Op)) {
  case fb::VectorOp::IntI32ToF32:
    return VectorUnit{ToFloat, "FxpToFp", 0, VectorTypes::Int};
  case fb::VectorOp::F32ToI32:
    return VectorUnit{ToFixed, "FpToFxp", 0, VectorTypes::Float};
  case fb::VectorOp::NarrowSplit:
  case fb::VectorOp::NarrowTrim:
    return VectorUnit{Narrow, "Narrow", 0, VectorTypes::Any};
  case fb::VectorOp::WidenConcat:
  case fb::VectorOp::WidenPad:
    return VectorUnit{Widen, "Widen", 0, VectorTypes::Any};
  case fb::VectorOp::BitAnd:
    return VectorUnit{Logic, "LogicAnd", 1, VectorTypes::Any};
  case fb::VectorOp::BitOr:
    return VectorUnit{Logic, "LogicOr", 1, VectorTypes::Any};
  case fb::VectorOp::BitXor:
    return VectorUnit{Logic, "LogicXor", 1, VectorTypes::Any};
  case fb::VectorOp::ShiftLeft:
    return VectorUnit{Logic, "LogicLshift", 1, VectorTypes::Int};
  case fb::VectorOp::ShiftRightLogic:
  case fb::VectorOp::ShiftRightArith:
    return VectorUnit{Logic, "LogicRshift", 1, VectorTypes::Int};
  case fb::VectorOp::AddFxp:
  case fb::VectorOp::AddFxpSat:
  case fb::VectorOp::SubFxp:
  case fb::VectorOp::SubFxpSat:
    return VectorUnit{Fxp, "FxpAdd", 1, VectorTypes::Int};
  case fb::VectorOp::FxpShiftLeft:
  case fb::VectorOp::FxpShiftLeftSat:
    return VectorUnit{Fxp, "FxpLshift", 1, VectorTypes::Int};
  case fb::VectorOp::MulFxp:
  case fb::VectorOp::MulInt:
    return VectorUnit{Fxp, "FxpMul", 1, VectorTypes::Int};
  case fb::VectorOp::FxpShiftRightLogic:
  case fb::VectorOp::FxpShiftRightArith:
  case fb::VectorOp::FxpShiftRightRound:
    return VectorUnit{Fxp, "FxpRshift", 1, VectorTypes::Int};
  case fb::VectorOp::Exp:
  case fb::VectorOp::NegExp:
    return VectorUnit{Float, "FpExp", 0, VectorTypes::Float};
  case fb::VectorOp::Sqrt:
  case fb::VectorOp::Tanh:
  case fb::VectorOp::Sigmoid:
  case fb::VectorOp::Erf:
  case fb::VectorOp::Log:
  case fb::VectorOp::Sin:
  case fb::VectorOp::Cos:
    return VectorUnit{Float, "FpFpu", 0, VectorTypes::Float};
  case fb::VectorOp::DivFpu:
    return VectorUnit{Float, "FpFpu", 1, VectorTypes::Float};
  case fb::VectorOp::AddF:
  case fb::VectorOp::SubF:
  case fb::VectorOp::MulFma:
    return VectorUnit{Float, "FpFma", 1, VectorTypes::Float};
  case fb::VectorOp::Fma:
    return VectorUnit{Float, "FpFma", 2, VectorTypes::Float};
  case fb::VectorOp::Mul0:
    return VectorUnit{Float, "FpMul0", 1, VectorTypes::Float};
  case fb::VectorOp::Mul1:
    return VectorUnit{Float, "FpMul1", 1, VectorTypes::Float};
  case fb::VectorOp::Div:
    return VectorUnit{Divide, "FpDiv", 1, VectorTypes::Float};
  case fb::VectorOp::Min:
  case fb::VectorOp::AbsMin:
    return VectorUnit{Clip, "ClipMin", 1, VectorTypes::Any};
  case fb::VectorOp::Max:
  case fb::VectorOp::AbsMax:
    return VectorUnit{Clip, "ClipMax", 1, VectorTypes::Any};
  case fb::VectorOp::ClipAdd:
    return VectorUnit{Clip, "ClipAdd", 1, VectorTypes::Any};
  case fb::VectorOp::ClipAddSat:
    return VectorUnit{Clip, "ClipAdd", 1, VectorTypes::Int};
  case fb::VectorOp::Stash:
  case fb::VectorOp::Reinterpret:
  case fb::VectorOp::Filter:
    break;
  }
  return std::nullopt;
}
