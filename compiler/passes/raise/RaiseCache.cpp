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

/// A symbol that occurs in none of the function's types.
std::string freshSymbol(func::FuncOp Function, StringRef Wish) {
  std::set<std::string> Taken;
  AttrTypeWalker Walker;
  Walker.addWalk([&](DimsAttr Dims) {
    for (const DimExpr &Expr : Dims.exprs())
      Expr.collectSymbols(Taken);
  });
  Walker.walk(Function.getFunctionType());
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
  Operation *Update = nullptr;
  for (Operation *User : Past.getUsers())
    Update = User;
  auto Concat = cast<ConcatOp>(Update);

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
    SmallVector<CachePair> Pairs;
    for (unsigned I = 0, E = Return.getNumOperands(); I < E; ++I)
      if (std::optional<CachePair> Pair = matchPair(Return, I))
        Pairs.push_back(*Pair);
    // All caches of a state share one length.
    auto LengthOf = [&](const CachePair &Pair) {
      return dimOf(
          cast<RankedTensorType>(Main.getArgument(Pair.Argument).getType()),
          PositionAxis);
    };
    if (Pairs.empty() || llvm::any_of(Pairs, [&](const CachePair &Pair) {
          return LengthOf(Pair) != LengthOf(Pairs.front());
        }))
      return;

    func::FuncOp Step = Main.clone();
    Step.setSymName("step");
    getOperation().insert(std::next(Main->getIterator()), Step);
    StepBuilder(Step, Pairs).build();
  }
};

} // namespace
