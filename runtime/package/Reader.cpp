// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a package file's bytes to plain structs.

#include "runtime/package/Reader.h"

#include "runtime/base/Checked.h"
#include "runtime/base/Hash.h"
#include "runtime/package/Container.h"
#include "runtime/package/Verifier.h"

#include "runtime/schema/package_generated.h"

#include <algorithm>
#include <cstring>

using namespace dure;

namespace {

/// Copies tables. Tables of a FlatBuffer can be shared, so a small buffer can
/// expand to a large tree: a budget bounds what is made of it.
class Decoder {
public:
  explicit Decoder(uint64_t Budget) : Budget(Budget) {}

  Status decode(const fbs::Package &From, Package &To) {
    To.FormatVersion = From.format_version();
    To.MinRuntime = From.min_runtime();
    To.RequiredFeatures = From.required_features();
    To.Producer = text(From.producer());
    To.ModelName = text(From.model_name());
    each(From.symbols(), To.Symbols, [this](const fbs::Symbol &S, Symbol &T) {
      T.Name = text(S.name());
      T.Min = S.min();
      T.Max = S.max();
      T.Multiple = S.multiple();
    });
    each(From.files(), To.Files, [this](const fbs::File &S, ModelFile &T) {
      T.Path = text(S.path());
      T.Size = S.size();
    });
    each(From.weights(), To.Weights,
         [this](const fbs::Weight &S, Weight &T) { decode(S, T); });
    each(From.entries(), To.Entries,
         [this](const fbs::Entry &S, Entry &T) { decode(S, T); });
    each(From.variants(), To.Variants,
         [this](const fbs::Variant &S, Variant &T) { decode(S, T); });
    each(From.assets(), To.Assets, [this](const fbs::Asset &S, Asset &T) {
      T.Name = text(S.name());
      if (S.bytes() && spend(S.bytes()->size()))
        T.Bytes.assign(reinterpret_cast<const char *>(S.bytes()->data()),
                       S.bytes()->size());
    });
    return Failure;
  }

private:
  template <typename T> using Table = flatbuffers::Offset<T>;

  bool spend(uint64_t Bytes) {
    if (Failure.ok() && Bytes > Budget)
      Failure = dataLoss("the package's metadata expands beyond measure");
    if (!Failure.ok())
      return false;
    Budget -= Bytes;
    return true;
  }

  std::string text(const flatbuffers::String *From) {
    if (!From || !spend(From->size()))
      return "";
    return From->str();
  }

  void texts(const flatbuffers::Vector<Table<flatbuffers::String>> *From,
             std::vector<std::string> &To) {
    if (!From || !spend(From->size() * sizeof(std::string)))
      return;
    for (const flatbuffers::String *Text : *From)
      To.push_back(text(Text));
  }

  template <typename S, typename T, typename Function>
  void each(const flatbuffers::Vector<Table<S>> *From, std::vector<T> &To,
            Function Decode) {
    if (!From || !spend(From->size() * sizeof(T)))
      return;
    To.reserve(From->size());
    for (const S *Element : *From) {
      To.emplace_back();
      Decode(*Element, To.back());
    }
  }

  /// FlatBuffers' verifier looks at the alignment of a vector's length, not of
  /// its elements.
  bool isAligned(const void *Elements, size_t Alignment) {
    bool Aligned = reinterpret_cast<uintptr_t>(Elements) % Alignment == 0;
    if (!Aligned && Failure.ok())
      Failure = dataLoss("a vector in the package's metadata is misaligned");
    return Aligned;
  }

  template <typename T>
  std::vector<T> numbers(const flatbuffers::Vector<T> *From) {
    if (!From || From->size() == 0 || !spend(From->size() * sizeof(T)) ||
        !isAligned(From->Data(), alignof(T)))
      return {};
    return std::vector<T>(From->begin(), From->end());
  }

  template <typename S> static ElementType type(S From) {
    return static_cast<ElementType>(From);
  }

  //===--------------------------------------------------------------------===//
  // Signature and weights
  //===--------------------------------------------------------------------===//

  void decode(const fbs::TensorInfo &S, TensorInfo &T) {
    T.Name = text(S.name());
    T.Type = type(S.type());
    each(S.dims(), T.Dims, [this](const fbs::Dim &D, SignatureDim &To) {
      To.Value = D.value();
      To.Expression = text(D.expression());
    });
  }

  void decode(const fbs::StateInfo &S, StateInfo &T) {
    T.Name = text(S.name());
    T.Type = type(S.type());
    if (!S.dims() || S.dims()->size() == 0 ||
        !spend(S.dims()->size() * sizeof(StateDim)) ||
        !isAligned(S.dims()->Data(), alignof(fbs::StateDim)))
      return;
    for (const fbs::StateDim *Dim : *S.dims())
      T.Dims.push_back({Dim->value(), static_cast<StateAxis>(Dim->axis())});
  }

  void decode(const fbs::Entry &S, Entry &T) {
    T.Name = text(S.name());
    each(S.inputs(), T.Inputs,
         [this](const fbs::TensorInfo &I, TensorInfo &To) { decode(I, To); });
    each(S.outputs(), T.Outputs,
         [this](const fbs::TensorInfo &I, TensorInfo &To) { decode(I, To); });
    each(S.states(), T.States,
         [this](const fbs::StateInfo &I, StateInfo &To) { decode(I, To); });
  }

  void decode(const fbs::Weight &S, Weight &T) {
    T.Name = text(S.name());
    T.Type = type(S.type());
    T.Shape = numbers(S.shape());
    // Inline exists in memory only: 255 in a file is an unknown source.
    T.Source = static_cast<WeightSource>(S.source());
    T.Offset = S.offset();
    T.Size = S.size();
    if (S.leaves() && S.leaves()->size() != 0 && spend(S.leaves()->size())) {
      // An odd rest makes the count wrong, which the verifier refuses.
      size_t Whole = S.leaves()->size() / sizeof(Sha256);
      T.Leaves.resize(Whole + (S.leaves()->size() % sizeof(Sha256) != 0));
      std::memcpy(T.Leaves.data(), S.leaves()->data(), S.leaves()->size());
    }
    T.File = S.file();
    T.StoredType = type(S.stored_type());
    T.StoredShape = numbers(S.stored_shape());
    each(S.steps(), T.Steps, [this](const fbs::Step &Step, dure::Step &To) {
      To.Kind = static_cast<StepKind>(Step.kind());
      To.Ints = numbers(Step.ints());
      To.Operand = Step.operand();
      To.Type = type(Step.type());
      To.Value = Step.value();
    });
    T.PackKey = text(S.pack_key());
  }

  //===--------------------------------------------------------------------===//
  // Host program
  //===--------------------------------------------------------------------===//

  Instruction decodeDispatch(const fbs::Dispatch &S) {
    DispatchOp Op{S.code_object(),        S.export_(), numbers(S.grid()), {},
                  numbers(S.constants()), S.trace()};
    if (S.bindings() && S.bindings()->size() != 0 &&
        spend(S.bindings()->size() * sizeof(Binding)) &&
        isAligned(S.bindings()->Data(), alignof(fbs::Binding)))
      for (const fbs::Binding *B : *S.bindings())
        Op.Bindings.push_back({B->buffer(), static_cast<Access>(B->access())});
    return Op;
  }

  Instruction decodeReturn(const fbs::Return &S) {
    ReturnOp Op;
    each(S.values(), Op.Values,
         [this](const fbs::ReturnValue &V, ReturnValue &To) {
           To.Buffer = V.buffer();
           To.Dims = numbers(V.dims());
         });
    return Op;
  }

  Instruction decodeScalar(const fbs::Instruction &I) {
    switch (I.operation_type()) {
    case fbs::Operation::Const: {
      const auto &S = *I.operation_as_Const();
      return ConstOp{S.result(), S.value()};
    }
    case fbs::Operation::ScalarOp: {
      const auto &S = *I.operation_as_ScalarOp();
      return ScalarOp{static_cast<ScalarOpKind>(S.kind()), S.result(), S.a(),
                      S.b(), S.c()};
    }
    case fbs::Operation::InputDim: {
      const auto &S = *I.operation_as_InputDim();
      return InputDimOp{S.result(), S.input(), S.axis()};
    }
    case fbs::Operation::Check: {
      const auto &S = *I.operation_as_Check();
      return CheckOp{static_cast<Relation>(S.relation()), S.a(), S.b(),
                     text(S.message())};
    }
    case fbs::Operation::ReadScalar: {
      const auto &S = *I.operation_as_ReadScalar();
      return ReadScalarOp{S.result(), S.source(), type(S.type()), S.index()};
    }
    case fbs::Operation::If: {
      const auto &S = *I.operation_as_If();
      return IfOp{S.condition(), S.then_block(), S.else_block()};
    }
    case fbs::Operation::Loop: {
      const auto &S = *I.operation_as_Loop();
      return LoopOp{S.induction(), S.lower(),     S.upper(),
                    S.step(),      S.condition(), S.body()};
    }
    case fbs::Operation::StateScalar: {
      const auto &S = *I.operation_as_StateScalar();
      return StateScalarOp{S.result(),
                           static_cast<StateProperty>(S.property())};
    }
    case fbs::Operation::StateAppend:
      return StateAppendOp{I.operation_as_StateAppend()->count()};
    default:
      return decodeBuffer(I);
    }
  }

  Instruction decodeBuffer(const fbs::Instruction &I) {
    switch (I.operation_type()) {
    case fbs::Operation::InputBuffer: {
      const auto &S = *I.operation_as_InputBuffer();
      return InputBufferOp{S.result(), S.input(), S.device()};
    }
    case fbs::Operation::WeightBuffer: {
      const auto &S = *I.operation_as_WeightBuffer();
      return WeightBufferOp{S.result(), S.weight(), S.device()};
    }
    case fbs::Operation::Allocate: {
      const auto &S = *I.operation_as_Allocate();
      return AllocateOp{S.result(), static_cast<Space>(S.space()), S.size(),
                        S.device()};
    }
    case fbs::Operation::Subspan: {
      const auto &S = *I.operation_as_Subspan();
      return SubspanOp{S.result(), S.source(), S.offset(), S.size()};
    }
    case fbs::Operation::StateBuffer: {
      const auto &S = *I.operation_as_StateBuffer();
      return StateBufferOp{S.result(), S.state(), S.device()};
    }
    case fbs::Operation::StateLengths: {
      const auto &S = *I.operation_as_StateLengths();
      return StateLengthsOp{S.result(), S.device()};
    }
    default:
      return decodeCommand(I);
    }
  }

  Instruction decodeCommand(const fbs::Instruction &I) {
    switch (I.operation_type()) {
    case fbs::Operation::Dispatch:
      return decodeDispatch(*I.operation_as_Dispatch());
    case fbs::Operation::Copy: {
      const auto &S = *I.operation_as_Copy();
      return CopyOp{S.source(), S.source_offset(), S.target(),
                    S.target_offset(), S.size()};
    }
    case fbs::Operation::Fill: {
      const auto &S = *I.operation_as_Fill();
      return FillOp{S.target(), S.offset(), S.size(), S.pattern(),
                    S.pattern_size()};
    }
    case fbs::Operation::CopyCorner: {
      const auto &S = *I.operation_as_CopyCorner();
      return CopyCornerOp{S.source(),       numbers(S.source_dims()),
                          S.target(),       numbers(S.target_dims()),
                          S.element_size(), S.pattern()};
    }
    case fbs::Operation::Barrier:
      return BarrierOp{};
    case fbs::Operation::Return:
      return decodeReturn(*I.operation_as_Return());
    default:
      if (Failure.ok())
        Failure = Status(
            StatusCode::Incompatible,
            "instruction kind " +
                std::to_string(static_cast<unsigned>(I.operation_type())) +
                " is not known to this version of Dure");
      return BarrierOp{};
    }
  }

  Instruction decode(const fbs::Instruction &I) {
    // The verifier lets a known kind without its table pass.
    if (I.operation_type() == fbs::Operation::NONE || !I.operation()) {
      if (Failure.ok())
        Failure = dataLoss("an instruction is empty");
      return BarrierOp{};
    }
    return decodeScalar(I);
  }

  void decode(const fbs::Program &S, Program &T) {
    T.Entry = S.entry();
    T.ScalarRegisters = S.scalar_registers();
    T.BufferRegisters = S.buffer_registers();
    each(S.blocks(), T.Blocks, [this](const fbs::Block &B, Block &To) {
      To.Bucket = text(B.bucket());
      if (!B.instructions() ||
          !spend(B.instructions()->size() * sizeof(Instruction)))
        return;
      To.Instructions.reserve(B.instructions()->size());
      for (const fbs::Instruction *I : *B.instructions())
        To.Instructions.push_back(decode(*I));
    });
    each(S.trace(), T.Trace, [this](const fbs::TraceInfo &R, TraceInfo &To) {
      To.Name = text(R.name());
      texts(R.nodes(), To.Nodes);
      each(R.values(), To.Values,
           [this](const fbs::TraceValue &V, TraceValue &Value) {
             Value.Name = text(V.name());
             Value.Binding = V.binding();
             Value.Type = type(V.type());
             Value.Dims = numbers(V.dims());
           });
      To.Flops = R.flops();
      To.Bytes = R.bytes();
    });
    T.TraceBlock = S.trace_block();
  }

  void decode(const fbs::CodeObject &S, CodeObject &T) {
    T.Format = text(S.format());
    T.Offset = S.offset();
    T.Size = S.size();
    T.Device = S.device();
    if (!S.sha256() || S.sha256()->size() != T.Hash.size()) {
      if (Failure.ok())
        Failure = dataLoss("a code object has no hash");
      return;
    }
    std::memcpy(T.Hash.data(), S.sha256()->data(), T.Hash.size());
    each(S.exports(), T.Exports, [this](const fbs::Export &E, Export &To) {
      To.Name = text(E.name());
      To.Bindings = E.bindings();
      To.Constants = E.constants();
    });
  }

  void decode(const fbs::Variant &S, Variant &T) {
    T.Name = text(S.name());
    T.Target = text(S.target());
    T.Driver = text(S.driver());
    T.Compatibility = text(S.compatibility());
    texts(S.features(), T.Features);
    each(S.code_objects(), T.CodeObjects,
         [this](const fbs::CodeObject &C, CodeObject &To) { decode(C, To); });
    each(S.programs(), T.Programs,
         [this](const fbs::Program &P, Program &To) { decode(P, To); });
    T.Weights = numbers(S.weights());
    T.PackKey = text(S.pack_key());
    each(S.devices(), T.Devices,
         [this](const fbs::Device &D, VariantDevice &To) {
           To.Target = text(D.target());
           To.Driver = text(D.driver());
           To.Compatibility = text(D.compatibility());
           texts(D.features(), To.Features);
           To.PackKey = text(D.pack_key());
         });
  }

  uint64_t Budget;
  Status Failure;
};

constexpr unsigned MaxDepth = 64;

/// Bounds what FlatBuffers' verifier does. It counts the tables that it visits,
/// not the strings: many tables that share one long vector of strings would
/// take time by the square of the metadata's size. So the vectors of strings
/// are added up before; without sharing they all fit the buffer.
///
/// Nothing is verified yet: each step is checked with a verifier of its own,
/// and what cannot be followed is left for the real one to refuse.
class StringCounter {
public:
  StringCounter(const uint8_t *Buffer, size_t Size)
      : V(Buffer, Size, MaxDepth, ~flatbuffers::uoffset_t(0)), Buffer(Buffer),
        Left(Size) {}

  /// False if the vectors have more elements than the buffer bytes.
  bool fits() {
    if (!V.VerifyBuffer<Root>("DURE"))
      return true;
    const auto *P = reinterpret_cast<const Root *>(fbs::GetPackage(Buffer));
    each(P, fbs::Package::VT_VARIANTS, [this](const Root *Variant) {
      strings(Variant, fbs::Variant::VT_FEATURES);
      each(Variant, fbs::Variant::VT_DEVICES, [this](const Root *Device) {
        strings(Device, fbs::Device::VT_FEATURES);
      });
      each(Variant, fbs::Variant::VT_PROGRAMS, [this](const Root *Program) {
        each(Program, fbs::Program::VT_TRACE, [this](const Root *Row) {
          strings(Row, fbs::TraceInfo::VT_NODES);
        });
      });
    });
    return !Exceeded;
  }

private:
  /// Any table, of which only the start is verified.
  struct Root : public flatbuffers::Table {
    bool Verify(flatbuffers::Verifier &V) const {
      return VerifyTableStart(V) && V.EndTable();
    }
  };
  using Tables = flatbuffers::Vector<flatbuffers::Offset<Root>>;

  /// Field FIELD of T, a vector whose elements lie in the buffer; null if not.
  const Tables *vector(const Root *T, flatbuffers::voffset_t Field) {
    if (!T->VerifyOffset(V, Field))
      return nullptr;
    const auto *Elements = T->GetPointer<const Tables *>(Field);
    return Elements && V.VerifyVector(Elements) ? Elements : nullptr;
  }

  bool spend(uint64_t Count) {
    Exceeded = Exceeded || Count > Left;
    if (!Exceeded)
      Left -= Count;
    return !Exceeded;
  }

  void strings(const Root *T, flatbuffers::voffset_t Field) {
    if (const Tables *Elements = vector(T, Field))
      (void)spend(Elements->size());
  }

  template <typename Function>
  void each(const Root *T, flatbuffers::voffset_t Field, Function Visit) {
    const Tables *Elements = vector(T, Field);
    if (!Elements || !spend(Elements->size()))
      return;
    for (flatbuffers::uoffset_t I = 0; I != Elements->size() && !Exceeded;
         ++I) {
      auto At = static_cast<size_t>(Elements->Data() - Buffer) +
                I * sizeof(flatbuffers::uoffset_t);
      // The real verifier goes the same way and ends here, too.
      if (!V.VerifyOffset(At) || !Elements->Get(I)->Verify(V))
        return;
      Visit(Elements->Get(I));
    }
  }

  flatbuffers::Verifier V;
  const uint8_t *Buffer;
  uint64_t Left;
  bool Exceeded = false;
};

Status verifyCode(const PackageImage &Image) {
  for (const Variant &V : Image.Content.Variants)
    for (const CodeObject &Code : V.CodeObjects) {
      Sha256 Hash;
      DURE_RETURN_IF_ERROR(sha256(codeBytes(Image, Code), Hash));
      if (Hash != Code.Hash)
        return dataLoss("the package is damaged: the code of variant '" +
                        V.Name + "' has another hash; get or compile it again");
    }
  return Status::success();
}

} // namespace

Result<PackageImage> dure::readPackage(std::span<const std::byte> File) {
  Result<ContainerHeader> Header = decodeHeader(File);
  if (!Header)
    return Header.status();
  std::span<const std::byte> Metadata =
      File.subspan(Header->MetadataOffset, Header->MetadataSize);
  // FlatBuffers reads aligned scalars; memory given by a caller may lie odd.
  std::vector<uint64_t> Aligned;
  if (reinterpret_cast<uintptr_t>(Metadata.data()) % alignof(uint64_t) != 0) {
    Aligned.resize((Metadata.size() + 7) / 8);
    std::memcpy(Aligned.data(), Metadata.data(), Metadata.size());
    Metadata = std::as_bytes(std::span(Aligned)).first(Metadata.size());
  }
  const auto *Buffer = reinterpret_cast<const uint8_t *>(Metadata.data());
  if (Metadata.size() >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return dataLoss("the package's metadata is too large for a FlatBuffer");
  // As many tables as could lie there: sharing is bounded by the decoder.
  auto MaxTables = static_cast<flatbuffers::uoffset_t>(
      std::min<uint64_t>(Metadata.size() + 1, 1u << 26));
  flatbuffers::Verifier Verifier(Buffer, Metadata.size(), MaxDepth, MaxTables);
  if (!StringCounter(Buffer, Metadata.size()).fits())
    return dataLoss("the package's metadata expands beyond measure");
  if (!fbs::VerifyPackageBuffer(Verifier))
    return dataLoss("the package's metadata is not a valid FlatBuffer; get or "
                    "compile the package again");
  PackageImage Image;
  Image.Header = *Header;
  Image.Code = File.subspan(Header->CodeOffset, Header->CodeSize);
  Image.Weights = File.subspan(Header->WeightsOffset, Header->WeightsSize);
  uint64_t Budget = 64 * static_cast<uint64_t>(Metadata.size()) + (1 << 20);
  DURE_RETURN_IF_ERROR(
      Decoder(Budget).decode(*fbs::GetPackage(Buffer), Image.Content));
  PackageBounds Bounds{Header->CodeSize, Header->WeightsSize, false};
  DURE_RETURN_IF_ERROR(verifyPackage(Image.Content, Bounds));
  DURE_RETURN_IF_ERROR(verifyCode(Image));
  return Image;
}

std::span<const std::byte> dure::weightBytes(const PackageImage &Image,
                                             const Weight &W) {
  return Image.Weights.subspan(W.Offset, W.Size);
}

std::span<const std::byte> dure::codeBytes(const PackageImage &Image,
                                           const CodeObject &Code) {
  return Image.Code.subspan(Code.Offset, Code.Size);
}
