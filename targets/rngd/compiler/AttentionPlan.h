// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How attention is divided over the chip, chosen by estimated cycles.
//
// Included by its kernel. Pure arithmetic.
#ifndef DURE_TARGETS_RNGD_COMPILER_ATTENTIONPLAN_H
#define DURE_TARGETS_RNGD_COMPILER_ATTENTIONPLAN_H

#include <cstdint>
#include <optional>

namespace dure::rngd {

/// Sizes of one attention: `groups` of a batch share keys among `heads` each.
struct AttentionShape {
  int64_t batches, groups, heads, queries, keys, head, width;
  /// Of a head as the chip has it: whole flits, with zeros at the end.
  int64_t depth = 0;
  bool causal = false;
  int64_t window = 0;
  /// A mask is read, for each query or each head.
  bool masked = false, maskPerQuery = false, maskPerHead = false;
  /// There may be queries that see no key; and those need all values.
  bool hasEmptyRows = false, needsAllKeys = false;

  bool isPadded() const { return depth != head; }
  /// The last key that a query sees in causal order.
  int64_t lastKey(int64_t query) const { return query + keys - queries; }
};

/// A tile is what is computed at a time. Slices of a cluster are, outermost
/// first: batches, groups, parts of the queries, parts of the keys. Keys of a
/// slice stay in its register files while all queries go by.
struct AttentionPlan {
  /// What the two clusters divide.
  enum class Split { None, Batches, Groups, Queries };
  Split split = Split::None;
  int64_t batches = 1, groups = 1;     // of both clusters
  int64_t heads = 1;                   // of a group, at a time
  int64_t queryParts = 1, queries = 1; // queries of a slice
  /// A slice has `unit` neighbouring keys of each of `units` stretches, which
  /// keyParts slices share: in causal order late ones are left out for all.
  int64_t keyParts = 1, units = 1, unit = 16;
  /// Slices that share keyParts are rings that pass queries round: so many
  /// parts of the queries, of the heads and of the depth.
  int64_t ringQueries = 1, ringHeads = 1, ringDepth = 1;
  /// There is room for ones beside keys and values in the register files.
  bool sumsByOnes = true;
  double cycles = 0;

  int64_t stretch() const { return keyParts * unit; }
  int64_t keys() const { return units * unit; } // of a slice
  int64_t ring() const { return ringQueries * ringHeads * ringDepth; }
  int64_t rows() const { return heads * queries; }
  int64_t tileQueries() const {
    return (split == Split::Queries ? 2 : 1) * queryParts * queries;
  }
};

/// Stretches of keys [first, last) that some of queries [from, to) see.
struct Stretches {
  int64_t first, last;
};
Stretches stretchesOf(const AttentionShape &s, const AttentionPlan &plan,
                      int64_t from, int64_t to);

/// The cheapest plan, if any fits. Needs a depth that is a multiple of 16, a
/// width that is one of 8.
std::optional<AttentionPlan> planAttention(const AttentionShape &shape);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_ATTENTIONPLAN_H
