// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keys or values that a product with a weight makes for all heads at once.
//
// Included by passes that move such products elsewhere. Reads IR, and builds
// weights only where it says so.
#ifndef DURE_COMPILER_PASSES_SPECIALIZE_HEADPRODUCTS_H
#define DURE_COMPILER_PASSES_SPECIALIZE_HEADPRODUCTS_H

#include "compiler/passes/simplify/WeightRecipes.h"

namespace dure {

/// A tensor x [B, H, S, D] that is a product seen through reshapes, transposes
/// and slices:
///   x[b, h, s, d] = sum_l latents[b, s, l]
///                   * weight[l, Offset + h * HeadStride + d * WidthStride]
/// weight being [L, columns] (or its transpose, by the product).
struct HeadProduct {
  MatMulOp Product;
  /// Of the elements of [B, S, L], in that order, in any shape that ends in L.
  mlir::Value Latents;
  int64_t Heads = 0, Width = 0, LatentWidth = 0;
  int64_t Offset = 0, HeadStride = 0, WidthStride = 0;
};

/// What `X`, [B, H, S, D] once `Order` (empty for none) has permuted it, is;
/// empty where it is no such product, or one with fewer than two heads or
/// columns.
std::optional<HeadProduct> matchHeadProduct(mlir::Value X,
                                            llvm::ArrayRef<int64_t> Order);

/// The columns of the weight as [H, D, L], found or made; null where heads are
/// no even cut of the columns.
WeightOp makeHeadWeight(WeightRecipes &Recipes, HeadProduct Of);

} // namespace dure

#endif // DURE_COMPILER_PASSES_SPECIALIZE_HEADPRODUCTS_H
