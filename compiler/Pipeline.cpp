// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Context, import and phases, with failures as reports.
#include "compiler/Pipeline.h"

#include "compiler/package/SourceNames.h"
#include "compiler/passes/Passes.h"
#include "frontends/onnx/Importer.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Threading.h"

#include <chrono>

using namespace mlir;
using namespace dure;

double dure::steadySeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static DialectRegistry phaseDialects() {
  DialectRegistry Registry;
  registerPhaseDialects(Registry);
  return Registry;
}

/// Where an op came from, for messages: "node 'x' (MatMul): ".
static std::string placeOf(Location Loc) {
  std::vector<std::string> Nodes = sourceNodes(Loc);
  if (!Nodes.empty())
    return "node '" + Nodes.back() + "' (" + sourceOp(Loc) + "): ";
  if (auto File = dyn_cast<FileLineColLoc>(Loc))
    return File.getFilename().str() + ":" + std::to_string(File.getLine()) +
           ":" + std::to_string(File.getColumn()) + ": ";
  return {};
}

Pipeline::Pipeline(const CompilationRequest &Request, CompilationReport &Report)
    : Request(Request), Report(Report),
      Context(phaseDialects(), MLIRContext::Threading::DISABLED) {
  Handler = std::make_unique<ScopedDiagnosticHandler>(
      &Context, [this](Diagnostic &D) {
        if (D.getSeverity() != DiagnosticSeverity::Error)
          return success();
        if (!Diagnostics.empty())
          Diagnostics += "\n";
        Diagnostics += placeOf(D.getLocation()) + D.str();
        return success();
      });
  Report.Model = Request.ModelPath;
}

Pipeline::~Pipeline() = default;

std::string Pipeline::takeDiagnostics() {
  return std::exchange(Diagnostics, std::string());
}

bool Pipeline::fail(Outcome Result, std::string Message) {
  Report.Result = Result;
  Report.Message = std::move(Message);
  return false;
}

bool Pipeline::begin(StringRef Phase) {
  if (Request.Cancel && *Request.Cancel)
    return fail(Outcome::Cancelled, "cancelled during phase " + Phase.str());
  if (Request.Progress)
    Request.Progress(Phase.str(), std::min(1.0, PhasesBegun / 10.0));
  ++PhasesBegun;
  PhaseStart = steadySeconds();
  return true;
}

void Pipeline::end(StringRef Phase) {
  Report.PhaseSeconds.push_back({Phase.str(), steadySeconds() - PhaseStart});
}

bool Pipeline::findTargets() {
  for (const std::string &Name : {Request.StopAfter, Request.StartFrom})
    if (!Name.empty() && !phaseNamed(Name))
      return fail(Outcome::InvalidRequest,
                  "there is no phase '" + Name +
                      "'; phases are: " + phaseNames());
  std::string Error;
  for (const std::string &Path : Request.LoadTargets)
    if (!Registry.load(Path, Error))
      return fail(Outcome::Failed, Error);
  std::vector<std::string> Names = Request.Targets;
  if (Names.empty())
    Names.push_back("cpu");
  for (const std::string &Name : Names) {
    Target *Found = Registry.find(Name, Error);
    if (!Found)
      return fail(Outcome::InvalidRequest, Error);
    if (!llvm::is_contained(Targets, Found))
      Targets.push_back(Found);
  }
  DialectRegistry Dialects;
  for (Target *Each : Registry.loaded())
    Each->registerDialects(Dialects);
  Context.appendDialectRegistry(Dialects);
  // Code generation creates ops without passes that would load their dialects.
  Context.loadAllAvailableDialects();
  return true;
}

bool Pipeline::loadModule() {
  if (!begin("import"))
    return false;
  bool Ok = Request.StartFrom.empty() ? importModel() : readModule();
  end("import");
  return Ok;
}

bool Pipeline::importModel() {
  onnx::ImportOptions Options;
  Options.Links.AllowLinks = Request.AllowLinks;
  Options.Links.Root = Request.LinksRoot;
  onnx::ImportResult Result =
      onnx::importOnnx(Request.ModelPath, Context, Options);
  auto Language =
      Request.Korean ? onnx::Language::Korean : onnx::Language::English;
  for (const onnx::Refusal &Each : Result.Refusals) {
    Report.Refusals.push_back({Each.Node, Each.Op, Each.Domain, Each.Opset,
                               std::string(onnx::codeName(Each.Code)),
                               onnx::reasonOf(Each, Language),
                               onnx::remedyOf(Each, Language)});
    Report.Message +=
        (Report.Message.empty() ? "" : "\n") + onnx::toString(Each, Language);
  }
  if (!Result.Refusals.empty())
    return fail(Outcome::Refused, Report.Message);
  if (!Result.Module)
    return fail(Outcome::Failed, takeDiagnostics());
  Module = std::move(Result.Module);
  return true;
}

bool Pipeline::readModule() {
  Module = parseSourceFile<ModuleOp>(Request.ModelPath, &Context);
  if (!Module)
    return fail(Outcome::Failed, takeDiagnostics());
  auto Done = (*Module)->getAttrOfType<StringAttr>(DureDialect::PhaseAttr);
  std::optional<Phase> At = Done ? phaseNamed(Done.getValue()) : std::nullopt;
  Phase From = *phaseNamed(Request.StartFrom);
  if (!At || static_cast<int>(*At) + 1 != static_cast<int>(From))
    return fail(Outcome::InvalidRequest,
                "'" + Request.ModelPath + "' is the IR after phase '" +
                    (Done ? Done.getValue().str() : "(none)") +
                    "', which phase '" + Request.StartFrom +
                    "' does not follow");
  // It may come from anywhere: what is wrong with it is its author's.
  if (failed(verifyPhase(*Module)) || failed(verifyEntry(*Module)))
    return fail(Outcome::Failed,
                "'" + Request.ModelPath + "' is not valid after phase " +
                    phaseName(*At).str() + ": " + takeDiagnostics());
  Reached = *At;
  return true;
}

bool Pipeline::run(Phase P, ModuleOp Module, const Target *Preferred) {
  if (!begin(phaseName(P)))
    return false;
  PhaseOptions Options;
  Options.Preferred = Preferred;
  Options.Fallback = Fallback == Preferred ? nullptr : Fallback;
  Options.NoRaise = Request.NoRaise;
  Options.PrintAfter = Request.PrintAfter;
  Options.Print = [this](StringRef Text) {
    if (Request.Print)
      Request.Print(Text.str());
    else
      llvm::errs() << Text;
  };
  std::vector<Refused> Refusals;
  if (failed(runPhase(P, Module, Options, Refusals)))
    return fail(Outcome::Failed, takeDiagnostics());
  for (const Refused &Each : Refusals) {
    std::vector<std::string> Nodes = sourceNodes(Each.Op->getLoc());
    std::string Node = Nodes.empty() ? "" : Nodes.back();
    std::string Op = Nodes.empty() ? Each.Op->getName().getStringRef().str()
                                   : sourceOp(Each.Op->getLoc());
    Report.Refusals.push_back(
        {Node, Op, "", 0, Each.Why.Code, Each.Why.Reason, Each.Why.Remedy});
    Report.Message += (Report.Message.empty() ? "" : "\n") +
                      placeOf(Each.Op->getLoc()) + Each.Why.Reason + " [" +
                      Each.Why.Code + "] " + Each.Why.Remedy;
  }
  if (!Refusals.empty())
    return fail(Outcome::Refused, Report.Message);
  end(phaseName(P));
  return true;
}
