// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Printing of host programs.
#include "compiler/package/ProgramText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace dure;

namespace {

const char *nameOf(ScalarOpKind Kind) {
  static const char *const Names[] = {
      "none", "add", "sub", "mul", "floordiv", "ceildiv", "mod",
      "min",  "max", "eq",  "ne",  "lt",       "le",      "select"};
  size_t Index = static_cast<size_t>(Kind);
  return Index < std::size(Names) ? Names[Index] : "?";
}

const char *nameOf(Relation Rel) {
  static const char *const Names[] = {"none", "==", "!=", "<", "<="};
  size_t Index = static_cast<size_t>(Rel);
  return Index < std::size(Names) ? Names[Index] : "?";
}

const char *nameOf(StateProperty Property) {
  static const char *const Names[] = {"none", "batch", "capacity", "length"};
  size_t Index = static_cast<size_t>(Property);
  return Index < std::size(Names) ? Names[Index] : "?";
}

/// Prints the instructions of one program.
class Printer {
public:
  Printer(const Package &Content, const Variant &Of, const Program &P,
          llvm::raw_ostream &Out)
      : Content(Content), Of(Of), P(P), Out(Out) {}

  void print() {
    const Entry &E = Content.Entries[P.Entry];
    Out << "program @" << E.Name << " {";
    for (auto [Index, Each] : llvm::enumerate(P.Blocks)) {
      Out << "\n"
          << (int32_t(Index) == P.TraceBlock ? "trace " : "") << "block "
          << Index << ":" << (Each.Bucket.empty() ? "" : " // " + Each.Bucket)
          << "\n";
      for (const Instruction &I : Each.Instructions) {
        Out << "  ";
        std::visit([&](const auto &Op) { print(Op); }, I);
        Out << "\n";
      }
    }
    Out << "}\n";
  }

private:
  void scalars(const char *Open, const std::vector<ScalarReg> &Regs,
               const char *Close) {
    Out << Open;
    llvm::interleaveComma(Regs, Out, [&](ScalarReg Reg) { Out << "%" << Reg; });
    Out << Close;
  }

  /// Nothing where there is one device.
  void on(DeviceIndex Device) {
    if (!Of.Devices.empty())
      Out << " on device " << Device;
  }

  void print(const ConstOp &Op) {
    Out << "%" << Op.Result << " = " << Op.Value;
  }
  void print(const ScalarOp &Op) {
    Out << "%" << Op.Result << " = " << nameOf(Op.Kind) << " %" << Op.A << ", %"
        << Op.B;
    if (Op.Kind == ScalarOpKind::Select)
      Out << ", %" << Op.C;
  }
  void print(const InputDimOp &Op) {
    Out << "%" << Op.Result << " = dim " << Op.Axis << " of input '"
        << Content.Entries[P.Entry].Inputs[Op.Input].Name << "'";
  }
  void print(const CheckOp &Op) {
    Out << "check %" << Op.A << " " << nameOf(Op.Rel) << " %" << Op.B
        << " else '" << Op.Message << "'";
  }
  void print(const InputBufferOp &Op) {
    Out << "#" << Op.Result << " = input '"
        << Content.Entries[P.Entry].Inputs[Op.Input].Name << "'";
    on(Op.Device);
  }
  void print(const WeightBufferOp &Op) {
    const Weight &W = Content.Weights[Op.Weight];
    Out << "#" << Op.Result << " = weight " << Op.Weight << " '" << W.Name
        << "'";
    if (!W.PackKey.empty())
      Out << " packed as " << W.PackKey;
    on(Op.Device);
  }
  void print(const AllocateOp &Op) {
    Out << "#" << Op.Result << " = allocate "
        << (Op.Where == Space::Result ? "result" : "transient") << " %"
        << Op.Size;
    on(Op.Device);
  }
  void print(const SubspanOp &Op) {
    Out << "#" << Op.Result << " = subspan #" << Op.Source << " at %"
        << Op.Offset << " size %" << Op.Size;
  }
  void print(const DispatchOp &Op) {
    Out << "dispatch @"
        << Of.CodeObjects[Op.CodeObject].Exports[Op.Export].Name;
    on(Of.CodeObjects[Op.CodeObject].Device);
    scalars(" grid [", Op.Grid, "]");
    Out << " (";
    llvm::interleaveComma(Op.Bindings, Out, [&](const Binding &Each) {
      Out << (Each.Use == Access::Read    ? "read #"
              : Each.Use == Access::Write ? "write #"
                                          : "readwrite #")
          << Each.Buffer;
    });
    scalars(") constants [", Op.Constants, "]");
    if (Op.Trace < 0)
      return;
    const TraceInfo &Info = P.Trace[Op.Trace];
    if (Info.Flops >= 0)
      Out << " flops %" << Info.Flops;
    if (Info.Bytes >= 0)
      Out << " bytes %" << Info.Bytes;
    Out << " // " << llvm::join(Info.Nodes, ", ");
  }
  void print(const CopyOp &Op) {
    Out << "copy #" << Op.Source << " at %" << Op.SourceOffset << " to #"
        << Op.Target << " at %" << Op.TargetOffset << " size %" << Op.Size;
  }
  void print(const FillOp &Op) {
    Out << "fill #" << Op.Target << " at %" << Op.Offset << " size %" << Op.Size
        << " with " << Op.Pattern;
  }
  void print(const CopyCornerOp &Op) {
    Out << "copy_corner #" << Op.Source;
    scalars(" [", Op.SourceDims, "]");
    Out << " to #" << Op.Target;
    scalars(" [", Op.TargetDims, "]");
  }
  void print(const BarrierOp &) { Out << "barrier"; }
  void print(const ReadScalarOp &Op) {
    Out << "%" << Op.Result << " = read " << elementName(Op.Type) << " #"
        << Op.Source << " [%" << Op.Index << "]";
  }
  void print(const IfOp &Op) {
    Out << "if %" << Op.Condition << " block " << Op.Then;
    if (Op.Else >= 0)
      Out << " else block " << Op.Else;
  }
  void print(const LoopOp &Op) {
    Out << "loop %" << Op.Induction << " from %" << Op.Lower << " to %"
        << Op.Upper << " step %" << Op.Step;
    if (Op.Condition >= 0)
      Out << " while %" << Op.Condition;
    Out << " block " << Op.Body;
  }
  void print(const StateBufferOp &Op) {
    Out << "#" << Op.Result << " = state '"
        << Content.Entries[P.Entry].States[Op.State].Name << "'";
    on(Op.Device);
  }
  void print(const StateLengthsOp &Op) {
    Out << "#" << Op.Result << " = state lengths";
    on(Op.Device);
  }
  void print(const StateScalarOp &Op) {
    Out << "%" << Op.Result << " = state " << nameOf(Op.Property);
  }
  void print(const StateAppendOp &Op) { Out << "state append %" << Op.Count; }
  void print(const ReturnOp &Op) {
    Out << "return ";
    llvm::interleaveComma(Op.Values, Out, [&](const ReturnValue &Each) {
      Out << "#" << Each.Buffer;
      scalars(" [", Each.Dims, "]");
    });
  }

  const Package &Content;
  const Variant &Of;
  const Program &P;
  llvm::raw_ostream &Out;
};

} // namespace

std::string dure::programsAsText(const Package &Content, const Variant &Of) {
  std::string Text;
  llvm::raw_string_ostream Out(Text);
  Out << "// variant '" << Of.Name << "' of target '" << Of.Target
      << "', driver '" << Of.Driver << "'\n";
  for (auto [Index, Device] : llvm::enumerate(Of.Devices))
    Out << "// device " << Index + 1 << ": target '" << Device.Target
        << "', driver '" << Device.Driver << "'\n";
  for (const Program &Each : Of.Programs)
    Printer(Content, Of, Each, Out).print();
  return Text;
}
