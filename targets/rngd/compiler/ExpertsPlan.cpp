// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of a mixture of experts, row by row and grouped.
#include "targets/rngd/compiler/ExpertsPlan.h"

#include "targets/rngd/compiler/KernelBuilder.h"
#include "targets/rngd/compiler/MatMulPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace dure::rngd;

namespace {

/// Rows that are grouped together at most: places are counted in f32, and of
/// many more rows tiles are full anyway.
constexpr int64_t MostRows = 1 << 16;
constexpr int64_t Capacities[] = {8, 16, 32, 64, 128, 256, 512};
/// Ops that find each row its place.
constexpr int64_t PlacingOps = 24;

/// Products of all rows: `m` rows with a matrix, `batch` times.
double products(const Mixture &of, int64_t batch, int64_t m, Profile by) {
  Product p;
  p.batch = batch;
  p.m = m;
  p.isPicked = true;
  p.rightBits = 16;
  p.k = llvm::alignTo(of.k, 32);
  p.n = llvm::alignTo(of.inner, 8);
  p.leftBytes = m == 1 ? 4 : 2;
  double up = planMatMul(p, by).cycles;
  p.k = llvm::alignTo(of.inner, 32);
  p.n = llvm::alignTo(of.n, 8);
  p.leftBytes = 4;
  return (of.isGated ? 2 : 1) * up + planMatMul(p, by).cycles;
}

/// What finds places, moves rows there, makes of them what is multiplied last,
/// and brings results back. How often bytes go by HBM is chosen, not derived:
/// so that estimates are near what the simulator counts.
double besideProducts(const Mixture &of, int64_t tiles, int64_t capacity) {
  constexpr double rate = HbmBytesPerSecond / Hertz;
  double marks = double(of.rows()) * double(of.experts) * 4,
         rows = double(of.rows()) * double(of.k) * 2,
         hidden = double(tiles * capacity) * double(of.inner) * 4,
         back = double(of.rows()) * double(of.n) * 4;
  // Scattered rows leave as slowly as HBM opens rows for them.
  return PlacingOps * 4.0 * DmaStartup +
         (12 * marks + 6 * rows + (of.isGated ? 5 : 2) * hidden + 6 * back) /
             rate;
}

} // namespace

int64_t dure::rngd::tilesOf(int64_t rows, int64_t experts, int64_t capacity) {
  // One row in each expert, and full tiles beside them.
  int64_t named = std::min(rows, experts);
  return named + (rows - named) / capacity;
}

ExpertsPlan dure::rngd::planExperts(const Mixture &of, Profile by) {
  ExpertsPlan best;
  best.tokens = of.tokens;
  bool canBeApart = of.rows() <= MostPicks;
  if (canBeApart)
    best.cycles = products(of, of.rows(), 1, by);
  Mixture some = of;
  int64_t most = std::max<int64_t>(MostRows / of.slots, 1);
  int64_t parts = llvm::divideCeil(of.tokens, most);
  some.tokens = llvm::divideCeil(of.tokens, parts);
  for (int64_t capacity : Capacities) {
    int64_t tiles = tilesOf(some.rows(), of.experts, capacity);
    double cycles = double(parts) * (products(some, tiles, capacity, by) +
                                     besideProducts(some, tiles, capacity));
    if ((!best.isGrouped() && !canBeApart) || cycles < best.cycles)
      best = {capacity, some.tokens, cycles};
  }
  return best;
}
