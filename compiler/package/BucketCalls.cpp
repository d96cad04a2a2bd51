// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entries that are tables of shape buckets: the choice, and inputs padded to a
// bucket and results cut to what they are of, as instructions.
#include "compiler/package/BlockScope.h"
#include "compiler/package/ElementTypes.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace dure;

/// A register for each bucket that is 1 where the bucket is taken, else 0.
SmallVector<ScalarReg> ProgramBuilder::chooseBucket(const BucketTable &Table) {
  Location Loc = Function.getLoc();
  ScalarReg One = *scalar(Loc, DimExpr(1));
  ScalarReg IsOpen = newScalar();
  move(IsOpen, One);
  SmallVector<ScalarReg> Taken;
  for (const Bucket &Each : Table.Buckets) {
    ScalarReg Fits = IsOpen;
    for (auto [Symbol, Size] : llvm::zip(Table.Symbols, Each.Sizes)) {
      ScalarReg Is =
          compute(Each.isPadded(Symbol) ? ScalarOpKind::Le : ScalarOpKind::Eq,
                  Scalars.at(Symbol), *scalar(Loc, DimExpr(Size)));
      Fits = compute(ScalarOpKind::Mul, Fits, Is);
    }
    Taken.push_back(compute(ScalarOpKind::Max, Fits, Fits));
    IsOpen = compute(ScalarOpKind::Sub, IsOpen, Fits);
  }
  refuseShapes(Table, IsOpen);
  return Taken;
}

/// Ends a run that no bucket serves: with the dimension that fits none of them,
/// or with all of them. `IsOpen` is 1 then.
void ProgramBuilder::refuseShapes(const BucketTable &Table, ScalarReg IsOpen) {
  Location Loc = Function.getLoc();
  std::string List;
  for (const Bucket &Each : Table.Buckets)
    List += (List.empty() ? "" : "; ") + Table.describe(Each);
  for (auto [I, Symbol] : llvm::enumerate(Table.Symbols)) {
    ScalarReg Value = Scalars.at(Symbol);
    int64_t Largest = -1;
    SmallVector<int64_t> Exact;
    for (const Bucket &Each : Table.Buckets)
      if (Each.isPadded(Symbol))
        Largest = std::max(Largest, Each.Sizes[I]);
      else if (!llvm::is_contained(Exact, Each.Sizes[I]))
        Exact.push_back(Each.Sizes[I]);
    // What the value is compared with: itself where a bucket has it.
    ScalarReg Wanted =
        *scalar(Loc, DimExpr(Largest >= 0 ? Largest : Exact.front()));
    for (int64_t Size : Exact) {
      ScalarOp Same;
      Same.Kind = ScalarOpKind::Select;
      Same.A = compute(ScalarOpKind::Eq, Value, *scalar(Loc, DimExpr(Size)));
      Same.B = Value;
      Same.C = Wanted;
      Same.Result = newScalar();
      emit(Same);
      Wanted = Same.Result;
    }
    emit(CheckOp{Largest >= 0 ? Relation::Le : Relation::Eq, Value, Wanted,
                 "entry '" + Function.getSymName().str() +
                     "' has code for fixed shapes alone, none of which takes "
                     "this '" +
                     Symbol + "': " + List +
                     "; compile the model with one more --bucket"});
  }
  emit(CheckOp{Relation::Eq, IsOpen, *scalar(Loc, DimExpr(0)),
               "entry '" + Function.getSymName().str() +
                   "' has code for fixed shapes alone, none of which takes all "
                   "dimensions of this run: " +
                   List + "; compile the model with one more --bucket"});
}

/// 1 where the dims of a tensor are those sizes.
FailureOr<ScalarReg> ProgramBuilder::haveSizes(ArrayRef<DimExpr> Dims,
                                               ArrayRef<int64_t> Sizes) {
  Location Loc = Function.getLoc();
  FailureOr<ScalarReg> All = scalar(Loc, DimExpr(1));
  for (auto [Dim, Size] : llvm::zip(Dims, Sizes)) {
    if (Dim.isConstant(Size))
      continue;
    FailureOr<ScalarReg> Is = scalar(Loc, Dim);
    if (failed(Is))
      return failure();
    ScalarReg Same =
        compute(ScalarOpKind::Eq, *Is, *scalar(Loc, DimExpr(Size)));
    All = compute(ScalarOpKind::Mul, *All, Same);
  }
  return All;
}

/// Makes `To` the tensor `From` with other dims: cut, or padded with zeros. One
/// of both shapes is the bucket's, `Of`; where both are, nothing is copied.
LogicalResult ProgramBuilder::copyCorner(BufferReg To, Space Where,
                                         DeviceIndex On, BufferReg From,
                                         RankedTensorType Of,
                                         ArrayRef<DimExpr> FromDims,
                                         ArrayRef<DimExpr> ToDims) {
  Location Loc = Function.getLoc();
  bool IsPadded = llvm::equal(ToDims, dimsOf(Of));
  FailureOr<ScalarReg> IsSame =
      haveSizes(IsPadded ? FromDims : ToDims, Of.getShape());
  FailureOr<ScalarReg> Zero = scalar(Loc, DimExpr(0));
  FailureOr<ScalarReg> Bytes =
      scalar(Loc, byteSize(tensorOf(ToDims, Of.getElementType())));
  if (failed(IsSame) || failed(Bytes))
    return failure();
  IfOp Made;
  Made.Condition = *IsSame;
  {
    BlockScope Scope(*this);
    Made.Then = Scope.block();
    emit(SubspanOp{To, From, *Zero, *Bytes});
  }
  {
    BlockScope Scope(*this);
    Made.Else = static_cast<int32_t>(Scope.block());
    CopyCornerOp Corner;
    Corner.Source = From;
    Corner.Target = To;
    Corner.ElementSize =
        static_cast<uint8_t>(std::max(1u, Of.getElementTypeBitWidth() / 8));
    for (auto [Dims, Regs] : {std::pair(FromDims, &Corner.SourceDims),
                              std::pair(ToDims, &Corner.TargetDims)})
      for (const DimExpr &Dim : Dims) {
        FailureOr<ScalarReg> Size = scalar(Loc, Dim);
        if (failed(Size))
          return failure();
        Regs->push_back(*Size);
      }
    emit(AllocateOp{To, Where, *Bytes, On});
    emit(BarrierOp{});
    emit(std::move(Corner));
  }
  emit(Made);
  emit(BarrierOp{});
  return success();
}

/// The devices on which something reads a value that may lie on all of them.
std::set<DeviceIndex> ProgramBuilder::devicesOfUsers(Value V) {
  std::set<DeviceIndex> Out;
  for (Operation *User : V.getUsers()) {
    if (auto Dispatch = dyn_cast<CallDispatchOp>(User)) {
      Out.insert(deviceOf(Dispatch.getTarget()));
      continue;
    }
    if (auto Reshape = dyn_cast<ReshapeOp>(User)) {
      std::set<DeviceIndex> Further = devicesOfUsers(Reshape);
      Out.insert(Further.begin(), Further.end());
      continue;
    }
    // The host reads and returns it where it is first; a value of control flow
    // may be made of it anywhere.
    Out.insert(0);
    if (!isa<DefineDimsOp, func::ReturnOp>(User))
      for (DeviceIndex On = 0; On < Targets.size(); ++On)
        Out.insert(On);
  }
  return Out;
}

/// Makes the argument `Its` of a bucket of the entry's argument `Own`.
LogicalResult ProgramBuilder::bindBucketInput(func::FuncOp Callee,
                                              BlockArgument Own,
                                              BlockArgument Its,
                                              DeviceIndex On) {
  FailureOr<BufferReg> Given = bufferOf(Callee, Own, {}, On);
  if (failed(Given))
    return failure();
  auto Type = cast<RankedTensorType>(Its.getType());
  auto From = cast<RankedTensorType>(Own.getType());
  Buffers[{Its, On}] = *Given;
  // State and what only one size fits are as they should be.
  if (From == Type || !InputIndex.count(Own))
    return success();
  BufferReg Padded = Out.BufferRegisters++;
  if (failed(copyCorner(Padded, Space::Transient, On, *Given, Type,
                        dimsOf(From), dimsOf(Type))))
    return failure();
  Buffers[{Its, On}] = Padded;
  return success();
}

/// A result of the entry, whichever bucket makes it. Its registers are set: one
/// bucket will run, and the verifier of programs does not know.
ProgramBuilder::Variable ProgramBuilder::declareResult(Type Of,
                                                       DeviceIndex On) {
  Variable Made;
  Made.Buffer = Out.BufferRegisters++;
  Made.On = On;
  Made.Dims = dimsOf(cast<RankedTensorType>(Of));
  ScalarReg Zero = *scalar(Function.getLoc(), DimExpr(0));
  emit(AllocateOp{Made.Buffer, Space::Transient, Zero, On});
  for (const DimExpr &Dim : Made.Dims) {
    Made.Sizes.push_back(isBound(Dim) ? std::nullopt
                                      : std::optional(newScalar()));
    if (Made.Sizes.back())
      move(*Made.Sizes.back(), Zero);
  }
  return Made;
}

/// Makes a result of the entry of what a bucket returns.
LogicalResult ProgramBuilder::bucketResult(const Variable &To,
                                           func::FuncOp Callee, Value Value) {
  Location Loc = Callee.getLoc();
  auto Type = cast<RankedTensorType>(Value.getType());
  bool IsAnywhere = Places.of(Value).empty();
  DeviceIndex At = IsAnywhere ? To.On : deviceOf(Value);
  FailureOr<BufferReg> From = bufferOf(Callee, Value, {}, At);
  FailureOr<ScalarReg> Zero = scalar(Loc, DimExpr(0));
  FailureOr<ScalarReg> Bytes = scalar(Loc, byteSize(Type));
  if (failed(From) || failed(Bytes))
    return failure();
  // Buckets may make one result on several devices: it has one place.
  if (At != To.On) {
    BufferReg Moved = Out.BufferRegisters++;
    emit(AllocateOp{Moved, Space::Transient, *Bytes, To.On});
    emit(BarrierOp{});
    emit(CopyOp{*From, *Zero, Moved, *Zero, *Bytes});
    From = Moved;
  }
  const bool IsOfRun =
      llvm::any_of(To.Sizes, [](auto &Each) { return Each.has_value(); });
  if (!IsOfRun)
    return copyCorner(To.Buffer, Space::Result, To.On, *From, Type,
                      dimsOf(Type), To.Dims);
  // Of a bucket whose sizes a run decides no dimension is padded.
  emit(SubspanOp{To.Buffer, *From, *Zero, *Bytes});
  return setSizes(Loc, To, Type);
}

/// The body of one bucket, in the block at hand.
LogicalResult ProgramBuilder::translateBucket(func::FuncOp Callee,
                                              ArrayRef<Variable> Results) {
  emit(BarrierOp{});
  Written.clear();
  Read.clear();
  Places = ValuePlaces(Callee, Targets.front());
  for (auto [Own, Its] :
       llvm::zip(Function.getArguments(), Callee.getArguments())) {
    std::set<DeviceIndex> Devices = StateIndex.count(Own)
                                        ? std::set<DeviceIndex>{deviceOf(Its)}
                                        : devicesOfUsers(Its);
    for (DeviceIndex Each : Devices)
      if (failed(bindBucketInput(Callee, Own, Its, Each)))
        return failure();
  }
  if (auto Pairs = Callee->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr))
    llvm::append_range(UncheckedPairs, Pairs.getAsRange<DimsAttr>());
  if (failed(checkEqualDims()) || failed(allocateArena(Callee)))
    return failure();
  for (Operation &Op : Callee.getBody().front().without_terminator())
    if (failed(translate(Op)))
      return failure();
  Operation *Return = Callee.getBody().front().getTerminator();
  for (auto [To, Value] : llvm::zip(Results, Return->getOperands()))
    if (failed(bucketResult(To, Callee, Value)))
      return failure();
  return success();
}

LogicalResult ProgramBuilder::returnResults(ArrayRef<Variable> Results) {
  ReturnOp Return;
  for (const Variable &Each : Results) {
    ReturnValue Value;
    Value.Buffer = Each.Buffer;
    for (auto [Dim, OfRun] : llvm::zip(Each.Dims, Each.Sizes)) {
      FailureOr<ScalarReg> Size =
          OfRun ? *OfRun : scalar(Function.getLoc(), Dim);
      if (failed(Size))
        return failure();
      Value.Dims.push_back(*Size);
    }
    Return.Values.push_back(std::move(Value));
  }
  emit(std::move(Return));
  return success();
}

FailureOr<Program>
ProgramBuilder::buildBuckets(const BucketTable &Table,
                             ArrayRef<func::FuncOp> Callees) {
  if (failed(begin()))
    return failure();
  SmallVector<ScalarReg> Taken = chooseBucket(Table);
  if (failed(growState()))
    return failure();
  std::vector<Variable> Results;
  // Where the first bucket makes them.
  func::FuncOp FirstCallee = Callees.front();
  ValuePlaces First(FirstCallee, Targets.front());
  Operation *Return = FirstCallee.getBody().front().getTerminator();
  for (auto [Type, Each] :
       llvm::zip(Function.getResultTypes(), Return->getOperands()))
    Results.push_back(declareResult(Type, deviceOf(First.of(Each))));
  for (auto [Condition, Callee, Each] :
       llvm::zip(Taken, Callees, Table.Buckets)) {
    IfOp Made;
    Made.Condition = Condition;
    {
      BlockScope Scope(*this);
      Made.Then = Scope.block();
      Out.Blocks[EmitTo].Bucket = Table.describe(Each);
      if (failed(translateBucket(Callee, Results)))
        return failure();
    }
    emit(Made);
    emit(BarrierOp{});
  }
  if (failed(returnResults(Results)))
    return failure();
  if (failed(buildTraceBlock()))
    return failure();
  return std::move(Out);
}
