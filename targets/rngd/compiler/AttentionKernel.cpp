// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention: keys and values in the register files, divided over slices;
// queries go by, tile by tile. Scores and softmax stay in data memory, and what
// slices have of a row is added up between them. AttentionPlan.h says how all
// are divided.
#include "targets/rngd/compiler/AttentionOps.h"
#include "targets/rngd/compiler/RowKernel.h"
#include "targets/rngd/compiler/WordMove.h"

#include <limits>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

using Split = AttentionPlan::Split;

/// Far enough below any score that its weight is 0, and finite, so that rows
/// with no other score average all values.
constexpr float Hidden = -1e30f;
/// A product of a difference of whole numbers and a half with both is infinite.
constexpr float Steep = 1e20f;
constexpr float Infinity = std::numeric_limits<float>::infinity();
/// The largest number that is finite as bf16, about; and what is below any sum
/// of weights.
constexpr float Largest = 3e38f, Smallest = 1e-30f;
constexpr float Lowest = std::numeric_limits<float>::lowest();

int64_t elementBytes(Value memory) {
  return cast<HbmType>(memory.getType())
             .getElementType()
             .getIntOrFloatBitWidth() /
         8;
}

class Attention {
public:
  /// `mask`, if any, has rows of maskPitch; `sinks`, words of 8 bytes, each
  /// twice.
  Attention(KernelBuilder &k, AttentionOp op, const KernelOperands &at,
            Value mask, Value sinks, const AttentionShape &s,
            const AttentionPlan &plan)
      : k(k), op(op), at(at), mask(mask), sinks(sinks), s(s), plan(plan) {}
  void run();

private:
  /// Some keys of all rows of `digits` in data memory.
  struct KeyRows {
    Value source;
    /// Around keys: in HBM, and in a slice.
    DigitList outer, local;
    /// Within a key's row, of `pitch` elements in a slice.
    DigitList inner;
    int64_t pitch;
    int64_t first; // element of the source
    int64_t keys;
    /// What of a row's pitch the source lacks is 0.
    bool isPadded = false;
  };
  Value loadKeys(const KeyRows &rows);
  void loadRagged(const KeyRows &rows, Value place);
  void zero(Value place, const Grid &of, int64_t offset, int64_t count);
  void groupTile();
  void fillFiles();
  void queryTile(Value q);
  Value loadQueries();
  Value streamQueries(Value q);
  void scores(Value q);
  Value numbers(Value table, int64_t from);
  Value orderLimit(Value lastSeen, bool isWindow);
  void limitOrder();
  void limitByMask();
  Value maskLimit(Value bytes, const DigitList &rows);
  void keyLimit();
  void pass(Value limit, bool perHead, int64_t from, int64_t to,
            function_ref<Value(Value)> steps);
  Value weights();
  Value sinkRows();
  Value joined(Value first, Value second, function_ref<Value(Value)> steps);
  Value sumOfWeights();
  Value reduceRows(Reduction kind);
  Value streamWeights();
  void values(Value factor);

  /// Keys of a slice in stretches [from, to).
  DigitList keys(int64_t from, int64_t to, int64_t step = 1) {
    return {k.digit("t", to - from, plan.stretch()),
            k.digit("t", plan.unit / step, step)};
  }
  DigitList seenKeys(int64_t step = 1) {
    return keys(seen.first, seen.last, step);
  }
  static DigitList join(DigitList first, const DigitList &second) {
    llvm::append_range(first, second);
    return first;
  }
  /// In a tensor over [.., keys of all that are seen], some of them.
  Value some(Value of, const DigitList &rows, int64_t from, int64_t to) {
    DigitList part = keys(from, to);
    part.front().extent = seen.last - seen.first;
    return k.part(of, join(rows, part), (from - seen.first) * plan.unit * 4);
  }
  bool isRagged() const { return plan.units * plan.stretch() != s.keys; }
  bool isFloatMask() {
    return s.masked && cast<RankedTensorType>(op.getMask().getType())
                           .getElementType()
                           .isF32();
  }
  /// Rows without keys then have a finite highest score, weights of 0 and a sum
  /// above.
  bool zeroesEmptyRows() {
    return s.hasEmptyRows && op.getEmptyRow() == EmptyRow::Zero;
  }

  KernelBuilder &k;
  AttentionOp op;
  const KernelOperands &at;
  const Value mask, sinks;
  const AttentionShape &s;
  const AttentionPlan &plan;
  /// What hidden scores are.
  const float floor = op.getEmptyRow() == EmptyRow::Mean ? Hidden : -Infinity;
  // In HBM: numbers of keys; the last key that each query sees, and the last
  // that is before its window; what keys that do not exist are limited to.
  Value keyNumbers, lastKeys, beforeWindow, padding, zeros;
  // The tile at hand.
  int64_t batch = 0, group = 0, head = 0, query = 0;
  Grid grid;
  DigitList inBatch; // of queries and keys in HBM: batches, groups
  Value keyFile, valueFile, oneFile;
  Stretches seen = {0, 1};
  Digit h, m; // of a slice
  Value score, limitOfKeys;
};

} // namespace

//===----------------------------------------------------------------------===//
// Keys and values
//===----------------------------------------------------------------------===//

void Attention::zero(Value place, const Grid &of, int64_t offset,
                     int64_t count) {
  auto type = cast<DmType>(place.getType());
  int64_t bytes = type.getElementType().getIntOrFloatBitWidth() / 8;
  int64_t run = 8 / bytes;
  for (int64_t more = run; more <= 4096 / bytes && count % more == 0; more *= 2)
    run = more;
  if (!zeros) {
    auto numbers = RankedTensorType::get({4096}, k.b.getI8Type());
    zeros = k.constant(DenseElementsAttr::get(numbers, int8_t(0)),
                       {k.digit("z", 4096)});
  }
  // Zeros are the same in each type.
  Value target =
      k.dmWithin(place, offset * bytes, k.b.getI8Type(), of,
                 {k.digit("w", count / run), k.digit("z", run * bytes)});
  k.copy(zeros, target);
}

/// Keys that do not fill the last stretch: some slices have all of their unit,
/// one may have a part, the rest none.
void Attention::loadRagged(const KeyRows &rows, Value place) {
  auto type = cast<DmType>(place.getType()).getElementType();
  int64_t bytes = type.getIntOrFloatBitWidth() / 8;
  int64_t whole = rows.keys / plan.stretch(), left = rows.keys % plan.stretch();
  int64_t parts = left / plan.unit, tail = left % plan.unit;
  int64_t inside = whole * plan.unit * rows.pitch;
  auto copy = [&](Digit slice, int64_t count, int64_t perSlice, int64_t key) {
    Grid few = grid;
    few.slice.back() = slice;
    DigitList local = rows.local;
    local.push_back(k.digit("t", perSlice, 1, plan.keys()));
    llvm::append_range(local, rows.inner);
    Value target = k.dmOver(place, type, few, local);
    if (inside > 0)
      target = k.part(target, local, inside * bytes);
    DigitList from = join(rows.outer, {k.digit("t", count, 1, rows.keys)});
    DigitList inner = rows.inner;
    for (Digit &each : inner)
      each.extent = each.size;
    k.copy(k.hbm(rows.source, join(from, inner),
                 rows.first + key * positions(inner)),
           target);
  };
  // What has a part goes to all slices before it too, which then get theirs.
  if (tail > 0)
    copy(k.digit("p", parts + 1, 1, plan.keyParts), tail, tail,
         rows.keys - tail);
  if (parts > 0)
    copy(k.digit("t", parts, plan.unit, plan.keyParts), parts * plan.unit,
         plan.unit, whole * plan.stretch());
}

Value Attention::loadKeys(const KeyRows &rows) {
  Type type = cast<HbmType>(rows.source.getType()).getElementType();
  DigitList local = join(join(rows.local, keys(0, plan.units)), rows.inner);
  Value place = k.dm(type, grid, local);
  int64_t whole = rows.keys / plan.stretch();
  bool fills = whole == plan.units;
  if (!fills || rows.isPadded) {
    int64_t outside = positions(rows.local), all = plan.keys() * rows.pitch;
    int64_t from =
        outside > 1 || rows.isPadded ? 0 : whole * plan.unit * rows.pitch;
    zero(place, grid, from, outside * all - from);
  }
  if (whole > 0) {
    DigitList part = keys(0, whole);
    part.front().extent = plan.units;
    DigitList inner = rows.inner;
    for (Digit &each : inner)
      each.extent = each.size;
    DigitList from =
        join(rows.outer, {k.digit("t", whole * plan.stretch(), 1, rows.keys)});
    k.copy(k.hbm(rows.source, join(from, inner), rows.first),
           k.part(place, join(join(rows.local, part), rows.inner), 0));
  }
  if (!fills)
    loadRagged(rows, place);
  return place;
}

void Attention::fillFiles() {
  int64_t first = (batch * s.groups + group) * s.keys;
  // Values of a column are read one by one: neighbours in different banks, and
  // while keys are on their way.
  int64_t pitch = s.width + DmaAlignment / elementBytes(at.inputs[2]);
  Digit d = k.digit("d", s.depth), e = k.digit("e", s.width, 1, pitch),
        head = k.digit("d", s.head, 1, s.depth);
  Value valueRows = loadKeys(
      {at.inputs[2], inBatch, {}, {e}, pitch, first * s.width, s.keys});
  Value keyRows = loadKeys({at.inputs[1],
                            inBatch,
                            {},
                            {head},
                            s.depth,
                            first * s.head,
                            s.keys,
                            s.isPadded()});
  keyRows = k.part(keyRows, join(keys(0, plan.units), {d}), 0);
  Digit lanes = k.digit("e", 8), eights = k.digit("e", s.width / 8, 8);
  if (s.masked) {
    // Rows of hidden keys may hold anything, which nothing makes 0 of.
    k.exec(Context::Main, [&] {
      Value x =
          k.fetch(valueRows, join(keys(0, plan.units), {eights}), {lanes});
      x = k.stepImm(VectorKind::Min, k.collect(k.fetchCast(x, k.f32())),
                    Largest);
      x = k.stepImm(VectorKind::Max, x, -Largest);
      Type type = cast<DmType>(valueRows.getType()).getElementType();
      k.commit(type.isF32() ? x : k.castFlits(x, type), valueRows);
    });
  }
  valueFile = k.trf(k.bf16(), grid, {lanes},
                    {k.digit("t", plan.units, plan.stretch()), eights,
                     k.digit("t", plan.unit)});
  k.exec(Context::Main, [&] {
    Value x = k.fetch(valueRows,
                      {lanes, k.digit("t", plan.units, plan.stretch()), eights,
                       k.digit("t", plan.unit / 16, 16)},
                      {k.digit("t", 16)});
    k.toTrf(k.collect(k.fetchCast(x, k.bf16())), valueFile);
  });
  keyFile = k.trf(k.bf16(), grid, {k.digit("t", 8)},
                  join(keys(0, plan.units, 8), {d}));
  k.exec(Context::Main, [&] {
    DigitList time = {k.digit("t", 8)};
    llvm::append_range(time, keys(0, plan.units, 8));
    time.push_back(k.digit("d", s.depth / 16, 16));
    Value x = k.fetch(keyRows, time, {k.digit("d", 16)});
    k.toTrf(k.collect(k.fetchCast(x, k.bf16())), keyFile);
  });
  if (!plan.sumsByOnes)
    return;
  // Of no axis of the weights, so that each is multiplied with the same. Made
  // of whatever numbers: copies of one unit of HBM to all slices take long.
  Digit x = k.digit("x", 8), one = k.digit("o", 16);
  Value local = k.dm(k.f32(), grid, {x, one});
  Value from = k.part(keyRows, {x, one}, 0);
  k.exec(Context::Main, [&] {
    Value y = k.fetch(from, {x, k.digit("o", 2, 8)}, {k.digit("o", 8)});
    y = k.stepImm(VectorKind::Min, k.collect(k.fetchCast(y, k.f32())), 1);
    k.commit(k.stepImm(VectorKind::Max, y, 1), local);
  });
  oneFile = k.trf(k.bf16(), grid, {x}, {one});
  k.exec(Context::Main, [&] {
    Value y = k.fetchCast(k.fetch(local, {x}, {one}), k.bf16());
    k.toTrf(k.collect(y), oneFile);
  });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Each once to a ring of the slices that share its keys.
Value Attention::loadQueries() {
  Grid shared = grid;
  auto ring = [&](StringRef axis, int64_t parts, int64_t of) {
    shared.slice.push_back(k.digit(axis, parts, of / parts));
    return k.digit(axis, of / parts);
  };
  shared.slice.back() =
      k.digit("t", plan.keyParts / plan.ring(), plan.unit * plan.ring());
  Digit ownHeads = ring("h", plan.ringHeads, plan.heads),
        ownQueries = ring("m", plan.ringQueries, plan.queries),
        ownDepth = ring("d", plan.ringDepth, s.depth);
  Value q = k.dm(k.f32(), shared, {ownHeads, ownQueries, ownDepth});
  int64_t first =
      ((batch * s.groups + group) * s.heads + head) * s.queries + query;
  DigitList from =
      join(inBatch, {k.digit("h", h.size, 1, s.heads),
                     k.digit("m", plan.tileQueries(), 1, s.queries),
                     k.digit("d", s.head)});
  Value target = q;
  if (s.isPadded()) {
    DigitList rows = {ownHeads, ownQueries};
    zero(q, shared, 0, positions(rows) * s.depth);
    target = k.part(q, join(rows, {k.digit("d", s.head, 1, s.depth)}), 0);
  }
  k.copy(k.hbm(at.inputs[0], from, first * s.head), target);
  return q;
}

/// The queries as they come by, by flits.
Value Attention::streamQueries(Value q) {
  int64_t ring = plan.ring();
  Digit heads = k.digit("h", plan.heads / plan.ringHeads),
        queries = k.digit("m", plan.queries / plan.ringQueries),
        chunks = k.digit("d", s.depth / plan.ringDepth / 16, 16);
  Value x = k.fetch(q, {heads, queries, chunks}, {k.digit("d", 16)});
  x = k.fetchCast(x, k.bf16());
  if (ring > 1) {
    Grid all = grid;
    all.slice.back() = k.digit("t", plan.keyParts / ring, plan.unit * ring);
    all.slice.push_back(k.digit("t", ring, plan.unit));
    x = k.passRound(x, ring, all,
                    {heads, queries, k.digit("h", plan.ringHeads, heads.size),
                     k.digit("m", plan.ringQueries, queries.size),
                     k.digit("d", s.depth / 16, 16)});
  }
  return k.collect(x);
}

void Attention::scores(Value q) {
  float scale = op.getScale().convertToFloat(),
        cap = op.getSoftcap().convertToFloat();
  DigitList eights = seenKeys(8);
  int64_t keyBytes = plan.unit / 8 * s.depth * 2;
  Value file = k.part(keyFile, join(eights, {k.digit("d", s.depth)}),
                      seen.first * keyBytes);
  bool limits = limitOfKeys && !isFloatMask();
  k.exec(Context::Main, [&] {
    Value sum = k.contract(streamQueries(q), file, s.depth % 32 == 0 ? 2 : 1,
                           eights, "d");
    Value y = k.stepImm(VectorKind::Mul0, k.narrow(sum),
                        cap != 0 ? scale / cap : scale);
    if (cap != 0)
      y = k.stepImm(VectorKind::Mul1, k.step(VectorKind::Tanh, y), cap);
    y = k.widen(y, sum);
    if (limits)
      y = k.stepVrf(VectorKind::Min, y, limitOfKeys);
    k.commit(y, score);
  });
}

/// Scores of stretches [from, to) and what limits them, in turns.
void Attention::pass(Value limit, bool perHead, int64_t from, int64_t to,
                     function_ref<Value(Value)> steps) {
  DigitList time = keys(from, to, 8), packet = {k.digit("t", 8)};
  auto some = [&](DigitList rows, Value part, Value of) {
    k.exec(Context::Main, [&] {
      Value x = k.collect(k.fetchPair(part, of, join(rows, time), packet));
      k.commit(steps(x), part);
    });
  };
  if (perHead) {
    some({h, m}, this->some(score, {h, m}, from, to), limit);
    return;
  }
  int64_t bytes = m.size * (seen.last - seen.first) * plan.unit * 4;
  for (int64_t i = 0; i < h.size; ++i) {
    DigitList part = keys(from, to);
    part.front().extent = seen.last - seen.first;
    some({m},
         k.part(score, join({m}, part),
                i * bytes + (from - seen.first) * plan.unit * 4),
         limit);
  }
}

//===----------------------------------------------------------------------===//
// What is hidden
//===----------------------------------------------------------------------===//

/// A table over keys of stretches from `from` on, in data memory.
Value Attention::numbers(Value table, int64_t from) {
  DigitList local = keys(0, plan.units);
  Value all = k.dm(k.f32(), grid, local);
  k.copy(table, all);
  return from == 0 ? all
                   : k.part(all, keys(from, plan.units), from * plan.unit * 4);
}

/// Over queries and keys: no limit where a query sees a key.
Value Attention::orderLimit(Value lastSeen, bool isWindow) {
  int64_t from = seen.first, to = seen.last;
  Value key = numbers(keyNumbers, from);
  DigitList rows = {m, k.digit("x", 8)};
  Value last = k.dm(k.f32(), grid, rows);
  k.copy(k.hbm(lastSeen, {k.digit("m", plan.tileQueries()), k.digit("x", 8)},
               query * 8),
         last);
  int64_t mark = k.vrfMark();
  Value file = k.vrf(k.f32(), grid, rows);
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(last, {m}, {k.digit("x", 8)})), file);
  });
  Value limit = k.dm(k.f32(), grid, join({m}, keys(from, to)));
  k.exec(Context::Main, [&] {
    Value x = k.collect(
        k.fetch(key, join({m}, keys(from, to, 8)), {k.digit("t", 8)}));
    Value y = k.stepVrf(VectorKind::SubF, k.narrow(x), file);
    y = k.stepImm(VectorKind::Mul0, y, isWindow ? Steep : -Steep);
    y = k.widen(k.stepImm(VectorKind::Mul1, y, Steep), x);
    k.commit(k.stepImm(VectorKind::Max, y, floor), limit);
  });
  k.releaseVrf(mark);
  return limit;
}

void Attention::limitOrder() {
  auto join = [&](Value limit, int64_t from, int64_t to) {
    if (from == to)
      return;
    Value part = some(limit, {m}, from, to);
    pass(part, false, from, to,
         [&](Value x) { return k.zip(VectorKind::Min, x); });
  };
  int64_t last = query + plan.tileQueries() - 1;
  if (s.causal && s.lastKey(query) < seen.last * plan.stretch() - 1) {
    // The first queries see all keys of earlier stretches.
    int64_t whole = std::max<int64_t>(0, s.lastKey(query) + 1) / plan.stretch();
    join(orderLimit(lastKeys, false), std::max(seen.first, whole), seen.last);
  }
  if (s.window > 0 && s.lastKey(last) - s.window >= seen.first * plan.stretch())
    join(orderLimit(beforeWindow, true), seen.first, seen.last);
}

/// Of truth values, bytes, no limit or that of hidden keys.
Value Attention::maskLimit(Value bytes, const DigitList &rows) {
  Value limit = k.dm(k.f32(), grid, join(rows, seenKeys()));
  k.exec(Context::Main, [&] {
    Value x = k.fetch(bytes, join(rows, seenKeys(8)), {k.digit("t", 8)});
    x = k.toFloat(k.collect(k.fetchCast(x, k.i32())));
    Value y = k.stepImm(VectorKind::SubF, k.narrow(x), 0.5f);
    y = k.stepImm(VectorKind::Mul0, y, Steep);
    y = k.widen(k.stepImm(VectorKind::Mul1, y, Steep), x);
    k.commit(k.stepImm(VectorKind::Max, y, floor), limit);
  });
  return limit;
}

/// A mask of the tile, or its part for all queries, as the limit of scores or
/// added to them.
void Attention::limitByMask() {
  SmallVector<int64_t> shape = maskShape(op);
  DigitList outer, rows;
  int64_t first = 0;
  auto dimension = [&](bool has, DigitList digits, DigitList local,
                       int64_t size, int64_t from) {
    first *= has ? size : 1;
    first += has ? from : 0;
    if (has) {
      llvm::append_range(outer, digits);
      llvm::append_range(rows, local);
    }
  };
  dimension(shape[0] != 1, {inBatch[0]}, {}, s.batches, batch);
  dimension(shape[1] != 1, {inBatch[1], k.digit("h", h.size, 1, s.heads)}, {h},
            s.groups * s.heads, group * s.heads + head);
  dimension(shape[2] != 1, {k.digit("m", plan.tileQueries(), 1, s.queries)},
            {m}, s.queries, query);
  int64_t pitch = maskPitch(op);
  Value local = loadKeys({mask, outer, rows, {}, 1, first * pitch, pitch});
  // Of all keys those that are seen at all.
  DigitList part = seenKeys();
  part.front().extent = plan.units;
  local = k.part(local, join(rows, part),
                 seen.first * plan.unit * (isFloatMask() ? 4 : 1));
  bool hasHead = s.maskPerHead, hasQuery = s.maskPerQuery;
  bool isPart = seen.last - seen.first != plan.units;
  if (!isFloatMask())
    local = maskLimit(local, rows);
  auto add = [&](Value x) {
    Value y = k.widen(k.zip(VectorKind::AddF, k.narrow(x)), x);
    y = k.stepImm(VectorKind::Max, y, floor);
    return limitOfKeys ? k.stepVrf(VectorKind::Min, y, limitOfKeys) : y;
  };
  auto limit = [&](Value x) { return k.zip(VectorKind::Min, x); };
  // In the scores' layout: a row for each query, of the keys that are seen.
  if (!hasQuery || (isFloatMask() && isPart)) {
    DigitList all = hasHead ? DigitList{h, m} : DigitList{m};
    Value each = k.dm(k.f32(), grid, join(all, seenKeys()));
    k.exec(Context::Main, [&] {
      Value x = k.fetch(local, join(all, seenKeys(8)), {k.digit("t", 8)});
      k.commit(k.collect(x), each);
    });
    local = each;
  }
  if (isFloatMask())
    pass(local, hasHead, seen.first, seen.last, add);
  else
    pass(local, hasHead, seen.first, seen.last, limit);
}

/// Keys that do not exist, or that no query sees, in registers.
void Attention::keyLimit() {
  limitOfKeys = {};
  if (!isRagged())
    return;
  Value table = numbers(padding, seen.first);
  limitOfKeys = k.vrf(k.f32(), grid, seenKeys());
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(table, seenKeys(8), {k.digit("t", 8)})),
            limitOfKeys);
  });
}

//===----------------------------------------------------------------------===//
// Softmax and values
//===----------------------------------------------------------------------===//

/// Of what the slice has of each row.
Value Attention::reduceRows(Reduction kind) {
  Value x =
      k.collect(k.fetch(score, join({h, m}, seenKeys(8)), {k.digit("t", 8)}));
  int64_t count = (seen.last - seen.first) * plan.unit;
  return k.widenReduced(k.reduce(kind, k.narrow(x), "t", count));
}

/// The weights as they go by, by flits.
Value Attention::streamWeights() {
  Value x = k.fetch(score,
                    {h, m, k.digit("t", seen.last - seen.first, plan.stretch()),
                     k.digit("t", plan.unit / 16, 16)},
                    {k.digit("t", 16)});
  return k.collect(k.fetchCast(x, k.bf16()));
}

/// Of each row, from all slices. Products with ones are quicker than sums, for
/// the contraction engine adds more in a cycle than the vector engine, and adds
/// what values are multiplied with.
Value Attention::sumOfWeights() {
  Digit x = k.digit("x", 8);
  Value sum = k.dm(k.f32(), k.reduced(grid, plan.keyParts, true), {h, m, x});
  k.exec(Context::Main, [&] {
    Value y;
    if (plan.sumsByOnes)
      y = k.contract(streamWeights(), oneFile, plan.unit % 32 == 0 ? 2 : 1, {},
                     "t");
    else
      y = reduceRows(Reduction::Add);
    if (zeroesEmptyRows())
      y = k.stepImm(VectorKind::Max, y, Smallest);
    k.commit(k.reduceSlices(Reduction::Add, y, plan.keyParts, true), sum);
  });
  return k.dmOver(sum, k.f32(), grid, {h, m, x});
}

/// The score beside a row's keys, as statistics of rows lie.
Value Attention::sinkRows() {
  Digit y = k.digit("y", 2);
  Value each = k.dm(k.f32(), grid, {h, y});
  k.copy(k.hbm(sinks, {inBatch[1], k.digit("h", h.size, 1, s.heads), y},
               (group * s.heads + head) * 2, k.f32()),
         each);
  DigitList flit = {k.digit("w", 4), y};
  Value rows = k.dm(k.f32(), grid, join({h, m}, flit));
  k.exec(Context::Main, [&] {
    k.commit(k.collect(k.fetch(each, {h, m}, flit)), rows);
  });
  return k.part(rows, {h, m, k.digit("x", 8)}, 0);
}

/// Of two statistics of rows a third.
Value Attention::joined(Value first, Value second,
                        function_ref<Value(Value)> steps) {
  Digit x = k.digit("x", 8);
  Value out = k.dm(k.f32(), grid, {h, m, x});
  k.exec(Context::Main, [&] {
    k.commit(steps(k.collect(k.fetchPair(first, second, {h, m}, {x}))), out);
  });
  return out;
}

/// Scores become weights that are not divided by their sum yet; what they are
/// to be multiplied by, in registers.
Value Attention::weights() {
  int64_t parts = plan.keyParts, mark = k.vrfMark();
  DigitList time = join({h, m}, seenKeys(8)), packet = {k.digit("t", 8)};
  int64_t count = (seen.last - seen.first) * plan.unit;
  Digit x = k.digit("x", 8);
  Value most = k.dm(k.f32(), k.reduced(grid, parts, true), {h, m, x});
  k.exec(Context::Main, [&] {
    Value y = reduceRows(Reduction::Max);
    if (zeroesEmptyRows())
      y = k.stepImm(VectorKind::Max, y, Lowest);
    k.commit(k.reduceSlices(Reduction::Max, y, parts, true), most);
  });
  Value highest = k.dmOver(most, k.f32(), grid, {h, m, x});
  Value sink = sinks ? sinkRows() : Value();
  if (sink)
    highest = joined(highest, sink,
                     [&](Value y) { return k.zip(VectorKind::Max, y); });
  RowWork rows{k, grid, {h, m}, count, "t"};
  Value file = rows.toRegisters(highest);
  k.exec(Context::Main, [&] {
    Value y = k.collect(k.fetch(score, time, packet));
    Value less = k.stepVrf(VectorKind::SubF, k.narrow(y), file);
    k.commit(k.widen(k.step(VectorKind::Exp, less), y), score);
  });
  Value sum = sumOfWeights();
  if (sink) {
    Value weight = joined(sink, highest, [&](Value y) {
      Value less = k.zip(VectorKind::SubF, k.narrow(y));
      return k.widen(k.step(VectorKind::Exp, less), y);
    });
    sum = joined(sum, weight, [&](Value y) {
      return k.widen(k.zip(VectorKind::AddF, k.narrow(y)), y);
    });
  }
  k.releaseVrf(mark);
  return rows.toRegisters(rows.mapStatistic(sum, [&](Value y) {
    return k.stepImm(VectorKind::Div, y, 1, Arguments::OperandStream);
  }));
}

void Attention::values(Value factor) {
  int64_t parts = plan.keyParts;
  Digit eights = k.digit("e", s.width / 8, 8);
  Digit stretches = k.digit("t", seen.last - seen.first, plan.stretch());
  int64_t valueBytes = plan.unit * s.width / 8 * 2;
  Value file = k.part(valueFile, {stretches, eights, k.digit("t", plan.unit)},
                      seen.first * valueBytes);
  Grid shared = k.reduced(grid, parts, false);
  Digit e = k.digit("e", s.width);
  Value out = k.dm(k.f32(), shared, {h, m, e});
  k.exec(Context::Main, [&] {
    Value x =
        k.fetch(score, {h, m, stretches, k.digit("t", plan.unit / 16, 16)},
                {k.digit("t", 16)});
    x = k.collect(k.fetchCast(x, k.bf16()));
    Value sum = k.contract(x, file, plan.unit % 32 == 0 ? 2 : 1, {eights}, "t");
    Value y = k.stepVrf(VectorKind::Mul0, k.narrow(sum), factor);
    k.commit(k.reduceSlices(Reduction::Add, k.widen(y, sum), parts, false),
             out);
  });
  int64_t first =
      ((batch * s.groups + group) * s.heads + head) * s.queries + query;
  DigitList to =
      join(inBatch, {k.digit("h", h.size, 1, s.heads),
                     k.digit("m", plan.tileQueries(), 1, s.queries), e});
  k.copy(out, k.hbm(at.result, to, first * s.width));
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void Attention::queryTile(Value q) {
  seen = stretchesOf(s, plan, query, query + plan.tileQueries());
  score = k.dm(k.f32(), grid, join({h, m}, seenKeys()));
  keyLimit();
  scores(q);
  if (s.masked)
    limitByMask();
  limitOrder();
  values(weights());
}

void Attention::groupTile() {
  k.releaseAll();
  int64_t b = plan.batches, g = plan.groups;
  inBatch = {k.digit("b", b), k.digit("g", g, 1, s.groups)};
  grid = {};
  auto half = [&](Split split, StringRef axis, int64_t &size, int64_t stride) {
    if (plan.split != split)
      return;
    size /= split == Split::Queries ? 1 : 2;
    grid.cluster = {k.digit(axis, 2, stride)};
  };
  half(Split::Batches, "b", b, plan.batches / 2);
  half(Split::Groups, "g", g, plan.groups / 2);
  int64_t queries = plan.queryParts * plan.queries;
  half(Split::Queries, "m", queries, queries);
  grid.slice = {k.digit("b", b), k.digit("g", g),
                k.digit("m", plan.queryParts, plan.queries),
                k.digit("t", plan.keyParts, plan.unit)};
  h = k.digit("h", plan.heads);
  m = k.digit("m", plan.queries);
  bool isFirst = true;
  for (int64_t from = 0; from < s.heads; from += plan.heads)
    for (int64_t first : starts(s.queries, plan.tileQueries())) {
      head = from;
      query = first;
      if (!isFirst)
        k.releaseAll();
      // The first queries, few, before keys and values.
      Value q = loadQueries();
      if (isFirst)
        fillFiles();
      isFirst = false;
      queryTile(q);
    }
}

void Attention::run() {
  auto table = [&](int64_t count, int64_t times,
                   function_ref<float(int64_t)> number, DigitList digits) {
    SmallVector<float> all;
    for (int64_t i = 0; i < count; ++i)
      all.append(times, number(i));
    auto type = RankedTensorType::get({count * times}, k.f32());
    return k.constant(DenseElementsAttr::get(type, ArrayRef(all)), digits);
  };
  int64_t padded = plan.units * plan.stretch();
  DigitList keys = {k.digit("t", padded)};
  DigitList queries = {k.digit("m", s.queries), k.digit("x", 8)};
  auto plain = [](int64_t i) { return static_cast<float>(i); };
  if (s.causal || s.window > 0)
    keyNumbers = table(padded, 1, plain, keys);
  if (s.causal)
    lastKeys = table(
        s.queries, 8, [&](int64_t i) { return plain(s.lastKey(i)) + 0.5f; },
        queries);
  if (s.window > 0)
    beforeWindow = table(
        s.queries, 8,
        [&](int64_t i) { return plain(s.lastKey(i) - s.window) + 0.5f; },
        queries);
  if (isRagged())
    padding = table(
        padded, 1, [&](int64_t i) { return i < s.keys ? Infinity : -Infinity; },
        keys);
  for (int64_t b : starts(s.batches, plan.batches))
    for (int64_t g : starts(s.groups, plan.groups)) {
      batch = b;
      group = g;
      groupTile();
    }
}

void emitAttention(KernelBuilder &k, AttentionOp op, const KernelOperands &at) {
  AttentionShape s = shapeOfAttention(op);
  AttentionPlan plan = *planAttention(s);
  Value mask = op.getMask() ? at.inputs[3] : Value();
  if (hasShortMask(op))
    mask = emitPitch(k, op.getMask(), maskPitch(op), mask, at.scratch);
  Value sinks = op.getSinks() ? at.scratch.back() : Value();
  if (sinks)
    widenElements(k, at.inputs.back(), sinks, elementsOf(op.getSinks()));
  Attention(k, op, at, mask, sinks, s, plan).run();
}

} // namespace dure::rngd
