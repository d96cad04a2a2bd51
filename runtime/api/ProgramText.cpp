// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Host programs as lines of text, for people.

#include "runtime/api/ProgramText.h"

using namespace dure;

namespace {

std::string scalar(ScalarReg Reg) { return "r" + std::to_string(Reg); }
std::string buffer(BufferReg Reg) { return "b" + std::to_string(Reg); }

std::string scalars(const std::vector<ScalarReg> &Regs) {
  std::string Text = "[";
  for (size_t I = 0; I != Regs.size(); ++I)
    Text += (I ? ", " : "") + scalar(Regs[I]);
  return Text + "]";
}

std::string named(const char *What, size_t Index, const std::string &Name) {
  return std::string(What) + " " + std::to_string(Index) + " '" + Name + "'";
}

std::string hex(uint64_t Value) {
  static constexpr char Digits[] = "0123456789abcdef";
  std::string Text;
  do
    Text.insert(Text.begin(), Digits[Value % 16]);
  while (Value /= 16);
  return "0x" + Text;
}

class Printer {
public:
  Printer(const Package &P, const Variant &V, const Program &Prog)
      : P(P), V(V), E(P.Entries[Prog.Entry]) {}

  std::string operator()(const ConstOp &Op) const {
    return scalar(Op.Result) + " = " + std::to_string(Op.Value);
  }

  std::string operator()(const ScalarOp &Op) const {
    static constexpr const char *Names[] = {
        "none", "add", "sub", "mul", "floordiv", "ceildiv", "mod",
        "min",  "max", "eq",  "ne",  "lt",       "le",      "select"};
    std::string Text = scalar(Op.Result) + " = " +
                       Names[static_cast<size_t>(Op.Kind)] + " " +
                       scalar(Op.A) + ", " + scalar(Op.B);
    return Op.Kind == ScalarOpKind::Select ? Text + ", " + scalar(Op.C) : Text;
  }

  std::string operator()(const InputDimOp &Op) const {
    return scalar(Op.Result) + " = dim " + std::to_string(Op.Axis) + " of " +
           named("input", Op.Input, E.Inputs[Op.Input].Name);
  }

  std::string operator()(const CheckOp &Op) const {
    static constexpr const char *Signs[] = {"?", "==", "!=", "<", "<="};
    return "check " + scalar(Op.A) + " " + Signs[static_cast<size_t>(Op.Rel)] +
           " " + scalar(Op.B) + ": " + Op.Message;
  }

  std::string operator()(const InputBufferOp &Op) const {
    return buffer(Op.Result) + " = " +
           named("input", Op.Input, E.Inputs[Op.Input].Name) + on(Op.Device);
  }

  std::string operator()(const WeightBufferOp &Op) const {
    return buffer(Op.Result) + " = " +
           named("weight", Op.Weight, P.Weights[Op.Weight].Name) +
           on(Op.Device);
  }

  std::string operator()(const AllocateOp &Op) const {
    return buffer(Op.Result) + " = allocate " +
           (Op.Where == Space::Result ? "result" : "transient") + " of " +
           scalar(Op.Size) + " bytes" + on(Op.Device);
  }

  std::string operator()(const SubspanOp &Op) const {
    return buffer(Op.Result) + " = " + range(Op.Source, Op.Offset, Op.Size);
  }

  std::string operator()(const DispatchOp &Op) const {
    static constexpr const char *Uses[] = {"?", "read", "write", "update"};
    std::string Text =
        "dispatch " +
        named("export", Op.Export,
              V.CodeObjects[Op.CodeObject].Exports[Op.Export].Name);
    if (V.CodeObjects.size() != 1)
      Text += " of code " + std::to_string(Op.CodeObject);
    Text += on(V.CodeObjects[Op.CodeObject].Device);
    if (!Op.Grid.empty())
      Text += " grid " + scalars(Op.Grid);
    for (const Binding &B : Op.Bindings)
      Text += std::string(", ") + Uses[static_cast<size_t>(B.Use)] + " " +
              buffer(B.Buffer);
    if (!Op.Constants.empty())
      Text += ", constants " + scalars(Op.Constants);
    return Op.Trace < 0 ? Text : Text + ", trace " + std::to_string(Op.Trace);
  }

  std::string operator()(const CopyOp &Op) const {
    return "copy " + range(Op.Source, Op.SourceOffset, Op.Size) + " to " +
           range(Op.Target, Op.TargetOffset, Op.Size);
  }

  std::string operator()(const FillOp &Op) const {
    return "fill " + range(Op.Target, Op.Offset, Op.Size) + " with " +
           hex(Op.Pattern) + " of " + std::to_string(Op.PatternSize) + " bytes";
  }

  std::string operator()(const CopyCornerOp &Op) const {
    return "copy corner of " + buffer(Op.Source) + " " +
           scalars(Op.SourceDims) + " to " + buffer(Op.Target) + " " +
           scalars(Op.TargetDims) + ", elements of " +
           std::to_string(Op.ElementSize) + " bytes, filler " + hex(Op.Pattern);
  }

  std::string operator()(const BarrierOp &) const { return "barrier"; }

  std::string operator()(const ReadScalarOp &Op) const {
    return scalar(Op.Result) + " = read " + elementName(Op.Type) + " " +
           scalar(Op.Index) + " of " + buffer(Op.Source);
  }

  std::string operator()(const IfOp &Op) const {
    std::string Text =
        "if " + scalar(Op.Condition) + " block " + std::to_string(Op.Then);
    return Op.Else < 0 ? Text : Text + " else block " + std::to_string(Op.Else);
  }

  std::string operator()(const LoopOp &Op) const {
    std::string Text = "loop " + scalar(Op.Induction) + " from " +
                       scalar(Op.Lower) + " to " + scalar(Op.Upper) + " by " +
                       scalar(Op.Step);
    if (Op.Condition >= 0)
      Text += " while " + scalar(static_cast<ScalarReg>(Op.Condition));
    return Text + " block " + std::to_string(Op.Body);
  }

  std::string operator()(const StateBufferOp &Op) const {
    return buffer(Op.Result) + " = " +
           named("state", Op.State, E.States[Op.State].Name) + on(Op.Device);
  }

  std::string operator()(const StateLengthsOp &Op) const {
    return buffer(Op.Result) + " = lengths of the state" + on(Op.Device);
  }

  std::string operator()(const StateScalarOp &Op) const {
    static constexpr const char *Names[] = {"?", "batch", "capacity", "length"};
    return scalar(Op.Result) + " = " + Names[static_cast<size_t>(Op.Property)] +
           " of the state";
  }

  std::string operator()(const StateAppendOp &Op) const {
    return "append " + scalar(Op.Count) + " positions to the state";
  }

  std::string operator()(const ReturnOp &Op) const {
    std::string Text = "return";
    for (size_t I = 0; I != Op.Values.size(); ++I)
      Text += std::string(I ? ", " : " ") + buffer(Op.Values[I].Buffer) + " " +
              scalars(Op.Values[I].Dims) + " as '" + E.Outputs[I].Name + "'";
    return Text;
  }

private:
  /// Nothing where there is one device.
  std::string on(DeviceIndex Device) const {
    return V.Devices.empty() ? "" : " on device " + std::to_string(Device);
  }

  static std::string range(BufferReg Buffer, ScalarReg Offset, ScalarReg Size) {
    return buffer(Buffer) + "[" + scalar(Offset) + ", +" + scalar(Size) + "]";
  }

  const Package &P;
  const Variant &V;
  const Entry &E;
};

} // namespace

std::string dure::instructionText(const Package &P, const Variant &V,
                                  const Program &Prog, const Instruction &I) {
  return std::visit(Printer(P, V, Prog), I);
}
