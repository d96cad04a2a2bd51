// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of values from nowhere: constant, dim_values, iota.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace dure;

/// The same bytes under another element type of the same width.
static DenseElementsAttr reinterpret(DenseElementsAttr Elements, Type Element) {
  auto Type = RankedTensorType::get(Elements.getType().getShape(), Element);
  return DenseElementsAttr::getFromRawBuffer(Type, Elements.getRawData());
}

/// The bytes of packed elements.
static DenseElementsAttr packed(DenseElementsAttr Elements,
                                LoweringBuilder &B) {
  SmallVector<int8_t> Bytes((Elements.getNumElements() + 1) / 2);
  for (auto [I, Each] : llvm::enumerate(Elements.getValues<APInt>()))
    Bytes[I / 2] |= static_cast<int8_t>(Each.getZExtValue() << (I % 2 * 4));
  auto Type = RankedTensorType::get({static_cast<int64_t>(Bytes.size())},
                                    B.getI8Type());
  return DenseElementsAttr::get(Type, ArrayRef<int8_t>(Bytes));
}

static Value lowerConstant(ConstantOp Op, ConstantOp::Adaptor,
                           LoweringBuilder &B) {
  auto Elements = dyn_cast<DenseElementsAttr>(Op.getValue());
  if (!Elements)
    return Value();
  auto Type = cast<RankedTensorType>(Op.getType());
  if (isPacked(Type))
    return arith::ConstantOp::create(B, packed(Elements, B));
  mlir::Type Element = signlessElement(Type.getElementType());
  bool IsFloat8 =
      isa<FloatType>(Element) && Element.getIntOrFloatBitWidth() == 8;
  // The bytes of fp8 constants are written as integers: LLVM has no such type.
  mlir::Type Stored = IsFloat8 ? B.getI8Type() : Element;
  if (Stored != Elements.getElementType())
    Elements = reinterpret(Elements, Stored);

  auto Typed = [&](Value Scalar) -> Value {
    return IsFloat8 ? arith::BitcastOp::create(B, Element, Scalar).getResult()
                    : Scalar;
  };
  if (Elements.isSplat()) {
    auto Number = cast<TypedAttr>(Elements.getSplatValue<Attribute>());
    Value Scalar = Typed(arith::ConstantOp::create(B, Number));
    return linalg::FillOp::create(B, ValueRange{Scalar},
                                  ValueRange{B.empty(Type)})
        .getResult(0);
  }
  Value Constant = arith::ConstantOp::create(B, Elements);
  if (!IsFloat8)
    return Constant;
  return B.generate(Type,
                    [&](ValueRange At) { return Typed(B.get(Constant, At)); });
}

static Value lowerDimValues(DimValuesOp Op, DimValuesOp::Adaptor,
                            LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  Value Result = B.empty(Type);
  for (auto [I, Expr] : llvm::enumerate(Op.getExprs().exprs())) {
    Value Number = B.fromIndex(B.dim(Expr), Type.getElementType());
    Values At;
    if (Type.getRank() == 1)
      At.push_back(B.index(I));
    Result = B.set(Number, Result, At);
  }
  return Result;
}

static Value lowerIota(IotaOp Op, IotaOp::Adaptor, LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  return B.generate(Type, [&](ValueRange At) {
    return B.fromIndex(At[Op.getAxis()], Type.getElementType());
  });
}

void dure::addSourceLowerings(LoweringPatterns &Patterns) {
  Patterns.add<ConstantOp>(lowerConstant);
  Patterns.add<DimValuesOp>(lowerDimValues);
  Patterns.add<IotaOp>(lowerIota);
}
