// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX names kept in locations: how reports name what an op came from.
#ifndef DURE_COMPILER_PACKAGE_SOURCENAMES_H
#define DURE_COMPILER_PACKAGE_SOURCENAMES_H

#include "dialects/dure/DureOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace dure {

/// Attribute of dure.dispatch: the ONNX value that each result is, or "".
inline constexpr llvm::StringLiteral ValueNamesAttr = "dure.values";

/// The ONNX nodes that a location (fused ones included) names, each once.
std::vector<std::string> sourceNodes(mlir::Location Loc);
/// The operator of the last node in a location, and the value that it defines;
/// "" when it names none.
std::string sourceOp(mlir::Location Loc);
std::string sourceValue(mlir::Location Loc);

/// The values of a function that are values of the ONNX graph, with their names
/// there. Valid until the function is changed.
llvm::DenseMap<mlir::Value, std::string>
namedValues(mlir::func::FuncOp Function);

/// The types of a module's named values, by "<function> <name>".
llvm::StringMap<mlir::Type> namedTypes(mlir::ModuleOp Module);
/// Takes the name from the values that had another type in `Before`: a pattern
/// that keeps half of a value is not that value, and must not be compared with
/// it. Functions that were not there before keep their names.
void forgetOtherTypes(mlir::ModuleOp Module,
                      const llvm::StringMap<mlir::Type> &Before);

/// The ONNX value name of each result of a dispatch; "" where it has none.
std::vector<std::string> sourceValues(CallDispatchOp Op);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_SOURCENAMES_H
