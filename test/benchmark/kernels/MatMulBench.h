// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MatMulBench: the matmul kernel with a dynamic M, and the static kernels that
// it is measured against.
#ifndef DURE_TEST_BENCHMARK_KERNELS_MATMULBENCH_H
#define DURE_TEST_BENCHMARK_KERNELS_MATMULBENCH_H

#include "targets/cpu/compiler/MicroKernel.h"
#include "test/benchmark/kernels/Harness.h"

#include <string>

namespace dure::bench {

/// A kernel with a dynamic M: bindings A [M, K], B in its layout, C [M, N];
/// constants: M.
struct MatMulCase {
  int64_t k, n;
  cpu::RhsLayout layout = cpu::RhsLayout::Panels;
  std::string name() const;
};

/// `tiles` register tiles of `rows` rows and `strips` strips, one below the
/// other.
struct RowCut {
  int64_t tiles, rows, strips;
  bool operator==(const RowCut &) const = default;
};

/// A kernel for one M alone: its rows are cut into tiles at compile time and
/// the sums go straight into C, without epilogue, masks or blocks.
struct StaticMatMul {
  int64_t m, k, n;
  llvm::SmallVector<RowCut> cuts;
  /// "20*6x16 + 5x16": tiles * rows x columns.
  std::string describe(const cpu::TileShape &shape) const;
  std::string name() const;
};

/// All sensible cuts for a shape: the fastest of them is the static kernel.
/// N must be a multiple of the panel's width.
std::vector<StaticMatMul> staticCandidates(const cpu::TileShape &shape,
                                           int64_t m, int64_t k, int64_t n);

void emitMatMul(mlir::ModuleOp module, cpu::KernelBuilder &builder,
                const MatMulCase &c);
void emitStaticMatMul(mlir::ModuleOp module, cpu::KernelBuilder &builder,
                      const StaticMatMul &c);

/// Operands of one problem, and calls of the kernels that solve it.
class MatMulProblem {
public:
  MatMulProblem(const MatMulCase &c, int64_t m);
  /// Clears C, runs the kernel once and compares C with a plain product.
  void check(const std::function<void()> &call, llvm::StringRef name);
  std::function<void()> call(const Library &library);
  std::function<void()> call(const Library &library, const StaticMatMul &c);
  double flops() const { return 2.0 * m * c.n * c.k; }

private:
  MatMulCase c;
  int64_t m;
  Floats lhs, rhs, packed, out, scratch;
};

} // namespace dure::bench

#endif // DURE_TEST_BENCHMARK_KERNELS_MATMULBENCH_H
