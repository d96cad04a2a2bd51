// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The proof of padding: a walk over a function, op by op.
//
// What holds of every value: its elements that have an index within the sizes
// of the run, along all dimensions, are those of a run without padding. What is
// behind them is described along each padded dimension by PadContent. An op is
// taken if that then holds of its results, and nothing that is behind makes the
// run fail.
#include "compiler/passes/specialize/Padding.h"

#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/PadContent.h"
#include "compiler/passes/specialize/StepShapes.h"
#include "compiler/passes/support/Matching.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure;

/// A float that is added to scores and as low as this hides a key: no score of
/// a model that works comes near it.
static constexpr double HidingMask = -1e30;

namespace {

bool isPadded(const DimExpr &Dim) { return !Dim.constant(); }

class PaddingProof {
public:
  explicit PaddingProof(const SymbolSizes &Bucket) : Bucket(Bucket) {}
  bool prove(func::FuncOp Function);

private:
  /// What is behind the valid elements along each dimension.
  using Contents = SmallVector<PadContent>;

  bool growsWithSymbols(const DimExpr &Dim) const;
  bool areOneSize(const DimExpr &L, const DimExpr &R) const;
  bool haveOneSize(Value L, unsigned I, Value R, unsigned J) const {
    return areOneSize(dimOf(typeOf(L), I), dimOf(typeOf(R), J));
  }
  static bool hasPadding(Value V) {
    return llvm::any_of(dimsOf(typeOf(V)), isPadded);
  }
  PadContent validOf(Value V) const;
  PadContent wholeOf(Value V) const;
  PadContent behind(Value V, unsigned Dim) const;
  PadContent behind(Value V, RankedTensorType In, unsigned Dim) const;
  PadContent joined(Operation *Op) const;
  /// Ordinary elements, unless an operand holds others.
  bool setOrdinary(Operation *Op);
  bool set(Value V, Contents Of) {
    Known[V] = std::move(Of);
    return true;
  }

  bool visit(Operation &Op);
  bool visitElementwise(Operation *Op);
  bool visit(IotaOp Op);
  bool visit(ReshapeOp Op);
  bool visit(BroadcastOp Op);
  bool visit(TransposeOp Op);
  bool visit(SliceOp Op);
  bool visit(ConcatOp Op);
  bool visit(GatherOp Op);
  bool visit(GatherElementsOp Op);
  bool visit(ScatterElementsOp Op);
  bool visit(PadOp Op);
  bool visit(ReduceOp Op);
  bool visit(SoftmaxOp Op);
  bool visit(CumSumOp Op);
  bool visit(TopKOp Op);
  bool visit(MatMulOp Op);
  bool visitNorm(Operation *Op, int64_t Axis);
  bool visit(RopeOp Op);
  bool visit(AttentionOp Op);
  bool hidesPadding(AttentionOp Op) const;
  bool visit(GatedMLPOp Op);
  bool visit(MoEOp Op);
  bool visit(ExpertMatMulOp Op);
  bool isIndexInRange(Value Indices, const DimExpr &Size) const;

  const SymbolSizes &Bucket;
  /// Values that no input has a part in: a run of the bucket's own sizes has
  /// the same ones, all elements of them, and the model takes such sizes.
  llvm::DenseSet<Value> OfModel;
  /// Caches: behind their length there may be anything.
  llvm::DenseSet<Value> States;
  llvm::DenseMap<Value, Contents> Known;
};

} // namespace

/// Whether a size is never smaller for larger symbols.
bool PaddingProof::growsWithSymbols(const DimExpr &Dim) const {
  std::set<std::string> Symbols;
  Dim.collectSymbols(Symbols);
  for (const std::string &Symbol : Symbols) {
    if (!Bucket.count(Symbol))
      return false;
    DimExpr More = DimExpr::symbol(Symbol) + DimExpr::symbol("more_of_it");
    if (!(Dim.substitute({{Symbol, More}}) - Dim).isNonNegative())
      return false;
  }
  return true;
}

/// Whether two sizes are one in a run and in the bucket: unlike expressions
/// that an op demands to be equal are checked when it runs.
bool PaddingProof::areOneSize(const DimExpr &L, const DimExpr &R) const {
  return L == R || (isPadded(L) && isPadded(R) &&
                    L.evaluate(Bucket) == R.evaluate(Bucket));
}

/// The valid elements of a value.
PadContent PaddingProof::validOf(Value V) const {
  if (auto Constant = V.getDefiningOp<ConstantOp>())
    if (auto Dense = dyn_cast<DenseElementsAttr>(Constant.getValue()))
      return contentOf(Dense);
  if (typeOf(V).getElementType().isInteger(1))
    return PadContent::within(0, 1);
  return PadContent::ordinary();
}

/// Every element, valid or not.
PadContent PaddingProof::wholeOf(Value V) const {
  if (States.contains(V))
    return PadContent::any();
  PadContent Out = validOf(V);
  for (unsigned I = 0, E = typeOf(V).getRank(); I < E; ++I)
    if (isPadded(dimOf(typeOf(V), I)))
      Out = Out | behind(V, I);
  return Out;
}

PadContent PaddingProof::behind(Value V, unsigned Dim) const {
  auto Found = Known.find(V);
  return Found == Known.end() ? validOf(V) : Found->second[Dim];
}

/// The same along a dimension of a value that `V` is broadcast to.
PadContent PaddingProof::behind(Value V, RankedTensorType In,
                                unsigned Dim) const {
  int64_t Own =
      static_cast<int64_t>(Dim) - (In.getRank() - typeOf(V).getRank());
  if (Own < 0 || !isPadded(dimOf(typeOf(V), Own)))
    return wholeOf(V);
  return behind(V, Own);
}

PadContent PaddingProof::joined(Operation *Op) const {
  bool IsAny = llvm::any_of(Op->getOperands(), [&](Value Operand) {
    PadContent Whole = wholeOf(Operand);
    return Whole.IsAny || Whole.isInfinite();
  });
  return IsAny ? PadContent::any() : PadContent::ordinary();
}

bool PaddingProof::setOrdinary(Operation *Op) {
  for (Value Result : Op->getResults())
    set(Result, Contents(typeOf(Result).getRank(), joined(Op)));
  return true;
}

bool PaddingProof::isIndexInRange(Value Indices, const DimExpr &Size) const {
  if (!hasPadding(Indices) || OfModel.contains(Indices))
    return true;
  std::optional<int64_t> Count = Size.constant();
  if (!Count)
    return false;
  for (unsigned I = 0, E = typeOf(Indices).getRank(); I < E; ++I)
    if (isPadded(dimOf(typeOf(Indices), I)) &&
        !behind(Indices, I)
             .isWithin(-static_cast<double>(*Count),
                       static_cast<double>(*Count) - 1))
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Elements by themselves, and where they lie
//===----------------------------------------------------------------------===//

bool PaddingProof::visitElementwise(Operation *Op) {
  Value Result = Op->getResult(0);
  RankedTensorType Type = typeOf(Result);
  Contents Out;
  for (unsigned I = 0, E = Type.getRank(); I < E; ++I) {
    Out.push_back(PadContent::ordinary());
    if (!isPadded(dimOf(Type, I)))
      continue;
    SmallVector<PadContent> Of;
    for (Value Operand : Op->getOperands()) {
      int64_t Own = static_cast<int64_t>(I) -
                    (Type.getRank() - typeOf(Operand).getRank());
      if (Own >= 0 && !dimOf(typeOf(Operand), Own).isConstant(1) &&
          !haveOneSize(Operand, Own, Result, I))
        return false;
      Of.push_back(behind(Operand, Type, I));
    }
    std::optional<PadContent> Made = elementwiseContent(Op, Of);
    if (!Made && !OfModel.contains(Result))
      return false;
    Out[I] = Made.value_or(PadContent::ordinary());
    if (I + 1 == E && Op->hasAttr(FalseBehindAttr))
      Out[I] = PadContent::exactly(0);
  }
  return set(Result, std::move(Out));
}

bool PaddingProof::visit(IotaOp Op) {
  RankedTensorType Type = Op.getType();
  std::optional<int64_t> Size = dimOf(Type, Op.getAxis()).evaluate(Bucket);
  if (!Size)
    return false;
  PadContent Counts = PadContent::within(0, std::max<int64_t>(*Size - 1, 0));
  return set(Op, Contents(Type.getRank(), Counts));
}

/// Groups of dimensions with equal products, from the first on. Within a group
/// that is cut otherwise only the outermost dimension may be padded: then what
/// is valid stays in front.
bool PaddingProof::visit(ReshapeOp Op) {
  SmallVector<DimExpr> From = dimsOf(typeOf(Op.getX())),
                       To = dimsOf(Op.getType());
  Contents Out(To.size(), PadContent::ordinary());
  size_t I = 0, J = 0;
  while (I < From.size() || J < To.size()) {
    // One and the same dimension.
    if (I < From.size() && J < To.size() && From[I] == To[J]) {
      if (isPadded(From[I]))
        Out[J] = behind(Op.getX(), I);
      ++I;
      ++J;
      continue;
    }
    size_t FirstFrom = I, FirstTo = J;
    DimExpr L(1), R(1);
    auto IsShort = [](const DimExpr &A, const DimExpr &B) {
      return !(A - B).isNonNegative();
    };
    do {
      if (I < From.size() && (J == To.size() || IsShort(L, R) || L == R))
        L = L * From[I++];
      else if (J < To.size())
        R = R * To[J++];
      else
        return false;
    } while (L != R);
    size_t OuterFrom = FirstFrom, OuterTo = FirstTo;
    while (OuterFrom < I && From[OuterFrom].isConstant(1))
      ++OuterFrom;
    while (OuterTo < J && To[OuterTo].isConstant(1))
      ++OuterTo;
    for (size_t K = FirstFrom; K < I; ++K)
      if (isPadded(From[K]) && K != OuterFrom)
        return false;
    for (size_t K = FirstTo; K < J; ++K)
      if (isPadded(To[K]) && K != OuterTo)
        return false;
    if (OuterFrom < I && isPadded(From[OuterFrom])) {
      if (OuterTo == J || !isPadded(To[OuterTo]))
        return false;
      Out[OuterTo] = behind(Op.getX(), OuterFrom);
    }
  }
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(BroadcastOp Op) {
  Contents Out;
  for (unsigned I = 0, E = Op.getType().getRank(); I < E; ++I)
    Out.push_back(behind(Op.getX(), Op.getType(), I));
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(TransposeOp Op) {
  Contents Out;
  for (int64_t From : Op.getPermutation())
    Out.push_back(behind(Op.getX(), From));
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(SliceOp Op) {
  Contents Out;
  for (unsigned I = 0, E = Op.getType().getRank(); I < E; ++I) {
    DimExpr Size = dimOf(Op.getType(), I), From = dimOf(typeOf(Op.getX()), I);
    DimExpr Start = Op.getStarts().expr(I);
    Out.push_back(PadContent::ordinary());
    if (isPadded(Start))
      return false;
    if (!isPadded(Size) && !isPadded(From))
      continue;
    if (Op.getSteps()[I] != 1)
      return false;
    // Behind the result's valid elements may be valid ones of x.
    Out[I] = Size == From && Start.isConstant(0) ? behind(Op.getX(), I)
                                                 : wholeOf(Op.getX());
  }
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(ConcatOp Op) {
  unsigned Axis = Op.getAxis();
  Contents Out(Op.getType().getRank(), PadContent::ordinary());
  std::optional<Value> Last;
  for (Value X : Op.getXs()) {
    if (dimOf(typeOf(X), Axis).isConstant(0))
      continue;
    // What is behind one operand would be before the next.
    if (Last && isPadded(dimOf(typeOf(*Last), Axis)))
      return false;
    Last = X;
  }
  for (unsigned I = 0; I < Out.size(); ++I) {
    if (!isPadded(dimOf(Op.getType(), I)))
      continue;
    std::optional<PadContent> All;
    for (Value X : Op.getXs()) {
      if (I == Axis ? X != *Last : dimOf(typeOf(X), Axis).isConstant(0))
        continue;
      if (I != Axis && !areOneSize(dimOf(typeOf(X), I), dimOf(Op.getType(), I)))
        return false;
      All = All ? *All | behind(X, I) : behind(X, I);
    }
    Out[I] = All.value_or(PadContent::any());
  }
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(GatherOp Op) {
  Value X = Op.getX(), Indices = Op.getIndices();
  unsigned Axis = Op.getAxis(), Rank = typeOf(Indices).getRank();
  DimExpr Size = dimOf(typeOf(X), Axis);
  // From a dimension that is longer than it should be, rows that are counted
  // from its beginning alone.
  if (isPadded(Size) && !Op->hasAttr(WithinValidAttr) &&
      (hasPadding(Indices) || !Indices.getDefiningOp<ConstantOp>() ||
       !(validOf(Indices).Low >= 0)))
    return false;
  if (!isIndexInRange(Indices, Size))
    return false;
  Contents Out;
  for (unsigned I = 0, E = Op.getType().getRank(); I < E; ++I)
    if (I < Axis)
      Out.push_back(behind(X, I));
    else if (I < Axis + Rank)
      Out.push_back(wholeOf(X));
    else
      Out.push_back(behind(X, I - Rank + 1));
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(GatherElementsOp Op) {
  Value X = Op.getX(), Indices = Op.getIndices();
  unsigned Axis = Op.getAxis();
  if (isPadded(dimOf(typeOf(X), Axis)) ||
      !isIndexInRange(Indices, dimOf(typeOf(X), Axis)))
    return false;
  for (unsigned I = 0, E = Op.getType().getRank(); I < E; ++I)
    if (I != Axis && isPadded(dimOf(typeOf(X), I)) &&
        !haveOneSize(X, I, Indices, I))
      return false;
  return set(Op, Contents(Op.getType().getRank(), wholeOf(X)));
}

/// Rows of their own, into which elements are put.
bool PaddingProof::visit(ScatterElementsOp Op) {
  Value X = Op.getX(), Indices = Op.getIndices();
  unsigned Axis = Op.getAxis();
  if (isPadded(dimOf(typeOf(X), Axis)) ||
      isPadded(dimOf(typeOf(Indices), Axis)) ||
      !isIndexInRange(Indices, dimOf(typeOf(X), Axis)))
    return false;
  for (unsigned I = 0, E = Op.getType().getRank(); I < E; ++I)
    if (I != Axis &&
        (isPadded(dimOf(typeOf(X), I)) ||
         isPadded(dimOf(typeOf(Indices), I))) &&
        !haveOneSize(X, I, Indices, I))
      return false;
  return setOrdinary(Op);
}

bool PaddingProof::visit(PadOp Op) {
  Contents Out;
  for (unsigned I = 0, E = Op.getType().getRank(); I < E; ++I) {
    if (isPadded(dimOf(Op.getType(), I)) &&
        (!Op.getLow().expr(I).isConstant(0) ||
         !Op.getHigh().expr(I).isConstant(0)))
      return false;
    Out.push_back(joined(Op));
  }
  return set(Op, std::move(Out));
}

//===----------------------------------------------------------------------===//
// Along a dimension
//===----------------------------------------------------------------------===//

bool PaddingProof::visit(ReduceOp Op) {
  Value X = Op.getX();
  ReduceKind Kind = Op.getKind();
  bool IsSum = Kind == ReduceKind::Sum || Kind == ReduceKind::L1 ||
               Kind == ReduceKind::L2 || Kind == ReduceKind::SumSquare ||
               Kind == ReduceKind::LogSum;
  Contents Out;
  for (unsigned I = 0, E = typeOf(X).getRank(); I < E; ++I) {
    bool IsReduced = llvm::is_contained(Op.getAxes(), static_cast<int64_t>(I));
    if (IsReduced && isPadded(dimOf(typeOf(X), I)) &&
        !(IsSum && behind(X, I).isExactly(0)))
      return false;
    if (IsReduced && !Op.getKeepDims())
      continue;
    bool StaysZero = IsSum && Kind != ReduceKind::LogSum && !IsReduced &&
                     behind(X, I).isExactly(0);
    Out.push_back(StaysZero ? PadContent::exactly(0) : joined(Op));
    if (Kind == ReduceKind::LogSum)
      Out.back() = PadContent::any();
  }
  return set(Op, std::move(Out));
}

bool PaddingProof::visit(SoftmaxOp Op) {
  // Elements of -inf have no part in it.
  DimExpr Size = dimOf(typeOf(Op.getX()), Op.getAxis());
  return !isPadded(Size) && setOrdinary(Op);
}

bool PaddingProof::visit(CumSumOp Op) {
  if (Op.getReverse() && isPadded(dimOf(typeOf(Op.getX()), Op.getAxis())) &&
      !behind(Op.getX(), Op.getAxis()).isExactly(0))
    return false;
  return setOrdinary(Op);
}

bool PaddingProof::visit(TopKOp Op) {
  std::optional<int64_t> Size =
      dimOf(typeOf(Op.getX()), Op.getAxis()).constant();
  if (!Size)
    return false;
  return set(Op,
             Contents(Op.getType().getRank(),
                      PadContent::within(0, static_cast<double>(*Size) - 1)));
}

//===----------------------------------------------------------------------===//
// Transformer operations
//===----------------------------------------------------------------------===//

bool PaddingProof::visit(MatMulOp Op) {
  Value L = Op.getLhs(), R = Op.getRhs();
  RankedTensorType LT = typeOf(L), RT = typeOf(R), Type = Op.getType();
  if (LT.getRank() < 2 || RT.getRank() < 2)
    return !hasPadding(L) && !hasPadding(R);
  unsigned LK = LT.getRank() - (Op.getTransposeLhs() ? 2 : 1);
  unsigned RK = RT.getRank() - (Op.getTransposeRhs() ? 1 : 2);
  if (isPadded(dimOf(LT, LK)) || isPadded(dimOf(RT, RK))) {
    // Zero times anything ordinary adds nothing to the sum.
    PadContent A = behind(L, LK), B = behind(R, RK);
    bool AddsNothing = (A.isExactly(0) && !B.IsAny && !B.isInfinite()) ||
                       (B.isExactly(0) && !A.IsAny && !A.isInfinite());
    if (!haveOneSize(L, LK, R, RK) || !AddsNothing)
      return false;
  }
  for (int64_t I = 0; I + 2 < Type.getRank(); ++I)
    for (Value X : {L, R}) {
      int64_t Own = I - (Type.getRank() - typeOf(X).getRank());
      if (Own >= 0 && !dimOf(typeOf(X), Own).isConstant(1) &&
          !areOneSize(dimOf(typeOf(X), Own), dimOf(Type, I)))
        return false;
    }
  return setOrdinary(Op);
}

/// Rows of dimensions from `Axis` on are normalized one by one.
bool PaddingProof::visitNorm(Operation *Op, int64_t Axis) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Op->getOperand(0)));
  if (llvm::any_of(ArrayRef(Dims).drop_front(Axis), isPadded) ||
      llvm::any_of(Op->getOperands().drop_front(), hasPadding))
    return false;
  return setOrdinary(Op);
}

bool PaddingProof::visit(RopeOp Op) {
  RankedTensorType Type = Op.getType();
  for (Value Table : {Op.getCos(), Op.getSin()})
    for (int64_t I = 0, E = typeOf(Table).getRank(); I + 1 < E; ++I) {
      DimExpr Size = dimOf(typeOf(Table), I);
      if (!Size.isConstant(1) &&
          !areOneSize(Size, dimOf(Type, I + Type.getRank() - E)))
        return false;
    }
  return !isPadded(dimOf(Type, Type.getRank() - 1)) && setOrdinary(Op);
}

/// Whether no valid query sees a key behind the valid ones.
bool PaddingProof::hidesPadding(AttentionOp Op) const {
  // Causal order counts from the last keys and queries: what is behind both
  // comes later than every valid query.
  if (Op.getCausal())
    return true;
  Value Mask = Op.getMask();
  if (!Mask || typeOf(Mask).getRank() == 0)
    return false;
  unsigned Last = typeOf(Mask).getRank() - 1;
  if (!isPadded(dimOf(typeOf(Mask), Last)))
    return false;
  if (typeOf(Mask).getElementType().isInteger(1))
    return behind(Mask, Last).isExactly(0);
  // Such a key has the weight 0, which its value is multiplied by.
  PadContent Values = wholeOf(Op.getV()), Keys = wholeOf(Op.getK());
  return behind(Mask, Last).isWithin(-HUGE_VAL, HidingMask) && !Values.IsAny &&
         !Keys.IsAny;
}

bool PaddingProof::visit(AttentionOp Op) {
  RankedTensorType Q = typeOf(Op.getQ()), K = typeOf(Op.getK());
  RankedTensorType V = typeOf(Op.getV());
  for (unsigned I : {1u, 3u})
    if (isPadded(dimOf(Q, I)) || isPadded(dimOf(K, I)) || isPadded(dimOf(V, I)))
      return false;
  DimExpr Keys = dimOf(K, 2);
  if (!areOneSize(dimOf(Q, 0), dimOf(K, 0)) ||
      !areOneSize(dimOf(Q, 0), dimOf(V, 0)) || !areOneSize(Keys, dimOf(V, 2)))
    return false;
  // Positions are counted from the ends of both.
  if ((Op.getCausal() || Op.getWindow() > 0) && isPadded(Keys - dimOf(Q, 2)))
    return false;
  if (isPadded(Keys) && !hidesPadding(Op))
    return false;
  if (Value Mask = Op.getMask()) {
    const DimExpr Scores[] = {dimOf(Q, 0), dimOf(Q, 1), dimOf(Q, 2), Keys};
    int64_t Rank = typeOf(Mask).getRank();
    for (int64_t I = 0; I < Rank; ++I) {
      DimExpr Size = dimOf(typeOf(Mask), I);
      if (!Size.isConstant(1) && !areOneSize(Size, Scores[4 - Rank + I]))
        return false;
    }
  }
  if (Op.getEmptyRow() != EmptyRow::NaN)
    return setOrdinary(Op);
  return set(Op, Contents(4, PadContent::any()));
}

bool PaddingProof::visit(GatedMLPOp Op) {
  if (llvm::any_of(Op->getOperands().drop_front(), hasPadding) ||
      isPadded(dimsOf(typeOf(Op.getX())).back()))
    return false;
  return setOrdinary(Op);
}

bool PaddingProof::visit(MoEOp Op) {
  if (isPadded(dimOf(typeOf(Op.getX()), 1)) ||
      isPadded(dimOf(typeOf(Op.getExperts()), 1)) ||
      !haveOneSize(Op.getX(), 0, Op.getExperts(), 0) ||
      !haveOneSize(Op.getX(), 0, Op.getWeights(), 0) ||
      !isIndexInRange(Op.getExperts(), dimOf(typeOf(Op.getWUp()), 0)))
    return false;
  for (Value Operand : Op->getOperands().drop_front(3))
    if (hasPadding(Operand))
      return false;
  return setOrdinary(Op);
}

bool PaddingProof::visit(ExpertMatMulOp Op) {
  if (isPadded(dimsOf(typeOf(Op.getX())).back()) ||
      isPadded(dimOf(typeOf(Op.getExperts()), 1)) ||
      !haveOneSize(Op.getX(), 0, Op.getExperts(), 0) ||
      !isIndexInRange(Op.getExperts(), dimOf(typeOf(Op.getW()), 0)) ||
      hasPadding(Op.getW()))
    return false;
  return setOrdinary(Op);
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

bool PaddingProof::visit(Operation &Op) {
  if (llvm::all_of(Op.getOperands(),
                   [&](Value V) { return OfModel.contains(V); }))
    OfModel.insert_range(Op.getResults());
  if (isa<func::ReturnOp, GetWeightOp, ConstantOp>(Op))
    return true;
  if (auto Update = dyn_cast<CacheUpdateOp>(Op)) {
    States.insert(Update.getResult());
    return llvm::none_of(Op.getOperands(), hasPadding);
  }
  if (Op.getNumRegions() != 0 || isa<DefineDimsOp, BindDimsOp>(Op))
    return false;
  bool TouchesPadding = llvm::any_of(Op.getOperands(), hasPadding) ||
                        llvm::any_of(Op.getResults(), hasPadding);
  for (Value Result : Op.getResults())
    for (const DimExpr &Dim : dimsOf(typeOf(Result)))
      if (!growsWithSymbols(Dim))
        return false;
  if (auto Sizes = dyn_cast<DimValuesOp>(Op))
    return llvm::none_of(Sizes.getExprs().exprs(), isPadded);
  // What has nothing to do with padding is as it was.
  if (!TouchesPadding)
    return true;
  if (isElementwise(&Op))
    return visitElementwise(&Op);
  return llvm::TypeSwitch<Operation *, bool>(&Op)
      .Case<IotaOp, ReshapeOp, BroadcastOp, TransposeOp, SliceOp, ConcatOp,
            GatherOp, GatherElementsOp, ScatterElementsOp, PadOp, ReduceOp,
            SoftmaxOp, CumSumOp, TopKOp, MatMulOp, RopeOp, AttentionOp,
            GatedMLPOp, MoEOp, ExpertMatMulOp>(
          [&](auto Known) { return visit(Known); })
      .Case<LayerNormOp, RMSNormOp>(
          [&](auto Norm) { return visitNorm(Norm, Norm.getAxis()); })
      .Default([](Operation *) { return false; });
}

bool PaddingProof::prove(func::FuncOp Function) {
  for (BlockArgument Argument : Function.getArguments()) {
    RankedTensorType Type = typeOf(Argument);
    if (Function.getArgAttr(Argument.getArgNumber(), StateAttr))
      States.insert(Argument);
    if (!hasPadding(Argument))
      continue;
    // Elements of less than a byte cannot be moved one by one.
    unsigned Bits = Type.getElementTypeBitWidth();
    if ((Bits < 8 && Bits != 1) ||
        !llvm::all_of(dimsOf(Type), [&](const DimExpr &Dim) {
          return growsWithSymbols(Dim);
        }))
      return false;
    set(Argument, Contents(Type.getRank(), PadContent::exactly(0)));
  }
  for (Operation &Op : Function.getBody().front())
    if (!visit(Op))
      return false;
  return true;
}

bool dure::isPaddingProven(func::FuncOp Function, const SymbolSizes &Bucket) {
  return PaddingProof(Bucket).prove(Function);
}
