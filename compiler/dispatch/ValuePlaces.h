// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// On which target's device each value of a function of dispatches lies.
//
// Included by what inserts copies between devices and by the host program's
// builder, which must agree: both ask here. After insertTransfers every value
// lies where its users want it.
#ifndef DURE_COMPILER_DISPATCH_VALUEPLACES_H
#define DURE_COMPILER_DISPATCH_VALUEPLACES_H

#include "compiler/Target.h"

#include "llvm/ADT/DenseMap.h"

namespace dure {

/// The argument whose memory an op's result takes, by the callee's
/// InPlaceAttr; nullopt when it has memory of its own.
std::optional<unsigned> inPlaceArgument(CallDispatchOp Op, unsigned Result);

class ValuePlaces {
public:
  /// A function after form-dispatches. `Preferred` is the target that values
  /// of control flow lie on when nothing says otherwise.
  ValuePlaces(mlir::func::FuncOp Function, llvm::StringRef Preferred);

  /// The name of the target; empty for what every device can be given at no
  /// more cost: inputs, weights, constants and the state's lengths.
  ///
  /// A value of control flow lies where what is given to it lies; a tensor of
  /// the state, where it is updated.
  llvm::StringRef of(mlir::Value V);

private:
  llvm::StringRef find(mlir::Value V);
  llvm::StringRef ofArgument(mlir::BlockArgument Argument);
  llvm::StringRef firstOf(mlir::ValueRange Givers);

  mlir::func::FuncOp Function;
  llvm::StringRef Preferred;
  llvm::DenseMap<mlir::Value, llvm::StringRef> Known;
};

} // namespace dure

#endif // DURE_COMPILER_DISPATCH_VALUEPLACES_H
