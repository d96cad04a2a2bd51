// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What would run where, and why; and which targets there are.
#include "compiler/Compilation.h"
#include "compiler/Pipeline.h"
#include "compiler/dispatch/Place.h"
#include "compiler/package/Costs.h"
#include "compiler/package/ElementTypes.h"
#include "compiler/package/HostProgram.h"
#include "compiler/package/SourceNames.h"
#include "compiler/passes/specialize/Buckets.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace dure;

static TensorReport tensorReport(const TensorInfo &Info) {
  TensorReport Out{Info.Name, elementName(Info.Type), {}};
  for (const SignatureDim &Dim : Info.Dims)
    Out.Dims.push_back(Dim.Value >= 0 ? std::to_string(Dim.Value)
                                      : Dim.Expression);
  return Out;
}

/// The op as a report names it: its name in the dure dialect.
static NodeReport nodeReport(Operation *Op, const Target &Preferred,
                             const Target *Fallback, bool Korean) {
  NodeReport Out;
  Out.Sources = sourceNodes(Op->getLoc());
  Out.Name = Out.Sources.empty() ? "" : Out.Sources.back();
  Out.Op = Op->getName().stripDialect().str();
  Out.Target = Preferred.name().str();
  if (std::optional<Unsupported> Why = placementRefusal(Op, Preferred)) {
    Out.Reason = inLanguage(Korean, Why->Reason, &Preferred);
    Out.Target =
        Fallback && !Fallback->supports(Op) ? Fallback->name().str() : "";
  }
  return Out;
}

namespace {

/// The steps of one `explain` call.
class Explainer : public Pipeline {
public:
  using Pipeline::Pipeline;
  void explain();

private:
  bool addSignature();
  void addOps(const Target &T, func::FuncOp Function);
  bool addTarget(const Target &T);
  void addNotes(ModuleOp Module, const Target &T);
};

} // namespace

/// The names of what can be asked for.
static std::string entriesOf(ModuleOp Module) {
  SmallVector<std::string> Names;
  for (auto Each : Module.getOps<func::FuncOp>())
    if (Each.isPublic())
      Names.push_back(Each.getSymName().str());
  return llvm::join(Names, ", ");
}

bool Explainer::addSignature() {
  func::FuncOp Function = entryOf(*Module);
  if (!Function)
    return fail(Outcome::InvalidRequest, Say::NoEntry,
                {Request.Entry, entriesOf(*Module)});
  FailureOr<Entry> Signature = buildSignature(Function);
  if (failed(Signature))
    return fail(Outcome::Failed, takeDiagnostics());
  for (const TensorInfo &Each : Signature->Inputs)
    Report.Inputs.push_back(tensorReport(Each));
  for (const TensorInfo &Each : Signature->Outputs)
    Report.Outputs.push_back(tensorReport(Each));
  auto Sum = [](TypeRange Types) {
    DimExpr Bytes(0);
    for (Type Each : Types)
      Bytes = Bytes + byteSize(cast<RankedTensorType>(Each));
    return Bytes;
  };
  Report.InputBytes = sizeOf(Sum(Function.getArgumentTypes()));
  Report.ResultBytes = sizeOf(Sum(Function.getResultTypes()));
  return true;
}

/// The ops of the entry as `T` gets them, and where they run; of the first
/// target also their number and what they compute.
void Explainer::addOps(const Target &T, func::FuncOp Function) {
  bool First = &T == Targets.front();
  std::optional<DimExpr> Flops = DimExpr(0);
  Function.getBody().walk([&](Operation *Op) {
    if (isa<GetWeightOp, ConstantOp, DefineDimsOp, BindDimsOp>(Op) ||
        Op->hasTrait<OpTrait::IsTerminator>())
      return;
    if (isa<BranchOp, IterateOp>(Op)) {
      // What of it runs, and how often, shows only at run time.
      Flops = std::nullopt;
      return;
    }
    Report.Nodes.push_back(nodeReport(Op, T, Fallback, Request.Korean));
    if (!First)
      return;
    ++Report.Ops[Op->getName().stripDialect().str()];
    std::optional<DimExpr> Each = flopsOf(Op);
    Flops = Flops && Each ? std::optional(*Flops + *Each) : std::nullopt;
  });
  if (First && Flops)
    Report.Flops = sizeOf(*Flops);
}

bool Explainer::addTarget(const Target &T) {
  Report.Targets.emplace_back();
  Report.Targets.back().Name = T.name().str();
  OwningOpRef<ModuleOp> Clone = raisedFor(T).clone();
  // Placement decides what is refused; forming dispatches, which values need
  // memory between them.
  for (Phase P : {Phase::Specialize, Phase::Place, Phase::Quantize,
                  Phase::FormDispatches}) {
    if (!run(P, *Clone, &T)) {
      if (P == Phase::Specialize)
        addOps(T, entryOf(raisedFor(T)));
      return false;
    }
    if (P != Phase::Specialize)
      continue;
    // Shapes decide what a target takes. An entry without sizes is left out.
    func::FuncOp Function = chosenEntry(*Clone);
    if (!Function)
      return fail(Outcome::InvalidRequest, Say::NoEntry,
                  {Request.Entry, entriesOf(*Clone)});
    addOps(T, Function);
  }
  Report.Targets.back() = aboutDispatches(*Clone, T);
  addNotes(*Clone, T);
  return true;
}

/// What the target says of its dispatches, in the order in which they run; of
/// buckets, of the one chosen.
void Explainer::addNotes(ModuleOp Module, const Target &T) {
  SetVector<func::FuncOp> Functions;
  chosenEntry(Module).walk([&](CallDispatchOp Op) {
    if (Op.getTarget() == T.name())
      Functions.insert(Module.lookupSymbol<func::FuncOp>(Op.getCallee()));
  });
  for (func::FuncOp Function : Functions)
    for (const DispatchNote &Note : T.explain(Function)) {
      NoteReport Out;
      Out.Dispatch = Function.getSymName().str();
      if (Note.Op) {
        std::vector<std::string> Nodes = sourceNodes(Note.Op->getLoc());
        Out.Node = Nodes.empty() ? "" : Nodes.back();
        Out.Op = Note.Op->getName().stripDialect().str();
      }
      Out.Text = inLanguage(Request.Korean, Note.Text, &T);
      Report.Targets.back().Notes.push_back(std::move(Out));
    }
}

void Explainer::explain() {
  CountsEntryAlone = true;
  if (!findTargets() || !loadModule())
    return;
  countWeights();
  if ((!isDone(Phase::Simplify) && !run(Phase::Simplify, *Module, nullptr)) ||
      !raise() || !checkDims() || !checkBuckets() || !addSignature())
    return;
  // Every target is explained, whatever another one refuses.
  for (const Target *Each : Targets)
    if (!addTarget(*Each) && Report.Result != Outcome::Refused)
      return;
}

CompilationReport dure::explainModel(const CompilationRequest &Request) {
  CompilationReport Report;
  Explainer Worker(Request, Report);
  Worker.explain();
  return Report;
}

CompilationReport dure::listTargets(const CompilationRequest &Request,
                                    std::string &Json, std::string &Text) {
  CompilationReport Report;
  TargetRegistry Registry(Request.Korean);
  for (const std::string &Path : Request.LoadTargets) {
    std::string Error;
    if (!Registry.load(Path, Error)) {
      Report.Result = Outcome::Failed;
      Report.Message = Error;
      Json = reportToJson(Report, false);
      return Report;
    }
  }
  Registry.loadInstalled();
  llvm::json::Array Targets;
  for (Target *T : Registry.loaded()) {
    const TargetRegistry::Origin &From = *Registry.origin(T);
    const std::string Description =
        inLanguage(Request.Korean, T->description(), T);
    llvm::json::Array Devices;
    for (const DeviceDescription &Device : T->devices())
      Devices.push_back(llvm::json::Object{
          {"name", Device.Name},
          {"description", inLanguage(Request.Korean, Device.Description, T)}});
    Targets.push_back(
        llvm::json::Object{{"name", T->name()},
                           {"description", Description},
                           {"plugin", From.Path},
                           {"api_version", From.ApiVersion},
                           {"llvm_version", From.LLVMVersion},
                           {"devices", std::move(Devices)},
                           {"needs_static_shapes", T->needsStaticShapes()}});
    Text +=
        (T->name() +
         std::string(T->name().size() < 12 ? 12 - T->name().size() : 1, ' ') +
         Description + "\n")
            .str();
  }
  llvm::raw_string_ostream(Json)
      << llvm::json::Value(llvm::json::Object{{"status", "ok"},
                                              {"message", ""},
                                              {"refusals", llvm::json::Array()},
                                              {"targets", std::move(Targets)}});
  return Report;
}
