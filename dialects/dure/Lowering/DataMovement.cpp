// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowerings of reshape, broadcast, transpose, slice, concat, pad and
// of dequantize, which reads like one of them.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace dure;

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// All dimensions in one group.
static SmallVector<ReassociationIndices> oneGroup(int64_t Rank) {
  ReassociationIndices All;
  for (int64_t I = 0; I < Rank; ++I)
    All.push_back(I);
  return {All};
}

static Value castTo(LoweringBuilder &B, Value Tensor, ArrayRef<int64_t> Shape) {
  auto Type = cast<RankedTensorType>(Tensor.getType()).clone(Shape);
  if (Type == Tensor.getType())
    return Tensor;
  return tensor::CastOp::create(B, Type, Tensor);
}

/// By way of one dimension: row-major order is what both shapes share. Nothing
/// is moved.
static Value lowerReshape(ReshapeOp Op, ReshapeOp::Adaptor Operands,
                          LoweringBuilder &B) {
  Value X = Operands.getX();
  auto From = cast<RankedTensorType>(X.getType());
  auto Type = cast<RankedTensorType>(Op.getType());
  RankedTensorType To = From.clone(Type.getShape());
  if (From == To)
    return X;
  if (To.getRank() == 0)
    return tensor::CollapseShapeOp::create(
        B, To, castTo(B, X, SmallVector<int64_t>(From.getRank(), 1)),
        ArrayRef<ReassociationIndices>());
  if (From.getRank() == 0) {
    SmallVector<int64_t> Ones(To.getRank(), 1);
    Value Expanded = tensor::ExpandShapeOp::create(
        B, From.clone(Ones), X, ArrayRef<ReassociationIndices>());
    return castTo(B, Expanded, To.getShape());
  }
  if (From.getRank() > 1)
    X = tensor::CollapseShapeOp::create(B, X, oneGroup(From.getRank()));
  // The one dimension is static where the result's shape is.
  int64_t Count =
      To.hasStaticShape() ? To.getNumElements() : ShapedType::kDynamic;
  X = castTo(B, X, {Count});
  if (To.getRank() == 1)
    return X;
  SmallVector<OpFoldResult> Sizes;
  for (int64_t I = 0; I < Type.getRank(); ++I)
    Sizes.push_back(Type.isDynamicDim(I) ? OpFoldResult(B.dim(Type, I))
                                         : B.getIndexAttr(Type.getDimSize(I)));
  return tensor::ExpandShapeOp::create(B, To, X, oneGroup(To.getRank()), Sizes);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

static Value lowerBroadcast(BroadcastOp Op, BroadcastOp::Adaptor Operands,
                            LoweringBuilder &B) {
  return B.generate(cast<RankedTensorType>(Op.getType()), [&](ValueRange At) {
    return B.getBroadcast(Operands.getX(),
                          cast<RankedTensorType>(Op.getX().getType()), At);
  });
}

static Value lowerTranspose(TransposeOp Op, TransposeOp::Adaptor Operands,
                            LoweringBuilder &B) {
  return B.generate(cast<RankedTensorType>(Op.getType()), [&](ValueRange At) {
    Values From(At.size());
    for (auto [I, Source] : llvm::enumerate(Op.getPermutation()))
      From[Source] = At[I];
    return B.get(Operands.getX(), From);
  });
}

/// result[i] = x[starts + i * steps]
static Value lowerSlice(SliceOp Op, SliceOp::Adaptor Operands,
                        LoweringBuilder &B) {
  Values Starts;
  for (const DimExpr &Start : Op.getStarts().exprs())
    Starts.push_back(B.dim(Start));
  return B.generate(cast<RankedTensorType>(Op.getType()), [&](ValueRange At) {
    Values From;
    for (auto [I, Step] : llvm::enumerate(Op.getSteps()))
      From.push_back(B.add(Starts[I], B.mul(At[I], B.index(Step))));
    return B.get(Operands.getX(), From);
  });
}

/// Each operand into its part of the result.
static Value lowerConcat(ConcatOp Op, ConcatOp::Adaptor Operands,
                         LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  Value Result = B.empty(Type);
  SmallVector<OpFoldResult> Offsets(Type.getRank(), B.getIndexAttr(0));
  SmallVector<OpFoldResult> Strides(Type.getRank(), B.getIndexAttr(1));
  DimExpr Offset;
  for (auto [X, Lowered] : llvm::zip(Op.getXs(), Operands.getXs())) {
    auto XType = cast<RankedTensorType>(X.getType());
    Offsets[Op.getAxis()] =
        Offset.constant() ? OpFoldResult(B.getIndexAttr(*Offset.constant()))
                          : B.dim(Offset);
    SmallVector<OpFoldResult> Sizes;
    for (int64_t I = 0; I < Type.getRank(); ++I)
      Sizes.push_back(XType.isDynamicDim(I)
                          ? OpFoldResult(B.dim(XType, I))
                          : B.getIndexAttr(XType.getDimSize(I)));
    Result = tensor::InsertSliceOp::create(B, Lowered, Result, Offsets, Sizes,
                                           Strides);
    Offset = Offset + dimOf(XType, Op.getAxis());
  }
  return Result;
}

//===----------------------------------------------------------------------===//
// Padding
//===----------------------------------------------------------------------===//

/// Where element `At` of the padded dimension comes from, for the modes that
/// copy: the nearest edge; the mirror image without the edge itself (period
/// 2 (n - 1)); or around the end (period n).
static Value paddedFrom(LoweringBuilder &B, PadMode Mode, Value At,
                        Value Size) {
  Value Last = B.sub(Size, B.index(1)), Zero = B.index(0);
  if (Mode == PadMode::Edge)
    return B.max(B.min(At, Last), Zero);
  Value Period = Mode == PadMode::Wrap ? Size : B.mul(Last, B.index(2));
  Period = B.max(Period, B.index(1));
  Value Floor = B.createOrFold<arith::FloorDivSIOp>(At, Period);
  Value Rest = B.sub(At, B.mul(Floor, Period));
  if (Mode == PadMode::Wrap)
    return Rest;
  return B.min(Rest, B.sub(Period, Rest));
}

static Value lowerPad(PadOp Op, PadOp::Adaptor Operands, LoweringBuilder &B) {
  auto XType = cast<RankedTensorType>(Op.getX().getType());
  auto Type = cast<RankedTensorType>(Op.getType());
  Values Sizes = B.sizes(XType), Low;
  for (const DimExpr &Expr : Op.getLow().exprs())
    Low.push_back(B.dim(Expr));
  Value Fill = B.zero(signlessElement(Type.getElementType()));
  if (Value Given = Operands.getValue())
    Fill =
        B.get(Given, Values(cast<RankedTensorType>(Given.getType()).getRank(),
                            B.index(0)));
  return B.generate(Type, [&](ValueRange At) {
    Value InRange = B.truth(true);
    Values From;
    for (auto [I, Index] : llvm::enumerate(At)) {
      Value Source = B.sub(Index, Low[I]);
      if (Op.getMode() != PadMode::Constant)
        Source = paddedFrom(B, Op.getMode(), Source, Sizes[I]);
      // With a mode that copies, only an empty x fails this.
      InRange = B.both(
          InRange, B.compare(arith::CmpIPredicate::sge, Source, B.index(0)));
      InRange = B.both(InRange, B.less(Source, Sizes[I]));
      From.push_back(Source);
    }
    return B.ifElse(
        InRange, [&] { return B.get(Operands.getX(), From); },
        [&] { return Fill; });
  });
}

//===----------------------------------------------------------------------===//
// Dequantization
//===----------------------------------------------------------------------===//

/// (x - zero_point) * scale; integers are subtracted as i32.
static Value lowerDequantize(DequantizeOp Op, DequantizeOp::Adaptor Operands,
                             LoweringBuilder &B) {
  auto XType = cast<RankedTensorType>(Op.getX().getType());
  auto ScaleType = cast<RankedTensorType>(Op.getScale().getType());
  Type Element = XType.getElementType();
  Type Compute = ScalarMath::computeType(ScaleType.getElementType());
  Value Point = Op.getZeroPoint();
  bool IsInteger = isa<IntegerType>(Element) &&
                   (!Point || isa<IntegerType>(getElementTypeOrSelf(Point)));
  Type Difference = IsInteger ? Type(B.getI32Type()) : Compute;

  auto ParameterAt = [&](ValueRange At, RankedTensorType Type) -> Values {
    if (Type.getRank() == 0)
      return {};
    Value Along = At[Op.getAxis()];
    if (Op.getBlock() > 0)
      Along = B.div(Along, Op.getBlock());
    if (Type.getRank() == 1)
      return {Along};
    Values Blocked(At);
    Blocked[Op.getAxis()] = Along;
    return Blocked;
  };
  return B.generate(cast<RankedTensorType>(Op.getType()), [&](ValueRange At) {
    Value X = B.math().convert(B.getBroadcast(Operands.getX(), XType, At),
                               Element, Difference);
    if (Value Zero = Operands.getZeroPoint()) {
      auto ZeroType = cast<RankedTensorType>(Op.getZeroPoint().getType());
      Value Point = B.getBroadcast(Zero, ZeroType, ParameterAt(At, ZeroType));
      Point = B.math().convert(Point, ZeroType.getElementType(), Difference);
      X = IsInteger ? B.sub(X, Point) : B.subF(X, Point);
    }
    Value Scale = B.getComputed(Operands.getScale(), ScaleType,
                                ParameterAt(At, ScaleType));
    X = B.math().convert(X, Difference, Compute);
    return B.rounded(B.mulF(X, Scale), ScaleType.getElementType());
  });
}

void dure::addDataMovementLowerings(LoweringPatterns &Patterns) {
  Patterns.add<ReshapeOp>(lowerReshape);
  Patterns.add<BroadcastOp>(lowerBroadcast);
  Patterns.add<TransposeOp>(lowerTranspose);
  Patterns.add<SliceOp>(lowerSlice);
  Patterns.add<ConcatOp>(lowerConcat);
  Patterns.add<PadOp>(lowerPad);
  Patterns.add<DequantizeOp>(lowerDequantize);
}
