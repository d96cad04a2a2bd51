// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Outlining of dispatches, with structural deduplication.
#include "compiler/dispatch/OutlineDispatches.h"

#include "compiler/package/SourceNames.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace dure;

namespace {

/// Makes one function a group and finds equal ones again.
class Outliner {
public:
  Outliner(ModuleOp Module, const Target &T, bool Kernels)
      : Module(Module), Symbols(Module), T(T), Kernels(Kernels) {}

  LogicalResult outlineRegion(RegionOp Region);
  /// Names that the results of dispatches get.
  llvm::DenseMap<Value, std::string> ValueNames;

private:
  struct Outlined {
    func::FuncOp Function;
    SmallVector<DimExpr> Bindings;
  };

  LogicalResult outlineGroup(const DispatchGroup &Group);
  func::FuncOp buildFunction(const DispatchGroup &Group, ArrayRef<Value> Inputs,
                             ArrayRef<Value> Outputs,
                             SmallVectorImpl<DimExpr> &Bindings);
  func::FuncOp unique(func::FuncOp Function, StringRef Name);

  ModuleOp Module;
  SymbolTable Symbols;
  const Target &T;
  bool Kernels;
  llvm::StringMap<func::FuncOp> ByText;
};

/// What may stand in a region outside of groups.
bool needsNoDispatch(Operation &Op) {
  return isa<ReshapeOp, GetWeightOp, ConstantOp, YieldOp>(Op);
}

/// Calls `Visit` with each symbol of the types and dims attributes in
/// `Function`, in the order of the text.
void collectSymbols(func::FuncOp Function, llvm::SetVector<StringRef> &Names,
                    std::set<std::string> &Storage) {
  AttrTypeWalker Walker;
  Walker.addWalk([&](DimsAttr Dims) {
    for (const DimExpr &Expr : Dims.exprs()) {
      std::set<std::string> Here;
      Expr.collectSymbols(Here);
      for (const std::string &Name : Here)
        Names.insert(*Storage.insert(Name).first);
    }
  });
  Walker.walk(Function.getFunctionType());
  Function.walk([&](Operation *Op) {
    if (Op != Function) {
      Walker.walk(Op->getAttrDictionary());
      for (Type Result : Op->getResultTypes())
        Walker.walk(Result);
    }
  });
}

/// Renames symbols everywhere in `Function` to d0, d1, ...; returns what they
/// were, in that order.
SmallVector<DimExpr> renameSymbols(func::FuncOp Function) {
  llvm::SetVector<StringRef> Names;
  std::set<std::string> Storage;
  collectSymbols(Function, Names, Storage);

  std::map<std::string, DimExpr> New;
  SmallVector<DimExpr> Bindings;
  SmallVector<Attribute> Fresh;
  Builder B(Function.getContext());
  for (auto [I, Name] : llvm::enumerate(Names)) {
    // A value of any sign stays marked as one.
    std::string Short = (Name.front() == '$' ? "$d" : "d") + std::to_string(I);
    New.emplace(Name.str(), DimExpr::symbol(Short));
    Bindings.push_back(DimExpr::symbol(Name));
    Fresh.push_back(B.getStringAttr(Short));
  }
  AttrTypeReplacer Replacer;
  Replacer.addReplacement([&](DimsAttr Dims) -> Attribute {
    SmallVector<DimExpr> Exprs;
    for (const DimExpr &Expr : Dims.exprs())
      Exprs.push_back(Expr.substitute(New));
    return DimsAttr::get(Function.getContext(), Exprs);
  });
  Replacer.recursivelyReplaceElementsIn(Function, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  Function->setAttr(SymbolsAttr, B.getArrayAttr(Fresh));
  return Bindings;
}

std::optional<StepAttr> layoutOf(const DispatchGroup &Group, Value V) {
  for (auto [Laid, Layout] : Group.Layouts)
    if (Laid == V)
      return Layout;
  return std::nullopt;
}

} // namespace

func::FuncOp Outliner::buildFunction(const DispatchGroup &Group,
                                     ArrayRef<Value> Inputs,
                                     ArrayRef<Value> Outputs,
                                     SmallVectorImpl<DimExpr> &Bindings) {
  MLIRContext *Context = Module.getContext();
  auto Type = FunctionType::get(Context, TypeRange(ValueRange(Inputs)),
                                TypeRange(ValueRange(Outputs)));
  auto Function =
      func::FuncOp::create(Group.Ops.front()->getLoc(), Group.Name, Type);
  Function.setPrivate();
  Function->setAttr(DureDialect::DispatchFnAttr, UnitAttr::get(Context));
  Block *Body = Function.addEntryBlock();
  OpBuilder Builder = OpBuilder::atBlockEnd(Body);

  IRMapping Map;
  for (auto [Input, Argument] : llvm::zip(Inputs, Body->getArguments())) {
    Map.map(Input, Argument);
    if (auto Layout = layoutOf(Group, Input))
      Function.setArgAttr(Argument.getArgNumber(), LayoutAttr, *Layout);
  }
  for (Operation *Op : Group.Ops) {
    for (Value Operand : Op->getOperands())
      if (auto Constant = Operand.getDefiningOp<ConstantOp>();
          Constant && !Map.contains(Operand))
        Builder.clone(*Constant, Map);
    Operation *Copy = Builder.clone(*Op, Map);
    Copy->removeAttr(DureDialect::TargetAttr);
  }
  SmallVector<Value> Returned;
  for (auto [I, Output] : llvm::enumerate(Outputs)) {
    Returned.push_back(Map.lookup(Output));
    if (auto Layout = layoutOf(Group, Output))
      Function.setResultAttr(I, LayoutAttr, *Layout);
    // A cache is updated where it lies.
    auto Update = Output.getDefiningOp<CacheUpdateOp>();
    auto Found = Update ? llvm::find(Inputs, Update.getCache()) : Inputs.end();
    if (Found != Inputs.end())
      Function.setResultAttr(
          I, InPlaceAttr,
          Builder.getI64IntegerAttr(std::distance(Inputs.begin(), Found)));
  }
  func::ReturnOp::create(Builder, Function.getLoc(), Returned);
  Bindings = renameSymbols(Function);
  return Function;
}

/// The function already made with this text, else this one, under a free name.
func::FuncOp Outliner::unique(func::FuncOp Function, StringRef Name) {
  std::string Text;
  Function.setSymName("");
  llvm::raw_string_ostream Out(Text);
  // Locations are not printed: layers differ in them only.
  Function->print(Out, OpPrintingFlags().assumeVerified());
  auto [Found, New] = ByText.try_emplace(Text, Function);
  if (!New) {
    Function->destroy();
    return Found->second;
  }
  Function.setSymName(Name);
  Symbols.insert(Function, Module.getBody()->end());
  return Function;
}

LogicalResult Outliner::outlineGroup(const DispatchGroup &Group) {
  llvm::SetVector<Value> Inputs;
  SmallVector<Value> Outputs;
  llvm::SmallPtrSet<Operation *, 8> Inside(Group.Ops.begin(), Group.Ops.end());
  for (Operation *Op : Group.Ops) {
    for (Value Operand : Op->getOperands()) {
      Operation *Def = Operand.getDefiningOp();
      if (Def && (Inside.contains(Def) || isa<ConstantOp>(Def)))
        continue;
      Inputs.insert(Operand);
    }
    // A cache is for calls to come, whoever reads it in this one.
    for (Value Result : Op->getResults())
      if (isa<CacheUpdateOp>(Op) ||
          llvm::any_of(Result.getUsers(),
                       [&](Operation *User) { return !Inside.contains(User); }))
        Outputs.push_back(Result);
  }
  Operation *Last = Group.Ops.back();
  if (Outputs.empty())
    return Last->emitOpError("has no result that is used, yet was put into "
                             "dispatch '")
           << Group.Name << "'";

  SmallVector<DimExpr> Bindings;
  func::FuncOp Built =
      buildFunction(Group, Inputs.getArrayRef(), Outputs, Bindings);
  func::FuncOp Function = unique(Built, Group.Name);

  OpBuilder Builder(Last);
  Builder.setInsertionPointAfter(Last);
  SmallVector<Location> Locations;
  for (Operation *Op : Group.Ops)
    Locations.push_back(Op->getLoc());
  auto Dispatch = CallDispatchOp::create(
      Builder, FusedLoc::get(Module.getContext(), Locations),
      TypeRange(ValueRange(Outputs)), Function.getSymName(), T.name(),
      DimsAttr::get(Module.getContext(), Bindings),
      /*updates=*/llvm::any_of(Group.Ops, llvm::IsaPred<CacheUpdateOp>),
      Inputs.getArrayRef());
  SmallVector<Attribute> Names;
  for (Value Output : Outputs)
    Names.push_back(Builder.getStringAttr(ValueNames.lookup(Output)));
  Dispatch->setAttr(ValueNamesAttr, Builder.getArrayAttr(Names));
  for (auto [Old, New] : llvm::zip(Outputs, Dispatch.getResults()))
    Old.replaceUsesWithIf(
        New, [&](OpOperand &Use) { return !Inside.contains(Use.getOwner()); });
  for (Operation *Op : llvm::reverse(Group.Ops))
    Op->erase();
  return success();
}

LogicalResult Outliner::outlineRegion(RegionOp Region) {
  Block &Body = Region.getBody().front();
  std::vector<DispatchGroup> Groups =
      Kernels ? T.formKernels(Body) : T.formDispatches(Body);

  llvm::SmallPtrSet<Operation *, 32> Covered;
  for (const DispatchGroup &Group : Groups)
    for (Operation *Op : Group.Ops)
      if (Op->getBlock() != &Body || !Covered.insert(Op).second)
        return Op->emitOpError("was put into two dispatches by target '")
               << T.name() << "'";
  for (Operation &Op : Body)
    if (!needsNoDispatch(Op) && !Covered.contains(&Op))
      return Op.emitOpError("was put into no dispatch by target '")
             << T.name() << "'";

  // Groups come in an order of dependences, which need not be that of the ops
  // they are made of: lay the block out anew, each dispatch where its group was
  // in that order.
  for (const DispatchGroup &Group : Groups)
    for (Operation *Op : Group.Ops)
      Op->moveBefore(Body.getTerminator());
  for (const DispatchGroup &Group : Groups)
    if (failed(outlineGroup(Group)))
      return failure();
  // Reshapes and the like again before their users.
  mlir::sortTopologically(&Body);

  for (auto [Result, Yielded] :
       llvm::zip(Region.getResults(), Body.getTerminator()->getOperands()))
    Result.replaceAllUsesWith(Yielded);
  Body.getTerminator()->erase();
  Region->getBlock()->getOperations().splice(Region->getIterator(),
                                             Body.getOperations());
  Region.erase();
  return success();
}

LogicalResult dure::outlineDispatches(ModuleOp Module, const Target &T,
                                      bool Kernels) {
  Outliner Worker(Module, T, Kernels);
  SmallVector<RegionOp> Regions;
  Module.walk([&](RegionOp Region) {
    if (Region.getTarget() == T.name())
      Regions.push_back(Region);
  });
  for (RegionOp Region : Regions) {
    Worker.ValueNames = namedValues(Region->getParentOfType<func::FuncOp>());
    if (failed(Worker.outlineRegion(Region)))
      return failure();
  }
  return success();
}
