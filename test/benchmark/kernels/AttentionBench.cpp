// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attention kernel, prefill and decode, with its forms.

#include "test/benchmark/kernels/AttentionBench.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace dure::cpu;

namespace dure::bench {
namespace {

/// Whether query t sees key s, T queries and S keys.
bool isSeen(const AttentionCase &c, const uint8_t *mask, int64_t t, int64_t s,
            int64_t queries, int64_t keys) {
  int64_t own = t + keys - queries;
  if (c.causal && s > own)
    return false;
  if (c.window && s <= own - c.window)
    return false;
  return c.mask != AttentionMask::Bool || mask[s];
}

void checkAttention(const AttentionCase &c, const Floats &q, const Floats &k,
                    const Floats &v, const uint8_t *mask, const Floats &out,
                    int64_t queries, int64_t keys) {
  int64_t group = c.heads / c.keyHeads;
  for (int64_t h = 0; h < c.heads; h += 5)
    for (int64_t t = 0; t < queries; t += 3) {
      const float *qRow = q.data + (t * c.heads + h) * c.dim;
      std::vector<double> sums(c.dim);
      double weights = 0;
      for (int64_t s = 0; s < keys; ++s) {
        if (!isSeen(c, mask, t, s, queries, keys))
          continue;
        int64_t at = (s * c.keyHeads + h / group) * c.dim;
        double score = 0;
        for (int64_t i = 0; i < c.dim; ++i)
          score += double(qRow[i]) * k.data[at + i];
        double weight = std::exp(score / std::sqrt(double(c.dim)));
        weights += weight;
        for (int64_t i = 0; i < c.dim; ++i)
          sums[i] += weight * v.data[at + i];
      }
      for (int64_t i = 0; i < c.dim; ++i) {
        float got = out.data[(t * c.heads + h) * c.dim + i];
        double want = weights ? sums[i] / weights : 0;
        if (!(std::abs(got - want) <= 2e-6))
          fail(llvm::formatv("{0}: wrong at head {1}, query {2}, {3}: {4} for "
                             "{5}",
                             c.name, h, t, i, got, want)
                   .str());
      }
    }
}

} // namespace

/// Bindings: Q, K, V, mask, result; constants: T, S. Heads inside rows, as a
/// model's projections give them: [batch, row, head, dim].
void emitAttention(ModuleOp module, KernelBuilder &b, const AttentionCase &c) {
  AttentionKernel kernel;
  kernel.name = c.name;
  kernel.queries = constantSlot(0);
  kernel.keys = constantSlot(1);
  kernel.heads = number(c.heads);
  kernel.keyHeads = number(c.keyHeads);
  kernel.keyDim = kernel.valueDim = c.dim;
  auto operand = [&](int64_t binding, int64_t heads, int64_t lengthSlot) {
    HeadOperand result;
    result.element = b.getF32Type();
    result.pointer = [binding](KernelBuilder &, KernelFrame &frame) {
      return frame.binding(binding);
    };
    result.rowStride = number(heads * c.dim);
    result.headStride = number(c.dim);
    result.batchStride = [=](KernelBuilder &b, KernelFrame &frame) {
      return b.mul(frame.constant(lengthSlot), heads * c.dim);
    };
    return result;
  };
  kernel.q = operand(0, c.heads, 0);
  kernel.k.push_back({operand(1, c.keyHeads, 1), c.dim, false});
  kernel.blockRows = number(kAttentionBlockRows);
  kernel.v = operand(2, c.keyHeads, 1);
  kernel.result = operand(4, c.heads, 0);
  kernel.maskKind = c.mask;
  kernel.mask.element =
      c.mask == AttentionMask::Bool ? Type(b.getI8Type()) : b.getF32Type();
  kernel.mask.pointer = [](KernelBuilder &, KernelFrame &frame) {
    return frame.binding(3);
  };
  // One row of keys a batch.
  kernel.mask.rowStride = kernel.mask.headStride = number(0);
  kernel.mask.batchStride = constantSlot(1);
  kernel.scale = 1 / std::sqrt(float(c.dim));
  kernel.causal = c.causal;
  kernel.window = c.window;
  emitAttentionKernel(module, b, kernel);
}

double measureAttention(const Library &library, const AttentionCase &c,
                        int64_t queries, int64_t keys, int rounds) {
  Floats q(queries * c.heads * c.dim), k(keys * c.keyHeads * c.dim),
      v(keys * c.keyHeads * c.dim), mask(keys), out(queries * c.heads * c.dim);
  q.randomize(1);
  k.randomize(2);
  v.randomize(3);
  auto *seen = reinterpret_cast<uint8_t *>(mask.data);
  if (c.mask == AttentionMask::Bool)
    for (int64_t s = 0; s < keys; ++s)
      seen[s] = s % 5 != 1;
  const dure_cpu_entry &entry = library.entry(c.name);
  Floats scratch(entry.scratch_bytes / 4);
  int64_t group = c.heads / c.keyHeads;
  int64_t workgroups =
      c.keyHeads * llvm::divideCeil(group * queries, kAttentionBlockRows);
  void *bindings[] = {q.data, k.data, v.data, mask.data, out.data};
  auto call = [&] {
    run(entry, bindings, {queries, keys}, workgroups, scratch);
  };
  std::memset(out.data, 0xff, out.count * sizeof(float)); // NaN
  call();
  checkAttention(c, q, k, v, seen, out, queries, keys);
  if (!rounds)
    return 0;
  double pairs = 0;
  for (int64_t t = 0; t < queries; ++t) {
    int64_t own = t + keys - queries;
    int64_t last = c.causal ? std::min(keys, own + 1) : keys;
    int64_t first = c.window ? std::max<int64_t>(0, own - c.window + 1) : 0;
    pairs += double(last - first);
  }
  return 4.0 * c.heads * pairs * c.dim / bestTimes({call}, rounds)[0] * 1e-9;
}

} // namespace dure::bench
