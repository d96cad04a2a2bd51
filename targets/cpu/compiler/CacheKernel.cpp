// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies of rows into a cache.

#include "targets/cpu/compiler/CacheKernel.h"

#include "compiler/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Rows of a workgroup.
constexpr int64_t kBlockRows = 32;

CacheUpdateOp onlyUpdate(func::FuncOp function) {
  auto ops = function.getBody().front().without_terminator();
  return llvm::hasSingleElement(ops) ? dyn_cast<CacheUpdateOp>(*ops.begin())
                                     : CacheUpdateOp();
}

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Emits a copy of `count` elements, both ends being contiguous.
void copyRow(KernelBuilder &b, Type unit, Value from, Value to, Value count) {
  VectorType vector = b.vectorType(unit);
  int64_t lanes = vector.getNumElements();
  Value whole = b.mul(b.div(count, b.constant(lanes)), lanes);
  b.forEach(b.constant(0), whole, lanes, [&](Value i) {
    b.store(b.load(vector, b.at(from, unit, i)), b.at(to, unit, i));
  });
  b.ifThen(b.less(whole, count), [&] {
    Value mask = b.laneMask(b.sub(count, whole), lanes);
    b.maskedStore(b.maskedLoad(vector, b.at(from, unit, whole), mask),
                  b.at(to, unit, whole), mask);
  });
}

} // namespace

bool isCacheKernel(func::FuncOp function) {
  CacheUpdateOp op = onlyUpdate(function);
  if (!op || !llvm::all_of(op->getOperands(), llvm::IsaPred<BlockArgument>))
    return false;
  auto inPlace = function.getResultAttrOfType<IntegerAttr>(0, InPlaceAttr);
  unsigned bits = typeOf(op.getCache()).getElementTypeBitWidth();
  return function.getNumResults() == 1 && inPlace &&
         inPlace.getInt() ==
             cast<BlockArgument>(op.getCache()).getArgNumber() &&
         typeOf(op.getLengths()).getElementType().isInteger(64) &&
         (bits == 1 || bits % 8 == 0);
}

DimExpr emitCacheKernel(ModuleOp module, KernelBuilder &b,
                        func::FuncOp function, StringRef name,
                        DimSlots &slots) {
  CacheUpdateOp op = onlyUpdate(function);
  auto bindingOf = [](Value argument) {
    return cast<BlockArgument>(argument).getArgNumber();
  };
  RankedTensorType update = typeOf(op.getUpdate());
  DimExpr heads = dimOf(update, 1), added = dimOf(update, 2);
  DimExpr capacity = dimOf(typeOf(op.getCache()), 2);
  DimExpr rows = dimOf(update, 0) * heads * added;
  // In the widest units that an element is made of; bools are bytes.
  unsigned bits = std::max(8u, update.getElementTypeBitWidth());
  Type unit = b.getIntegerType(bits % 32 == 0 ? 32 : bits);
  DimExpr columns =
      dimOf(update, 3) * static_cast<int64_t>(bits % 32 == 0 ? bits / 32 : 1);
  emitEntry(module, b, name, /*scratchBytes=*/0, [&](KernelFrame &frame) {
    frame.loadBindings(function.getNumArguments());
    Evaluator e(module, b, frame, slots);
    Value count = e.dim(columns), perHead = e.dim(added);
    Value first = b.mul(frame.workgroup(), kBlockRows);
    Value last = b.min(b.add(first, kBlockRows), e.dim(rows));
    b.forEach(first, last, 1, [&](Value row) {
      Value head = b.div(row, perHead);
      Value batch = b.div(head, e.dim(heads));
      Value length =
          b.load(b.getI64Type(), b.at(frame.binding(bindingOf(op.getLengths())),
                                      b.getI64Type(), batch));
      Value position = b.add(length, b.rem(row, perHead));
      // Unsigned: a negative one is beyond as well.
      Value isBeyond = arith::CmpIOp::create(b, arith::CmpIPredicate::uge,
                                             position, e.dim(capacity));
      frame.setFault(isBeyond, Fault::CacheOverflow);
      b.ifElse(
          isBeyond, {}, [] { return Values(); },
          [&] {
            Value to = b.add(b.mul(head, e.dim(capacity)), position);
            copyRow(b, unit,
                    b.at(frame.binding(bindingOf(op.getUpdate())), unit,
                         b.mul(row, count)),
                    b.at(frame.binding(bindingOf(op.getCache())), unit,
                         b.mul(to, count)),
                    count);
            return Values();
          });
    });
  });
  return DimExpr::ceilDiv(rows, kBlockRows);
}

} // namespace dure::cpu
