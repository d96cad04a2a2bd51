// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recognises past/present pairs as key-value caches and makes the entry `step`,
// which works on them in place.
#include "compiler/passes/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"

namespace dure {
#define GEN_PASS_DEF_RAISECACHE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// present = concat(past, update) along `Axis`, past an argument, present a
/// result.
struct CachePair {
  unsigned Argument;
  unsigned Result;
  ConcatOp Concat;
};

/// The one axis that a cache grows along: [batch, heads, positions, width].
constexpr int64_t PositionAxis = 2;

std::optional<CachePair> matchPair(func::ReturnOp Return, unsigned Result) {
  auto Concat = Return.getOperand(Result).getDefiningOp<ConcatOp>();
  if (!Concat || Concat.getXs().size() != 2 ||
      static_cast<int64_t>(Concat.getAxis()) != PositionAxis ||
      Concat.getType().getRank() != 4)
    return std::nullopt;
  auto Past = dyn_cast<BlockArgument>(Concat.getXs().front());
  // A past that anything else reads would be seen after the update.
  if (!Past || !Past.hasOneUse())
    return std::nullopt;
  auto Type = cast<RankedTensorType>(Past.getType());
  if (!dimOf(Type, PositionAxis).asSymbol() || Type.isDynamicDim(1) ||
      Type.isDynamicDim(3))
    return std::nullopt;
  return CachePair{Past.getArgNumber(), Result, Concat};
}

/// The pairs of `Main`, one a past: a present that is returned twice is state
/// once and data once.
SmallVector<CachePair> matchPairs(func::ReturnOp Return) {
  SmallVector<CachePair> Pairs;
  for (unsigned I = 0, E = Return.getNumOperands(); I < E; ++I) {
    std::optional<CachePair> Pair = matchPair(Return, I);
    if (Pair && llvm::none_of(Pairs, [&](const CachePair &Known) {
          return Known.Argument == Pair->Argument;
        }))
      Pairs.push_back(*Pair);
  }
  return Pairs;
}

RankedTensorType pastType(CachePair Pair) {
  return cast<RankedTensorType>(Pair.Concat.getXs()[0].getType());
}

RankedTensorType updateType(CachePair Pair) {
  return cast<RankedTensorType>(Pair.Concat.getXs()[1].getType());
}

bool mentions(const DimExpr &Expr, const std::string &Symbol) {
  std::set<std::string> Symbols;
  Expr.collectSymbols(Symbols);
  return Symbols.count(Symbol) != 0;
}

/// True when all pairs are one state: a batch of sequences, each of one length,
/// which a step makes longer by one number of positions.
bool areOneState(func::FuncOp Main, ArrayRef<CachePair> Pairs) {
  DimExpr Batch = dimOf(pastType(Pairs.front()), 0);
  DimExpr Length = dimOf(pastType(Pairs.front()), PositionAxis);
  DimExpr Growth = dimOf(updateType(Pairs.front()), PositionAxis);
  std::string Symbol = *Length.asSymbol();
  // The length is the state's then: nothing else may follow it.
  if (mentions(Batch, Symbol) || mentions(Growth, Symbol))
    return false;
  for (const CachePair &Pair : Pairs)
    if (dimOf(pastType(Pair), 0) != Batch ||
        dimOf(pastType(Pair), PositionAxis) != Length ||
        dimOf(updateType(Pair), PositionAxis) != Growth)
      return false;
  // Another input that is as long as the past is a cache that a state does not
  // hold: whoever calls `step` has no past of that length to give.
  for (BlockArgument Argument : Main.getArguments()) {
    auto Type = dyn_cast<RankedTensorType>(Argument.getType());
    bool IsPair = llvm::any_of(Pairs, [&](const CachePair &Pair) {
      return Pair.Argument == Argument.getArgNumber();
    });
    if (Type && !IsPair && llvm::is_contained(dimsOf(Type), Length))
      return false;
  }
  return true;
}

/// A symbol that occurs nowhere in the function.
std::string freshSymbol(func::FuncOp Function, StringRef Wish) {
  std::set<std::string> Taken;
  AttrTypeWalker Walker;
  Walker.addWalk([&](DimsAttr Dims) {
    for (const DimExpr &Expr : Dims.exprs())
      Expr.collectSymbols(Taken);
  });
  // Symbols are defined by name, too.
  Walker.addWalk([&](StringAttr Name) { Taken.insert(Name.str()); });
  Function->walk([&](Operation *Op) {
    Walker.walk(Op->getAttrDictionary());
    for (Type Each : Op->getResultTypes())
      Walker.walk(Each);
  });
  std::string Name = Wish.str();
  while (Taken.count(Name))
    Name += "_";
  return Name;
}

/// Makes the pairs of a clone of `main` work on state.
class StepBuilder {
public:
  StepBuilder(func::FuncOp Step, ArrayRef<CachePair> Pairs)
      : Step(Step), Pairs(Pairs), Builder(Step.getContext()),
        Capacity(DimExpr::symbol(freshSymbol(Step, "capacity"))) {}

  void build() {
    addLengths();
    for (const CachePair &Pair : Pairs)
      turnIntoState(Pair);
    dropResults();
  }

private:
  void addLengths();
  void turnIntoState(const CachePair &Pair);
  void dropResults();

  func::FuncOp Step;
  ArrayRef<CachePair> Pairs;
  OpBuilder Builder;
  DimExpr Capacity;
  Value Lengths;
};

} // namespace

/// The number of positions that each row of the batch holds before the step.
void StepBuilder::addLengths() {
  auto Cache = cast<RankedTensorType>(
      Step.getArgument(Pairs.front().Argument).getType());
  auto Type = tensorOf({dimOf(Cache, 0)}, Builder.getI64Type());
  unsigned Index = Step.getNumArguments();
  NamedAttribute Mark(Builder.getStringAttr(StateLengthsAttr),
                      Builder.getUnitAttr());
  (void)Step.insertArgument(Index, Type, Builder.getDictionaryAttr(Mark),
                            Step.getLoc());
  Lengths = Step.getArgument(Index);
}

void StepBuilder::turnIntoState(const CachePair &Pair) {
  BlockArgument Past = Step.getArgument(Pair.Argument);
  auto PastType = cast<RankedTensorType>(Past.getType());
  auto Concat = cast<ConcatOp>(*Past.user_begin());

  SmallVector<DimExpr> Dims = dimsOf(PastType);
  Step->setAttr(StateLengthSymbolAttr,
                Builder.getStringAttr(Dims[PositionAxis].str()));
  Step->setAttr(
      StateGrowthAttr,
      DimsAttr::get(Builder.getContext(),
                    {dimOf(cast<RankedTensorType>(Concat.getXs()[1].getType()),
                           PositionAxis)}));
  Step->setAttr(StateCapacitySymbolAttr, Builder.getStringAttr(Capacity.str()));
  Dims[PositionAxis] = Capacity;
  RankedTensorType CacheType = tensorOf(Dims, PastType.getElementType());
  Past.setType(CacheType);
  Step.setArgAttr(Pair.Argument, StateAttr, Builder.getUnitAttr());

  Builder.setInsertionPoint(Concat);
  Value Cache = CacheUpdateOp::create(Builder, Concat.getLoc(), CacheType, Past,
                                      Concat.getXs()[1], Lengths);
  // What is in use of it: the same values as main's present.
  MLIRContext *Context = Builder.getContext();
  SmallVector<DimExpr> Zeros(4, DimExpr(0));
  Value Present =
      SliceOp::create(Builder, Concat.getLoc(), Concat.getType(), Cache,
                      DimsAttr::get(Context, Zeros),
                      DimsAttr::get(Context, dimsOf(Concat.getType())),
                      Builder.getDenseI64ArrayAttr({1, 1, 1, 1}));
  Concat.replaceAllUsesWith(Present);
  Concat.erase();
}

/// Presents are no results of a step: they are the state.
void StepBuilder::dropResults() {
  auto Return = cast<func::ReturnOp>(Step.getBody().front().getTerminator());
  BitVector Dropped(Return.getNumOperands());
  for (const CachePair &Pair : Pairs)
    Dropped.set(Pair.Result);
  Return->eraseOperands(Dropped);
  (void)Step.eraseResults(Dropped);
  Step.setType(FunctionType::get(Step.getContext(),
                                 Step.getBody().getArgumentTypes(),
                                 Return.getOperandTypes()));
}

namespace {

struct RaiseCache : dure::impl::RaiseCacheBase<RaiseCache> {
  void runOnOperation() override {
    auto Main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!Main || Main.isExternal() ||
        getOperation().lookupSymbol<func::FuncOp>("step"))
      return;
    auto Return = cast<func::ReturnOp>(Main.getBody().front().getTerminator());
    SmallVector<CachePair> Pairs = matchPairs(Return);
    if (Pairs.empty() || !areOneState(Main, Pairs))
      return;

    func::FuncOp Step = Main.clone();
    Step.setSymName("step");
    getOperation().insert(std::next(Main->getIterator()), Step);
    StepBuilder(Step, Pairs).build();
  }
};

} // namespace
