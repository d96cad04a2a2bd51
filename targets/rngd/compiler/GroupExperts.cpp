// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/GroupExperts.h"

#include "compiler/passes/raise/Activations.h"
#include "targets/rngd/compiler/ExpertsPlan.h"
#include "targets/rngd/compiler/FitOps.h"

using namespace mlir;

namespace dure::rngd {
namespace {

/// Rows of a block: their marks are counted by one product of bf16, which holds
/// whole numbers up to 256.
constexpr int64_t Block = 256;
/// What lies behind every place: a row whose expert is none gets a place before
/// the first one, which is a fault.
constexpr double NoPlace = 1 << 23;

/// Bytes that are brought back together: they and their products stay in data
/// memory.
constexpr int64_t MostBack = 48 << 20;

/// Of some tokens.
class Grouping {
public:
  Grouping(FitBuilder &f, MoEOp op, const ExpertsPlan &plan, int64_t first,
           int64_t tokens);
  Value build();

private:
  void findPlaces();
  void findTiles(Value ends);
  Value fill();
  Value linear(Value rows, Value w, Value bias);
  Value sumBack(Value out);

  Value tokensOf(Value all) {
    SmallVector<int64_t> sizes(shapeOf(all)), starts(sizes.size(), 0);
    sizes[0] = tokens;
    starts[0] = first;
    return f.slice(all, sizes, starts);
  }
  Value sum(Value x, int64_t axis) {
    return f.make<ReduceOp>(
        x, ReduceKindAttr::get(f.b.getContext(), ReduceKind::Sum),
        f.b.getDenseI64ArrayAttr({axis}), f.b.getBoolAttr(false));
  }
  Value product(Value l, Value r) {
    return f.make<MatMulOp>(l, r, f.b.getBoolAttr(false),
                            f.b.getBoolAttr(false));
  }
  /// Of whole numbers, 1 where it holds, else 0.
  Value equal(Value l, Value r) {
    return lessOne(f.make<AbsOp>(f.make<SubOp>(l, r)));
  }
  Value atMost(Value l, Value r) {
    return lessOne(f.make<ReluOp>(f.make<SubOp>(l, r)));
  }
  Value lessOne(Value x) {
    return f.make<ReluOp>(f.make<SubOp>(f.number(1), x));
  }
  /// 0, 1, 2, .. in `shape`.
  Value count(ArrayRef<int64_t> shape) {
    return count(shape, f.b.getF32Type());
  }
  Value count(ArrayRef<int64_t> shape, Type element) {
    int64_t size = 1;
    for (int64_t each : shape)
      size *= each;
    auto type = RankedTensorType::get({size}, element);
    return f.reshape(f.make<IotaOp>(type, f.b.getI64IntegerAttr(0)), shape);
  }
  Value gather(Value x, Value at) {
    return f.make<GatherOp>(x, at, f.b.getI64IntegerAttr(0));
  }

  FitBuilder &f;
  MoEOp op;
  const int64_t first, tokens, slots, experts, rows, capacity, tiles;
  /// Of each row, i64 [rows].
  Value places;
  /// Of each tile, i64 [tiles, 1].
  Value tileExperts;
};

} // namespace

Grouping::Grouping(FitBuilder &f, MoEOp op, const ExpertsPlan &plan,
                   int64_t first, int64_t tokens)
    : f(f), op(op), first(first), tokens(tokens),
      slots(shapeOf(op.getExperts())[1]), experts(shapeOf(op.getWUp())[0]),
      rows(tokens * slots), capacity(plan.capacity),
      tiles(tilesOf(rows, experts, capacity)) {}

/// A row's place: where its expert's tiles begin, and how many rows before it
/// have the same expert. Of blocks of rows, those are counted by products.
void Grouping::findPlaces() {
  Type word = f.b.getI32Type();
  int64_t block = std::min<int64_t>(Block, llvm::alignTo(rows, 32)),
          blocks = llvm::divideCeil(rows, block);
  // Of whole units, so that all that follows is.
  int64_t all = llvm::alignTo(experts, 8);
  Value expert = f.reshape(f.cast(tokensOf(op.getExperts()), word), {rows});
  Value fromEnd = f.make<AddOp>(expert, f.number(double(experts), word));
  Value isBelow = f.compare(ComparePredicate::LT, expert, f.number(0, word));
  expert = f.make<SelectOp>(isBelow, fromEnd, expert);
  expert = f.cast(f.pad(expert, {blocks * block}, -1), f.b.getF32Type());
  // What fills numbers up is no expert's.
  Value numbers = f.pad(count({experts}), {all}, -2);
  Value marks = equal(f.reshape(expert, {blocks, 1, block}),
                      f.reshape(numbers, {1, all, 1}));
  // Rows of the same expert up to each one, itself too.
  Value upTo = atMost(count({block, 1}), count({1, block}));
  Value within =
      f.reshape(product(f.reshape(marks, {blocks * all, block}), upTo),
                {blocks, all, block});
  Value ofBlocks = sum(marks, 2), before;
  if (blocks > 1)
    before = product(atMost(f.make<AddOp>(count({1, blocks}), f.number(1)),
                            count({blocks, 1})),
                     ofBlocks);
  Value part = f.make<AddOp>(f.reshape(sum(ofBlocks, 0), {1, all}),
                             f.number(double(capacity - 1)));
  Value tilesOfEach =
      f.make<FloorOp>(f.make<MulOp>(part, f.number(1.0 / double(capacity))));
  Value upToEach = atMost(count({1, all}), count({all, 1}));
  Value ends =
      f.reshape(sum(f.make<MulOp>(upToEach, tilesOfEach), 1), {1, all});
  findTiles(ends);
  Value starts = f.make<MulOp>(f.make<SubOp>(ends, tilesOfEach),
                               f.number(double(capacity)));
  Value offsets = f.make<AddOp>(starts, f.number(NoPlace - 1));
  if (before)
    offsets = f.make<AddOp>(before, offsets);
  offsets = f.reshape(offsets, {blocks, all, 1});
  Value found = sum(f.make<MulOp>(f.make<AddOp>(within, offsets), marks), 1);
  found = f.make<SubOp>(f.reshape(found, {blocks * block}), f.number(NoPlace));
  found = f.cast(f.cast(found, word), f.b.getI64Type());
  places = f.slice(found, {rows});
}

/// A tile is of the expert before which as many others end as there are.
void Grouping::findTiles(Value ends) {
  int64_t all = llvm::alignTo(tiles, 8);
  Value ended = sum(atMost(ends, count({all, 1})), 1);
  // Of tiles that nobody needs, the last.
  Value last = f.make<dure::MinOp>(ended, f.number(double(experts - 1)));
  Value whole = f.cast(f.cast(last, f.b.getI32Type()), f.b.getI64Type());
  tileExperts = f.reshape(f.slice(whole, {tiles}), {tiles, 1});
}

/// The rows of tiles, [tiles, capacity, k], which products round to bf16 in any
/// case; of whole flits, zeros at the end of each.
Value Grouping::fill() {
  Type half = f.b.getBF16Type();
  int64_t k = llvm::alignTo(shapeOf(op.getX())[1], 32);
  Value narrow = f.cast(f.pad(tokensOf(op.getX()), {tokens, k}), half);
  Value filled = f.number(0, half, {tiles * capacity, k});
  int64_t most = std::max<int64_t>(MostIndices / slots, 1);
  for (int64_t begin = 0; begin < tokens; begin += most) {
    int64_t some = std::min(most, tokens - begin), places = some * slots;
    Value each =
        f.reshape(f.slice(narrow, {some, k}, {begin, 0}), {some, 1, k});
    Value all = f.reshape(f.broadcast(each, {some, slots, k}), {places, k});
    Value at = f.slice(this->places, {places}, {begin * slots});
    auto scatter = ScatterNDOp::create(f.b, f.loc, filled.getType(), filled,
                                       f.reshape(at, {places, 1}), all,
                                       ScatterReduction::None);
    scatter->setAttr(UnreadAttr, f.b.getUnitAttr());
    filled = scatter;
  }
  return f.cast(f.reshape(filled, {tiles, capacity, k}), f.b.getF32Type());
}

/// rows w + bias, of each tile's expert.
Value Grouping::linear(Value rows, Value w, Value bias) {
  int64_t columns = shapeOf(w)[2];
  w = f.pad(w, {experts, shapeOf(rows)[2], columns});
  Value out = f.make<ExpertMatMulOp>(rows, tileExperts, w);
  if (!bias)
    return out;
  Value each = gather(bias, f.reshape(tileExperts, {tiles}));
  return f.make<AddOp>(out, f.reshape(each, {tiles, 1, columns}));
}

/// Of each token, the weighted sum of what its experts made, [tokens, n].
Value Grouping::sumBack(Value out) {
  int64_t n = shapeOf(out)[2];
  out = f.reshape(out, {tiles * capacity, n});
  Value weights = f.reshape(f.cast(tokensOf(op.getWeights()), f.b.getF32Type()),
                            {tokens, slots, 1});
  int64_t most = std::min(MostIndices, MostBack / (n * 4)) / slots;
  most = std::max<int64_t>(most, 1);
  SmallVector<Value> parts;
  for (int64_t begin = 0; begin < tokens; begin += most) {
    int64_t some = std::min(most, tokens - begin);
    Value at = f.slice(places, {some * slots}, {begin * slots});
    Value back = f.reshape(gather(out, at), {some, slots, n});
    Value weight = f.slice(weights, {some, slots, 1}, {begin, 0, 0});
    parts.push_back(sum(f.make<MulOp>(back, weight), 1));
  }
  return parts.size() == 1 ? parts.front() : f.concat(parts, 0);
}

Value Grouping::build() {
  findPlaces();
  Value filled = fill(), gate;
  if (op.getWGate())
    gate = linear(filled, op.getWGate(), op.getBGate());
  Value up = linear(filled, op.getWUp(), op.getBUp());
  Value hidden = buildHidden(f.b, op, gate, up);
  return sumBack(linear(hidden, op.getWDown(), op.getBDown()));
}

static std::optional<Mixture> mixtureOf(MoEOp op) {
  for (Value value : op->getOperands())
    if (auto type = cast<RankedTensorType>(value.getType());
        !type.hasStaticShape() || type.getNumElements() == 0)
      return std::nullopt;
  if (!isStaticF32(op.getResult()) || elementsOf(op.getResult()) == 0)
    return std::nullopt;
  Mixture of;
  of.tokens = shapeOf(op.getExperts())[0];
  of.slots = shapeOf(op.getExperts())[1];
  of.experts = shapeOf(op.getWUp())[0];
  of.k = shapeOf(op.getWUp())[1];
  of.inner = shapeOf(op.getWUp())[2];
  of.n = shapeOf(op.getWDown())[2];
  of.isGated = bool(op.getWGate());
  return of;
}

namespace {

struct GroupExperts : PassWrapper<GroupExperts, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(GroupExperts)
  StringRef getArgument() const override { return "dure-rngd-group-experts"; }
  StringRef getDescription() const override {
    return "Mixtures of experts of many tokens become products of tiles of "
           "rows with one expert";
  }

  void runOnOperation() override {
    WeightRecipes recipes(getOperation());
    SmallVector<MoEOp> all;
    getOperation().walk([&](MoEOp op) { all.push_back(op); });
    for (MoEOp op : all)
      if (std::optional<Mixture> of = mixtureOf(op))
        if (ExpertsPlan plan = planExperts(*of); plan.isGrouped())
          group(op, plan, recipes);
  }

  static void group(MoEOp op, const ExpertsPlan &plan, WeightRecipes &recipes) {
    OpBuilder builder(op);
    FitBuilder f(builder, op.getLoc(), recipes);
    SmallVector<Value> parts;
    int64_t tokens = shapeOf(op.getX())[0];
    for (int64_t first = 0; first < tokens; first += plan.tokens) {
      int64_t some = std::min(plan.tokens, tokens - first);
      parts.push_back(Grouping(f, op, plan, first, some).build());
    }
    Value whole = parts.size() == 1 ? parts.front() : f.concat(parts, 0);
    op.getResult().replaceAllUsesWith(whole);
    op.erase();
  }
};

} // namespace

std::unique_ptr<Pass> createGroupExperts() {
  return std::make_unique<GroupExperts>();
}

} // namespace dure::rngd
