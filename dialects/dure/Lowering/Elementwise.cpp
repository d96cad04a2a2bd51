// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical lowering of the elementwise family: one linalg.generic whose maps
// broadcast and whose body is dure::buildElementwise.
#include "dialects/dure/Lowering/LoweringBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace dure;

/// From the result's index to an operand's: aligned at the last dimension,
/// index 0 along dimensions of size 1.
static AffineMap broadcastMap(RankedTensorType Operand, unsigned ResultRank,
                              MLIRContext *Context) {
  unsigned Skipped = ResultRank - Operand.getRank();
  SmallVector<AffineExpr> Indices;
  for (auto [I, Size] : llvm::enumerate(Operand.getShape()))
    Indices.push_back(Size == 1 ? getAffineConstantExpr(0, Context)
                                : getAffineDimExpr(Skipped + I, Context));
  return AffineMap::get(ResultRank, 0, Indices, Context);
}

/// Whether an operand is a constant without a zero.
static bool isNonZeroConstant(Value Tensor) {
  DenseElementsAttr Elements;
  return matchPattern(Tensor, m_Constant(&Elements)) &&
         llvm::none_of(Elements.getValues<APInt>(),
                       [](const APInt &Value) { return Value.isZero(); });
}

/// buildElementwise makes integer division by zero harmless; here it is said.
static void checkDivisor(Operation *Op, ValueRange Operands,
                         LoweringBuilder &B) {
  if (!isa<DivOp, ModOp>(Op))
    return;
  auto Type = cast<RankedTensorType>(Op->getOperand(1).getType());
  if (!isa<IntegerType>(Type.getElementType()) ||
      isNonZeroConstant(Op->getOperand(1)))
    return;
  B.faultIfAny(B.sizes(Type), Fault::DivisionByZero, [&](ValueRange At) {
    Value Divisor = B.get(Operands[1], At);
    return B.compare(arith::CmpIPredicate::eq, Divisor,
                     B.zero(Divisor.getType()));
  });
}

/// Numbers from packed ones.
static Value lowerUnpackingCast(CastOp Op, Value Bytes, LoweringBuilder &B) {
  auto From = cast<RankedTensorType>(Op.getX().getType());
  return B.generate(cast<RankedTensorType>(Op.getType()), [&](ValueRange At) {
    return buildElementwise(Op, B, B.getLoc(), B.getBroadcast(Bytes, From, At));
  });
}

/// Two numbers a byte; behind the last one of an odd number are zeros.
static Value lowerPackingCast(CastOp Op, Value X, LoweringBuilder &B) {
  auto Type = cast<RankedTensorType>(Op.getType());
  auto From = cast<RankedTensorType>(Op.getX().getType());
  Value Count = B.dim(elementCount(Type));
  return B.generate(storageOf(Type), [&](ValueRange Byte) {
    auto Half = [&](int64_t I) {
      Value Place = B.add(B.mul(Byte[0], B.index(2)), B.index(I));
      return B.ifElse(
          B.less(Place, Count),
          [&] {
            Values At(Type.getRank());
            Value Rest = Place;
            for (int64_t D = Type.getRank(); D-- > 0;) {
              Value Size = B.dim(Type, D), Outer = B.divSafely(Rest, Size);
              At[D] = B.sub(Rest, B.mul(Outer, Size));
              Rest = Outer;
            }
            Value Number = buildElementwise(Op, B, B.getLoc(),
                                            B.getBroadcast(X, From, At));
            return arith::ExtUIOp::create(B, B.getI8Type(), Number).getResult();
          },
          [&] { return B.zero(B.getI8Type()); });
    };
    Value Low = Half(0);
    Value Four = arith::ConstantOp::create(B, B.getI8IntegerAttr(4));
    Value High = arith::ShLIOp::create(B, Half(1), Four);
    return arith::OrIOp::create(B, Low, High).getResult();
  });
}

namespace {

class LowerElementwise : public ConversionPattern {
public:
  LowerElementwise(const TypeConverter &Converter, MLIRContext *Context,
                   LoweringScope &Scope)
      : ConversionPattern(Converter, MatchAnyOpTypeTag(), /*benefit=*/1,
                          Context),
        Scope(Scope) {}

  LogicalResult
  matchAndRewrite(Operation *Op, ArrayRef<Value> Operands,
                  ConversionPatternRewriter &Rewriter) const override {
    if (!isElementwise(Op))
      return failure();
    LoweringBuilder B(Rewriter, Op, Scope);
    if (auto Cast = dyn_cast<CastOp>(Op)) {
      Value Lowered;
      if (isPacked(cast<RankedTensorType>(Cast.getType())))
        Lowered = lowerPackingCast(Cast, Operands[0], B);
      else if (isPacked(cast<RankedTensorType>(Cast.getX().getType())))
        Lowered = lowerUnpackingCast(Cast, Operands[0], B);
      if (Lowered) {
        Rewriter.replaceOp(Op, Lowered);
        return success();
      }
    }
    checkDivisor(Op, Operands, B);

    auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
    SmallVector<AffineMap> Maps;
    for (Value Operand : Op->getOperands())
      Maps.push_back(broadcastMap(cast<RankedTensorType>(Operand.getType()),
                                  Type.getRank(), Op->getContext()));
    Maps.push_back(B.getMultiDimIdentityMap(Type.getRank()));
    SmallVector<utils::IteratorType> Parallel(Type.getRank(),
                                              utils::IteratorType::parallel);
    Value Init = B.empty(Type);
    auto Generic = linalg::GenericOp::create(
        B, TypeRange(Init.getType()), Operands, ValueRange(Init), Maps,
        Parallel, [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
          Value Result = buildElementwise(Op, Inner, Loc,
                                          Args.take_front(Operands.size()));
          linalg::YieldOp::create(Inner, Loc, Result);
        });
    Rewriter.replaceOp(Op, Generic.getResults());
    return success();
  }

private:
  LoweringScope &Scope;
};

} // namespace

void dure::addElementwiseLowering(LoweringPatterns &Patterns) {
  Patterns.Patterns.add<LowerElementwise>(
      Patterns.Converter, Patterns.Patterns.getContext(), Patterns.Scope);
}
