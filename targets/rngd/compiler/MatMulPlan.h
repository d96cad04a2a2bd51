// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a product is divided over the chip, chosen by estimated cycles.
//
// Included by the product's kernel and its tests. Pure arithmetic.
#ifndef DURE_TARGETS_RNGD_COMPILER_MATMULPLAN_H
#define DURE_TARGETS_RNGD_COMPILER_MATMULPLAN_H

#include "targets/rngd/timing/Profile.h"

#include <cstdint>
#include <vector>

namespace dure::rngd {

/// result[b, m, n] = sum over k of left[b, m, k] * right[b, k, n].
struct Product {
  int64_t batch, m, n, k;
  /// Bytes of an element in memory, and bits.
  int64_t leftBytes = 4, rightBits = 32;
  /// Few bits: the vector engine makes bf16 of `right`, by scales of so many
  /// neighbours of a column, of which there is an even number, or of whole
  /// columns where that is 0.
  bool isWidened = false;
  int64_t block = 0;
  /// An index picks the right operand of each batch.
  bool isPicked = false;
  /// Columns of `right` lie together: [k, n]. Else rows do: [n, k].
  bool rightByColumns = false;
  /// Bits of both operands as they are multiplied: bf16, or 8 of integers and
  /// of fp8, of which a lane takes twice as many in a cycle.
  int64_t macBits = 16;
  /// The vector engine gives bytes of the left operand, or of the right one, a
  /// sign.
  bool signsLeft = false, signsRight = false;
  /// Sums are corrected by those of rows or columns, for zero points: beside
  /// the columns a register file has eight of ones.
  bool isCorrected = false;
  /// Each column's sums are scaled by a number of its own.
  bool scalesColumns = false;

  /// Elements of a flit, and of what a lane multiplies in a cycle.
  int64_t flit() const;
  int64_t packet() const { return 2 * flit(); }
  /// Elements that a lane holds.
  int64_t laneElements() const;
};

/// One tile: what all slices compute before the next one.
///
/// Slices of a cluster are, outermost first: `batches`, `rowGroups`,
/// `columnGroups`, and rings of `ring` slices or groups of `sums`. A slice has
/// `columns` columns in its register files, a part of `depth` of their k at a
/// time. The rows of a row group are shared out among a ring, which passes them
/// round, so that each is in memory once: `ringRows` rows at a time, each cut
/// into ring / ringRows parts of its k. Slices of a group have an even share of
/// k each, and the reducer over slices adds up what they have.
///
/// Of a turned product all this is said with rows and columns in each other's
/// place: rows are in the register files, columns of `right` stream by, and the
/// transpose engine brings pairs of them side by side.
struct MatMulPlan {
  bool isTurned = false;
  bool splitsRows = false;    // the two clusters divide rows
  bool splitsColumns = false; // or columns
  bool splitsBatches = false; // or batches, or else there is one
  int64_t batches = 1, rowGroups = 1, columnGroups = 1, ring = 1;
  int64_t sums = 1;    // where there are no rings
  int64_t rows = 1;    // of a row group
  int64_t columns = 8; // of a slice
  int64_t lanes = 8;
  int64_t depth = 16;
  int64_t ringRows = 1;
  /// Neighbours whose columns are brought together before they are stored, so
  /// that HBM is written in whole units.
  int64_t gathered = 1;
  int64_t pieces = 1;
  /// Of a turned product, how many times smaller each piece is than the one
  /// before, so that little is left to compute after the last is loaded.
  int64_t shrinks = 1;
  /// Sums of parts of k are added up by passes of their own, rather than taken
  /// up again from the vector register file, some rows at a time.
  bool addsAfter = false;
  /// One transfer loads the columns of several tiles, the last of few: where
  /// each transfer takes its time to begin.
  bool loadsTogether = false;
  double cycles = 0; // of all tiles, estimated

  /// Of k, what a slice has.
  int64_t share(const Product &p) const { return p.k / sums; }
  /// Of that.
  int64_t parts(const Product &p) const {
    return (share(p) + depth - 1) / depth;
  }

  /// Of `ringRows` rows each.
  int64_t rounds() const { return rows / ringRows; }
  /// Rounds whose rows are loaded, and stored, together: some at a time, so
  /// that others are computed meanwhile.
  int64_t pieceRounds() const {
    return tileBatches() > 1 ? rounds() : (rounds() + pieces - 1) / pieces;
  }
  /// Some rounds.
  struct Piece {
    int64_t first, count;
  };
  std::vector<Piece> cuts() const;
  /// Of columns that are loaded together, tiles from `first` on: half of what
  /// is left, so that little is to be computed after the last, or as many as
  /// leave room for as many again. The last tile may overlap the one before,
  /// and is loaded alone.
  int64_t tilesTogether(const Product &p, int64_t first) const;
  /// Of a cluster, in use.
  int64_t slices() const {
    return batches * rowGroups * columnGroups * ring * sums;
  }
  bool usesBoth() const { return splitsRows || splitsColumns || splitsBatches; }
  int64_t tileBatches() const { return (splitsBatches ? 2 : 1) * batches; }
  int64_t tileRows() const { return (splitsRows ? 2 : 1) * rowGroups * rows; }
  int64_t tileColumns() const {
    return (splitsColumns ? 2 : 1) * columnGroups * ring * columns;
  }
};

/// Bytes of the vector register file that scales of so many columns take.
int64_t scaleBytes(const Product &p, int64_t columns);

/// Rows that sums continue at a time where k has several parts: what half of
/// the vector register file holds, beside scales.
int64_t continuedRows(const Product &p, int64_t columns);

/// Flits that `parts` parameters of each of some columns take in the vector
/// register file, of which neighbours that share a packet are an even number:
/// half of the file is theirs, the other half for parameters of another kind.
int64_t parameterFlits(int64_t columns, int64_t parts);
bool fitsParameters(int64_t columns, int64_t parts);

/// Bytes of a slice's data memory that a tile takes beside its columns as they
/// are stored, where all of k is one part; results twice, so that those of one
/// tile leave beside the next.
int64_t bytesBesideColumns(const Product &p, const MatMulPlan &plan);

/// Bytes of a slice's data memory that its columns take: as they are stored,
/// and what those in few bits are made into, with their parameters.
int64_t columnBytes(const Product &p, const MatMulPlan &plan);
int64_t widenedBytes(const Product &p, const MatMulPlan &plan);

/// With the operands in each other's place, of one that may be turned.
Product turned(const Product &p);

/// The cheapest plan by the rules of a profile. Needs k a multiple of a flit's
/// elements, and of a packet's where a lane does not hold it, and n a multiple
/// of 8.
MatMulPlan planMatMul(const Product &p, Profile by = Profile::Book);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_MATMULPLAN_H
