// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Integer tensors whose elements are known from their position.
#include "compiler/passes/support/IndexForm.h"
#include "compiler/passes/support/Matching.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dure {

using MaybeForm = std::optional<IndexForm>;

/// Grids of real masks are a dozen ops deep.
static constexpr unsigned MaxDepth = 32;
static MaybeForm formOf(Value V, unsigned Depth);

bool IndexForm::isConstant() const {
  return llvm::all_of(Coefficients,
                      [](const DimExpr &C) { return C.isConstant(0); });
}

std::optional<unsigned> IndexForm::singleDim() const {
  std::optional<unsigned> Found;
  for (unsigned D = 0; D < Coefficients.size(); ++D) {
    if (Coefficients[D].isConstant(0))
      continue;
    if (Found)
      return std::nullopt;
    Found = D;
  }
  return Found;
}

static IndexForm constantForm(size_t Rank, const DimExpr &Value) {
  IndexForm Out;
  Out.Coefficients.assign(Rank, DimExpr(0));
  Out.Offset = Value;
  return Out;
}

static IndexForm scaleForm(IndexForm Form, const DimExpr &By) {
  for (DimExpr &C : Form.Coefficients)
    C = C * By;
  Form.Offset = Form.Offset * By;
  return Form;
}

static IndexForm addForms(const IndexForm &L, const IndexForm &R) {
  size_t Rank = std::max(L.Coefficients.size(), R.Coefficients.size());
  IndexForm Out = broadcastForm(L, Rank);
  IndexForm Other = broadcastForm(R, Rank);
  for (size_t D = 0; D < Rank; ++D)
    Out.Coefficients[D] = Out.Coefficients[D] + Other.Coefficients[D];
  Out.Offset = Out.Offset + Other.Offset;
  return Out;
}

IndexForm broadcastForm(const IndexForm &Form, size_t Rank) {
  IndexForm Out = Form;
  while (Out.Coefficients.size() < Rank)
    Out.Coefficients.insert(Out.Coefficients.begin(), DimExpr(0));
  return Out;
}

/// A splat, or an arithmetic progression along the only dimension that is not
/// 1.
static MaybeForm formOfConstant(RankedTensorType Type,
                                DenseElementsAttr Value) {
  size_t Rank = Type.getRank();
  if (Value.getNumElements() == 0)
    return std::nullopt;
  if (Value.isSplat())
    return constantForm(Rank, Value.getSplatValue<APInt>().getSExtValue());
  SmallVector<int64_t> Numbers;
  for (const APInt &Number : Value.getValues<APInt>())
    Numbers.push_back(Number.getSExtValue());
  IndexForm Out = constantForm(Rank, Numbers.front());
  int64_t Step = Numbers[1] - Numbers[0];
  for (size_t I = 1; I < Numbers.size(); ++I)
    if (Numbers[I] - Numbers[I - 1] != Step)
      return std::nullopt;
  for (size_t D = 0; D < Rank; ++D) {
    if (Type.getDimSize(D) == 1)
      continue;
    if (Type.getDimSize(D) != Value.getNumElements())
      return std::nullopt;
    Out.Coefficients[D] = Step;
  }
  return Out;
}

/// Coefficients move to where their dimensions are now.
static MaybeForm formOfReshape(ReshapeOp Op, const IndexForm &In) {
  auto Dims = matchUnitReshape(Op);
  if (!Dims)
    return std::nullopt;
  IndexForm Out = constantForm(Dims->size(), In.Offset);
  for (auto [T, F] : llvm::enumerate(*Dims))
    if (F >= 0)
      Out.Coefficients[T] = In.Coefficients[F];
  return Out;
}

static MaybeForm formOfBinary(Operation *Op, unsigned Depth) {
  MaybeForm L = formOf(Op->getOperand(0), Depth);
  MaybeForm R = formOf(Op->getOperand(1), Depth);
  if (!L || !R)
    return std::nullopt;
  if (isa<AddOp>(Op))
    return addForms(*L, *R);
  if (isa<SubOp>(Op))
    return addForms(*L, scaleForm(*R, -1));
  size_t Rank = std::max(L->Coefficients.size(), R->Coefficients.size());
  if (R->isConstant())
    return scaleForm(broadcastForm(*L, Rank), R->Offset);
  if (L->isConstant())
    return scaleForm(broadcastForm(*R, Rank), L->Offset);
  return std::nullopt;
}

static MaybeForm formOfShapeOp(Operation *Op, unsigned Depth) {
  MaybeForm In = formOf(Op->getOperand(0), Depth);
  if (!In)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, MaybeForm>(Op)
      .Case<ReshapeOp>([&](ReshapeOp R) { return formOfReshape(R, *In); })
      .Case<BroadcastOp>([&](BroadcastOp B) -> MaybeForm {
        return broadcastForm(*In, B.getType().getRank());
      })
      .Case<TransposeOp>([&](TransposeOp T) -> MaybeForm {
        IndexForm Out = *In;
        for (auto [I, From] : llvm::enumerate(T.getPermutation()))
          Out.Coefficients[I] = In->Coefficients[From];
        return Out;
      })
      .Case<SliceOp>([&](SliceOp S) -> MaybeForm {
        IndexForm Out = *In;
        for (size_t D = 0; D < Out.Coefficients.size(); ++D) {
          Out.Offset = Out.Offset + In->Coefficients[D] * S.getStarts().expr(D);
          Out.Coefficients[D] = In->Coefficients[D] * DimExpr(S.getSteps()[D]);
        }
        return Out;
      })
      .Case<CastOp>([&](CastOp C) -> MaybeForm {
        auto From = cast<IntegerType>(typeOf(C.getX()).getElementType());
        auto To = dyn_cast<IntegerType>(C.getTo());
        if (!To || To.getWidth() < From.getWidth())
          return std::nullopt;
        return *In;
      })
      .Default(std::nullopt);
}

static MaybeForm formOf(Value V, unsigned Depth) {
  Operation *Op = V.getDefiningOp();
  auto Element = dyn_cast<IntegerType>(typeOf(V).getElementType());
  // Unsigned numbers wrap at 0, which forms pass through.
  if (!Op || Depth == 0 || !Element || Element.getWidth() < 32 ||
      Element.isUnsigned())
    return std::nullopt;
  RankedTensorType Type = typeOf(V);
  MaybeForm Out =
      llvm::TypeSwitch<Operation *, MaybeForm>(Op)
          .Case<ConstantOp>([&](ConstantOp) -> MaybeForm {
            DenseElementsAttr Value = constantOf(V);
            return Value ? formOfConstant(Type, Value) : std::nullopt;
          })
          .Case<DimValuesOp>([&](DimValuesOp D) -> MaybeForm {
            if (D.getExprs().size() != 1)
              return std::nullopt;
            return constantForm(Type.getRank(), D.getExprs().expr(0));
          })
          .Case<IotaOp>([&](IotaOp I) -> MaybeForm {
            IndexForm Form = constantForm(Type.getRank(), 0);
            Form.Coefficients[I.getAxis()] = 1;
            return Form;
          })
          .Case<AddOp, SubOp, MulOp>(
              [&](Operation *O) { return formOfBinary(O, Depth - 1); })
          .Case<ReshapeOp, BroadcastOp, TransposeOp, SliceOp, CastOp>(
              [&](Operation *O) { return formOfShapeOp(O, Depth - 1); })
          .Default(std::nullopt);
  if (!Out || !Out->Offset.valid())
    return std::nullopt;
  for (unsigned D = 0; D < Out->Coefficients.size(); ++D) {
    if (!Out->Coefficients[D].valid())
      return std::nullopt;
    if (dimOf(Type, D).isConstant(1))
      Out->Coefficients[D] = 0;
  }
  return Out;
}

MaybeForm indexFormOf(Value V) { return formOf(V, MaxDepth); }

std::optional<IndexCompare> indexCompareOf(CompareOp Op) {
  MaybeForm L = indexFormOf(Op.getLhs()), R = indexFormOf(Op.getRhs());
  if (!L || !R)
    return std::nullopt;
  return IndexCompare{addForms(*L, scaleForm(*R, -1)), Op.getPredicate()};
}

/// Bounds of a form over all indices of a tensor with at least one element.
/// Empty when a coefficient's sign is not known.
static std::optional<std::pair<DimExpr, DimExpr>>
boundsOf(const IndexForm &Form, RankedTensorType Type) {
  DimExpr Low = Form.Offset, High = Form.Offset;
  for (unsigned D = 0; D < Form.Coefficients.size(); ++D) {
    std::optional<int64_t> C = Form.Coefficients[D].constant();
    if (!C)
      return std::nullopt;
    DimExpr Reach = Form.Coefficients[D] * (dimOf(Type, D) - DimExpr(1));
    if (*C > 0)
      High = High + Reach;
    else
      Low = Low + Reach;
  }
  return std::pair(Low, High);
}

std::optional<bool> foldIndexCompare(CompareOp Op) {
  std::optional<IndexCompare> Compare = indexCompareOf(Op);
  if (!Compare)
    return std::nullopt;
  auto Bounds = boundsOf(Compare->Difference, Op.getType());
  if (!Bounds || !Bounds->first.valid() || !Bounds->second.valid())
    return std::nullopt;
  auto [Low, High] = *Bounds;
  DimExpr Zero(0);
  bool AlwaysGE = Low.isNonNegative(), AlwaysGT = Low.isPositive();
  bool AlwaysLE = (Zero - High).isNonNegative();
  bool AlwaysLT = (Zero - High).isPositive();
  auto Decide = [](bool Yes, bool No) -> std::optional<bool> {
    if (Yes || No)
      return Yes;
    return std::nullopt;
  };
  switch (Compare->Predicate) {
  case ComparePredicate::GE:
    return Decide(AlwaysGE, AlwaysLT);
  case ComparePredicate::GT:
    return Decide(AlwaysGT, AlwaysLE);
  case ComparePredicate::LE:
    return Decide(AlwaysLE, AlwaysGT);
  case ComparePredicate::LT:
    return Decide(AlwaysLT, AlwaysGE);
  case ComparePredicate::EQ:
    return Decide(AlwaysGE && AlwaysLE, AlwaysGT || AlwaysLT);
  case ComparePredicate::NE:
    return Decide(AlwaysGT || AlwaysLT, AlwaysGE && AlwaysLE);
  }
  return std::nullopt;
}

} // namespace dure
