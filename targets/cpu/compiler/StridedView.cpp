// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Strides behind ops that move data.

#include "targets/cpu/compiler/StridedView.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Views behind views; real ones are three deep.
constexpr unsigned kMaxDepth = 8;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The columns that an attention's keys are joined of.
ConcatOp joinedKeys(AttentionOp attention) {
  auto concat = attention.getK().getDefiningOp<ConcatOp>();
  return concat && concat.getAxis() == 3 && concat->hasOneUse() ? concat
                                                                : ConcatOp();
}

AttentionOp readerOf(Operation *op, unsigned depth) {
  if (depth == 0 || op->use_empty())
    return {};
  AttentionOp reader;
  Value value = op->getResult(0);
  for (Operation *user : op->getUsers()) {
    auto found = dyn_cast<AttentionOp>(user);
    if (found && (found.getMask() == value || found.getSinks() == value))
      return {};
    if (isStridedView(user) || isa<ConcatOp>(user))
      found = readerOf(user, depth - 1);
    if (!found || (reader && found != reader))
      return {};
    reader = found;
  }
  return !isa<ConcatOp>(op) || joinedKeys(reader) == op ? reader
                                                        : AttentionOp();
}

} // namespace

SmallVector<DimExpr> stridesOf(RankedTensorType type) {
  SmallVector<DimExpr> strides(type.getRank());
  DimExpr stride = 1;
  for (unsigned i = type.getRank(); i-- > 0;) {
    strides[i] = stride;
    stride = stride * dimOf(type, i);
  }
  return strides;
}

bool isStridedView(Operation *op) {
  if (auto slice = dyn_cast<SliceOp>(op))
    return llvm::all_of(slice.getSteps(), [](int64_t s) { return s > 0; });
  return isa<TransposeOp, BroadcastOp>(op);
}

StridedView stridedView(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !isStridedView(op))
    return {value, 0, stridesOf(typeOf(value))};
  StridedView out = stridedView(op->getOperand(0));
  SmallVector<DimExpr> from = std::move(out.strides);
  out.strides.assign(typeOf(value).getRank(), DimExpr(0));
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    for (auto [to, dim] : llvm::enumerate(transpose.getPermutation()))
      out.strides[to] = from[dim];
  } else if (auto slice = dyn_cast<SliceOp>(op)) {
    for (auto [dim, step] : llvm::enumerate(slice.getSteps())) {
      out.offset = out.offset + slice.getStarts().expr(dim) * from[dim];
      out.strides[dim] = from[dim] * DimExpr(step);
    }
  } else {
    RankedTensorType source = typeOf(op->getOperand(0));
    size_t missing = out.strides.size() - from.size();
    for (auto [dim, stride] : llvm::enumerate(from))
      if (!dimOf(source, dim).isConstant(1))
        out.strides[missing + dim] = stride;
  }
  return out;
}

SmallVector<Value> keyParts(AttentionOp attention) {
  if (ConcatOp concat = joinedKeys(attention))
    return SmallVector<Value>(concat.getXs());
  return {attention.getK()};
}

AttentionOp readerInPlace(Operation *op) { return readerOf(op, kMaxDepth); }

} // namespace dure::cpu
