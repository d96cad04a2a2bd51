// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/WidenHalves.h"

#include "compiler/passes/simplify/WeightRecipes.h"
#include "compiler/passes/support/Matching.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace dure::rngd {
namespace {

bool isHalf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor &&
         (tensor.getElementType().isF16() || tensor.getElementType().isBF16());
}

RankedTensorType widened(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return withElementType(tensor, Float32Type::get(type.getContext()));
}

/// Rows of a table, and what lies in a cache, stay what they are.
bool keepsType(Operation *op) {
  if (auto gather = dyn_cast<GatherOp>(op))
    return isa_and_nonnull<GetWeightOp>(gather.getX().getDefiningOp());
  return isa<GetWeightOp, dure::ConstantOp, CacheUpdateOp, BitcastOp, BranchOp,
             IterateOp, dure::YieldOp, RegionOp>(op);
}

class Widener {
public:
  explicit Widener(ModuleOp module) : recipes(module) {}
  void run(Operation *op);
  void eraseUnreadCasts();

private:
  Value wide(Value value);
  Value castTo(OpBuilder &builder, Location loc, Value value, Type element);

  WeightRecipes recipes;
  DenseMap<Value, Value> known;
  SmallVector<Operation *> casts;
};

Value Widener::castTo(OpBuilder &builder, Location loc, Value value,
                      Type element) {
  auto made = dure::CastOp::create(builder, loc, value, element);
  casts.push_back(made);
  return made.getResult();
}

/// The value in f32, made where it is defined.
Value Widener::wide(Value value) {
  if (!isHalf(value.getType()))
    return value;
  auto [at, isNew] = known.try_emplace(value);
  if (!isNew)
    return at->second;
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  Type element = builder.getF32Type();
  Operation *def = value.getDefiningOp();
  Value made;
  if (auto from = dyn_cast_or_null<dure::CastOp>(def);
      from && getElementTypeOrSelf(from.getX()).isF32()) {
    made = from.getX();
  } else if (auto get = dyn_cast_or_null<GetWeightOp>(def)) {
    WeightOp weight =
        recipes.extend(recipes.lookup(get.getWeight()), RecipeKind::Cast,
                       widened(value.getType()), {});
    made = GetWeightOp::create(builder, get.getLoc(), weight.getType(),
                               weight.getSymNameAttr());
  } else if (auto constant = dyn_cast_or_null<dure::ConstantOp>(def);
             constant && isa<DenseElementsAttr>(constant.getValue())) {
    auto dense = cast<DenseElementsAttr>(constant.getValue());
    auto wider = dense.mapValues(element, [](const APFloat &number) {
      APFloat single = number;
      bool isLossy;
      single.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                     &isLossy);
      return single.bitcastToAPInt();
    });
    made = dure::ConstantOp::create(builder, constant.getLoc(), wider);
  } else {
    made = castTo(builder, value.getLoc(), value, element);
  }
  known[value] = made;
  return made;
}

/// One op, after those that it reads.
void Widener::run(Operation *op) {
  if (!isa_and_nonnull<DureDialect>(op->getDialect()) || keepsType(op) ||
      op->getNumRegions() != 0 ||
      (!llvm::any_of(op->getOperandTypes(), isHalf) &&
       !llvm::any_of(op->getResultTypes(), isHalf)))
    return;
  auto cast = dyn_cast<dure::CastOp>(op);
  OpBuilder builder(op);
  if (cast && getElementTypeOrSelf(cast.getX()).isF32())
    return;
  if (cast && getElementTypeOrSelf(cast.getResult()).isF32()) {
    cast.getResult().replaceAllUsesWith(wide(cast.getX()));
    casts.push_back(cast);
    return;
  }
  IRMapping operands;
  for (Value operand : op->getOperands())
    operands.map(operand, wide(operand));
  Operation *made = builder.clone(*op, operands);
  if (cast && isHalf(op->getResult(0).getType()))
    made->setAttr("to", TypeAttr::get(builder.getF32Type()));
  for (auto [result, before] :
       llvm::zip(made->getResults(), op->getResults())) {
    Value narrow = result;
    if (isHalf(before.getType())) {
      result.setType(widened(before.getType()));
      narrow = castTo(builder, op->getLoc(), result,
                      getElementTypeOrSelf(before.getType()));
      known[narrow] = result;
    }
    before.replaceAllUsesWith(narrow);
  }
  op->erase();
}

/// Those last that others read.
void Widener::eraseUnreadCasts() {
  for (Operation *cast : llvm::reverse(casts))
    if (cast->use_empty())
      cast->erase();
}

struct WidenHalves : PassWrapper<WidenHalves, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WidenHalves)
  StringRef getArgument() const override { return "dure-rngd-widen-halves"; }
  StringRef getDescription() const override {
    return "Ops of f16 and bf16 become ops of f32";
  }

  void runOnOperation() override {
    Widener widener(getOperation());
    SmallVector<Operation *> ops;
    getOperation().walk<WalkOrder::PreOrder>(
        [&](Operation *op) { ops.push_back(op); });
    for (Operation *op : ops)
      widener.run(op);
    widener.eraseUnreadCasts();
    eraseUnreadWeights(getOperation());
  }
};

/// where(seen, 0, lowest), or where(hidden, lowest, 0): what is seen.
Value seenBy(Value mask) {
  auto select = mask.getDefiningOp<SelectOp>();
  if (!select || !getElementTypeOrSelf(mask.getType()).isF16())
    return {};
  auto isZero = [](Value value) { return splatNumber(value) == 0.0; };
  auto isLowestHalf = [](Value value) {
    return splatNumber(value) == -65504.0;
  };
  Value condition = select.getCondition();
  if (isZero(select.getOnTrue()) && isLowestHalf(select.getOnFalse()))
    return condition;
  if (!isLowestHalf(select.getOnTrue()) || !isZero(select.getOnFalse()))
    return {};
  OpBuilder builder(select);
  if (auto inverse = condition.getDefiningOp<NotOp>())
    return inverse.getX();
  return NotOp::create(builder, select.getLoc(), condition);
}

struct HideByLowestHalf : PassWrapper<HideByLowestHalf, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(HideByLowestHalf)
  StringRef getArgument() const override {
    return "dure-rngd-hide-by-lowest-half";
  }
  StringRef getDescription() const override {
    return "Masks that add the lowest f16 become masks of truth values";
  }

  void runOnOperation() override {
    getOperation()->walk([](AttentionOp attention) {
      Value seen = attention.getMask() ? seenBy(attention.getMask()) : Value();
      if (!seen)
        return;
      attention.getMaskMutable().assign(seen);
      attention.setEmptyRow(EmptyRow::Mean);
    });
  }
};

} // namespace

std::unique_ptr<Pass> createHideByLowestHalf() {
  return std::make_unique<HideByLowestHalf>();
}

std::unique_ptr<Pass> createWidenHalves() {
  return std::make_unique<WidenHalves>();
}

} // namespace dure::rngd
