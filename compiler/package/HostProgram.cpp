// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lowering of a function of dispatches to the package's host program.
#include "compiler/package/ProgramBuilder.h"

#include "compiler/package/Costs.h"
#include "compiler/package/ElementTypes.h"
#include "compiler/package/SourceNames.h"
#include "compiler/package/Transients.h"
#include "compiler/passes/Passes.h"

using namespace mlir;
using namespace dure;

/// Elements of a repeated constant beyond which a run makes it.
static constexpr int64_t MaxStoredRepeats = 1 << 16;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

static ScalarOpKind scalarKind(DimExpr::Op Kind) {
  switch (Kind) {
  case DimExpr::Op::Add:
    return ScalarOpKind::Add;
  case DimExpr::Op::Mul:
    return ScalarOpKind::Mul;
  case DimExpr::Op::FloorDiv:
    return ScalarOpKind::FloorDiv;
  case DimExpr::Op::CeilDiv:
    return ScalarOpKind::CeilDiv;
  case DimExpr::Op::Mod:
    return ScalarOpKind::Mod;
  case DimExpr::Op::Min:
    return ScalarOpKind::Min;
  case DimExpr::Op::Max:
    return ScalarOpKind::Max;
  }
  return ScalarOpKind::None;
}

FailureOr<ScalarReg> ProgramBuilder::scalar(Location Loc, const DimExpr &Expr) {
  auto Found = Scalars.find(Expr.str());
  if (Found != Scalars.end())
    return Found->second;
  if (!Expr.valid())
    return emitError(Loc) << "a size does not fit 64 bits";

  std::string Unbound;
  ScalarReg Result = Expr.fold<ScalarReg>(
      [&](int64_t Value) {
        auto [At, New] = Scalars.try_emplace(std::to_string(Value), 0);
        if (New) {
          At->second = newScalar();
          emit(ConstOp{At->second, Value});
        }
        return At->second;
      },
      [&](const std::string &Name) {
        auto At = Scalars.find(Name);
        if (At != Scalars.end())
          return At->second;
        Unbound = Name;
        return ScalarReg(0);
      },
      [&](DimExpr::Op Kind, ScalarReg L, ScalarReg R) {
        ScalarOp Made;
        Made.Kind = scalarKind(Kind);
        Made.Result = newScalar();
        Made.A = L;
        Made.B = R;
        emit(Made);
        return Made.Result;
      });
  if (!Unbound.empty())
    return emitError(Loc) << "the size '" << Expr.str() << "' needs '"
                          << Unbound
                          << "', which no input's shape and no earlier value "
                             "gives";
  Scalars[Expr.str()] = Result;
  return Result;
}

LogicalResult ProgramBuilder::bindInputs() {
  // Bare symbols first: they give the values that the others are checked with.
  struct Pending {
    unsigned Input, Axis;
    DimExpr Dim;
  };
  std::vector<Pending> Checks;
  if (failed(bindState()))
    return failure();
  for (BlockArgument Argument : Function.getArguments()) {
    auto Input = InputIndex.find(Argument);
    if (Input == InputIndex.end())
      continue;
    auto Type = cast<RankedTensorType>(Argument.getType());
    for (unsigned Axis = 0, E = Type.getRank(); Axis < E; ++Axis) {
      DimExpr Dim = dimOf(Type, Axis);
      std::optional<std::string> Symbol = Dim.asSymbol();
      if (Symbol && !Scalars.count(*Symbol)) {
        ScalarReg Reg = newScalar();
        emit(InputDimOp{Reg, Input->second, Axis});
        Scalars[*Symbol] = Reg;
      } else {
        Checks.push_back({Input->second, Axis, Dim});
      }
    }
  }
  for (const Pending &Each : Checks) {
    // Sizes that are numbers are the runtime's to check: they are in the
    // signature.
    if (Each.Dim.constant())
      continue;
    FailureOr<ScalarReg> Wanted = scalar(Function.getLoc(), Each.Dim);
    if (failed(Wanted))
      return failure();
    ScalarReg Given = newScalar();
    emit(InputDimOp{Given, Each.Input, Each.Axis});
    emit(CheckOp{Relation::Eq, Given, *Wanted,
                 "input '" + Signature.Inputs[Each.Input].Name +
                     "': dimension " + std::to_string(Each.Axis) + " must be " +
                     Each.Dim.str()});
  }
  return checkEqualDims();
}

/// Symbols that the state gives; refuses a step that it has no room for.
LogicalResult ProgramBuilder::bindState() {
  for (BlockArgument Argument : Function.getArguments()) {
    unsigned Index = Argument.getArgNumber();
    if (Function.getArgAttr(Index, StateAttr))
      StateIndex[Argument] = StateIndex.size();
    else if (!Function.getArgAttr(Index, StateLengthsAttr))
      InputIndex[Argument] = InputIndex.size();
  }
  if (StateIndex.empty())
    return success();
  auto Bind = [&](const DimExpr &Dim, StateProperty Property) {
    std::optional<std::string> Symbol = Dim.asSymbol();
    if (!Symbol || Scalars.count(*Symbol))
      return;
    ScalarReg Reg = newScalar();
    emit(StateScalarOp{Reg, Property});
    Scalars[*Symbol] = Reg;
  };
  auto SymbolOf = [&](StringRef Attribute) {
    return DimExpr::symbol(
        Function->getAttrOfType<StringAttr>(Attribute).getValue());
  };
  Bind(SymbolOf(StateLengthSymbolAttr), StateProperty::Length);
  Bind(SymbolOf(StateCapacitySymbolAttr), StateProperty::Capacity);
  // The state's batch is bound first: the inputs are checked with it.
  auto Cache = cast<RankedTensorType>(StateIndex.begin()->first.getType());
  Bind(dimOf(Cache, 0), StateProperty::Batch);
  return success();
}

bool ProgramBuilder::isBound(const DimExpr &Expr) const {
  std::set<std::string> Symbols;
  Expr.collectSymbols(Symbols);
  return llvm::all_of(
      Symbols, [&](const std::string &Name) { return Scalars.count(Name); });
}

/// Checks the pairs whose symbols are all bound by now.
LogicalResult ProgramBuilder::checkEqualDims() {
  for (DimsAttr &Pair : UncheckedPairs) {
    if (!Pair || !isBound(Pair.expr(0)) || !isBound(Pair.expr(1)))
      continue;
    DimExpr L = Pair.expr(0), R = Pair.expr(1);
    FailureOr<ScalarReg> A = scalar(Function.getLoc(), L);
    FailureOr<ScalarReg> B = scalar(Function.getLoc(), R);
    if (failed(A) || failed(B))
      return failure();
    emit(CheckOp{Relation::Eq, *A, *B,
                 "the model needs " + L.str() + " and " + R.str() +
                     " to be equal"});
    Pair = {};
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

DeviceIndex ProgramBuilder::deviceOf(StringRef Target) const {
  auto Found = llvm::find(Targets, Target);
  return Found == Targets.end() ? 0 : Found - Targets.begin();
}

LogicalResult ProgramBuilder::allocateArena(func::FuncOp Of) {
  Transients = planTransients(Of);
  SlotOffsets.clear();
  // A device without slots has no arena; slots of zero bytes do need one.
  std::vector<std::optional<DimExpr>> Totals(Targets.size());
  for (const TransientPlan::Slot &Each : Transients.Slots) {
    std::optional<DimExpr> &OfDevice = Totals[deviceOf(Each.Target)];
    DimExpr Total = OfDevice.value_or(DimExpr(0));
    FailureOr<ScalarReg> Offset = scalar(Function.getLoc(), Total);
    if (failed(Offset))
      return failure();
    SlotOffsets.push_back(*Offset);
    OfDevice = Total + Each.Bytes;
  }
  Arenas.resize(Targets.size());
  for (auto [I, Total] : llvm::enumerate(Totals)) {
    if (!Total)
      continue;
    FailureOr<ScalarReg> Size = scalar(Function.getLoc(), *Total);
    if (failed(Size))
      return failure();
    Arenas[I] = Out.BufferRegisters++;
    emit(AllocateOp{Arenas[I], Space::Transient, *Size,
                    static_cast<DeviceIndex>(I)});
  }
  return success();
}

FailureOr<BufferReg> ProgramBuilder::memoryFor(Operation *Op, Value V,
                                               DeviceIndex On) {
  FailureOr<ScalarReg> Size =
      scalar(Op->getLoc(), byteSize(cast<RankedTensorType>(V.getType())));
  if (failed(Size))
    return failure();
  BufferReg Reg = Out.BufferRegisters++;
  // Values in blocks of control flow have memory of their own: what they are
  // there for may outlive the block, and a loop gives back what it leaves.
  auto Planned = Transients.Uses.find(V);
  TransientPlan::Use Life;
  if (Planned != Transients.Uses.end())
    Life = Planned->second;
  if (Life.Slot) {
    emit(SubspanOp{Reg, Arenas[On], SlotOffsets[*Life.Slot], *Size});
    MemoryOf[Reg] = *Life.Slot;
  } else {
    emit(AllocateOp{Reg, Life.Returned ? Space::Result : Space::Transient,
                    *Size, On});
    MemoryOf[Reg] = -1 - static_cast<int64_t>(Reg);
  }
  Buffers[{V, On}] = Reg;
  return Reg;
}

/// A constant that repeats one element so often that a package should not hold
/// it: a few bytes of a model may ask for any number. Its fill is without
/// registers yet.
static std::optional<FillOp> fillOf(ConstantOp Op) {
  auto Value = dyn_cast<SplatElementsAttr>(Op.getValue());
  if (!Value || Value.getNumElements() <= MaxStoredRepeats)
    return std::nullopt;
  Type Element = Value.getElementType();
  unsigned Bits = Element.getIntOrFloatBitWidth();
  if (Bits != 1 && (Bits % 8 != 0 || Bits > 64))
    return std::nullopt;
  llvm::APInt Raw = isa<FloatType>(Element)
                        ? Value.getSplatValue<llvm::APFloat>().bitcastToAPInt()
                        : Value.getSplatValue<llvm::APInt>();
  FillOp Fill;
  Fill.Pattern = Raw.getZExtValue();
  Fill.PatternSize = static_cast<uint8_t>(std::max(Bits / 8, 1u));
  return Fill;
}

FailureOr<BufferReg> ProgramBuilder::filled(Operation *User, ConstantOp Op,
                                            FillOp Fill, DeviceIndex On) {
  FailureOr<BufferReg> Reg = memoryFor(User, Op, On);
  FailureOr<ScalarReg> Zero = scalar(User->getLoc(), DimExpr(0));
  FailureOr<ScalarReg> Size = scalar(User->getLoc(), byteSize(Op.getType()));
  if (failed(Reg) || failed(Zero) || failed(Size))
    return failure();
  barrierIfNeeded({{*Reg, Access::Write}});
  Fill.Target = *Reg;
  Fill.Offset = *Zero;
  Fill.Size = *Size;
  emit(Fill);
  return *Reg;
}

FailureOr<BufferReg> ProgramBuilder::bufferOf(Operation *User, Value V,
                                              StepAttr Layout, DeviceIndex On) {
  V = memoryOwner(V);
  auto Get = V.getDefiningOp<GetWeightOp>();
  if (!Get)
    return plainBuffer(User, V, On);
  WeightKey Key(Get.getWeight().str(), Layout.getAsOpaquePointer(), On);
  auto Found = WeightBuffers.find(Key);
  if (Found != WeightBuffers.end())
    return Found->second;
  FailureOr<uint32_t> Index = Weights.weight(User, Get.getWeight(), Layout);
  if (failed(Index))
    return failure();
  BufferReg Reg = Out.BufferRegisters++;
  emit(WeightBufferOp{Reg, *Index, On});
  return WeightBuffers[Key] = Reg;
}

/// The buffer of what is no weight.
FailureOr<BufferReg> ProgramBuilder::plainBuffer(Operation *User, Value V,
                                                 DeviceIndex On) {
  auto Found = Buffers.find({V, On});
  if (Found != Buffers.end())
    return Found->second;
  if (auto Constant = V.getDefiningOp<ConstantOp>())
    if (std::optional<FillOp> Fill = fillOf(Constant))
      return filled(User, Constant, *Fill, On);
  BufferReg Reg = Out.BufferRegisters++;
  if (auto State = StateIndex.find(V); State != StateIndex.end()) {
    emit(StateBufferOp{Reg, State->second, On});
    MemoryOf[Reg] = -1 - static_cast<int64_t>(Reg);
  } else if (auto Input = InputIndex.find(V); Input != InputIndex.end()) {
    emit(InputBufferOp{Reg, Input->second, On});
  } else if (isa<BlockArgument>(V) &&
             V.getParentBlock() == &Function.getBody().front()) {
    emit(StateLengthsOp{Reg, On});
  } else if (auto Constant = V.getDefiningOp<ConstantOp>()) {
    FailureOr<uint32_t> Index = Weights.constant(Constant);
    if (failed(Index))
      return failure();
    emit(WeightBufferOp{Reg, *Index, On});
  } else {
    return User->emitOpError("uses a value that no dispatch defines on target "
                             "'")
           << Targets[On] << "'";
  }
  return Buffers[{V, On}] = Reg;
}

void ProgramBuilder::barrierIfNeeded(ArrayRef<Binding> Bindings) {
  auto Conflicts = [&](const Binding &Each) {
    auto Memory = MemoryOf.find(Each.Buffer);
    if (Memory == MemoryOf.end())
      return false;
    return Written.count(Memory->second) ||
           (Each.Use != Access::Read && Read.count(Memory->second));
  };
  if (llvm::any_of(Bindings, Conflicts)) {
    emit(BarrierOp{});
    Written.clear();
    Read.clear();
  }
  for (const Binding &Each : Bindings) {
    auto Memory = MemoryOf.find(Each.Buffer);
    if (Memory != MemoryOf.end())
      (Each.Use == Access::Read ? Read : Written).insert(Memory->second);
  }
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult ProgramBuilder::translateDispatch(CallDispatchOp Op) {
  const KernelPlace &Kernel = Kernels.at(Op.getCallee());
  auto Callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      Op, Op.getCalleeAttr());

  // The callee's expressions in the caller's symbols.
  std::map<std::string, DimExpr> InCaller;
  auto Names = Callee->getAttrOfType<ArrayAttr>(SymbolsAttr);
  for (auto [Name, Expr] :
       llvm::zip(Names.getAsValueRange<StringAttr>(), Op.getBindings().exprs()))
    InCaller.emplace(Name.str(), Expr);
  auto Compute = [&](ArrayRef<DimExpr> Exprs, std::vector<ScalarReg> &To) {
    for (const DimExpr &Expr : Exprs) {
      FailureOr<ScalarReg> Reg = scalar(Op.getLoc(), Expr.substitute(InCaller));
      if (failed(Reg))
        return failure();
      To.push_back(*Reg);
    }
    return success();
  };

  DispatchOp Made;
  Made.CodeObject = Kernel.CodeObject;
  Made.Export = Kernel.Export;
  if (failed(Compute(Kernel.Entry->Grid, Made.Grid)) ||
      failed(Compute(Kernel.Entry->Constants, Made.Constants)))
    return failure();
  DeviceIndex On = deviceOf(Op.getTarget());
  for (auto [I, X] : llvm::enumerate(Op.getXs())) {
    auto Layout = Callee.getArgAttrOfType<StepAttr>(I, LayoutAttr);
    FailureOr<BufferReg> Reg = bufferOf(Op, X, Layout, On);
    if (failed(Reg))
      return failure();
    Made.Bindings.push_back({*Reg, Access::Read});
  }
  for (auto [I, Result] : llvm::enumerate(Op.getResults())) {
    if (auto Same = Callee.getResultAttrOfType<IntegerAttr>(I, InPlaceAttr)) {
      Binding &Source = Made.Bindings[Same.getInt()];
      Source.Use = Access::ReadWrite;
      Buffers[{Result, On}] = Source.Buffer;
      Made.Bindings.push_back({Source.Buffer, Access::ReadWrite});
      continue;
    }
    FailureOr<BufferReg> Reg = memoryFor(Op, Result, On);
    if (failed(Reg))
      return failure();
    Made.Bindings.push_back({*Reg, Access::Write});
  }
  barrierIfNeeded(Made.Bindings);
  if (failed(addTrace(Op, Callee, InCaller, Made)))
    return failure();
  emit(std::move(Made));
  return success();
}

/// A copy from one device's memory to another's.
LogicalResult ProgramBuilder::translateTransfer(TransferOp Op) {
  FailureOr<BufferReg> From = bufferOf(Op, Op.getX(), {}, deviceOf(Op.getX()));
  FailureOr<BufferReg> To = memoryFor(Op, Op, deviceOf(Op.getTarget()));
  FailureOr<ScalarReg> Zero = scalar(Op.getLoc(), DimExpr(0));
  FailureOr<ScalarReg> Size = scalar(Op.getLoc(), byteSize(Op.getType()));
  if (failed(From) || failed(To) || failed(Zero) || failed(Size))
    return failure();
  barrierIfNeeded({{*From, Access::Read}, {*To, Access::Write}});
  emit(CopyOp{*From, *Zero, *To, *Zero, *Size});
  return success();
}

LogicalResult
ProgramBuilder::addTrace(CallDispatchOp Op, func::FuncOp Callee,
                         const std::map<std::string, DimExpr> &InCaller,
                         DispatchOp &Made) {
  TraceInfo Info;
  Info.Name = Op.getCallee().str();
  Info.Nodes = sourceNodes(Op.getLoc());
  std::vector<std::string> Names = sourceValues(Op);
  for (auto [I, Result] : llvm::enumerate(Op.getResults())) {
    auto Type = cast<RankedTensorType>(Result.getType());
    TraceValue Value;
    Value.Name = I < Names.size() ? Names[I] : "";
    Value.Binding = Op.getXs().size() + I;
    Value.Type = packageElementType(Type.getElementType());
    for (const DimExpr &Dim : dimsOf(Type)) {
      FailureOr<ScalarReg> Reg = scalar(Op.getLoc(), Dim);
      if (failed(Reg))
        return failure();
      Value.Dims.push_back(*Reg);
    }
    Info.Values.push_back(std::move(Value));
  }
  Made.Trace = static_cast<int32_t>(Out.Trace.size());
  Out.Trace.push_back(std::move(Info));

  const KernelEntry &Entry = *Kernels.at(Op.getCallee()).Entry;
  std::optional<DimExpr> Flops = Entry.Flops ? Entry.Flops : flopsOf(Callee);
  Cost Each;
  if (Flops)
    Each.Flops = Flops->substitute(InCaller);
  Each.Bytes =
      (Entry.Bytes ? *Entry.Bytes : bytesOf(Callee)).substitute(InCaller);
  Costs.push_back(std::move(Each));
  return success();
}

/// Computes every row's operations and bytes where only a run that is traced
/// does: the body stays as short as the model needs.
LogicalResult ProgramBuilder::buildTraceBlock() {
  if (Costs.empty())
    return success();
  EmitTo = static_cast<uint32_t>(Out.Blocks.size());
  Out.TraceBlock = static_cast<int32_t>(EmitTo);
  Out.Blocks.emplace_back();
  auto Compute = [&](const DimExpr &Expr, int32_t &To) -> LogicalResult {
    // Too large for 64 bits: not known, which is no reason not to run.
    if (!Expr.valid() || !isBound(Expr))
      return success();
    FailureOr<ScalarReg> Reg = scalar(Function.getLoc(), Expr);
    if (failed(Reg))
      return failure();
    To = static_cast<int32_t>(*Reg);
    return success();
  };
  for (auto [Row, Each] : llvm::zip(Out.Trace, Costs))
    if ((Each.Flops && failed(Compute(*Each.Flops, Row.Flops))) ||
        failed(Compute(Each.Bytes, Row.Bytes)))
      return failure();
  return success();
}

LogicalResult ProgramBuilder::translateDefineDims(DefineDimsOp Op) {
  FailureOr<BufferReg> Source =
      bufferOf(Op, Op.getValues(), {}, deviceOf(Op.getValues()));
  if (failed(Source))
    return failure();
  auto Type = cast<RankedTensorType>(Op.getValues().getType());
  for (auto [I, Name] :
       llvm::enumerate(Op.getNames().getAsValueRange<StringAttr>())) {
    FailureOr<ScalarReg> Index = scalar(Op.getLoc(), DimExpr(I));
    if (failed(Index))
      return failure();
    ReadScalarOp Made;
    Made.Result = newScalar();
    Made.Source = *Source;
    Made.Type = packageElementType(Type.getElementType());
    Made.Index = *Index;
    emit(Made);
    Scalars[Name.str()] = Made.Result;
    if (Name.front() == '$')
      continue;
    FailureOr<ScalarReg> Zero = scalar(Op.getLoc(), DimExpr(0));
    emit(CheckOp{Relation::Le, *Zero, Made.Result,
                 "a size computed by the model is negative"});
  }
  // Reading waits for everything before it.
  Written.clear();
  Read.clear();
  return checkEqualDims();
}

LogicalResult ProgramBuilder::translateBindDims(BindDimsOp Op) {
  for (auto [Name, Expr] :
       llvm::zip(Op.getNames().getAsValueRange<StringAttr>(),
                 Op.getExprs().exprs())) {
    FailureOr<ScalarReg> Reg = scalar(Op.getLoc(), Expr);
    if (failed(Reg))
      return failure();
    Scalars[Name.str()] = *Reg;
  }
  return checkEqualDims();
}

LogicalResult ProgramBuilder::translateReturn(func::ReturnOp Op) {
  ReturnOp Made;
  for (Value V : Op.getOperands()) {
    ReturnValue Each;
    FailureOr<BufferReg> Reg = bufferOf(Op, V, {}, deviceOf(V));
    if (failed(Reg))
      return failure();
    Each.Buffer = *Reg;
    for (const DimExpr &Dim : dimsOf(cast<RankedTensorType>(V.getType()))) {
      FailureOr<ScalarReg> Size = scalar(Op.getLoc(), Dim);
      if (failed(Size))
        return failure();
      Each.Dims.push_back(*Size);
    }
    Made.Values.push_back(std::move(Each));
  }
  emit(std::move(Made));
  return success();
}

LogicalResult ProgramBuilder::translate(Operation &Op) {
  if (auto Transfer = dyn_cast<TransferOp>(Op))
    return translateTransfer(Transfer);
  if (isa<GetWeightOp, ConstantOp, ReshapeOp>(Op))
    return success();
  if (auto Dispatch = dyn_cast<CallDispatchOp>(Op))
    return translateDispatch(Dispatch);
  if (auto Define = dyn_cast<DefineDimsOp>(Op))
    return translateDefineDims(Define);
  if (auto Bind = dyn_cast<BindDimsOp>(Op))
    return translateBindDims(Bind);
  if (auto Choice = dyn_cast<BranchOp>(Op))
    return translateIf(Choice);
  if (auto Loop = dyn_cast<IterateOp>(Op))
    return translateLoop(Loop);
  if (auto Return = dyn_cast<func::ReturnOp>(Op))
    return translateReturn(Return);
  return Op.emitOpError("is not part of a host program: form-dispatches should "
                        "have put it into a dispatch");
}

/// What every program begins with: symbols bound, sizes checked.
LogicalResult ProgramBuilder::begin() {
  Out.Blocks.emplace_back();
  if (auto Pairs =
          Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr))
    llvm::append_range(UncheckedPairs, Pairs.getAsRange<DimsAttr>());
  return bindInputs();
}

/// Before any work: a step that the state has no room for is refused whole.
LogicalResult ProgramBuilder::growState() {
  auto Growth = Function->getAttrOfType<DimsAttr>(StateGrowthAttr);
  if (!Growth)
    return success();
  FailureOr<ScalarReg> Count = scalar(Function.getLoc(), Growth.expr(0));
  if (failed(Count))
    return failure();
  emit(StateAppendOp{*Count});
  return success();
}

FailureOr<Program> ProgramBuilder::build() {
  if (failed(begin()) || failed(allocateArena(Function)) || failed(growState()))
    return failure();
  for (Operation &Op : Function.getBody().front())
    if (failed(translate(Op)))
      return failure();
  if (failed(buildTraceBlock()))
    return failure();
  return std::move(Out);
}

FailureOr<Program> dure::buildHostProgram(
    func::FuncOp Function, const Entry &Signature, ArrayRef<StringRef> Targets,
    const llvm::StringMap<KernelPlace> &Kernels, WeightTable &Weights) {
  if (!hasBuckets(Function))
    return ProgramBuilder(Function, Signature, Targets, Kernels, Weights)
        .build();
  BucketTable Table = BucketTable::of(Function);
  SmallVector<func::FuncOp> Callees;
  for (const Bucket &Each : Table.Buckets)
    Callees.push_back(SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        Function->getParentOp(),
        StringAttr::get(Function.getContext(), Each.Callee)));
  // A declaration has no arguments that could be looked at.
  OwningOpRef<func::FuncOp> Shell = Function.clone();
  Shell->addEntryBlock();
  return ProgramBuilder(*Shell, Signature, Targets, Kernels, Weights)
      .buildBuckets(Table, Callees);
}
