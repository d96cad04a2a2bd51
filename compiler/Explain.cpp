// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What would run where, and why; and which targets there are.
#include "compiler/Compilation.h"
#include "compiler/Pipeline.h"
#include "compiler/package/ElementTypes.h"
#include "compiler/package/HostProgram.h"
#include "compiler/package/SourceNames.h"

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
                             const Target *Fallback) {
  NodeReport Out;
  Out.Sources = sourceNodes(Op->getLoc());
  Out.Name = Out.Sources.empty() ? "" : Out.Sources.back();
  Out.Op = Op->getName().stripDialect().str();
  Out.Target = Preferred.name().str();
  if (std::optional<Unsupported> Why = Preferred.supports(Op)) {
    Out.Reason = Why->Reason;
    Out.Target = Fallback ? Fallback->name().str() : "";
  }
  return Out;
}

CompilationReport dure::explainModel(const CompilationRequest &Request) {
  CompilationReport Report;
  Pipeline Worker(Request, Report);
  if (!Worker.findTargets() || !Worker.loadModule())
    return Report;
  const Target &Preferred = *Worker.Targets.front();
  for (Phase P : {Phase::Simplify, Phase::Raise})
    if (!Worker.isDone(P) && !Worker.run(P, *Worker.Module, nullptr))
      return Report;

  uint64_t Parameters = 0, Bytes = 0;
  for (auto Weight : Worker.Module->getOps<WeightOp>()) {
    Parameters += Weight.getData().getType().getNumElements();
    Bytes += Weight.getData().getSize();
  }
  Report.Parameters = Parameters;
  Report.WeightBytes = Bytes;
  Report.Targets.push_back({Preferred.name().str(), {}, 0, 0, 0});
  auto Main = Worker.Module->lookupSymbol<func::FuncOp>("main");
  FailureOr<Entry> Signature = buildSignature(Main);
  if (failed(Signature)) {
    Worker.fail(Outcome::Failed, Worker.takeDiagnostics());
    return Report;
  }
  for (const TensorInfo &Each : Signature->Inputs)
    Report.Inputs.push_back(tensorReport(Each));
  for (const TensorInfo &Each : Signature->Outputs)
    Report.Outputs.push_back(tensorReport(Each));
  for (Operation &Op : Main.getBody().front()) {
    if (isa<GetWeightOp, ConstantOp, func::ReturnOp, DefineDimsOp, BindDimsOp>(
            Op))
      continue;
    ++Report.Ops[Op.getName().stripDialect().str()];
    Report.Nodes.push_back(nodeReport(&Op, Preferred, Worker.Fallback));
  }
  // Placement decides what is refused.
  Worker.run(Phase::Place, *Worker.Module, &Preferred);
  return Report;
}

CompilationReport dure::listTargets(const CompilationRequest &Request,
                                    std::string &Json, std::string &Text) {
  CompilationReport Report;
  TargetRegistry Registry;
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
    llvm::json::Array Devices;
    for (const DeviceDescription &Device : T->devices())
      Devices.push_back(llvm::json::Object{
          {"name", Device.Name}, {"description", Device.Description}});
    Targets.push_back(
        llvm::json::Object{{"name", T->name()},
                           {"description", T->description()},
                           {"plugin", From.Path},
                           {"api_version", From.ApiVersion},
                           {"llvm_version", From.LLVMVersion},
                           {"devices", std::move(Devices)},
                           {"needs_static_shapes", T->needsStaticShapes()}});
    Text +=
        (T->name() +
         std::string(T->name().size() < 12 ? 12 - T->name().size() : 1, ' ') +
         T->description() + "\n")
            .str();
  }
  llvm::raw_string_ostream(Json)
      << llvm::json::Value(llvm::json::Object{{"status", "ok"},
                                              {"message", ""},
                                              {"refusals", llvm::json::Array()},
                                              {"targets", std::move(Targets)}});
  return Report;
}
