// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cache of a window, and new positions behind it, at places that the length
// of the state does not move.
//
// Included by KeepWindows alone.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_FIXEDWINDOW_H
#define DURE_COMPILER_PASSES_SPECIALIZE_FIXEDWINDOW_H

#include "compiler/passes/specialize/PositionBuilder.h"

namespace dure {

/// Keys are all rows of the cache, of which the first min(length, rows) hold
/// positions, and then the new ones. What is where the length says, which keys
/// a query sees and which rows are kept, is computed from it as a number.
class FixedWindow : public PositionBuilder {
public:
  /// Builds before `At`. `Rows`, of the cache, and `New` may be symbolic.
  FixedWindow(mlir::Operation *At, const DimExpr &Length, const DimExpr &Rows,
              const DimExpr &New);

  /// [rows]: of all keys those that the next step finds in the cache. Behind
  /// the last one that there is they repeat.
  mlir::Value nextRows();
  /// Has an attention of these keys see what it saw of keys in the order of
  /// their positions, `Length + New` of them.
  void hide(AttentionOp Op);

private:
  mlir::Value columns();

  DimExpr Rows, New;
  mlir::Value Length, Kept, Key, IsOld;
};

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_FIXEDWINDOW_H
