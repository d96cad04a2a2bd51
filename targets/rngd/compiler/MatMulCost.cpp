// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of a product as a plan divides it, by the rules of either profile.
#include "targets/rngd/compiler/MatMulCost.h"

#include "targets/rngd/compiler/KernelBuilder.h"
#include "targets/rngd/machine/Limits.h"
#include "targets/rngd/timing/TccTiming.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

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
/// What a cycle of the tensor unit counts beside one of the makespan: of plans
/// that take about as long, the one that leaves the unit to others for longer.
constexpr double UnitCost = 0.1;

/// Bytes as DMA counts them when they come in runs of `run`.
double moved(double bytes, int64_t run) {
  return bytes * double(llvm::alignTo(run, DmaRequest)) / double(run);
}

/// Cycles that HBM's channels take longer for runs of `run` bytes which begin
/// or end within a unit: that is read, changed and written back.
double partWrites(const Product &p, double bytes, int64_t run) {
  if (run % HbmUnit == 0 && (p.m == 1 || p.n * 4 % HbmUnit == 0))
    return 0;
  double units = bytes / double(run) * (run > HbmUnit ? 2 : 1);
  return units * HbmPartWrite * (HbmUnit / HbmChannelRate) /
         std::clamp(bytes / HbmUnit, 1.0, double(HbmChannels));
}

} // namespace

/// Whether there is room to load a tile while another is computed.
static bool overlaps(const Product &p, const MatMulPlan &plan) {
  bool hasRows = p.m > plan.tileRows() || p.batch > plan.tileBatches(),
       hasColumns = p.n > plan.tileColumns() || p.batch > plan.tileBatches();
  if (plan.parts(p) > 1 || !(hasRows || hasColumns))
    return true;
  int64_t left = plan.rows * plan.depth / plan.ring * p.leftBytes,
          right = columnBytes(p, plan) + widenedBytes(p, plan),
          result = plan.rows * plan.columns * 4;
  return (hasRows ? 2 : 1) * left + (hasColumns ? 2 : 1) * right + 2 * result <=
         DmBudget;
}

double dure::rngd::bookCycles(const Product &p, const MatMulPlan &plan) {
  double tiles = double(divideCeil(p.batch, plan.tileBatches())) *
                 double(divideCeil(p.m, plan.tileRows())) *
                 double(divideCeil(p.n, plan.tileColumns()));
  // The tensor unit: flits in, or columns of each packet.
  int64_t share = plan.share(p), pack = share % p.packet() == 0 ? 2 : 1;
  double packets = double(plan.rows) * double(share) / double(p.flit() * pack);
  double unit =
      packets *
      double(std::max<int64_t>(pack, divideCeil(plan.columns, plan.lanes)));
  // Results leave a flit at a time.
  unit = std::max(unit, double(plan.rows * divideCeil(plan.columns, 8)));
  // Filling the register file, once the vector engine has made bf16 of few
  // bits, of which it takes four at a time.
  double inFile = p.isWidened || p.macBits == 8 ? double(p.macBits) / 8
                                                : double(p.rightBits) / 8;
  unit += double(plan.columns * share) *
          (p.rightByColumns ? 1.0 : inFile / FlitBytes);
  if (p.isWidened)
    unit += double(plan.columns * share) / 4;
  // Bytes that are given a sign pass the vector engine, eight at a time.
  if (p.signsLeft)
    unit += double(plan.rows * share) / double(plan.ring * 8);
  if (p.signsRight)
    unit += double(plan.columns * share) / 8;
  if (p.isCorrected)
    unit += packets * double(pack);
  if (plan.gathered > 1)
    unit += double(plan.gathered * plan.rows) * divideCeil(plan.columns, 8);
  // DMA: what HBM reads and writes, and what engines move.
  int64_t batches = plan.tileBatches(), bothLeft = plan.splitsColumns ? 2 : 1,
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
  // Reading a part of each row of a matrix opens as many rows of HBM as reading
  // all; what is read several times finds them open.
  double opened = std::clamp(double(share) / double(plan.depth), 1.0, RowCost);
  double copies = double(plan.rowGroups * bothRight);
  double each = right / double(DmaEngines) / Block, longReads = 1;
  if (each > 1)
    longReads = (1 + (each - 1) * LongCost) / each;
  double written = result / HbmRate + partWrites(p, result, resultRun);
  double hbm =
      (left * opened + right * std::max(longReads, opened / copies)) / HbmRate +
      written;
  int64_t networks = divideCeil(plan.slices(), NetworkSlices);
  if (plan.usesBoth())
    networks *= 2;
  double engines = (moved(left, leftRun) + moved(right, rightRun) +
                    moved(result, resultRun)) /
                       (NetworkRate * double(networks)) +
                   DmaStartup;
  double transfers = std::max(hbm + DmaStartup, engines);
  // The first part comes before any work, the last row after all.
  double step = double(plan.depth) / double(share) / double(plan.pieces);
  double last = written / double(plan.pieces);
  if (!overlaps(p, plan))
    return tiles * (unit + transfers) + last + 2 * DmaStartup;
  return std::max(tiles * unit + transfers * step,
                  tiles * transfers + unit * step) +
         last + 2 * DmaStartup;
}

//===----------------------------------------------------------------------===//
// The profile tcc
//===----------------------------------------------------------------------===//

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

static double loadCycles(int64_t bytes) {
  return double(*tcc().dma(bytes, Clusters * PesPerCluster));
}

/// An instruction in which `rows` of each slice go by `columns`; `fills`: the
/// register files are filled for it.
static double contraction(const Product &p, const MatMulPlan &plan,
                          int64_t columns, int64_t rows, bool fills) {
  int64_t slices = plan.slices() * (plan.usesBoth() ? 2 : 1);
  int64_t pack = plan.share(p) % p.packet() == 0 ? 2 : 1;
  TccContraction part;
  part.OuterAcc = rows;
  part.Acc = divideCeil(plan.depth, p.flit() * pack);
  part.FeedReuse = divideCeil(columns, plan.lanes);
  part.MacRows = plan.lanes;
  part.Lat = p.flit() * pack;
  part.Gat = plan.sums;
  part.StreamRing = plan.ring;
  part.StreamFlits = divideCeil(rows * plan.depth, p.flit() * plan.ring);
  if (fills)
    part.TrfBytes = columns * plan.depth * p.macBits / 8;
  dure::Result<int64_t> cycles = tcc().contraction(part, pesOf(slices));
  return cycles ? double(*cycles) : std::numeric_limits<double>::infinity();
}

/// What keeps the tensor unit busy, of all tiles.
static double mainCycles(const Product &p, const MatMulPlan &plan,
                         int64_t tiles) {
  int64_t slices = plan.slices() * (plan.usesBoth() ? 2 : 1);
  int64_t rows = std::min(plan.rows, plan.pieceRounds() * plan.ringRows),
          pieces = divideCeil(plan.rounds(), plan.pieceRounds());
  auto vector = [&](int64_t bytes) {
    return double(*tcc().vector(bytes, pesOf(slices)));
  };
  double passing = contraction(p, plan, plan.columns, rows, false),
         filling = contraction(p, plan, plan.columns, rows, true) - passing;
  // Columns stay in the register files while rows of other tiles go by.
  int64_t parts = plan.parts(p),
          fills = parts > 1 ? parts * tiles
                            : tiles / divideCeil(p.m, plan.tileRows());
  double cycles =
      double(tiles * parts * pieces) * passing + double(fills) * filling;
  if (p.isWidened || p.signsRight)
    cycles += double(tiles * parts) * vector(columnBytes(p, plan) * slices);
  if (p.signsLeft)
    cycles += double(tiles * parts) *
              vector(plan.rows * plan.depth / plan.ring * slices);
  if (p.isCorrected)
    cycles += double(tiles * parts * pieces) *
              contraction(p, plan, plan.lanes, rows, false);
  return cycles + double(tiles * (parts - 1) * pieces) *
                      vector(2 * rows * plan.columns * 4 * slices / plan.sums);
}

/// Rows of a slice, some at a time, after what is in the register files.
static double turnedCycles(const Product &p, const MatMulPlan &plan) {
  double loaded = loadCycles(p.n * p.k * p.rightBits / 8), done = 0, unit = 0;
  for (const MatMulPlan::Piece &each : plan.cuts()) {
    loaded += loadCycles(each.count * (p.m / plan.rows) * p.k * p.leftBytes);
    double work =
        contraction(p, plan, plan.columns, each.count, each.first == 0);
    done = std::max(done, loaded) + work;
    unit += work;
  }
  return done + loadCycles(p.m * p.n * 4) + UnitCost * unit;
}

/// Columns of several tiles are loaded beside the work on those before.
static double togetherCycles(const Product &p, const MatMulPlan &plan,
                             double left, double tileWork) {
  int64_t tiles = divideCeil(p.n, plan.tileColumns()),
          pieces = divideCeil(plan.rounds(), plan.pieceRounds()),
          results = plan.tileRows() * plan.tileColumns() * 4;
  auto load = [&](int64_t first) {
    return loadCycles(plan.tilesTogether(p, first) * plan.tileColumns() * p.k *
                      p.rightBits / 8);
  };
  double moved = left + load(0), done = 0, store = 0;
  for (int64_t first = 0; first < tiles;) {
    int64_t count = plan.tilesTogether(p, first);
    double loaded = moved;
    // Where the columns of the group before were.
    if (first + count < tiles)
      moved = std::max(moved, done) + load(first + count);
    done = std::max(done, loaded) + double(count) * tileWork;
    first += count;
    store =
        p.m == 1 ? loadCycles(count * results) : loadCycles(results / pieces);
    moved += store * double(p.m == 1 ? 1 : count * pieces);
  }
  return std::max(moved - store, done) + store;
}

/// One DMA engine beside one tensor unit.
double dure::rngd::tccCycles(const Product &p, const MatMulPlan &plan) {
  if (plan.isTurned)
    return turnedCycles(p, plan);
  int64_t rowTiles = divideCeil(p.m, plan.tileRows()),
          columnTiles = divideCeil(p.n, plan.tileColumns()),
          batchTiles = divideCeil(p.batch, plan.tileBatches());
  int64_t tiles = batchTiles * rowTiles * columnTiles, parts = plan.parts(p);
  int64_t pieces = divideCeil(plan.rounds(), plan.pieceRounds());
  auto transfers = [&](int64_t count, int64_t bytes) {
    return double(count) * loadCycles(bytes / count);
  };
  bool isWhole = parts == 1;
  int64_t lefts = (isWhole && rowTiles == 1 ? batchTiles : tiles) * parts,
          rights = (isWhole ? batchTiles * columnTiles : tiles) * parts,
          leaves = tiles * pieces;
  int64_t depth = plan.sums * plan.depth,
          rowBytes = plan.tileBatches() * plan.tileRows() * depth * p.leftBytes,
          columnBytes =
              plan.tileBatches() * plan.tileColumns() * depth * p.rightBits / 8,
          resultBytes =
              plan.tileBatches() * plan.tileRows() * plan.tileColumns() * 4;
  double left = transfers(lefts * pieces, lefts * rowBytes),
         main = mainCycles(p, plan, tiles);
  if (plan.loadsTogether)
    return togetherCycles(p, plan, left, main / double(tiles)) +
           UnitCost * main;
  double right = transfers(rights, rights * columnBytes),
         stores = transfers(leaves, tiles * resultBytes);
  double last = stores / double(leaves);
  if (!overlaps(p, plan))
    return left + right + stores + main * (1 + UnitCost);
  double first = left / double(lefts * pieces) + right / double(rights),
         loads = left + right;
  // Earlier results leave beside the last step.
  return std::max({main + first, loads + main / double(tiles * parts * pieces),
                   loads + stores - last}) +
         last + UnitCost * main;
}
