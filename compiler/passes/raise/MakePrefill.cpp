// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes the entry `prefill`: `step`, of whose results only the last position is
// computed.
#include "compiler/passes/Passes.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_MAKEPREFILL
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// A use of a value as an operand, and which of its dimensions counts the new
/// positions there.
struct CutOperand {
  unsigned Number;
  int64_t Axis;
};

/// Cuts a function down to what the last position of its results needs. An op
/// is cut where all of its users are; elsewhere its result is sliced.
class PositionCutter {
public:
  PositionCutter(func::FuncOp Function, DimExpr Positions)
      : Function(Function), Positions(Positions),
        // Of no positions there is no last one.
        Kept(DimExpr::min(Positions, DimExpr(1))),
        Builder(Function.getContext()) {}

  /// Whether any result is one of positions, [batch, positions, ..].
  bool run();

private:
  bool isOfPositions(Value V, int64_t Axis) const {
    return Axis >= 0 && Axis < typeOf(V).getRank() &&
           dimOf(typeOf(V), Axis) == Positions;
  }
  /// The dimension of `V` that numpy broadcasting lays on `Axis` of `Rank`, if
  /// it counts positions; repeated ones do not matter.
  void addBroadcast(Operation *Op, unsigned Number, int64_t Axis, int64_t Rank,
                    SmallVectorImpl<CutOperand> &Out) const;
  std::optional<SmallVector<CutOperand>> operandsOf(Operation *Op,
                                                    int64_t Axis) const;
  bool isCut(Operation *User, Value V, int64_t Axis) const;
  void choose();
  RankedTensorType cutType(Value V, int64_t Axis) const;
  Value sliceOf(Value V, int64_t Axis);
  void rewrite();

  func::FuncOp Function;
  DimExpr Positions, Kept;
  OpBuilder Builder;
  /// What is cut, from the last to the first, and along which dimension.
  llvm::MapVector<Operation *, std::pair<int64_t, SmallVector<CutOperand>>>
      Chosen;
  SmallVector<unsigned> Results;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> Slices;
};

} // namespace

void PositionCutter::addBroadcast(Operation *Op, unsigned Number, int64_t Axis,
                                  int64_t Rank,
                                  SmallVectorImpl<CutOperand> &Out) const {
  Value V = Op->getOperand(Number);
  int64_t Own = Axis - (Rank - typeOf(V).getRank());
  if (isOfPositions(V, Own))
    Out.push_back({Number, Own});
}

/// The operands that hold positions, where the result's last position along
/// `Axis` depends on no other of theirs; nothing for other ops.
std::optional<SmallVector<CutOperand>>
PositionCutter::operandsOf(Operation *Op, int64_t Axis) const {
  SmallVector<CutOperand> Out;
  const int64_t Rank = typeOf(Op->getResult(0)).getRank();
  auto Broadcast = [&](ArrayRef<unsigned> Numbers) {
    for (unsigned Number : Numbers)
      addBroadcast(Op, Number, Axis, Rank, Out);
    return Out;
  };
  if (isElementwise(Op)) {
    for (unsigned Number = 0; Number < Op->getNumOperands(); ++Number)
      addBroadcast(Op, Number, Axis, Rank, Out);
    return Out;
  }
  if (auto MatMul = dyn_cast<MatMulOp>(Op)) {
    if (MatMul.getTransposeLhs() || Axis != Rank - 2 ||
        typeOf(MatMul.getLhs()).getRank() < 2)
      return std::nullopt;
    return Broadcast({0});
  }
  if (isa<RMSNormOp, LayerNormOp>(Op)) {
    auto First = Op->getAttrOfType<IntegerAttr>("axis");
    if (Axis >= First.getInt())
      return std::nullopt;
    return Broadcast({0});
  }
  if (isa<GatedMLPOp>(Op)) {
    if (Axis == Rank - 1)
      return std::nullopt;
    return Broadcast({0});
  }
  if (isa<RopeOp>(Op)) {
    if (Axis != 2)
      return std::nullopt;
    return Broadcast({0, 1, 2});
  }
  if (auto Attention = dyn_cast<AttentionOp>(Op)) {
    if (Axis != 2)
      return std::nullopt;
    // Queries are aligned with the last keys: the last query stays it.
    Out.push_back({0, 2});
    if (Attention.getMask())
      addBroadcast(Op, 3, Axis, Rank, Out);
    return Out;
  }
  if (auto Transpose = dyn_cast<TransposeOp>(Op)) {
    Out.push_back({0, Transpose.getPermutation()[Axis]});
    return Out;
  }
  if (auto Reshape = dyn_cast<ReshapeOp>(Op)) {
    // Rows before and within a position stay what they are.
    Value X = Reshape.getX();
    for (int64_t I = 0; I < Axis; ++I)
      if (I >= typeOf(X).getRank() ||
          dimOf(typeOf(X), I) != dimOf(Reshape.getType(), I))
        return std::nullopt;
    if (!isOfPositions(X, Axis))
      return std::nullopt;
    Out.push_back({0, Axis});
    return Out;
  }
  return std::nullopt;
}

/// Whether `User` reads no more of `V` than its last position along `Axis`.
bool PositionCutter::isCut(Operation *User, Value V, int64_t Axis) const {
  if (auto Return = dyn_cast<func::ReturnOp>(User))
    return Axis == 1 &&
           llvm::all_of(llvm::enumerate(Return.getOperands()), [&](auto Each) {
             return Each.value() != V ||
                    llvm::is_contained(Results, Each.index());
           });
  auto Found = Chosen.find(User);
  if (Found == Chosen.end())
    return false;
  unsigned Uses = 0;
  for (const CutOperand &Each : Found->second.second) {
    if (User->getOperand(Each.Number) != V)
      continue;
    if (Each.Axis != Axis)
      return false;
    ++Uses;
  }
  return Uses == static_cast<unsigned>(llvm::count(User->getOperands(), V));
}

/// Users come before producers, so that it is known of all of them.
void PositionCutter::choose() {
  llvm::DenseMap<Value, int64_t> Wanted;
  mlir::Block &Body = Function.getBody().front();
  for (unsigned Result : Results)
    Wanted.try_emplace(Body.getTerminator()->getOperand(Result), 1);
  for (Operation &Op : llvm::reverse(Body.without_terminator())) {
    if (Op.getNumResults() != 1)
      continue;
    Value V = Op.getResult(0);
    auto Found = Wanted.find(V);
    if (Found == Wanted.end())
      continue;
    const int64_t Axis = Found->second;
    if (!llvm::all_of(V.getUsers(),
                      [&](Operation *User) { return isCut(User, V, Axis); }))
      continue;
    std::optional<SmallVector<CutOperand>> Operands = operandsOf(&Op, Axis);
    if (!Operands)
      continue;
    for (const CutOperand &Each : *Operands)
      Wanted.try_emplace(Op.getOperand(Each.Number), Each.Axis);
    Chosen.insert({&Op, {Axis, std::move(*Operands)}});
  }
}

RankedTensorType PositionCutter::cutType(Value V, int64_t Axis) const {
  SmallVector<DimExpr> Dims = dimsOf(typeOf(V));
  Dims[Axis] = Kept;
  return tensorOf(Dims, typeOf(V).getElementType());
}

Value PositionCutter::sliceOf(Value V, int64_t Axis) {
  Value &Known = Slices[{V, Axis}];
  if (Known)
    return Known;
  Builder.setInsertionPointAfterValue(V);
  RankedTensorType Type = cutType(V, Axis);
  SmallVector<DimExpr> Starts(Type.getRank(), DimExpr(0));
  Starts[Axis] = Positions - Kept;
  SmallVector<int64_t> Steps(Type.getRank(), 1);
  Known = SliceOp::create(Builder, V.getLoc(), Type, V,
                          DimsAttr::get(Builder.getContext(), Starts),
                          DimsAttr::get(Builder.getContext(), dimsOf(Type)),
                          Builder.getDenseI64ArrayAttr(Steps));
  return Known;
}

/// Producers come before users, so that what a cut op reads is cut.
void PositionCutter::rewrite() {
  auto Cut = [&](OpOperand &Use, int64_t Axis) {
    Operation *Producer = Use.get().getDefiningOp();
    if (!Producer || !Chosen.contains(Producer))
      Use.set(sliceOf(Use.get(), Axis));
  };
  for (auto &[Op, How] : llvm::reverse(Chosen)) {
    auto &[Axis, Operands] = How;
    for (const CutOperand &Each : Operands)
      Cut(Op->getOpOperand(Each.Number), Each.Axis);
    Op->getResult(0).setType(cutType(Op->getResult(0), Axis));
  }
  Operation *Return = Function.getBody().front().getTerminator();
  for (unsigned Result : Results)
    Cut(Return->getOpOperand(Result), 1);
  Function.setType(FunctionType::get(Function.getContext(),
                                     Function.getBody().getArgumentTypes(),
                                     Return->getOperandTypes()));
}

bool PositionCutter::run() {
  Operation *Return = Function.getBody().front().getTerminator();
  for (OpOperand &Result : Return->getOpOperands())
    if (typeOf(Result.get()).getRank() == 3 && isOfPositions(Result.get(), 1))
      Results.push_back(Result.getOperandNumber());
  if (Results.empty())
    return false;
  choose();
  rewrite();
  return true;
}

namespace {

struct MakePrefill : dure::impl::MakePrefillBase<MakePrefill> {
  void runOnOperation() override {
    auto Step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!Step || Step.isExternal() ||
        getOperation().lookupSymbol<func::FuncOp>("prefill"))
      return;
    auto Growth = Step->getAttrOfType<DimsAttr>(StateGrowthAttr);
    // One position is its own last.
    if (!Growth || Growth.expr(0).constant())
      return;
    OwningOpRef<func::FuncOp> Prefill = Step.clone();
    Prefill->setSymName("prefill");
    if (PositionCutter(*Prefill, Growth.expr(0)).run())
      getOperation().insert(std::next(Step->getIterator()), Prefill.release());
  }
};

} // namespace
