// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic on positions of a sequence, as ops on i64.
#include "compiler/passes/specialize/PositionBuilder.h"

using namespace mlir;
using namespace dure;

void PositionBuilder::moveTo(Operation *Op) {
  B.setInsertionPoint(Op);
  Loc = Op->getLoc();
}

Value PositionBuilder::make(StringRef Name, ValueRange Operands,
                            ArrayRef<NamedAttribute> Attributes) {
  if (llvm::is_contained(Operands, Value()))
    return {};
  std::string Error;
  FailureOr<Operation *> Made =
      createInferredOp(B, Loc, Name, Operands, Attributes, &Error);
  Failed = Failed || failed(Made);
  return failed(Made) ? Value() : (*Made)->getResult(0);
}

Value PositionBuilder::compare(Value L, Value R, ComparePredicate Predicate) {
  return make<CompareOp>(
      {L, R}, B.getNamedAttr("predicate", ComparePredicateAttr::get(
                                              B.getContext(), Predicate)));
}

Value PositionBuilder::number(int64_t Value) {
  auto Type = RankedTensorType::get({}, B.getI64Type());
  return ConstantOp::create(B, Loc, DenseElementsAttr::get(Type, Value));
}

Value PositionBuilder::size(const DimExpr &Expr) {
  return DimValuesOp::create(B, Loc, RankedTensorType::get({}, B.getI64Type()),
                             DimsAttr::get(B.getContext(), {Expr}));
}

Value PositionBuilder::iota(ArrayRef<DimExpr> Dims, int64_t Axis) {
  return IotaOp::create(B, Loc, tensorOf(Dims, B.getI64Type()),
                        B.getI64IntegerAttr(Axis));
}

Value PositionBuilder::gather(Value X, Value Indices, int64_t Axis) {
  return make<GatherOp>({X, Indices},
                        B.getNamedAttr("axis", B.getI64IntegerAttr(Axis)));
}

Value PositionBuilder::masked(Value Mask, Value Visible) {
  if (!Mask)
    return Visible;
  Type Element = cast<RankedTensorType>(Mask.getType()).getElementType();
  if (Element.isInteger(1))
    return make<AndOp>({Mask, Visible});
  APFloat Low =
      APFloat::getInf(cast<FloatType>(Element).getFloatSemantics(), true);
  Value Hidden = ConstantOp::create(
      B, Loc, DenseElementsAttr::get(RankedTensorType::get({}, Element), Low));
  return make<SelectOp>({Visible, Mask, Hidden});
}
