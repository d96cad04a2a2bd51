// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dequantize of a weight -> the arithmetic that it is.
#include "compiler/passes/simplify/WeightExpressions.h"
#include "compiler/passes/support/Evaluate.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

/// Real expressions are a handful of ops deep.
static constexpr unsigned MaxDepth = 16;

static bool isExpression(Value V, unsigned Depth, bool &ReadsWeight) {
  Operation *Op = V.getDefiningOp();
  if (!Op || Depth == 0)
    return false;
  if (isa<GetWeightOp>(Op)) {
    ReadsWeight = true;
    return true;
  }
  if (isa<ConstantOp>(Op))
    return true;
  if (!isa<CastOp, TransposeOp, ReshapeOp, SliceOp, MulOp, AddOp, SubOp>(Op) ||
      !typeOf(V).hasStaticShape())
    return false;
  return llvm::all_of(Op->getOperands(), [&](Value Operand) {
    return isExpression(Operand, Depth - 1, ReadsWeight);
  });
}

bool dure::isWeightExpression(Value V) {
  bool ReadsWeight = false;
  return isExpression(V, MaxDepth, ReadsWeight) && ReadsWeight;
}

bool dure::isStepOperand(Value V) {
  bool ReadsWeight = false;
  return isExpression(V, MaxDepth, ReadsWeight);
}

namespace {

struct DequantizeOfWeight : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DequantizeOp Op,
                                PatternRewriter &Rewriter) const override {
    Value X = Op.getX(), Zero = Op.getZeroPoint(), Scale = Op.getScale();
    // Blocks are no broadcast; recipes have a step of their own for them.
    if (Op.getBlock() > 0 || typeOf(Scale).getRank() > 1 ||
        (Zero && typeOf(Zero).getRank() > 1))
      return Rewriter.notifyMatchFailure(Op, "blocked");
    if (!isWeightExpression(X) || !isStepOperand(Scale) ||
        (Zero && !isStepOperand(Zero)))
      return Rewriter.notifyMatchFailure(Op, "no weight");
    // The op subtracts integers as i32; floats do that exactly when narrow.
    Type Element = typeOf(X).getElementType();
    if (Zero && Element.isInteger() && Element.getIntOrFloatBitWidth() > 16)
      return Rewriter.notifyMatchFailure(Op,
                                         "wide integers minus a zero point");

    // As the op does: narrow floats compute in f32.
    Type ScaleElement = typeOf(Scale).getElementType();
    Type Compute = ScaleElement.getIntOrFloatBitWidth() < 32
                       ? Type(Rewriter.getF32Type())
                       : ScaleElement;
    RankedTensorType Type = tensorOf(dimsOf(typeOf(X)), Compute);
    Location Loc = Op.getLoc();
    Value Out = cast(Rewriter, Loc, X, Compute);
    if (Zero)
      Out = SubOp::create(
          Rewriter, Loc, Type, Out,
          along(Rewriter, Op, cast(Rewriter, Loc, Zero, Compute)));
    Out =
        MulOp::create(Rewriter, Loc, Type, Out,
                      along(Rewriter, Op, cast(Rewriter, Loc, Scale, Compute)));
    Rewriter.replaceOp(Op, cast(Rewriter, Loc, Out, ScaleElement));
    return success();
  }

private:
  static Value cast(PatternRewriter &Rewriter, Location Loc, Value X,
                    Type Element) {
    if (typeOf(X).getElementType() == Element)
      return X;
    // At once: constants have been folded before.
    if (DenseElementsAttr Constant = constantOf(X))
      return ConstantOp::create(
          Rewriter, Loc,
          convertConstant(Constant, mlir::cast<FloatType>(Element)));
    return CastOp::create(Rewriter, Loc, tensorOf(dimsOf(typeOf(X)), Element),
                          X, TypeAttr::get(Element),
                          Rewriter.getBoolAttr(true));
  }

  /// A parameter of rank 1 such that it broadcasts along the op's axis.
  static Value along(PatternRewriter &Rewriter, DequantizeOp Op,
                     Value Parameter) {
    RankedTensorType Type = typeOf(Parameter);
    int64_t Behind = typeOf(Op.getX()).getRank() - 1 - Op.getAxis();
    if (Type.getRank() == 0 || Behind == 0)
      return Parameter;
    SmallVector<int64_t> Shape(Behind + 1, 1);
    Shape.front() = Type.getDimSize(0);
    return ReshapeOp::create(
        Rewriter, Op.getLoc(),
        RankedTensorType::get(Shape, Type.getElementType()), Parameter);
  }
};

} // namespace

void dure::populateDequantizeOfWeight(RewritePatternSet &Patterns) {
  Patterns.add<DequantizeOfWeight>(Patterns.getContext());
}
