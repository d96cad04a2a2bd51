// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// New rows of a key or value cache: scattered to where the lengths say, into
// the memory in which the cache lies.
#include "targets/rngd/compiler/Boxes.h"
#include "targets/rngd/compiler/Kernels.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

/// Row numbers that one slice has in a flit.
static constexpr int64_t Numbers = FlitBytes / 4;

Refusal cacheUpdateRefusal(CacheUpdateOp op) {
  auto cache = cast<RankedTensorType>(op.getCache().getType());
  auto update = cast<RankedTensorType>(op.getUpdate().getType());
  Type element = cache.getElementType();
  if (!cache.hasStaticShape() || !update.hasStaticShape() ||
      !isa<FloatType>(element) || update.getNumElements() == 0)
    return "caches here are of floating types and fixed sizes";
  auto lengths = cast<RankedTensorType>(op.getLengths().getType());
  if (!lengths.hasStaticShape() || !lengths.getElementType().isInteger(64))
    return "its lengths are not i64";
  ArrayRef<int64_t> shape = shapeOf(op.getUpdate());
  if (shape[3] * element.getIntOrFloatBitWidth() / 8 % DmaAlignment != 0)
    return "DMA moves multiples of 8 bytes";
  int64_t numbers = shape[0] * llvm::alignTo(shape[2], Numbers);
  if (numbers * 4 * 3 > DmBudget)
    return "its row numbers do not fit a slice's data memory";
  return std::nullopt;
}

/// Where rows of each batch go: its length, and on from there. Lengths are read
/// as pairs of i32, of which the first counts: DMA takes a row before or behind
/// the cache for a fault.
static Value rowNumbers(KernelBuilder &k, Value lengths, int64_t batches,
                        int64_t rows) {
  int64_t flits = llvm::divideCeil(rows, Numbers);
  Grid one{{}, {k.digit("_", 1)}};
  Digit b = k.digit("b", batches), t = k.digit("t", flits * Numbers);
  DigitList words = {b, k.digit("w", 2)};
  Value pairs = k.dm(k.i32(), one, words);
  k.copy(k.hbm(lengths, words, 0, k.i32()), pairs);
  if (rows == 1)
    return k.part(pairs, {b, k.digit("w", 1, 1, 2)}, 0);

  SmallVector<int32_t> counted(flits * Numbers);
  std::iota(counted.begin(), counted.end(), 0);
  auto type = RankedTensorType::get({t.size}, k.i32());
  Value steps = k.dm(k.i32(), one, {b, t});
  k.copy(k.constant(DenseElementsAttr::get(type, ArrayRef(counted)), {t}),
         steps);
  // Both words of a length, a flit each.
  Value first = k.vrf(k.i32(), one, {b, k.digit("w", 2, 1, Numbers)});
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(pairs, {b}, {k.digit("w", 2)})), first);
  });
  Value start = k.part(first, {b, k.digit("w", 1, 1, Numbers)}, 0);
  Value numbers = k.dm(k.i32(), one, {b, t});
  k.exec(Context::Main, [&] {
    DigitList time = {b, k.digit("t", flits, Numbers)};
    Value x = k.collect(k.fetch(steps, time, {k.digit("t", Numbers)}));
    k.commit(k.stepVrf(VectorKind::AddFxp, x, start), numbers);
  });
  return numbers;
}

void emitCacheUpdate(KernelBuilder &k, CacheUpdateOp op,
                     const KernelOperands &at) {
  ArrayRef<int64_t> shape = shapeOf(op.getUpdate());
  int64_t rows = shape[2], depth = shape[3];
  int64_t capacity = shapeOf(op.getCache())[2];
  k.releaseAll();
  // Unless both are one memory (the dispatch says), the old rows come first.
  if (at.inputs[0] != at.result) {
    DigitList all = {k.digit("e", elementsOf(op.getCache()))};
    k.copy(k.hbm(at.inputs[0], all), k.hbm(at.result, all));
  }
  Value numbers = rowNumbers(k, at.inputs[2], shape[0], rows);
  DigitList from = {k.digit("b", shape[0]), k.digit("g", shape[1]),
                    k.digit("t", rows), k.digit("d", depth)};
  DigitList to = from;
  to[2] = k.digit("row", capacity);
  k.scatter(k.hbm(at.inputs[1], from), k.hbm(at.result, to), numbers, "row");
}

} // namespace dure::rngd
