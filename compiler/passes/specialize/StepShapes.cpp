// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The length of a state as a number that is read, rather than a size.
#include "compiler/passes/specialize/StepShapes.h"

#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/PositionBuilder.h"

using namespace mlir;
using namespace dure;

namespace {

/// Rewrites one `step`. All of its values are i64 as positions are.
class LengthReader : PositionBuilder {
public:
  explicit LengthReader(func::FuncOp Step)
      : PositionBuilder(&Step.getBody().front().front()), Step(Step),
        Length(Step->getAttrOfType<StringAttr>(StateLengthSymbolAttr)
                   .getValue()
                   .str()) {}
  LogicalResult run();

private:
  bool dependsOnLength(const DimExpr &Expr) const {
    std::set<std::string> Symbols;
    Expr.collectSymbols(Symbols);
    return Symbols.count(Length) != 0;
  }
  /// `Expr` as Rest + Factor * length; empty when it is not of that form.
  std::optional<std::pair<DimExpr, int64_t>> split(const DimExpr &Expr) const;

  LogicalResult readLength();
  LogicalResult rewrite(DimValuesOp Op);
  LogicalResult rewrite(SliceOp Op);
  LogicalResult rewrite(AttentionOp Op);

  Value visibleKeys(AttentionOp Op, const DimExpr &Keys,
                    const DimExpr &Queries);

  func::FuncOp Step;
  std::string Length;
  /// tensor<i64>: the longest row.
  Value Longest;
};

} // namespace

std::optional<std::pair<DimExpr, int64_t>>
LengthReader::split(const DimExpr &Expr) const {
  DimExpr Rest = Expr.substitute({{Length, DimExpr(0)}});
  DimExpr One = Expr.substitute({{Length, DimExpr(1)}});
  std::optional<int64_t> Factor = (One - Rest).constant();
  if (!Factor || Rest + DimExpr(*Factor) * DimExpr::symbol(Length) != Expr)
    return std::nullopt;
  return std::pair(Rest, *Factor);
}

LogicalResult LengthReader::readLength() {
  for (BlockArgument Argument : Step.getArguments())
    if (Step.getArgAttr(Argument.getArgNumber(), StateLengthsAttr))
      Longest = make<ReduceOp>(
          Argument,
          {B.getNamedAttr("kind",
                          ReduceKindAttr::get(B.getContext(), ReduceKind::Max)),
           B.getNamedAttr("axes", B.getDenseI64ArrayAttr({0})),
           B.getNamedAttr("keep_dims", B.getBoolAttr(false))});
  return success(Longest != nullptr);
}

/// Rest + Factor * length, element by element.
LogicalResult LengthReader::rewrite(DimValuesOp Op) {
  if (llvm::none_of(Op.getExprs().exprs(),
                    [&](const DimExpr &E) { return dependsOnLength(E); }))
    return success();
  SmallVector<DimExpr> Rests;
  SmallVector<int64_t> Factors;
  for (const DimExpr &Expr : Op.getExprs().exprs()) {
    auto Parts = split(Expr);
    if (!Parts)
      return failure();
    Rests.push_back(Parts->first);
    Factors.push_back(Parts->second);
  }
  auto Type = cast<RankedTensorType>(Op.getType());
  Value Rest =
      DimValuesOp::create(B, Loc, Type, DimsAttr::get(B.getContext(), Rests));
  Value Factor = ConstantOp::create(
      B, Loc, DenseElementsAttr::get(Type, ArrayRef<int64_t>(Factors)));
  Value Part = make<MulOp>({Factor, Longest});
  Value Sum = make<AddOp>({Rest, Part});
  if (Failed)
    return failure();
  Op->replaceAllUsesWith(ValueRange(Sum));
  Op.erase();
  return success();
}

/// Rows from the length on are gathered.
LogicalResult LengthReader::rewrite(SliceOp Op) {
  std::optional<unsigned> Axis;
  for (auto [I, Start] : llvm::enumerate(Op.getStarts().exprs()))
    if (dependsOnLength(Start)) {
      if (Axis)
        return failure();
      Axis = I;
    }
  if (!Axis)
    return success();
  auto Parts = split(Op.getStarts().expr(*Axis));
  DimExpr Size = Op.getSizes().expr(*Axis);
  std::optional<int64_t> First = Parts ? Parts->first.constant() : std::nullopt;
  if (!First || Parts->second != 1 || Op.getSteps()[*Axis] != 1 ||
      dependsOnLength(Size))
    return failure();
  // The other dimensions are cut as they were.
  SmallVector<DimExpr> Starts = Op.getStarts().exprs();
  SmallVector<DimExpr> Sizes = Op.getSizes().exprs();
  Starts[*Axis] = DimExpr(0);
  Sizes[*Axis] = dimOf(cast<RankedTensorType>(Op.getX().getType()), *Axis);
  Value Cut = make<SliceOp>(
      Op.getX(),
      {B.getNamedAttr("starts", DimsAttr::get(B.getContext(), Starts)),
       B.getNamedAttr("sizes", DimsAttr::get(B.getContext(), Sizes)),
       B.getNamedAttr("steps", Op.getStepsAttr())});
  Value Rows = make<AddOp>({iota({Size}, 0), Longest});
  if (*First != 0)
    Rows = make<AddOp>({Rows, number(*First)});
  Value Taken = make<GatherOp>(
      {Cut, Rows}, B.getNamedAttr("axis", B.getI64IntegerAttr(*Axis)));
  if (Failed || Taken.getType() != Op.getType())
    return failure();
  Op->replaceAllUsesWith(ValueRange(Taken));
  Op.erase();
  return success();
}

/// [queries, keys] or [keys]: the keys that causal order, the window and the
/// length let a query see. Keys behind the length are seen by none.
Value LengthReader::visibleKeys(AttentionOp Op, const DimExpr &Keys,
                                const DimExpr &Queries) {
  // Keys are the length and this many more.
  std::optional<std::pair<DimExpr, int64_t>> Parts = split(Keys);
  if (!Parts || Parts->second != 1)
    return {};
  std::optional<int64_t> Offset = (Parts->first - Queries).constant();
  if (!Offset)
    return {};
  Value Key = iota({Keys}, 0);
  Value Next = make<AddOp>({iota({Queries, 1}, 0), Longest});
  if (*Offset != 0)
    Next = make<AddOp>({Next, number(*Offset)});
  Value Visible;
  if (Op.getCausal()) {
    Visible = compare(Key, Next, ComparePredicate::LE);
  } else {
    Value End = make<AddOp>({Longest, size(Parts->first)});
    Visible = compare(Key, End, ComparePredicate::LT);
  }
  // No key behind the valid ones is at or before a query's place, or the end.
  if (Visible)
    Visible.getDefiningOp()->setAttr(FalseBehindAttr, B.getUnitAttr());
  if (Op.getWindow() > 0) {
    int64_t Width = static_cast<int64_t>(Op.getWindow());
    Value Begin = make<SubOp>({Next, number(Width)});
    Value IsNear = compare(Key, Begin, ComparePredicate::GT);
    Visible = make<AndOp>({Visible, IsNear});
  }
  return Visible;
}

LogicalResult LengthReader::rewrite(AttentionOp Op) {
  DimExpr Keys = dimOf(cast<RankedTensorType>(Op.getK().getType()), 2);
  DimExpr Queries = dimOf(cast<RankedTensorType>(Op.getQ().getType()), 2);
  if (!dependsOnLength(Keys))
    return success(!dependsOnLength(Queries));
  Value Visible = visibleKeys(Op, Keys, Queries);
  if (!Visible)
    return failure();
  Visible = masked(Op.getMask(), Visible);
  if (Failed)
    return failure();
  Op.getMaskMutable().assign(Visible);
  Op.setCausal(false);
  Op.setWindow(0);
  return success();
}

LogicalResult LengthReader::run() {
  if (failed(readLength()))
    return failure();
  WalkResult Walk = Step.walk([&](Operation *Op) {
    moveTo(Op);
    LogicalResult Done = success();
    if (auto Sizes = dyn_cast<DimValuesOp>(Op))
      Done = rewrite(Sizes);
    else if (auto Slice = dyn_cast<SliceOp>(Op))
      Done = rewrite(Slice);
    else if (auto Attention = dyn_cast<AttentionOp>(Op))
      Done = rewrite(Attention);
    return succeeded(Done) ? WalkResult::advance() : WalkResult::interrupt();
  });
  return failure(Walk.wasInterrupted());
}

LogicalResult dure::readLengthAtRunTime(func::FuncOp Step) {
  return LengthReader(Step).run();
}
