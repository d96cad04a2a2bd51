// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weights of a module, found by what they are made of.
//
// Included by passes that make new weights out of old ones.
#ifndef DURE_COMPILER_PASSES_SIMPLIFY_WEIGHTRECIPES_H
#define DURE_COMPILER_PASSES_SIMPLIFY_WEIGHTRECIPES_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// The second operand of a step: a weight, a constant, or neither.
struct StepOperand {
  WeightOp Weight;
  mlir::DenseElementsAttr Constant;

  explicit operator bool() const { return Weight || Constant; }
};

/// Weights by name and by content. Two weights of equal bytes and equal recipe
/// are one: a tied table that two uses transpose is transposed once.
class WeightRecipes {
public:
  explicit WeightRecipes(mlir::ModuleOp Module);

  /// Null when no weight has that name.
  WeightOp lookup(llvm::StringRef Name) const;

  /// The weight that one more step makes of `Base`; found or made, placed
  /// behind `Base`. `Other` is the second operand of a two-operand step.
  WeightOp extend(WeightOp Base, RecipeKind Kind, mlir::RankedTensorType Type,
                  llvm::ArrayRef<int64_t> Ints, StepOperand Other = {});

  /// What `Of` was before all but its first `Steps` steps; found or made,
  /// placed before `Of`.
  WeightOp prefix(WeightOp Of, size_t Steps);

private:
  using Content = std::pair<mlir::Attribute, mlir::Attribute>;

  WeightOp findOrMake(WeightOp Like, llvm::StringRef Name,
                      mlir::ArrayAttr Recipe, mlir::Block::iterator At);

  mlir::SymbolTable Symbols;
  llvm::DenseMap<Content, WeightOp> ByContent;
};

/// Removes the get_weight ops without uses, and the weights that neither code
/// nor another weight's recipe reads.
void eraseUnreadWeights(mlir::ModuleOp Module);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SIMPLIFY_WEIGHTRECIPES_H
