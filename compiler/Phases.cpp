// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The phases, in order. Reads like a table of contents.
#include "compiler/Phases.h"

#include "compiler/dispatch/InsertTransfers.h"
#include "compiler/dispatch/OtherRegions.h"
#include "compiler/dispatch/OutlineDispatches.h"
#include "compiler/dispatch/Place.h"
#include "compiler/package/SourceNames.h"
#include "compiler/passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dure;

static constexpr llvm::StringLiteral Names[] = {
    "import", "simplify", "raise",           "specialize",
    "place",  "quantize", "form-dispatches", "lower"};

StringRef dure::phaseName(Phase P) { return Names[static_cast<unsigned>(P)]; }

std::optional<Phase> dure::phaseNamed(StringRef Name) {
  for (auto [I, Known] : llvm::enumerate(Names))
    if (Known == Name)
      return static_cast<Phase>(I);
  return std::nullopt;
}

std::string dure::phaseNames() {
  return llvm::join(llvm::ArrayRef(Names), ", ");
}

void dure::registerPhaseDialects(DialectRegistry &Registry) {
  Registry.insert<DureDialect, func::FuncDialect, arith::ArithDialect,
                  math::MathDialect, tensor::TensorDialect,
                  linalg::LinalgDialect, scf::SCFDialect>();
}

namespace {

/// Prints a pass's output when its flag name is asked for.
class PrintAfterPasses : public PassInstrumentation {
public:
  explicit PrintAfterPasses(const PhaseOptions &Options) : Options(Options) {}

  void runAfterPass(Pass *P, Operation *Op) override {
    if (!llvm::is_contained(Options.PrintAfter, P->getArgument()))
      return;
    std::string Text;
    llvm::raw_string_ostream Out(Text);
    Out << "// after " << P->getArgument() << "\n" << *Op << "\n";
    Options.Print(Text);
  }

private:
  const PhaseOptions &Options;
};

} // namespace

/// The passes of a phase that are passes; what a target adds comes first.
static void addPasses(Phase P, const PhaseOptions &Options, const Target *Own,
                      OpPassManager &PM) {
  auto FromTarget = [&](TargetPhase At) {
    if (Own)
      Own->addPasses(At, PM);
  };
  switch (P) {
  case Phase::Simplify:
    buildSimplifyPipeline(PM);
    return;
  case Phase::Raise:
    if (!Options.NoRaise)
      buildRaisePipeline(PM);
    return;
  case Phase::Quantize:
    FromTarget(TargetPhase::Quantize);
    return;
  case Phase::Specialize: {
    bool IsFixed = Options.Preferred && Options.Preferred->needsStaticShapes();
    // Of what is the same for all targets: they share the state.
    PM.addPass(createKeepWindows({IsFixed}));
    FromTarget(TargetPhase::Specialize);
    if (IsFixed)
      buildSpecializePipeline(PM, llvm::join(Options.Buckets, ";"));
    // By the sizes that there are now.
    if (Options.Preferred && Options.Preferred->wantsRaised() &&
        !Options.NoRaise)
      PM.addPass(createAbsorbLatents());
    // Texts say what the model's ops mean, not what a target makes of them.
    if (!Options.Kernels)
      FromTarget(TargetPhase::Legalize);
    return;
  }
  case Phase::FormDispatches:
    FromTarget(TargetPhase::FormDispatches);
    return;
  case Phase::Place:
    // Last of what all targets share: no op is left that has not been seen.
    PM.addPass(createNoteEqualDims());
    return;
  case Phase::Import:
  case Phase::Lower:
    return;
  }
}

std::vector<std::string> dure::passNames(const Target *Preferred) {
  MLIRContext Context;
  std::vector<std::string> Names;
  for (int P = 0; P <= static_cast<int>(Phase::Lower); ++P) {
    PhaseOptions Options;
    Options.Preferred = Preferred;
    PassManager PM(&Context, ModuleOp::getOperationName());
    addPasses(static_cast<Phase>(P), Options, Preferred, PM);
    // "builtin.module(func.func(canonicalize{max=1}),cse)": a word before '('
    // is an op, one inside braces an option.
    std::string Text, Word;
    llvm::raw_string_ostream Out(Text);
    PM.printAsTextualPipeline(Out);
    int Braces = 0;
    for (char C : Text) {
      if (Braces == 0 &&
          (llvm::isAlnum(C) || C == '-' || C == '_' || C == '.')) {
        Word += C;
        continue;
      }
      if (Braces == 0 && C != '(' && !Word.empty())
        Names.push_back(Word);
      Word.clear();
      Braces += C == '{' ? 1 : C == '}' ? -1 : 0;
    }
  }
  llvm::sort(Names);
  Names.erase(llvm::unique(Names), Names.end());
  return Names;
}

/// Runs the passes of a phase, those of a target being `Own`'s.
static LogicalResult runPasses(Phase P, ModuleOp Module,
                               const PhaseOptions &Options, const Target *Own) {
  PassManager PM(Module.getContext(), ModuleOp::getOperationName());
  // Each phase is verified once, at its end: a verifier after every pass costs
  // more than the passes.
  PM.enableVerifier(false);
  addPasses(P, Options, Own, PM);
  if (Options.Print && !Options.PrintAfter.empty())
    PM.addInstrumentation(std::make_unique<PrintAfterPasses>(Options));
  return PM.run(Module);
}

static bool hasRegionsOf(ModuleOp Module, const Target &T) {
  return Module
      .walk([&](RegionOp Region) {
        return Region.getTarget() == T.name() ? WalkResult::interrupt()
                                              : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Runs the passes that a phase has of targets: each sees the regions that are
/// its own.
static LogicalResult runTargetPasses(Phase P, ModuleOp Module,
                                     const PhaseOptions &Options) {
  for (const Target *Each : {Options.Preferred, Options.Fallback}) {
    if (!Each || (Each == Options.Fallback && !hasRegionsOf(Module, *Each)))
      continue;
    OtherRegionsHidden Hidden(Module, *Each);
    if (failed(runPasses(P, Module, Options, Each)))
      return failure();
  }
  return success();
}

LogicalResult dure::runPhase(Phase P, ModuleOp Module,
                             const PhaseOptions &Options, Placement &Found) {
  bool IsTargets = P == Phase::Quantize || P == Phase::Specialize ||
                   P == Phase::FormDispatches;
  llvm::StringMap<Type> Named;
  if (P == Phase::Raise)
    Named = namedTypes(Module);
  if (failed(IsTargets ? runTargetPasses(P, Module, Options)
                       : runPasses(P, Module, Options, nullptr)))
    return failure();
  if (P == Phase::Raise)
    forgetOtherTypes(Module, Named);

  if (P == Phase::Place) {
    placeOps(Module, *Options.Preferred, Options.Fallback, Found);
    if (!Found.Refusals.empty())
      return success();
  }
  if (P == Phase::FormDispatches) {
    for (const Target *T : {Options.Preferred, Options.Fallback})
      if (T && failed(outlineDispatches(Module, *T, Options.Kernels)))
        return failure();
    if (failed(insertTransfers(Module, *Options.Preferred)))
      return failure();
  }

  Module->setAttr(DureDialect::PhaseAttr,
                  StringAttr::get(Module.getContext(), phaseName(P)));
  if (failed(mlir::verify(Module)) || failed(verifyPhase(Module)))
    return emitError(Module.getLoc())
           << "phase " << phaseName(P)
           << " left invalid IR; this is a defect of Dure";
  if (Options.Print && (llvm::is_contained(Options.PrintAfter, phaseName(P)) ||
                        llvm::is_contained(Options.PrintAfter, "all"))) {
    std::string Text;
    llvm::raw_string_ostream Out(Text);
    Out << "// after phase " << phaseName(P) << "\n" << *Module << "\n";
    Options.Print(Text);
  }
  return success();
}
