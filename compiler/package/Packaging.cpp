// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Assembly of the package from what targets emit.
#include "compiler/package/Packaging.h"

#include "compiler/dispatch/OutlineDispatches.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace dure;

namespace path = llvm::sys::path;

FailureOr<std::string> dure::setModelFiles(ModuleOp Module, Package &Content) {
  auto Files = Module->getAttrOfType<ArrayAttr>(DureDialect::FilesAttr);
  if (!Files)
    return std::string(".");
  std::string Folder;
  for (StringRef File : Files.getAsValueRange<StringAttr>()) {
    llvm::SmallString<256> Clean(File);
    path::remove_dots(Clean, /*remove_dot_dot=*/false);
    if (Content.Files.empty()) {
      Folder = path::parent_path(Clean).str();
      Content.Files.push_back({path::filename(Clean).str(), 0});
    } else {
      StringRef Relative = Clean;
      if (!Folder.empty() &&
          (!Relative.consume_front(Folder) ||
           !(Folder.back() == '/' || Relative.consume_front("/"))))
        return emitError(Module.getLoc())
               << "weights lie in '" << File << "', outside the model's folder";
      Content.Files.push_back({Relative.str(), 0});
    }
    uint64_t Size = 0;
    if (std::error_code Code = llvm::sys::fs::file_size(File, Size))
      return emitError(Module.getLoc())
             << "cannot read '" << File << "': " << Code.message();
    Content.Files.back().Size = Size;
  }
  return Folder.empty() ? std::string(".") : Folder;
}

namespace {

/// Symbols that inputs bind: the names of bare dims of the entries' inputs.
void addSymbols(const Entry &Signature, Package &Content) {
  for (const TensorInfo &Input : Signature.Inputs)
    for (const SignatureDim &Dim : Input.Dims) {
      if (Dim.Value >= 0)
        continue;
      auto Expr = DimExpr::parse(Dim.Expression);
      std::optional<std::string> Name = Expr ? Expr->asSymbol() : std::nullopt;
      if (Name && llvm::none_of(Content.Symbols, [&](const dure::Symbol &S) {
            return S.Name == *Name;
          })) {
        dure::Symbol New;
        New.Name = *Name;
        Content.Symbols.push_back(New);
      }
    }
}

FailureOr<std::vector<Entry>> signaturesOf(ModuleOp Module) {
  std::vector<Entry> Out;
  for (auto Function : Module.getOps<func::FuncOp>()) {
    if (Function->hasAttr(DureDialect::DispatchFnAttr) || Function.isExternal())
      continue;
    FailureOr<Entry> Signature = buildSignature(Function);
    if (failed(Signature))
      return failure();
    Out.push_back(*Signature);
  }
  return Out;
}

/// One variant: its code object and a host program an entry.
LogicalResult addVariant(ModuleOp Module, const Target &T,
                         const TargetVariant &Spec, const LowerOptions &Options,
                         ArrayRef<func::FuncOp> Dispatches,
                         WeightTable &Weights, Package &Content) {
  dure::Variant Out;
  Out.Name = Spec.Name;
  Out.Target = T.name().str();
  Out.Driver = Spec.Driver;
  Out.Compatibility = Spec.Compatibility;
  Out.Features = Spec.Features;

  CodeObjectResult Emitted;
  if (!Dispatches.empty()) {
    FailureOr<CodeObjectResult> Result =
        T.emit({Dispatches, &Spec, Options.SaveTemps, Options.Threads});
    if (failed(Result))
      return failure();
    Emitted = std::move(*Result);
    CodeObject Code;
    Code.Format = Spec.Format;
    Code.Bytes = std::make_shared<const std::string>(std::move(Emitted.Bytes));
    for (const KernelEntry &Entry : Emitted.Entries) {
      auto Function =
          cast<func::FuncOp>(SymbolTable::lookupSymbolIn(Module, Entry.Name));
      Code.Exports.push_back(
          {Entry.Name, Function.getNumArguments() + Function.getNumResults(),
           static_cast<uint32_t>(Entry.Constants.size())});
    }
    Out.CodeObjects.push_back(std::move(Code));
  }
  llvm::StringMap<KernelPlace> Kernels;
  for (auto [I, Entry] : llvm::enumerate(Emitted.Entries))
    Kernels[Entry.Name] = {0, static_cast<uint32_t>(I), &Entry};

  for (auto [I, Signature] : llvm::enumerate(Content.Entries)) {
    auto Function =
        cast<func::FuncOp>(SymbolTable::lookupSymbolIn(Module, Signature.Name));
    FailureOr<Program> Made =
        buildHostProgram(Function, Signature, Kernels, Weights);
    if (failed(Made))
      return failure();
    Made->Entry = static_cast<uint32_t>(I);
    Out.Programs.push_back(std::move(*Made));
  }
  Out.Weights = Weights.takeUsed();
  for (uint32_t Index : Out.Weights)
    if (!Content.Weights[Index].PackKey.empty())
      Out.PackKey = Content.Weights[Index].PackKey;
  Content.Variants.push_back(std::move(Out));
  return success();
}

} // namespace

LogicalResult dure::lowerToPackage(ModuleOp Module, const Target &T,
                                   const LowerOptions &Options,
                                   Package &Content,
                                   std::vector<std::string> &VariantNames) {
  if (Content.Entries.empty()) {
    FailureOr<std::vector<Entry>> Signatures = signaturesOf(Module);
    if (failed(Signatures))
      return failure();
    Content.Entries = std::move(*Signatures);
    for (const Entry &Signature : Content.Entries)
      addSymbols(Signature, Content);
  }
  SmallVector<func::FuncOp> Dispatches;
  for (auto Function : Module.getOps<func::FuncOp>())
    if (Function->hasAttr(DureDialect::DispatchFnAttr))
      Dispatches.push_back(Function);

  std::string Error;
  auto Variants = T.variants(Options.VariantNames, Error);
  if (failed(Variants))
    return emitError(Module.getLoc()) << Error;
  WeightTable Weights(Module, Content);
  for (const TargetVariant &Spec : *Variants) {
    VariantNames.push_back(Spec.Name);
    if (failed(
            addVariant(Module, T, Spec, Options, Dispatches, Weights, Content)))
      return failure();
  }
  return success();
}
