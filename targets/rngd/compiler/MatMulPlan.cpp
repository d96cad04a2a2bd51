// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A search over all divisions that fit.
#include "targets/rngd/compiler/MatMulPlan.h"

#include "targets/rngd/compiler/KernelBuilder.h"
#include "targets/rngd/compiler/MatMulCost.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>
#include <optional>

using namespace dure::rngd;
using llvm::ArrayRef;
using llvm::divideCeil;

namespace {

/// Columns of a slice that are tried. Of a turned product those that the
/// transpose engine takes at once (transpose-engine.md).
constexpr int64_t Columns[] = {2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256};
constexpr int64_t TurnedColumns[] = {1, 2, 4, 8, 16, 32};

class Search {
public:
  Search(const Product &p, Profile by, bool isTurned,
         std::optional<MatMulPlan> &best)
      : p(p), by(by), isTurned(isTurned), best(best) {}
  void run();

private:
  void divide(MatMulPlan plan);
  void rowsOf(MatMulPlan plan);
  void consider(MatMulPlan plan);
  void considerTurned(MatMulPlan plan);
  bool fits(MatMulPlan &plan) const;
  void weigh(MatMulPlan plan);
  bool settles(MatMulPlan &plan) const;
  bool canSum(const MatMulPlan &plan) const;
  bool canLoadTogether(const MatMulPlan &plan) const;

  const Product p;
  const Profile by;
  const bool isTurned;
  std::optional<MatMulPlan> &best;
};

} // namespace

int64_t Product::flit() const { return FlitBytes * 8 / macBits; }

int64_t Product::laneElements() const { return TrfBytes / Lanes * 8 / macBits; }

int64_t dure::rngd::scaleBytes(const Product &p, int64_t columns) {
  return p.scalesColumns ? llvm::alignTo(columns * 4, FlitBytes) : 0;
}

int64_t dure::rngd::continuedRows(const Product &p, int64_t columns) {
  return (VrfBytes - scaleBytes(p, columns)) / 2 / 4 / columns;
}

int64_t dure::rngd::parameterFlits(int64_t columns, int64_t parts) {
  int64_t neighbours = parts % 2 == 0 ? parts : columns;
  return columns * parts / std::gcd<int64_t>(neighbours, 8);
}

bool dure::rngd::fitsParameters(int64_t columns, int64_t parts) {
  return parameterFlits(columns, parts) * FlitBytes <= VrfBytes / 2;
}

/// Scales of a column.
static int64_t scales(const Product &p) {
  return p.block > 0 ? p.k / p.block : 1;
}

/// Of parts of k the unit: whole packets, and of blocks an even number.
static int64_t depthUnit(const Product &p) {
  return p.block > 0 ? std::lcm(p.packet(), 2 * p.block) : p.packet();
}

/// What columns in few bits are made into, and what of.
int64_t dure::rngd::widenedBytes(const Product &p, const MatMulPlan &plan) {
  return p.isWidened
             ? plan.columns * plan.depth * 2 + plan.columns * scales(p) * 4
             : 0;
}

/// Of a slice, in memory.
int64_t dure::rngd::columnBytes(const Product &p, const MatMulPlan &plan) {
  return plan.columns * plan.depth * p.rightBits / 8;
}

int64_t dure::rngd::bytesBesideColumns(const Product &p,
                                       const MatMulPlan &plan) {
  int64_t results = plan.rows * plan.columns * 4;
  return plan.rows * plan.share(p) / plan.ring * p.leftBytes +
         widenedBytes(p, plan) + (2 + plan.gathered) * results;
}

/// Whether each of `plan.ring` slices gets a multiple of a flit of each part of
/// k when `rows` rows are shared out.
static bool canShare(const Product &p, const MatMulPlan &plan, int64_t rows) {
  int64_t unit = p.flit() * (plan.ring / rows), share = plan.share(p);
  return plan.rows % rows == 0 && std::min(plan.depth, share) % unit == 0 &&
         share % plan.depth % unit == 0;
}

/// Whether the parameters of two columns fit for each part of k: the last one
/// may be shorter, and its parameters be packed less densely for that.
static bool canWiden(const Product &p, int64_t depth) {
  if (p.block == 0)
    return fitsParameters(2, 1);
  int64_t rest = p.k % depth;
  return fitsParameters(2, std::min(depth, p.k) / p.block) &&
         (rest == 0 || fitsParameters(2, rest / p.block));
}

int64_t MatMulPlan::tilesTogether(const Product &p, int64_t first) const {
  int64_t most = std::max<int64_t>(
      1, (DmBudget - bytesBesideColumns(p, *this)) / 2 / columnBytes(p, *this));
  int64_t left = divideCeil(p.n, tileColumns()) - first,
          even = p.n / tileColumns() - first;
  return std::clamp<int64_t>(std::min((left + 1) / 2, even), 1, most);
}

std::vector<MatMulPlan::Piece> MatMulPlan::cuts() const {
  std::vector<Piece> all;
  if (!isTurned) {
    for (int64_t first = 0; first < rounds(); first += pieceRounds())
      all.push_back({first, std::min(pieceRounds(), rounds() - first)});
    return all;
  }
  // In pairs of rows, from the last piece on.
  int64_t end = rows, weight = 1, sum = 0;
  for (int64_t i = 0; i < pieces; ++i, weight *= shrinks)
    sum += weight;
  for (weight = 1; end > 0; weight *= shrinks) {
    int64_t count = llvm::alignTo(std::max<int64_t>(rows * weight / sum, 1), 2);
    if (int64_t(all.size()) + 1 == pieces || count > end)
      count = end;
    end -= count;
    all.insert(all.begin(), {end, count});
  }
  return all;
}

Product dure::rngd::turned(const Product &p) {
  Product other;
  other.batch = 1;
  other.m = p.n;
  other.n = p.m;
  other.k = p.k;
  other.leftBytes = p.rightBits / 8;
  other.rightBits = p.leftBytes * 8;
  return other;
}

bool Search::fits(MatMulPlan &plan) const {
  int64_t parts = plan.parts(p);
  if (parts > 1 && (plan.lanes != Lanes || plan.depth % p.packet() != 0))
    return false;
  if (p.isWidened && !canWiden(p, plan.depth))
    return false;
  int64_t most =
      parts > 1 && !plan.addsAfter ? continuedRows(p, plan.columns) : plan.ring;
  plan.ringRows = plan.ring;
  while (plan.ringRows >= 1 &&
         (plan.ringRows > most || !canShare(p, plan, plan.ringRows)))
    plan.ringRows /= 2;
  if (plan.ringRows == 0)
    return false;
  // Shares of a group lie side by side in HBM, which is read in whole units.
  if (by == Profile::Book && plan.sums > 1 &&
      (plan.depth * p.leftBytes % DmaRequest != 0 ||
       plan.depth * p.rightBits / 8 % DmaRequest != 0))
    return false;
  // Two parts of the operands, so that one is loaded while the other is used.
  int64_t buffers = parts > 1 ? 2 : 1;
  int64_t left = plan.rows * plan.depth / plan.ring * p.leftBytes,
          right = plan.columns * plan.depth * p.rightBits / 8 +
                  widenedBytes(p, plan),
          result = plan.rows * plan.columns * 4;
  int64_t piece = plan.pieceRounds() * plan.ringRows * plan.columns * 4;
  if (plan.gathered > 1)
    result += std::min<int64_t>(2, plan.rounds()) * plan.gathered * piece;
  if (parts > 1 && (plan.addsAfter || plan.sums > 1))
    result += plan.rows * plan.columns * 4;
  return buffers * (left + right) + result <= DmBudget;
}

void Search::consider(MatMulPlan plan) {
  plan.lanes = plan.columns % 8 == 0 ? 8 : plan.columns;
  // Columns side by side move as multiples of so many bytes.
  if (p.rightByColumns && plan.columns * p.rightBits / 8 % DmaAlignment != 0)
    return;
  int64_t unit = depthUnit(p);
  int64_t inFile = plan.columns + (p.isCorrected ? Lanes : 0);
  int64_t depth = p.laneElements() * Lanes / inFile / unit * unit;
  plan.depth = std::min(depth, plan.share(p));
  if (plan.depth == 0)
    return;
  if (isTurned)
    return considerTurned(plan);
  // Neighbours in a ring, to whole units of HBM.
  plan.gathered = 1;
  while (plan.gathered < plan.ring &&
         plan.gathered * plan.columns * 4 < DmaRequest)
    plan.gathered *= 2;
  // A command costs as much as it moves in 1 MB.
  plan.pieces = std::clamp<int64_t>(
      plan.tileRows() * std::min(plan.tileColumns(), p.k) * 4 >> 20, 1, 8);
  if (by == Profile::Book)
    return weigh(plan);
  // That profile knows no units of HBM, and an instruction takes its time to
  // begin.
  plan.gathered = 1;
  for (plan.pieces = 1; plan.pieces <= 8; plan.pieces *= 2)
    weigh(plan);
}

/// One tile, of whose rows pairs leave together.
void Search::considerTurned(MatMulPlan plan) {
  if (plan.tileRows() != p.m || plan.tileColumns() != p.n ||
      plan.depth != plan.share(p) || plan.rows % 2 != 0)
    return;
  plan.isTurned = true;
  for (plan.pieces = 1; plan.pieces <= 4; ++plan.pieces)
    for (plan.shrinks = 1; plan.shrinks <= 8; plan.shrinks *= 2)
      weigh(plan);
}

/// Whether a depth fits, and with it how parts of k are added up.
bool Search::settles(MatMulPlan &plan) const {
  plan.addsAfter =
      (by == Profile::Tcc || p.isCorrected) && plan.depth < plan.share(p);
  return fits(plan);
}

/// One tile of rows, so that columns are all that is loaded, and room for those
/// of two tiles.
bool Search::canLoadTogether(const MatMulPlan &plan) const {
  int64_t share = plan.share(p),
          columns = plan.columns * share * p.rightBits / 8;
  return plan.depth == share && !p.rightByColumns && !p.isPicked &&
         p.batch == 1 && p.m == plan.tileRows() && p.n > plan.tileColumns() &&
         columns % FlitBytes == 0 &&
         2 * columns + bytesBesideColumns(p, plan) <= DmBudget;
}

void Search::weigh(MatMulPlan plan) {
  int64_t unit = depthUnit(p);
  while (!settles(plan)) {
    if (plan.depth <= unit || isTurned)
      return;
    plan.depth = std::max(unit, plan.depth / 2 / unit * unit);
  }
  plan.loadsTogether = by == Profile::Tcc && !isTurned && canLoadTogether(plan);
  plan.cycles = by == Profile::Book ? bookCycles(p, plan) : tccCycles(p, plan);
  if (!best || plan.cycles < best->cycles)
    best = plan;
}

void Search::rowsOf(MatMulPlan plan) {
  int64_t slices = SlicesPerCluster / (plan.ring * plan.sums);
  int64_t halves = plan.splitsColumns ? 2 : 1;
  int64_t all = divideCeil(p.n, halves * plan.ring * plan.columns);
  if (halves * plan.ring * plan.columns > p.n)
    return;
  for (int64_t groups = 1; groups <= slices; groups *= 2) {
    plan.rowGroups = groups;
    plan.columnGroups =
        std::min(slices / groups, p.n / (halves * plan.ring * plan.columns));
    if (plan.columnGroups > 1) // the same number of tiles, evenly
      plan.columnGroups = divideCeil(all, divideCeil(all, plan.columnGroups));
    if (plan.tileColumns() > p.n)
      continue;
    plan.batches = std::min(p.batch / (plan.splitsBatches ? 2 : 1),
                            slices / (groups * plan.columnGroups));
    for (int64_t rows = 1; rows <= 1024; rows *= 2) {
      plan.rows = rows;
      if (plan.tileRows() > p.m)
        break;
      consider(plan);
    }
    // All rows, where they can be shared evenly.
    int64_t rowHalves = plan.splitsRows ? 2 : 1;
    if (p.m % (groups * rowHalves) == 0 && p.m / (groups * rowHalves) <= 4096) {
      plan.rows = p.m / (groups * rowHalves);
      consider(plan);
    }
  }
}

/// Whether each slice of a group gets whole flits of k. Not where parameters of
/// blocks would have to be shared out too, or sums are corrected and scaled.
bool Search::canSum(const MatMulPlan &plan) const {
  return !p.isWidened && p.macBits == 16 && p.k % (plan.sums * p.flit()) == 0;
}

void Search::divide(MatMulPlan plan) {
  if (!isTurned)
    for (plan.ring = 1; plan.ring <= SlicesPerCluster; plan.ring *= 2)
      rowsOf(plan);
  plan.ring = 1;
  for (plan.sums = isTurned ? 1 : 2;
       plan.sums <= SlicesPerCluster && canSum(plan); plan.sums *= 2)
    rowsOf(plan);
}

void Search::run() {
  MatMulPlan one, rows, columns;
  rows.splitsRows = true;
  columns.splitsColumns = true;
  std::vector<MatMulPlan> all = {one, rows, columns};
  // What all batches share would be there twice.
  if (by == Profile::Book && p.isPicked && p.batch > 1)
    all.emplace_back().splitsBatches = true;
  for (MatMulPlan each : all)
    for (int64_t size : isTurned ? ArrayRef<int64_t>(TurnedColumns)
                                 : ArrayRef<int64_t>(Columns)) {
      each.columns = size;
      divide(each);
    }
}

/// Whether columns lie as rows do, and nothing has to be made of them first.
static bool canTurn(const Product &p) {
  return p.batch == 1 && !p.rightByColumns && !p.isWidened && !p.isPicked &&
         p.macBits == 16;
}

MatMulPlan dure::rngd::planMatMul(const Product &p, Profile by) {
  std::optional<MatMulPlan> best;
  Search(p, by, /*isTurned=*/false, best).run();
  // By the book the register files are filled as quickly as operands stream, so
  // that nothing is gained.
  if (by == Profile::Tcc && canTurn(p))
    Search(turned(p), by, /*isTurned=*/true, best).run();
  return *best;
}
