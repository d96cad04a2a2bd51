// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/FitOps.h"

#include <numeric>

using namespace mlir;

namespace dure::rngd {

//===----------------------------------------------------------------------===//
// What rules write
//===----------------------------------------------------------------------===//

static Type elementOf(Value x) { return getElementTypeOrSelf(x.getType()); }

Value FitBuilder::number(double value, Type element, Sizes shape) {
  auto type = RankedTensorType::get(shape, element);
  Attribute each;
  if (auto real = dyn_cast<FloatType>(element))
    each = FloatAttr::get(real, value);
  else
    each = IntegerAttr::get(element, static_cast<int64_t>(value));
  return make<dure::ConstantOp>(DenseElementsAttr::get(type, each));
}

Value FitBuilder::reshape(Value x, Sizes shape) {
  auto type = RankedTensorType::get(shape, elementOf(x));
  return type == x.getType() ? x : make<ReshapeOp>(type, x);
}

Value FitBuilder::transpose(Value x, Sizes permutation) {
  if (llvm::is_sorted(permutation))
    return x;
  return make<dure::TransposeOp>(x, permutation);
}

Value FitBuilder::axisLast(Value x, int64_t axis) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < int64_t(shapeOf(x).size()); ++i)
    if (i != axis)
      order.push_back(i);
  order.push_back(axis);
  return transpose(x, order);
}

Value FitBuilder::axisBack(Value x, int64_t axis) {
  auto rank = static_cast<int64_t>(shapeOf(x).size());
  SmallVector<int64_t> order(static_cast<size_t>(rank) - 1);
  std::iota(order.begin(), order.end(), 0);
  order.insert(order.begin() + axis, rank - 1);
  return transpose(x, order);
}

Value FitBuilder::broadcast(Value x, Sizes shape) {
  auto type = RankedTensorType::get(shape, elementOf(x));
  return type == x.getType() ? x : make<BroadcastOp>(type, x);
}

static DimsAttr dimsOf(MLIRContext *context, ArrayRef<int64_t> sizes) {
  SmallVector<DimExpr> dims(sizes.begin(), sizes.end());
  return DimsAttr::get(context, dims);
}

Value FitBuilder::slice(Value x, Sizes sizes, Sizes starts) {
  SmallVector<int64_t> from(starts), steps(sizes.size(), 1);
  from.resize(sizes.size(), 0);
  auto type = RankedTensorType::get(sizes, elementOf(x));
  if (type == x.getType())
    return x;
  MLIRContext *context = b.getContext();
  return make<SliceOp>(type, x, dimsOf(context, from), dimsOf(context, sizes),
                       b.getDenseI64ArrayAttr(steps));
}

Value FitBuilder::concat(ArrayRef<Value> xs, int64_t axis) {
  return make<ConcatOp>(ValueRange(xs), b.getI64IntegerAttr(axis));
}

/// More elements of a filler than these are made when they are needed.
static constexpr int64_t MostFiller = 4096;

Value FitBuilder::padAlong(Value x, int64_t axis, int64_t size, double filler) {
  SmallVector<int64_t> more(shapeOf(x));
  int64_t &count = more[static_cast<size_t>(axis)];
  count = size - count;
  if (count == 0)
    return x;
  int64_t all = 1;
  for (int64_t each : more)
    all *= each;
  Value fill = all <= MostFiller
                   ? number(filler, elementOf(x), more)
                   : broadcast(number(filler, elementOf(x)), more);
  return concat({x, fill}, axis);
}

Value FitBuilder::pad(Value x, Sizes sizes, double filler) {
  if (Sizes(shapeOf(x)) == sizes)
    return x;
  if (auto get = x.getDefiningOp<GetWeightOp>(); get && filler == 0) {
    SmallVector<int64_t> ends(sizes.size(), 0);
    for (auto [size, has] : llvm::zip(sizes, shapeOf(x)))
      ends.push_back(size - has);
    WeightOp padded =
        recipes.extend(recipes.lookup(get.getWeight()), RecipeKind::Pad,
                       RankedTensorType::get(sizes, elementOf(x)), ends);
    return make<GetWeightOp>(padded.getType(), padded.getSymNameAttr());
  }
  for (auto [axis, size] : llvm::enumerate(sizes))
    x = padAlong(x, static_cast<int64_t>(axis), size, filler);
  return x;
}

Value FitBuilder::cast(Value x, Type element) {
  // No kernel makes a constant of a constant.
  auto constant = x.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (dense && dense.isSplat() && isa<IntegerType>(element) &&
      dense.getElementType().isSignlessInteger(64)) {
    APInt number = dense.getSplatValue<APInt>();
    auto type = RankedTensorType::get(shapeOf(x), element);
    return make<dure::ConstantOp>(DenseElementsAttr::get(
        type, number.sextOrTrunc(element.getIntOrFloatBitWidth())));
  }
  return elementOf(x) == element ? x : make<dure::CastOp>(x, element);
}

Value FitBuilder::compare(ComparePredicate kind, Value l, Value r) {
  return make<CompareOp>(l, r, ComparePredicateAttr::get(b.getContext(), kind));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

constexpr FitRule Rules[] = {
    fitWordProduct, fitScaledProduct, fitMatMul,       fitAttention, fitGather,
    fitGatherND,    fitTopK,          fitPicked,       fitReduce,    fitSoftmax,
    fitNorm,        fitPad,           fitRounding,     fitSign,      fitPower,
    fitCast,        fitDimValues,     fitIndexProduct, fitNarrow,    fitCumSum,
    fitExperts,     fitDequantize};

/// Rules lead to rules: a mean of rows that are filled up is a sum of them.
constexpr unsigned MostDepth = 6;

/// Replaces ops; notes those that it makes, so that they can be taken back.
class Fitter final : public OpBuilder::Listener {
public:
  Fitter(ModuleOp module, Refusal (*refusalOf)(Operation *))
      : refusalOf(refusalOf), recipes(module) {}

  /// Whether `op` is replaced by ops that are all taken.
  bool fit(Operation *op, unsigned depth = 0);

  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    made.push_back(op);
  }

private:
  bool isTaken(Operation *op) {
    return isa<dure::ConstantOp, GetWeightOp, ReshapeOp>(op) || !refusalOf(op);
  }
  bool fitBy(FitRule rule, Operation *op, unsigned depth);
  void takeBack(size_t from);

  Refusal (*refusalOf)(Operation *);
  WeightRecipes recipes;
  std::vector<Operation *> made;
};

void Fitter::takeBack(size_t from) {
  for (size_t i = made.size(); i-- > from;) {
    made[i]->dropAllUses();
    made[i]->erase();
  }
  made.resize(from);
}

bool Fitter::fitBy(FitRule rule, Operation *op, unsigned depth) {
  size_t first = made.size();
  OpBuilder builder(op, this);
  FitBuilder f(builder, op->getLoc(), recipes);
  Value stands = rule(f, op);
  if (!stands) {
    takeBack(first);
    return false;
  }
  assert(stands.getType() == op->getResult(0).getType());
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : op->getUses())
    uses.push_back(&use);
  op->getResult(0).replaceAllUsesWith(stands);
  // What a rule made may be replaced in turn.
  std::vector<Operation *> all(made.begin() + static_cast<int64_t>(first),
                               made.end());
  for (Operation *each : all) {
    if (isTaken(each))
      continue;
    if (!fit(each, depth + 1)) {
      for (OpOperand *use : uses)
        use->set(op->getResult(0));
      takeBack(first);
      return false;
    }
    made.erase(llvm::find(made, each));
  }
  op->erase();
  return true;
}

bool Fitter::fit(Operation *op, unsigned depth) {
  if (depth > MostDepth)
    return false;
  return llvm::any_of(Rules,
                      [&](FitRule rule) { return fitBy(rule, op, depth); });
}

bool hasFixedSizes(Operation *op) {
  auto isFixed = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() && tensor.getNumElements() != 0;
  };
  // Of nothing, padding makes something.
  return op->getNumResults() == 1 &&
         (isa<PadOp>(op) || llvm::all_of(op->getOperandTypes(), isFixed)) &&
         isFixed(op->getResult(0).getType());
}

struct FitOps : PassWrapper<FitOps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FitOps)
  explicit FitOps(Refusal (*refusalOf)(Operation *)) : refusalOf(refusalOf) {}
  FitOps(const FitOps &other) = default;
  StringRef getArgument() const override { return "dure-rngd-fit-ops"; }
  StringRef getDescription() const override {
    return "Ops that no kernel takes become others that kernels take";
  }

  void runOnOperation() override {
    Fitter fitter(getOperation(), refusalOf);
    SmallVector<Operation *> refused;
    getOperation().walk([&](Operation *op) {
      if (isa_and_nonnull<DureDialect>(op->getDialect()) && hasFixedSizes(op) &&
          op->getNumRegions() == 0 && !isa<ReshapeOp>(op) &&
          (refusalOf(op) || isOddScaledProduct(op)))
        refused.push_back(op);
    });
    for (Operation *op : refused)
      fitter.fit(op);
    eraseUnreadWeights(getOperation());
  }

  Refusal (*refusalOf)(Operation *);
};

} // namespace

std::unique_ptr<Pass> createFitOps(Refusal (*refusalOf)(Operation *)) {
  return std::make_unique<FitOps>(refusalOf);
}

} // namespace dure::rngd
