// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The canonical lowering of dure ops to linalg, tensor, scf, arith and math:
// the reference semantics of every op.
//
// Included by targets that start from it, or fall back to it, and by pass
// registration. Depends on MLIR and the dialect.
//
// Properties that users rely on:
// * Tensors lose their encodings; unsigned elements become signless, integers
//   of 4 bits a list of bytes. (dure.cast and dure.dequantize take those.)
// * An op needs no dynamic temporaries: whatever is as large as the data is its
//   result, what else is needed has a static size. So one-shot bufferization
//   of a function of one op allocates nothing that depends on a shape.
// * Nothing traps and nothing is read or written out of bounds, whatever the
//   data: what is wrong with them is returned as a dure::Fault.
// * Sums run in row-major order, in one chain; reductions of floats in f64.
#ifndef DURE_DIALECTS_DURE_LOWERING_LOWERING_H
#define DURE_DIALECTS_DURE_LOWERING_LOWERING_H

#include "dialects/dure/DimExpr.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/DialectConversion.h"

#include "llvm/ADT/StringMap.h"

#include <memory>

namespace dure {

/// What the function around an op gives to its lowering, and gets from it.
struct LoweringScope {
  /// Values of the symbols in types and attributes, as index.
  llvm::StringMap<mlir::Value> Symbols;
  /// Where an op's result is to be computed, for some ops: lowered tensors.
  llvm::DenseMap<mlir::Operation *, mlir::Value> Destinations;
  /// Fault codes (i32) of lowered ops.
  llvm::SmallVector<mlir::Value> Faults;
};

/// The value (index) of an expression under the symbols' values. A division by
/// zero counts as one by 1: it cannot come from a checked dimension, but code
/// must not trap either.
mlir::Value buildDim(mlir::OpBuilder &Builder, mlir::Location Loc,
                     const DimExpr &Expr,
                     const llvm::StringMap<mlir::Value> &Symbols);

/// What the lowering works on in place of a tensor: integers of 4 bits are a
/// list of bytes (u8) that hold two of them, the first in the low half; any
/// other tensor is itself.
mlir::RankedTensorType storageOf(mlir::RankedTensorType Type);

/// Drops encodings, makes unsigned elements signless, packed ones bytes.
class CanonicalTypeConverter : public mlir::TypeConverter {
public:
  CanonicalTypeConverter();
};

/// Patterns for all ops that compute: everything but weights, get_weight,
/// define_dims, regions and dispatches. `Scope` must outlive the patterns.
void populateCanonicalLowering(mlir::RewritePatternSet &Patterns,
                               const mlir::TypeConverter &Converter,
                               LoweringScope &Scope);

/// Lowers a function of one block whose symbols are listed in `dure.symbols`
/// (array of strings), in place. Its type becomes
///
///   (operands..., destinations..., symbols : index...) -> (results..., i32)
///
/// Each result is computed in its destination where the op that gives it can,
/// else materialized there; destinations carry `bufferization.writable`,
/// operands do not. The i32 is a dure::Fault.
mlir::LogicalResult lowerToLinalg(mlir::func::FuncOp Function);

/// `dure-lower-to-linalg`: lowerToLinalg on functions marked
/// `dure.dispatch_fn`, or on all with the option `all-functions`.
std::unique_ptr<mlir::Pass> createLowerToLinalgPass();

/// Registers the pass with the global registry.
void registerLoweringPasses();

} // namespace dure

#endif // DURE_DIALECTS_DURE_LOWERING_LOWERING_H
