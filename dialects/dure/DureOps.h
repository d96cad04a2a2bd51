// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dure dialect in C++: attributes, ops, and how to make them.
//
// Included by front ends, passes and targets (in and out of tree). Ops are
// created with `createOp`, which infers the result type and turns an impossible
// combination of operands into a message instead of an abort.
#ifndef DURE_DIALECTS_DURE_DUREOPS_H
#define DURE_DIALECTS_DURE_DUREOPS_H

#include "dialects/dure/DimExpr.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace dure {

/// True for the types that elements of dure tensors have: f16, bf16, f32, f64,
/// fp8 (E4M3FN, E5M2, their FNUZ forms, E8M0FNU), i1, and integers of 4, 8, 16,
/// 32 or 64 bits, signless (signed in meaning) or unsigned.
bool isDureElement(mlir::Type Type);

/// True for ranked tensors of such elements that an address can reach all of
/// (fewer than 2^56), whose encoding is `#dure.dims` or, where every size is
/// static, none.
bool isDureTensor(mlir::Type Type);

/// Trait of the elementwise family.
template <typename ConcreteType>
class BroadcastElementwise
    : public mlir::OpTrait::TraitBase<ConcreteType, BroadcastElementwise> {};

} // namespace dure

#include "dialects/dure/DureDialect.h.inc"
#include "dialects/dure/DureEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dure/DureAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/dure/DureOps.h.inc"

namespace dure {

//===----------------------------------------------------------------------===//
// Types with symbolic dimensions
//===----------------------------------------------------------------------===//

/// The size of dimension `I` of a tensor type.
DimExpr dimOf(mlir::RankedTensorType Type, unsigned I);
llvm::SmallVector<DimExpr> dimsOf(mlir::RankedTensorType Type);
/// The product of all dimensions.
DimExpr elementCount(mlir::RankedTensorType Type);

/// The tensor type of these sizes; carries an encoding when one is symbolic.
mlir::RankedTensorType tensorOf(llvm::ArrayRef<DimExpr> Dims,
                                mlir::Type ElementType);
/// The same shape with another element type.
mlir::RankedTensorType withElementType(mlir::RankedTensorType Type,
                                       mlir::Type ElementType);
/// The type without its encoding: what canonical lowerings work on.
mlir::RankedTensorType withoutDims(mlir::RankedTensorType Type);

/// numpy broadcasting. Where two unlike symbolic sizes meet, neither known to
/// be 1, they are taken to be equal and `Equal` (if given) is told: the caller
/// records that as a check of the inputs. The more specific one is the result:
/// a constant before an expression, else the left one. Fails on unlike
/// constants that are not 1.
mlir::FailureOr<llvm::SmallVector<DimExpr>> broadcastDims(
    llvm::ArrayRef<DimExpr> L, llvm::ArrayRef<DimExpr> R,
    llvm::function_ref<void(const DimExpr &, const DimExpr &)> Equal = {});

//===----------------------------------------------------------------------===//
// Sizes that must agree
//===----------------------------------------------------------------------===//

/// What an op demands of two sizes: that they are equal, or that `L` is at most
/// `R`.
struct SizeRule {
  DimExpr L, R;
  bool IsAtMost = false;

  /// The rule as two sizes that must be equal.
  std::pair<DimExpr, DimExpr> asEquality() const {
    return {IsAtMost ? DimExpr::max(L, R) : L, R};
  }
};

/// All that a valid op demands of the sizes of its operands and results and
/// that the types do not show to hold: nothing is read or written out of bounds
/// where all of it holds. The verifier refuses what constants contradict; what
/// is left belongs into the function's `dure.equal_dims`, to be checked when it
/// runs.
///
/// Knows dure ops; has nothing to say of others.
llvm::SmallVector<SizeRule> sizeRulesOf(mlir::Operation *Op);

/// An expression that is not 0 where the first block of a dure.if with this
/// condition runs, or the second one (`IsElse`), and 0 elsewhere. What only
/// that block demands is demanded by multiplying both sizes with it.
inline DimExpr branchRuns(const DimExpr &Condition, bool IsElse) {
  return IsElse ? DimExpr(1) - DimExpr::min(1, Condition) : Condition;
}

//===----------------------------------------------------------------------===//
// Creating ops
//===----------------------------------------------------------------------===//

/// Creates `OpTy` with the inferred result type. On an impossible combination
/// creates nothing, writes the reason to `Error` (when given) and fails.
template <typename OpTy>
mlir::FailureOr<OpTy> createOp(mlir::OpBuilder &Builder, mlir::Location Loc,
                               mlir::ValueRange Operands,
                               llvm::ArrayRef<mlir::NamedAttribute> Attributes,
                               std::string *Error = nullptr);

/// The non-template part of `createOp`: any registered op by name.
mlir::FailureOr<mlir::Operation *>
createInferredOp(mlir::OpBuilder &Builder, mlir::Location Loc,
                 llvm::StringRef Name, mlir::ValueRange Operands,
                 llvm::ArrayRef<mlir::NamedAttribute> Attributes,
                 std::string *Error);

template <typename OpTy>
mlir::FailureOr<OpTy> createOp(mlir::OpBuilder &Builder, mlir::Location Loc,
                               mlir::ValueRange Operands,
                               llvm::ArrayRef<mlir::NamedAttribute> Attributes,
                               std::string *Error) {
  mlir::FailureOr<mlir::Operation *> Op = createInferredOp(
      Builder, Loc, OpTy::getOperationName(), Operands, Attributes, Error);
  if (mlir::failed(Op))
    return mlir::failure();
  return llvm::cast<OpTy>(*Op);
}

//===----------------------------------------------------------------------===//
// Elementwise semantics
//===----------------------------------------------------------------------===//

inline bool isElementwise(mlir::Operation *Op) {
  return Op->hasTrait<BroadcastElementwise>();
}

/// Builds the scalar semantics of an elementwise op: `Args` are its operands'
/// elements as signless scalars, or vectors of one shape; the result is the
/// element (or vector) of its result. The op itself says signedness and
/// attributes. The one place where elementwise numbers are defined.
///
/// \pre isElementwise(Op), and `Args` has one value an operand.
mlir::Value buildElementwise(mlir::Operation *Op, mlir::OpBuilder &Builder,
                             mlir::Location Loc, mlir::ValueRange Args);

/// The element type that code computes with: unsigned integers become
/// signless.
mlir::Type signlessElement(mlir::Type ElementType);

} // namespace dure

#endif // DURE_DIALECTS_DURE_DUREOPS_H
