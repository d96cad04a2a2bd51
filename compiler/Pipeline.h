// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compile and explain share: context, import, phases, diagnostics.
#ifndef DURE_COMPILER_PIPELINE_H
#define DURE_COMPILER_PIPELINE_H

#include "compiler/Compilation.h"
#include "compiler/Messages.h"
#include "compiler/Phases.h"
#include "compiler/TargetRegistry.h"

namespace dure {

/// A module on its way through the phases. Every step returns false when the
/// compilation is over; the report then says how it ended.
class Pipeline {
public:
  Pipeline(const CompilationRequest &Request, CompilationReport &Report);
  ~Pipeline();

  /// Loads plug-ins and finds the requested targets.
  bool findTargets();
  /// Imports the model, or reads the IR of a phase.
  bool loadModule();
  /// Runs one phase on `Module` for the given target.
  bool run(Phase P, mlir::ModuleOp Module, const Target *Preferred);
  /// Runs phase raise on `Module`, and keeps a copy without it for the targets
  /// that want none.
  bool raise();
  /// What phase raise leaves for a target.
  mlir::ModuleOp raisedFor(const Target &T) const;
  /// Sets the report's parameters and weight bytes.
  void countWeights();
  /// What the report says of one target, of a module after form-dispatches.
  TargetReport aboutDispatches(mlir::ModuleOp Module, const Target &T);
  /// An expression with the sizes of --dims put in.
  SizeReport sizeOf(const DimExpr &Expr) const;
  /// Checks the sizes given for dimensions (--dims) against the entry.
  bool checkDims();
  /// Checks what --bucket gives against the entries and the targets.
  bool checkBuckets();
  /// The function asked for, which is `main` unless the request says otherwise;
  /// it has no body where it has buckets.
  mlir::func::FuncOp entryOf(mlir::ModuleOp Module) const;
  /// Notes that a phase begins; false when the user has cancelled.
  bool begin(llvm::StringRef Phase);
  bool cancelled() const { return Request.Cancel && *Request.Cancel; }
  /// Prints the text of a phase's result when --print-ir-after asks for it.
  void printAfter(Phase P, const std::string &Text);
  /// Ends the time of the phase begun last.
  void end(llvm::StringRef Phase);

  /// An English text in the request's language.
  std::string inRequestedLanguage(llvm::StringRef Text) const;

  bool fail(Outcome Result, std::string Message);
  /// The same with a message in the request's language.
  bool fail(Outcome Result, Say Id,
            std::initializer_list<std::string> Arguments = {}) {
    return fail(Result, say(Request.Korean, Id, Arguments));
  }
  bool stopsAfter(Phase P) const { return Request.StopAfter == phaseName(P); }
  /// True when the phase was done in the IR that was read.
  bool isDone(Phase P) const { return P <= Reached; }
  /// Diagnostics since the last call, joined: the message of a failure, in the
  /// request's language.
  std::string takeDiagnostics();

  /// The entry that was asked for, or where it has buckets, the chosen one:
  /// without sizes the largest.
  mlir::func::FuncOp chosenEntry(mlir::ModuleOp Module);
  /// What aboutDispatches counts: all of a module, or of its chosen entry.
  bool CountsEntryAlone = false;

  const CompilationRequest &Request;
  CompilationReport &Report;
  TargetRegistry Registry;
  std::vector<Target *> Targets;
  /// What --cpu stands for, a target.
  std::vector<std::vector<TargetVariant>> Variants;
  /// Takes what the preferred target does not: the host's own processor. Null
  /// when the request forbids that, or there is no such target.
  Target *Fallback = nullptr;
  std::vector<TargetVariant> FallbackVariants;
  mlir::MLIRContext Context;
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  Phase Reached = Phase::Import;

private:
  bool importModel();
  bool readModule();
  bool checkNames();
  bool checkPlacement();
  bool runPhaseOn(Phase P, mlir::ModuleOp Module, const Target *Preferred,
                  bool NoRaise);
  bool report(llvm::ArrayRef<Refused> Refusals, const Target *Preferred);
  void findFallback();
  bool findVariants(Target &T);
  void noteFallen(mlir::ModuleOp Module, llvm::ArrayRef<Refused> FellBack,
                  const Target &Preferred);

  mlir::OwningOpRef<mlir::ModuleOp> Unraised;
  /// What the target placed last left to the fallback, by reason.
  std::optional<std::vector<FallenReport>> Fallen;

  std::unique_ptr<mlir::ScopedDiagnosticHandler> Handler;
  std::string Diagnostics;
  double PhaseStart = 0;
  unsigned PhasesBegun = 0;
};

/// An English text of a target, of the runtime or of packaging as it is, or in
/// Korean where that is known.
std::string inLanguage(bool Korean, llvm::StringRef Text,
                       const Target *From = nullptr);

/// Seconds of a steady clock.
double steadySeconds();

} // namespace dure

#endif // DURE_COMPILER_PIPELINE_H
