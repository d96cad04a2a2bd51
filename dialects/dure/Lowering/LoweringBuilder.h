// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LoweringBuilder: the vocabulary in which canonical lowerings are written.
// Private to this folder.
#ifndef DURE_DIALECTS_DURE_LOWERING_LOWERINGBUILDER_H
#define DURE_DIALECTS_DURE_LOWERING_LOWERINGBUILDER_H

#include "dialects/dure/DureOps.h"
#include "dialects/dure/Faults.h"
#include "dialects/dure/Lowering/Lowering.h"
#include "dialects/dure/ScalarMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dure {

using Values = llvm::SmallVector<mlir::Value>;

/// Builds at its insertion point. Bodies given to it are called with the
/// builder inside the region that they fill.
class LoweringBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// Builds the lowering of `Op`.
  LoweringBuilder(mlir::OpBuilder &Builder, mlir::Operation *Op,
                  LoweringScope &Scope)
      : ImplicitLocOpBuilder(Op->getLoc(), Builder), Scope(Scope),
        Destination(Scope.Destinations.lookup(Op)) {}

  using Element = llvm::function_ref<mlir::Value(mlir::ValueRange)>;
  using Body = llvm::function_ref<Values(mlir::ValueRange, mlir::ValueRange)>;

  // Sizes and indices: all of index type.
  mlir::Value index(int64_t Value);
  mlir::Value dim(const DimExpr &Expr);
  mlir::Value dim(mlir::RankedTensorType Type, unsigned I) {
    return dim(dimOf(Type, I));
  }
  Values sizes(mlir::RankedTensorType Type);
  mlir::Value add(mlir::Value L, mlir::Value R);
  mlir::Value sub(mlir::Value L, mlir::Value R);
  mlir::Value mul(mlir::Value L, mlir::Value R);
  mlir::Value min(mlir::Value L, mlir::Value R);
  mlir::Value max(mlir::Value L, mlir::Value R);
  /// Of non-negative numbers by a positive constant.
  mlir::Value div(mlir::Value L, int64_t R);
  mlir::Value rem(mlir::Value L, int64_t R);
  /// 0, rounded towards zero; 0 when the divisor is.
  mlir::Value divSafely(mlir::Value L, mlir::Value R);

  // Truth values.
  mlir::Value compare(mlir::arith::CmpIPredicate P, mlir::Value L,
                      mlir::Value R);
  mlir::Value less(mlir::Value L, mlir::Value R) {
    return compare(mlir::arith::CmpIPredicate::slt, L, R);
  }
  mlir::Value both(mlir::Value L, mlir::Value R);
  mlir::Value truth(bool Value);
  mlir::Value select(mlir::Value Condition, mlir::Value L, mlir::Value R);

  // Elements.
  ScalarMath math() { return ScalarMath(*this, getLoc()); }
  mlir::Value number(mlir::Type Float, double Value) {
    return math().number(Float, Value);
  }
  /// Zero of a float or integer type, fp8 included.
  mlir::Value zero(mlir::Type Signless);
  mlir::Value addF(mlir::Value L, mlir::Value R);
  mlir::Value subF(mlir::Value L, mlir::Value R);
  mlir::Value mulF(mlir::Value L, mlir::Value R);
  mlir::Value divF(mlir::Value L, mlir::Value R);
  mlir::Value maxF(mlir::Value L, mlir::Value R);
  /// An index as a number of a dure element type.
  mlir::Value fromIndex(mlir::Value Index, mlir::Type Element);

  // Tensors. `Type`s are those of the dure op; values are lowered.
  /// A tensor of undefined content for the op's result; its destination if it
  /// has one.
  mlir::Value empty(mlir::RankedTensorType Type);
  mlir::Value get(mlir::Value Tensor, mlir::ValueRange At);
  mlir::Value set(mlir::Value Scalar, mlir::Value Tensor, mlir::ValueRange At);
  /// The element of an operand that broadcasts to a tensor indexed by `At`.
  /// Integers of 4 bits are read out of their bytes.
  mlir::Value getBroadcast(mlir::Value Tensor, mlir::RankedTensorType Type,
                           mlir::ValueRange At);
  /// An element in the type that is computed in.
  mlir::Value getComputed(mlir::Value Tensor, mlir::RankedTensorType Type,
                          mlir::ValueRange At);
  /// A computed number in a dure element type.
  mlir::Value rounded(mlir::Value Number, mlir::Type Element);
  /// result[i] = Of(i), in any order.
  mlir::Value generate(mlir::RankedTensorType Type, Element Of);
  /// A tensor of zeros, of static shape.
  mlir::Value zeros(llvm::ArrayRef<int64_t> Shape, mlir::Type ElementType);

  // Control flow.
  /// Nested loops from 0, the last index innermost; `Each` maps the indices
  /// and the carried values (one at least) to their next values.
  Values loops(mlir::ValueRange Counts, mlir::ValueRange Carried, Body Each);
  /// Same with one carried value.
  mlir::Value
  fold(mlir::ValueRange Counts, mlir::Value Init,
       llvm::function_ref<mlir::Value(mlir::ValueRange At, mlir::Value Carried)>
           Each);
  mlir::Value ifElse(mlir::Value Condition,
                     llvm::function_ref<mlir::Value()> Then,
                     llvm::function_ref<mlir::Value()> Else);

  /// A part of a row: elements Begin .. Begin + Size - 1.
  struct Block {
    mlir::Value Begin, Size;
  };
  /// Sums up a row of `Count` elements (`Static` of them if that is not
  /// dynamic) in blocks with an accumulator of `Number`s of static size: `Sum`
  /// maps an accumulator of zeros to its sums, `Store` writes one of them to
  /// the result at a place in the row.
  mlir::Value
  blocks(mlir::Value Count, int64_t Static, mlir::Type Number,
         mlir::Value Result,
         llvm::function_ref<mlir::Value(mlir::Value Accumulator, Block)> Sum,
         llvm::function_ref<mlir::Value(mlir::Value Number, mlir::Value At,
                                        mlir::Value Result)>
             Store);

  // Faults.
  /// Reports `Code` if `Is` holds for any index below `Counts`.
  void faultIfAny(mlir::ValueRange Counts, Fault Code, Element Is);
  /// An index value of a tensor of integers: from the end if negative.
  struct Position {
    mlir::Value At, InRange;
  };
  Position position(mlir::Value Index, mlir::Type Element, mlir::Value Size);

private:
  mlir::Value getNibble(mlir::Value Bytes, mlir::RankedTensorType Type,
                        mlir::ValueRange At);

  LoweringScope &Scope;
  mlir::Value Destination;
};

/// Whether a byte holds two elements.
inline bool isPacked(mlir::RankedTensorType Type) {
  return Type.getElementType().isInteger(4);
}

/// A lowering as a function: the op, its lowered operands, the builder; gives
/// the result, or null when it cannot.
template <typename OpTy>
using LoweringFn = mlir::Value (*)(OpTy, typename OpTy::Adaptor,
                                   LoweringBuilder &);

template <typename OpTy>
class CanonicalPattern : public mlir::OpConversionPattern<OpTy> {
public:
  CanonicalPattern(const mlir::TypeConverter &Converter,
                   mlir::MLIRContext *Context, LoweringFn<OpTy> Lower,
                   LoweringScope &Scope)
      : mlir::OpConversionPattern<OpTy>(Converter, Context), Lower(Lower),
        Scope(Scope) {}

  mlir::LogicalResult
  matchAndRewrite(OpTy Op, typename OpTy::Adaptor Operands,
                  mlir::ConversionPatternRewriter &Rewriter) const override {
    LoweringBuilder Builder(Rewriter, Op, Scope);
    mlir::Value Result = Lower(Op, Operands, Builder);
    if (!Result)
      return Rewriter.notifyMatchFailure(Op, "has no canonical lowering");
    Rewriter.replaceOp(Op, Result);
    return mlir::success();
  }

private:
  LoweringFn<OpTy> Lower;
  LoweringScope &Scope;
};

/// What a family's registration gets.
struct LoweringPatterns {
  mlir::RewritePatternSet &Patterns;
  const mlir::TypeConverter &Converter;
  LoweringScope &Scope;

  template <typename OpTy> void add(LoweringFn<OpTy> Lower) {
    Patterns.add<CanonicalPattern<OpTy>>(Converter, Patterns.getContext(),
                                         Lower, Scope);
  }
};

// The families, one file each.
void addElementwiseLowering(LoweringPatterns &Patterns);
void addSourceLowerings(LoweringPatterns &Patterns);
void addDataMovementLowerings(LoweringPatterns &Patterns);
void addGatherLowerings(LoweringPatterns &Patterns);
void addReductionLowerings(LoweringPatterns &Patterns);
void addNormalizationLowerings(LoweringPatterns &Patterns);
void addMatMulLowerings(LoweringPatterns &Patterns);
void addAttentionLowerings(LoweringPatterns &Patterns);
void addLinearAttentionLowering(LoweringPatterns &Patterns);

} // namespace dure

#endif // DURE_DIALECTS_DURE_LOWERING_LOWERINGBUILDER_H
