// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The transient values of a function of dispatches and their memory.
//
// Included by the host program's builder and by explain, which says how much
// memory a run would take without emitting any code.
#ifndef DURE_COMPILER_PACKAGE_TRANSIENTS_H
#define DURE_COMPILER_PACKAGE_TRANSIENTS_H

#include "compiler/package/MemoryPlan.h"
#include "dialects/dure/DureOps.h"

#include "llvm/ADT/MapVector.h"

namespace dure {

struct TransientPlan {
  struct Use {
    /// The first and last op of the function that needs the value, by number.
    unsigned First = 0, Last = 0;
    /// A result: memory of its own, the caller's in the end.
    bool Returned = false;
    /// None: memory of its own.
    std::optional<unsigned> Slot;
    /// The target on whose device the memory is.
    llvm::StringRef Target;
  };
  struct Slot {
    llvm::StringRef Target;
    DimExpr Bytes;
  };
  /// Every value that a dispatch makes other than in place, and every copy on
  /// another target's device.
  llvm::MapVector<mlir::Value, Use> Uses;
  /// The slots of the arenas, one a target, each one after another.
  std::vector<Slot> Slots;
  /// Bytes of the arenas and of all transient values beside them.
  DimExpr Peak;
};

/// The value whose memory a value is: itself, or what it reshapes.
mlir::Value memoryOwner(mlir::Value V);

/// The symbols that a function's arguments and its state give: those known
/// before any dispatch has run.
std::set<std::string> boundSymbols(mlir::func::FuncOp Function);

/// Plans the arenas of a function after form-dispatches. Values whose size is
/// known only later have memory of their own.
TransientPlan planTransients(mlir::func::FuncOp Function);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_TRANSIENTS_H
