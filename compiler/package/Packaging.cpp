// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Assembly of the package from what targets emit.
#include "compiler/package/Packaging.h"

#include "compiler/package/ProgramText.h"
#include "compiler/passes/specialize/Buckets.h"
#include "runtime/package/Verifier.h"

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

/// Adds the entries of a module that the package does not have yet.
LogicalResult addEntries(ModuleOp Module, Package &Content) {
  for (auto Function : Module.getOps<func::FuncOp>()) {
    if (Function->hasAttr(DureDialect::DispatchFnAttr) ||
        Function->hasAttr(BucketFnAttr) ||
        (Function.isExternal() && !hasBuckets(Function)))
      continue;
    if (llvm::any_of(Content.Entries, [&](const Entry &Known) {
          return Known.Name == Function.getSymName();
        }))
      continue;
    FailureOr<Entry> Signature = buildSignature(Function);
    if (failed(Signature))
      return failure();
    addSymbols(*Signature, Content);
    Content.Entries.push_back(std::move(*Signature));
  }
  return success();
}

/// A name that no variant of the package has.
std::string freeVariantName(const TargetVariant &Spec, const Target &T,
                            const Package &Content) {
  bool Taken = llvm::any_of(Content.Variants, [&](const dure::Variant &Known) {
    return Known.Name == Spec.Name;
  });
  return Taken ? T.name().str() + "-" + Spec.Name : Spec.Name;
}

LogicalResult saveTemp(Location Loc, const LowerOptions &Options,
                       const Twine &Name, StringRef Bytes) {
  if (Options.SaveTemps.empty())
    return success();
  llvm::SmallString<256> Path(Options.SaveTemps);
  path::append(Path, Name);
  std::error_code Code;
  llvm::raw_fd_ostream Out(Path, Code);
  Out << Bytes;
  Out.close();
  if (!Code)
    Code = Out.error();
  Out.clear_error();
  return Code ? emitError(Loc)
                    << "cannot write '" << Path << "': " << Code.message()
              : success();
}

/// Emits the dispatch functions; `Kernels` says where each is, and its entries
/// point into `Emitted`.
LogicalResult emitCode(ModuleOp Module, const Target &T,
                       const TargetVariant &Spec, const LowerOptions &Options,
                       ArrayRef<func::FuncOp> Dispatches,
                       CodeObjectResult &Emitted, dure::Variant &Out,
                       llvm::StringMap<KernelPlace> &Kernels) {
  if (Dispatches.empty())
    return success();
  FailureOr<CodeObjectResult> Result =
      T.emit({Dispatches, &Spec, Options.SaveTemps, Options.Threads,
              Options.Cancelled});
  if (failed(Result))
    return failure();
  Emitted = std::move(*Result);
  if (failed(
          saveTemp(Module.getLoc(), Options,
                   "7-lower." + T.name() + "." + Spec.Name + "." + Spec.Format,
                   Emitted.Bytes)))
    return failure();
  CodeObject Code;
  Code.Format = Spec.Format;
  Code.Bytes = std::make_shared<const std::string>(std::move(Emitted.Bytes));
  for (auto [I, Entry] : llvm::enumerate(Emitted.Entries)) {
    auto Function = dyn_cast_or_null<func::FuncOp>(
        SymbolTable::lookupSymbolIn(Module, Entry.Name));
    if (!Function)
      return emitError(Module.getLoc())
             << "target '" << T.name() << "' emitted an entry '" << Entry.Name
             << "', which is no dispatch function";
    Code.Exports.push_back(
        {Entry.Name, Function.getNumArguments() + Function.getNumResults(),
         static_cast<uint32_t>(Entry.Constants.size())});
    Kernels[Entry.Name] = {0, static_cast<uint32_t>(I), &Entry};
  }
  for (func::FuncOp Each : Dispatches)
    if (!Kernels.contains(Each.getSymName()))
      return Each.emitError("target '")
             << T.name() << "' emitted no code for dispatch function '"
             << Each.getSymName() << "'";
  Out.CodeObjects.push_back(std::move(Code));
  return success();
}

/// One variant: its code object and a host program an entry.
LogicalResult addVariant(ModuleOp Module, const Target &T,
                         const TargetVariant &Spec, const LowerOptions &Options,
                         ArrayRef<func::FuncOp> Dispatches,
                         WeightTable &Weights, Package &Content) {
  dure::Variant Out;
  Out.Name = freeVariantName(Spec, T, Content);
  Out.Target = T.name().str();
  Out.Driver = Spec.Driver;
  Out.Compatibility = Spec.Compatibility;
  Out.Features = Spec.Features;

  CodeObjectResult Emitted;
  llvm::StringMap<KernelPlace> Kernels;
  if (failed(emitCode(Module, T, Spec, Options, Dispatches, Emitted, Out,
                      Kernels)))
    return failure();
  for (auto [I, Signature] : llvm::enumerate(Content.Entries)) {
    auto Function = dyn_cast_or_null<func::FuncOp>(
        SymbolTable::lookupSymbolIn(Module, Signature.Name));
    if (!Function)
      continue;
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
  for (const Program &Each : Out.Programs)
    if (dure::Status Verified = verifyProgram(Content, Out, Each);
        !Verified.ok())
      return emitError(Module.getLoc())
             << "phase lower left an invalid host program for entry '"
             << Content.Entries[Each.Entry].Name << "': " << Verified.message()
             << "; this is a defect of Dure";
  Content.Variants.push_back(std::move(Out));
  return saveTemp(Module.getLoc(), Options,
                  "7-lower." + T.name() + "." + Spec.Name + ".program.txt",
                  programsAsText(Content, Content.Variants.back()));
}

} // namespace

LogicalResult dure::lowerToPackage(ModuleOp Module, const Target &T,
                                   const LowerOptions &Options,
                                   Package &Content,
                                   std::vector<std::string> &VariantNames) {
  if (failed(addEntries(Module, Content)))
    return failure();
  SmallVector<func::FuncOp> Dispatches;
  for (auto Function : Module.getOps<func::FuncOp>())
    if (Function->hasAttr(DureDialect::DispatchFnAttr))
      Dispatches.push_back(Function);
  WeightTable Weights(Module, Content);
  for (const TargetVariant &Spec : Options.Variants) {
    if (failed(
            addVariant(Module, T, Spec, Options, Dispatches, Weights, Content)))
      return failure();
    VariantNames.push_back(Content.Variants.back().Name);
  }
  return success();
}
