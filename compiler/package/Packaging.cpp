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

/// One of a variant's devices: the functions that run there, and their code.
struct DevicePart {
  const Target &T;
  const TargetVariant &Spec;
  SmallVector<func::FuncOp> Dispatches;
  CodeObjectResult Emitted;
};

/// A name that no variant of the package has.
std::string freeVariantName(const std::string &Wish, const Target &T,
                            const Package &Content) {
  bool Taken = llvm::any_of(Content.Variants, [&](const dure::Variant &Known) {
    return Known.Name == Wish;
  });
  return Taken ? T.name().str() + "-" + Wish : Wish;
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

/// Emits the dispatch functions of one device; `Kernels` says where each is,
/// and its entries point into the part.
LogicalResult emitCode(ModuleOp Module, DevicePart &Part, DeviceIndex On,
                       const LowerOptions &Options, dure::Variant &Out,
                       llvm::StringMap<KernelPlace> &Kernels) {
  if (Part.Dispatches.empty())
    return success();
  const Target &T = Part.T;
  const TargetVariant &Spec = Part.Spec;
  CodeObjectResult &Emitted = Part.Emitted;
  FailureOr<CodeObjectResult> Result =
      T.emit({Part.Dispatches, &Spec, Options.SaveTemps, Options.Threads,
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
  Code.Device = On;
  auto Place = static_cast<uint32_t>(Out.CodeObjects.size());
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
    Kernels[Entry.Name] = {Place, static_cast<uint32_t>(I), &Entry};
  }
  for (func::FuncOp Each : Part.Dispatches)
    if (!Kernels.contains(Each.getSymName()))
      return Each.emitError("target '")
             << T.name() << "' emitted no code for dispatch function '"
             << Each.getSymName() << "'";
  Out.CodeObjects.push_back(std::move(Code));
  return success();
}

/// The pack key of the weights that the programs read on each device.
void setPackKeys(const Package &Content, dure::Variant &Out) {
  for (const Program &Each : Out.Programs)
    for (const dure::Block &Code : Each.Blocks)
      for (const Instruction &I : Code.Instructions) {
        const auto *Op = std::get_if<WeightBufferOp>(&I);
        if (!Op || Content.Weights[Op->Weight].PackKey.empty())
          continue;
        (Op->Device == 0 ? Out.PackKey : Out.Devices[Op->Device - 1].PackKey) =
            Content.Weights[Op->Weight].PackKey;
      }
}

/// One variant: its code objects and a host program an entry. The first of
/// `Parts` is the variant's own device.
LogicalResult addVariant(ModuleOp Module, StringRef Name,
                         MutableArrayRef<DevicePart> Parts,
                         const LowerOptions &Options, WeightTable &Weights,
                         Package &Content) {
  const Target &T = Parts.front().T;
  const TargetVariant &Spec = Parts.front().Spec;
  dure::Variant Out;
  Out.Name = freeVariantName(Name.str(), T, Content);
  Out.Target = T.name().str();
  Out.Driver = Spec.Driver;
  Out.Compatibility = Spec.Compatibility;
  Out.Features = Spec.Features;
  SmallVector<StringRef> Targets;
  llvm::StringMap<KernelPlace> Kernels;
  for (auto [On, Part] : llvm::enumerate(Parts)) {
    Targets.push_back(Part.T.name());
    if (On != 0)
      Out.Devices.push_back({Part.T.name().str(), Part.Spec.Driver,
                             Part.Spec.Compatibility, Part.Spec.Features, ""});
    if (failed(emitCode(Module, Part, On, Options, Out, Kernels)))
      return failure();
  }
  for (auto [I, Signature] : llvm::enumerate(Content.Entries)) {
    auto Function = dyn_cast_or_null<func::FuncOp>(
        SymbolTable::lookupSymbolIn(Module, Signature.Name));
    if (!Function)
      continue;
    FailureOr<Program> Made =
        buildHostProgram(Function, Signature, Targets, Kernels, Weights);
    if (failed(Made))
      return failure();
    Made->Entry = static_cast<uint32_t>(I);
    Out.Programs.push_back(std::move(*Made));
  }
  Out.Weights = Weights.takeUsed();
  setPackKeys(Content, Out);
  for (const Program &Each : Out.Programs)
    if (dure::Status Verified = verifyProgram(Content, Out, Each);
        !Verified.ok())
      return emitError(Module.getLoc())
             << "phase lower left an invalid host program for entry '"
             << Content.Entries[Each.Entry].Name << "': " << Verified.message()
             << "; this is a defect of Dure";
  Content.Variants.push_back(std::move(Out));
  return saveTemp(Module.getLoc(), Options,
                  "7-lower." + T.name() + "." + Name + ".program.txt",
                  programsAsText(Content, Content.Variants.back()));
}

using FunctionsByTarget = llvm::StringMap<SmallVector<func::FuncOp>>;

/// The dispatch functions of each target that calls them, in the module's
/// order.
FailureOr<FunctionsByTarget> functionsByTarget(ModuleOp Module) {
  llvm::StringMap<StringRef> Callers;
  WalkResult Walk = Module.walk([&](CallDispatchOp Op) {
    StringRef Before =
        Callers.try_emplace(Op.getCallee(), Op.getTarget()).first->second;
    if (Before == Op.getTarget())
      return WalkResult::advance();
    Op.emitOpError("calls on target '")
        << Op.getTarget() << "' what target '" << Before << "' calls as well";
    return WalkResult::interrupt();
  });
  if (Walk.wasInterrupted())
    return failure();
  FunctionsByTarget Out;
  for (auto Function : Module.getOps<func::FuncOp>())
    if (auto Caller = Callers.find(Function.getSymName());
        Caller != Callers.end())
      Out[Caller->second].push_back(Function);
  return Out;
}

} // namespace

LogicalResult dure::lowerToPackage(ModuleOp Module, const Target &T,
                                   const LowerOptions &Options,
                                   Package &Content,
                                   std::vector<std::string> &VariantNames) {
  if (failed(addEntries(Module, Content)))
    return failure();
  FailureOr<FunctionsByTarget> Functions = functionsByTarget(Module);
  if (failed(Functions))
    return failure();
  WeightTable Weights(Module, Content);
  auto Add = [&](StringRef Name, MutableArrayRef<DevicePart> Parts) {
    if (failed(addVariant(Module, Name, Parts, Options, Weights, Content)))
      return failure();
    VariantNames.push_back(Content.Variants.back().Name);
    return success();
  };
  const Target *Other = Options.Fallback;
  bool Mixed = Other && Functions->contains(Other->name());
  for (const TargetVariant &Spec : Options.Variants) {
    DevicePart Own{T, Spec, (*Functions)[T.name()], {}};
    if (!Mixed && failed(Add(Spec.Name, Own)))
      return failure();
    for (const TargetVariant &Each : Options.FallbackVariants) {
      if (!Mixed)
        break;
      DevicePart Parts[] = {Own,
                            {*Other, Each, (*Functions)[Other->name()], {}}};
      bool Only = Options.FallbackVariants.size() == 1;
      if (failed(Add(Only ? Spec.Name : Spec.Name + "-" + Each.Name, Parts)))
        return failure();
    }
  }
  return success();
}
