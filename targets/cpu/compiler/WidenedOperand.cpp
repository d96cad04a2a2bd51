// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recognition of what widens the right operand of a matmul.

#include "targets/cpu/compiler/WidenedOperand.h"

#include "targets/cpu/compiler/MicroKernel.h"

using namespace mlir;

namespace dure::cpu {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

bool isF32(Value value) { return typeOf(value).getElementType().isF32(); }

/// The op of this kind that makes the value for one use, or null.
template <typename OpTy> OpTy soleMaker(Value value) {
  auto op = value.getDefiningOp<OpTy>();
  return op && op->hasOneUse() ? op : OpTy();
}

/// Shape [.., K, N] with its rows cut into `blocks` of `inBlock`.
SmallVector<int64_t> cutRows(ArrayRef<int64_t> shape, int64_t blocks,
                             int64_t inBlock) {
  SmallVector<int64_t> out(shape.drop_back(2));
  out.append({blocks, inBlock, shape.back()});
  return out;
}

bool isHalf(Value value) {
  return isa<Float16Type, BFloat16Type>(typeOf(value).getElementType());
}

/// What is cast to these parameters, or themselves.
Value beforeCast(Value parameters, SmallVectorImpl<Operation *> &ops) {
  auto op = soleMaker<CastOp>(parameters);
  if (!op || !isF32(parameters) || !isHalf(op.getX()))
    return parameters;
  ops.push_back(op);
  return op.getX();
}

/// dequantize by blocks of rows.
bool matchScales(Value value, WidenedOperand &out) {
  auto op = soleMaker<DequantizeOp>(value);
  if (!op || !typeOf(value).hasStaticShape() || !isF32(op.getScale()))
    return false;
  RankedTensorType x = typeOf(op.getX());
  auto element = dyn_cast<IntegerType>(x.getElementType());
  bool isFew = element && (element.getWidth() == 4 || element.getWidth() == 8);
  auto block = static_cast<int64_t>(op.getBlock());
  int64_t rank = x.getRank();
  if (!isFew || rank < 2 || block <= 0 ||
      static_cast<int64_t>(op.getAxis()) != rank - 2 ||
      x.getDimSize(rank - 2) % block != 0 ||
      (op.getZeroPoint() && !isF32(op.getZeroPoint())))
    return false;
  out.stored = op.getX();
  out.scales = beforeCast(op.getScale(), out.ops);
  out.zeroPoints = op.getZeroPoint();
  out.block = block;
  out.ops.push_back(op);
  return true;
}

/// reshape(add(reshape(dequantize), reshape(offsets))), the offsets having a
/// row a block.
bool matchOffsets(Value value, WidenedOperand &out) {
  auto whole = soleMaker<ReshapeOp>(value);
  auto add = whole ? soleMaker<AddOp>(whole.getX()) : AddOp();
  auto cut = add ? soleMaker<ReshapeOp>(add.getLhs()) : ReshapeOp();
  auto rows = add ? soleMaker<ReshapeOp>(add.getRhs()) : ReshapeOp();
  if (!cut || !rows || !matchScales(cut.getX(), out) ||
      typeOf(value) != typeOf(cut.getX()))
    return false;
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  int64_t blocks = shape[shape.size() - 2] / out.block;
  bool fits =
      typeOf(rows.getX()).getShape() == typeOf(out.scales).getShape() &&
      isF32(rows.getX()) && typeOf(add.getResult()) == typeOf(cut) &&
      typeOf(cut).getShape() ==
          ArrayRef<int64_t>(cutRows(shape, blocks, out.block)) &&
      typeOf(rows).getShape() == ArrayRef<int64_t>(cutRows(shape, blocks, 1));
  if (!fits)
    return false;
  out.ops.push_back(cut);
  out.offsets = beforeCast(rows.getX(), out.ops);
  out.ops.append({rows, add, whole});
  return true;
}

/// cast of floats of 16 bits.
bool matchCast(Value value, WidenedOperand &out) {
  auto op = soleMaker<CastOp>(value);
  if (!op || !isF32(value) || !isHalf(op.getX()))
    return false;
  out.stored = op.getX();
  out.ops.push_back(op);
  return true;
}

} // namespace

SmallVector<Value> WidenedOperand::values() const {
  SmallVector<Value> out;
  for (Value each : {stored, scales, zeroPoints, offsets})
    if (each)
      out.push_back(each);
  return out;
}

WidenedOperand widenedOperand(Value operand) {
  for (auto match : {matchCast, matchScales, matchOffsets}) {
    WidenedOperand out;
    if (match(operand, out))
      return out;
  }
  WidenedOperand out;
  out.stored = operand;
  return out;
}

Value matricesOf(Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return matmul.getRhs();
  if (auto experts = dyn_cast<ExpertMatMulOp>(op))
    return experts.getW();
  return {};
}

Operation *productBehind(Operation *op) {
  while (isa<CastOp, DequantizeOp, ReshapeOp, AddOp>(op) && op->hasOneUse())
    op = *op->getUsers().begin();
  return op;
}

bool isPanelElement(const WidenedOperand &operand) {
  return operand.scales ||
         isMicroElement(typeOf(operand.stored).getElementType());
}

} // namespace dure::cpu
