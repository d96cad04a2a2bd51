// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parts that written-out experts consist of: linear layers, gates,
// activations.
//
// Included by the passes that recognise mixtures of experts. Nothing here
// changes IR but what says that it builds.
#ifndef DURE_COMPILER_PASSES_RAISE_EXPERTMATCHING_H
#define DURE_COMPILER_PASSES_RAISE_EXPERTMATCHING_H

#include "dialects/dure/DureOps.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace dure {

/// V before reshapes: the same elements in the same order.
mlir::Value stripReshapes(mlir::Value V);

/// V in another shape of as many elements; builds a reshape where it must.
mlir::Value reshaped(mlir::OpBuilder &Builder, mlir::Value V,
                     llvm::ArrayRef<DimExpr> Dims);

/// A sum over a token's slots: its terms are [tokens.., slots, columns].
struct SlotSum {
  DimExpr Tokens, Slots, Columns;
};
std::optional<SlotSum> matchSlotSum(ReduceOp Op);

/// Numbers Start, Start + Step, ... of a linear layer's outputs.
struct Outputs {
  int64_t Start = 0, Size = 0, Step = 1;

  bool operator==(const Outputs &Other) const {
    return Start == Other.Start && Size == Other.Size && Step == Other.Step;
  }
};

/// x w + bias, or some of its outputs. What w and the bias are is the form's
/// own affair: weights gathered for each row, or one expert's.
struct ExpertLinear {
  mlir::Value X;
  mlir::Value W;
  /// Null where there is none.
  mlir::Value Bias;
  /// w is stored [.., N, K].
  bool IsTransposed = false;
  std::optional<Outputs> Part;
};

/// How a form writes the linear layers of its experts; empty where a value is
/// no such layer. `Part` is not its business.
using MatchLinear =
    llvm::function_ref<std::optional<ExpertLinear>(mlir::Value)>;

/// h = act(g) * (u + offset), or act(u), as `dure.moe` says it.
struct ExpertHidden {
  std::optional<ExpertLinear> Gate;
  ExpertLinear Up;
  GluActivation Activation = GluActivation::Identity;
  double Alpha = 1, Offset = 0, Limit = 0;

  /// Whether another expert has the same form (not the same weights).
  bool isLike(const ExpertHidden &Other) const;
};

/// The hidden units that V is; its rank and its last dimension are theirs.
std::optional<ExpertHidden> matchHidden(mlir::Value V, MatchLinear Match);

/// The experts of a layer: parameters of all of them, [E, ..], as stored.
struct ExpertLayer {
  mlir::Value X, Experts, Weights;
  ExpertHidden Hidden;
  ExpertLinear Down;
};

/// Builds the op on [T, K] rows of `Layer.X`, whose weights become slices and
/// transposes of those that are stored. Null when something does not fit.
mlir::Value buildMoE(mlir::OpBuilder &Builder, mlir::Location Loc,
                     const ExpertLayer &Layer);

} // namespace dure

#endif // DURE_COMPILER_PASSES_RAISE_EXPERTMATCHING_H
