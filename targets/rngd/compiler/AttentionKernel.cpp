// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention: a group's heads and a part of its queries to a slice; scores,
// softmax and the sum over values stay in its data memory.
#include "targets/rngd/compiler/RowKernel.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// Far enough below any score that its weight is 0, and finite.
constexpr float Hidden = 1e30f;

struct Sizes {
  int64_t groups, heads, queries, keys, depth, width;
  /// Groups of one batch, and what the mask repeats over.
  int64_t perBatch;
};

Sizes sizesOf(AttentionOp op) {
  ArrayRef<int64_t> q = shapeOf(op.getQ()), k = shapeOf(op.getK()),
                    v = shapeOf(op.getV());
  return {k[0] * k[1], q[1] / k[1], q[2], k[2], q[3], v[3], k[1]};
}

/// Keys and values whose rows the register file holds at a time.
int64_t keyBlock(const Sizes &s) {
  return std::min<int64_t>(s.keys, LaneElements / s.depth * 8);
}
int64_t valueBlock(const Sizes &s) {
  return std::min<int64_t>(s.keys, LaneElements / (s.width / 8) / 32 * 32);
}
/// Of the buffer that they come through.
int64_t blockBytes(const Sizes &s) {
  return 4 * std::max(keyBlock(s) * s.depth, valueBlock(s) * s.width);
}

/// Of a query of all heads: itself, scores, statistics, results and what is
/// added to them, and two rows of a mask.
int64_t queryBytes(const Sizes &s) {
  return 4 * (s.heads * (s.depth + 2 * s.width + s.keys + 16) + 2 * s.keys);
}

class Attention {
public:
  Attention(KernelBuilder &k, AttentionOp op, const KernelOperands &at)
      : k(k), op(op), at(at), s(sizesOf(op)) {}
  void run();

private:
  void part(int64_t group, int64_t groups, int64_t query, int64_t parts,
            int64_t each);
  Value bias(const Grid &grid, int64_t group, int64_t query, int64_t count,
             int64_t each);
  void scores(Value q, int64_t group, Value bias, Value out);
  void values(Value weights, int64_t group, Value out);
  /// Some keys' rows, of every group of the grid, in `buffer`.
  Value load(Value from, int64_t group, int64_t first, int64_t count,
             int64_t width, StringRef axis);

  KernelBuilder &k;
  AttentionOp op;
  const KernelOperands &at;
  Sizes s;
  Grid grid;
  Digit h, m;   // heads of a group, queries of a slice
  Value buffer; // some keys or values
};

} // namespace

/// What is added to scores: 0, or far below 0 where a key is hidden. In data
/// memory over queries and keys; none without a mask.
Value Attention::bias(const Grid &grid, int64_t group, int64_t query,
                      int64_t count, int64_t each) {
  Digit t = k.digit("t", s.keys);
  if (op.getCausal()) {
    // Query i sees keys up to i + keys - queries.
    SmallVector<float> table;
    for (int64_t i = query; i < query + count; ++i)
      for (int64_t j = 0; j < s.keys; ++j) {
        int64_t last = i + s.keys - s.queries;
        bool seen = j <= last &&
                    (op.getWindow() == 0 || j > last - int64_t(op.getWindow()));
        table.push_back(seen ? 0.0f : -Hidden);
      }
    auto type = RankedTensorType::get({count, s.keys}, k.f32());
    Value all = k.constant(DenseElementsAttr::get(type, ArrayRef(table)),
                           {k.digit("m", count), t});
    Value local = k.dm(k.f32(), grid, {m, t});
    k.copy(all, local);
    return local;
  }
  if (!op.getMask())
    return {};
  ArrayRef<int64_t> mask = shapeOf(op.getMask());
  // [batch or 1, 1, queries or 1, keys]
  int64_t batch = group / s.perBatch;
  bool perQuery = mask[2] != 1;
  int64_t rows = mask[2];
  int64_t first = (mask[0] == 1 ? 0 : batch * rows * s.keys) +
                  (perQuery ? query * s.keys : 0);
  DigitList from = {t};
  if (perQuery)
    from.insert(from.begin(), k.digit("m", count));
  DigitList digits = {m, t};
  Type type = cast<RankedTensorType>(op.getMask().getType()).getElementType();
  if (type.isF32()) {
    Value local = k.dm(k.f32(), grid, digits);
    k.copy(k.hbm(at.inputs[3], from, first), local);
    return local;
  }
  Value bytes = k.dm(k.b.getI8Type(), grid, digits);
  k.copy(k.hbm(at.inputs[3], from, first), bytes);
  Value local = k.dm(k.f32(), grid, digits);
  k.exec(Context::Main, [&] {
    Value seen =
        k.fetch(bytes, {m, k.digit("t", s.keys / 8, 8)}, {k.digit("t", 8)});
    seen = k.collect(k.fetchCast(seen, k.i32()));
    auto from = cast<StreamType>(seen.getType());
    auto floats = StreamType::get(k.b.getContext(), k.f32(), from.getCluster(),
                                  from.getSlice(), from.getLane(),
                                  from.getTime(), from.getPacket());
    Value x = tcp::VectorOp::create(
        k.b, floats, seen, Value(), VectorKind::I32ToF32,
        Arguments::StreamOperand, Attribute(), false, false);
    Value y = k.stepImm(VectorKind::SubF, k.narrow(x), 1);
    y = k.stepImm(VectorKind::Mul0, y, Hidden);
    k.commit(k.widen(y, x), local);
  });
  return local;
}

Value Attention::load(Value from, int64_t group, int64_t first, int64_t count,
                      int64_t width, StringRef axis) {
  DigitList local = {k.digit("t", count), k.digit(axis, width)};
  Value some = k.part(buffer, local, 0);
  k.copy(k.hbm(from,
               {grid.slice.front(), k.digit("t", count, 1, s.keys),
                k.digit(axis, width)},
               (group * s.keys + first) * width),
         some);
  return some;
}

void Attention::scores(Value q, int64_t group, Value bias, Value out) {
  Digit chunks = k.digit("d", s.depth / 16, 16), chunk = k.digit("d", 16);
  int64_t block = keyBlock(s);
  int64_t pack = s.depth % 32 == 0 ? 2 : 1;
  float scale = op.getScale().convertToFloat();
  for (int64_t first = 0; first < s.keys; first += block) {
    int64_t count = std::min(block, s.keys - first);
    Digit lanes = k.digit("t", 8), eights = k.digit("t", count / 8, 8);
    k.releaseTrf();
    Value file =
        k.trf(k.bf16(), grid, {lanes}, {eights, k.digit("d", s.depth)});
    Value some = load(at.inputs[1], group, first, count, s.depth, "d");
    k.exec(Context::Main, [&] {
      Value x = k.fetch(some, {lanes, eights, chunks}, {chunk});
      k.toTrf(k.collect(k.fetchCast(x, k.bf16())), file);
    });
    Value target =
        k.part(out, {h, m, k.digit("t", count, 1, s.keys)}, first * 4);
    k.exec(Context::Main, [&] {
      Value x =
          k.collect(k.fetchCast(k.fetch(q, {h, m, chunks}, {chunk}), k.bf16()));
      Value sum = k.contract(x, file, pack, {eights}, "d");
      Value y = k.widen(k.stepImm(VectorKind::Mul0, k.narrow(sum), scale), sum);
      k.commit(y, target);
    });
  }
  if (!bias)
    return;
  // Head by head: the mask has none.
  Digit t = k.digit("t", s.keys);
  for (int64_t head = 0; head < h.size; ++head) {
    Value rows = k.part(out, {m, t}, head * m.size * s.keys * 4);
    k.exec(Context::Main, [&] {
      Value x = k.collect(k.fetchPair(
          rows, bias, {m, k.digit("t", s.keys / 8, 8)}, {k.digit("t", 8)}));
      k.commit(k.widen(k.zip(VectorKind::AddF, k.narrow(x)), x), rows);
    });
  }
}

void Attention::values(Value weights, int64_t group, Value out) {
  int64_t block = valueBlock(s);
  Digit lanes = k.digit("e", 8), eights = k.digit("e", s.width / 8, 8);
  for (int64_t first = 0; first < s.keys; first += block) {
    int64_t count = std::min(block, s.keys - first);
    Digit chunks = k.digit("t", count / 16, 16), chunk = k.digit("t", 16);
    k.releaseTrf();
    Value file = k.trf(k.bf16(), grid, {lanes}, {eights, k.digit("t", count)});
    Value some = load(at.inputs[2], group, first, count, s.width, "e");
    k.exec(Context::Main, [&] {
      Value x = k.fetch(some, {lanes, eights, chunks}, {chunk});
      k.toTrf(k.collect(k.fetchCast(x, k.bf16())), file);
    });
    Value rows =
        k.part(weights, {h, m, k.digit("t", count, 1, s.keys)}, first * 4);
    Value sum =
        first == 0 ? out : k.dm(k.f32(), grid, {h, m, k.digit("e", s.width)});
    k.exec(Context::Main, [&] {
      Value x = k.collect(
          k.fetchCast(k.fetch(rows, {h, m, chunks}, {chunk}), k.bf16()));
      k.commit(k.contract(x, file, count % 32 == 0 ? 2 : 1, {eights}, "t"),
               sum);
    });
    if (first == 0)
      continue;
    k.exec(Context::Main, [&] {
      Value x = k.collect(k.fetchPair(out, sum, {h, m, eights}, {lanes}));
      k.commit(k.widen(k.zip(VectorKind::AddF, k.narrow(x)), x), out);
    });
  }
}

void Attention::part(int64_t group, int64_t groups, int64_t query,
                     int64_t parts, int64_t each) {
  k.releaseAll();
  grid = {{}, {k.digit("g", groups), k.digit("m", parts, each)}};
  h = k.digit("h", s.heads);
  m = k.digit("m", each);
  int64_t count = parts * each;
  Digit g = k.digit("g", groups), d = k.digit("d", s.depth),
        t = k.digit("t", s.keys), e = k.digit("e", s.width);
  Digit some = k.digit("m", count, 1, s.queries);

  Value q = k.dm(k.f32(), grid, {h, m, d});
  k.copy(k.hbm(at.inputs[0], {g, h, some, d},
               (group * s.heads * s.queries + query) * s.depth),
         q);
  buffer = k.dm(k.f32(), grid, {k.digit("x", blockBytes(s) / 4)});
  Value added = bias(grid, group, query, count, each);
  Value score = k.dm(k.f32(), grid, {h, m, t});
  scores(q, group, added, score);
  RowWork rows{k, grid, {h, m}, s.keys, "t"};
  rows.softmax(score, score);
  Value out = k.dm(k.f32(), grid, {h, m, e});
  values(score, group, out);
  k.copy(out, k.hbm(at.result, {g, h, some, e},
                    (group * s.heads * s.queries + query) * s.width));
}

void Attention::run() {
  int64_t perPart = op.getMask() && shapeOf(op.getMask())[0] != 1
                        ? std::min(s.perBatch, SlicesPerCluster)
                        : std::min(s.groups, SlicesPerCluster);
  int64_t most =
      std::max<int64_t>(1, (DmBudget - blockBytes(s)) / queryBytes(s));
  most = std::min<int64_t>(most, std::max<int64_t>(1, 96 / s.heads));
  for (int64_t group = 0; group < s.groups;) {
    int64_t groups = std::min(perPart, s.groups - group);
    if (perPart == s.perBatch)
      groups = std::min(groups, s.perBatch - group % s.perBatch);
    for (int64_t query = 0; query < s.queries;) {
      int64_t rest = s.queries - query, parts = SlicesPerCluster / groups;
      int64_t each = std::min<int64_t>(most, llvm::divideCeil(rest, parts));
      parts = std::min(parts, rest / each);
      part(group, groups, query, parts, each);
      query += parts * each;
    }
    group += groups;
  }
}

Refusal attentionRefusal(AttentionOp op) {
  for (Value value : {op.getQ(), op.getK(), op.getV(), op.getResult()})
    if (!isStaticF32(value) || elementsOf(value) == 0)
      return "attention here is of f32 and fixed sizes";
  if (op.getSinks() || op.getSoftcap().convertToFloat() != 0)
    return "it has sinks or a soft cap";
  Sizes s = sizesOf(op);
  if (s.depth % 16 != 0 || s.width % 8 != 0)
    return "heads are no multiple of 16";
  if (s.keys % 16 != 0)
    return "the number of keys is no multiple of 16";
  if (op.getCausal() && op.getMask())
    return "it has a mask beside its causal one";
  if (op.getWindow() != 0 && !op.getCausal())
    return "it has a window but is not causal";
  if (op.getCausal() && s.keys < s.queries)
    return "some queries see no key";
  if (Value mask = op.getMask()) {
    auto type = cast<RankedTensorType>(mask.getType());
    if (!type.hasStaticShape() || type.getRank() != 4 ||
        type.getDimSize(1) != 1 || type.getDimSize(3) != s.keys)
      return "its mask differs between heads or repeats over keys";
    if (!type.getElementType().isInteger(1) ||
        op.getEmptyRow() != EmptyRow::Mean)
      return "its mask is not of truth values, or rows without keys are not "
             "their values' mean";
  }
  if (blockBytes(s) + queryBytes(s) > DmBudget)
    return "keys and values of a group do not fit a slice's data memory";
  if (s.heads > 96)
    return "a group has more than 96 heads";
  return std::nullopt;
}

void emitAttention(KernelBuilder &k, AttentionOp op, const KernelOperands &at) {
  Attention(k, op, at).run();
}

} // namespace dure::rngd
