// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From plain structs to the metadata FlatBuffer.

#include "runtime/package/Encoder.h"

#include "runtime/schema/package_generated.h"

using namespace dure;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::Vector;

namespace {

class Encoder {
public:
  std::string encode(const Package &P) {
    auto Symbols = each<fbs::Symbol>(P.Symbols, [this](const Symbol &S) {
      return fbs::CreateSymbol(B, text(S.Name), S.Min, S.Max, S.Multiple);
    });
    auto Files = each<fbs::File>(P.Files, [this](const ModelFile &F) {
      return fbs::CreateFile(B, text(F.Path), F.Size);
    });
    auto Weights = each<fbs::Weight>(
        P.Weights, [this](const Weight &W) { return encode(W); });
    auto Entries = each<fbs::Entry>(
        P.Entries, [this](const Entry &E) { return encode(E); });
    auto Variants = each<fbs::Variant>(
        P.Variants, [this](const Variant &V) { return encode(V); });
    // Absent where there is none: as packages were before the field.
    Offset<Vector<Offset<fbs::Asset>>> Assets = 0;
    if (!P.Assets.empty())
      Assets = each<fbs::Asset>(P.Assets, [this](const Asset &A) {
        auto Name = text(A.Name);
        auto Bytes = B.CreateVector(
            reinterpret_cast<const uint8_t *>(A.Bytes.data()), A.Bytes.size());
        return fbs::CreateAsset(B, Name, Bytes);
      });
    auto Producer = text(P.Producer);
    auto ModelName = text(P.ModelName);
    B.Finish(fbs::CreatePackage(B, PackageFormatVersion, P.MinRuntime,
                                P.RequiredFeatures, Producer, ModelName,
                                Symbols, Files, Weights, Entries, Variants,
                                Assets),
             fbs::PackageIdentifier());
    return std::string(reinterpret_cast<const char *>(B.GetBufferPointer()),
                       B.GetSize());
  }

private:
  Offset<flatbuffers::String> text(const std::string &Text) {
    return B.CreateSharedString(Text);
  }

  template <typename To, typename From, typename Function>
  Offset<Vector<Offset<To>>> each(const std::vector<From> &Source,
                                  Function Encode) {
    std::vector<Offset<To>> Offsets;
    Offsets.reserve(Source.size());
    for (const From &Element : Source)
      Offsets.push_back(Encode(Element));
    return B.CreateVector(Offsets);
  }

  Offset<Vector<Offset<flatbuffers::String>>>
  texts(const std::vector<std::string> &Texts) {
    return each<flatbuffers::String>(
        Texts, [this](const std::string &Text) { return text(Text); });
  }

  static fbs::ElementType type(ElementType Type) {
    return static_cast<fbs::ElementType>(Type);
  }

  //===--------------------------------------------------------------------===//
  // Signature and weights
  //===--------------------------------------------------------------------===//

  Offset<fbs::TensorInfo> encode(const TensorInfo &T) {
    auto Dims = each<fbs::Dim>(T.Dims, [this](const SignatureDim &D) {
      return fbs::CreateDim(B, D.Value,
                            D.Expression.empty() ? 0 : text(D.Expression));
    });
    return fbs::CreateTensorInfo(B, text(T.Name), type(T.Type), Dims);
  }

  Offset<fbs::StateInfo> encode(const StateInfo &S) {
    std::vector<fbs::StateDim> Dims;
    for (const StateDim &D : S.Dims)
      Dims.emplace_back(D.Value, static_cast<fbs::StateAxis>(D.Axis));
    auto Vector = B.CreateVectorOfStructs(Dims);
    return fbs::CreateStateInfo(B, text(S.Name), type(S.Type), Vector);
  }

  Offset<fbs::Entry> encode(const Entry &E) {
    auto Inputs = each<fbs::TensorInfo>(
        E.Inputs, [this](const TensorInfo &T) { return encode(T); });
    auto Outputs = each<fbs::TensorInfo>(
        E.Outputs, [this](const TensorInfo &T) { return encode(T); });
    auto States = each<fbs::StateInfo>(
        E.States, [this](const StateInfo &S) { return encode(S); });
    return fbs::CreateEntry(B, text(E.Name), Inputs, Outputs, States);
  }

  Offset<fbs::Weight> encode(const Weight &W) {
    auto Name = text(W.Name);
    auto Shape = B.CreateVector(W.Shape);
    Offset<Vector<uint8_t>> Leaves = 0;
    if (!W.Leaves.empty())
      Leaves = B.CreateVector(W.Leaves.front().data(),
                              W.Leaves.size() * sizeof(Sha256));
    Offset<Vector<int64_t>> StoredShape = 0;
    Offset<Vector<Offset<fbs::Step>>> Steps = 0;
    if (W.Source == WeightSource::File) {
      StoredShape = B.CreateVector(W.StoredShape);
      Steps = each<fbs::Step>(W.Steps, [this](const Step &S) {
        auto Ints = B.CreateVector(S.Ints);
        return fbs::CreateStep(B, static_cast<fbs::StepKind>(S.Kind), Ints,
                               S.Operand, type(S.Type), S.Value);
      });
    }
    auto PackKey = text(W.PackKey);
    return fbs::CreateWeight(B, Name, type(W.Type), Shape,
                             static_cast<fbs::WeightSource>(W.Source), W.Offset,
                             W.Size, Leaves, W.File, type(W.StoredType),
                             StoredShape, Steps, PackKey);
  }

  //===--------------------------------------------------------------------===//
  // Host program
  //===--------------------------------------------------------------------===//

  template <typename T>
  Offset<fbs::Instruction> instruction(fbs::Operation Kind, Offset<T> Table) {
    return fbs::CreateInstruction(B, Kind, Table.Union());
  }

  Offset<fbs::Instruction> encode(const ConstOp &Op) {
    return instruction(fbs::Operation::Const,
                       fbs::CreateConst(B, Op.Result, Op.Value));
  }
  Offset<fbs::Instruction> encode(const ScalarOp &Op) {
    return instruction(
        fbs::Operation::ScalarOp,
        fbs::CreateScalarOp(B, static_cast<fbs::ScalarOpKind>(Op.Kind),
                            Op.Result, Op.A, Op.B, Op.C));
  }
  Offset<fbs::Instruction> encode(const InputDimOp &Op) {
    return instruction(fbs::Operation::InputDim,
                       fbs::CreateInputDim(B, Op.Result, Op.Input, Op.Axis));
  }
  Offset<fbs::Instruction> encode(const CheckOp &Op) {
    auto Message = text(Op.Message);
    return instruction(fbs::Operation::Check,
                       fbs::CreateCheck(B, static_cast<fbs::Relation>(Op.Rel),
                                        Op.A, Op.B, Message));
  }
  Offset<fbs::Instruction> encode(const InputBufferOp &Op) {
    return instruction(
        fbs::Operation::InputBuffer,
        fbs::CreateInputBuffer(B, Op.Result, Op.Input, Op.Device));
  }
  Offset<fbs::Instruction> encode(const WeightBufferOp &Op) {
    return instruction(
        fbs::Operation::WeightBuffer,
        fbs::CreateWeightBuffer(B, Op.Result, Op.Weight, Op.Device));
  }
  Offset<fbs::Instruction> encode(const AllocateOp &Op) {
    return instruction(fbs::Operation::Allocate,
                       fbs::CreateAllocate(B, Op.Result,
                                           static_cast<fbs::Space>(Op.Where),
                                           Op.Size, Op.Device));
  }
  Offset<fbs::Instruction> encode(const SubspanOp &Op) {
    return instruction(
        fbs::Operation::Subspan,
        fbs::CreateSubspan(B, Op.Result, Op.Source, Op.Offset, Op.Size));
  }
  Offset<fbs::Instruction> encode(const DispatchOp &Op) {
    std::vector<fbs::Binding> Bindings;
    for (const Binding &Bound : Op.Bindings)
      Bindings.emplace_back(Bound.Buffer, static_cast<fbs::Access>(Bound.Use));
    auto Grid = Op.Grid.empty() ? 0 : B.CreateVector(Op.Grid);
    auto BindingVector = B.CreateVectorOfStructs(Bindings);
    auto Constants = B.CreateVector(Op.Constants);
    return instruction(fbs::Operation::Dispatch,
                       fbs::CreateDispatch(B, Op.CodeObject, Op.Export, Grid,
                                           BindingVector, Constants, Op.Trace));
  }
  Offset<fbs::Instruction> encode(const CopyOp &Op) {
    return instruction(fbs::Operation::Copy,
                       fbs::CreateCopy(B, Op.Source, Op.SourceOffset, Op.Target,
                                       Op.TargetOffset, Op.Size));
  }
  Offset<fbs::Instruction> encode(const FillOp &Op) {
    return instruction(fbs::Operation::Fill,
                       fbs::CreateFill(B, Op.Target, Op.Offset, Op.Size,
                                       Op.Pattern, Op.PatternSize));
  }
  Offset<fbs::Instruction> encode(const CopyCornerOp &Op) {
    auto SourceDims = B.CreateVector(Op.SourceDims);
    auto TargetDims = B.CreateVector(Op.TargetDims);
    return instruction(fbs::Operation::CopyCorner,
                       fbs::CreateCopyCorner(B, Op.Source, SourceDims,
                                             Op.Target, TargetDims,
                                             Op.ElementSize, Op.Pattern));
  }
  Offset<fbs::Instruction> encode(const BarrierOp &) {
    return instruction(fbs::Operation::Barrier, fbs::CreateBarrier(B));
  }
  Offset<fbs::Instruction> encode(const ReadScalarOp &Op) {
    return instruction(fbs::Operation::ReadScalar,
                       fbs::CreateReadScalar(B, Op.Result, Op.Source,
                                             type(Op.Type), Op.Index));
  }
  Offset<fbs::Instruction> encode(const IfOp &Op) {
    return instruction(fbs::Operation::If,
                       fbs::CreateIf(B, Op.Condition, Op.Then, Op.Else));
  }
  Offset<fbs::Instruction> encode(const LoopOp &Op) {
    return instruction(fbs::Operation::Loop,
                       fbs::CreateLoop(B, Op.Induction, Op.Lower, Op.Upper,
                                       Op.Step, Op.Condition, Op.Body));
  }
  Offset<fbs::Instruction> encode(const StateBufferOp &Op) {
    return instruction(
        fbs::Operation::StateBuffer,
        fbs::CreateStateBuffer(B, Op.Result, Op.State, Op.Device));
  }
  Offset<fbs::Instruction> encode(const StateLengthsOp &Op) {
    return instruction(fbs::Operation::StateLengths,
                       fbs::CreateStateLengths(B, Op.Result, Op.Device));
  }
  Offset<fbs::Instruction> encode(const StateScalarOp &Op) {
    return instruction(
        fbs::Operation::StateScalar,
        fbs::CreateStateScalar(B, Op.Result,
                               static_cast<fbs::StateProperty>(Op.Property)));
  }
  Offset<fbs::Instruction> encode(const StateAppendOp &Op) {
    return instruction(fbs::Operation::StateAppend,
                       fbs::CreateStateAppend(B, Op.Count));
  }
  Offset<fbs::Instruction> encode(const ReturnOp &Op) {
    auto Values =
        each<fbs::ReturnValue>(Op.Values, [this](const ReturnValue &V) {
          auto Dims = B.CreateVector(V.Dims);
          return fbs::CreateReturnValue(B, V.Buffer, Dims);
        });
    return instruction(fbs::Operation::Return, fbs::CreateReturn(B, Values));
  }

  Offset<fbs::TraceInfo> encode(const TraceInfo &T) {
    auto Name = text(T.Name);
    auto Nodes = texts(T.Nodes);
    auto Values = each<fbs::TraceValue>(T.Values, [this](const TraceValue &V) {
      auto ValueName = text(V.Name);
      auto Dims = B.CreateVector(V.Dims);
      return fbs::CreateTraceValue(B, ValueName, V.Binding, type(V.Type), Dims);
    });
    return fbs::CreateTraceInfo(B, Name, Nodes, Values, T.Flops, T.Bytes);
  }

  Offset<fbs::Program> encode(const Program &P) {
    auto Blocks = each<fbs::Block>(P.Blocks, [this](const Block &Code) {
      auto Instructions = each<fbs::Instruction>(
          Code.Instructions, [this](const Instruction &I) {
            return std::visit([this](const auto &Op) { return encode(Op); }, I);
          });
      auto Bucket = Code.Bucket.empty() ? Offset<flatbuffers::String>()
                                        : text(Code.Bucket);
      return fbs::CreateBlock(B, Instructions, Bucket);
    });
    auto Trace = each<fbs::TraceInfo>(
        P.Trace, [this](const TraceInfo &T) { return encode(T); });
    return fbs::CreateProgram(B, P.Entry, P.ScalarRegisters, P.BufferRegisters,
                              Blocks, Trace, P.TraceBlock);
  }

  //===--------------------------------------------------------------------===//
  // Variants
  //===--------------------------------------------------------------------===//

  Offset<fbs::CodeObject> encode(const CodeObject &C) {
    auto Format = text(C.Format);
    auto Hash = B.CreateVector(C.Hash.data(), C.Hash.size());
    auto Exports = each<fbs::Export>(C.Exports, [this](const Export &E) {
      return fbs::CreateExport(B, text(E.Name), E.Bindings, E.Constants);
    });
    return fbs::CreateCodeObject(B, Format, C.Offset, C.Size, Hash, Exports,
                                 C.Device);
  }

  Offset<fbs::Device> encode(const VariantDevice &D) {
    auto Target = text(D.Target);
    auto Driver = text(D.Driver);
    auto Compatibility = text(D.Compatibility);
    auto Features = texts(D.Features);
    auto PackKey = text(D.PackKey);
    return fbs::CreateDevice(B, Target, Driver, Compatibility, Features,
                             PackKey);
  }

  Offset<fbs::Variant> encode(const Variant &V) {
    auto Name = text(V.Name);
    auto Target = text(V.Target);
    auto Driver = text(V.Driver);
    auto Compatibility = text(V.Compatibility);
    auto Features = texts(V.Features);
    auto CodeObjects = each<fbs::CodeObject>(
        V.CodeObjects, [this](const CodeObject &C) { return encode(C); });
    auto Programs = each<fbs::Program>(
        V.Programs, [this](const Program &P) { return encode(P); });
    auto Weights = B.CreateVector(V.Weights);
    auto PackKey = text(V.PackKey);
    // Absent where there is none: as packages were before the field.
    Offset<Vector<Offset<fbs::Device>>> Devices = 0;
    if (!V.Devices.empty())
      Devices = each<fbs::Device>(
          V.Devices, [this](const VariantDevice &D) { return encode(D); });
    return fbs::CreateVariant(B, Name, Target, Driver, Compatibility, Features,
                              CodeObjects, Programs, Weights, PackKey, Devices);
  }

  FlatBufferBuilder B;
};

} // namespace

Result<std::string> dure::encodeMetadata(const Package &Content) {
  return Encoder().encode(Content);
}
