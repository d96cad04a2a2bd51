// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalization and softmax: rows among slices, sums within a slice.
#include "targets/rngd/compiler/RowKernel.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

/// Packets of scale and bias that the register file holds at a time, beside
/// statistics of rows.
static constexpr int64_t ParameterPackets = 64;

void RowWork::stream(function_ref<Value(Value)> steps, Value in, Value out) {
  k.exec(Context::Main, [&] {
    Value x = k.collect(k.fetch(in, time(), packet()));
    k.commit(steps(x), out);
  });
}

Value RowWork::statistic(Reduction kind, Value in, bool squares,
                         float divisor) {
  Value out = k.dm(k.f32(), grid, statDigits());
  k.exec(Context::Main, [&] {
    Value x = k.narrow(k.collect(k.fetch(in, time(), packet())));
    if (squares)
      x = k.step(VectorKind::Mul0, x, Arguments::StreamStream);
    Value sum = k.reduce(kind, x, axis, columns);
    if (divisor != 1)
      sum = k.stepImm(VectorKind::Div, sum, divisor);
    k.commit(k.widenReduced(sum), out);
  });
  return out;
}

Value RowWork::toRegisters(Value statistic) {
  Value file = k.vrf(k.f32(), grid, statDigits());
  k.exec(Context::Sub, [&] {
    DigitList rows(rowDigits);
    k.toVrf(k.collect(k.fetch(statistic, rows, {k.digit("x", 8)})), file);
  });
  return file;
}

Value RowWork::mapStatistic(Value in, function_ref<Value(Value)> steps) {
  Value out = k.dm(k.f32(), grid, statDigits());
  k.exec(Context::Main, [&] {
    Value x = k.collect(k.fetch(in, rowDigits, {k.digit("x", 8)}));
    k.commit(k.widen(steps(k.narrow(x)), x), out);
  });
  return out;
}

void RowWork::softmax(Value in, Value out) {
  int64_t mark = k.vrfMark();
  Value highest = toRegisters(statistic(Reduction::Max, in, false, 1));
  stream(
      [&](Value x) {
        Value less = k.stepVrf(VectorKind::SubF, k.narrow(x), highest);
        return k.widen(k.step(VectorKind::Exp, less), x);
      },
      in, out);
  Value sum = toRegisters(statistic(Reduction::Add, out, false, 1));
  stream(
      [&](Value x) {
        return k.widen(k.stepVrf(VectorKind::Div, k.narrow(x), sum), x);
      },
      out, out);
  k.releaseVrf(mark);
}

namespace {

/// A normalization of one share of rows.
class Normalization {
public:
  Normalization(RowWork &rows, float epsilon, Value scale, Value bias)
      : rows(rows), k(rows.k), epsilon(epsilon), scale(scale), bias(bias) {}

  /// Subtracts the mean where `centered`.
  void run(Value x, Value out, bool centered);

private:
  /// All of scale or bias in data memory; a part of it in the register file.
  Value load(Value binding);
  Value parameters(Value local, int64_t first, int64_t count);

  RowWork &rows;
  KernelBuilder &k;
  float epsilon;
  Value scale, bias;
};

} // namespace

Value Normalization::load(Value binding) {
  DigitList all = {k.digit("c", rows.columns)};
  Value local = k.dm(k.f32(), rows.grid, all);
  k.copy(k.hbm(binding, all), local);
  return local;
}

Value Normalization::parameters(Value local, int64_t first, int64_t count) {
  int64_t width = rows.width();
  DigitList time = {k.digit("c", count / width, width)}, flits(time);
  flits.push_back(k.digit("c", width, 1, 8));
  Value some = k.part(local, {k.digit("c", count)}, first * 4);
  Value file = k.vrf(k.f32(), rows.grid, flits);
  k.exec(Context::Sub,
         [&] { k.toVrf(k.collect(k.fetch(some, time, rows.packet())), file); });
  return file;
}

void Normalization::run(Value x, Value out, bool centered) {
  Value localScale = load(scale), localBias = bias ? load(bias) : Value();
  auto columns = static_cast<float>(rows.columns);
  if (centered) {
    Value mean =
        rows.toRegisters(rows.statistic(Reduction::Add, x, false, columns));
    rows.stream(
        [&](Value s) {
          return k.widen(k.stepVrf(VectorKind::SubF, k.narrow(s), mean), s);
        },
        x, out);
    x = out;
  }
  Value variance = rows.statistic(Reduction::Add, x, true, columns);
  Value factor = rows.mapStatistic(variance, [&](Value s) {
    Value root =
        k.step(VectorKind::Sqrt, k.stepImm(VectorKind::AddF, s, epsilon));
    return k.stepImm(VectorKind::Div, root, 1, Arguments::OperandStream);
  });
  k.releaseVrf();
  Value file = rows.toRegisters(factor);
  int64_t mark = k.vrfMark();
  // As much of scale and bias at a time as the register file holds.
  int64_t width = rows.width();
  int64_t block = std::min(rows.columns, ParameterPackets * width);
  for (int64_t first = 0; first < rows.columns; first += block) {
    int64_t count = std::min(block, rows.columns - first);
    k.releaseVrf(mark);
    Value gamma = parameters(localScale, first, count);
    Value beta = bias ? parameters(localBias, first, count) : Value();
    Value from = rows.columnsOf(x, first, count);
    Value to = rows.columnsOf(out, first, count);
    DigitList time(rows.rowDigits);
    time.push_back(k.digit("c", count / width, width));
    k.exec(Context::Main, [&] {
      Value s = k.collect(k.fetch(from, time, rows.packet()));
      Value y = k.stepVrf(VectorKind::Mul0, k.narrow(s), file);
      y = k.widen(k.stepVrf(VectorKind::Mul1, y, gamma), s);
      if (beta)
        y = k.stepVrf(VectorKind::ClipAdd, y, beta);
      k.commit(y, to);
    });
  }
}

Value RowWork::columnsOf(Value dm, int64_t first, int64_t count) {
  DigitList local(rowDigits);
  local.push_back(k.digit(axis, count, 1, columns));
  return k.part(dm, local, first * 4);
}

/// The axis from which on dimensions are normalized.
static std::optional<int64_t> axisOf(Operation *op) {
  int64_t rank = static_cast<int64_t>(shapeOf(op->getOperand(0)).size());
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return norm.getAxis();
  if (auto norm = dyn_cast<RMSNormOp>(op))
    return norm.getAxis();
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    if (!softmax.getLog() && int64_t(softmax.getAxis()) == rank - 1)
      return softmax.getAxis();
  return std::nullopt;
}

static int64_t columnsOf(Operation *op) {
  int64_t columns = 1;
  for (int64_t size : shapeOf(op->getOperand(0)).drop_front(*axisOf(op)))
    columns *= size;
  return columns;
}

/// Bytes of a slice with so many rows: two buffers of each and a few
/// statistics, 32 bytes, which are also in the register file, twice; scale and
/// bias.
static int64_t bytesOf(Operation *op, int64_t rows) {
  int64_t columns = columnsOf(op), parameters = op->getNumOperands() - 1;
  return (rows * 2 + parameters) * columns * 4 + rows * 5 * FlitBytes;
}

Refusal rowRefusal(Operation *op) {
  for (Value value : op->getOperands())
    if (value && !isStaticF32(value))
      return "rows here are of f32 and fixed sizes";
  if (!axisOf(op))
    return "it runs along another axis than the last, or takes logarithms";
  int64_t columns = columnsOf(op);
  if (columns % 2 != 0 || columns == 0 || elementsOf(op->getOperand(0)) == 0)
    return "its rows are no multiple of 8 bytes";
  if (isa<SoftmaxOp>(op) && leavesLanesOpen(columns))
    return "its rows are no multiple of 16 bytes";
  if (bytesOf(op, 1) > DmBudget)
    return "two rows do not fit a slice's data memory";
  for (Value value : op->getOperands().drop_front())
    if (value && elementsOf(value) != columns)
      return "scale or bias are not of the row's length";
  return std::nullopt;
}

void emitRow(KernelBuilder &k, Operation *op, const KernelOperands &at) {
  int64_t columns = columnsOf(op);
  int64_t count = elementsOf(op->getOperand(0)) / columns;
  int64_t most = 1;
  while (most < 32 && bytesOf(op, most + 1) <= DmStep)
    ++most;
  for (const Share &share : divide(count, most)) {
    k.releaseAll();
    RowWork rows{k, k.grid("r", share), {k.digit("r", share.each)}, columns};
    DigitList all = {k.digit("r", share.rows()), k.digit("c", columns)};
    DigitList local = {k.digit("r", share.each), k.digit("c", columns)};
    Value x = k.dm(k.f32(), rows.grid, local);
    Value out = k.dm(k.f32(), rows.grid, local);
    k.copy(k.hbm(at.inputs[0], all, share.first * columns), x);
    if (isa<SoftmaxOp>(op)) {
      rows.softmax(x, out);
    } else if (auto norm = dyn_cast<LayerNormOp>(op)) {
      Normalization(rows, norm.getEpsilon().convertToFloat(), at.inputs[1],
                    at.inputs.size() > 2 ? at.inputs[2] : Value())
          .run(x, out, true);
    } else {
      auto rms = cast<RMSNormOp>(op);
      Normalization(rows, rms.getEpsilon().convertToFloat(), at.inputs[1], {})
          .run(x, out, false);
    }
    k.copy(out, k.hbm(at.result, all, share.first * columns));
  }
}

} // namespace dure::rngd
