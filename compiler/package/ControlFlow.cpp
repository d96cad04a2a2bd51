// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks of the host program: dure.if and dure.loop.
#include "compiler/package/BlockScope.h"
#include "compiler/package/ElementTypes.h"

using namespace mlir;
using namespace dure;

ProgramBuilder::Variable ProgramBuilder::declare(Type Of, DeviceIndex On) {
  Variable Out;
  Out.On = On;
  Out.Buffer = this->Out.BufferRegisters++;
  Out.Dims = dimsOf(cast<RankedTensorType>(Of));
  for (const DimExpr &Dim : Out.Dims) {
    std::optional<std::string> Name = Dim.asSymbol();
    bool IsOwn = Name && !Scalars.count(*Name);
    Out.Sizes.push_back(IsOwn ? std::optional(newScalar()) : std::nullopt);
  }
  return Out;
}

void ProgramBuilder::bindSymbols(const Variable &V) {
  for (auto [Dim, Size] : llvm::zip(V.Dims, V.Sizes))
    if (Size)
      Scalars.try_emplace(*Dim.asSymbol(), *Size);
}

ScalarReg ProgramBuilder::compute(ScalarOpKind Kind, ScalarReg A, ScalarReg B) {
  ScalarOp Made;
  Made.Kind = Kind;
  Made.Result = newScalar();
  Made.A = A;
  Made.B = B;
  emit(Made);
  return Made.Result;
}

void ProgramBuilder::move(ScalarReg To, ScalarReg From) {
  ScalarOp Made;
  Made.Kind = ScalarOpKind::Max;
  Made.Result = To;
  Made.A = Made.B = From;
  emit(Made);
}

LogicalResult ProgramBuilder::setSizes(Location Loc, const Variable &To,
                                       RankedTensorType Type) {
  for (auto [I, Size] : llvm::enumerate(To.Sizes)) {
    if (!Size)
      continue;
    FailureOr<ScalarReg> Is = scalar(Loc, dimOf(Type, I));
    if (failed(Is))
      return failure();
    move(*Size, *Is);
  }
  return success();
}

LogicalResult ProgramBuilder::assign(Operation *User, const Variable &To,
                                     Value From) {
  auto Type = cast<RankedTensorType>(From.getType());
  FailureOr<BufferReg> Buffer = bufferOf(User, From, {}, To.On);
  FailureOr<ScalarReg> Zero = scalar(User->getLoc(), DimExpr(0));
  FailureOr<ScalarReg> Bytes = scalar(User->getLoc(), byteSize(Type));
  if (failed(Buffer) || failed(Bytes))
    return failure();
  emit(SubspanOp{To.Buffer, *Buffer, *Zero, *Bytes});
  return setSizes(User->getLoc(), To, Type);
}

/// Everything but the block's last op.
LogicalResult ProgramBuilder::translateBlock(Region &Body) {
  emit(BarrierOp{});
  Written.clear();
  Read.clear();
  if (failed(checkEqualDims()))
    return failure();
  for (Operation &Op : Body.front().without_terminator())
    if (failed(translate(Op)))
      return failure();
  return success();
}

LogicalResult ProgramBuilder::translateIf(BranchOp Op) {
  FailureOr<ScalarReg> Condition =
      scalar(Op.getLoc(), Op.getCondition().expr(0));
  if (failed(Condition))
    return failure();
  std::vector<Variable> Results;
  for (Value Each : Op.getResults())
    Results.push_back(declare(Each.getType(), deviceOf(Each)));
  uint32_t Blocks[2];
  for (auto [Body, Index] :
       llvm::zip(MutableArrayRef<Region>(Op->getRegions()), Blocks)) {
    BlockScope Scope(*this);
    Index = Scope.block();
    if (failed(translateBlock(Body)))
      return failure();
    for (auto [Result, Value] :
         llvm::zip(Results, Body.front().getTerminator()->getOperands()))
      if (failed(assign(Op, Result, Value)))
        return failure();
  }
  emit(IfOp{*Condition, Blocks[0], static_cast<int32_t>(Blocks[1])});
  emit(BarrierOp{});
  for (auto [Value, Result] : llvm::zip(Op.getResults(), Results)) {
    Buffers[{Value, Result.On}] = Result.Buffer;
    bindSymbols(Result);
  }
  return checkEqualDims();
}

/// Values of iterations, one after another, in memory that grows.
struct ProgramBuilder::Stack {
  Variable One;
  ScalarReg Used = 0, Capacity = 0;
};

FailureOr<ProgramBuilder::Stack> ProgramBuilder::declareStack(IterateOp Op,
                                                              Value Result) {
  auto Type = cast<RankedTensorType>(Result.getType());
  SmallVector<DimExpr> Dims = dimsOf(Type);
  Dims.erase(Dims.begin());
  Stack Out;
  Out.One = declare(tensorOf(Dims, Type.getElementType()), deviceOf(Result));
  Out.Used = newScalar();
  Out.Capacity = newScalar();
  FailureOr<ScalarReg> Zero = scalar(Op.getLoc(), DimExpr(0));
  emit(AllocateOp{Out.One.Buffer, Space::Transient, *Zero, Out.One.On});
  move(Out.Used, *Zero);
  move(Out.Capacity, *Zero);
  for (std::optional<ScalarReg> Size : Out.One.Sizes)
    if (Size)
      move(*Size, *Zero);
  return Out;
}

/// Appends a value. Memory is made for all iterations when their number is
/// known, else it doubles.
LogicalResult ProgramBuilder::push(IterateOp Op, const Stack &To, Value From,
                                   ScalarReg Trips) {
  Location Loc = Op.getLoc();
  auto Type = cast<RankedTensorType>(From.getType());
  FailureOr<BufferReg> Source = bufferOf(Op, From, {}, To.One.On);
  FailureOr<ScalarReg> Bytes = scalar(Loc, byteSize(Type));
  FailureOr<ScalarReg> Zero = scalar(Loc, DimExpr(0));
  FailureOr<ScalarReg> Two = scalar(Loc, DimExpr(2));
  if (failed(Source) || failed(Bytes) || failed(setSizes(Loc, To.One, Type)))
    return failure();
  emit(BarrierOp{});
  ScalarReg Needed = compute(ScalarOpKind::Add, To.Used, *Bytes);
  ScalarReg IsFull = compute(ScalarOpKind::Lt, To.Capacity, Needed);
  uint32_t Grow;
  {
    BlockScope Scope(*this);
    Grow = Scope.block();
    ScalarReg Wanted =
        Op.isConditional()
            ? compute(ScalarOpKind::Max, Needed,
                      compute(ScalarOpKind::Mul, To.Capacity, *Two))
            : compute(ScalarOpKind::Max, Needed,
                      compute(ScalarOpKind::Mul, *Bytes, Trips));
    BufferReg Larger = Out.BufferRegisters++;
    emit(AllocateOp{Larger, Space::Transient, Wanted, To.One.On});
    emit(CopyOp{To.One.Buffer, *Zero, Larger, *Zero, To.Used});
    emit(BarrierOp{});
    emit(SubspanOp{To.One.Buffer, Larger, *Zero, Wanted});
    move(To.Capacity, Wanted);
  }
  emit(IfOp{IsFull, Grow, -1});
  emit(CopyOp{*Source, *Zero, To.One.Buffer, To.Used, *Bytes});
  move(To.Used, Needed);
  return success();
}

/// One iteration: what the block does, then what it leaves to the next.
LogicalResult ProgramBuilder::translateLoopBody(IterateOp Op,
                                                const LoopOp &Made,
                                                ScalarReg Count,
                                                ArrayRef<Variable> Carried,
                                                ArrayRef<Stack> Stacks) {
  Region &Body = Op.getBody();
  Scalars[Op.getInduction().str()] = Made.Induction;
  for (auto [Argument, Each] : llvm::zip(Body.getArguments(), Carried)) {
    Buffers[{Argument, Each.On}] = Each.Buffer;
    bindSymbols(Each);
  }
  if (failed(translateBlock(Body)))
    return failure();
  for (auto [To, From] : llvm::zip(Stacks, Op.stackedValues()))
    if (failed(push(Op, To, From, Made.Upper)))
      return failure();
  if (failed(carryOn(Op, Carried)))
    return failure();
  ScalarOp Counted;
  Counted.Kind = ScalarOpKind::Add;
  Counted.Result = Counted.A = Count;
  Counted.B = Made.Step;
  emit(Counted);
  if (!Op.isConditional())
    return success();
  Value GoOn = Body.front().getTerminator()->getOperand(0);
  FailureOr<BufferReg> Source = bufferOf(Op, GoOn, {}, deviceOf(GoOn));
  if (failed(Source))
    return failure();
  ReadScalarOp Test;
  Test.Result = static_cast<ScalarReg>(Made.Condition);
  Test.Source = *Source;
  Test.Type = ElementType::Bool;
  Test.Index = Made.Lower;
  emit(Test);
  return success();
}

/// Makes the next iteration's arguments of what this one yields. All of them
/// are read before any is written: a value may be carried on as another.
LogicalResult ProgramBuilder::carryOn(IterateOp Op,
                                      ArrayRef<Variable> Carried) {
  FailureOr<ScalarReg> Zero = scalar(Op.getLoc(), DimExpr(0));
  std::vector<Variable> Next;
  for (auto [Each, Value] : llvm::zip(Carried, Op.nextValues())) {
    Next.push_back(Each);
    Next.back().Buffer = Out.BufferRegisters++;
    for (std::optional<ScalarReg> &Size : Next.back().Sizes)
      if (Size)
        Size = newScalar();
    if (failed(assign(Op, Next.back(), Value)))
      return failure();
  }
  for (auto [Each, Value, From] : llvm::zip(Carried, Op.nextValues(), Next)) {
    auto Type = cast<RankedTensorType>(Value.getType());
    FailureOr<ScalarReg> Bytes = scalar(Op.getLoc(), byteSize(Type));
    if (failed(Bytes))
      return failure();
    emit(SubspanOp{Each.Buffer, From.Buffer, *Zero, *Bytes});
    for (auto [Size, Is] : llvm::zip(Each.Sizes, From.Sizes))
      if (Size)
        move(*Size, *Is);
  }
  return success();
}

LogicalResult ProgramBuilder::translateLoop(IterateOp Op) {
  Location Loc = Op.getLoc();
  Region &Body = Op.getBody();
  FailureOr<ScalarReg> Zero = scalar(Loc, DimExpr(0));
  FailureOr<ScalarReg> One = scalar(Loc, DimExpr(1));
  FailureOr<ScalarReg> Trips = scalar(Loc, Op.getTrips().expr(0));
  if (failed(Trips))
    return failure();
  ScalarReg Count = newScalar();
  move(Count, *Zero);
  LoopOp Made;
  Made.Induction = newScalar();
  Made.Lower = *Zero;
  Made.Upper = *Trips;
  Made.Step = *One;
  if (Op.isConditional()) {
    FailureOr<ScalarReg> Entry = scalar(Loc, Op.getEntry()->expr(0));
    if (failed(Entry))
      return failure();
    ScalarReg Condition = newScalar();
    move(Condition, *Entry);
    Made.Condition = static_cast<int32_t>(Condition);
  }
  std::vector<Variable> Carried;
  for (auto [Argument, Init] : llvm::zip(Body.getArguments(), Op.getInits())) {
    Carried.push_back(declare(Argument.getType(), deviceOf(Argument)));
    if (failed(assign(Op, Carried.back(), Init)))
      return failure();
  }
  std::vector<Stack> Stacks;
  for (Value Result : Op.getResults().drop_front(Carried.size())) {
    FailureOr<Stack> Each = declareStack(Op, Result);
    if (failed(Each))
      return failure();
    Stacks.push_back(std::move(*Each));
  }
  {
    BlockScope Scope(*this);
    Made.Body = Scope.block();
    if (failed(translateLoopBody(Op, Made, Count, Carried, Stacks)))
      return failure();
  }
  emit(Made);
  emit(BarrierOp{});
  Scalars[Op.getCount().str()] = Count;
  return bindLoopResults(Op, Carried, Stacks);
}

/// What the loop leaves: the registers of its last iteration.
LogicalResult ProgramBuilder::bindLoopResults(IterateOp Op,
                                              ArrayRef<Variable> Carried,
                                              ArrayRef<Stack> Stacks) {
  auto Bind = [&](const DimExpr &Dim, const Variable &From,
                  size_t Axis) -> LogicalResult {
    std::optional<std::string> Name = Dim.asSymbol();
    if (!Name || Scalars.count(*Name))
      return success();
    if (From.Sizes[Axis]) {
      Scalars[*Name] = *From.Sizes[Axis];
      return success();
    }
    FailureOr<ScalarReg> Known = scalar(Op.getLoc(), From.Dims[Axis]);
    if (failed(Known))
      return failure();
    Scalars[*Name] = *Known;
    return success();
  };
  for (auto [I, Result] : llvm::enumerate(Op.getResults())) {
    SmallVector<DimExpr> Dims =
        dimsOf(cast<RankedTensorType>(Result.getType()));
    bool IsStacked = I >= Carried.size();
    const Variable &From =
        IsStacked ? Stacks[I - Carried.size()].One : Carried[I];
    for (size_t Axis = IsStacked; Axis < Dims.size(); ++Axis)
      if (failed(Bind(Dims[Axis], From, Axis - IsStacked)))
        return failure();
    Buffers[{Result, From.On}] = From.Buffer;
  }
  return checkEqualDims();
}
