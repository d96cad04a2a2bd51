// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The length of a state as a number that is read, rather than a size.
#include "compiler/passes/specialize/StepShapes.h"

#include "compiler/passes/Passes.h"

using namespace mlir;
using namespace dure;

namespace {

/// Rewrites one `step`. All of its values are i64 as positions are.
class LengthReader {
public:
  explicit LengthReader(func::FuncOp Step)
      : Step(Step), B(Step.getContext()), Loc(Step.getLoc()),
        Length(Step->getAttrOfType<StringAttr>(StateLengthSymbolAttr)
                   .getValue()
                   .str()) {
    B.setInsertionPointToStart(&Step.getBody().front());
  }
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

  Value make(StringRef Name, ValueRange Operands,
             ArrayRef<NamedAttribute> Attributes = {});
  Value compare(Value L, Value R, ComparePredicate Predicate);
  Value number(int64_t Value);
  Value iota(ArrayRef<DimExpr> Dims, int64_t Axis);
  Value visibleKeys(AttentionOp Op, const DimExpr &Keys,
                    const DimExpr &Queries);

  func::FuncOp Step;
  OpBuilder B;
  Location Loc;
  std::string Length;
  /// tensor<i64>: the longest row.
  Value Longest;
  bool Failed = false;
};

} // namespace

Value LengthReader::make(StringRef Name, ValueRange Operands,
                         ArrayRef<NamedAttribute> Attributes) {
  if (llvm::is_contained(Operands, Value()))
    return {};
  std::string Error;
  FailureOr<Operation *> Made =
      createInferredOp(B, Loc, Name, Operands, Attributes, &Error);
  Failed = Failed || failed(Made);
  return failed(Made) ? Value() : (*Made)->getResult(0);
}

Value LengthReader::compare(Value L, Value R, ComparePredicate Predicate) {
  return make(CompareOp::getOperationName(), {L, R},
              B.getNamedAttr("predicate", ComparePredicateAttr::get(
                                              B.getContext(), Predicate)));
}

Value LengthReader::number(int64_t Value) {
  auto Type = RankedTensorType::get({}, B.getI64Type());
  return ConstantOp::create(B, Loc, DenseElementsAttr::get(Type, Value));
}

Value LengthReader::iota(ArrayRef<DimExpr> Dims, int64_t Axis) {
  return IotaOp::create(B, Loc, tensorOf(Dims, B.getI64Type()),
                        B.getI64IntegerAttr(Axis));
}

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
      Longest =
          make(ReduceOp::getOperationName(), Argument,
               {B.getNamedAttr("kind", ReduceKindAttr::get(B.getContext(),
                                                           ReduceKind::Max)),
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
  Value Part = make(MulOp::getOperationName(), {Factor, Longest});
  Value Sum = make(AddOp::getOperationName(), {Rest, Part});
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
  Value Cut =
      make(SliceOp::getOperationName(), Op.getX(),
           {B.getNamedAttr("starts", DimsAttr::get(B.getContext(), Starts)),
            B.getNamedAttr("sizes", DimsAttr::get(B.getContext(), Sizes)),
            B.getNamedAttr("steps", Op.getStepsAttr())});
  Value Rows = make(AddOp::getOperationName(), {iota({Size}, 0), Longest});
  if (*First != 0)
    Rows = make(AddOp::getOperationName(), {Rows, number(*First)});
  Value Taken = make(GatherOp::getOperationName(), {Cut, Rows},
                     B.getNamedAttr("axis", B.getI64IntegerAttr(*Axis)));
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
  Value Next =
      make(AddOp::getOperationName(), {iota({Queries, 1}, 0), Longest});
  if (*Offset != 0)
    Next = make(AddOp::getOperationName(), {Next, number(*Offset)});
  Value Visible;
  if (Op.getCausal()) {
    Visible = compare(Key, Next, ComparePredicate::LE);
  } else {
    Value Rest =
        DimValuesOp::create(B, Loc, RankedTensorType::get({}, B.getI64Type()),
                            DimsAttr::get(B.getContext(), {Parts->first}));
    Value End = make(AddOp::getOperationName(), {Longest, Rest});
    Visible = compare(Key, End, ComparePredicate::LT);
  }
  // No key behind the valid ones is at or before a query's place, or the end.
  if (Visible)
    Visible.getDefiningOp()->setAttr(FalseBehindAttr, B.getUnitAttr());
  if (Op.getWindow() > 0) {
    int64_t Width = static_cast<int64_t>(Op.getWindow());
    Value Begin = make(SubOp::getOperationName(), {Next, number(Width)});
    Value IsNear = compare(Key, Begin, ComparePredicate::GT);
    Visible = make(AndOp::getOperationName(), {Visible, IsNear});
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
  if (Value Mask = Op.getMask()) {
    auto Type = cast<RankedTensorType>(Mask.getType());
    if (Type.getElementType().isInteger(1)) {
      Visible = make(AndOp::getOperationName(), {Mask, Visible});
    } else {
      auto Element = cast<FloatType>(Type.getElementType());
      Value Hidden = ConstantOp::create(
          B, Loc,
          DenseElementsAttr::get(
              RankedTensorType::get({}, Element),
              APFloat::getInf(Element.getFloatSemantics(), true)));
      Visible = make(SelectOp::getOperationName(), {Visible, Mask, Hidden});
    }
  }
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
    B.setInsertionPoint(Op);
    Loc = Op->getLoc();
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
