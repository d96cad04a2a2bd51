// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parts of rows and tables of angles, as rotary embeddings use them.
#include "compiler/passes/raise/RopeMatching.h"
#include "compiler/passes/support/Matching.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace dure {

bool RowPart::isWhole() const {
  return Start == 0 && Step == 1 && Size == typeOf(Base).getShape().back();
}

std::optional<RowPart> rowPartOf(Value V) {
  RankedTensorType Type = typeOf(V);
  if (Type.getRank() == 0 || ShapedType::isDynamic(Type.getShape().back()))
    return std::nullopt;
  RowPart Whole{V, 0, Type.getShape().back(), 1};
  auto Slice = V.getDefiningOp<SliceOp>();
  if (!Slice)
    return Whole;
  int64_t Last = Type.getRank() - 1;
  RankedTensorType Base = typeOf(Slice.getX());
  for (int64_t D = 0; D < Last; ++D)
    if (!Slice.getStarts().expr(D).isConstant(0) || Slice.getSteps()[D] != 1 ||
        Slice.getSizes().expr(D) != dimOf(Base, D))
      return Whole;
  std::optional<int64_t> Start = Slice.getStarts().expr(Last).constant();
  if (!Start || Base.isDynamicDim(Last) || Slice.getSteps()[Last] < 1)
    return Whole;
  return RowPart{Slice.getX(), *Start, Whole.Size, Slice.getSteps()[Last]};
}

RankedTensorType typeOf(const RowPart &Part) {
  RankedTensorType Type = typeOf(Part.Base);
  SmallVector<DimExpr> Sizes = dimsOf(Type);
  Sizes.back() = Part.Size;
  return Part.isWhole() ? Type : tensorOf(Sizes, Type.getElementType());
}

Value buildRowPart(OpBuilder &Builder, Location Loc, const RowPart &Part) {
  if (Part.isWhole())
    return Part.Base;
  RankedTensorType Type = typeOf(Part);
  SmallVector<DimExpr> Starts(Type.getRank(), DimExpr(0));
  SmallVector<int64_t> Steps(Type.getRank(), 1);
  Starts.back() = Part.Start;
  Steps.back() = Part.Step;
  return SliceOp::create(Builder, Loc, Type, Part.Base,
                         DimsAttr::get(Builder.getContext(), Starts),
                         DimsAttr::get(Builder.getContext(), dimsOf(Type)),
                         Builder.getDenseI64ArrayAttr(Steps));
}

/// True when the last dimension is untouched: others may be split, merged,
/// come and go.
static bool keepsRows(ReshapeOp Op) {
  RankedTensorType From = typeOf(Op.getX()), To = Op.getType();
  return From.getRank() > 0 && To.getRank() > 0 &&
         dimOf(From, From.getRank() - 1) == dimOf(To, To.getRank() - 1);
}

RankedTensorType halfOf(RankedTensorType Type) {
  SmallVector<DimExpr> Dims = dimsOf(Type);
  Dims.back() = DimExpr::floorDiv(Dims.back(), DimExpr(2));
  return tensorOf(Dims, Type.getElementType());
}

/// The table below `Op` that is doubled when Op's result is: null when Op is no
/// op that keeps two halves equal, or joins them itself.
static Value tableBelow(Operation *Op) {
  if (isa<CosOp, SinOp, CastOp>(Op))
    return Op->getOperand(0);
  if (auto Reshape = dyn_cast<ReshapeOp>(Op))
    return keepsRows(Reshape) ? Reshape.getX() : Value();
  // The attention factor of YaRN (Peng et al., arXiv 2309.00071).
  if (auto Mul = dyn_cast<MulOp>(Op))
    for (auto [X, By] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                         std::pair(Mul.getRhs(), Mul.getLhs())})
      if (splatNumber(By) && typeOf(By).getRank() == 0)
        return X;
  return {};
}

/// x of concat(x, x) along the last dimension.
static Value undoubled(Operation *Op) {
  auto Concat = dyn_cast<ConcatOp>(Op);
  bool IsDoubled =
      Concat && Concat.getXs().size() == 2 &&
      Concat.getXs()[0] == Concat.getXs()[1] &&
      static_cast<int64_t>(Concat.getAxis()) == Concat.getType().getRank() - 1;
  return IsDoubled ? Concat.getXs()[0] : Value();
}

bool isDoubled(Value Table) {
  while (Operation *Op = Table ? Table.getDefiningOp() : nullptr) {
    if (undoubled(Op))
      return true;
    Table = tableBelow(Op);
  }
  return false;
}

Value buildFirstHalf(OpBuilder &Builder, Value Table) {
  Operation *Op = Table.getDefiningOp();
  if (Value Half = undoubled(Op))
    return Half;
  Value Below = tableBelow(Op);
  Value Half = buildFirstHalf(Builder, Below);
  RankedTensorType Type = halfOf(typeOf(Table));
  if (isa<ReshapeOp>(Op))
    return Builder.createOrFold<ReshapeOp>(Op->getLoc(), Type, Half);
  IRMapping Map;
  Map.map(Below, Half);
  Operation *Copy = Builder.clone(*Op, Map);
  Copy->getResult(0).setType(Type);
  return Copy->getResult(0);
}

} // namespace dure
