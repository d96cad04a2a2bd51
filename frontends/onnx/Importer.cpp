// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The entry of the importer: read, check the signature, run until dims settle.

#include "frontends/onnx/Importer.h"

#include "frontends/onnx/GraphImporter.h"

#include "llvm/ADT/STLExtras.h"

#include <cstring>

using namespace mlir;

namespace dure::onnx {

/// Each run may teach something that shows another equality; models that need
/// more than two have not been seen.
static constexpr int MaxRuns = 8;

static Refusal refusalAt(const ModelFile &File, RefusalCode Code,
                         std::vector<std::string> Arguments) {
  Refusal R{};
  R.Code = Code;
  R.Place = File.path();
  R.Arguments = std::move(Arguments);
  return R;
}

/// False, having refused it, for an input that is not a tensor of a known rank
/// and a type that can be computed with.
static bool checkInput(const ModelFile &File, const ValueInfo &Input,
                       std::vector<Refusal> &Refusals) {
  std::string Name(Input.Name);
  DataType Element = Input.Type.Element;
  unsigned Width = bitWidth(Element);
  bool IsOdd = Width < 4 || Width > 64 || Element == DataType::Complex64 ||
               Element == DataType::Float4E2M1;
  if (Input.Type.Category != TypeInfo::Kind::Tensor)
    Refusals.push_back(
        refusalAt(File, RefusalCode::OutputType, {Name, "it is not a tensor"}));
  else if (IsOdd)
    Refusals.push_back(
        refusalAt(File, RefusalCode::OutputType,
                  {Name, "elements of type " + std::string(typeName(Element)) +
                             " are not supported"}));
  else if (!Input.Type.Shape)
    Refusals.push_back(refusalAt(File, RefusalCode::ShapeUnknown, {Name}));
  else
    return true;
  return false;
}

/// Int64 elements as int32; empty when one does not fit.
static std::optional<std::string> narrowed(const std::string &Bytes) {
  std::string Out;
  for (size_t At = 0; At + 8 <= Bytes.size(); At += 8) {
    int64_t Wide;
    std::memcpy(&Wide, Bytes.data() + At, 8);
    auto Narrow = static_cast<int32_t>(Wide);
    if (Narrow != Wide)
      return std::nullopt;
    Out.append(reinterpret_cast<const char *>(&Narrow), 4);
  }
  return Out;
}

/// The value that was given for an input, as an initializer of its declared
/// type; says what does not fit.
static std::string bindValue(const ValueInfo &Input, const InputValue &Given,
                             Tensor &Out) {
  Out.Name = Input.Name;
  Out.Kind = Tensor::Storage::Inline;
  Out.Type = Given.Type;
  Out.Dims = Given.Dims;
  Out.Bytes = Given.Bytes;
  DataType Declared = Input.Type.Element;
  bool IsList = Given.Type == DataType::Int64 && Given.Dims.size() == 1;
  if (IsList && Declared == DataType::Int32)
    if (std::optional<std::string> Narrow = narrowed(Given.Bytes)) {
      Out.Type = Declared;
      Out.Bytes = *Narrow;
    }
  const std::optional<std::vector<Dim>> &Shape = Input.Type.Shape;
  if (IsList && Shape && Shape->empty() && Given.Dims[0] == 1)
    Out.Dims.clear();
  if (Out.Type != Declared)
    return "its given value has type " + std::string(typeName(Out.Type));
  bool Fits = !Shape || Out.Dims.size() == Shape->size();
  for (size_t I = 0; I < Out.Dims.size(); ++I) {
    if (Fits && Shape && (*Shape)[I].Value)
      Fits = *(*Shape)[I].Value == Out.Dims[I];
    Fits = Fits && Out.Dims[I] >= 0 &&
           !__builtin_mul_overflow(Out.ElementCount,
                                   static_cast<uint64_t>(Out.Dims[I]),
                                   &Out.ElementCount);
  }
  if (!Fits)
    return "its given value has another shape";
  unsigned Width = bitWidth(Out.Type);
  if (Width < 8 || Width > 64 || Out.ElementCount > (uint64_t(1) << 56) ||
      Out.Bytes.size() != Out.ElementCount * (Width / 8))
    return "its given value has another number of bytes";
  return {};
}

/// What does not fit between an input's type and the initializer that is its
/// default; empty when all does.
static std::string misfitOf(const ValueInfo &Input, const Tensor &T) {
  const TypeInfo &Declared = Input.Type;
  if (Declared.Category == TypeInfo::Kind::None)
    return {};
  if (Declared.Category != TypeInfo::Kind::Tensor)
    return "it is not a tensor";
  bool Fits =
      Declared.Element == DataType::Undefined || Declared.Element == T.Type;
  if (!Fits)
    return "its initializer has type " + std::string(typeName(T.Type));
  if (!Declared.Shape)
    return {};
  Fits = Declared.Shape->size() == T.Dims.size();
  for (size_t I = 0; Fits && I < T.Dims.size(); ++I)
    if (std::optional<int64_t> Size = (*Declared.Shape)[I].Value)
      Fits = *Size == T.Dims[I];
  return Fits ? "" : "its initializer has another shape";
}

/// The inputs that are neither initializers nor given a value, and the values
/// that are; refuses what cannot be an input.
static std::vector<const ValueInfo *>
signatureOf(const ModelFile &File, const ImportOptions &Options,
            std::vector<Tensor> &Given, std::vector<Refusal> &Refusals) {
  const Graph &Main = File.model().Main;
  llvm::StringMap<const Tensor *> Initialized;
  llvm::StringSet<> Known;
  for (const Tensor &T : Main.Initializers)
    Initialized[llvm::StringRef(T.Name)] = &T;
  std::vector<const ValueInfo *> Inputs;
  for (const ValueInfo &Input : Main.Inputs) {
    Known.insert(llvm::StringRef(Input.Name));
    if (auto It = Options.InputValues.find(Input.Name);
        It != Options.InputValues.end()) {
      Tensor Value;
      std::string Wrong = bindValue(Input, It->second, Value);
      if (Wrong.empty())
        Given.push_back(std::move(Value));
      else
        Refusals.push_back(refusalAt(File, RefusalCode::OutputType,
                                     {std::string(Input.Name), Wrong}));
      continue;
    }
    if (const Tensor *T = Initialized.lookup(llvm::StringRef(Input.Name))) {
      if (std::string Wrong = misfitOf(Input, *T); !Wrong.empty())
        Refusals.push_back(refusalAt(File, RefusalCode::OutputType,
                                     {std::string(Input.Name), Wrong}));
      continue;
    }
    if (checkInput(File, Input, Refusals))
      Inputs.push_back(&Input);
  }
  for (const auto &[Name, Value] : Options.InputValues)
    if (!Known.contains(Name))
      Refusals.push_back(refusalAt(File, RefusalCode::OutputType,
                                   {Name, "the model has no such input"}));
  return Inputs;
}

/// A node that asks for one thing twice is refused twice in a row.
static void dropRepeated(std::vector<Refusal> &Refusals) {
  auto IsSame = [](const Refusal &L, const Refusal &R) {
    return L.Code == R.Code && L.Place == R.Place && L.Node == R.Node &&
           L.Op == R.Op && L.Arguments == R.Arguments;
  };
  Refusals.erase(std::unique(Refusals.begin(), Refusals.end(), IsSame),
                 Refusals.end());
}

ImportResult importOnnx(llvm::StringRef Path, MLIRContext &Context,
                        const ImportOptions &Options) {
  Context.loadDialect<DureDialect, func::FuncDialect>();
  ImportResult Result;
  std::optional<Refusal> Error;
  std::unique_ptr<ModelFile> File =
      ModelFile::open(Path.str(), Options.Links, Options.Limits, Error);
  if (!File) {
    Result.Refusals.push_back(std::move(*Error));
    return Result;
  }
  for (const OpsetImport &Each : File->model().Opsets)
    Result.Opsets.push_back({std::string(Each.Domain), Each.Version});
  // The graph is looked at whatever the signature is: all at once.
  std::vector<Refusal> OfSignature;
  std::vector<Tensor> Given;
  std::vector<const ValueInfo *> Inputs =
      signatureOf(*File, Options, Given, OfSignature);
  llvm::erase_if(Inputs, [&](const ValueInfo *Input) {
    SymbolicDims Alone({Input});
    if (arePossibleSizes(Alone.inputDims(0)))
      return false;
    OfSignature.push_back(
        refusalAt(*File, RefusalCode::OutputType,
                  {std::string(Input->Name), "it is too large"}));
    return true;
  });

  SymbolicDims Symbols(Inputs);
  for (int Run = 0; Run < MaxRuns; ++Run) {
    Symbols.beginRun();
    Result.Refusals = OfSignature;
    GraphImporter Importer(*File, Context, Options, Inputs, Given, Symbols);
    Result.Module = Importer.run(Result.Refusals);
    dropRepeated(Result.Refusals);
    // Refused as it is; other dims would not change that for the better.
    if (!Result.Module || !Symbols.learn())
      break;
  }
  return Result;
}

} // namespace dure::onnx
