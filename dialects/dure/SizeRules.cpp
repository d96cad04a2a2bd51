// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each op demands of its operands' sizes.
#include "dialects/dure/SizeRules.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure;

static RankedTensorType typeOf(Value V) {
  return cast<RankedTensorType>(V.getType());
}

static DimExpr sizeOf(Value V, int64_t I) { return dimOf(typeOf(V), I); }

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

void SizeRules::equal(const DimExpr &L, const DimExpr &R) {
  if (L != R)
    Rules.push_back({L, R});
}

void SizeRules::atMost(const DimExpr &L, const DimExpr &R) {
  if (DimExpr::max(L, R) != R)
    Rules.push_back({L, R, /*IsAtMost=*/true});
}

void SizeRules::broadcastsTo(ArrayRef<DimExpr> From, ArrayRef<DimExpr> To) {
  To = To.take_back(From.size());
  for (auto [F, T] : llvm::zip_equal(From, To))
    if (!F.isConstant(1))
      equal(F, T);
}

void SizeRules::broadcastsTo(Value From, ArrayRef<DimExpr> To) {
  if (From)
    broadcastsTo(dimsOf(typeOf(From)), To);
}

void SizeRules::broadcastTogether(ValueRange Operands) {
  SmallVector<DimExpr> Joined;
  for (Value V : Operands) {
    auto Next =
        broadcastDims(Joined, dimsOf(typeOf(V)),
                      [&](const DimExpr &L, const DimExpr &R) { equal(L, R); });
    // Inference refuses unlike constants itself, with both types.
    if (succeeded(Next))
      Joined = *Next;
  }
}

std::optional<SizeRule> SizeRules::broken() const {
  for (const SizeRule &Rule : Rules) {
    auto [L, R] = Rule.asEquality();
    if (L.constant() && R.constant())
      return Rule;
  }
  return std::nullopt;
}

std::string SizeRules::message(const SizeRule &Rule) {
  return Rule.IsAtMost
             ? "size " + Rule.L.str() + " must be at most " + Rule.R.str()
             : "sizes " + Rule.L.str() + " and " + Rule.R.str() +
                   " must be equal";
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

void dure::addRules(ReshapeOp Op, SizeRules &Rules) {
  Rules.equal(elementCount(typeOf(Op.getX())), elementCount(Op.getType()));
}

void dure::addRules(BroadcastOp Op, SizeRules &Rules) {
  Rules.broadcastsTo(Op.getX(), dimsOf(Op.getType()));
}

void dure::addRules(ConcatOp::Adaptor A, SizeRules &Rules) {
  Value First = A.getXs().front();
  for (Value X : A.getXs().drop_front())
    for (int64_t I = 0, E = typeOf(X).getRank(); I < E; ++I)
      if (I != static_cast<int64_t>(A.getAxis()))
        Rules.equal(sizeOf(First, I), sizeOf(X, I));
}

/// x is read at the places of the indices, except along the axis.
static void addPlaces(Value X, Value Indices, int64_t Axis, SizeRules &Rules) {
  for (int64_t I = 0, E = typeOf(X).getRank(); I < E; ++I)
    if (I != Axis)
      Rules.atMost(sizeOf(Indices, I), sizeOf(X, I));
}

void dure::addRules(GatherElementsOp::Adaptor A, SizeRules &Rules) {
  addPlaces(A.getX(), A.getIndices(), A.getAxis(), Rules);
}

void dure::addRules(ScatterElementsOp::Adaptor A, SizeRules &Rules) {
  addPlaces(A.getX(), A.getIndices(), A.getAxis(), Rules);
  for (int64_t I = 0, E = typeOf(A.getX()).getRank(); I < E; ++I)
    Rules.equal(sizeOf(A.getIndices(), I), sizeOf(A.getUpdates(), I));
}

void dure::addRules(GatherNDOp::Adaptor A, SizeRules &Rules) {
  for (int64_t I = 0, E = A.getBatchDims(); I < E; ++I)
    Rules.equal(sizeOf(A.getX(), I), sizeOf(A.getIndices(), I));
}

void dure::addRules(ScatterNDOp::Adaptor A, SizeRules &Rules) {
  RankedTensorType X = typeOf(A.getX()), Indices = typeOf(A.getIndices());
  int64_t Rows = Indices.getRank() - 1, Tuple = Indices.getDimSize(Rows);
  for (int64_t I = 0; I < Rows; ++I)
    Rules.equal(dimOf(Indices, I), sizeOf(A.getUpdates(), I));
  for (int64_t I = Tuple; I < X.getRank(); ++I)
    Rules.equal(dimOf(X, I), sizeOf(A.getUpdates(), Rows + I - Tuple));
}

void dure::addRules(TopKOp::Adaptor A, SizeRules &Rules) {
  Rules.atMost(A.getK().expr(0), sizeOf(A.getX(), A.getAxis()));
}

//===----------------------------------------------------------------------===//
// Transformer operations
//===----------------------------------------------------------------------===//

void dure::addRules(MatMulOp::Adaptor A, SizeRules &Rules) {
  SmallVector<DimExpr> L = dimsOf(typeOf(A.getLhs())),
                       R = dimsOf(typeOf(A.getRhs()));
  Rules.equal(L[L.size() - (A.getTransposeLhs() ? 2 : 1)],
              R[R.size() - (A.getTransposeRhs() ? 1 : 2)]);
  (void)broadcastDims(
      ArrayRef(L).drop_back(2), ArrayRef(R).drop_back(2),
      [&](const DimExpr &X, const DimExpr &Y) { Rules.equal(X, Y); });
}

void dure::addRules(LayerNormOp::Adaptor A, SizeRules &Rules) {
  SmallVector<DimExpr> X = dimsOf(typeOf(A.getX()));
  Rules.broadcastsTo(A.getScale(), X);
  Rules.broadcastsTo(A.getBias(), X);
}

void dure::addRules(RMSNormOp::Adaptor A, SizeRules &Rules) {
  Rules.broadcastsTo(A.getScale(), dimsOf(typeOf(A.getX())));
}

void dure::addRules(RopeOp::Adaptor A, SizeRules &Rules) {
  SmallVector<DimExpr> Pairs = dimsOf(typeOf(A.getX()));
  Pairs.back() = DimExpr(static_cast<int64_t>(A.getRotaryDim()) / 2);
  Rules.broadcastsTo(A.getCos(), Pairs);
  Rules.broadcastsTo(A.getSin(), Pairs);
}

void dure::addRules(AttentionOp::Adaptor A, SizeRules &Rules) {
  Value Q = A.getQ(), K = A.getK(), V = A.getV();
  Rules.equal(sizeOf(Q, 0), sizeOf(K, 0));
  Rules.equal(sizeOf(Q, 0), sizeOf(V, 0));
  Rules.equal(sizeOf(K, 1), sizeOf(V, 1));
  Rules.equal(sizeOf(K, 2), sizeOf(V, 2));
  Rules.equal(sizeOf(Q, 3), sizeOf(K, 3));
  Rules.broadcastsTo(A.getMask(),
                     {sizeOf(Q, 0), sizeOf(Q, 1), sizeOf(Q, 2), sizeOf(K, 2)});
  if (A.getSinks())
    Rules.equal(sizeOf(A.getSinks(), 0), sizeOf(Q, 1));
}

void dure::addRules(LinearAttentionOp::Adaptor A, SizeRules &Rules) {
  Value Q = A.getQ(), K = A.getK(), V = A.getV(), State = A.getState();
  for (Value Other : {K, V, State})
    Rules.equal(sizeOf(Q, 0), sizeOf(Other, 0));
  for (Value Other : {V, State})
    Rules.equal(sizeOf(K, 1), sizeOf(Other, 1));
  for (Value Other : {K, V})
    Rules.equal(sizeOf(Q, 2), sizeOf(Other, 2));
  Rules.equal(sizeOf(Q, 3), sizeOf(K, 3));
  Rules.equal(sizeOf(Q, 3), sizeOf(State, 2));
  Rules.equal(sizeOf(V, 3), sizeOf(State, 3));
  // As many of them as the groups and tokens; one for all where it may be.
  SmallVector<DimExpr> Each = {sizeOf(K, 0), sizeOf(K, 1), sizeOf(K, 2),
                               sizeOf(K, 3)};
  Rules.broadcastsTo(A.getDecay(), Each);
  Each.back() = DimExpr(1);
  Rules.broadcastsTo(A.getBeta(), Each);
}

void dure::addRules(GatedMLPOp::Adaptor A, SizeRules &Rules) {
  Rules.equal(sizeOf(A.getX(), typeOf(A.getX()).getRank() - 1),
              sizeOf(A.getWGate(), 0));
  Rules.equal(sizeOf(A.getWGate(), 0), sizeOf(A.getWUp(), 0));
  Rules.equal(sizeOf(A.getWGate(), 1), sizeOf(A.getWUp(), 1));
  Rules.equal(sizeOf(A.getWUp(), 1), sizeOf(A.getWDown(), 0));
}

void dure::addRules(MoEOp::Adaptor A, SizeRules &Rules) {
  Value Experts = A.getExperts(), Up = A.getWUp(), Down = A.getWDown();
  auto Equal = [&](Value Given, ArrayRef<DimExpr> Dims) {
    if (Given)
      for (auto [I, Dim] : llvm::enumerate(Dims))
        Rules.equal(sizeOf(Given, I), Dim);
  };
  DimExpr Count = sizeOf(Up, 0), Hidden = sizeOf(Up, 2);
  Rules.equal(sizeOf(A.getX(), 0), sizeOf(Experts, 0));
  Equal(A.getWeights(), {sizeOf(Experts, 0), sizeOf(Experts, 1)});
  Rules.equal(sizeOf(A.getX(), 1), sizeOf(Up, 1));
  Equal(A.getWGate(), {Count, sizeOf(Up, 1), Hidden});
  Equal(A.getBGate(), {Count, Hidden});
  Equal(A.getBUp(), {Count, Hidden});
  Rules.equal(sizeOf(Down, 0), Count);
  Rules.equal(sizeOf(Down, 1), Hidden);
  Equal(A.getBDown(), {Count, sizeOf(Down, 2)});
}

void dure::addRules(ExpertMatMulOp::Adaptor A, SizeRules &Rules) {
  RankedTensorType X = typeOf(A.getX());
  int64_t Leading = X.getRank() - 1;
  Rules.equal(dimOf(X, 0), sizeOf(A.getExperts(), 0));
  DimExpr Slots = sizeOf(A.getExperts(), 1);
  if (Leading == 2 && Slots.constant() != 1)
    Rules.equal(dimOf(X, 1), Slots);
  Rules.equal(dimOf(X, Leading), sizeOf(A.getW(), 1));
}

void dure::addRules(CacheUpdateOp::Adaptor A, SizeRules &Rules) {
  // Whether the rows fit behind the old ones depends on data: a fault.
  for (int64_t I : {0, 1, 3})
    Rules.equal(sizeOf(A.getCache(), I), sizeOf(A.getUpdate(), I));
  Rules.equal(sizeOf(A.getCache(), 0), sizeOf(A.getLengths(), 0));
}

void dure::addRules(DequantizeOp::Adaptor A, SizeRules &Rules) {
  RankedTensorType X = typeOf(A.getX()), Scale = typeOf(A.getScale());
  int64_t Axis = A.getAxis(), Block = A.getBlock();
  auto Along = [&](int64_t I) {
    DimExpr Size = dimOf(X, I);
    return I == Axis && Block > 0 ? DimExpr::ceilDiv(Size, DimExpr(Block))
                                  : Size;
  };
  if (Scale.getRank() == 1)
    Rules.equal(dimOf(Scale, 0), Along(Axis));
  else
    for (int64_t I = 0; I < Scale.getRank(); ++I)
      Rules.equal(dimOf(Scale, I), Along(I));
  if (Value Zero = A.getZeroPoint())
    for (int64_t I = 0; I < Scale.getRank(); ++I)
      Rules.equal(sizeOf(Zero, I), dimOf(Scale, I));
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

/// What the op infers must be what its result type says: passes refine
/// encodings.
static void addResultRules(Operation *Op, SizeRules &Rules) {
  auto Infer = dyn_cast<InferTypeOpInterface>(Op);
  SmallVector<Type> Inferred;
  if (!Infer || failed(Infer.inferReturnTypes(
                    Op->getContext(), std::nullopt, Op->getOperands(),
                    Op->getDiscardableAttrDictionary(),
                    Op->getPropertiesStorage(), Op->getRegions(), Inferred)))
    return;
  for (auto [Found, Said] : llvm::zip(Inferred, Op->getResultTypes()))
    for (auto [L, R] : llvm::zip(dimsOf(cast<RankedTensorType>(Found)),
                                 dimsOf(cast<RankedTensorType>(Said))))
      Rules.equal(L, R);
}

SmallVector<SizeRule> dure::sizeRulesOf(Operation *Op) {
  SizeRules Rules;
  if (isElementwise(Op))
    Rules.broadcastTogether(Op->getOperands());
  auto FromAdaptor = [&](auto Concrete) {
    addRules(typename decltype(Concrete)::Adaptor(Concrete), Rules);
  };
  llvm::TypeSwitch<Operation *>(Op)
      .Case<ReshapeOp, BroadcastOp>([&](auto X) { addRules(X, Rules); })
      .Case<ConcatOp, GatherElementsOp, GatherNDOp, ScatterNDOp,
            ScatterElementsOp, TopKOp, MatMulOp, LayerNormOp, RMSNormOp, RopeOp,
            AttentionOp, LinearAttentionOp, GatedMLPOp, MoEOp, ExpertMatMulOp,
            CacheUpdateOp, DequantizeOp>(FromAdaptor);
  if (isa_and_nonnull<DureDialect>(Op->getDialect()))
    addResultRules(Op, Rules);
  return SmallVector<SizeRule>(Rules.list());
}
