// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MatMulKernel: batched matrix product of f32, f16 or bf16, in f32, with a
// fused epilogue, for sizes that are known only at run time.
//
// A workgroup computes a block of rows times a block of panels. Blocks depend
// on the problem alone, never on the number of threads. Consecutive workgroups
// share their block of B. Masks appear only where results are stored.
//
// Rows may also choose their batch of B each: a workgroup then computes one
// batch's block of panels for the rows that chose it, which it looks for itself
// in the list of choices; what no row chose is not read.
#ifndef DURE_TARGETS_CPU_COMPILER_MATMULKERNEL_H
#define DURE_TARGETS_CPU_COMPILER_MATMULKERNEL_H

#include "targets/cpu/compiler/KernelBuilder.h"

#include <functional>
#include <optional>

namespace dure::cpu {

/// A vector of finished sums and where it belongs.
struct MatMulResult {
  /// f32 vector of the machine's lanes.
  mlir::Value sums;
  /// Position of lane 0, i64: batch in [0, batches), row in [0, M), column in
  /// [0, N).
  mlir::Value batch, row, column;
  /// Lanes that exist, or null when all do.
  mlir::Value mask;
};

enum class RhsLayout {
  Panels, ///< packed at load: [ceildiv(N, kPanelWidth)][K][kPanelWidth]
          ///< (of integers: with lists of parameters, packed likewise)
  Rows,   ///< [K, N] with contiguous rows, packed by the kernel
  Columns ///< [N, K] with contiguous rows (a transposed B), packed likewise
};

struct MatMulKernel {
  using GetValue = std::function<mlir::Value(KernelBuilder &, KernelFrame &)>;
  using GetPointer = std::function<mlir::Value(KernelBuilder &, KernelFrame &,
                                               mlir::Value batch)>;

  std::string name;
  /// Bindings that the kernel has.
  int64_t bindings = 0;
  GetValue m, n, k;
  /// N and K where they are constants: they choose blocks.
  std::optional<int64_t> staticN, staticK;
  mlir::Type lhsElement, rhsElement;
  /// Element (0, 0) of the operands of a batch; rows of A are contiguous and
  /// lhsRowStride elements apart, or, with transposedLhs, its columns are.
  /// rhsRowStride is not read for Panels.
  GetPointer lhs, rhs;
  GetValue lhsRowStride, rhsRowStride;
  bool transposedLhs = false;
  RhsLayout rhsLayout = RhsLayout::Panels;
  /// Where the right operand has integers: the first parameter of a batch, and
  /// the rows of K that share parameters. Zero points and offsets may be
  /// absent.
  GetPointer scales, zeroPoints, offsets;
  mlir::Type scaleElement, offsetElement;
  int64_t scaledBlock = 0;
  /// Where set, row r of the result is row r / rowsPerLhs of A times the batch
  /// of B that the i64 number r from this pointer on says; negative ones count
  /// from the end, one outside the batches is a fault. The batch of A is 0.
  GetValue choices;
  GetValue batches;
  GetValue rowsPerLhs;
  /// Emits what becomes of the sums: the epilogue and the store.
  std::function<void(KernelBuilder &, KernelFrame &, const MatMulResult &)>
      store;
};

/// How a kernel cuts its problem: there are
///   batches * ceildiv(ceildiv(N, kPanelWidth), panels) * ceildiv(M, rows)
/// workgroups, row blocks fastest, batches slowest. Where rows choose their
/// batch there are batches * ceildiv(ceildiv(N, kPanelWidth), panels), batches
/// fastest, since few of them may have work.
struct MatMulBlocks {
  int64_t rows;
  int64_t panels;
};

/// Whether the kernel takes sums over k whose parameters change after each
/// `block`.
bool isScaledBlock(int64_t k, int64_t block);

MatMulBlocks chooseMatMulBlocks(std::optional<int64_t> staticN);

/// Emits the entry into the module. Returns the bytes of scratch it needs.
int64_t emitMatMulKernel(mlir::ModuleOp module, KernelBuilder &builder,
                         const MatMulKernel &kernel);

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_COMPILER_MATMULKERNEL_H
