// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixtures of experts in grouped form.
#include "compiler/passes/raise/GroupedExperts.h"

#include "compiler/passes/raise/StackedWeights.h"
#include "compiler/passes/support/IndexForm.h"
#include "compiler/passes/support/ListSums.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;

namespace dure {

//===----------------------------------------------------------------------===//
// Rows, in order and sorted
//===----------------------------------------------------------------------===//

namespace {

/// x[indices, ..]: rows of x, which the indices, in row-major order, choose.
struct RowGather {
  Value X, Indices;
};
std::optional<RowGather> matchRowGather(Value V) {
  if (auto Gather = V.getDefiningOp<GatherOp>();
      Gather && Gather.getAxis() == 0)
    return RowGather{Gather.getX(), stripReshapes(Gather.getIndices())};
  if (auto Gather = V.getDefiningOp<GatherElementsOp>();
      Gather && Gather.getAxis() == 0 && Gather.getType().getRank() == 1)
    return RowGather{Gather.getX(), stripReshapes(Gather.getIndices())};
  auto Gather = V.getDefiningOp<GatherNDOp>();
  if (!Gather || Gather.getBatchDims() != 0)
    return std::nullopt;
  RankedTensorType Tuples = typeOf(Gather.getIndices());
  if (Tuples.getDimSize(Tuples.getRank() - 1) != 1)
    return std::nullopt;
  return RowGather{Gather.getX(), stripReshapes(Gather.getIndices())};
}

/// The places of all elements of a list, from the smallest one on.
TopKOp matchSort(Value V) {
  auto Sort = stripReshapes(V).getDefiningOp<TopKOp>();
  if (!Sort || typeOf(Sort.getX()).getRank() != 1 || !Sort.getSmallest() ||
      Sort.getK().expr(0) != dimOf(typeOf(Sort.getX()), 0))
    return {};
  return Sort;
}

/// 0, 1, 2, ... as a list.
bool countsUp(Value V) {
  std::optional<IndexForm> Form = indexFormOf(V);
  return Form && Form->Coefficients.size() == 1 &&
         Form->Coefficients[0].isConstant(1) && Form->Offset.isConstant(0);
}

/// The sort whose places V undoes: at place p of the sorted list's element i,
/// V has i. What it was before every place was written does not matter.
TopKOp matchInverse(Value V) {
  V = stripReshapes(V);
  if (TopKOp Again = matchSort(V))
    return matchSort(Again.getX());
  Value Base, Indices, Updates;
  if (auto Scatter = V.getDefiningOp<ScatterNDOp>();
      Scatter && Scatter.getReduction() == ScatterReduction::None) {
    Base = Scatter.getX();
    Indices = Scatter.getIndices();
    Updates = Scatter.getUpdates();
  } else if (auto Scatter = V.getDefiningOp<ScatterElementsOp>();
             Scatter && Scatter.getReduction() == ScatterReduction::None) {
    Base = Scatter.getX();
    Indices = Scatter.getIndices();
    Updates = Scatter.getUpdates();
  }
  TopKOp Sort = Indices ? matchSort(Indices) : TopKOp();
  bool IsInverse = Sort && typeOf(Base).getRank() == 1 &&
                   dimOf(typeOf(Base), 0) == Sort.getK().expr(0) &&
                   countsUp(Updates);
  return IsInverse ? Sort : TopKOp();
}

/// i / slots for i = 0, 1, 2, ..: a column of tokens, repeated.
bool countsTokens(Value V, const DimExpr &Tokens, const DimExpr &Slots) {
  auto Repeat = stripReshapes(V).getDefiningOp<BroadcastOp>();
  if (!Repeat ||
      dimsOf(Repeat.getType()) != SmallVector<DimExpr>{Tokens, Slots})
    return false;
  Value Column = Repeat.getX();
  return dimsOf(typeOf(Column)) == SmallVector<DimExpr>{Tokens, 1} &&
         countsUp(stripReshapes(Column));
}

//===----------------------------------------------------------------------===//
// A layer
//===----------------------------------------------------------------------===//

/// sum over slots of weight * down(h), where rows are sorted by expert before
/// the linear layers and put back behind them. A linear layer is a concat of
/// each expert's product with its own rows.
class GroupedForm {
public:
  /// The layer, its parameters the first expert's, in no shape yet.
  std::optional<ExpertLayer> match(ReduceOp Sum);

  /// Rows that an expert reads, of those that are sorted.
  struct Range {
    DimExpr Start, Size;

    bool operator==(const Range &Other) const {
      return Start == Other.Start && Size == Other.Size;
    }
  };
  ArrayRef<Range> ranges() const { return Ranges; }
  const DimExpr &tokens() const { return Tokens; }
  const DimExpr &slots() const { return Slots; }
  const DimExpr &rows() const { return Rows; }
  int64_t experts() const { return Ranges.size(); }
  /// Indices of experts, in order of rows, and the sort by them.
  Value ids() { return Sort.getX(); }
  bool isList(Value V) { return V == ids() || isSortedList(V); }

  /// Parameters of all experts, by the first one's.
  llvm::MapVector<Value, SmallVector<Value>> Parts;

private:
  struct Piece {
    ExpertLinear Linear;
    Range Rows;
  };
  bool isSortedList(Value V);
  bool matchRouter();
  std::optional<Value> matchPutBack(Value V);
  std::optional<Value> matchWeighted(Value V, Value &Product);
  std::optional<Piece> matchPiece(Value V);
  std::optional<ExpertLinear> matchLinear(Value V);
  Value matchTokenRows(Value Sorted);
  bool note(Value First, ArrayRef<Value> All);

  DimExpr Tokens, Slots, Rows;
  TopKOp Sort;
  SmallVector<Range> Ranges;
};

/// The list of experts' indices, sorted, in whichever way it is gathered.
bool GroupedForm::isSortedList(Value V) {
  std::optional<RowGather> Sorted = matchRowGather(V);
  return Sorted && Sorted->X == ids() && Sorted->Indices == Sort.getResult();
}

/// Whether all indices are those of experts: places of a row's best scores, of
/// which there is one an expert.
bool GroupedForm::matchRouter() {
  Value V = ids();
  while (isa_and_nonnull<ReshapeOp, CastOp>(V.getDefiningOp())) {
    auto Element = dyn_cast<IntegerType>(typeOf(V).getElementType());
    if (!Element || Element.getWidth() < 32)
      return false;
    V = V.getDefiningOp()->getOperand(0);
  }
  auto Router = V.getDefiningOp<TopKOp>();
  return Router &&
         dimOf(typeOf(Router.getX()), Router.getAxis()).isConstant(experts()) &&
         dimOf(typeOf(ids()), 0) == Rows;
}

/// Rows that are put back where they were before the sort: gives them sorted.
std::optional<Value> GroupedForm::matchPutBack(Value V) {
  std::optional<RowGather> Gather = matchRowGather(V);
  TopKOp Inverted = Gather ? matchInverse(Gather->Indices) : TopKOp();
  if (!Inverted || (Sort && Sort != Inverted) ||
      typeOf(Gather->X).getRank() != 2)
    return std::nullopt;
  Sort = Inverted;
  return Gather->X;
}

/// A product of rows with one weight each; gives the weights as a column and
/// the rows.
std::optional<Value> GroupedForm::matchWeighted(Value V, Value &Product) {
  auto Mul = V.getDefiningOp<MulOp>();
  if (!Mul)
    return std::nullopt;
  RankedTensorType Type = Mul.getType();
  for (auto [Row, Weight] : {std::pair(Mul.getLhs(), Mul.getRhs()),
                             std::pair(Mul.getRhs(), Mul.getLhs())}) {
    RankedTensorType Of = typeOf(Row), Column = typeOf(Weight);
    if (Of.getRank() != Type.getRank() || Column.getRank() != Type.getRank() ||
        elementCount(Column) != Rows || Column.getRank() < 2 ||
        !dimOf(Column, Column.getRank() - 1).isConstant(1) ||
        dimOf(Of, Of.getRank() - 1) != dimOf(Type, Type.getRank() - 1))
      continue;
    Product = Row;
    return Weight;
  }
  return std::nullopt;
}

/// One expert's rows times its weights, plus its bias.
std::optional<GroupedForm::Piece> GroupedForm::matchPiece(Value V) {
  Piece Out;
  if (auto Add = V.getDefiningOp<AddOp>())
    for (auto [Product, Other] : {std::pair(Add.getLhs(), Add.getRhs()),
                                  std::pair(Add.getRhs(), Add.getLhs())})
      if (Other.getDefiningOp<GetWeightOp>() && typeOf(Other).getRank() == 1) {
        Out.Linear.Bias = Other;
        V = Product;
        break;
      }
  auto MatMul = V.getDefiningOp<MatMulOp>();
  if (!MatMul || MatMul.getTransposeLhs() ||
      !MatMul.getRhs().getDefiningOp<GetWeightOp>() ||
      typeOf(MatMul.getRhs()).getRank() != 2)
    return std::nullopt;
  Out.Linear.W = MatMul.getRhs();
  Out.Linear.IsTransposed = MatMul.getTransposeRhs();
  auto Gather = MatMul.getLhs().getDefiningOp<GatherOp>();
  if (!Gather || Gather.getAxis() != 0 ||
      typeOf(Gather.getX()).getRank() != 2 ||
      typeOf(Gather.getIndices()).getRank() != 1)
    return std::nullopt;
  std::optional<IndexForm> Places = indexFormOf(Gather.getIndices());
  if (!Places || !Places->Coefficients[0].isConstant(1))
    return std::nullopt;
  Out.Linear.X = Gather.getX();
  Out.Rows = {Places->Offset, dimOf(typeOf(Gather.getIndices()), 0)};
  return Out;
}

/// Notes the parameters of all experts; false when others began with the same.
bool GroupedForm::note(Value First, ArrayRef<Value> All) {
  auto [At, IsNew] = Parts.try_emplace(First, All);
  return IsNew || ArrayRef<Value>(At->second) == All;
}

/// All experts' products, one behind the other, plus biases by rows' experts.
std::optional<ExpertLinear> GroupedForm::matchLinear(Value V) {
  ExpertLinear Out;
  if (auto Add = V.getDefiningOp<AddOp>()) {
    for (auto [Product, Other] : {std::pair(Add.getLhs(), Add.getRhs()),
                                  std::pair(Add.getRhs(), Add.getLhs())}) {
      std::optional<RowGather> Biases = matchRowGather(Other);
      if (!Biases || typeOf(Other).getRank() != 2 ||
          !Biases->X.getDefiningOp<GetWeightOp>() ||
          typeOf(Biases->X).getRank() != 2 || !isSortedList(Biases->Indices))
        continue;
      Out.Bias = Biases->X;
      V = Product;
      break;
    }
  }
  auto Concat = V.getDefiningOp<ConcatOp>();
  if (!Concat || Concat.getAxis() != 0 || Concat.getType().getRank() != 2)
    return std::nullopt;
  SmallVector<Range> Read;
  SmallVector<Value> Weights, Biases;
  for (Value Each : Concat.getXs()) {
    std::optional<Piece> Found = matchPiece(Each);
    if (!Found)
      return std::nullopt;
    const ExpertLinear &Linear = Found->Linear;
    if (Weights.empty()) {
      Out.X = Linear.X;
      Out.W = Linear.W;
      Out.IsTransposed = Linear.IsTransposed;
    }
    if (Linear.X != Out.X || Linear.IsTransposed != Out.IsTransposed ||
        Linear.W.getType() != Out.W.getType())
      return std::nullopt;
    Read.push_back(Found->Rows);
    Weights.push_back(Linear.W);
    if (Linear.Bias)
      Biases.push_back(Linear.Bias);
  }
  if (Ranges.empty())
    Ranges = Read;
  if (Ranges != Read || !note(Out.W, Weights))
    return std::nullopt;
  if (Biases.empty())
    return Out;
  // Every expert has its own, and rows have no other.
  if (Out.Bias || Biases.size() != Weights.size() ||
      !note(Biases.front(), Biases))
    return std::nullopt;
  Out.Bias = Biases.front();
  return Out;
}

/// The rows of x, one a token, of which `Sorted` has one for each of a token's
/// slots, in the order of the sort.
Value GroupedForm::matchTokenRows(Value Sorted) {
  std::optional<RowGather> Gather = matchRowGather(Sorted);
  if (!Gather)
    return {};
  Value X = Gather->X, Places = Sort.getResult();
  auto IsOneEach = [&](Value X) {
    return typeOf(X).getRank() == 2 && dimOf(typeOf(X), 0) == Tokens;
  };
  if (Gather->Indices == Places) {
    if (Slots.isConstant(1))
      return IsOneEach(X) ? X : Value();
    // [T, 1, K] -> [T, S, K]
    auto Repeat = stripReshapes(X).getDefiningOp<BroadcastOp>();
    if (!Repeat || typeOf(X).getRank() != 2)
      return {};
    DimExpr Columns = dimOf(typeOf(X), 1);
    Value Once = Repeat.getX();
    bool Repeats =
        dimsOf(Repeat.getType()) ==
            SmallVector<DimExpr>{Tokens, Slots, Columns} &&
        dimsOf(typeOf(Once)) == SmallVector<DimExpr>{Tokens, 1, Columns};
    return Repeats ? Once : Value();
  }
  if (!IsOneEach(X))
    return {};
  // A place divided by a token's slots is the token.
  if (auto Div = Gather->Indices.getDefiningOp<DivOp>()) {
    std::optional<double> By = splatNumber(Div.getRhs());
    std::optional<int64_t> Each = Slots.constant();
    bool IsToken = stripReshapes(Div.getLhs()) == Places && By && Each &&
                   static_cast<double>(*Each) == *By &&
                   elementCount(Div.getType()) == Rows;
    return IsToken ? X : Value();
  }
  std::optional<RowGather> Token = matchRowGather(Gather->Indices);
  return Token && Token->Indices == Places &&
                 countsTokens(Token->X, Tokens, Slots)
             ? X
             : Value();
}

std::optional<ExpertLayer> GroupedForm::match(ReduceOp Sum) {
  std::optional<SlotSum> Terms = matchSlotSum(Sum);
  if (!Terms)
    return std::nullopt;
  const DimExpr &Columns = Terms->Columns;
  Tokens = Terms->Tokens;
  Slots = Terms->Slots;
  Rows = Tokens * Slots;

  // Weights meet rows that are still sorted, or that are put back.
  Value Core = stripReshapes(Sum.getX()), Product, Weights;
  if (std::optional<Value> Sorted = matchPutBack(Core)) {
    std::optional<Value> Column = matchWeighted(*Sorted, Product);
    std::optional<RowGather> Gather =
        Column ? matchRowGather(stripReshapes(*Column)) : std::nullopt;
    if (!Gather || Gather->Indices != Sort.getResult())
      return std::nullopt;
    Weights = Gather->X;
  } else {
    std::optional<Value> Column = matchWeighted(Core, Product);
    Sorted = Column ? matchPutBack(stripReshapes(Product)) : std::nullopt;
    if (!Sorted)
      return std::nullopt;
    if (elementCount(typeOf(Product)) != Rows * Columns)
      return std::nullopt;
    Weights = *Column;
    Product = *Sorted;
  }
  if (elementCount(typeOf(Weights)) != Rows || typeOf(Product).getRank() != 2 ||
      dimOf(typeOf(Product), 1) != Columns)
    return std::nullopt;

  auto Match = [&](Value V) { return matchLinear(V); };
  std::optional<ExpertLinear> Down = matchLinear(Product);
  std::optional<ExpertHidden> Hidden =
      Down ? matchHidden(Down->X, Match) : std::nullopt;
  Value X = Hidden ? matchTokenRows(Hidden->Up.X) : Value();
  if (!X || !matchRouter())
    return std::nullopt;
  ExpertLayer Layer;
  Layer.X = X;
  Layer.Hidden = *Hidden;
  Layer.Down = *Down;
  Layer.Experts = ids();
  Layer.Weights = stripReshapes(Weights);
  return Layer;
}

//===----------------------------------------------------------------------===//
// Proof of the ranges
//===----------------------------------------------------------------------===//

/// The symbol at which a range ends: its size is what lies between, if
/// anything.
std::optional<std::string> endOf(const GroupedForm::Range &Range) {
  std::set<std::string> Symbols;
  Range.Size.collectSymbols(Symbols);
  for (const std::string &Each : Symbols)
    if (DimExpr::max(DimExpr::symbol(Each) - Range.Start, 0) == Range.Size)
      return Each;
  return std::nullopt;
}

/// Whether each expert reads the rows, of those that are sorted by expert, that
/// chose it: from the number of rows of experts before it to the number of
/// those with it.
bool readOwnRows(GroupedForm &Form, const GroupedExperts::Sources &Symbols) {
  SmallVector<GroupedExperts::Source> Ends;
  DimExpr Start(0);
  for (const GroupedForm::Range &Range : Form.ranges()) {
    std::optional<std::string> End = endOf(Range);
    auto At = End ? Symbols.find(*End) : Symbols.end();
    if (Range.Start != Start || At == Symbols.end() || !At->second)
      return false;
    Ends.push_back(*At->second);
    Start = DimExpr::symbol(*End);
  }
  auto IsList = [&](Value V) { return Form.isList(V); };
  ListSums Counts(IsList, dimOf(typeOf(Form.ids()), 0));
  for (int64_t Id = 0; Id < Form.experts(); ++Id)
    for (auto [Expert, End] : llvm::enumerate(Ends)) {
      ListSums::Numbers Numbers = Counts.evaluate(End.From, Id);
      if (!Numbers ||
          (*Numbers)[End.At] != (Id <= static_cast<int64_t>(Expert)))
        return false;
    }
  return true;
}

} // namespace

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

const GroupedExperts::Sources &
GroupedExperts::sourcesIn(func::FuncOp Function) {
  auto [At, IsNew] = Known.try_emplace(Function);
  if (!IsNew)
    return At->second;
  Function.walk([&, &Found = At->second](DefineDimsOp Op) {
    for (auto [I, Name] : llvm::enumerate(Op.getNames())) {
      Source From{Op.getValues(), static_cast<unsigned>(I)};
      auto [Symbol, IsFirst] =
          Found.try_emplace(cast<StringAttr>(Name).getValue(), From);
      // In two branches, say: whichever it is.
      if (!IsFirst)
        Symbol->second = std::nullopt;
    }
  });
  return At->second;
}

std::optional<ExpertLayer> GroupedExperts::match(ReduceOp Sum, OpBuilder &B) {
  GroupedForm Form;
  std::optional<ExpertLayer> Layer = Form.match(Sum);
  auto Function = Sum->getParentOfType<func::FuncOp>();
  if (!Layer || !Function || !readOwnRows(Form, sourcesIn(Function)))
    return std::nullopt;
  auto Stack = [&](Value &First) {
    auto Parts = Form.Parts.find(First);
    // Null, or of all experts as it is.
    if (Parts == Form.Parts.end())
      return true;
    First = stackWeights(Weights, Parts->second, B);
    return static_cast<bool>(First);
  };
  ExpertHidden &Hidden = Layer->Hidden;
  for (ExpertLinear *Each :
       {&Layer->Down, &Hidden.Up, Hidden.Gate ? &*Hidden.Gate : nullptr})
    if (Each && (!Stack(Each->W) || !Stack(Each->Bias)))
      return std::nullopt;
  SmallVector<DimExpr> Slotted = {Form.tokens(), Form.slots()};
  Layer->Experts = reshaped(B, Layer->Experts, Slotted);
  Layer->Weights = reshaped(B, Layer->Weights, Slotted);
  DimExpr Total(0);
  for (const GroupedForm::Range &Range : Form.ranges())
    Total = Total + Range.Size;
  Proven[Function].push_back({Total, Form.rows()});
  return Layer;
}

void GroupedExperts::eraseSymbols(func::FuncOp Function) {
  auto Found = Proven.find(Function);
  if (Found == Proven.end())
    return;
  keepEqualDims(Function, [&](DimsAttr Pair) {
    return llvm::none_of(Found->second, [&](const auto &Equal) {
      return (Pair.expr(0) == Equal.first && Pair.expr(1) == Equal.second) ||
             (Pair.expr(0) == Equal.second && Pair.expr(1) == Equal.first);
    });
  });
  std::set<std::string> Read;
  AttrTypeWalker Reader;
  Reader.addWalk([&](DimsAttr Dims) {
    for (const DimExpr &Each : Dims.exprs())
      Each.collectSymbols(Read);
  });
  SmallVector<Operation *> Makers;
  Function.walk([&](Operation *Op) {
    if (isa<DefineDimsOp, BindDimsOp>(Op)) {
      Makers.push_back(Op);
      return;
    }
    Reader.walk(Op->getAttrDictionary());
    for (Type Each : Op->getResultTypes())
      Reader.walk(Each);
    for (Region &Inner : Op->getRegions())
      for (Block &Each : Inner)
        for (Type Argument : Each.getArgumentTypes())
          Reader.walk(Argument);
  });
  // The last first: a bound name reads others.
  for (Operation *Op : llvm::reverse(Makers)) {
    auto Names = Op->getAttrOfType<ArrayAttr>("names");
    bool IsRead = llvm::any_of(Names, [&](Attribute Name) {
      return Read.count(cast<StringAttr>(Name).str());
    });
    if (!IsRead)
      Op->erase();
    else if (auto Bind = dyn_cast<BindDimsOp>(Op))
      Reader.walk(Bind.getExprs());
  }
  Known.erase(Function);
  Proven.erase(Function);
}

} // namespace dure
