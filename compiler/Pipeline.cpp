// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Context, import and phases, with failures as reports.
#include "compiler/Pipeline.h"

#include "compiler/IrText.h"
#include "compiler/package/SourceNames.h"
#include "compiler/package/Transients.h"
#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/Buckets.h"
#include "frontends/onnx/Importer.h"
#include "runtime/base/Korean.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/Threading.h"

#include <array>
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
static std::string placeOf(Location Loc, bool Korean) {
  std::vector<std::string> Nodes = sourceNodes(Loc);
  if (!Nodes.empty())
    return say(Korean, Say::Node, {Nodes.back(), sourceOp(Loc)});
  if (auto File = dyn_cast<FileLineColLoc>(Loc))
    return File.getFilename().str() + ":" + std::to_string(File.getLine()) +
           ":" + std::to_string(File.getColumn()) + ": ";
  return {};
}

static constexpr auto DiagnosticTexts = std::to_array<Translation>({
#define DURE_TEXT(English, Korean) {English, Korean},
#include "compiler/Diagnostics.def"
});

std::string dure::inLanguage(bool Korean, StringRef Text, const Target *From) {
  std::string Given = Text.str();
  if (!Korean)
    return Given;
  if (From)
    if (std::string Own = From->inKorean(Text); !Own.empty())
      return Own;
  std::optional<std::string> Known = translate(DiagnosticTexts, Given);
  return Known ? *Known : inKorean(Given);
}

/// A diagnostic that a person may read: some hold types or names of any length.
static std::string shortened(std::string Text) {
  constexpr size_t Most = 4096;
  if (Text.size() <= Most)
    return Text;
  size_t End = Most;
  // Not within a character: a byte 10xxxxxx goes on with one.
  while (End > 0 && (Text[End] & 0xC0) == 0x80)
    --End;
  return Text.substr(0, End) + "...";
}

Pipeline::Pipeline(const CompilationRequest &Request, CompilationReport &Report)
    : Request(Request), Report(Report), Registry(Request.Korean),
      Context(phaseDialects(), MLIRContext::Threading::DISABLED) {
  Handler = std::make_unique<ScopedDiagnosticHandler>(
      &Context, [this](Diagnostic &D) {
        if (D.getSeverity() != DiagnosticSeverity::Error)
          return success();
        if (!Diagnostics.empty())
          Diagnostics += "\n";
        Diagnostics += placeOf(D.getLocation(), this->Request.Korean) +
                       inRequestedLanguage(shortened(D.str()));
        return success();
      });
  Report.Model = Request.ModelPath;
}

Pipeline::~Pipeline() = default;

std::string Pipeline::inRequestedLanguage(StringRef Text) const {
  // A diagnostic does not say whose it is.
  for (const Target *Each : Targets)
    if (std::string Own = inLanguage(Request.Korean, Text, Each); Own != Text)
      return Own;
  return inLanguage(Request.Korean, Text);
}

std::string Pipeline::takeDiagnostics() {
  return std::exchange(Diagnostics, std::string());
}

bool Pipeline::fail(Outcome Result, std::string Message) {
  Report.Result = Result;
  Report.Message = std::move(Message);
  return false;
}

bool Pipeline::begin(StringRef Phase) {
  if (cancelled())
    return fail(Outcome::Cancelled, Say::Cancelled, {Phase.str()});
  if (Request.Progress)
    Request.Progress(Phase.str(), std::min(1.0, PhasesBegun / 10.0));
  ++PhasesBegun;
  PhaseStart = steadySeconds();
  return true;
}

void Pipeline::end(StringRef Phase) {
  Report.PhaseSeconds.push_back({Phase.str(), steadySeconds() - PhaseStart});
}

/// Checks the names of phases and passes.
bool Pipeline::checkNames() {
  for (const std::string &Name : {Request.StopAfter, Request.StartFrom})
    if (!Name.empty() && !phaseNamed(Name))
      return fail(Outcome::InvalidRequest, Say::NoPhase, {Name, phaseNames()});
  if (Request.PrintAfter.empty())
    return true;
  std::set<std::string> Passes;
  std::vector<const Target *> All(Targets.begin(), Targets.end());
  if (Fallback)
    All.push_back(Fallback);
  for (const Target *Each : All)
    for (const std::string &Name : passNames(Each))
      Passes.insert(Name);
  for (const std::string &Name : Request.PrintAfter)
    if (Name != "all" && !phaseNamed(Name) && !Passes.count(Name))
      return fail(Outcome::InvalidRequest, Say::NoPhaseOrPass,
                  {Name, phaseNames(), llvm::join(Passes, ", ")});
  return true;
}

bool Pipeline::findTargets() {
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
    if (llvm::is_contained(Targets, Found))
      continue;
    Targets.push_back(Found);
  }
  findFallback();
  for (Target *Each : Targets)
    if (!findVariants(*Each))
      return false;
  if (!checkNames())
    return false;
  DialectRegistry Dialects;
  for (Target *Each : Registry.loaded())
    Each->registerDialects(Dialects);
  Context.appendDialectRegistry(Dialects);
  // Code generation creates ops without passes that would load their dialects.
  Context.loadAllAvailableDialects();
  return true;
}

/// The host's processor, unless it is refused or the only target.
void Pipeline::findFallback() {
  std::string Ignored;
  if (Request.ForbidFallback)
    return;
  Target *Host = Registry.find("cpu", Ignored);
  if (!Host || llvm::all_of(Targets, [&](Target *T) { return T == Host; }))
    return;
  FailureOr<std::vector<TargetVariant>> Given =
      Host->variants(Request.Cpus, Ignored);
  // Names that only the targets themselves know.
  if (failed(Given))
    Given = Host->variants({}, Ignored);
  if (failed(Given))
    return;
  Fallback = Host;
  FallbackVariants = std::move(*Given);
}

/// What --cpu stands for. Names that only the fallback knows are for the code
/// that it makes.
bool Pipeline::findVariants(Target &T) {
  std::string Error, Ignored;
  FailureOr<std::vector<TargetVariant>> Given = T.variants(Request.Cpus, Error);
  if (failed(Given) && Fallback && Fallback != &T &&
      succeeded(Fallback->variants(Request.Cpus, Ignored)))
    Given = T.variants({}, Error);
  if (failed(Given))
    return fail(Outcome::InvalidRequest, inLanguage(Request.Korean, Error, &T));
  Variants.push_back(std::move(*Given));
  return true;
}

bool Pipeline::loadModule() {
  if (!begin("import"))
    return false;
  bool Ok = Request.StartFrom.empty() ? importModel()
                                      : readModule() && checkPlacement();
  end("import");
  return Ok;
}

bool Pipeline::importModel() {
  onnx::ImportOptions Options;
  Options.Links.AllowLinks = Request.AllowLinks;
  Options.Links.Root = Request.LinksRoot;
  for (const auto &[Name, Value] : Request.InputValues)
    Options.InputValues[Name] = {static_cast<onnx::DataType>(Value.Type),
                                 Value.Dims, Value.Bytes};
  onnx::ImportResult Result =
      onnx::importOnnx(Request.ModelPath, Context, Options);
  auto Language =
      Request.Korean ? onnx::Language::Korean : onnx::Language::English;
  Report.Opsets = std::move(Result.Opsets);
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
  return runPhaseOn(Phase::Import, *Module, nullptr, Request.NoRaise);
}

bool Pipeline::readModule() {
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> Text =
      readIrText(Request.ModelPath);
  if (!Text)
    return fail(Outcome::Failed, llvm::toString(Text.takeError()));
  llvm::SourceMgr Sources;
  Sources.AddNewSourceBuffer(std::move(*Text), SMLoc());
  Module = parseSourceFile<ModuleOp>(Sources, &Context);
  if (!Module)
    return fail(Outcome::Failed, takeDiagnostics());
  auto Done = (*Module)->getAttrOfType<StringAttr>(DureDialect::PhaseAttr);
  std::optional<Phase> At = Done ? phaseNamed(Done.getValue()) : std::nullopt;
  Phase From = *phaseNamed(Request.StartFrom);
  if (!At || static_cast<int>(*At) + 1 != static_cast<int>(From))
    return fail(Outcome::InvalidRequest, Say::WrongPhase,
                {Request.ModelPath, Done ? Done.getValue().str() : "-",
                 Request.StartFrom});
  // It may come from anywhere: what is wrong with it is its author's.
  if (failed(verifyPhase(*Module)) || failed(verifyEntry(*Module)))
    return fail(Outcome::Failed, Say::InvalidModule,
                {Request.ModelPath, phaseName(*At).str(), takeDiagnostics()});
  Reached = *At;
  return true;
}

/// IR after place is one target's, and the fallback's beside it.
bool Pipeline::checkPlacement() {
  if (Reached < Phase::Place)
    return true;
  std::set<std::string> Placed;
  Module->walk([&](Operation *Op) {
    if (auto Region = dyn_cast<RegionOp>(Op))
      Placed.insert(Region.getTarget().str());
    else if (auto Dispatch = dyn_cast<CallDispatchOp>(Op))
      Placed.insert(Dispatch.getTarget().str());
  });
  std::string Own = Targets.front()->name().str();
  // All of it on the fallback is that target's module, not this one's.
  if (Fallback && Targets.size() == 1 && Placed.count(Own))
    Placed.erase(Fallback->name().str());
  for (const std::string &Name : Placed)
    if (Targets.size() != 1 || Own != Name)
      return fail(Outcome::InvalidRequest, Say::PlacedAlready,
                  {Request.ModelPath, Name});
  return true;
}

func::FuncOp Pipeline::entryOf(ModuleOp Module) const {
  return Module.lookupSymbol<func::FuncOp>(Request.Entry);
}

void Pipeline::countWeights() {
  uint64_t Parameters = 0, Bytes = 0;
  for (auto Weight : Module->getOps<WeightOp>()) {
    Parameters += Weight.getData().getType().getNumElements();
    Bytes += Weight.getData().getSize();
  }
  Report.Parameters = Parameters;
  Report.WeightBytes = Bytes;
}

SizeReport Pipeline::sizeOf(const DimExpr &Expr) const {
  std::map<std::string, DimExpr> Given;
  for (auto &[Name, Value] : Request.Dims)
    Given.emplace(Name, DimExpr(Value));
  DimExpr Known = Expr.substitute(Given);
  return {Known.str(), Known.constant()};
}

/// Seconds of all dispatches of a function by the target's own word.
static std::optional<double>
costOf(func::FuncOp Main, const Target &T, const Target *Fallback,
       const std::map<std::string, int64_t> &Dims) {
  double Sum = 0;
  for (Operation &Each : Main.getBody().front()) {
    if (isa<BranchOp, IterateOp>(Each))
      return std::nullopt;
    auto Op = dyn_cast<CallDispatchOp>(Each);
    if (!Op)
      continue;
    auto Callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        Op, Op.getCalleeAttr());
    std::map<std::string, int64_t> Symbols;
    auto Names = Callee->getAttrOfType<ArrayAttr>(SymbolsAttr);
    for (auto [Name, Expr] : llvm::zip(Names.getAsValueRange<StringAttr>(),
                                       Op.getBindings().exprs())) {
      std::optional<int64_t> Value = Expr.evaluate(Dims);
      if (!Value)
        return std::nullopt;
      Symbols[Name.str()] = *Value;
    }
    const Target *On = Op.getTarget() == T.name() ? &T : Fallback;
    std::optional<double> Seconds;
    if (On)
      Seconds = On->cost(Callee, Symbols);
    if (!Seconds)
      return std::nullopt;
    Sum += *Seconds;
  }
  return Sum;
}

func::FuncOp Pipeline::chosenEntry(ModuleOp Module) {
  func::FuncOp Function = entryOf(Module);
  if (!Function || !hasBuckets(Function))
    return Function;
  BucketTable Table = BucketTable::of(Function);
  const Bucket *Chosen = Table.choose(Request.Dims);
  return Module.lookupSymbol<func::FuncOp>(
      (Chosen ? *Chosen : Table.Buckets.back()).Callee);
}

TargetReport Pipeline::aboutDispatches(ModuleOp Module, const Target &T) {
  TargetReport About;
  About.Name = T.name().str();
  About.Dispatches = 0;
  func::FuncOp Chosen = chosenEntry(Module);
  Operation *Counted = CountsEntryAlone && Chosen ? Chosen.getOperation()
                                                  : Module.getOperation();
  std::set<std::string> Called;
  Counted->walk([&](CallDispatchOp Op) {
    ++*About.Dispatches;
    About.FallbackDispatches += Op.getTarget() != T.name();
    Called.insert(Op.getCallee().str());
  });
  About.Functions = Called.size();
  Counted->walk([&](TransferOp) { ++About.Copies; });
  if (Fallback && Fallback != &T)
    About.Fallback = Fallback->name().str();
  if (Fallen) {
    About.FallbackOps = 0;
    for (const FallenReport &Each : *Fallen)
      *About.FallbackOps += Each.Ops;
    About.Fallen = std::move(*Fallen);
    Fallen.reset();
  }
  func::FuncOp Main = entryOf(Module);
  if (Main && hasBuckets(Main)) {
    BucketTable Table = BucketTable::of(Main);
    for (const Bucket &Each : Table.Buckets)
      About.Buckets.push_back(Table.describe(Each));
    if (const Bucket *Fits = Table.choose(Request.Dims))
      About.Bucket = Table.describe(*Fits);
  }
  if (Chosen) {
    About.Transient = sizeOf(planTransients(Chosen).Peak);
    About.Seconds = costOf(Chosen, T, Fallback, Request.Dims);
  }
  return About;
}

bool Pipeline::checkDims() {
  func::FuncOp Main = entryOf(*Module);
  if (Request.Dims.empty() || !Main)
    return true;
  std::set<std::string> Known;
  std::vector<DimExpr> Sizes;
  for (Type Each : Main.getArgumentTypes())
    for (const DimExpr &Dim : dimsOf(cast<RankedTensorType>(Each))) {
      Dim.collectSymbols(Known);
      Sizes.push_back(Dim);
    }
  for (auto &[Name, Value] : Request.Dims)
    if (!Known.count(Name))
      return Known.empty() ? fail(Outcome::InvalidRequest, Say::NoDims, {Name})
                           : fail(Outcome::InvalidRequest, Say::UnknownDim,
                                  {Name, llvm::join(Known, ", ")});
  for (const DimExpr &Dim : Sizes)
    if (std::optional<int64_t> Value = Dim.evaluate(Request.Dims);
        Value && *Value < 0)
      return fail(Outcome::InvalidRequest, Say::NegativeDim,
                  {Dim.str(), std::to_string(*Value)});
  auto Pairs = Main->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr);
  if (!Pairs)
    return true;
  for (DimsAttr Pair : Pairs.getAsRange<DimsAttr>()) {
    std::optional<int64_t> L = Pair.expr(0).evaluate(Request.Dims);
    std::optional<int64_t> R = Pair.expr(1).evaluate(Request.Dims);
    if (L && R && *L != *R)
      return fail(Outcome::InvalidRequest, Say::UnequalDims,
                  {Pair.expr(0).str(), Pair.expr(1).str(), std::to_string(*L),
                   std::to_string(*R)});
  }
  return true;
}

bool Pipeline::checkBuckets() {
  if (Request.Buckets.empty())
    return true;
  auto NeedsStatic = [](const Target *Each) {
    return Each->needsStaticShapes();
  };
  if (llvm::none_of(Targets, NeedsStatic))
    return fail(Outcome::InvalidRequest, Say::NoUseForBuckets,
                {Targets.front()->name().str()});
  std::set<std::string> Known;
  for (auto Entry : Module->getOps<func::FuncOp>())
    for (const std::string &Name : bucketSymbols(Entry))
      Known.insert(Name);
  for (const std::string &Text : Request.Buckets) {
    std::optional<BucketRequest> Asked = parseBucket(Text);
    if (!Asked)
      return fail(Outcome::InvalidRequest, Say::BadBucket, {Text});
    for (const auto &[Name, Sizes] : *Asked)
      if (!Known.count(Name))
        return Known.empty()
                   ? fail(Outcome::InvalidRequest, Say::NoBucketDims, {Name})
                   : fail(Outcome::InvalidRequest, Say::UnknownBucketDim,
                          {Name, llvm::join(Known, ", ")});
  }
  return true;
}

bool Pipeline::raise() {
  if (isDone(Phase::Raise))
    return true;
  auto Wants = [](const Target *Each) { return Each->wantsRaised(); };
  if (llvm::none_of(Targets, Wants)) {
    if (!begin("raise") ||
        !runPhaseOn(Phase::Raise, *Module, nullptr, /*NoRaise=*/true))
      return false;
    end("raise");
    return true;
  }
  if (!llvm::all_of(Targets, Wants)) {
    Unraised = Module->clone();
    if (!runPhaseOn(Phase::Raise, *Unraised, nullptr, /*NoRaise=*/true))
      return false;
  }
  return run(Phase::Raise, *Module, nullptr);
}

ModuleOp Pipeline::raisedFor(const Target &T) const {
  return Unraised && !T.wantsRaised() ? *Unraised : *Module;
}

void Pipeline::printAfter(Phase P, const std::string &Text) {
  if (!llvm::is_contained(Request.PrintAfter, phaseName(P)) &&
      !llvm::is_contained(Request.PrintAfter, "all"))
    return;
  std::string Titled =
      "// after phase " + phaseName(P).str() + "\n" + Text + "\n";
  if (Request.Print)
    Request.Print(Titled);
  else
    llvm::errs() << Titled;
}

bool Pipeline::run(Phase P, ModuleOp Module, const Target *Preferred) {
  if (!begin(phaseName(P)) ||
      !runPhaseOn(P, Module, Preferred, Request.NoRaise))
    return false;
  end(phaseName(P));
  return true;
}

bool Pipeline::runPhaseOn(Phase P, ModuleOp Module, const Target *Preferred,
                          bool NoRaise) {
  PhaseOptions Options;
  Options.Preferred = Preferred;
  Options.Fallback = Fallback == Preferred ? nullptr : Fallback;
  Options.NoRaise = NoRaise;
  Options.Buckets = Request.Buckets;
  Options.Kernels = !Request.Emit.empty() || !Request.Oracle.empty();
  Options.PrintAfter = Request.PrintAfter;
  Options.Print = [this](StringRef Text) {
    if (Request.Print)
      Request.Print(Text.str());
    else
      llvm::errs() << Text;
  };
  Placement Found;
  if (failed(runPhase(P, Module, Options, Found)))
    return fail(Outcome::Failed, takeDiagnostics());
  if (P == Phase::Place)
    noteFallen(Module, Found.FellBack, *Preferred);
  return report(Found.Refusals, Preferred);
}

/// Counts what the fallback takes by reason. An op that several entries have is
/// one op.
void Pipeline::noteFallen(ModuleOp Module, ArrayRef<Refused> FellBack,
                          const Target &Preferred) {
  Fallen.emplace();
  func::FuncOp Chosen = CountsEntryAlone ? chosenEntry(Module) : func::FuncOp();
  llvm::DenseSet<std::pair<Location, OperationName>> Seen;
  for (const Refused &Each : FellBack) {
    auto Entry = Each.Op->getParentOfType<func::FuncOp>();
    if (Chosen && Entry != Chosen)
      continue;
    bool IsNew = Seen.insert({Each.Op->getLoc(), Each.Op->getName()}).second;
    if (!IsNew && !Chosen && Entry.getSymName() != "main")
      continue;
    std::string Reason =
        inLanguage(Request.Korean, Each.Why.Reason, &Preferred);
    auto At = llvm::find_if(*Fallen, [&](const FallenReport &Known) {
      return Known.Code == Each.Why.Code && Known.Reason == Reason;
    });
    if (At == Fallen->end())
      At = Fallen->insert(At, {Each.Why.Code, Reason, 0, {}});
    ++At->Ops;
    std::string Kind = Each.Op->getName().stripDialect().str();
    if (!llvm::is_contained(At->Kinds, Kind))
      At->Kinds.push_back(Kind);
  }
}

bool Pipeline::report(ArrayRef<Refused> Refusals, const Target *Preferred) {
  // A node may have become many ops, and every bucket has them.
  std::set<std::string> Told;
  for (const Refused &Each : Refusals) {
    std::vector<std::string> Nodes = sourceNodes(Each.Op->getLoc());
    std::string Node = Nodes.empty() ? "" : Nodes.back();
    std::string Op = Nodes.empty() ? Each.Op->getName().getStringRef().str()
                                   : sourceOp(Each.Op->getLoc());
    const bool Korean = Request.Korean;
    Unsupported Why = {Each.Why.Code,
                       inLanguage(Korean, Each.Why.Reason, Preferred),
                       inLanguage(Korean, Each.Why.Remedy, Preferred)};
    std::string Line = placeOf(Each.Op->getLoc(), Korean) + Why.Reason + " [" +
                       Why.Code + "] " + Why.Remedy;
    if (!Told.insert(Line).second)
      continue;
    Report.Refusals.push_back(
        {Node, Op, "", 0, Why.Code, Why.Reason, Why.Remedy});
    Report.Message += (Report.Message.empty() ? "" : "\n") + Line;
  }
  return Refusals.empty() || fail(Outcome::Refused, Report.Message);
}
