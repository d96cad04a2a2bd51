// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What DMA does alone: transposes from HBM to HBM, as long as runs are 8 bytes,
// and rows that indices name.
#include "targets/rngd/compiler/Kernels.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

/// One slice holds the whole list of indices, 8 bytes each, beside its rows.
static constexpr int64_t MostIndices = 32 * 1024;

static Refusal gatherRefusal(GatherOp op) {
  auto type = cast<RankedTensorType>(op.getX().getType());
  auto indices = cast<RankedTensorType>(op.getIndices().getType());
  if (!type.hasStaticShape() || !indices.hasStaticShape() ||
      elementsOf(op.getResult()) == 0)
    return "its sizes are not fixed";
  if (op.getAxis() != 0)
    return "it takes from another axis than the first";
  Type element = type.getElementType();
  int64_t bits = element.getIntOrFloatBitWidth();
  int64_t row = elementsOf(op.getX()) / type.getDimSize(0);
  if (bits % 8 != 0 || row * bits / 8 % 8 != 0 || element.isInteger(1))
    return "its rows are no multiple of 8 bytes";
  if (row * bits / 8 + indices.getNumElements() * 8 > DmBudget)
    return "a row does not fit a slice's data memory";
  if (!indices.getElementType().isInteger(64))
    return "its indices are not i64";
  if (indices.getNumElements() > MostIndices)
    return "it has more than 32768 indices";
  return std::nullopt;
}

/// Row numbers of i64 are read as pairs of i32, of which the first counts: DMA
/// takes a number below 0 or above the axis for a fault.
static void emitGather(KernelBuilder &k, GatherOp op,
                       const KernelOperands &at) {
  int64_t rows = cast<RankedTensorType>(op.getX().getType()).getDimSize(0);
  int64_t row = elementsOf(op.getX()) / rows,
          count = elementsOf(op.getIndices());
  Type element = cast<tcp::HbmType>(at.inputs[0].getType()).getElementType();
  int64_t bytes = row * element.getIntOrFloatBitWidth() / 8;
  Grid one{{}, {k.digit("_", 1)}};
  auto words = tcp::HbmType::get(
      k.b.getContext(), k.i32(),
      tcp::MapAttr::get(k.b.getContext(),
                        {k.digit("i", count), k.digit("w", 2)}));
  Value pairs = ViewOp::create(k.b, words, at.inputs[1], 0);
  for (const Share &share :
       divide(count, std::max<int64_t>(1, (DmBudget - count * 8) / bytes))) {
    k.releaseAll();
    Value index = k.dm(k.i32(), one, {k.digit("i", count), k.digit("w", 2)});
    k.copy(pairs, index);
    Grid grid = k.grid("i", share);
    Digit columns = k.digit("c", row);
    Value local = k.dm(element, grid, {k.digit("i", share.each), columns});
    // The first number of each pair, from the share's first on.
    Value some =
        k.part(index, {k.digit("i", share.rows()), k.digit("w", 1, 1, 2)},
               share.first * 8);
    k.gather(k.hbm(at.inputs[0], {k.digit("key", rows), columns}), some, "key",
             local);
    k.copy(local, k.hbm(at.result, {k.digit("i", share.rows()), columns},
                        share.first * row));
  }
}

Refusal moveRefusal(Operation *op) {
  if (auto gather = dyn_cast<GatherOp>(op))
    return gatherRefusal(gather);
  auto transpose = dyn_cast<dure::TransposeOp>(op);
  if (!transpose)
    return "no DMA command makes it";
  Value x = op->getOperand(0), result = op->getResult(0);
  auto type = cast<RankedTensorType>(x.getType());
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return "its sizes are not fixed";
  Type element = type.getElementType();
  if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0)
    return "its elements are less than a byte";
  ArrayRef<int64_t> to = shapeOf(result);
  ArrayRef<int64_t> order = transpose.getPermutation();
  int64_t rank = static_cast<int64_t>(order.size());
  int64_t width = element.getIntOrFloatBitWidth() / 8;
  if (rank == 0 || rank > 6)
    return "it has more dimensions than a sequencer has loops";
  bool inner = order.back() == rank - 1;
  int64_t run = inner ? to.back() * width : width;
  if (run % 8 != 0)
    return "DMA moves multiples of 8 bytes, and its runs are of others";
  return std::nullopt;
}

void emitMove(KernelBuilder &k, Operation *op, const KernelOperands &at) {
  if (auto gather = dyn_cast<GatherOp>(op)) {
    emitGather(k, gather, at);
    return;
  }
  auto transpose = cast<dure::TransposeOp>(op);
  ArrayRef<int64_t> from = shapeOf(op->getOperand(0));
  DigitList source, target;
  for (auto [i, size] : llvm::enumerate(from))
    source.push_back(k.digit("d" + std::to_string(i), size));
  for (int64_t i : transpose.getPermutation())
    target.push_back(k.digit("d" + std::to_string(i), from[i]));
  k.copy(k.hbm(at.inputs[0], source), k.hbm(at.result, target));
}

} // namespace dure::rngd
