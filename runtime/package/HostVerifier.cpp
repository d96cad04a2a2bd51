// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks of host programs: indices, blocks, and that every register is
// assigned before it is used.
//
// Definite assignment is a forward walk over the structured blocks: after an If
// a register is assigned if both branches did it, after a Loop if it was
// before. The trace block is walked with what the body's end has.
//
// A buffer register holds buffers of one device: the walk meets an assignment
// before every use, and all assignments of a register must agree.

#include "runtime/package/Verifier.h"

#include <algorithm>

using namespace dure;

namespace {

constexpr uint32_t MaxRegisters = 1 << 20;
constexpr size_t MaxRank = 32;
constexpr unsigned MaxDepth = 64;
// Every If and Loop copies the set of assigned registers: bits copied in all.
constexpr uint64_t MaxCopiedBits = uint64_t(1) << 33;

struct Assigned {
  std::vector<bool> Scalars;
  std::vector<bool> Buffers;

  void intersect(const Assigned &Other) {
    for (size_t I = 0; I != Scalars.size(); ++I)
      Scalars[I] = Scalars[I] && Other.Scalars[I];
    for (size_t I = 0; I != Buffers.size(); ++I)
      Buffers[I] = Buffers[I] && Other.Buffers[I];
  }
};

class ProgramVerifier {
public:
  ProgramVerifier(const Package &P, const Variant &V, const Program &Prog)
      : V(V), Prog(Prog), E(P.Entries[Prog.Entry]),
        Reached(Prog.Blocks.size(), false),
        TraceBindings(Prog.Trace.size(), MaxBindings) {}

  Status run() {
    if (Prog.ScalarRegisters > MaxRegisters ||
        Prog.BufferRegisters > MaxRegisters)
      return invalidArgument("it has more than " +
                             std::to_string(MaxRegisters) + " registers");
    if (Prog.Blocks.empty())
      return invalidArgument("it has no body");
    Now.Scalars.assign(Prog.ScalarRegisters, false);
    Now.Buffers.assign(Prog.BufferRegisters, false);
    DeviceOf.assign(Prog.BufferRegisters, NoDevice);
    StateDevice.assign(E.States.size(), NoDevice);
    DURE_RETURN_IF_ERROR(verifyBlock(0, 0));
    DURE_RETURN_IF_ERROR(verifyTraceBlock());
    if (std::find(Reached.begin(), Reached.end(), false) != Reached.end())
      return invalidArgument("it has a block that nothing enters");
    return verifyTrace();
  }

private:
  static constexpr uint32_t MaxBindings = ~uint32_t(0);
  static constexpr DeviceIndex NoDevice = ~DeviceIndex(0);

  //===--------------------------------------------------------------------===//
  // Registers
  //===--------------------------------------------------------------------===//

  Status use(ScalarReg Reg) const {
    if (Reg < Now.Scalars.size() && Now.Scalars[Reg])
      return Status::success();
    return invalidArgument("scalar register " + std::to_string(Reg) +
                           " is used before it is assigned");
  }
  Status use(const std::vector<ScalarReg> &Regs) const {
    for (ScalarReg Reg : Regs)
      DURE_RETURN_IF_ERROR(use(Reg));
    return Status::success();
  }
  Status useBuffer(BufferReg Reg) const {
    if (Reg < Now.Buffers.size() && Now.Buffers[Reg])
      return Status::success();
    return invalidArgument("buffer register " + std::to_string(Reg) +
                           " is used before it is assigned");
  }
  Status assign(ScalarReg Reg) {
    if (Reg >= Now.Scalars.size())
      return invalidArgument("there is no scalar register " +
                             std::to_string(Reg));
    Now.Scalars[Reg] = true;
    return Status::success();
  }
  Status assignBuffer(BufferReg Reg, DeviceIndex Device) {
    if (Reg >= Now.Buffers.size())
      return invalidArgument("there is no buffer register " +
                             std::to_string(Reg));
    if (Device > V.Devices.size())
      return invalidArgument("the variant has no device " +
                             std::to_string(Device));
    if (DeviceOf[Reg] != NoDevice && DeviceOf[Reg] != Device)
      return invalidArgument("buffer register " + std::to_string(Reg) +
                             " holds buffers of two devices");
    DeviceOf[Reg] = Device;
    Now.Buffers[Reg] = true;
    return Status::success();
  }
  Status useBufferOn(BufferReg Reg, DeviceIndex Device) const {
    DURE_RETURN_IF_ERROR(useBuffer(Reg));
    if (DeviceOf[Reg] == Device)
      return Status::success();
    return invalidArgument("buffer register " + std::to_string(Reg) +
                           " is on device " + std::to_string(DeviceOf[Reg]) +
                           ", its user on device " + std::to_string(Device));
  }

  static Status unknown(const char *What) {
    return Status(StatusCode::Incompatible,
                  std::string(What) + " is not known to this version of Dure");
  }

  //===--------------------------------------------------------------------===//
  // Scalars
  //===--------------------------------------------------------------------===//

  Status visit(const ConstOp &Op) { return assign(Op.Result); }

  Status visit(const ScalarOp &Op) {
    if (Op.Kind == ScalarOpKind::None || Op.Kind > ScalarOpKind::Select)
      return unknown("a scalar operation");
    DURE_RETURN_IF_ERROR(use(Op.A));
    DURE_RETURN_IF_ERROR(use(Op.B));
    if (Op.Kind == ScalarOpKind::Select)
      DURE_RETURN_IF_ERROR(use(Op.C));
    return assign(Op.Result);
  }

  Status visit(const InputDimOp &Op) {
    if (Op.Input >= E.Inputs.size() ||
        Op.Axis >= E.Inputs[Op.Input].Dims.size())
      return invalidArgument("there is no such input or axis");
    return assign(Op.Result);
  }

  Status visit(const CheckOp &Op) {
    if (Op.Rel == Relation::None || Op.Rel > Relation::Le)
      return unknown("a relation");
    if (Op.Message.find('\0') != std::string::npos)
      return invalidArgument("a message holds a NUL");
    DURE_RETURN_IF_ERROR(use(Op.A));
    return use(Op.B);
  }

  //===--------------------------------------------------------------------===//
  // Buffers
  //===--------------------------------------------------------------------===//

  Status visit(const InputBufferOp &Op) {
    if (Op.Input >= E.Inputs.size())
      return invalidArgument("there is no such input");
    return assignBuffer(Op.Result, Op.Device);
  }

  Status visit(const WeightBufferOp &Op) {
    if (!std::binary_search(V.Weights.begin(), V.Weights.end(), Op.Weight))
      return invalidArgument("weight " + std::to_string(Op.Weight) +
                             " is not one of the variant's");
    return assignBuffer(Op.Result, Op.Device);
  }

  Status visit(const AllocateOp &Op) {
    if (Op.Where != Space::Transient && Op.Where != Space::Result)
      return unknown("a space");
    DURE_RETURN_IF_ERROR(use(Op.Size));
    return assignBuffer(Op.Result, Op.Device);
  }

  Status visit(const SubspanOp &Op) {
    DURE_RETURN_IF_ERROR(useBuffer(Op.Source));
    DURE_RETURN_IF_ERROR(use(Op.Offset));
    DURE_RETURN_IF_ERROR(use(Op.Size));
    return assignBuffer(Op.Result, DeviceOf[Op.Source]);
  }

  //===--------------------------------------------------------------------===//
  // Commands
  //===--------------------------------------------------------------------===//

  Status visit(const DispatchOp &Op) {
    if (Op.CodeObject >= V.CodeObjects.size() ||
        Op.Export >= V.CodeObjects[Op.CodeObject].Exports.size())
      return invalidArgument("there is no such code object or export");
    const Export &Callee = V.CodeObjects[Op.CodeObject].Exports[Op.Export];
    if (Op.Bindings.size() != Callee.Bindings ||
        Op.Constants.size() != Callee.Constants)
      return invalidArgument(
          "'" + Callee.Name + "' takes " + std::to_string(Callee.Bindings) +
          " bindings and " + std::to_string(Callee.Constants) +
          " constants, got " + std::to_string(Op.Bindings.size()) + " and " +
          std::to_string(Op.Constants.size()));
    if (Op.Grid.size() > 3)
      return invalidArgument("a grid has more than 3 dims");
    DURE_RETURN_IF_ERROR(use(Op.Grid));
    DURE_RETURN_IF_ERROR(use(Op.Constants));
    for (const Binding &B : Op.Bindings) {
      if (B.Use == Access::None || B.Use > Access::ReadWrite)
        return unknown("an access");
      DURE_RETURN_IF_ERROR(
          useBufferOn(B.Buffer, V.CodeObjects[Op.CodeObject].Device));
    }
    if (Op.Trace < -1 || Op.Trace >= static_cast<int64_t>(Prog.Trace.size()))
      return invalidArgument("there is no such trace row");
    if (Op.Trace >= 0) {
      TraceBindings[Op.Trace] =
          std::min(TraceBindings[Op.Trace], Callee.Bindings);
      // Values are looked at where they are made, which may be in a block.
      for (const TraceValue &Value : Prog.Trace[Op.Trace].Values)
        DURE_RETURN_IF_ERROR(
            use(Value.Dims).at("trace row " + std::to_string(Op.Trace)));
    }
    return Status::success();
  }

  Status visit(const CopyOp &Op) {
    DURE_RETURN_IF_ERROR(useBuffer(Op.Source));
    DURE_RETURN_IF_ERROR(use(Op.SourceOffset));
    DURE_RETURN_IF_ERROR(useBuffer(Op.Target));
    DURE_RETURN_IF_ERROR(use(Op.TargetOffset));
    return use(Op.Size);
  }

  static bool isUnit(uint8_t Size) {
    return Size == 1 || Size == 2 || Size == 4 || Size == 8;
  }

  Status visit(const FillOp &Op) {
    if (!isUnit(Op.PatternSize))
      return invalidArgument("a fill pattern has 1, 2, 4 or 8 bytes");
    DURE_RETURN_IF_ERROR(useBuffer(Op.Target));
    DURE_RETURN_IF_ERROR(use(Op.Offset));
    return use(Op.Size);
  }

  Status visit(const CopyCornerOp &Op) {
    if (!isUnit(Op.ElementSize) ||
        Op.SourceDims.size() != Op.TargetDims.size() ||
        Op.SourceDims.size() > MaxRank)
      return invalidArgument("a corner needs two shapes of one rank and "
                             "elements of 1, 2, 4 or 8 bytes");
    DURE_RETURN_IF_ERROR(useBuffer(Op.Source));
    DURE_RETURN_IF_ERROR(useBufferOn(Op.Target, DeviceOf[Op.Source]));
    DURE_RETURN_IF_ERROR(use(Op.SourceDims));
    return use(Op.TargetDims);
  }

  Status visit(const BarrierOp &) { return Status::success(); }

  Status visit(const ReadScalarOp &Op) {
    switch (Op.Type) {
    case ElementType::I8:
    case ElementType::U8:
    case ElementType::I16:
    case ElementType::U16:
    case ElementType::I32:
    case ElementType::U32:
    case ElementType::I64:
    case ElementType::U64:
    case ElementType::Bool:
      break;
    default:
      return invalidArgument("a scalar is read from integers or booleans");
    }
    DURE_RETURN_IF_ERROR(useBuffer(Op.Source));
    DURE_RETURN_IF_ERROR(use(Op.Index));
    return assign(Op.Result);
  }

  //===--------------------------------------------------------------------===//
  // State
  //===--------------------------------------------------------------------===//

  Status needState() const {
    return E.States.empty() ? invalidArgument("the entry has no state")
                            : Status::success();
  }

  Status visit(const StateBufferOp &Op) {
    if (Op.State >= E.States.size())
      return invalidArgument("there is no such state");
    if (StateDevice[Op.State] != NoDevice && StateDevice[Op.State] != Op.Device)
      return invalidArgument("state '" + E.States[Op.State].Name +
                             "' is on two devices");
    StateDevice[Op.State] = Op.Device;
    return assignBuffer(Op.Result, Op.Device);
  }
  Status visit(const StateLengthsOp &Op) {
    DURE_RETURN_IF_ERROR(needState());
    return assignBuffer(Op.Result, Op.Device);
  }
  Status visit(const StateScalarOp &Op) {
    DURE_RETURN_IF_ERROR(needState());
    if (Op.Property == StateProperty::None ||
        Op.Property > StateProperty::Length)
      return unknown("a property of the state");
    return assign(Op.Result);
  }
  Status visit(const StateAppendOp &Op) {
    DURE_RETURN_IF_ERROR(needState());
    return use(Op.Count);
  }

  //===--------------------------------------------------------------------===//
  // Control
  //===--------------------------------------------------------------------===//

  /// Enters block INDEX from block FROM.
  Status enter(uint32_t Index, uint32_t From, unsigned Depth) {
    if (Index >= Prog.Blocks.size() || Index <= From || Reached[Index] ||
        static_cast<int64_t>(Index) == Prog.TraceBlock)
      return invalidArgument("block " + std::to_string(Index) +
                             " is not a later block of its own");
    CopiedBits += Now.Scalars.size() + Now.Buffers.size();
    if (CopiedBits > MaxCopiedBits)
      return invalidArgument("it has too many registers for its branches");
    if (Depth + 1 > MaxDepth)
      return invalidArgument("its blocks are nested too deeply");
    return verifyBlock(Index, Depth + 1);
  }

  Status visitIf(const IfOp &Op, uint32_t From, unsigned Depth) {
    DURE_RETURN_IF_ERROR(use(Op.Condition));
    Assigned Before = Now;
    DURE_RETURN_IF_ERROR(enter(Op.Then, From, Depth));
    if (Op.Else < 0) {
      Now = std::move(Before);
      return Op.Else == -1 ? Status::success()
                           : invalidArgument("there is no such block");
    }
    std::swap(Now, Before);
    DURE_RETURN_IF_ERROR(enter(static_cast<uint32_t>(Op.Else), From, Depth));
    Now.intersect(Before);
    return Status::success();
  }

  Status visitLoop(const LoopOp &Op, uint32_t From, unsigned Depth) {
    DURE_RETURN_IF_ERROR(use(Op.Lower));
    DURE_RETURN_IF_ERROR(use(Op.Upper));
    DURE_RETURN_IF_ERROR(use(Op.Step));
    if (Op.Condition < -1)
      return invalidArgument("there is no such register");
    if (Op.Condition >= 0)
      DURE_RETURN_IF_ERROR(use(static_cast<ScalarReg>(Op.Condition)));
    Assigned Before = Now;
    DURE_RETURN_IF_ERROR(assign(Op.Induction));
    DURE_RETURN_IF_ERROR(enter(Op.Body, From, Depth));
    Now = std::move(Before);
    return Status::success();
  }

  Status visitReturn(const ReturnOp &Op) {
    if (Op.Values.size() != E.Outputs.size())
      return invalidArgument("it returns " + std::to_string(Op.Values.size()) +
                             " values, the entry has " +
                             std::to_string(E.Outputs.size()) + " outputs");
    for (size_t I = 0; I != Op.Values.size(); ++I) {
      if (Op.Values[I].Dims.size() != E.Outputs[I].Dims.size())
        return invalidArgument("output '" + E.Outputs[I].Name +
                               "' is returned with another rank");
      DURE_RETURN_IF_ERROR(useBuffer(Op.Values[I].Buffer));
      DURE_RETURN_IF_ERROR(use(Op.Values[I].Dims));
    }
    return Status::success();
  }

  Status verifyInstruction(const Instruction &I, uint32_t Index,
                           unsigned Depth) {
    if (auto *Op = std::get_if<IfOp>(&I))
      return visitIf(*Op, Index, Depth);
    if (auto *Op = std::get_if<LoopOp>(&I))
      return visitLoop(*Op, Index, Depth);
    if (auto *Op = std::get_if<ReturnOp>(&I))
      return visitReturn(*Op);
    return std::visit([this](const auto &Op) { return visitPlain(Op); }, I);
  }

  template <typename T> Status visitPlain(const T &Op) {
    if constexpr (std::is_same_v<T, IfOp> || std::is_same_v<T, LoopOp> ||
                  std::is_same_v<T, ReturnOp>)
      return Status::success(); // handled by the caller
    else
      return visit(Op);
  }

  Status verifyBlock(uint32_t Index, unsigned Depth) {
    Reached[Index] = true;
    const std::vector<Instruction> &Code = Prog.Blocks[Index].Instructions;
    for (size_t I = 0; I != Code.size(); ++I) {
      bool Returns = std::holds_alternative<ReturnOp>(Code[I]);
      bool MayReturn = Index == 0 && I + 1 == Code.size();
      Status Checked =
          Returns == MayReturn
              ? verifyInstruction(Code[I], Index, Depth)
              : invalidArgument("the body, and nothing else, ends with Return");
      if (!Checked.ok())
        return Checked.at("block " + std::to_string(Index) + ", instruction " +
                          std::to_string(I));
    }
    return Index == 0 && Code.empty() ? invalidArgument("its body is empty")
                                      : Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Trace
  //===--------------------------------------------------------------------===//

  Status verifyTraceBlock() {
    if (Prog.TraceBlock == -1)
      return Status::success();
    if (Prog.TraceBlock <= 0 ||
        Prog.TraceBlock >= static_cast<int64_t>(Prog.Blocks.size()) ||
        Reached[Prog.TraceBlock])
      return invalidArgument("its trace block is not a block of its own");
    for (const Instruction &I : Prog.Blocks[Prog.TraceBlock].Instructions)
      if (!std::holds_alternative<ConstOp>(I) &&
          !std::holds_alternative<ScalarOp>(I))
        return invalidArgument("its trace block does more than arithmetic");
    return verifyBlock(static_cast<uint32_t>(Prog.TraceBlock), 0);
  }

  Status verifyTraceRow(const TraceInfo &Row, uint32_t Bindings) {
    for (int32_t Reg : {Row.Flops, Row.Bytes})
      if (Reg != -1)
        DURE_RETURN_IF_ERROR(use(static_cast<ScalarReg>(Reg)));
    for (const TraceValue &Value : Row.Values) {
      if (Value.Binding >= Bindings || elementBits(Value.Type) == 0 ||
          Value.Dims.size() > MaxRank)
        return invalidArgument("value '" + Value.Name + "' is not bound");
      for (ScalarReg Reg : Value.Dims)
        if (Reg >= Prog.ScalarRegisters)
          return invalidArgument("value '" + Value.Name +
                                 "' has a dim that is no register");
    }
    return Status::success();
  }

  Status verifyTrace() {
    for (size_t I = 0; I != Prog.Trace.size(); ++I)
      DURE_RETURN_IF_ERROR(verifyTraceRow(Prog.Trace[I], TraceBindings[I])
                               .at("trace row " + std::to_string(I)));
    return Status::success();
  }

  const Variant &V;
  const Program &Prog;
  const Entry &E;
  Assigned Now;
  // Where each buffer register's buffers are, and each tensor of the state.
  std::vector<DeviceIndex> DeviceOf, StateDevice;
  std::vector<bool> Reached;
  // Fewest bindings of the dispatches that name a trace row.
  std::vector<uint32_t> TraceBindings;
  uint64_t CopiedBits = 0;
};

} // namespace

Status dure::verifyProgram(const Package &Content, const Variant &Owner,
                           const Program &P) {
  return ProgramVerifier(Content, Owner, P).run();
}
