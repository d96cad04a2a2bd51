// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The matmul kernel with a dynamic M, and static kernels beside it.

#include "test/benchmark/kernels/MatMulBench.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace dure::cpu;

namespace dure::bench {
namespace {

MatMulKernel::GetPointer whole(int64_t binding) {
  return [binding](KernelBuilder &, KernelFrame &frame, Value) {
    return frame.binding(binding);
  };
}

int64_t panelsOf(int64_t n) { return llvm::divideCeil(n, kPanelWidth); }

/// B as the kernel wants it, from B [K, N].
void packRhs(const MatMulCase &c, const Floats &rhs, Floats &packed) {
  for (int64_t k = 0; k < c.k; ++k)
    for (int64_t n = 0; n < c.n; ++n) {
      int64_t at = k * c.n + n;
      if (c.layout == RhsLayout::Columns)
        at = n * c.k + k;
      if (c.layout == RhsLayout::Panels)
        at = (n / kPanelWidth * c.k + k) * kPanelWidth + n % kPanelWidth;
      packed.data[at] = rhs.data[k * c.n + n];
    }
}

/// Rows of the tiles of M, largest first: whole tiles of `main` rows and the
/// rest, or the last whole tile and the rest shared between two.
SmallVector<SmallVector<std::pair<int64_t, int64_t>>> rowCuts(int64_t m,
                                                              int64_t main) {
  int64_t tiles = m / main, rest = m % main;
  SmallVector<SmallVector<std::pair<int64_t, int64_t>>> cuts(1);
  if (tiles)
    cuts[0].push_back({tiles, main});
  if (rest)
    cuts[0].push_back({1, rest});
  if (tiles && rest) {
    auto &shared = cuts.emplace_back();
    if (tiles > 1)
      shared.push_back({tiles - 1, main});
    shared.push_back({1, (main + rest + 1) / 2});
    shared.push_back({1, (main + rest) / 2});
  }
  return cuts;
}

} // namespace

std::string MatMulCase::name() const {
  return llvm::formatv("matmul_{0}x{1}_{2}", k, n, int(layout)).str();
}

std::string StaticMatMul::describe(const TileShape &shape) const {
  std::string text;
  for (const RowCut &cut : cuts) {
    if (!text.empty())
      text += " + ";
    if (cut.tiles > 1)
      text += std::to_string(cut.tiles) + "*";
    text += llvm::formatv("{0}x{1}", cut.rows, cut.strips * shape.stripWidth);
  }
  return text;
}

std::string StaticMatMul::name() const {
  std::string text = llvm::formatv("static_{0}x{1}x{2}", m, k, n);
  for (const RowCut &cut : cuts)
    text += llvm::formatv("_{0}_{1}_{2}", cut.tiles, cut.rows, cut.strips);
  return text;
}

std::vector<StaticMatMul> staticCandidates(const TileShape &shape, int64_t m,
                                           int64_t k, int64_t n) {
  // Sums in registers: what the main tile has, and as many as leave room for
  // one row or column of operands.
  bool many = shape.rows >= 8;
  const int64_t budgets[] = {many ? 16 : 8, many ? 24 : 12};
  const int64_t mains[] = {2, 3, 4, 6, 8};
  int64_t stripCount = n / shape.stripWidth;
  std::vector<StaticMatMul> candidates;
  for (int64_t main : mains)
    for (int64_t budget : budgets) {
      if (main * shape.vectorsPerStrip > budgets[1])
        continue;
      for (const auto &rows : rowCuts(m, main)) {
        StaticMatMul candidate{m, k, n, {}};
        for (auto [tiles, count] : rows) {
          int64_t strips = 1;
          while (strips < 8 && stripCount % (2 * strips) == 0 &&
                 2 * strips * count * shape.vectorsPerStrip <= budget)
            strips *= 2;
          candidate.cuts.push_back({tiles, count, strips});
        }
        auto isSame = [&](const StaticMatMul &other) {
          return other.cuts == candidate.cuts;
        };
        if (llvm::none_of(candidates, isSame))
          candidates.push_back(std::move(candidate));
      }
    }
  return candidates;
}

void emitMatMul(ModuleOp module, KernelBuilder &b, const MatMulCase &c) {
  MatMulKernel kernel;
  kernel.name = c.name();
  kernel.m = constantSlot(0);
  kernel.n = number(c.n);
  kernel.k = number(c.k);
  kernel.staticN = c.n;
  kernel.staticK = c.k;
  kernel.lhsElement = kernel.rhsElement = b.getF32Type();
  kernel.lhs = whole(0);
  kernel.rhs = whole(1);
  kernel.lhsRowStride = number(c.k);
  kernel.rhsRowStride = number(c.layout == RhsLayout::Rows ? c.n : c.k);
  kernel.rhsLayout = c.layout;
  kernel.store = [&](KernelBuilder &b, KernelFrame &frame,
                     const MatMulResult &result) {
    Value offset = b.add(b.mul(result.row, c.n), result.column);
    Value target = b.at(frame.binding(2), b.getF32Type(), offset);
    if (result.mask)
      b.maskedStore(result.sums, target, result.mask);
    else
      b.store(result.sums, target);
  };
  emitMatMulKernel(module, b, kernel);
}

void emitStaticMatMul(ModuleOp module, KernelBuilder &b,
                      const StaticMatMul &c) {
  TileShape shape(b.variant);
  Type f32 = b.getF32Type();
  int64_t group = 1;
  for (const RowCut &cut : c.cuts)
    group = std::max(group, cut.strips);
  emitEntry(module, b, c.name(), 0, [&](KernelFrame &frame) {
    Value lhs = frame.binding(0), rhs = frame.binding(1),
          out = frame.binding(2);
    auto emitTile = [&](Value row, Value strip, const RowCut &cut) {
      MicroOperands tile;
      tile.a = b.at(lhs, f32, b.mul(row, c.k));
      tile.aRowStride = tile.k = b.constant(c.k);
      Value panel = b.div(strip, b.constant(shape.stripsPerPanel));
      Value inPanel = b.rem(strip, b.constant(shape.stripsPerPanel));
      tile.b = b.at(rhs, f32,
                    b.add(b.mul(panel, c.k * kPanelWidth),
                          b.mul(inPanel, shape.stripWidth)));
      tile.bPanelStride = b.constant(c.k * kPanelWidth);
      tile.bElement = f32;
      tile.bRowStride = b.constant(kPanelWidth);
      tile.c = b.at(out, f32,
                    b.add(b.mul(row, c.n), b.mul(strip, shape.stripWidth)));
      tile.cRowStride = b.constant(c.n);
      tile.accumulate = b.equal(b.constant(0), b.constant(1));
      callMicroKernel(module, b, cut.rows, cut.strips, tile);
    };
    // A group of strips of B stays in L1 for all rows.
    b.forEach(b.constant(0), b.constant(c.n / shape.stripWidth), group,
              [&](Value first) {
                int64_t row = 0;
                for (const RowCut &cut : c.cuts) {
                  int64_t end = row + cut.tiles * cut.rows;
                  b.forEach(b.constant(row), b.constant(end), cut.rows,
                            [&](Value at) {
                              b.forEach(first, b.add(first, group), cut.strips,
                                        [&](Value strip) {
                                          emitTile(at, strip, cut);
                                        });
                            });
                  row = end;
                }
              });
  });
}

MatMulProblem::MatMulProblem(const MatMulCase &c, int64_t m)
    : c(c), m(m), lhs(m * c.k), rhs(c.k * c.n),
      packed(c.k * panelsOf(c.n) * kPanelWidth), out(m * c.n), scratch(0) {
  lhs.randomize(1);
  rhs.randomize(2);
  packRhs(c, rhs, packed);
}

void MatMulProblem::check(const std::function<void()> &call,
                          llvm::StringRef name) {
  std::memset(out.data, 0xff, out.count * sizeof(float)); // NaN
  call();
  // Some columns of every row, for each may have its own tile.
  int64_t step = std::max<int64_t>(7, c.n / 37);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = i % step; j < c.n; j += step) {
      double sum = 0;
      for (int64_t k = 0; k < c.k; ++k)
        sum += double(lhs.data[i * c.k + k]) * rhs.data[k * c.n + j];
      float got = out.data[i * c.n + j];
      if (!(std::abs(sum - got) <= 1e-6 * double(c.k)))
        fail(llvm::formatv("{0}: M = {1}: wrong at ({2}, {3}): {4} for {5}",
                           name, m, i, j, got, sum)
                 .str());
    }
}

std::function<void()> MatMulProblem::call(const Library &library) {
  const dure_cpu_entry &entry = library.entry(c.name());
  auto memory = std::make_shared<Floats>(entry.scratch_bytes / 4);
  MatMulBlocks blocks = chooseMatMulBlocks(c.n);
  int64_t workgroups = llvm::divideCeil(panelsOf(c.n), blocks.panels) *
                       llvm::divideCeil(m, blocks.rows);
  return [this, &entry, memory, workgroups] {
    void *bindings[] = {lhs.data, packed.data, out.data};
    run(entry, bindings, {m}, workgroups, *memory);
  };
}

std::function<void()> MatMulProblem::call(const Library &library,
                                          const StaticMatMul &s) {
  const dure_cpu_entry &entry = library.entry(s.name());
  return [this, &entry] {
    void *bindings[] = {lhs.data, packed.data, out.data};
    run(entry, bindings, {}, 1, scratch);
  };
}

} // namespace dure::bench
