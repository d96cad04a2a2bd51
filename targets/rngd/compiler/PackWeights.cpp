// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/PackWeights.h"

#include "compiler/passes/simplify/WeightRecipes.h"
#include "dialects/dure/DureOps.h"

#include "mlir/IR/Builders.h"

#include <numeric>

using namespace mlir;

namespace dure::rngd {
namespace {

void pack(MatMulOp product, GetWeightOp get, WeightRecipes &recipes) {
  WeightOp weight = recipes.lookup(get.getWeight());
  auto type = cast<RankedTensorType>(get.getType());
  SmallVector<int64_t> shape(type.getShape());
  if (!product.getTransposeRhs()) {
    SmallVector<int64_t> order(shape.size());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[order.size() - 2], order.back());
    std::swap(shape[shape.size() - 2], shape.back());
    type = RankedTensorType::get(shape, type.getElementType());
    weight = recipes.extend(weight, RecipeKind::Transpose, type, order);
  }
  OpBuilder builder(get);
  auto packed = RankedTensorType::get(shape, builder.getBF16Type());
  weight = recipes.extend(weight, RecipeKind::Cast, packed, {});
  Value read = GetWeightOp::create(builder, get.getLoc(), packed,
                                   weight.getSymNameAttr());
  builder.setInsertionPoint(product);
  Value wide = dure::CastOp::create(builder, product.getLoc(), read,
                                    type.getElementType());
  product.getRhsMutable().assign(wide);
  product.setTransposeRhs(true);
}

struct PackWeights : PassWrapper<PackWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PackWeights)
  StringRef getArgument() const override { return "dure-rngd-pack-weights"; }
  StringRef getDescription() const override {
    return "Weights of products in bf16, a column's numbers side by side";
  }

  void runOnOperation() override {
    WeightRecipes recipes(getOperation());
    getOperation().walk([&](RegionOp region) {
      if (region.getTarget() != "rngd")
        return;
      region.walk([&](MatMulOp product) {
        auto get = product.getRhs().getDefiningOp<GetWeightOp>();
        if (get && cast<RankedTensorType>(get.getType()).getRank() >= 2 &&
            cast<RankedTensorType>(get.getType()).getElementType().isF32())
          pack(product, get, recipes);
      });
    });
    eraseUnreadWeights(getOperation());
  }
};

} // namespace

std::unique_ptr<Pass> createPackWeights() {
  return std::make_unique<PackWeights>();
}

} // namespace dure::rngd
