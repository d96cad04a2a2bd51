// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MLIR element types and the package's.
#ifndef DURE_COMPILER_PACKAGE_ELEMENTTYPES_H
#define DURE_COMPILER_PACKAGE_ELEMENTTYPES_H

#include "runtime/package/Package.h"

#include "dialects/dure/DureOps.h"

namespace dure {

/// None for types that no package holds.
ElementType packageElementType(mlir::Type Type);
/// Bytes of a tensor in its plain row-major form, as an expression.
DimExpr byteSize(mlir::RankedTensorType Type);

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_ELEMENTTYPES_H
