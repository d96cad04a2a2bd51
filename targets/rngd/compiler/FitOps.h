// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ops that no kernel takes as they are become others that kernels take.
//
// Included by the target and by the files of rules. A rule keeps what an op
// means: sizes are filled up with what changes no result and cut afterwards,
// other axes are brought to where kernels want them, compound ops are written
// out.
#ifndef DURE_TARGETS_RNGD_COMPILER_FITOPS_H
#define DURE_TARGETS_RNGD_COMPILER_FITOPS_H

#include "compiler/passes/simplify/WeightRecipes.h"
#include "targets/rngd/compiler/Kernels.h"

#include "mlir/IR/Builders.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace dure::rngd {

/// On a module, once sizes are fixed and before ops are placed. `refusalOf`
/// says why no kernel takes an op. What no rule makes into ops that are all
/// taken stays what it is, for the host.
std::unique_ptr<mlir::Pass>
    createFitOps(Refusal (*refusalOf)(mlir::Operation *));

/// Writes what stands for one op, before it. Tensors have fixed sizes.
class FitBuilder {
public:
  FitBuilder(mlir::OpBuilder &b, mlir::Location loc, WeightRecipes &recipes)
      : b(b), loc(loc), recipes(recipes) {}

  using Sizes = llvm::ArrayRef<int64_t>;

  /// One number all over.
  mlir::Value number(double value, mlir::Type element, Sizes shape = {});
  mlir::Value number(double value) { return number(value, b.getF32Type()); }
  mlir::Value reshape(mlir::Value x, Sizes shape);
  mlir::Value transpose(mlir::Value x, Sizes permutation);
  /// With the axis last, the others in order; and back.
  mlir::Value axisLast(mlir::Value x, int64_t axis);
  mlir::Value axisBack(mlir::Value x, int64_t axis);
  mlir::Value broadcast(mlir::Value x, Sizes shape);
  /// The first so many along each dimension, from `starts` on where given.
  mlir::Value slice(mlir::Value x, Sizes sizes, Sizes starts = {});
  /// Filled up at the end of each dimension to these sizes. A weight is filled
  /// up when the package is made, where the filler is 0.
  mlir::Value pad(mlir::Value x, Sizes sizes, double filler = 0);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> xs, int64_t axis);
  mlir::Value cast(mlir::Value x, mlir::Type element);
  mlir::Value compare(ComparePredicate kind, mlir::Value l, mlir::Value r);
  /// An op of operands alone.
  template <typename OpTy, typename... Values>
  mlir::Value make(Values... from) {
    return OpTy::create(b, loc, from...).getResult();
  }

  mlir::OpBuilder &b;
  const mlir::Location loc;
  WeightRecipes &recipes;

private:
  mlir::Value padAlong(mlir::Value x, int64_t axis, int64_t size,
                       double filler);
};

/// What stands for the op's one result, of its type; none where the rule is not
/// for it.
using FitRule = mlir::Value (*)(FitBuilder &, mlir::Operation *);

/// FitProducts.cpp
mlir::Value fitMatMul(FitBuilder &f, mlir::Operation *op);
mlir::Value fitExperts(FitBuilder &f, mlir::Operation *op);
mlir::Value fitAttention(FitBuilder &f, mlir::Operation *op);
mlir::Value fitGather(FitBuilder &f, mlir::Operation *op);
mlir::Value fitGatherND(FitBuilder &f, mlir::Operation *op);
mlir::Value fitTopK(FitBuilder &f, mlir::Operation *op);
mlir::Value fitPicked(FitBuilder &f, mlir::Operation *op);
/// FitBytes.cpp
mlir::Value fitWordProduct(FitBuilder &f, mlir::Operation *op);
mlir::Value fitScaledProduct(FitBuilder &f, mlir::Operation *op);
mlir::Value fitDequantize(FitBuilder &f, mlir::Operation *op);
/// Whether `op` would be computed in bf16 for its sizes alone: it is not
/// refused, and fitted all the same.
bool isOddScaledProduct(mlir::Operation *op);
/// FitRows.cpp
mlir::Value fitReduce(FitBuilder &f, mlir::Operation *op);
mlir::Value fitCumSum(FitBuilder &f, mlir::Operation *op);
mlir::Value fitSoftmax(FitBuilder &f, mlir::Operation *op);
mlir::Value fitNorm(FitBuilder &f, mlir::Operation *op);
/// FitNumbers.cpp
mlir::Value fitRounding(FitBuilder &f, mlir::Operation *op);
mlir::Value fitSign(FitBuilder &f, mlir::Operation *op);
mlir::Value fitPower(FitBuilder &f, mlir::Operation *op);
mlir::Value fitNarrow(FitBuilder &f, mlir::Operation *op);
mlir::Value fitIndexProduct(FitBuilder &f, mlir::Operation *op);
mlir::Value fitDimValues(FitBuilder &f, mlir::Operation *op);
mlir::Value fitCast(FitBuilder &f, mlir::Operation *op);
mlir::Value fitPad(FitBuilder &f, mlir::Operation *op);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_FITOPS_H
