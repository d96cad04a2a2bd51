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

/// One op that the preferred target does not take.
struct Refused {
  mlir::Operation *Op;
  Unsupported Why;
};

/// What phase place found.
struct Placement {
  /// Ops that no target takes: then nothing is placed.
  std::vector<Refused> Refusals;
  /// Ops that the fallback takes, and why the preferred target does not.
  std::vector<Refused> FellBack;
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
  /// Ops are cut into single kernels (Target::formKernels) instead of launches.
  bool Kernels = false;
  /// Receives the IR after a phase or pass whose name is in `PrintAfter`.
  std::vector<std::string> PrintAfter;
  std::function<void(llvm::StringRef Text)> Print;
};

/// Runs one phase from Import (which only verifies what was imported) to
/// FormDispatches on the module and verifies the result. `Found` is filled by
/// Place only. Emits diagnostics and fails when the phase cannot be finished.
mlir::LogicalResult runPhase(Phase P, mlir::ModuleOp Module,
                             const PhaseOptions &Options, Placement &Found);

/// The command line names of the passes that the phases run for `Preferred`.
std::vector<std::string> passNames(const Target *Preferred);

/// Every dialect that a module may hold between phases, targets' excluded.
void registerPhaseDialects(mlir::DialectRegistry &Registry);

} // namespace dure

#endif // DURE_COMPILER_PHASES_H
