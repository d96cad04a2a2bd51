// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The phases of a compilation: names, order, and what each one runs.
//
// The names are the same in code, in --stop-after, in --print-ir-after, in the
// module attribute `dure.phase` and in the documents.
#ifndef DURE_COMPILER_PHASES_H
#define DURE_COMPILER_PHASES_H

#include "compiler/Target.h"

namespace dure {

enum class Phase {
  Import,
  Simplify,
  Raise,
  Specialize,
  Place,
  Quantize,
  FormDispatches,
  Lower
};

llvm::StringRef phaseName(Phase P);
std::optional<Phase> phaseNamed(llvm::StringRef Name);
/// All names, in order, separated by ", ": for messages.
std::string phaseNames();

/// One op that no given target takes.
struct Refused {
  mlir::Operation *Op;
  Unsupported Why;
};

/// What the phases from simplify to form-dispatches need to know.
struct PhaseOptions {
  /// The target that ops are placed on, and the one that takes what it does
  /// not (null: nobody).
  const Target *Preferred = nullptr;
  const Target *Fallback = nullptr;
  bool NoRaise = false;
  /// What --bucket asks for, one text each, for a target that needs static
  /// shapes.
  std::vector<std::string> Buckets;
  /// Receives the IR after a phase or pass whose name is in `PrintAfter`.
  std::vector<std::string> PrintAfter;
  std::function<void(llvm::StringRef Text)> Print;
};

/// Runs one phase from Import (which only verifies what was imported) to
/// FormDispatches on the module and verifies the result. Ops that no target
/// takes are added to `Refusals` (Place only). Emits diagnostics and fails when
/// the phase cannot be finished.
mlir::LogicalResult runPhase(Phase P, mlir::ModuleOp Module,
                             const PhaseOptions &Options,
                             std::vector<Refused> &Refusals);

/// The command line names of the passes that the phases run for `Preferred`.
std::vector<std::string> passNames(const Target *Preferred);

/// Every dialect that a module may hold between phases, targets' excluded.
void registerPhaseDialects(mlir::DialectRegistry &Registry);

} // namespace dure

#endif // DURE_COMPILER_PHASES_H
