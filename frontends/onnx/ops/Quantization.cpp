// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers to small integers and back.

#include "frontends/onnx/ops/Products.h"

#include <numeric>

using namespace mlir;

namespace dure::onnx {

/// y = (x - zero point) * scale, per tensor, per axis or per block
static LogicalResult importDequantize(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1);
  int64_t Given = C.intAttr("axis", 1), Block = C.intAttr("block_size", 0);
  int64_t Output = C.intAttr("output_dtype", 0);
  if (!X || !Scale)
    return failure();
  if (rankOf(Scale) == 1 && countOf(dimsOf(typeOf(Scale))).isConstant(1))
    Scale = C.reshape(Scale, {});
  int64_t Axis = 0;
  if (rankOf(Scale) > 0) {
    std::optional<int64_t> Found = C.axis(Given, rankOf(X));
    if (!Found)
      return failure();
    Axis = *Found;
  }
  if (Block < 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"block_size", "must not be negative"});
  SmallVector<Value> Operands = {X, Scale};
  if (C.has(2)) {
    Value Zero = C.in(2);
    if (Zero && rankOf(Scale) == 0)
      Zero = C.reshape(Zero, {});
    Operands.push_back(Zero);
  }
  Value Y = C.create<DequantizeOp>(
      Operands, {C.named("axis", Axis), C.named("block", Block)});
  Type Element = Output ? C.element(Output) : elementOf(Scale);
  if (!Element)
    return failure();
  return C.result(C.cast(Y, Element));
}

Value alongAxis(OpImport &C, Value Parameter, int64_t Rank, int64_t Axis) {
  if (!Parameter)
    return {};
  if (countOf(dimsOf(typeOf(Parameter))).isConstant(1))
    return C.reshape(Parameter, {});
  if (rankOf(Parameter) != 1 || Axis >= Rank)
    return Parameter;
  Dims Shape(Rank, DimExpr(1));
  Shape[Axis] = dimOf(typeOf(Parameter), 0);
  return C.reshape(Parameter, Shape);
}

/// True when `Parameter` broadcasts to the shape of X without growing it; notes
/// the sizes that must be equal for that.
static bool fitsInto(OpImport &C, Value Parameter, Value X) {
  if (!Parameter || !X)
    return false;
  Dims Have = dimsOf(typeOf(Parameter)), Want = dimsOf(typeOf(X));
  if (Have.size() > Want.size()) {
    C.refuse(RefusalCode::ShapeRank,
             {"a scale or zero point has more dimensions than its tensor"});
    return false;
  }
  for (size_t I = 0; I < Have.size(); ++I)
    if (!Have[I].isConstant(1) &&
        !C.equal(Have[I], Want[Want.size() - Have.size() + I]))
      return false;
  return true;
}

Value centered(OpImport &C, unsigned X, unsigned Zero, int64_t Axis) {
  Type I32 = C.builder().getI32Type();
  Value Wide = C.in(X);
  if (!Wide)
    return {};
  if (!isa<IntegerType>(elementOf(Wide)) ||
      elementOf(Wide).getIntOrFloatBitWidth() > 8)
    return C.refuse(RefusalCode::OperandsBad,
                    {"quantized numbers must be integers of 8 bits"});
  Wide = C.cast(Wide, I32);
  if (!C.has(Zero))
    return Wide;
  Value Point = alongAxis(C, C.cast(C.in(Zero), I32), rankOf(Wide), Axis);
  if (!fitsInto(C, Point, Wide))
    return {};
  return C.create<SubOp>({Wide, Point});
}

/// round(x) + zero point, saturated to the type of that.
static Value roundedTo(OpImport &C, Value X, Value Zero, Type Element) {
  // Sums beyond 16 bits would lose digits in a narrower float.
  Type F32 = C.builder().getF32Type();
  Value Y = C.create<RoundOp>({X});
  if (X && elementOf(X).getIntOrFloatBitWidth() < 32)
    Y = C.cast(Y, F32);
  if (Y && Zero)
    Y = C.create<AddOp>({Y, C.cast(Zero, elementOf(Y))});
  // A cast of floats to integers saturates.
  return C.cast(Y, Element);
}

Value requantized(OpImport &C, Value Sum, Value Factor, unsigned Zero) {
  Value Point = alongAxis(C, C.in(Zero), 0, 0);
  if (!Sum || !Point || !fitsInto(C, Factor, Sum) || !fitsInto(C, Point, Sum))
    return {};
  Value Y = C.create<MulOp>({C.cast(Sum, C.builder().getF32Type()), Factor});
  return roundedTo(C, Y, Point, elementOf(Point));
}

/// The scale or zero point of every element of x, given per tensor, per place
/// of an axis, or per block along it.
static Value spreadOver(OpImport &C, Value Parameter, Value X, int64_t Axis,
                        int64_t Block) {
  if (!Parameter)
    return {};
  if (Block == 0 || rankOf(Parameter) == 0)
    return alongAxis(C, Parameter, rankOf(X), Axis);
  if (rankOf(Parameter) != rankOf(X))
    return C.refuse(RefusalCode::ShapeRank,
                    {"scales of blocks must have the rank of x"});
  DimExpr Size = dimOf(typeOf(X), Axis);
  if (!C.equal(dimOf(typeOf(Parameter), Axis),
               DimExpr::ceilDiv(Size, DimExpr(Block))))
    return {};
  Value Which = C.create<DivOp>({C.iota({Size}, 0), C.integers({Block}, true)});
  return C.create<GatherOp>({Parameter, Which}, {C.named("axis", Axis)});
}

/// y = saturate(round(x / scale) + zero point)
static LogicalResult importQuantize(OpImport &C) {
  Value X = C.in(0), Scale = C.in(1), Zero = C.has(2) ? C.in(2) : Value();
  int64_t Given = C.intAttr("axis", 1), Block = C.intAttr("block_size", 0);
  int64_t Output = C.intAttr("output_dtype", 0);
  int64_t Precision = C.intAttr("precision", 0);
  bool Saturate = C.boolAttr("saturate", true);
  if (!X || !Scale || (C.has(2) && !Zero))
    return failure();
  if (Block < 0)
    return C.refuse(RefusalCode::AttributeBad,
                    {"block_size", "must not be negative"});
  int64_t Axis = 0;
  if (rankOf(Scale) > 0 && rankOf(X) > 0) {
    std::optional<int64_t> Found = C.axis(Given, rankOf(X));
    if (!Found)
      return failure();
    Axis = *Found;
  }
  Type Element = Zero     ? elementOf(Zero)
                 : Output ? C.element(Output)
                          : Type(C.builder().getIntegerType(8, false));
  Type Divide = Precision ? C.element(Precision) : elementOf(Scale);
  if (!Element || !Divide)
    return failure();
  if (Output && Zero && C.element(Output) != Element)
    return C.refuse(RefusalCode::AttributeBad,
                    {"output_dtype", "is not the type of the zero point"});
  if (!isa<FloatType>(elementOf(Scale)) || !isa<FloatType>(Divide))
    return C.refuse(RefusalCode::OperandsBad, {"the scale must be a float"});
  Scale = spreadOver(C, Scale, X, Axis, Block);
  if (!fitsInto(C, Scale, X))
    return failure();
  if (Zero) {
    Zero = spreadOver(C, Zero, X, Axis, Block);
    if (!fitsInto(C, Zero, X))
      return failure();
  }
  Value Y = C.create<DivOp>({C.cast(X, Divide), C.cast(Scale, Divide)});
  if (isa<FloatType>(Element)) // Its zero point is 0.
    return C.result(C.create<CastOp>(
        {Y}, {C.named("to", Element), C.named("saturate", Saturate)}));
  return C.result(roundedTo(C, Y, Zero, Element));
}

Quantized dynamicallyQuantized(OpImport &C, Value X) {
  if (!X)
    return {};
  if (!elementOf(X).isF32()) {
    C.refuse(RefusalCode::OperandsBad, {"x must be float32"});
    return {};
  }
  SmallVector<int64_t> All(rankOf(X));
  std::iota(All.begin(), All.end(), 0);
  Value Zero = C.scalarLike(X, 0);
  auto Extreme = [&](ReduceKind Kind) { return C.reduce(X, Kind, All, false); };
  Value Low = C.create<MinOp>({Extreme(ReduceKind::Min), Zero});
  Value High = C.create<MaxOp>({Extreme(ReduceKind::Max), Zero});
  Value Scale =
      C.create<DivOp>({C.create<SubOp>({High, Low}), C.scalarLike(X, 255)});
  // All zeros, which any scale tells.
  Value IsZero = C.compare(Scale, Zero, ComparePredicate::EQ);
  Scale = C.create<SelectOp>({IsZero, C.scalarLike(X, 1), Scale});
  Type U8 = C.builder().getIntegerType(8, false);
  Value Point = roundedTo(
      C, C.create<DivOp>({C.create<SubOp>({Zero, Low}), Scale}), {}, U8);
  Value Y = roundedTo(C, C.create<DivOp>({X, Scale}), Point, U8);
  return {Y, Scale, Point};
}

/// y = x in 8 bits, with the scale and zero point that its range gives
static LogicalResult importDynamicQuantize(OpImport &C) {
  Quantized Q = dynamicallyQuantized(C, C.in(0));
  if (failed(C.result(1, Q.Scale)) || failed(C.result(2, Q.Zero)))
    return failure();
  return C.result(Q.Numbers);
}

ArrayRef<OpEntry> quantizationOps() {
  static const OpEntry Table[] = {
      {"DequantizeLinear",
       {10, 13, 19, 21, 23, 24, 25, 28},
       2,
       3,
       importDequantize},
      {"DynamicQuantizeLinear", {11}, 1, 1, importDynamicQuantize},
      {"QuantizeLinear",
       {10, 13, 19, 21, 23, 24, 25, 28},
       2,
       3,
       importQuantize},
  };
  return Table;
}

} // namespace dure::onnx
