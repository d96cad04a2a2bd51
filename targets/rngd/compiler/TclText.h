// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dispatch function as TCL. Included by RNGD's compiler target.
#ifndef DURE_TARGETS_RNGD_COMPILER_TCLTEXT_H
#define DURE_TARGETS_RNGD_COMPILER_TCLTEXT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace dure::rngd {

struct TclText {
  /// The function, or nothing.
  std::string text;
  /// Then the op that has no form in TCL, by its name, and why.
  std::string op, why;
};

/// Ops of fixed shapes; also of functions that another target computes.
TclText tclText(mlir::func::FuncOp dispatch);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_TCLTEXT_H
