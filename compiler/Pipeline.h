// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compile and explain share: context, import, phases, diagnostics.
#ifndef DURE_COMPILER_PIPELINE_H
#define DURE_COMPILER_PIPELINE_H

#include "compiler/Compilation.h"
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
  /// Notes that a phase begins; false when the user has cancelled.
  bool begin(llvm::StringRef Phase);
  /// Ends the time of the phase begun last.
  void end(llvm::StringRef Phase);

  bool fail(Outcome Result, std::string Message);
  bool stopsAfter(Phase P) const { return Request.StopAfter == phaseName(P); }
  /// True when the phase was done in the IR that was read.
  bool isDone(Phase P) const { return P <= Reached; }
  /// Diagnostics since the last call, joined: the message of a failure.
  std::string takeDiagnostics();

  const CompilationRequest &Request;
  CompilationReport &Report;
  TargetRegistry Registry;
  std::vector<Target *> Targets;
  /// Takes what the preferred target does not. Nobody yet: a variant's program
  /// runs on one driver.
  Target *Fallback = nullptr;
  mlir::MLIRContext Context;
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  Phase Reached = Phase::Import;

private:
  bool importModel();
  bool readModule();

  std::unique_ptr<mlir::ScopedDiagnosticHandler> Handler;
  std::string Diagnostics;
  double PhaseStart = 0;
  unsigned PhasesBegun = 0;
};

/// Seconds of a steady clock.
double steadySeconds();

} // namespace dure

#endif // DURE_COMPILER_PIPELINE_H
