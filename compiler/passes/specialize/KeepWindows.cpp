// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Caches that are only read through windows keep the positions that a window
// can still reach, and no others.
//
// Why rows that move up rather than a ring: the rows stay in the order of their
// positions, so that attention keeps its causal order and window as attributes
// and a kernel leaves out what they hide. What moves is a window a step, beside
// the same rows that attention reads anyway.
#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/FixedWindow.h"
#include "compiler/passes/specialize/StepShapes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_KEEPWINDOWS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

constexpr int64_t PositionAxis = 2;

/// A cache of the state, its update, what attention reads of it, and how many
/// of the last positions a next step may need.
struct WindowCache {
  BlockArgument Past;
  CacheUpdateOp Update;
  SliceOp Present;
  int64_t Rows = 0;
};

class WindowKeeper {
public:
  WindowKeeper(func::FuncOp Function, bool IsFixed)
      : Function(Function), IsFixed(IsFixed), Builder(Function.getContext()) {}
  void run();

private:
  std::optional<WindowCache> match(BlockArgument Past) const;
  void dropUnpaired();
  bool isReadByWindow(AttentionOp Op, Value Present) const;
  Value sliceAt(Value X, int64_t Axis, const DimExpr &Start,
                const DimExpr &Size);
  Value behind(Value Old, Value New);
  Value maskOf(AttentionOp Op, const WindowCache &Cache, const DimExpr &First,
               const DimExpr &Size);
  Value noLengths();
  void rewrite(WindowCache &Cache);
  void rewriteFixed(WindowCache &Cache);
  void replace(WindowCache &Cache, Value Seen, Value Last);
  void setRows(WindowCache &Cache);

  func::FuncOp Function;
  /// Whether shapes may not depend on the length of the state.
  bool IsFixed;
  OpBuilder Builder;
  DimExpr Length, Capacity;
  /// By present, in the order of the arguments.
  llvm::MapVector<Value, WindowCache> Caches;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> Masks;
  Value Lengths, Zeros;
};

} // namespace

/// Whether what a row without any key gives does not matter. It may be made of
/// all values there are, not only of those that are kept; but where the mask is
/// of keys alone and shows a row's own key to nobody, the row is padding, and
/// what it gives reaches no other.
static bool mayForgetEmptyRows(AttentionOp Op) {
  if (Op.getEmptyRow() != EmptyRow::Mean || !Op.getMask())
    return true;
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Op.getMask()));
  for (int64_t I = static_cast<int64_t>(Dims.size()) - 2;
       I >= 0 && I >= static_cast<int64_t>(Dims.size()) - 3; --I)
    if (!Dims[I].isConstant(1))
      return false;
  return Op.getCausal();
}

/// Keys or values of one attention with a window.
bool WindowKeeper::isReadByWindow(AttentionOp Op, Value Present) const {
  if (Op.getWindow() < 2 || Op.getQ() == Present || Op.getMask() == Present ||
      Op.getSinks() == Present || !mayForgetEmptyRows(Op))
    return false;
  Value Mask = Op.getMask();
  if (!Mask || typeOf(Mask).getRank() == 0)
    return true;
  // Another size than one, or that of the keys, is not cut here.
  DimExpr Keys = dimOf(typeOf(Mask), typeOf(Mask).getRank() - 1);
  return Keys.isConstant(1) || Keys == dimOf(typeOf(Present), PositionAxis);
}

std::optional<WindowCache> WindowKeeper::match(BlockArgument Past) const {
  auto Update = Past.hasOneUse() ? dyn_cast<CacheUpdateOp>(*Past.user_begin())
                                 : CacheUpdateOp();
  if (!Update || Update.getCache() != Past ||
      !isa<BlockArgument>(Update.getLengths()) ||
      !Update.getResult().hasOneUse())
    return std::nullopt;
  auto Present = dyn_cast<SliceOp>(*Update.getResult().user_begin());
  if (!Present || dimOf(typeOf(Past), PositionAxis) != Capacity ||
      dimOf(Present.getType(), PositionAxis) !=
          Length + dimOf(typeOf(Update.getUpdate()), PositionAxis))
    return std::nullopt;
  for (const DimExpr &Start : Present.getStarts().exprs())
    if (!Start.isConstant(0))
      return std::nullopt;
  WindowCache Out{Past, Update, Present};
  for (Operation *User : Present.getResult().getUsers()) {
    auto Attention = dyn_cast<AttentionOp>(User);
    if (!Attention || !isReadByWindow(Attention, Present))
      return std::nullopt;
    // Its own position is new.
    Out.Rows = std::max<int64_t>(
        Out.Rows, static_cast<int64_t>(Attention.getWindow()) - 1);
  }
  return Out.Rows ? std::optional(Out) : std::nullopt;
}

/// Keys and values of one attention are cut alike, or not at all.
void WindowKeeper::dropUnpaired() {
  for (bool Changed = true; Changed;) {
    Changed = false;
    Function.walk([&](AttentionOp Op) {
      auto K = Caches.find(Op.getK()), V = Caches.find(Op.getV());
      if (K != Caches.end() && V != Caches.end() &&
          K->second.Rows == V->second.Rows)
        return;
      for (Value Each : {Op.getK(), Op.getV()})
        Changed |= Caches.erase(Each) != 0;
    });
  }
}

Value WindowKeeper::sliceAt(Value X, int64_t Axis, const DimExpr &Start,
                            const DimExpr &Size) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(X));
  SmallVector<DimExpr> Starts(Dims.size(), DimExpr(0));
  Dims[Axis] = Size;
  Starts[Axis] = Start;
  SmallVector<int64_t> Steps(Dims.size(), 1);
  MLIRContext *Context = Builder.getContext();
  return SliceOp::create(
      Builder, X.getLoc(), tensorOf(Dims, typeOf(X).getElementType()), X,
      DimsAttr::get(Context, Starts), DimsAttr::get(Context, Dims),
      Builder.getDenseI64ArrayAttr(Steps));
}

/// The rows of a cache, and new ones behind them.
Value WindowKeeper::behind(Value Old, Value New) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Old));
  Dims[PositionAxis] = Dims[PositionAxis] + dimOf(typeOf(New), PositionAxis);
  return ConcatOp::create(Builder, New.getLoc(),
                          tensorOf(Dims, typeOf(Old).getElementType()),
                          ValueRange{Old, New}, PositionAxis);
}

/// The mask's columns from key `First` on; null for none.
Value WindowKeeper::maskOf(AttentionOp Op, const WindowCache &Cache,
                           const DimExpr &First, const DimExpr &Size) {
  Value Mask = Op.getMask();
  const int64_t Axis = Mask ? typeOf(Mask).getRank() - 1 : -1;
  if (Axis < 0 || dimOf(typeOf(Mask), Axis).isConstant(1))
    return Mask;
  Value &Known = Masks[{Mask, Cache.Rows}];
  if (!Known) {
    OpBuilder::InsertionGuard Guard(Builder);
    Builder.setInsertionPointAfterValue(Mask);
    Known = sliceAt(Mask, Axis, First, Size);
  }
  return Known;
}

/// Zeros in place of the lengths: what is kept begins at the first row.
Value WindowKeeper::noLengths() {
  if (Zeros)
    return Zeros;
  OpBuilder::InsertionGuard Guard(Builder);
  Builder.setInsertionPointToStart(&Function.getBody().front());
  auto Scalar = RankedTensorType::get({}, Builder.getI64Type());
  Value Zero = ConstantOp::create(Builder, Function.getLoc(),
                                  DenseElementsAttr::get(Scalar, int64_t(0)));
  return Zeros = BroadcastOp::create(Builder, Function.getLoc(),
                                     Lengths.getType(), Zero);
}

void WindowKeeper::setRows(WindowCache &Cache) {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Cache.Past));
  Dims[PositionAxis] = DimExpr::min(Capacity, DimExpr(Cache.Rows));
  Cache.Past.setType(tensorOf(Dims, typeOf(Cache.Past).getElementType()));
}

/// Attention reads `Seen`, and `Last` is what the cache keeps.
void WindowKeeper::replace(WindowCache &Cache, Value Seen, Value Last) {
  // Nobody reads the result in this step: the state is what is changed.
  CacheUpdateOp::create(Builder, Cache.Update.getLoc(), Cache.Past.getType(),
                        Cache.Past, Last, noLengths());
  Cache.Present.getResult().replaceAllUsesWith(Seen);
  Cache.Present.erase();
  Cache.Update.erase();
}

/// What keys one attention has of them: its mask, which comes with the keys,
/// is for them.
static SmallVector<AttentionOp> readersOfKeys(Value Present) {
  SmallVector<AttentionOp> Out;
  for (OpOperand &Use : Present.getUses()) {
    auto Attention = cast<AttentionOp>(Use.getOwner());
    if (&Use == &Attention.getKMutable())
      Out.push_back(Attention);
  }
  return Out;
}

void WindowKeeper::rewrite(WindowCache &Cache) {
  const DimExpr New = dimOf(typeOf(Cache.Update.getUpdate()), PositionAxis);
  const DimExpr Rows(Cache.Rows);
  const DimExpr Kept = DimExpr::min(Length, Rows);
  const DimExpr Size = Kept + New, Next = DimExpr::min(Length + New, Rows);
  Builder.setInsertionPoint(Cache.Update);
  Value Old = sliceAt(Cache.Past, PositionAxis, DimExpr(0), Kept);
  Value Seen = behind(Old, Cache.Update.getUpdate());
  Value Last = sliceAt(Seen, PositionAxis, Size - Next, Next);
  for (AttentionOp Attention : readersOfKeys(Cache.Present))
    if (Value Mask = maskOf(Attention, Cache, Length - Kept, Size))
      Attention.getMaskMutable().assign(Mask);
  replace(Cache, Seen, Last);
}

void WindowKeeper::rewriteFixed(WindowCache &Cache) {
  const DimExpr New = dimOf(typeOf(Cache.Update.getUpdate()), PositionAxis);
  const DimExpr Rows = dimOf(typeOf(Cache.Past), PositionAxis);
  Builder.setInsertionPoint(Cache.Update);
  Value Seen = behind(Cache.Past, Cache.Update.getUpdate());
  FixedWindow Kept(Cache.Update, Length, Rows, New);
  Value Last = Kept.gather(Seen, Kept.nextRows(), PositionAxis);
  for (AttentionOp Attention : readersOfKeys(Cache.Present))
    FixedWindow(Attention, Length, Rows, New).hide(Attention);
  replace(Cache, Seen, Last);
}

void WindowKeeper::run() {
  Length = DimExpr::symbol(
      Function->getAttrOfType<StringAttr>(StateLengthSymbolAttr).getValue());
  Capacity = DimExpr::symbol(
      Function->getAttrOfType<StringAttr>(StateCapacitySymbolAttr).getValue());
  for (BlockArgument Argument : Function.getArguments()) {
    if (Function.getArgAttr(Argument.getArgNumber(), StateLengthsAttr))
      Lengths = Argument;
    if (!Function.getArgAttr(Argument.getArgNumber(), StateAttr))
      continue;
    if (std::optional<WindowCache> Found = match(Argument))
      Caches.insert({Found->Present.getResult(), *Found});
  }
  dropUnpaired();
  for (auto &[Present, Cache] : Caches) {
    setRows(Cache);
    IsFixed ? rewriteFixed(Cache) : rewrite(Cache);
  }
  Function.setType(FunctionType::get(Function.getContext(),
                                     Function.getBody().getArgumentTypes(),
                                     Function.getResultTypes()));
}

namespace {

struct KeepWindows : dure::impl::KeepWindowsBase<KeepWindows> {
  using KeepWindowsBase::KeepWindowsBase;

  void runOnOperation() override {
    // Others' IR may say so without a reason.
    getOperation().walk([](GatherOp Op) { Op->removeAttr(WithinValidAttr); });
    for (auto Function : getOperation().getOps<func::FuncOp>())
      if (!Function.isExternal() && Function->hasAttr(StateLengthSymbolAttr))
        WindowKeeper(Function, FixedShapes).run();
  }
};

} // namespace
