// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/rngd/compiler/AttentionOps.h"

using namespace mlir;

namespace dure::rngd {

SmallVector<int64_t> maskShape(AttentionOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getMask());
  SmallVector<int64_t> all(4 - shape.size(), 1);
  llvm::append_range(all, shape);
  return all;
}

int64_t maskPitch(AttentionOp op) {
  bool isFloat = getElementTypeOrSelf(op.getMask().getType()).isF32();
  return llvm::alignTo(maskShape(op)[3], DmaAlignment / (isFloat ? 4 : 1));
}

bool hasShortMask(AttentionOp op) {
  return op.getMask() && maskPitch(op) != maskShape(op)[3];
}

AttentionShape shapeOfAttention(AttentionOp op) {
  ArrayRef<int64_t> q = shapeOf(op.getQ()), k = shapeOf(op.getK()),
                    v = shapeOf(op.getV());
  AttentionShape s = {k[0], k[1], q[1] / k[1], q[2], k[2], q[3], v[3]};
  s.depth = llvm::alignTo(s.head, 16);
  s.causal = op.getCausal();
  s.window = static_cast<int64_t>(op.getWindow());
  if (op.getMask()) {
    s.masked = true;
    s.maskPerQuery = maskShape(op)[2] != 1;
    s.maskPerHead = maskShape(op)[1] != 1;
  }
  s.hasEmptyRows = s.masked || (s.causal && s.keys < s.queries);
  s.needsAllKeys = s.hasEmptyRows && op.getEmptyRow() == EmptyRow::Mean;
  return s;
}

Refusal attentionRefusal(AttentionOp op) {
  for (Value value : {op.getQ(), op.getK(), op.getV(), op.getResult()})
    if (!isStaticF32(value) || elementsOf(value) == 0)
      return "attention here is of f32 and fixed sizes";
  if (Value mask = op.getMask()) {
    auto type = cast<RankedTensorType>(mask.getType());
    if (!type.hasStaticShape() || type.getRank() < 1 || type.getRank() > 4 ||
        type.getShape().back() != shapeOf(op.getK())[2])
      return "its mask repeats over keys";
    if (!type.getElementType().isInteger(1) && !type.getElementType().isF32())
      return "its mask is of neither truth values nor f32";
  }
  AttentionShape s = shapeOfAttention(op);
  if (Value sinks = op.getSinks()) {
    if (!isStaticF32(sinks))
      return "attention here is of f32 and fixed sizes";
    if (s.hasEmptyRows && op.getEmptyRow() != EmptyRow::Zero)
      return "it has sinks, and rows without keys that are not 0";
  }
  if (s.head % 2 != 0 || s.width % 8 != 0)
    return "heads are no multiple of 8";
  // Beyond it f32 does not count.
  if (s.keys + s.queries + s.window >= 1 << 23 || !planAttention(s))
    return "keys and values of a group do not fit the chip's register files";
  return std::nullopt;
}

bool readsKeysInBf16(AttentionOp op) {
  return shapeOf(op.getK())[3] * 2 % DmaAlignment == 0;
}

SmallVector<int64_t> attentionScratch(AttentionOp op) {
  SmallVector<int64_t> words;
  if (hasShortMask(op))
    words = pitchScratch(op.getMask(), maskPitch(op));
  if (op.getSinks())
    words.push_back(elementsOf(op.getSinks()));
  return words;
}

} // namespace dure::rngd
