// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A search over the divisions that fit.
#include "targets/rngd/compiler/AttentionPlan.h"

#include "targets/rngd/compiler/KernelBuilder.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace dure::rngd;
using llvm::divideCeil;
using Split = AttentionPlan::Split;

Stretches dure::rngd::stretchesOf(const AttentionShape &s,
                                  const AttentionPlan &plan, int64_t from,
                                  int64_t to) {
  int64_t first = 0, last = plan.units;
  if (s.needsAllKeys)
    return {first, last};
  if (s.causal)
    last = std::clamp<int64_t>(s.lastKey(to - 1) / plan.stretch() + 1, 1, last);
  if (s.window > 0)
    first = std::clamp<int64_t>(
        (s.lastKey(from) - s.window + 1) / plan.stretch(), 0, last - 1);
  return {first, last};
}

namespace {

constexpr double Startup = DmaStartup, HbmRate = HbmBytesPerSecond / Hertz;
/// What an instruction takes to begin and end, about, and how many a tile has.
constexpr double InstructionCost = 40, TileInstructions = 12;
/// Bytes of a row's statistics.
constexpr int64_t StatisticBytes = 32;
/// Of a lane, ones beside keys and values.
constexpr int64_t OneElements = 16;

class Search {
public:
  explicit Search(const AttentionShape &s) : s(s) {}
  std::optional<AttentionPlan> run();

private:
  void groupsOf(AttentionPlan plan);
  void keysOf(AttentionPlan plan);
  void queriesOf(AttentionPlan plan);
  void consider(AttentionPlan plan);
  bool fits(const AttentionPlan &plan) const;
  double cycles(const AttentionPlan &plan) const;
  double tile(const AttentionPlan &plan, int64_t keys) const;
  /// Slices of a cluster that batches and groups take.
  int64_t slicesOfGroups(const AttentionPlan &plan) const {
    bool halves = plan.split == Split::Batches || plan.split == Split::Groups;
    return plan.batches * plan.groups / (halves ? 2 : 1);
  }

  const AttentionShape &s;
  std::optional<AttentionPlan> best;
};

} // namespace

bool Search::fits(const AttentionPlan &plan) const {
  int64_t keys = plan.keys(), rows = plan.rows();
  if (keys * (s.depth + s.width) / Lanes > LaneElements)
    return false;
  if (rows * StatisticBytes + keys * 4 > VrfBytes ||
      plan.queries * StatisticBytes > VrfBytes)
    return false;
  // The tile's queries, scores, results, statistics; what limits scores.
  int64_t bytes = rows * (4 * (s.depth + keys + s.width) + 4 * StatisticBytes);
  int64_t limits = (s.maskPerHead ? rows : plan.queries) * keys;
  bytes += 3 * 4 * limits + 2 * plan.queries * StatisticBytes + 4 * 4 * keys;
  bytes += keys * (s.depth + s.width + 2) * 4;
  return bytes <= DmBudget;
}

/// The tensor unit's cycles for a tile of which slices see `keys` keys.
double Search::tile(const AttentionPlan &plan, int64_t keys) const {
  auto rows = double(plan.rows());
  double flits = rows * double(keys) / 8;
  auto product = [&](int64_t inner, int64_t packUnit, int64_t columns) {
    int64_t pack = packUnit % 32 == 0 ? 2 : 1;
    double packets = rows * double(divideCeil(inner, 16 * pack));
    double read = rows * double(inner) / 8, out = rows * double(columns) / 8;
    return std::max(
        {packets * double(std::max(pack, columns / 8)), read, 2 * out});
  };
  double sum = product(s.depth, s.depth, keys) +
               product(keys, plan.unit, s.width) + 2 * 2 * flits + flits +
               14 * rows;
  if (s.causal || s.window > 0 || s.maskPerQuery)
    sum += 2 * flits;
  return sum + TileInstructions * InstructionCost;
}

double Search::cycles(const AttentionPlan &plan) const {
  double groupTiles = double(divideCeil(s.batches, plan.batches)) *
                      double(divideCeil(s.groups, plan.groups));
  int64_t slices = slicesOfGroups(plan) * plan.queryParts * plan.keyParts;
  double networks = double(divideCeil(slices, NetworkSlices));
  if (plan.split != Split::None)
    networks *= 2;
  int64_t ofSlices = slices * (plan.split != Split::None ? 2 : 1);
  // Keys and values come before all else.
  double local = double(ofSlices * plan.keys()) * double(s.depth + s.width) * 4;
  double sum = std::max(local / HbmRate, local / (NetworkRate * networks)) +
               2 * Startup +
               double(plan.keys()) * (double(s.depth) / 8 + double(s.width));
  int64_t step = plan.tileQueries(), tiles = divideCeil(s.queries, step);
  int64_t each = std::max<int64_t>(1, tiles / 64);
  double passes = double(s.heads / plan.heads);
  // HBM is read again for each slice that gets the same.
  double queryBytes =
             double(ofSlices * plan.rows() * s.depth * 4) / double(plan.ring()),
         resultBytes = double(ofSlices / plan.keyParts * plan.rows()) *
                       double(s.width * 4);
  double resultNetworks =
      std::min(networks, double(ofSlices) / double(plan.keyParts));
  double transfers = std::max(queryBytes / (NetworkRate * networks) +
                                  resultBytes / (NetworkRate * resultNetworks),
                              (queryBytes + resultBytes) / HbmRate);
  for (int64_t i = 0; i < tiles; i += each) {
    int64_t from = std::min(i * step, s.queries - step);
    Stretches seen = stretchesOf(s, plan, from, from + step);
    double unit = tile(plan, (seen.last - seen.first) * plan.unit);
    sum +=
        passes * double(std::min(each, tiles - i)) * std::max(unit, transfers);
  }
  return groupTiles * sum + 2 * Startup;
}

void Search::consider(AttentionPlan plan) {
  plan.sumsByOnes =
      plan.keys() * (s.depth + s.width) / Lanes + OneElements <= LaneElements;
  plan.ringQueries = plan.ringHeads = plan.ringDepth = 1;
  auto grow = [&](int64_t &part, int64_t of) {
    while (plan.ring() < plan.keyParts && of % (part * 2) == 0)
      part *= 2;
  };
  grow(plan.ringQueries, plan.queries);
  grow(plan.ringHeads, plan.heads);
  if (!s.isPadded())
    grow(plan.ringDepth, s.depth / 16);
  if (!fits(plan))
    return;
  plan.cycles = cycles(plan);
  if (!best || plan.cycles < best->cycles)
    best = plan;
}

void Search::queriesOf(AttentionPlan plan) {
  int64_t most = SlicesPerCluster / (slicesOfGroups(plan) * plan.keyParts);
  int64_t all = plan.split == Split::Queries ? s.queries / 2 : s.queries;
  for (int64_t parts = 1; parts <= std::min(most, all); parts *= 2) {
    plan.queryParts = parts;
    for (int64_t queries = 1;; queries *= 2) {
      // The last tile overlaps another: as little as can be.
      queries = std::min(queries, all / parts);
      plan.queries = queries;
      int64_t tiles = divideCeil(all, parts * queries);
      int64_t even = divideCeil(all, parts * tiles);
      if (even * parts <= all)
        plan.queries = even;
      consider(plan);
      if (queries == all / parts)
        break;
    }
  }
}

void Search::keysOf(AttentionPlan plan) {
  int64_t most = SlicesPerCluster / slicesOfGroups(plan);
  int64_t mostUnits = s.causal || s.window > 0 ? 16 : 1;
  for (int64_t parts = 1; parts <= most; parts *= 2)
    for (int64_t units = 1; units <= mostUnits; units *= 2)
      for (int64_t of : {16, 32}) {
        plan.keyParts = parts;
        plan.unit = llvm::alignTo(divideCeil(s.keys, parts * units), of);
        plan.units = units;
        if (int64_t(divideCeil(s.keys, plan.stretch())) == units)
          queriesOf(plan);
      }
}

void Search::groupsOf(AttentionPlan plan) {
  for (int64_t groups = 1; groups <= s.groups; ++groups) {
    if (s.groups % groups != 0)
      continue;
    plan.groups = groups;
    int64_t most = groups == s.groups ? s.batches : 1;
    for (int64_t batches = 1;; batches *= 2) {
      batches = std::min(batches, most);
      plan.batches = batches;
      bool even = (plan.split != Split::Batches || batches % 2 == 0) &&
                  (plan.split != Split::Groups || groups % 2 == 0);
      if (even && slicesOfGroups(plan) <= SlicesPerCluster)
        keysOf(plan);
      if (batches == most)
        break;
    }
  }
}

std::optional<AttentionPlan> Search::run() {
  AttentionPlan plan;
  // Heads that share keys, as many as registers have statistics for.
  for (plan.heads = s.heads; plan.heads > 128 || s.heads % plan.heads != 0;)
    --plan.heads;
  for (Split split :
       {Split::None, Split::Batches, Split::Groups, Split::Queries}) {
    if (split == Split::Queries && s.queries < 2)
      continue;
    plan.split = split;
    groupsOf(plan);
  }
  return best;
}

std::optional<AttentionPlan>
dure::rngd::planAttention(const AttentionShape &shape) {
  return Search(shape).run();
}
