// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The entry of the importer: read, check the signature, run until dims settle.

#include "frontends/onnx/Importer.h"

#include "frontends/onnx/GraphImporter.h"

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

/// Refuses an input that is not a tensor of a known rank and a type that can
/// be computed with.
static void checkInput(const ModelFile &File, const ValueInfo &Input,
                       std::vector<Refusal> &Refusals) {
  std::string Name(Input.Name);
  DataType Element = Input.Type.Element;
  unsigned Width = bitWidth(Element);
  bool IsOdd = Width < 4 || Width > 64 || Element == DataType::Complex64 ||
               Element == DataType::Float4E2M1 ||
               Element == DataType::Float8E8M0;
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
}

/// The inputs that are neither initializers nor given a value; refuses what
/// cannot be an input.
static std::vector<const ValueInfo *>
signatureOf(const ModelFile &File, const ImportOptions &Options,
            std::vector<Refusal> &Refusals) {
  const Graph &Main = File.model().Main;
  llvm::StringSet<> Initialized;
  for (const Tensor &T : Main.Initializers)
    Initialized.insert(llvm::StringRef(T.Name));
  std::vector<const ValueInfo *> Inputs;
  for (const ValueInfo &Input : Main.Inputs) {
    if (auto It = Options.InputValues.find(Input.Name);
        It != Options.InputValues.end()) {
      if (It->second.Type != Input.Type.Element)
        Refusals.push_back(
            refusalAt(File, RefusalCode::OutputType,
                      {It->first, "its given value has type " +
                                      std::string(typeName(It->second.Type))}));
      continue;
    }
    if (Initialized.contains(llvm::StringRef(Input.Name)))
      continue;
    Inputs.push_back(&Input);
    checkInput(File, Input, Refusals);
  }
  return Inputs;
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
  std::vector<const ValueInfo *> Inputs =
      signatureOf(*File, Options, Result.Refusals);
  if (!Result.Refusals.empty())
    return Result;

  SymbolicDims Symbols(Inputs);
  for (size_t I = 0; I < Inputs.size(); ++I)
    if (!arePossibleSizes(Symbols.inputDims(I)))
      Result.Refusals.push_back(
          refusalAt(*File, RefusalCode::OutputType,
                    {std::string(Inputs[I]->Name), "it is too large"}));
  if (!Result.Refusals.empty())
    return Result;
  for (int Run = 0; Run < MaxRuns; ++Run) {
    Symbols.beginRun();
    Result.Refusals.clear();
    GraphImporter Importer(*File, Context, Options, Symbols);
    Result.Module = Importer.run(Result.Refusals);
    // Refused as it is; other dims would not change that for the better.
    if (!Result.Module || !Symbols.learn())
      break;
  }
  return Result;
}

} // namespace dure::onnx
