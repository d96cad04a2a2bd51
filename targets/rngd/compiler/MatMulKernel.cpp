// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of matrices: the right operand in the register files, eight columns
// to the lanes, the left operand streaming by. MatMulPlan.h says how both are
// divided.
#include "targets/rngd/compiler/MatMulKernel.h"
#include "targets/rngd/compiler/NarrowSums.h"

#include <array>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

namespace {

class MatMul {
public:
  MatMul(KernelBuilder &k, const Product &p, const MatMulPlan &plan,
         const KernelOperands &at, std::optional<FewBits> few,
         std::optional<Picked> picked = std::nullopt,
         std::optional<NarrowProduct> narrow = std::nullopt)
      : k(k), p(p), plan(plan), at(at), few(few), picked(picked) {
    if (narrow)
      this->narrow.emplace(k, p, plan, *narrow);
  }
  void run();

private:
  void tile();
  void beginGroup(size_t tile, ArrayRef<int64_t> columnTiles);
  void loadGroup(size_t first, ArrayRef<int64_t> columnTiles);
  void endGroup(int64_t first);
  void setGrid();
  void placeLeft(int64_t i);
  void layOut();
  Value loadParameters(Value from);
  void part(int64_t from, int64_t depth);
  void operands(int64_t from, int64_t depth);
  Value loadLeft(int64_t from, int64_t depth);
  Value loadRight(int64_t from, int64_t depth);
  Value widened(Value few, int64_t from, int64_t depth);
  Value parameterFile(Value all, int64_t first, int64_t count, int64_t from,
                      int64_t depth);
  /// Neighbours of a column with one scale, of `depth`.
  int64_t blockOf(int64_t depth) const { return p.block > 0 ? p.block : depth; }
  void multiply(Value left, Value file, int64_t from, int64_t depth,
                int64_t first, int64_t count);
  void multiplyTurned(int64_t first, int64_t count);
  void store(int64_t first, int64_t count);
  Value passing(Value rows, Digit some, int64_t depth);
  Type sumType() { return narrow ? narrow->sumType() : k.f32(); }
  Type resultType() { return narrow ? narrow->resultType() : k.f32(); }
  Type factorType() { return narrow ? elementOf(1) : k.bf16(); }
  void fetchRight(const DigitList &matrix, int64_t first, Value local);
  Value rowsOf(Value matrix, int64_t first, int64_t count,
               const DigitList &inner, int64_t from, bool isShared);
  DigitList inHbm(int64_t depth, int64_t together = 1) const;
  bool sharesRows() const { return picked && picked->sharesRows; }
  Type elementOf(unsigned input) const {
    return cast<HbmType>(at.inputs[input].getType()).getElementType();
  }

  KernelBuilder &k;
  const Product p;
  const MatMulPlan plan;
  const KernelOperands &at;
  const std::optional<FewBits> few;
  const std::optional<Picked> picked;
  /// Of operands in 8 bits.
  std::optional<NarrowSums> narrow;
  // The tile at hand.
  int64_t batch = 0, row = 0, column = 0;
  Grid grid;
  /// Slices that have results: of those that divide k the first, or all where
  /// sums of other parts are added.
  Grid summed;
  /// Over rounds of the ring, the rows of one, columns.
  Value result;
  /// Sums of one part of k, to be added to `result`; or a slice's own, before
  /// those of others are added.
  Value partial;
  // Parts of the operands, in turns: one is loaded while the other is used.
  std::array<Value, 2> lefts, rights, wides, gathered;
  /// Of the columns at hand, all.
  Value scales, zeros;
  /// The part at hand: rows in data memory, columns in the register files.
  Value rows, file;
  /// Where the operands of one part are of, so that the next tile, which may
  /// share one of them, need not load it.
  struct Origin {
    int64_t batch, first;
    bool operator==(const Origin &) const = default;
  };
  Origin ofRows() const {
    return {sharesRows() ? batch / p.batch : batch, row};
  }
  Origin ofColumns() const { return {batch, column}; }
  std::optional<Origin> rowsOrigin, fileOrigin;
  /// Tiles whose columns one transfer loads.
  struct Group {
    size_t first = 0, count = 0;
    Value place;
    /// Of one row, the results, which one transfer stores.
    Value results;

    size_t end() const { return first + count; }
  };
  Group group, next;
  /// Which of the group's.
  int64_t groupTile = 0;
  /// Of columns in memory, the type that DMA moves them as, and how many are
  /// in one of that.
  std::pair<Type, int64_t> moved() const {
    int64_t bits = elementOf(1).getIntOrFloatBitWidth();
    if (bits < 8)
      return {k.b.getI8Type(), 8 / bits};
    return {elementOf(1), 1};
  }
  /// Of halves of the vector register file.
  int64_t turn = 0;

  // Of k, what a slice has.
  const int64_t share = plan.share(p);
  // Rows of a round are neighbours.
  const int64_t rounds = plan.rounds(), piece = plan.pieceRounds();
  const Digit round = k.digit("m", rounds, plan.ringRows),
              ring = k.digit("m", plan.ringRows);
  // Columns of a slice.
  const Digit lanes = k.digit("n", plan.lanes),
              groups = k.digit("n", plan.columns / plan.lanes, plan.lanes);
};

} // namespace

/// Of each slice's share of k, `depth`, as all k lies in HBM by elements of
/// `together`.
DigitList MatMul::inHbm(int64_t depth, int64_t together) const {
  if (plan.sums == 1)
    return {k.digit("k", depth / together, 1, p.k / together)};
  return {k.digit("k", plan.sums, share), k.digit("k", depth, 1, share)};
}

/// In HBM, of the rows of `count` rounds what `inner` has from `from` on.
Value MatMul::rowsOf(Value matrix, int64_t first, int64_t count,
                     const DigitList &inner, int64_t from, bool isShared) {
  int64_t of = isShared ? batch / p.batch : batch;
  int64_t at =
      (of * p.m + row + first * plan.ringRows) * positions(inner) + from;
  DigitList digits;
  if (count == rounds)
    digits = {isShared ? k.digit("_", 1) : k.digit("b", plan.tileBatches()),
              k.digit("m", plan.tileRows(), 1, p.m)};
  else
    digits = {k.digit("m", plan.tileRows() / plan.rows, plan.rows),
              k.digit("m", count * plan.ringRows, 1, plan.rows)};
  digits.append(inner);
  return k.hbm(matrix, digits, at);
}

/// Some k of all rows of the tile, each once to a ring.
Value MatMul::loadLeft(int64_t from, int64_t depth) {
  int64_t cuts = plan.ring / plan.ringRows;
  Grid shared = grid;
  if (plan.sums == 1) {
    shared.slice.pop_back();
    shared.slice.push_back(ring);
    shared.slice.push_back(k.digit("k", cuts, depth / cuts));
  }
  Value local = k.dmOver(lefts[from / plan.depth % 2], elementOf(0), shared,
                         {round, k.digit("k", depth / cuts)});
  int64_t bytes = elementOf(0).getIntOrFloatBitWidth() / 8;
  for (auto [first, count] : plan.cuts()) {
    k.copy(
        rowsOf(at.inputs[0], first, count, inHbm(depth), from, sharesRows()),
        k.part(local,
               {k.digit("m", count, plan.ringRows), k.digit("k", depth / cuts)},
               first * (depth / cuts) * bytes));
    if (p.signsLeft)
      giveSigns(k, local, count * (depth / cuts), first * (depth / cuts));
  }
  return local;
}

/// Scales, or zero points, of some columns for a part of k, in the register
/// file: one number for many packets, those of neighbours side by side.
Value MatMul::parameterFile(Value all, int64_t first, int64_t count,
                            int64_t from, int64_t depth) {
  int64_t block = blockOf(depth), most = p.k / blockOf(p.k);
  int64_t start = p.block > 0 ? from / p.block : 0;
  DigitList some = {k.digit("n", count), k.digit("s", depth / block, 1, most)};
  Value here = k.part(all, some, (first * most + start) * 4);
  bool isAlong = depth / block % 2 == 0;
  Digit inner = some[isAlong ? 1 : 0], outer = some[isAlong ? 0 : 1];
  DigitList time = {outer};
  time.back().extent = outer.size;
  StringRef axis = inner.axis.getValue();
  int64_t width = std::gcd<int64_t>(inner.size, 8);
  time.push_back(k.digit(axis, inner.size / width, width));
  DigitList file = time;
  file.push_back(k.digit(axis, width, 1, 8));
  Value registers = k.vrf(k.f32(), grid, file);
  k.exec(Context::Sub, [&] {
    Value x = k.fetch(here, time, {k.digit(axis, width)});
    k.toVrf(k.collect(x), registers);
  });
  return registers;
}

/// A part in few bits as bf16. As many columns at a time as have their
/// parameters in the register file.
Value MatMul::widened(Value local, int64_t from, int64_t depth) {
  Value wide = k.dmOver(wides[from / plan.depth % 2], k.bf16(), grid,
                        {k.digit("n", plan.columns), k.digit("k", depth)});
  int64_t block = blockOf(depth), parts = depth / block, most = plan.columns;
  while (few->scale && !fitsParameters(most, parts))
    most = most % 4 == 0 ? most / 2 : 2;
  Type stored = elementOf(1);
  int64_t bits = stored.getIntOrFloatBitWidth();
  Type type = isa<IntegerType>(stored) ? k.i32() : k.f32();
  for (int64_t first = 0; first < plan.columns; first += most) {
    int64_t count = std::min(most, plan.columns - first);
    k.releaseVrf();
    Value scale, zero;
    if (few->scale)
      scale = parameterFile(scales, first, count, from, depth);
    if (few->zero)
      zero = parameterFile(zeros, first, count, from, depth);
    DigitList part = {k.digit("n", count), k.digit("s", parts),
                      k.digit("k", block)};
    DigitList time = {k.digit("n", count), k.digit("s", parts),
                      k.digit("k", block / 16, 16)};
    Value source = k.part(local, part, first * depth * bits / 8, stored),
          target = k.part(wide, part, first * depth * 2);
    k.exec(Context::Main, [&] {
      Value x = k.fetch(source, time, {k.digit("k", 16)});
      x = k.collect(k.fetchCast(x, type));
      if (few->zeroNumber != 0)
        x = k.stepInt(VectorKind::SubFxp, x, few->zeroNumber);
      if (type == k.i32())
        x = k.toFloat(x);
      Value y = k.narrow(x);
      if (zero)
        y = k.stepVrf(VectorKind::SubF, y, zero);
      y = scale ? k.stepVrf(VectorKind::Mul0, y, scale)
                : k.stepImm(VectorKind::Mul0, y, few->factor);
      k.commit(k.castFlits(k.widen(y, x), k.bf16()), target);
    });
  }
  return wide;
}

/// A part of the right operands of the tile's batches, from element `first` of
/// each on, laid out as `matrix`.
void MatMul::fetchRight(const DigitList &matrix, int64_t first, Value local) {
  Type moved = cast<DmType>(local.getType()).getElementType();
  DigitList digits = {picked ? k.digit("key", picked->matrices)
                             : k.digit("b", plan.tileBatches())};
  digits.append(matrix);
  if (!picked)
    return k.copy(k.hbm(at.inputs[1], digits, first, moved), local);
  // Of i64 the low half: DMA takes a number outside of the axis for a fault.
  Value index = k.hbm(picked->index,
                      {k.digit("b", plan.tileBatches()), k.digit("w", 1, 1, 2)},
                      batch * 2, k.i32());
  k.gather(k.hbm(at.inputs[1], digits, first, moved), index, "key", local);
}

/// Some k of the tile's columns, in the register files.
Value MatMul::loadRight(int64_t from, int64_t depth) {
  Digit n = k.digit("n", plan.columns), d = k.digit("k", depth);
  int64_t base = picked ? 0 : batch * p.n * p.k;
  Value local, place = rights[from / plan.depth % 2];
  if (p.rightByColumns) {
    local = k.dmOver(place, elementOf(1), grid, {d, n});
    DigitList matrix = inHbm(depth);
    matrix.push_back(k.digit("n", plan.tileColumns(), 1, p.n));
    fetchRight(matrix, base + from * p.n + column, local);
  } else {
    auto [type, together] = moved();
    local = k.dmOver(place, type, grid, {n, k.digit("k", depth / together)});
    DigitList matrix = {k.digit("n", plan.tileColumns(), 1, p.n)};
    matrix.append(inHbm(depth, together));
    if (group.count == 0)
      fetchRight(matrix, (base + column * p.k + from) / together, local);
  }
  if (few)
    local = widened(local, from, depth);
  if (p.signsRight)
    giveSigns(k, local, plan.columns * depth);
  k.releaseTrf();
  Value file = k.trf(factorType(), grid, {lanes}, {groups, d});
  int64_t flit = p.flit();
  Digit chunks = k.digit("k", depth / flit, flit), chunk = k.digit("k", flit);
  k.exec(Context::Main, [&] {
    Value x = k.fetch(local, {lanes, groups, chunks}, {chunk});
    k.toTrf(k.collect(k.fetchCast(x, factorType())), file);
  });
  if (narrow)
    narrow->follow(file, depth);
  return file;
}

/// Rows as they come by, in each slice of a ring.
Value MatMul::passing(Value rows, Digit some, int64_t depth) {
  int64_t inner = depth / (plan.ring / plan.ringRows), flit = p.flit();
  Value x = k.fetch(rows, {some, k.digit("k", inner / flit, flit)},
                    {k.digit("k", flit)});
  x = narrow ? narrow->fetched(x) : k.fetchCast(x, k.bf16());
  if (plan.ring > 1)
    x = k.passRound(x, plan.ring, grid,
                    {some, ring, k.digit("k", depth / flit, flit)});
  return k.collect(x);
}

/// The rows of `count` rounds go by the register files.
void MatMul::multiply(Value left, Value file, int64_t from, int64_t depth,
                      int64_t first, int64_t count) {
  int64_t inner = depth / (plan.ring / plan.ringRows);
  Digit columns = k.digit("n", plan.columns),
        some = k.digit("m", count, plan.ringRows);
  int64_t bytes = elementOf(0).getIntOrFloatBitWidth() / 8;
  Value rows = k.part(left, {some, k.digit("k", inner)}, first * inner * bytes);
  int64_t offset = first * plan.ringRows * plan.columns * 4;
  bool isLast = from + depth == share;
  Value target = k.part(result, {some, ring, columns}, offset);
  // What the last part makes takes the place of the sums before it.
  Value done = isLast
                   ? k.part(result, {some, ring, columns}, offset, resultType())
                   : target;
  Value ofRows =
      narrow ? narrow->sumRows(some, depth,
                               [&] { return passing(rows, some, depth); })
             : Value();
  Value before, sums = done, own = target;
  bool addsAfter = from > 0 && plan.addsAfter;
  if (partial)
    own = k.part(partial, {some, ring, columns}, offset);
  if (plan.addsAfter ? addsAfter : !isLast)
    sums = own;
  if (from > 0 && !addsAfter) {
    k.releaseVrf(narrow ? narrow->nextHalf() : turn++ % 2 * (VrfBytes / 2));
    before = k.vrf(sumType(), grid, {some, ring, columns});
    k.exec(Context::Sub, [&] {
      Value x = k.fetch(own, {some, ring, groups}, {lanes});
      k.toVrf(k.collect(x), before);
    });
  }
  k.exec(Context::Main, [&] {
    Value x = passing(rows, some, depth);
    Value sum =
        k.contract(x, file, depth % p.packet() == 0 ? 2 : 1, {groups}, "k");
    if (narrow)
      sum = narrow->joined(sum, before, ofRows, isLast && !addsAfter);
    else if (before)
      sum = k.stepVrf(VectorKind::ClipAdd, sum, before);
    if (plan.sums > 1 && (isLast || plan.addsAfter))
      sum = k.reduceSlices(Reduction::Add, sum, plan.sums, plan.addsAfter);
    k.commit(sum, sums);
  });
  if (!addsAfter)
    return;
  k.exec(Context::Main, [&] {
    Value x =
        k.collect(k.fetchPair(target, sums, {some, ring, groups}, {lanes}));
    Value sum = narrow && narrow->hasWords()
                    ? k.zip(VectorKind::AddFxp, x)
                    : k.widen(k.zip(VectorKind::AddF, k.narrow(x)), x);
    k.commit(narrow && isLast ? narrow->scaled(sum) : sum, done);
  });
}

/// The same of a turned product. What leaves is columns of the result, of each
/// of which two rows become neighbours.
void MatMul::multiplyTurned(int64_t first, int64_t count) {
  Digit some = k.digit("m", count), columns = k.digit("n", plan.columns);
  int64_t bytes = elementOf(0).getIntOrFloatBitWidth() / 8;
  Value from = k.part(rows, {some, k.digit("k", share)}, first * share * bytes);
  Value target =
      k.part(result, {columns, k.digit("m", count, 1, plan.rows)}, first * 4);
  k.exec(Context::Main, [&] {
    Value sum = k.contract(passing(from, some, share), file,
                           share % p.packet() == 0 ? 2 : 1, {groups}, "k");
    if (plan.sums > 1)
      sum = k.reduceSlices(Reduction::Add, sum, plan.sums, false);
    k.commit(k.transpose(sum, 2, groups.size * 8,
                         {k.digit("m", count / 2, 2), groups, lanes},
                         {k.digit("m", 2, 1, 8)}),
             target);
  });
}

/// Columns are filled into the register files, and stay there while the rows
/// of other tiles go by; rows stay in data memory where there is one tile of
/// them.
void MatMul::operands(int64_t from, int64_t depth) {
  bool stays = depth == share;
  if (!stays || fileOrigin != ofColumns()) {
    file = loadRight(from, depth);
    fileOrigin = ofColumns();
  }
  if (!stays || rowsOrigin != ofRows()) {
    rows = loadLeft(from, depth);
    rowsOrigin = ofRows();
  }
}

void MatMul::part(int64_t from, int64_t depth) {
  operands(from, depth);
  bool isLast = from + depth == share;
  // As many rounds at a time as sums can be continued for.
  int64_t most =
      depth == share || plan.addsAfter
          ? piece
          : std::clamp<int64_t>(continuedRows(p, plan.columns) / plan.ringRows,
                                1, piece);
  if (narrow)
    most = std::max<int64_t>(
        narrow->mostRows(most * plan.ringRows) / plan.ringRows, 1);
  for (auto [begin, count] : plan.cuts()) {
    if (plan.isTurned) {
      multiplyTurned(begin, count);
      continue;
    }
    int64_t end = begin + count;
    for (int64_t first = begin; first < end; first += most)
      multiply(rows, file, from, depth, first, std::min(most, end - first));
    if (isLast && !group.results)
      store(begin, count);
  }
  if (plan.isTurned)
    k.copy(result, k.hbm(at.result, {k.digit("n", p.n), k.digit("m", p.m)}));
}

/// Neighbours' columns side by side, then all to HBM.
void MatMul::store(int64_t first, int64_t count) {
  Digit some = k.digit("m", count, plan.ringRows);
  Value from = k.part(result, {some, ring, k.digit("n", plan.columns)},
                      first * plan.ringRows * plan.columns * 4, resultType());
  if (plan.gathered > 1) {
    int64_t columns = plan.gathered * plan.columns;
    Grid shared = grid;
    shared.slice.pop_back();
    shared.slice.push_back(k.digit("n", plan.ring / plan.gathered, columns));
    shared.slice.push_back(k.digit("_", plan.gathered));
    Digit neighbours = k.digit("n", plan.gathered, plan.columns);
    Value together = k.dmOver(gathered[first / piece % 2], resultType(), shared,
                              {some, ring, k.digit("n", columns)});
    k.exec(Context::Main, [&] {
      Value x = k.fetch(from, {some, ring, groups}, {lanes});
      x = k.passRound(x, plan.gathered, shared,
                      {some, ring, neighbours, groups});
      k.commit(k.collect(x), together);
    });
    from = together;
  }
  k.copy(from, rowsOf(at.result, first, count,
                      {k.digit("n", plan.tileColumns(), 1, p.n)}, column,
                      /*isShared=*/false));
}

/// Scales or zero points of the tile's columns.
Value MatMul::loadParameters(Value from) {
  Digit parts = k.digit("s", p.k / blockOf(p.k));
  Value local = k.dm(k.f32(), grid, {k.digit("n", plan.columns), parts});
  k.copy(k.hbm(from, {k.digit("n", plan.tileColumns(), 1, p.n), parts},
               column * parts.size),
         local);
  return local;
}

/// The slices.
void MatMul::setGrid() {
  int64_t ofRing = plan.ring * plan.columns,
          ofCluster = plan.columnGroups * ofRing;
  grid = {};
  if (plan.splitsRows)
    grid.cluster = {k.digit("m", 2, plan.rowGroups * plan.rows)};
  if (plan.splitsColumns)
    grid.cluster = {k.digit("n", 2, ofCluster)};
  if (plan.splitsBatches)
    grid.cluster = {k.digit("b", 2, plan.batches)};
  grid.slice = {k.digit("b", plan.batches),
                k.digit("m", plan.rowGroups, plan.rows),
                k.digit("n", plan.columnGroups, ofRing),
                plan.sums > 1 ? k.digit("k", plan.sums, share)
                              : k.digit("n", plan.ring, plan.columns)};
  summed = plan.sums > 1 ? k.reduced(grid, plan.sums, plan.addsAfter) : grid;
}

/// Memory for the rows of a part of k, which stay where there is one tile of
/// them.
void MatMul::placeLeft(int64_t i) {
  if (rowsOrigin)
    k.unpin(lefts[i]);
  lefts[i] = k.dm(elementOf(0), grid,
                  {k.digit("x", plan.rows * plan.depth / plan.ring)});
  if (plan.depth == share && p.m == plan.tileRows())
    k.pin(lefts[i]);
}

/// Memory for the tile at hand.
void MatMul::layOut() {
  setGrid();
  DigitList sums = {round, ring, k.digit("n", plan.columns)};
  if (plan.isTurned)
    sums = {k.digit("n", plan.columns), round};
  result = group.results
               ? k.part(group.results, sums, groupTile * plan.columns * 4)
               : k.dm(sumType(), summed, sums);
  bool isWhole = plan.depth == share;
  if (!isWhole && (plan.addsAfter || plan.sums > 1))
    partial = k.dm(sumType(), plan.addsAfter ? summed : grid, sums);
  for (int64_t i = 0; i < (isWhole ? 1 : 2); ++i) {
    if (!isWhole || rowsOrigin != ofRows())
      placeLeft(i);
    if (isWhole && fileOrigin == ofColumns())
      continue;
    Digit all = k.digit("x", plan.columns * plan.depth);
    if (group.count == 0)
      rights[i] = k.dm(elementOf(1), grid, {all});
    if (few)
      wides[i] = k.dm(k.bf16(), grid, {all});
  }
  if (!isWhole || fileOrigin != ofColumns()) {
    if (few && few->scale)
      scales = loadParameters(at.inputs[2]);
    if (few && few->zero)
      zeros = loadParameters(at.inputs[3]);
    if (narrow && narrow->scalesColumns()) {
      scales = loadParameters(at.inputs[2]);
      k.releaseVrf();
      narrow->setScales(parameterFile(scales, 0, plan.columns, 0, p.k));
    }
  }
  if (narrow)
    narrow->layOut();
  int64_t gatheredSize = piece * plan.ringRows * plan.columns * plan.gathered;
  for (int64_t i = 0; plan.gathered > 1 && i < std::min<int64_t>(2, rounds);
       ++i)
    gathered[i] = k.dm(k.f32(), grid, {k.digit("x", gatheredSize)});
}

void MatMul::tile() {
  k.releaseAll();
  layOut();
  for (int64_t from = 0; from < share; from += plan.depth)
    part(from, std::min(plan.depth, share - from));
}

/// The columns of some tiles, from `first` on.
void MatMul::loadGroup(size_t first, ArrayRef<int64_t> columnTiles) {
  int64_t count = plan.tilesTogether(p, int64_t(first));
  auto [type, together] = moved();
  Digit t = k.digit("t", count);
  next = {first, static_cast<size_t>(count), {}, {}};
  next.place =
      k.dm(type, grid,
           {t, k.digit("n", plan.columns), k.digit("k", share / together)});
  k.pin(next.place);
  k.copy(
      k.hbm(at.inputs[1],
            {t, k.digit("n", plan.tileColumns()), k.digit("k", p.k / together)},
            columnTiles[first] * p.k / together, type),
      next.place);
}

/// What comes after this group is loaded while it is computed.
void MatMul::beginGroup(size_t tile, ArrayRef<int64_t> columnTiles) {
  if (tile < group.end())
    return;
  if (group.count > 0) {
    k.unpin(group.place);
  } else {
    // Rows first: all tiles need them.
    placeLeft(0);
    rows = loadLeft(0, share);
    rowsOrigin = ofRows();
    loadGroup(tile, columnTiles);
  }
  group = next;
  if (p.m == 1)
    group.results =
        k.dm(sumType(), summed,
             {k.digit("t", int64_t(group.count)), k.digit("n", plan.columns)});
  if (group.end() < columnTiles.size())
    loadGroup(group.end(), columnTiles);
}

void MatMul::endGroup(int64_t first) {
  Digit t = k.digit("t", int64_t(group.count));
  k.copy(
      k.part(group.results, {t, k.digit("n", plan.columns)}, 0, resultType()),
      k.hbm(at.result, {t, k.digit("n", plan.tileColumns())}, first));
}

void MatMul::run() {
  if (narrow) {
    setGrid();
    narrow->prepare(grid, at.inputs);
  }
  SmallVector<int64_t> batches, columnTiles = starts(p.n, plan.tileColumns());
  for (int64_t product = 0; product < (picked ? picked->products : 1);
       ++product)
    for (int64_t b : starts(p.batch, plan.tileBatches()))
      batches.push_back(product * p.batch + b);
  for (int64_t b : batches)
    for (auto [i, n] : llvm::enumerate(columnTiles)) {
      if (plan.loadsTogether) {
        setGrid();
        beginGroup(i, columnTiles);
        groupTile = int64_t(i - group.first);
        rights[0] = k.dmWithin(group.place, groupTile * columnBytes(p, plan),
                               elementOf(1), grid,
                               {k.digit("x", plan.columns * plan.depth)});
      }
      for (int64_t m : starts(p.m, plan.tileRows())) {
        batch = b;
        row = m;
        column = n;
        tile();
      }
      if (group.results && i + 1 == group.end())
        endGroup(columnTiles[group.first]);
    }
}

void emitProduct(KernelBuilder &k, const Product &p, const MatMulPlan &plan,
                 const KernelOperands &at, std::optional<FewBits> few,
                 std::optional<Picked> picked,
                 std::optional<NarrowProduct> narrow) {
  MatMul(k, p, plan, at, few, picked, narrow).run();
}

} // namespace dure::rngd
