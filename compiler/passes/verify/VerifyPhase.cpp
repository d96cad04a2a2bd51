// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What must hold between phases beyond what each op says of itself.
#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/Buckets.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/StringSwitch.h"

namespace dure {
#define GEN_PASS_DEF_VERIFYPHASE
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// How far a module has come, as far as the rules differ.
enum class Stage {
  /// Up to specialize: neutral ops alone.
  Neutral,
  /// Up to quantize: work lies in regions.
  Placed,
  /// Work lies in dispatch functions.
  Dispatched
};

std::optional<Stage> stageOf(StringRef Phase) {
  return llvm::StringSwitch<std::optional<Stage>>(Phase)
      .Cases({"import", "simplify", "raise", "specialize"}, Stage::Neutral)
      .Cases({"place", "quantize"}, Stage::Placed)
      .Case("form-dispatches", Stage::Dispatched)
      .Default(std::nullopt);
}

/// What belongs to the host program at every stage.
bool isHostOp(Operation *Op) {
  return isa<GetWeightOp, ConstantOp, DefineDimsOp, BindDimsOp, BranchOp,
             IterateOp>(Op) ||
         Op->hasTrait<OpTrait::IsTerminator>();
}

/// Checks one function in program order: symbols are bound before they are
/// used, as the host computes them.
class FunctionVerifier {
public:
  FunctionVerifier(func::FuncOp Function, Stage At)
      : Function(Function), At(At),
        IsDispatch(Function->hasAttr(DureDialect::DispatchFnAttr)) {}

  LogicalResult verify();

private:
  void bindArguments();
  LogicalResult verifySignature();
  LogicalResult verifyOp(Operation *Op);
  LogicalResult verifyPlace(Operation *Op);
  LogicalResult verifyType(Operation *Op, Type T);
  LogicalResult verifySymbols(Operation *Op, Attribute A);
  LogicalResult verifyExprs(Operation *Op, DimsAttr Dims);
  void bindTypes(TypeRange Types);
  LogicalResult verifyBlocks(Operation *Op);
  LogicalResult verifyOwnDims(Operation *Op, TypeRange Own,
                              ArrayRef<ValueRange> Givers,
                              std::set<std::string> &Seen);
  LogicalResult verifyOwnDims(BranchOp Op);
  LogicalResult verifyOwnDims(IterateOp Op);
  void bindAll(ArrayAttr Names) {
    for (StringRef Name : Names.getAsValueRange<StringAttr>())
      Bound.insert(Name.str());
  }

  func::FuncOp Function;
  Stage At;
  bool IsDispatch;
  /// What is bound at this place, and in blocks that have ended.
  std::set<std::string> Bound, BoundInBlocks;
};

} // namespace

/// Binds what dims are bare symbols.
void FunctionVerifier::bindTypes(TypeRange Types) {
  for (Type T : Types)
    if (auto Tensor = dyn_cast<RankedTensorType>(T))
      if (auto Dims = dyn_cast_or_null<DimsAttr>(Tensor.getEncoding()))
        for (const DimExpr &Dim : Dims.exprs())
          if (std::optional<std::string> Name = Dim.asSymbol())
            Bound.insert(*Name);
}

void FunctionVerifier::bindArguments() {
  bindTypes(Function.getArgumentTypes());
  if (auto Names = Function->getAttrOfType<ArrayAttr>("dure.symbols"))
    bindAll(Names);
  for (StringRef Attr : {StateLengthSymbolAttr, StateCapacitySymbolAttr})
    if (auto Name = Function->getAttrOfType<StringAttr>(Attr))
      Bound.insert(Name.getValue().str());
}

LogicalResult FunctionVerifier::verifyExprs(Operation *Op, DimsAttr Dims) {
  std::set<std::string> Used;
  for (const DimExpr &Expr : Dims.exprs())
    Expr.collectSymbols(Used);
  for (const std::string &Name : Used)
    if (!Bound.count(Name))
      return Op->emitOpError("uses the dimension symbol '")
             << Name << "', which nothing binds before it";
  return success();
}

LogicalResult FunctionVerifier::verifyType(Operation *Op, Type T) {
  auto Tensor = dyn_cast<RankedTensorType>(T);
  if (!Tensor)
    return success();
  auto Dims = dyn_cast_or_null<DimsAttr>(Tensor.getEncoding());
  if (!Dims && !Tensor.hasStaticShape())
    return Op->emitOpError("has a dynamic dimension without an expression: ")
           << Tensor;
  return Dims ? verifyExprs(Op, Dims) : success();
}

LogicalResult FunctionVerifier::verifySymbols(Operation *Op, Attribute A) {
  WalkResult Walk = A.walk([&](DimsAttr Dims) {
    return failed(verifyExprs(Op, Dims)) ? WalkResult::interrupt()
                                         : WalkResult::advance();
  });
  return failure(Walk.wasInterrupted());
}

/// Which ops may stand where, by stage.
LogicalResult FunctionVerifier::verifyPlace(Operation *Op) {
  bool IsInside = IsDispatch || Op->getParentOfType<RegionOp>();
  // A target may use dialects of its own for what is placed on it.
  bool IsTargets = IsInside && At != Stage::Neutral;
  if (!IsTargets && !isa_and_nonnull<DureDialect>(Op->getDialect()) &&
      !isa<func::ReturnOp>(Op))
    return Op->emitOpError("is not of the dure dialect");
  if (IsInside || isHostOp(Op))
    return success();
  bool IsExpected =
      At == Stage::Neutral  ? !isa<RegionOp, CallDispatchOp, TransferOp>(Op)
      : At == Stage::Placed ? isa<RegionOp>(Op)
                            : isa<CallDispatchOp, ReshapeOp, TransferOp>(Op);
  if (!IsExpected)
    return Op->emitOpError("should ")
           << (At == Stage::Neutral  ? "not be here before place"
               : At == Stage::Placed ? "lie in a region"
                                     : "lie in a dispatch function");
  return success();
}

LogicalResult FunctionVerifier::verifyOp(Operation *Op) {
  if (failed(verifyPlace(Op)))
    return failure();
  // Its own names are bound behind it, not for its operands.
  for (Type T : Op->getOperandTypes())
    if (failed(verifyType(Op, T)))
      return failure();
  if (failed(verifySymbols(Op, Op->getAttrDictionary())))
    return failure();
  if (auto Define = dyn_cast<DefineDimsOp>(Op))
    bindAll(Define.getNames());
  if (auto Bind = dyn_cast<BindDimsOp>(Op))
    bindAll(Bind.getNames());
  if (isa<BranchOp, IterateOp>(Op) && failed(verifyBlocks(Op)))
    return failure();
  for (Type T : Op->getResultTypes())
    if (failed(verifyType(Op, T)))
      return failure();
  if (isa<BranchOp, IterateOp>(Op))
    return success();
  for (Region &R : Op->getRegions())
    for (Operation &Inner : R.getOps())
      if (failed(verifyOp(&Inner)))
        return failure();
  return success();
}

/// A dim that `Own` types have and their givers need not is bound by the op: a
/// symbol that nothing binds already, and that stands in one place. Adds them
/// to `Seen`.
LogicalResult FunctionVerifier::verifyOwnDims(Operation *Op, TypeRange Own,
                                              ArrayRef<ValueRange> Givers,
                                              std::set<std::string> &Seen) {
  for (auto [I, T] : llvm::enumerate(Own))
    for (auto [Axis, Dim] :
         llvm::enumerate(dimsOf(cast<RankedTensorType>(T)))) {
      std::optional<std::string> Name = Dim.asSymbol();
      if (!Name)
        continue;
      auto IsGiven = [&, I = I, Axis = Axis, &Dim = Dim](ValueRange Values) {
        return dimOf(cast<RankedTensorType>(Values[I].getType()), Axis) == Dim;
      };
      if (Bound.count(*Name)) {
        if (!llvm::all_of(Givers, IsGiven))
          return Op->emitOpError("gives another size than '")
                 << *Name << "', which is bound already";
      } else if (!Seen.insert(*Name).second) {
        return Op->emitOpError("binds the dimension symbol '")
               << *Name << "' in two places";
      }
    }
  return success();
}

/// The dims of stacked values behind the first, which is the number of them.
static SmallVector<Type> withoutFirstDims(TypeRange Types) {
  SmallVector<Type> Out;
  for (Type T : Types) {
    auto Tensor = cast<RankedTensorType>(T);
    SmallVector<DimExpr> Dims = dimsOf(Tensor);
    Dims.erase(Dims.begin());
    Out.push_back(tensorOf(Dims, Tensor.getElementType()));
  }
  return Out;
}

LogicalResult FunctionVerifier::verifyOwnDims(BranchOp Op) {
  std::set<std::string> Seen;
  ValueRange Then = Op.getThen().front().getTerminator()->getOperands();
  ValueRange Else = Op.getOtherwise().front().getTerminator()->getOperands();
  return verifyOwnDims(Op, Op.getResultTypes(), {Then, Else}, Seen);
}

LogicalResult FunctionVerifier::verifyOwnDims(IterateOp Op) {
  for (StringRef Name : {Op.getInduction(), Op.getCount()})
    if (Bound.count(Name.str()))
      return Op.emitOpError("binds the dimension symbol '")
             << Name << "', which is bound already";
  ValueRange Inits = Op.getInits(), Next = Op.nextValues();
  ValueRange Stacked = Op.stackedValues();
  std::set<std::string> OfBlock = {Op.getInduction().str()};
  std::set<std::string> OfResults = {Op.getCount().str()};
  TypeRange Results = Op.getResultTypes();
  TypeRange Carried = Results.take_front(Inits.size());
  TypeRange Stacks = Results.drop_front(Inits.size());
  return success(
      succeeded(verifyOwnDims(Op, Op.getBody().getArgumentTypes(),
                              {Inits, Next}, OfBlock)) &&
      succeeded(verifyOwnDims(Op, Carried, {Inits, Next}, OfResults)) &&
      succeeded(
          verifyOwnDims(Op, withoutFirstDims(Stacks), {Stacked}, OfResults)));
}

/// What is bound in a block of control flow is forgotten behind it; the symbols
/// of arguments and results are bound by the op.
LogicalResult FunctionVerifier::verifyBlocks(Operation *Op) {
  LogicalResult Own = isa<BranchOp>(Op) ? verifyOwnDims(cast<BranchOp>(Op))
                                        : verifyOwnDims(cast<IterateOp>(Op));
  if (failed(Own))
    return failure();
  std::set<std::string> Outer = Bound;
  for (Region &R : Op->getRegions()) {
    Bound = Outer;
    if (auto Loop = dyn_cast<IterateOp>(Op))
      Bound.insert(Loop.getInduction().str());
    bindTypes(R.getArgumentTypes());
    for (Type T : R.getArgumentTypes())
      if (failed(verifyType(Op, T)))
        return failure();
    for (Operation &Inner : R.getOps())
      if (failed(verifyOp(&Inner)))
        return failure();
    BoundInBlocks.insert(Bound.begin(), Bound.end());
  }
  Bound = std::move(Outer);
  if (auto Loop = dyn_cast<IterateOp>(Op))
    Bound.insert(Loop.getCount().str());
  bindTypes(Op->getResultTypes());
  return success();
}

/// The host knows tensors alone, and code of one block.
LogicalResult FunctionVerifier::verifySignature() {
  if (!hasBuckets(Function) && !Function.getBody().hasOneBlock())
    return Function->emitOpError("must have a body of one block");
  for (ArrayRef<Type> Types :
       {Function.getArgumentTypes(), Function.getResultTypes()})
    for (Type T : Types)
      if (!isa<RankedTensorType>(T))
        return Function->emitOpError("takes and gives tensors alone, not ")
               << T;
  auto Names = Function->getAttrOfType<ArrayAttr>("dure.symbols");
  for (Attribute Name : Names ? Names.getValue() : ArrayRef<Attribute>())
    if (!isa<StringAttr>(Name))
      return Function->emitOpError("has in 'dure.symbols' what is no name: ")
             << Name;
  return success();
}

LogicalResult FunctionVerifier::verify() {
  if (failed(verifySignature()))
    return failure();
  bindArguments();
  for (Type T : Function.getArgumentTypes())
    if (failed(verifyType(Function, T)))
      return failure();
  if (hasBuckets(Function)) {
    if (failed(verifyBuckets(Function)))
      return failure();
  } else {
    for (Operation &Op : Function.getBody().front())
      if (failed(verifyOp(&Op)))
        return failure();
  }
  // Sizes that must agree may be known only at the end, or inside a block.
  Bound.insert(BoundInBlocks.begin(), BoundInBlocks.end());
  auto Pairs = Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr);
  for (Attribute Each : Pairs ? Pairs.getValue() : ArrayRef<Attribute>()) {
    auto Pair = dyn_cast<DimsAttr>(Each);
    if (!Pair || Pair.size() != 2)
      return Function->emitOpError("has in '")
             << DureDialect::EqualDimsAttr << "' what is no pair: " << Each;
    if (failed(verifyExprs(Function, Pair)))
      return failure();
  }
  return success();
}

/// Files are paths, and every weight lies in one of them.
static LogicalResult verifyFiles(ModuleOp Module) {
  int64_t Count = 0;
  if (Attribute Files = Module->getAttr(DureDialect::FilesAttr)) {
    auto List = dyn_cast<ArrayAttr>(Files);
    if (!List || !llvm::all_of(List, llvm::IsaPred<StringAttr>))
      return Module->emitOpError("must have a list of paths in '")
             << DureDialect::FilesAttr << "', not " << Files;
    Count = List.size();
  }
  for (auto Weight : Module.getOps<WeightOp>())
    if (Weight.getData().getFile() >= Count)
      return Weight->emitOpError("lies in file ")
             << Weight.getData().getFile() << ", but '"
             << DureDialect::FilesAttr << "' has " << Count;
  return success();
}

LogicalResult dure::verifyEntry(ModuleOp Module) {
  if (Module.lookupSymbol<func::FuncOp>("main"))
    return success();
  return Module->emitOpError("has no function 'main'");
}

LogicalResult dure::verifyPhase(ModuleOp Module) {
  auto Phase = Module->getAttrOfType<StringAttr>(DureDialect::PhaseAttr);
  if (!Phase)
    return Module->emitOpError("has no attribute '")
           << DureDialect::PhaseAttr << "' that says which phase it is after";
  std::optional<Stage> At = stageOf(Phase.getValue());
  if (!At)
    return Module->emitOpError("says that it is after phase '")
           << Phase.getValue() << "', which leaves no module behind";
  if (failed(verifyFiles(Module)))
    return failure();
  for (auto Function : Module.getOps<func::FuncOp>()) {
    if (*At == Stage::Neutral && Function->hasAttr(DureDialect::DispatchFnAttr))
      return Function->emitOpError("is a dispatch function before "
                                   "form-dispatches");
    if (failed(FunctionVerifier(Function, *At).verify()))
      return failure();
  }
  return success();
}

namespace {

struct VerifyPhase : dure::impl::VerifyPhaseBase<VerifyPhase> {
  void runOnOperation() override {
    if (failed(verifyPhase(getOperation())))
      signalPassFailure();
  }
};

} // namespace
