// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of matrices: the right operand in the register files, eight columns
// to the lanes, the left operand streaming by.
#include "targets/rngd/compiler/Kernels.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

struct Product {
  int64_t batch, m, n, k;
  bool lhsBatched, rhsBatched, transposedRhs;
};

std::optional<Product> shapeOfProduct(MatMulOp op) {
  ArrayRef<int64_t> lhs = shapeOf(op.getLhs()), rhs = shapeOf(op.getRhs());
  if (lhs.size() < 2 || rhs.size() < 2 || op.getTransposeLhs())
    return std::nullopt;
  Product p;
  p.m = lhs[lhs.size() - 2];
  p.k = lhs.back();
  p.transposedRhs = op.getTransposeRhs();
  p.n = p.transposedRhs ? rhs[rhs.size() - 2] : rhs.back();
  auto product = [](ArrayRef<int64_t> dims) {
    int64_t all = 1;
    for (int64_t dim : dims)
      all *= dim;
    return all;
  };
  int64_t left = product(lhs.drop_back(2)), right = product(rhs.drop_back(2));
  if (right == 1) {
    // Rows of all batches are rows of one product.
    p.m *= left;
    p.batch = 1;
    p.lhsBatched = p.rhsBatched = false;
    return p;
  }
  if (left != right || lhs.drop_back(2) != rhs.drop_back(2))
    return std::nullopt;
  p.batch = left;
  p.lhsBatched = p.rhsBatched = true;
  return p;
}

/// The largest divisor of `of` that is at most `most`, a multiple of `unit`
/// which divides `of`.
int64_t divisor(int64_t of, int64_t most, int64_t unit) {
  for (int64_t each = std::min(of, most) / unit * unit; each > unit;
       each -= unit)
    if (of % each == 0)
      return each;
  return unit;
}

class MatMul {
public:
  MatMul(KernelBuilder &k, const Product &p, const KernelOperands &at)
      : k(k), p(p), at(at) {}
  void run();

private:
  void rows(int64_t batch, int64_t firstRow, int64_t parts, int64_t each,
            int64_t firstColumn);

  KernelBuilder &k;
  const Product &p;
  const KernelOperands &at;
  int64_t columns = 0, columnParts = 0, depth = 0;
};

} // namespace

void MatMul::rows(int64_t batch, int64_t firstRow, int64_t parts, int64_t each,
                  int64_t firstColumn) {
  k.releaseAll();
  Digit partM = k.digit("m", parts, each);
  Digit partN = k.digit("n", columnParts, columns);
  Grid grid{{}, {partM, partN}};
  Digit m = k.digit("m", each), n = k.digit("n", columns);

  Value product = k.dm(k.f32(), grid, {m, n});
  for (int64_t from = 0; from < p.k; from += depth) {
    int64_t part = std::min(depth, p.k - from);
    Digit d = k.digit("k", part);
    // Operands, all rows' worth.
    Value lhs = k.dm(k.f32(), grid, {m, d});
    k.copy(k.hbm(at.inputs[0],
                 {k.digit("m", parts * each), k.digit("k", part, 1, p.k)},
                 (batch * p.m + firstRow) * p.k + from),
           lhs);
    int64_t base = batch * p.n * p.k;
    Value rhs;
    if (p.transposedRhs) {
      rhs = k.dm(k.f32(), grid, {n, d});
      k.copy(k.hbm(at.inputs[1],
                   {k.digit("n", columnParts * columns),
                    k.digit("k", part, 1, p.k)},
                   base + firstColumn * p.k + from),
             rhs);
    } else {
      rhs = k.dm(k.f32(), grid, {d, n});
      k.copy(k.hbm(at.inputs[1],
                   {d, k.digit("n", columnParts * columns, 1, p.n)},
                   base + from * p.n + firstColumn),
             rhs);
    }
    // Lanes of eight neighbouring columns.
    Digit lanes = k.digit("n", 8), eights = k.digit("n", columns / 8, 8);
    k.releaseTrf();
    Value weights = k.trf(k.bf16(), grid, {lanes}, {eights, d});
    Digit chunks = k.digit("k", part / 16, 16), chunk = k.digit("k", 16);
    k.exec(Context::Main, [&] {
      Value s = k.fetch(rhs, {lanes, eights, chunks}, {chunk});
      k.toTrf(k.collect(k.fetchCast(s, k.bf16())), weights);
    });
    Value before;
    if (from > 0) {
      k.releaseVrf();
      before = k.vrf(k.f32(), grid, {m, n});
      k.exec(Context::Sub, [&] {
        k.toVrf(k.collect(k.fetch(product, {m, eights}, {lanes})), before);
      });
    }
    k.exec(Context::Main, [&] {
      Value s =
          k.collect(k.fetchCast(k.fetch(lhs, {m, chunks}, {chunk}), k.bf16()));
      Value sum = k.contract(s, weights, part % 32 == 0 ? 2 : 1, {eights}, "k");
      if (before)
        sum = k.stepVrf(VectorKind::ClipAdd, sum, before);
      k.commit(sum, product);
    });
  }
  k.copy(product, k.hbm(at.result,
                        {k.digit("m", parts * each),
                         k.digit("n", columnParts * columns, 1, p.n)},
                        (batch * p.m + firstRow) * p.n + firstColumn));
}

void MatMul::run() {
  depth = std::min<int64_t>(p.k, LaneElements);
  columns =
      divisor(p.n, std::max<int64_t>(Lanes, LaneElements / depth * Lanes), 8);
  int64_t all = p.n / columns;
  columnParts = divisor(all, SlicesPerCluster, 1);
  // What data memory and, where sums are continued, the register file hold.
  int64_t left = DmBudget / 4 - columns * depth;
  int64_t most = std::max<int64_t>(1, left / (depth + columns));
  if (p.k > depth) {
    most = std::min<int64_t>(most, VrfBytes / 4 / columns);
    int64_t passes = llvm::divideCeil(p.k, depth);
    most = std::min(
        most, std::max<int64_t>(1, (DmBudget / 4 / passes - columns * depth) /
                                       (depth + columns)));
  }
  for (int64_t batch = 0; batch < p.batch; ++batch)
    for (int64_t column = 0; column < p.n; column += columnParts * columns)
      for (int64_t row = 0; row < p.m;) {
        int64_t rest = p.m - row, parts = SlicesPerCluster / columnParts;
        int64_t each = std::min<int64_t>(most, llvm::divideCeil(rest, parts));
        parts = std::min(parts, rest / each);
        rows(batch, row, parts, each, column);
        row += parts * each;
      }
}

Refusal matMulRefusal(MatMulOp op) {
  for (Value value : {op.getLhs(), op.getRhs(), op.getResult()})
    if (!isStaticF32(value) || elementsOf(value) == 0)
      return "products here are of f32 and fixed sizes";
  std::optional<Product> p = shapeOfProduct(op);
  if (!p)
    return "its left operand is transposed, or its batches repeat";
  if (p->k % 16 != 0)
    return "the inner size is no multiple of 16";
  if (p->n % 8 != 0)
    return "the number of columns is no multiple of 8";
  if (p->k > LaneElements && p->k % 32 != 0)
    return "the inner size is no multiple of 32";
  return std::nullopt;
}

void emitMatMul(KernelBuilder &k, MatMulOp op, const KernelOperands &at) {
  Product p = *shapeOfProduct(op);
  MatMul(k, p, at).run();
}

} // namespace dure::rngd
