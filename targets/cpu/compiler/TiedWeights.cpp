// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gathers of rows as gathers of columns of the transposed weight.

#include "targets/cpu/compiler/TiedWeights.h"

#include "targets/cpu/compiler/FormDispatches.h"
#include "targets/cpu/compiler/WidenedOperand.h"

#include "dialects/dure/DureOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Dominance.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Whether `columns` is `rows` with its two dimensions exchanged.
bool isTransposeOf(WeightOp columns, WeightOp rows) {
  if (columns.getData() != rows.getData())
    return false;
  auto steps = [](WeightOp weight) {
    ArrayAttr recipe = weight.getRecipeAttr();
    return recipe ? recipe.getValue() : ArrayRef<Attribute>();
  };
  ArrayRef<Attribute> own = steps(rows), other = steps(columns);
  if (other.size() != own.size() + 1 || other.drop_back() != own)
    return false;
  auto last = cast<StepAttr>(other.back());
  return last.getKind() == RecipeKind::Transpose &&
         last.getInts() == ArrayRef<int64_t>{1, 0};
}

/// The gather's rows as columns of `table`, the transposed weight.
void gatherColumns(GatherOp gather, Value table) {
  OpBuilder builder(gather);
  Location loc = gather.getLoc();
  RankedTensorType type = gather.getType();
  SmallVector<DimExpr> dims = dimsOf(type);
  SmallVector<DimExpr> columns = {dims.pop_back_val()};
  columns.append(dims);
  Value found =
      GatherOp::create(builder, loc, tensorOf(columns, type.getElementType()),
                       table, gather.getIndices(), /*axis=*/1);
  SmallVector<int64_t> perm;
  for (int64_t i = 1; i < type.getRank(); ++i)
    perm.push_back(i);
  perm.push_back(0);
  Value rows = TransposeOp::create(builder, loc, type, found, perm);
  gather.getResult().replaceAllUsesWith(rows);
  gather.erase();
}

struct TiedWeights : PassWrapper<TiedWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TiedWeights)
  StringRef getArgument() const override { return "dure-cpu-tied-weights"; }
  StringRef getDescription() const override {
    return "Look rows of a weight up in the panels that a matmul reads";
  }

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto weightOf = [&](Value value) -> WeightOp {
      auto get = value.getDefiningOp<GetWeightOp>();
      return get ? symbols.lookup<WeightOp>(get.getWeight()) : nullptr;
    };
    DominanceInfo dominance(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      SmallVector<Value> panels;
      SmallVector<GatherOp> gathers;
      function.walk([&](Operation *op) {
        if (auto matmul = dyn_cast<MatMulOp>(op)) {
          if (wantsPanels(matmul))
            llvm::append_range(panels,
                               widenedOperand(matmul.getRhs()).values());
        } else if (auto gather = dyn_cast<GatherOp>(op)) {
          // What is found is written, which integers of 4 bits cannot be.
          auto type = cast<RankedTensorType>(gather.getX().getType());
          if (gather.getAxis() == 0 && weightOf(gather.getX()) &&
              type.getRank() == 2 && !type.getElementType().isInteger(4))
            gathers.push_back(gather);
        }
      });
      for (GatherOp gather : gathers) {
        auto *tied = llvm::find_if(panels, [&](Value value) {
          return isTransposeOf(weightOf(value), weightOf(gather.getX())) &&
                 dominance.dominates(value, gather);
        });
        if (tied != panels.end())
          gatherColumns(gather, *tied);
      }
    }
  }
};

} // namespace

std::unique_ptr<Pass> createTiedWeights() {
  return std::make_unique<TiedWeights>();
}

} // namespace dure::cpu
