// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sweeps along an axis, a vector of columns at a time.

#include "targets/cpu/compiler/AxisKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dure::cpu {
namespace {

/// Bytes of columns that a workgroup takes: a few cache lines side by side.
constexpr int64_t kBlockBytes = 256;
/// Elements along the axis that are joined before they are added to the rest,
/// so that rounding errors grow with the root of the length.
constexpr int64_t kBlock = 1024;
/// Sums in flight, to hide the latency of an addition.
constexpr int64_t kChains = 4;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

Operation *onlyOp(func::FuncOp function) {
  auto ops = function.getBody().front().without_terminator();
  return llvm::hasSingleElement(ops) ? &*ops.begin() : nullptr;
}

/// The dimensions [begin, end) that the op runs along, or none.
std::optional<std::pair<int64_t, int64_t>> axisOf(Operation *op) {
  if (!op || op->getNumOperands() == 0)
    return std::nullopt;
  int64_t rank = typeOf(op->getOperand(0)).getRank();
  if (auto cumsum = dyn_cast<CumSumOp>(op))
    return std::pair<int64_t, int64_t>(cumsum.getAxis(), cumsum.getAxis() + 1);
  std::pair<int64_t, int64_t> range;
  if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
    range = {softmax.getAxis(), softmax.getAxis() + 1};
  } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
    ArrayRef<int64_t> axes = reduce.getAxes();
    if (axes.empty() || axes.back() - axes.front() + 1 != int64_t(axes.size()))
      return std::nullopt;
    range = {axes.front(), axes.back() + 1};
  } else {
    return std::nullopt;
  }
  // Rows have a kernel family of their own.
  if (range.second == rank)
    return std::nullopt;
  return range;
}

class Emitter {
public:
  Emitter(ModuleOp module, KernelBuilder &b, func::FuncOp function,
          DimSlots &slots)
      : module(module), b(b), function(function), slots(slots),
        op(onlyOp(function)) {
    auto [begin, end] = *axisOf(op);
    RankedTensorType type = typeOf(op->getOperand(0));
    for (int64_t i = 0; i < type.getRank(); ++i) {
      DimExpr &part = i < begin ? outer : i < end ? axis : inner;
      part = part * dimOf(type, i);
    }
    element = type.getElementType();
    view = tensorOf({outer, axis, inner}, element);
  }

  DimExpr emit(StringRef name);

private:
  bool isScanOfRows() const { return isa<CumSumOp>(op) && inner.isConstant(1); }
  Point pointAt(Evaluator &e, Value outerIndex, Value k, Value column,
                Value mask) {
    return {{e.uniform(outerIndex), e.uniform(k), {column, 1, {}}}, mask};
  }
  Sweep sweep(Evaluator &e, Value outerIndex, Value column, Value mask);
  void emitColumns(Evaluator &e, Value outerIndex, Value column, Value mask);
  void emitRunningSums(Evaluator &e, Value outerIndex, Value column,
                       Value mask);
  void emitRunningSumsOfRow(Evaluator &e, Value row);
  Value sumsOfVector(Value elements, bool isReverse);
  Value add(Value x, Value y) {
    if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
      return b.addF(x, y);
    return b.add(x, y);
  }
  Type computeType() const {
    return isa<FloatType>(element) ? ScalarMath::computeType(element)
                                   : signlessElement(element);
  }
  Value widen(Evaluator &e, Value x) {
    return isa<FloatType>(element) ? e.math().convert(x, element, computeType())
                                   : x;
  }
  Value narrow(Evaluator &e, Value x) {
    return isa<FloatType>(element) ? e.math().convert(x, computeType(), element)
                                   : x;
  }

  ModuleOp module;
  KernelBuilder &b;
  func::FuncOp function;
  DimSlots &slots;
  Operation *op;
  DimExpr outer = 1, axis = 1, inner = 1;
  Type element;
  RankedTensorType view;
};

/// A sweep along the axis over one vector of columns.
Sweep Emitter::sweep(Evaluator &e, Value outerIndex, Value column, Value mask) {
  return [=, this, &e](Value init, Step step, Combine combine) {
    Value base = e.frame.binding(0), extent = e.dim(axis);
    auto stepAt = [&](Value sum, Value k) {
      Point at = pointAt(e, outerIndex, k, column, mask);
      return step(sum, e.loadFrom(base, view, at), at);
    };
    auto sumBlock = [&](Value begin, Value end) {
      Value whole =
          b.mul(b.div(b.sub(end, begin), b.constant(kChains)), kChains);
      whole = b.add(begin, whole);
      Values sums =
          b.forEach(begin, whole, kChains, Values(kChains, init),
                    [&](Value k, ValueRange current) {
                      Values next;
                      for (int64_t i = 0; i < kChains; ++i)
                        next.push_back(stepAt(current[i], b.add(k, i)));
                      return next;
                    });
      for (int64_t half = kChains / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half; ++i)
          sums[i] = combine(sums[i], sums[i + half]);
      return b
          .forEach(whole, end, 1, ValueRange{sums[0]},
                   [&](Value k, ValueRange current) {
                     return Values{stepAt(current[0], k)};
                   })
          .front();
    };
    return b
        .forEach(b.constant(0), extent, kBlock, ValueRange{init},
                 [&](Value begin, ValueRange current) {
                   Value end = b.min(b.add(begin, kBlock), extent);
                   return Values{combine(current[0], sumBlock(begin, end))};
                 })
        .front();
  };
}

void Emitter::emitRunningSums(Evaluator &e, Value outerIndex, Value column,
                              Value mask) {
  auto cumsum = cast<CumSumOp>(op);
  Value extent = e.dim(axis);
  Value last = b.sub(extent, b.constant(1));
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(e.vectorOf(computeType())));
  b.forEach(b.constant(0), extent, 1, ValueRange{zero},
            [&](Value i, ValueRange current) {
              Value k = cumsum.getReverse() ? b.sub(last, i) : i;
              Point at = pointAt(e, outerIndex, k, column, mask);
              Value x = widen(e, e.loadFrom(e.frame.binding(0), view, at));
              Value next = add(current[0], x);
              Value out = cumsum.getExclusive() ? current[0] : next;
              e.store(narrow(e, out), view, e.frame.binding(1), at);
              return Values{next};
            });
}

/// Lane i of the result joins lanes 0..i (or i.. in reverse): log2 steps.
Value Emitter::sumsOfVector(Value elements, bool isReverse) {
  auto type = cast<VectorType>(elements.getType());
  int64_t lanes = type.getNumElements();
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  for (int64_t distance = 1; distance < lanes; distance *= 2) {
    SmallVector<int64_t> order;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t from = isReverse ? lane + distance : lane - distance;
      order.push_back(from >= 0 && from < lanes ? from : lanes);
    }
    elements =
        add(elements, vector::ShuffleOp::create(b, elements, zero, order));
  }
  return elements;
}

void Emitter::emitRunningSumsOfRow(Evaluator &e, Value row) {
  auto cumsum = cast<CumSumOp>(op);
  bool isReverse = cumsum.getReverse();
  int64_t lanes = b.variant.lanes();
  RankedTensorType rows = tensorOf({outer, axis}, element);
  Value extent = e.dim(axis);
  Value whole = b.mul(b.div(extent, b.constant(lanes)), lanes);
  Value last = b.sub(extent, b.constant(1));
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(e.vectorOf(computeType())));
  int64_t end = isReverse ? 0 : lanes - 1;
  // Whole vectors from the side where the sums begin; the carry is a vector of
  // equal lanes.
  Value carry =
      b.forEach(b.constant(0), whole, lanes, ValueRange{zero},
                [&](Value i, ValueRange current) {
                  Value column =
                      isReverse ? b.sub(b.add(last, 1 - lanes), i) : i;
                  Point at{{e.uniform(row), {column, 1, {}}}, {}};
                  Value x = widen(e, e.loadFrom(e.frame.binding(0), rows, at));
                  Value sums = add(sumsOfVector(x, isReverse), current[0]);
                  Value next = b.splat(vector::ExtractOp::create(
                      b, sums, ArrayRef<int64_t>{end}));
                  Value out = sums;
                  if (cumsum.getExclusive()) {
                    // Each lane takes what the one before it has.
                    SmallVector<int64_t> order;
                    for (int64_t lane = 0; lane < lanes; ++lane) {
                      int64_t from = isReverse ? lane + 1 : lane - 1;
                      order.push_back(from >= 0 && from < lanes ? from : lanes);
                    }
                    out = vector::ShuffleOp::create(b, sums, current[0], order);
                  }
                  e.store(narrow(e, out), rows, e.frame.binding(1), at);
                  return Values{next};
                })
          .front();
  b.forEach(whole, extent, 1, ValueRange{carry},
            [&](Value i, ValueRange current) {
              Value column = isReverse ? b.sub(last, i) : i;
              Point at{{e.uniform(row), e.uniform(column)}, {}};
              Value x = widen(e, e.loadFrom(e.frame.binding(0), rows, at));
              Value next = add(current[0], x);
              Value out = cumsum.getExclusive() ? current[0] : next;
              e.store(narrow(e, out), rows, e.frame.binding(1), at);
              return Values{next};
            });
}

void Emitter::emitColumns(Evaluator &e, Value outerIndex, Value column,
                          Value mask) {
  if (isa<CumSumOp>(op))
    return emitRunningSums(e, outerIndex, column, mask);
  Value extent = e.dim(axis);
  Sweep along = sweep(e, outerIndex, column, mask);
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    Value result = emitReduction(e, reduce.getKind(), element, extent, along);
    e.store(result, tensorOf({outer, inner}, element), e.frame.binding(1),
            {{e.uniform(outerIndex), {column, 1, {}}}, mask});
    return;
  }
  RowStats stats = emitRowStats(e, op, extent, along);
  b.forEach(b.constant(0), extent, 1, [&](Value k) {
    Point at = pointAt(e, outerIndex, k, column, mask);
    Value x = e.loadFrom(e.frame.binding(0), view, at);
    e.store(emitNormalized(e, op, x, stats, at), view, e.frame.binding(1), at);
  });
}

DimExpr Emitter::emit(StringRef name) {
  int64_t lanes = b.variant.lanes(), block = kBlockBytes / 4;
  emitEntry(module, b, name, 0, [&](KernelFrame &frame) {
    frame.loadBindings(2);
    Evaluator e(module, b, frame, slots);
    if (isScanOfRows())
      return emitRunningSumsOfRow(e, frame.workgroup());
    Value columns = e.dim(inner), blocks = b.ceilDiv(columns, block);
    Value outerIndex = b.div(frame.workgroup(), blocks);
    Value begin = b.mul(b.rem(frame.workgroup(), blocks), block);
    Value end = b.min(b.add(begin, block), columns);
    Value whole = b.mul(b.div(b.sub(end, begin), b.constant(lanes)), lanes);
    whole = b.add(begin, whole);
    b.forEach(begin, whole, lanes, [&](Value column) {
      emitColumns(e, outerIndex, column, Value());
    });
    b.ifThen(b.less(whole, end), [&] {
      emitColumns(e, outerIndex, whole, b.laneMask(b.sub(end, whole), lanes));
    });
  });
  return isScanOfRows() ? outer : outer * DimExpr::ceilDiv(inner, block);
}

/// How many vectors of columns a reduction takes along the axis together: each
/// step then reads whole cache lines side by side, not one far from the next.
/// As many as there are registers for their sums, and columns.
int64_t vectorsTogether(const CpuVariant &variant, func::FuncOp function) {
  auto reduce = dyn_cast<ReduceOp>(onlyOp(function));
  // Powers of e keep the machine busy as they are.
  if (!reduce || reduce.getKind() == ReduceKind::LogSumExp)
    return 1;
  DimExpr inner = 1;
  RankedTensorType type = typeOf(reduce.getX());
  for (int64_t i = reduce.getAxes().back() + 1; i < type.getRank(); ++i)
    inner = inner * dimOf(type, i);
  int64_t together = variant.vectorRegisters / (2 * kChains);
  together = std::min(together, kBlockBytes / 4 / variant.lanes());
  while (together > 1 && inner.constant() &&
         *inner.constant() < together * variant.lanes())
    together /= 2;
  return std::max<int64_t>(together, 1);
}

} // namespace

bool isAxisKernel(func::FuncOp function) {
  Operation *op = onlyOp(function);
  return axisOf(op) && isa<BlockArgument>(op->getOperand(0)) &&
         function.getNumArguments() == 1;
}

DimExpr emitAxisKernel(ModuleOp module, KernelBuilder &builder,
                       func::FuncOp function, StringRef name, DimSlots &slots) {
  // LLVM cuts long vectors into those of the machine.
  CpuVariant longer = builder.variant;
  longer.vectorBits *= vectorsTogether(builder.variant, function);
  KernelBuilder own(builder.getLoc(), longer, builder.getContext());
  own.setInsertionPointToEnd(module.getBody());
  return Emitter(module, own, function, slots).emit(name);
}

} // namespace dure::cpu
