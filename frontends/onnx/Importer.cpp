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

/// The inputs that are not initializers; refuses what has no rank or type.
static std::vector<const ValueInfo *>
signatureOf(const ModelFile &File, std::vector<Refusal> &Refusals) {
  const Graph &Main = File.model().Main;
  llvm::StringSet<> Initialized;
  for (const Tensor &T : Main.Initializers)
    Initialized.insert(llvm::StringRef(T.Name));
  std::vector<const ValueInfo *> Inputs;
  for (const ValueInfo &Input : Main.Inputs) {
    if (Initialized.contains(llvm::StringRef(Input.Name)))
      continue;
    Inputs.push_back(&Input);
    std::string Name(Input.Name);
    unsigned Width = bitWidth(Input.Type.Element);
    if (Input.Type.Category != TypeInfo::Kind::Tensor)
      Refusals.push_back(refusalAt(File, RefusalCode::OutputType,
                                   {Name, "it is not a tensor"}));
    else if (Width < 4 || Width > 64 ||
             Input.Type.Element == DataType::Complex64 ||
             Input.Type.Element == DataType::Float4E2M1 ||
             Input.Type.Element == DataType::Float8E8M0)
      Refusals.push_back(
          refusalAt(File, RefusalCode::OutputType,
                    {Name, "elements of type " +
                               std::string(typeName(Input.Type.Element)) +
                               " are not supported"}));
    else if (!Input.Type.Shape)
      Refusals.push_back(refusalAt(File, RefusalCode::ShapeUnknown, {Name}));
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
  std::vector<const ValueInfo *> Inputs = signatureOf(*File, Result.Refusals);
  if (!Result.Refusals.empty())
    return Result;

  SymbolicDims Symbols(Inputs);
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
