// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts as exporters write them out -> moe (Shazeer et al., arXiv
// 1701.06538).
#include "compiler/passes/Passes.h"
#include "compiler/passes/raise/ExpertMatching.h"
#include "compiler/passes/raise/GroupedExperts.h"
#include "compiler/passes/raise/StackedWeights.h"
#include "compiler/passes/support/Matching.h"

#include "mlir/IR/Iterators.h"

#include "llvm/ADT/MapVector.h"

#include <numeric>

namespace dure {
#define GEN_PASS_DEF_RAISEMOE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

DimExpr countOf(Value V) { return elementCount(typeOf(V)); }

//===----------------------------------------------------------------------===//
// Batched: the chosen experts' weights are gathered for every row
//===----------------------------------------------------------------------===//

/// sum over slots of weight * down[ids] h, h made of matmuls by gathered
/// weights.
class BatchedForm {
public:
  /// The layer that the reduction ends, all of it in the shapes that the op
  /// takes; empty when it is none.
  std::optional<ExpertLayer> match(ReduceOp Sum, OpBuilder &B);

private:
  struct Gathered {
    Value W;
    bool IsTransposed;
  };
  std::optional<Gathered> matchGather(Value V, int64_t Rank);
  std::optional<ExpertLinear> matchLinear(Value V);
  std::optional<ExpertLinear> matchProduct(MatMulOp MatMul, bool IsLeft);
  Value tokenRows(Value X, const DimExpr &Columns);

  DimExpr Tokens, Slots;
  /// Indices of experts, one a row; what all gathers must read.
  Value Ids;
};

/// Takes a swap of the last two dimensions off.
bool stripTranspose(Value &V) {
  auto Transpose = V.getDefiningOp<TransposeOp>();
  if (!Transpose || typeOf(V).getRank() < 2)
    return false;
  SmallVector<int64_t> Swap(typeOf(V).getRank());
  std::iota(Swap.begin(), Swap.end(), 0);
  std::swap(Swap[Swap.size() - 2], Swap.back());
  if (Transpose.getPermutation() != ArrayRef<int64_t>(Swap))
    return false;
  V = Transpose.getX();
  return true;
}

/// Weights of each row's expert: a gather of a weight by the layer's indices,
/// its last two dimensions swapped or not.
std::optional<BatchedForm::Gathered> BatchedForm::matchGather(Value V,
                                                              int64_t Rank) {
  bool IsTransposed = stripTranspose(V);
  RankedTensorType Seen = typeOf(V);
  V = stripReshapes(V);
  Value W, Indices;
  if (auto Gather = V.getDefiningOp<GatherNDOp>()) {
    RankedTensorType Tuples = typeOf(Gather.getIndices());
    if (Gather.getBatchDims() != 0 ||
        Tuples.getDimSize(Tuples.getRank() - 1) != 1)
      return std::nullopt;
    W = Gather.getX();
    Indices = Gather.getIndices();
  } else if (auto Gather = V.getDefiningOp<GatherOp>();
             Gather && Gather.getAxis() == 0) {
    W = Gather.getX();
    Indices = Gather.getIndices();
  }
  if (!W || typeOf(W).getRank() != Rank || !W.getDefiningOp<GetWeightOp>() ||
      countOf(Indices) != Tokens * Slots)
    return std::nullopt;
  // Reshapes may have merged or split rows, nothing else.
  for (int64_t I = 1; I < Rank; ++I)
    if (Seen.getRank() < Rank - 1 ||
        dimOf(Seen, Seen.getRank() - I) != dimOf(typeOf(W), Rank - I))
      return std::nullopt;
  Indices = stripReshapes(Indices);
  if (!Ids)
    Ids = Indices;
  if (Ids != Indices)
    return std::nullopt;
  return Gathered{W, IsTransposed};
}

/// A row of x times a row's matrix, in either order.
std::optional<ExpertLinear> BatchedForm::matchProduct(MatMulOp MatMul,
                                                      bool IsLeft) {
  Value Vector = IsLeft ? MatMul.getRhs() : MatMul.getLhs();
  auto Weights = matchGather(IsLeft ? MatMul.getLhs() : MatMul.getRhs(), 3);
  if (!Weights)
    return std::nullopt;
  bool IsSwapped = Weights->IsTransposed != (IsLeft ? MatMul.getTransposeLhs()
                                                    : MatMul.getTransposeRhs());
  // The left matrix is [N, K] where it multiplies, the right one [K, N].
  ExpertLinear Out;
  Out.W = Weights->W;
  Out.IsTransposed = IsLeft != IsSwapped;
  Out.X = Vector;
  RankedTensorType Result = MatMul.getType();
  int64_t One = Result.getRank() - (IsLeft ? 1 : 2);
  if (Result.getDimSize(One) != 1)
    return std::nullopt;
  return Out;
}

std::optional<ExpertLinear> BatchedForm::matchLinear(Value V) {
  RankedTensorType Type = typeOf(V);
  if (Type.getRank() == 0)
    return std::nullopt;
  DimExpr Columns = dimOf(Type, Type.getRank() - 1);
  Value Core = stripReshapes(V), Bias;
  if (auto Add = Core.getDefiningOp<AddOp>()) {
    for (auto [Product, Other] : {std::pair(Add.getLhs(), Add.getRhs()),
                                  std::pair(Add.getRhs(), Add.getLhs())}) {
      auto Rows = Product.getType() == Other.getType() ? matchGather(Other, 2)
                                                       : std::nullopt;
      if (!Rows)
        continue;
      Bias = Rows->W;
      Core = stripReshapes(Product);
      break;
    }
  }
  auto MatMul = Core.getDefiningOp<MatMulOp>();
  if (!MatMul)
    return std::nullopt;
  for (bool IsLeft : {true, false}) {
    std::optional<ExpertLinear> Out = matchProduct(MatMul, IsLeft);
    if (!Out)
      continue;
    RankedTensorType W = typeOf(Out->W);
    DimExpr Inputs = dimOf(W, Out->IsTransposed ? 2 : 1);
    if (dimOf(W, Out->IsTransposed ? 1 : 2) != Columns ||
        countOf(V) != Tokens * Slots * Columns)
      return std::nullopt;
    Out->Bias = Bias;
    Out->X = tokenRows(Out->X, Inputs);
    return Out->X ? Out : std::nullopt;
  }
  return std::nullopt;
}

/// The rows of x: one a token where all slots of a token have the same, else
/// one a slot. Null when they are neither.
Value BatchedForm::tokenRows(Value X, const DimExpr &Columns) {
  DimExpr Shared = Tokens * Columns;
  RankedTensorType Type = typeOf(X);
  X = stripReshapes(X);
  if (auto Broadcast = X.getDefiningOp<BroadcastOp>()) {
    // [T.., 1, K] -> [T.., S, K]
    SmallVector<DimExpr> From = dimsOf(typeOf(Broadcast.getX()));
    SmallVector<DimExpr> To = dimsOf(typeOf(X));
    size_t Rank = To.size();
    if (Rank >= 2 && From.size() == Rank && From[Rank - 2].isConstant(1) &&
        To[Rank - 2] == Slots && To[Rank - 1] == Columns) {
      From[Rank - 2] = Slots;
      if (From == To && countOf(Broadcast.getX()) == Shared)
        return stripReshapes(Broadcast.getX());
    }
  }
  DimExpr Count = countOf(X);
  if (Count == Tokens * Slots * Columns && !Slots.isConstant(1))
    return X;
  // Or the product itself repeats a token's row: [T.., 1, a, b], S slots.
  bool Repeats =
      Type.getRank() >= 3 && Type.getDimSize(Type.getRank() - 3) == 1;
  return Count == Shared && (Repeats || Slots.isConstant(1)) ? X : Value();
}

std::optional<ExpertLayer> BatchedForm::match(ReduceOp Sum, OpBuilder &B) {
  std::optional<SlotSum> Terms = matchSlotSum(Sum);
  if (!Terms)
    return std::nullopt;
  Tokens = Terms->Tokens;
  Slots = Terms->Slots;

  auto Weighted = stripReshapes(Sum.getX()).getDefiningOp<MulOp>();
  if (!Weighted)
    return std::nullopt;
  for (auto [Product, Weights] :
       {std::pair(Weighted.getLhs(), Weighted.getRhs()),
        std::pair(Weighted.getRhs(), Weighted.getLhs())}) {
    SmallVector<DimExpr> Rows = dimsOf(Weighted.getType());
    if (Rows.empty() || Rows.back() != Terms->Columns ||
        Product.getType() != Weighted.getType())
      continue;
    Rows.back() = 1;
    if (dimsOf(typeOf(Weights)) != Rows || countOf(Weights) != Tokens * Slots)
      continue;
    ExpertLayer Layer;
    Ids = Value();
    auto Match = [&](Value V) { return matchLinear(V); };
    std::optional<ExpertLinear> Down = matchLinear(Product);
    if (!Down)
      continue;
    std::optional<ExpertHidden> Hidden = matchHidden(Down->X, Match);
    if (!Hidden || countOf(Hidden->Up.X) !=
                       Tokens * dimOf(typeOf(Hidden->Up.W),
                                      Hidden->Up.IsTransposed ? 2 : 1))
      continue;
    Layer.X = Hidden->Up.X;
    Layer.Hidden = *Hidden;
    Layer.Down = *Down;
    Layer.Experts = reshaped(B, Ids, {Tokens, Slots});
    Layer.Weights = reshaped(B, stripReshapes(Weights), {Tokens, Slots});
    return Layer;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Dense: every expert runs on every token
//===----------------------------------------------------------------------===//

/// sum over experts of expert(x) * table[:, e], where the table is zero but for
/// what a token's experts count.
class DenseForm {
public:
  explicit DenseForm(WeightRecipes &Weights) : Weights(Weights) {}

  std::optional<ExpertLayer> match(AddOp Last, OpBuilder &B);

private:
  struct Expert {
    ExpertHidden Hidden;
    ExpertLinear Down;
  };
  bool collect(AddOp Last);
  std::optional<int64_t> matchColumn(Value V);
  std::optional<Expert> matchExpert(Value V);
  bool stack(ExpertLinear &Out, OpBuilder &B,
             function_ref<const ExpertLinear &(const Expert &)> Of);

  WeightRecipes &Weights;
  ScatterElementsOp Table;
  llvm::MapVector<int64_t, Expert> Experts;
};

/// x w + bias with one expert's weights.
std::optional<ExpertLinear> matchDenseLinear(Value V) {
  ExpertLinear Out;
  if (auto Add = V.getDefiningOp<AddOp>()) {
    for (auto [Product, Other] : {std::pair(Add.getLhs(), Add.getRhs()),
                                  std::pair(Add.getRhs(), Add.getLhs())})
      if (Other.getDefiningOp<GetWeightOp>() && typeOf(Other).getRank() == 1) {
        Out.Bias = Other;
        V = Product;
        break;
      }
  }
  auto MatMul = V.getDefiningOp<MatMulOp>();
  if (!MatMul || MatMul.getTransposeLhs() ||
      !MatMul.getRhs().getDefiningOp<GetWeightOp>() ||
      typeOf(MatMul.getRhs()).getRank() != 2)
    return std::nullopt;
  Out.X = MatMul.getLhs();
  Out.W = MatMul.getRhs();
  Out.IsTransposed = MatMul.getTransposeRhs();
  return Out;
}

std::optional<DenseForm::Expert> DenseForm::matchExpert(Value V) {
  std::optional<ExpertLinear> Down = matchDenseLinear(V);
  if (!Down)
    return std::nullopt;
  std::optional<ExpertHidden> Hidden = matchHidden(Down->X, matchDenseLinear);
  if (!Hidden)
    return std::nullopt;
  // The hidden units are this expert's own.
  Down->X = Value();
  return Expert{*Hidden, *Down};
}

/// Zeros with the weights of a token's experts, of which no two are the same.
bool isTable(ScatterElementsOp Table) {
  std::optional<double> Zero = splatNumber(Table.getX());
  Value Ids = Table.getIndices();
  while (auto Cast = Ids.getDefiningOp<CastOp>())
    Ids = Cast.getX();
  auto Chosen = Ids.getDefiningOp<TopKOp>();
  return Zero && *Zero == 0 && Chosen && typeOf(Table.getX()).getRank() == 2 &&
         Table.getAxis() == 1 && Chosen.getAxis() == 1 &&
         Table.getReduction() == ScatterReduction::None &&
         typeOf(Table.getIndices()) ==
             withElementType(typeOf(Table.getUpdates()),
                             typeOf(Table.getIndices()).getElementType());
}

/// Column e of the layer's table: gives e.
std::optional<int64_t> DenseForm::matchColumn(Value V) {
  V = stripReshapes(V);
  Value From;
  std::optional<int64_t> Column;
  if (auto Gather = V.getDefiningOp<GatherOp>();
      Gather && Gather.getAxis() == 1) {
    From = Gather.getX();
    if (std::optional<double> Index = splatNumber(Gather.getIndices());
        Index && typeOf(Gather.getIndices()).getNumElements() == 1)
      Column = static_cast<int64_t>(*Index);
  } else if (auto Slice = V.getDefiningOp<SliceOp>();
             Slice && typeOf(Slice.getX()).getRank() == 2) {
    From = Slice.getX();
    if (Slice.getStarts().expr(0).isConstant(0) && Slice.getSteps()[0] == 1 &&
        Slice.getSizes().expr(0) == dimOf(typeOf(From), 0) &&
        Slice.getSizes().expr(1).isConstant(1))
      Column = Slice.getStarts().expr(1).constant();
  }
  auto Scatter = From ? From.getDefiningOp<ScatterElementsOp>() : nullptr;
  if (!Scatter || !Column || (Table && Table != Scatter) || !isTable(Scatter))
    return std::nullopt;
  Table = Scatter;
  int64_t Count = typeOf(From).getDimSize(1);
  return *Column < 0 ? *Column + Count : *Column;
}

/// Takes one expert after another off a sum.
bool DenseForm::collect(AddOp Last) {
  SmallVector<Value> Terms = {Last};
  while (!Terms.empty()) {
    Value Term = Terms.pop_back_val();
    if (auto Add = Term.getDefiningOp<AddOp>()) {
      Terms.append({Add.getLhs(), Add.getRhs()});
      continue;
    }
    if (std::optional<double> Number = splatNumber(Term)) {
      if (*Number != 0)
        return false;
      continue;
    }
    auto Mul = Term.getDefiningOp<MulOp>();
    if (!Mul || Mul.getType() != Last.getType())
      return false;
    std::optional<int64_t> Column;
    Value Product;
    for (auto [Out, Factor] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                               std::pair(Mul.getRhs(), Mul.getLhs())})
      if (typeOf(Factor).getRank() == 2 && typeOf(Factor).getDimSize(1) == 1 &&
          Out.getType() == Mul.getType() && (Column = matchColumn(Factor))) {
        Product = Out;
        break;
      }
    if (!Column)
      return false;
    std::optional<Expert> Found = matchExpert(Product);
    if (!Found || !Experts.insert({*Column, *Found}).second)
      return false;
  }
  return true;
}

/// The parameters of all experts, which lie one behind the other in a weight.
bool DenseForm::stack(ExpertLinear &Out, OpBuilder &B,
                      function_ref<const ExpertLinear &(const Expert &)> Of) {
  auto All = [&](auto Field) {
    SmallVector<Value> Values;
    for (auto &Each : Experts)
      Values.push_back(Field(Of(Each.second)));
    return stackWeights(Weights, Values, B);
  };
  bool HasBias = static_cast<bool>(Out.Bias);
  Out.W = All([](const ExpertLinear &L) { return L.W; });
  if (HasBias)
    Out.Bias = All([](const ExpertLinear &L) { return L.Bias; });
  return Out.W && (!HasBias || Out.Bias);
}

std::optional<ExpertLayer> DenseForm::match(AddOp Last, OpBuilder &B) {
  if (!collect(Last) || !Table)
    return std::nullopt;
  int64_t Count = typeOf(Table.getX()).getDimSize(1);
  if (static_cast<int64_t>(Experts.size()) != Count)
    return std::nullopt;
  llvm::sort(Experts, [](auto &L, auto &R) { return L.first < R.first; });
  const Expert &First = Experts.begin()->second;
  for (auto &[Number, Each] : Experts)
    if (!Each.Hidden.isLike(First.Hidden) ||
        Each.Down.IsTransposed != First.Down.IsTransposed ||
        !Each.Down.Bias != !First.Down.Bias)
      return std::nullopt;
  ExpertLayer Layer;
  Layer.X = First.Hidden.Up.X;
  Layer.Experts = Table.getIndices();
  Layer.Weights = Table.getUpdates();
  Layer.Hidden = First.Hidden;
  Layer.Down = First.Down;
  if (typeOf(Layer.X).getRank() != 2 ||
      !stack(Layer.Down, B,
             [](const Expert &E) -> const ExpertLinear & { return E.Down; }) ||
      !stack(Layer.Hidden.Up, B, [](const Expert &E) -> const ExpertLinear & {
        return E.Hidden.Up;
      }))
    return std::nullopt;
  if (Layer.Hidden.Gate && !stack(*Layer.Hidden.Gate, B,
                                  [](const Expert &E) -> const ExpertLinear & {
                                    return *E.Hidden.Gate;
                                  }))
    return std::nullopt;
  return Layer;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct RaiseMoE : dure::impl::RaiseMoEBase<RaiseMoE> {
  void runOnOperation() override {
    WeightRecipes Weights(getOperation());
    GroupedExperts Grouped(Weights);
    SmallVector<Operation *> Roots;
    getOperation().walk([&](Operation *Op) {
      if (isa<ReduceOp, AddOp>(Op))
        Roots.push_back(Op);
    });
    for (Operation *Root : Roots) {
      OpBuilder B(Root);
      std::optional<ExpertLayer> Layer;
      if (auto Sum = dyn_cast<ReduceOp>(Root)) {
        Layer = BatchedForm().match(Sum, B);
        if (!Layer)
          Layer = Grouped.match(Sum, B);
      } else {
        Layer = DenseForm(Weights).match(cast<AddOp>(Root), B);
      }
      Value Result = Layer ? buildMoE(B, Root->getLoc(), *Layer) : Value();
      if (!Result)
        continue;
      auto Type = cast<RankedTensorType>(Root->getResult(0).getType());
      Root->getResult(0).replaceAllUsesWith(
          B.createOrFold<ReshapeOp>(Root->getLoc(), Type, Result));
    }
    // What is dead would be matched again by the passes to come.
    eraseDead();
    for (auto Function : getOperation().getOps<func::FuncOp>())
      Grouped.eraseSymbols(Function);
    eraseDead();
  }

  void eraseDead() {
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>(
        [](Operation *Op) {
          if (isOpTriviallyDead(Op))
            Op->erase();
        });
  }
};

} // namespace
