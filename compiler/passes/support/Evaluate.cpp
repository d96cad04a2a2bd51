// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes elementwise ops on constants.
#include "compiler/passes/support/Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace dure {

static constexpr int64_t MaxElements = 64;
/// Of numbers that are all the same.
static constexpr int64_t MaxSplatElements = 1 << 18;

/// The attribute of one element, signless as scalar code wants it.
static TypedAttr elementOf(DenseElementsAttr Value, int64_t At) {
  Type Element = Value.getElementType();
  if (isa<FloatType>(Element))
    return FloatAttr::get(Element, Value.getValues<APFloat>()[At]);
  return IntegerAttr::get(signlessElement(Element),
                          Value.getValues<APInt>()[At]);
}

/// The position in an operand of the element that meets result index `Index`.
static int64_t broadcastIndex(ArrayRef<int64_t> Shape,
                              ArrayRef<int64_t> Index) {
  int64_t At = 0;
  size_t Extra = Index.size() - Shape.size();
  for (size_t D = 0; D < Shape.size(); ++D)
    At = At * Shape[D] + (Shape[D] == 1 ? 0 : Index[D + Extra]);
  return At;
}

/// Folds the ops of `Body` in order; null when `Result` is no constant then.
static Attribute foldBlock(Block &Body, Value Result) {
  llvm::DenseMap<Value, Attribute> Known;
  for (Operation &Op : Body) {
    if (Op.getNumResults() != 1 || Op.getNumRegions() != 0)
      return {};
    SmallVector<Attribute> Operands;
    for (Value Operand : Op.getOperands())
      Operands.push_back(Known.lookup(Operand));
    SmallVector<OpFoldResult> Folded;
    if (failed(Op.fold(Operands, Folded)) || Folded.size() != 1)
      continue;
    if (auto Constant = dyn_cast<Attribute>(Folded.front()))
      Known[Op.getResult(0)] = Constant;
    else
      Known[Op.getResult(0)] = Known.lookup(cast<Value>(Folded.front()));
  }
  return Known.lookup(Result);
}

/// Builds the scalar code for one element, and folds it away.
static Attribute evaluateElement(Operation *Op, ArrayRef<TypedAttr> Scalars) {
  Block Body;
  OpBuilder Builder(Op->getContext());
  Builder.setInsertionPointToStart(&Body);
  SmallVector<Value> Args;
  for (TypedAttr Scalar : Scalars)
    Args.push_back(arith::ConstantOp::create(Builder, Op->getLoc(), Scalar));
  Value Result = buildElementwise(Op, Builder, Op->getLoc(), Args);
  Attribute Out = Result ? foldBlock(Body, Result) : Attribute();
  // Uses before definitions: a block drops its ops back to front.
  while (!Body.empty())
    Body.back().erase();
  return Out;
}

DenseElementsAttr evaluateElementwise(Operation *Op,
                                      ArrayRef<DenseElementsAttr> Operands) {
  auto Type = cast<RankedTensorType>(Op->getResult(0).getType());
  if (!Type.hasStaticShape())
    return {};
  // Numbers that are all the same make one number.
  bool IsSplat = llvm::all_of(
      Operands, [](DenseElementsAttr Each) { return Each.isSplat(); });
  int64_t Count = Type.getNumElements();
  if (Count > (IsSplat ? MaxSplatElements : MaxElements))
    return {};
  SmallVector<Attribute> Elements;
  SmallVector<int64_t> Index(Type.getRank(), 0);
  for (int64_t I = 0; I < (IsSplat ? std::min<int64_t>(Count, 1) : Count);
       ++I) {
    int64_t Rest = I;
    for (int64_t D = Type.getRank() - 1; D >= 0; --D) {
      Index[D] = Rest % Type.getDimSize(D);
      Rest /= Type.getDimSize(D);
    }
    SmallVector<TypedAttr> Scalars;
    for (DenseElementsAttr Operand : Operands)
      Scalars.push_back(elementOf(
          Operand, broadcastIndex(Operand.getType().getShape(), Index)));
    Attribute Element = evaluateElement(Op, Scalars);
    // Poison and its kin are no numbers.
    if (!isa_and_nonnull<FloatAttr, IntegerAttr>(Element))
      return {};
    // Back to the tensor's own element type, unsigned ones included.
    if (auto Integer = dyn_cast<IntegerAttr>(Element))
      Element = IntegerAttr::get(Type.getElementType(), Integer.getValue());
    Elements.push_back(Element);
  }
  return DenseElementsAttr::get(Type, Elements);
}

static APFloat convertNumber(Attribute Number, FloatType To) {
  APFloat Out(To.getFloatSemantics());
  if (auto Integer = dyn_cast<IntegerAttr>(Number)) {
    Out.convertFromAPInt(Integer.getValue(),
                         !Integer.getType().isUnsignedInteger(),
                         APFloat::rmNearestTiesToEven);
    return Out;
  }
  Out = cast<FloatAttr>(Number).getValue();
  bool Lost;
  Out.convert(To.getFloatSemantics(), APFloat::rmNearestTiesToEven, &Lost);
  return Out;
}

DenseElementsAttr convertConstant(DenseElementsAttr Constant, FloatType To) {
  auto Type = RankedTensorType::get(Constant.getType().getShape(), To);
  SmallVector<APFloat> Numbers;
  if (Constant.isSplat())
    Numbers.push_back(convertNumber(Constant.getSplatValue<Attribute>(), To));
  else
    for (Attribute Number : Constant.getValues<Attribute>())
      Numbers.push_back(convertNumber(Number, To));
  return DenseElementsAttr::get(Type, Numbers);
}

} // namespace dure
