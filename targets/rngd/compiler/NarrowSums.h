// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What products of operands in 8 bits have beside others: signs, ones that add
// up rows and columns, and what corrects and scales their sums.
//
// Included by the product's kernel only.
#ifndef DURE_TARGETS_RNGD_COMPILER_NARROWSUMS_H
#define DURE_TARGETS_RNGD_COMPILER_NARROWSUMS_H

#include "targets/rngd/compiler/IntegerProduct.h"
#include "targets/rngd/compiler/KernelBuilder.h"
#include "targets/rngd/compiler/MatMulPlan.h"

#include <array>

namespace dure::rngd {

class NarrowSums {
public:
  NarrowSums(KernelBuilder &k, const Product &p, const MatMulPlan &plan,
             const NarrowProduct &of)
      : k(k), p(p), plan(plan), of(of) {}

  bool hasWords() const { return !of.isFloat; }
  bool scalesColumns() const { return bool(of.scale); }
  /// Of sums before the last part of k, and of results.
  mlir::Type sumType() { return hasWords() ? k.i32() : k.f32(); }
  mlir::Type resultType() {
    return hasWords() && !of.isScaled ? k.i32() : k.f32();
  }
  /// Rows that go by at a time, where they are added up: their sums take a flit
  /// each of half of the vector register file.
  int64_t mostRows(int64_t rows) const {
    return addsRows() ? std::min(rows, halfOfRegisters() / FlitBytes) : rows;
  }
  /// Halves of the vector register file, behind what columns have there.
  int64_t nextHalf() {
    return scaleBytes(p, plan.columns) + turn++ % 2 * halfOfRegisters();
  }

  /// What all tiles share: ones, and a zero point that only a run tells, which
  /// is at `inputs.back()`.
  void prepare(const Grid &on, llvm::ArrayRef<mlir::Value> inputs);
  /// Memory for a tile.
  void layOut();
  /// The columns' scales, or none, in the vector register file.
  void setScales(mlir::Value file) { scaleFile = file; }
  /// Beside columns in the register files: ones, and the columns' sums.
  void follow(mlir::Value file, int64_t depth);
  /// Rows as they are fetched, less their zero point.
  mlir::Value fetched(mlir::Value stream);
  /// What the columns' zero point takes from sums of `some` rows, or null.
  /// `rows` streams them by.
  mlir::Value sumRows(tcp::Digit some, int64_t depth,
                      llvm::function_ref<mlir::Value()> rows);
  /// Sums of a part of k with those of earlier ones, and after the last part as
  /// they are stored.
  mlir::Value joined(mlir::Value sum, mlir::Value before, mlir::Value ofRows,
                     bool isLast);
  mlir::Value scaled(mlir::Value sum, mlir::Value before = {});

private:
  bool addsRows() const { return of.right.signedZero() != 0; }
  int64_t halfOfRegisters() const {
    return (VrfBytes - scaleBytes(p, plan.columns)) / 2 & -FlitBytes;
  }
  int64_t pack(int64_t depth) const { return depth % p.packet() == 0 ? 2 : 1; }
  void sumColumns(mlir::Value file, int64_t depth);

  KernelBuilder &k;
  const Product &p;
  const MatMulPlan &plan;
  const NarrowProduct of;
  Grid grid;
  /// In data memory, and in the register files.
  mlir::Value ones, onesFile;
  /// In all lanes, what the left operand is less, with the other sign.
  mlir::Value zeroWords;
  /// What that makes of columns, and the right one's zero point of rows.
  mlir::Value columnSums, columnFile;
  std::array<mlir::Value, 2> rowSums;
  mlir::Value scaleFile;
  int64_t turn = 0;

  const tcp::Digit ring = k.digit("m", plan.ringRows),
                   lanes = k.digit("n", plan.lanes),
                   groups = k.digit("n", plan.columns / plan.lanes, plan.lanes);
};

/// Bytes without a sign become such with one, less 128: `count` of them from
/// byte `first` on.
void giveSigns(KernelBuilder &k, mlir::Value bytes, int64_t count,
               int64_t first = 0);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_NARROWSUMS_H
