// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One pass of the vector engine: an op, or the second operand's broadcast too.
#include "targets/rngd/compiler/Kernels.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

int64_t elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

bool isStaticF32(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getElementType().isF32();
}

namespace {

/// A splat constant operand's number.
std::optional<float> splatOf(Value value) {
  auto constant = value.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !dense.isSplat() || !dense.getElementType().isF32())
    return std::nullopt;
  return dense.getSplatValue<APFloat>().convertToFloat();
}

/// Float steps of a unary op on a narrow stream; no value for another op.
Value unary(KernelBuilder &k, Operation *op, Value x) {
  auto plain = [&](VectorKind kind) { return k.step(kind, x); };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](ExpOp) { return plain(VectorKind::Exp); })
      .Case([&](LogOp) { return plain(VectorKind::Log); })
      .Case([&](SqrtOp) { return plain(VectorKind::Sqrt); })
      .Case([&](TanhOp) { return plain(VectorKind::Tanh); })
      .Case([&](SigmoidOp) { return plain(VectorKind::Sigmoid); })
      .Case([&](ErfOp) { return plain(VectorKind::Erf); })
      .Case([&](SinOp) { return plain(VectorKind::Sin); })
      .Case([&](CosOp) { return plain(VectorKind::Cos); })
      .Case([&](NegOp) { return k.stepImm(VectorKind::Mul0, x, -1); })
      .Case([&](ReciprocalOp) {
        return k.stepImm(VectorKind::Div, x, 1, Arguments::OperandStream);
      })
      .Case([&](RsqrtOp) {
        return k.stepImm(VectorKind::Div, plain(VectorKind::Sqrt), 1,
                         Arguments::OperandStream);
      })
      .Case([&](SiluOp) {
        Value kept = k.stash(x);
        return k.stepStash(VectorKind::Mul0, k.step(VectorKind::Sigmoid, kept));
      })
      .Case([&](GeluOp) -> Value {
        Value kept = k.stash(x);
        // x * (erf(x / sqrt 2) + 1) / 2: each unit once, the divider last.
        Value root = k.stepImm(VectorKind::Mul0, kept, 0.70710678118654752f);
        Value erf = k.step(VectorKind::Erf, root);
        Value more = k.stepImm(VectorKind::AddF, erf, 1);
        return k.stepImm(VectorKind::Div, k.stepStash(VectorKind::Mul1, more),
                         2);
      })
      .Default([](Operation *) { return Value(); });
}

/// The step of a binary op, and whether it is a wide one.
std::optional<std::pair<VectorKind, bool>> binaryKind(Operation *op) {
  return llvm::TypeSwitch<Operation *,
                          std::optional<std::pair<VectorKind, bool>>>(op)
      .Case([](AddOp) { return std::pair(VectorKind::AddF, false); })
      .Case([](SubOp) { return std::pair(VectorKind::SubF, false); })
      .Case([](MulOp) { return std::pair(VectorKind::Mul0, false); })
      .Case([](DivOp) { return std::pair(VectorKind::Div, false); })
      .Default([](Operation *) { return std::nullopt; });
}

bool isUnary(Operation *op) {
  if (auto gelu = dyn_cast<GeluOp>(op))
    return gelu.getForm() == GeluForm::Erf;
  return isa<ExpOp, LogOp, SqrtOp, TanhOp, SigmoidOp, ErfOp, SinOp, CosOp,
             NegOp, ReciprocalOp, RsqrtOp, SiluOp, ReluOp, AbsOp>(op);
}

/// The operand repeats over leading dimensions of the result only.
bool repeatsRows(Value operand, Value result) {
  ArrayRef<int64_t> from = shapeOf(operand), to = shapeOf(result);
  while (!from.empty() && from.front() == 1)
    from = from.drop_front();
  return from.size() <= to.size() && from == to.take_back(from.size()) &&
         !from.empty();
}

/// x in its wide form, done wholly there; no value for ops of the float steps.
Value wideUnary(KernelBuilder &k, Operation *op, Value x) {
  if (isa<ReluOp>(op))
    return k.stepImm(VectorKind::Max, x, 0);
  if (isa<AbsOp>(op)) {
    // Its sign bit cleared.
    auto from = cast<StreamType>(x.getType());
    auto bits = StreamType::get(k.b.getContext(), k.i32(), from.getCluster(),
                                from.getSlice(), from.getLane(), from.getTime(),
                                from.getPacket());
    auto make = [&](Type type, VectorKind kind, Value in, Attribute immediate) {
      return tcp::VectorOp::create(k.b, type, in, Value(), kind,
                                   Arguments::StreamOperand, immediate, false,
                                   false);
    };
    Value raw = make(bits, VectorKind::Reinterpret, x, {});
    Value cleared =
        make(bits, VectorKind::BitAnd, raw, k.b.getI32IntegerAttr(0x7fffffff));
    return make(from, VectorKind::Reinterpret, cleared, {});
  }
  return {};
}

class Elementwise {
public:
  Elementwise(KernelBuilder &k, Operation *op, const KernelOperands &at)
      : k(k), op(op), at(at) {}

  /// Elements one after the other, whatever their rows.
  void flat();
  /// Rows of `columns`; operand `repeated` has one.
  void rows(unsigned repeated, int64_t columns);

private:
  void pass(const Grid &grid, ArrayRef<Value> in, Value out,
            const DigitList &time, const DigitList &packet);

  KernelBuilder &k;
  Operation *op;
  const KernelOperands &at;
};

} // namespace

void Elementwise::pass(const Grid &grid, ArrayRef<Value> in, Value out,
                       const DigitList &time, const DigitList &packet) {
  k.exec(Context::Main, [&] {
    Value x = in.size() == 2
                  ? k.collect(k.fetchPair(in[0], in[1], time, packet))
                  : k.collect(k.fetch(in[0], time, packet));
    if (Value wide = wideUnary(k, op, x)) {
      k.commit(wide, out);
      return;
    }
    Value narrow = k.narrow(x), result;
    if (auto kind = binaryKind(op)) {
      if (in.size() == 2) {
        result = k.zip(kind->first, narrow);
      } else {
        bool first = splatOf(op->getOperand(0)).has_value();
        float number = *splatOf(op->getOperand(first ? 0 : 1));
        result = k.stepImm(kind->first, narrow, number,
                           first ? Arguments::OperandStream
                                 : Arguments::StreamOperand);
      }
    } else {
      result = unary(k, op, narrow);
    }
    Value wide = k.widen(result, x);
    k.commit(wide, out);
  });
}

void Elementwise::flat() {
  SmallVector<Value> streams;
  for (auto [operand, place] : llvm::zip(op->getOperands(), at.inputs))
    if (!splatOf(operand) || op->getNumOperands() == 1)
      streams.push_back(place);
  int64_t buffers = static_cast<int64_t>(streams.size()) + 1;
  int64_t most = DmBytes / 4 / buffers / 8 * 8 - 64;
  for (const Share &share : divide(elementsOf(op->getResult(0)), most, 8)) {
    k.releaseAll();
    Grid grid = k.grid("e", share);
    DigitList all = {k.digit("e", share.rows())};
    DigitList local = {
        k.digit("e", share.each, 1, llvm::alignTo(share.each, 8))};
    SmallVector<Value> in;
    for (Value place : streams) {
      in.push_back(k.dm(k.f32(), grid, local));
      k.copy(k.hbm(place, all, share.first), in.back());
    }
    Value out = k.dm(k.f32(), grid, local);
    DigitList time = {k.digit("e", llvm::divideCeil(share.each, 8), 8)};
    pass(grid, in, out, time,
         {k.digit("e", std::min<int64_t>(share.each, 8), 1, 8)});
    k.copy(out, k.hbm(at.result, all, share.first));
  }
}

void Elementwise::rows(unsigned repeated, int64_t columns) {
  int64_t count = elementsOf(op->getResult(0)) / columns;
  int64_t pitch = llvm::alignTo(columns, 8);
  int64_t most = std::max<int64_t>(1, DmBytes / 4 / 3 / pitch);
  for (const Share &share : divide(count, most)) {
    k.releaseAll();
    Grid grid = k.grid("r", share);
    DigitList all = {k.digit("r", share.rows()), k.digit("c", columns)};
    DigitList local = {k.digit("r", share.each),
                       k.digit("c", columns, 1, pitch)};
    SmallVector<Value> in;
    for (auto [i, place] : llvm::enumerate(at.inputs)) {
      in.push_back(k.dm(k.f32(), grid, local));
      k.copy(i == repeated ? k.hbm(place, {k.digit("c", columns)})
                           : k.hbm(place, all, share.first * columns),
             in.back());
    }
    Value out = k.dm(k.f32(), grid, local);
    DigitList time = {k.digit("r", share.each), k.digit("c", columns / 8, 8)};
    pass(grid, in, out, time, {k.digit("c", 8)});
    k.copy(out, k.hbm(at.result, all, share.first * columns));
  }
}

Refusal elementwiseRefusal(Operation *op) {
  bool binary = binaryKind(op).has_value();
  if (!binary && !isUnary(op))
    return "the vector engine's steps do not make it";
  for (Value value : op->getOperands())
    if (!isStaticF32(value))
      return "the vector engine's passes here are of f32 and fixed sizes";
  Value result = op->getResult(0);
  if (!isStaticF32(result) || elementsOf(result) == 0)
    return "the vector engine's passes here are of f32 and fixed sizes";
  if (elementsOf(result) % 2 != 0)
    return "DMA moves multiples of 8 bytes";
  if (!binary)
    return std::nullopt;
  int full = 0;
  for (Value value : op->getOperands()) {
    if (splatOf(value))
      continue;
    if (shapeOf(value) == shapeOf(result))
      ++full;
    else if (!repeatsRows(value, result) || elementsOf(value) % 8 != 0 ||
             elementsOf(value) * 12 > DmBytes)
      return "an operand is repeated along inner dimensions, or has rows that "
             "are no multiple of 32 bytes";
  }
  if (full == 0)
    return "no operand has the result's shape";
  return std::nullopt;
}

void emitElementwise(KernelBuilder &k, Operation *op,
                     const KernelOperands &at) {
  Elementwise kernel(k, op, at);
  for (auto [i, value] : llvm::enumerate(op->getOperands())) {
    if (splatOf(value) || shapeOf(value) == shapeOf(op->getResult(0)))
      continue;
    kernel.rows(static_cast<unsigned>(i), elementsOf(value));
    return;
  }
  kernel.flat();
}

} // namespace dure::rngd
