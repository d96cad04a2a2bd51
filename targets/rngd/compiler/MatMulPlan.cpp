// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A search over all divisions that fit.
#include "targets/rngd/compiler/MatMulPlan.h"

#include "targets/rngd/compiler/KernelBuilder.h"
#include "targets/rngd/machine/Limits.h"
#include "targets/rngd/timing/TccTiming.h"

#include "llvm/Support/MathExtras.h"

#include <limits>
#include <numeric>
#include <optional>

using namespace dure::rngd;
using llvm::divideCeil;

namespace {

/// Bytes that HBM moves in a cycle.
constexpr double HbmRate = HbmBytesPerSecond / Hertz;
/// Cycles of a unit of HBM in a row that another closes, over those of one in
/// an open row.
constexpr double RowCost = HbmConflict / (HbmUnit / HbmChannelRate);
/// Bytes of which no two are in different rows of a bank: bits 21 and up name
/// rows (memory-performance.md). What a command reads beyond them costs more:
/// of the units that a channel has of a row, 2048 bytes, the first waits.
constexpr double Block = 1 << 21, RowUnits = 2048.0 / HbmUnit;
constexpr double LongCost = (RowCost + RowUnits - 1) / RowUnits;
/// What writing a part of a unit is taken to cost. Not a published figure,
/// which is some 50 for one such write by itself.
constexpr double PartCost = 12;

class Search {
public:
  Search(const Product &p, Profile by) : p(p), by(by) {}
  MatMulPlan run();

private:
  void rings(MatMulPlan plan);
  void rowsOf(MatMulPlan plan);
  void consider(MatMulPlan plan);
  bool fits(MatMulPlan &plan) const;
  void weigh(MatMulPlan plan);
  bool settles(MatMulPlan &plan) const;
  bool canLoadTogether(const MatMulPlan &plan) const;
  double bookCycles(const MatMulPlan &plan) const;
  double tccCycles(const MatMulPlan &plan) const;
  double tccMain(const MatMulPlan &plan, int64_t tiles) const;

  const Product &p;
  const Profile by;
  std::optional<MatMulPlan> best;
};

/// Bytes as DMA counts them when they come in runs of `run`.
double moved(double bytes, int64_t run) {
  return bytes * double(llvm::alignTo(run, DmaRequest)) / double(run);
}

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
static int64_t widenedBytes(const Product &p, const MatMulPlan &plan) {
  return p.isWidened
             ? plan.columns * plan.depth * 2 + plan.columns * scales(p) * 4
             : 0;
}

int64_t dure::rngd::bytesBesideColumns(const Product &p,
                                       const MatMulPlan &plan) {
  int64_t results = plan.rows * plan.columns * 4;
  return plan.rows * p.k / plan.ring * p.leftBytes + widenedBytes(p, plan) +
         (2 + plan.gathered) * results;
}

/// Whether each of `plan.ring` slices gets a multiple of a flit of each part of
/// k when `rows` rows are shared out.
static bool canShare(const Product &p, const MatMulPlan &plan, int64_t rows) {
  int64_t unit = p.flit() * (plan.ring / rows);
  return plan.rows % rows == 0 && std::min(plan.depth, p.k) % unit == 0 &&
         p.k % plan.depth % unit == 0;
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

bool Search::fits(MatMulPlan &plan) const {
  int64_t parts = divideCeil(p.k, plan.depth);
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
  // Two parts of the operands, so that one is loaded while the other is used.
  int64_t buffers = parts > 1 ? 2 : 1;
  int64_t left = plan.rows * plan.depth / plan.ring * p.leftBytes,
          right = plan.columns * plan.depth * p.rightBits / 8 +
                  widenedBytes(p, plan),
          result = plan.rows * plan.columns * 4;
  int64_t piece = plan.pieceRounds() * plan.ringRows * plan.columns * 4;
  if (plan.gathered > 1)
    result += std::min<int64_t>(2, plan.rounds()) * plan.gathered * piece;
  if (parts > 1 && plan.addsAfter)
    result += plan.rows * plan.columns * 4;
  return buffers * (left + right) + result <= DmBudget;
}

double Search::bookCycles(const MatMulPlan &plan) const {
  double tiles = double(divideCeil(p.batch, plan.batches)) *
                 double(divideCeil(p.m, plan.tileRows())) *
                 double(divideCeil(p.n, plan.tileColumns()));
  // The tensor unit: flits in, or columns of each packet.
  int64_t pack = p.k % p.packet() == 0 ? 2 : 1;
  double packets = double(plan.rows) * double(p.k) / double(p.flit() * pack);
  double unit =
      packets *
      double(std::max<int64_t>(pack, divideCeil(plan.columns, plan.lanes)));
  // Filling the register file, once the vector engine has made bf16 of few
  // bits, of which it takes four at a time.
  double inFile = p.isWidened || p.macBits == 8 ? double(p.macBits) / 8
                                                : double(p.rightBits) / 8;
  unit += double(plan.columns * p.k) *
          (p.rightByColumns ? 1.0 : inFile / FlitBytes);
  if (p.isWidened)
    unit += double(plan.columns * p.k) / 4;
  // Bytes that are given a sign pass the vector engine, eight at a time.
  if (p.signsLeft)
    unit += double(plan.rows * p.k) / double(plan.ring * 8);
  if (p.signsRight)
    unit += double(plan.columns * p.k) / 8;
  if (p.isCorrected)
    unit += packets * double(pack);
  if (plan.gathered > 1)
    unit += double(plan.gathered * plan.rows) * divideCeil(plan.columns, 8);
  // DMA: what HBM reads and writes, and what engines move.
  int64_t batches = plan.batches, bothLeft = plan.splitsColumns ? 2 : 1,
          bothRight = plan.splitsRows ? 2 : 1;
  double left = double(batches * plan.tileRows() * p.k * p.leftBytes) *
                double(plan.columnGroups * bothLeft),
         right = double(batches * plan.tileColumns() * p.k * p.rightBits / 8) *
                 double(plan.rowGroups * bothRight),
         result = double(batches * plan.tileRows() * plan.tileColumns() * 4);
  int64_t leftRun = plan.depth / (plan.ring / plan.ringRows) * p.leftBytes,
          rightRun =
              p.rightBits * (p.rightByColumns ? plan.columns : plan.depth) / 8,
          resultRun = plan.columns * plan.gathered * 4;
  // A part of a unit is read, changed and written back.
  double slow = resultRun % DmaRequest == 0 ? 1 : PartCost;
  // Reading a part of each row of a matrix opens as many rows of HBM as reading
  // all; what is read several times finds them open.
  double opened = std::clamp(double(p.k) / double(plan.depth), 1.0, RowCost);
  double copies = double(plan.rowGroups * bothRight);
  double each = right / double(DmaEngines) / Block, longReads = 1;
  if (each > 1)
    longReads = (1 + (each - 1) * LongCost) / each;
  double hbm = (left * opened + right * std::max(longReads, opened / copies) +
                result * slow) /
               HbmRate;
  int64_t slices =
      plan.batches * plan.rowGroups * plan.columnGroups * plan.ring;
  int64_t networks = divideCeil(slices, NetworkSlices);
  if (plan.splitsRows || plan.splitsColumns)
    networks *= 2;
  double engines = (moved(left, leftRun) + moved(right, rightRun) +
                    moved(result, resultRun)) /
                       (NetworkRate * double(networks)) +
                   DmaStartup;
  double transfers = std::max(hbm, engines);
  // The first part comes before any work, the last row after all.
  double first =
      transfers * double(plan.depth) / double(p.k) / double(plan.pieces);
  double last = result / HbmRate / double(plan.pieces);
  return tiles * std::max(unit, transfers) + first + last + 2 * DmaStartup;
}

/// The rules of that profile, which the description has.
static const TccTiming &tcc() {
  static const TccTiming known = [] {
    dure::Result<dure::Machine> chip =
        dure::Machine::parse(machineText(), "targets/rngd/machine/rngd.json");
    dure::Result<TccTiming> timing =
        chip ? TccTiming::of(*chip) : dure::Result<TccTiming>(chip.status());
    if (!timing)
      llvm::report_fatal_error(llvm::StringRef(timing.status().message()),
                               /*gen_crash_diag=*/false);
    return *timing;
  }();
  return known;
}

/// PEs that so many slices are of, as that profile counts them.
static int64_t pesOf(int64_t slices) {
  constexpr int64_t each = SlicesPerCluster / PesPerCluster;
  return std::min<int64_t>(llvm::PowerOf2Ceil(divideCeil(slices, each)),
                           Clusters * PesPerCluster);
}

/// What keeps the tensor unit busy, of all tiles.
double Search::tccMain(const MatMulPlan &plan, int64_t tiles) const {
  int64_t slices = plan.batches * plan.rowGroups * plan.columnGroups *
                   plan.ring * (plan.splitsRows || plan.splitsColumns ? 2 : 1);
  int64_t pes = pesOf(slices), pack = p.k % p.packet() == 0 ? 2 : 1;
  TccContraction part;
  part.OuterAcc = std::min(plan.rows, plan.pieceRounds() * plan.ringRows);
  part.Acc = divideCeil(plan.depth, p.flit() * pack);
  part.FeedReuse = divideCeil(plan.columns, plan.lanes);
  part.MacRows = plan.lanes;
  part.Lat = p.flit() * pack;
  part.StreamRing = plan.ring;
  part.StreamFlits =
      divideCeil(part.OuterAcc * plan.depth, p.flit() * plan.ring);
  int64_t pieces = divideCeil(plan.rounds(), plan.pieceRounds());
  auto count = [](const dure::Result<int64_t> &cycles) {
    return cycles ? double(*cycles) : std::numeric_limits<double>::infinity();
  };
  double passing = count(tcc().contraction(part, pes));
  // Columns stay in the register files while rows of other tiles go by.
  part.TrfBytes = plan.columns * plan.depth * p.macBits / 8;
  double filling = count(tcc().contraction(part, pes)) - passing;
  int64_t parts = plan.parts(p),
          fills = parts > 1 ? parts * tiles
                            : tiles / divideCeil(p.m, plan.tileRows());
  double cycles =
      double(tiles * parts * pieces) * passing + double(fills) * filling;
  if (p.isWidened)
    cycles += double(tiles * parts) *
              count(tcc().vector(
                  plan.columns * plan.depth * p.rightBits / 8 * slices, pes));
  auto bytePass = [&](int64_t bytes) {
    cycles += double(tiles * parts) * count(tcc().vector(bytes * slices, pes));
  };
  if (p.signsLeft)
    bytePass(plan.rows * plan.depth / plan.ring);
  if (p.signsRight)
    bytePass(plan.columns * plan.depth);
  if (p.isCorrected) {
    part.TrfBytes = 0;
    part.FeedReuse = 1;
    cycles +=
        double(tiles * parts * pieces) * count(tcc().contraction(part, pes));
  }
  int64_t results = part.OuterAcc * plan.columns * 4 * slices;
  return cycles + double(tiles * (parts - 1) * pieces) *
                      count(tcc().vector(2 * results, pes));
}

/// One DMA engine beside one tensor unit.
double Search::tccCycles(const MatMulPlan &plan) const {
  int64_t rowTiles = divideCeil(p.m, plan.tileRows()),
          columnTiles = divideCeil(p.n, plan.tileColumns()),
          batchTiles = divideCeil(p.batch, plan.batches);
  int64_t tiles = batchTiles * rowTiles * columnTiles, parts = plan.parts(p);
  int64_t pieces = divideCeil(plan.rounds(), plan.pieceRounds());
  auto transfers = [&](int64_t count, int64_t bytes) {
    return double(count) *
           double(*tcc().dma(bytes / count, Clusters * PesPerCluster));
  };
  bool isWhole = parts == 1;
  int64_t lefts = (isWhole && rowTiles == 1 ? batchTiles : tiles) * parts,
          rights = (isWhole ? batchTiles * columnTiles : tiles) * parts;
  // Each time half of what is left.
  int64_t loads =
      plan.loadsTogether
          ? std::min<int64_t>(rights, llvm::Log2_64_Ceil(rights) + 1)
          : rights;
  // A row's results leave with those of the tiles that were loaded together.
  int64_t leaves = plan.loadsTogether && p.m == 1 ? loads : tiles * pieces;
  int64_t rowBytes = plan.batches * plan.tileRows() * plan.depth * p.leftBytes,
          columnBytes =
              plan.batches * plan.tileColumns() * plan.depth * p.rightBits / 8,
          resultBytes = plan.batches * plan.tileRows() * plan.tileColumns() * 4;
  double left = transfers(lefts * pieces, lefts * rowBytes),
         right = transfers(loads, rights * columnBytes),
         stores = transfers(leaves, tiles * resultBytes);
  double main = tccMain(plan, tiles);
  double first = left / double(lefts * pieces) + right / double(loads),
         last = stores / double(leaves);
  return std::max(main + first, left + right + stores - last +
                                    main / double(tiles * parts * pieces)) +
         last;
}

void Search::consider(MatMulPlan plan) {
  plan.lanes = plan.columns % 8 == 0 ? 8 : plan.columns;
  // Columns side by side move as multiples of so many bytes.
  if (p.rightByColumns && plan.columns * p.rightBits / 8 % DmaAlignment != 0)
    return;
  int64_t unit = depthUnit(p);
  int64_t inFile = plan.columns + (p.isCorrected ? Lanes : 0);
  int64_t depth = p.laneElements() * Lanes / inFile / unit * unit;
  plan.depth = std::min(depth, p.k);
  if (plan.depth == 0)
    return;
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

/// Whether a depth fits, and with it how parts of k are added up.
bool Search::settles(MatMulPlan &plan) const {
  plan.addsAfter = (by == Profile::Tcc || p.isCorrected) && plan.depth < p.k;
  return fits(plan);
}

/// One tile of rows, so that columns are all that is loaded, and room for those
/// of two tiles.
bool Search::canLoadTogether(const MatMulPlan &plan) const {
  int64_t columns = plan.columns * p.k * p.rightBits / 8;
  return plan.depth == p.k && !p.rightByColumns && !p.isPicked &&
         p.batch == 1 && p.m == plan.tileRows() && p.n > plan.tileColumns() &&
         columns % FlitBytes == 0 &&
         2 * columns + bytesBesideColumns(p, plan) <= DmBudget;
}

void Search::weigh(MatMulPlan plan) {
  int64_t unit = depthUnit(p);
  while (!settles(plan)) {
    if (plan.depth <= unit)
      return;
    plan.depth = std::max(unit, plan.depth / 2 / unit * unit);
  }
  plan.loadsTogether = by == Profile::Tcc && canLoadTogether(plan);
  plan.cycles = by == Profile::Book ? bookCycles(plan) : tccCycles(plan);
  if (!best || plan.cycles < best->cycles)
    best = plan;
}

void Search::rowsOf(MatMulPlan plan) {
  int64_t slices = SlicesPerCluster / plan.ring;
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
    plan.batches = std::min(p.batch, slices / (groups * plan.columnGroups));
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

void Search::rings(MatMulPlan plan) {
  for (int64_t columns : {2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256}) {
    plan.columns = columns;
    for (plan.ring = 1; plan.ring <= SlicesPerCluster; plan.ring *= 2)
      rowsOf(plan);
  }
}

MatMulPlan Search::run() {
  MatMulPlan one, rows, columns;
  rows.splitsRows = true;
  columns.splitsColumns = true;
  for (const MatMulPlan &each : {one, rows, columns})
    rings(each);
  return *best;
}

MatMulPlan dure::rngd::planMatMul(const Product &p, Profile by) {
  return Search(p, by).run();
}
