// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Transposes: one DMA command from HBM to HBM, as long as runs are 8 bytes.
#include "targets/rngd/compiler/Kernels.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

Refusal moveRefusal(Operation *op) {
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

LogicalResult emitMove(KernelBuilder &k, Operation *op,
                       const KernelOperands &at) {
  auto transpose = cast<dure::TransposeOp>(op);
  ArrayRef<int64_t> from = shapeOf(op->getOperand(0));
  DigitList source, target;
  for (auto [i, size] : llvm::enumerate(from))
    source.push_back(k.digit("d" + std::to_string(i), size));
  for (int64_t i : transpose.getPermutation())
    target.push_back(k.digit("d" + std::to_string(i), from[i]));
  k.copy(k.hbm(at.inputs[0], source), k.hbm(at.result, target));
  return success();
}

} // namespace dure::rngd
